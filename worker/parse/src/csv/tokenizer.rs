//! Finds records and the borders of their wanted fields, 64 bytes at a time.
//!
//! Separators and newlines inside quotes are masked out by the parity of the quotes before them. That is right as long
//! as quotes open only at the start of a field and close only at its end, which every word with quotes is checked for;
//! a record that breaks the rule is read again by [`crate::csv::machine`], whose word is final.

use crate::csv::machine::{self, Step};
use crate::csv::shape::Shape;
use crate::words::{Portable, Words, Work};
#[cfg(target_arch = "x86_64")]
use crate::words_x86::Avx2;

/// Positions of the records that a scan found, `stride` numbers a record: see [`Shape::stride`].
#[derive(Default)]
pub(crate) struct Rows {
    pub positions: Vec<u32>,
    pub count: usize,
}

/// Where a scan stops even if the block goes on.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Records that begin here or later are not wanted.
    pub stop: usize,
    /// Most records.
    pub rows: usize,
    /// The block's end is the file's.
    pub at_eof: bool,
}

/// What a scan did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Start of the first line that was not consumed.
    pub next: usize,
    /// Empty lines that were skipped.
    pub blank_lines: usize,
    /// Some record has quotes, so that a record may span lines.
    pub saw_quotes: bool,
    pub end: End,
}

/// Why a scan ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A limit was met.
    Limit,
    /// The line at `next` goes on behind the block, or `next` is the block's end.
    Block,
    /// The record at `next` is bad.
    Bad(Bad),
}

/// What is wrong with a record; positions are in the block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    FieldCount { found: usize },
    TextAfterQuote { at: usize },
    UnterminatedQuote { opened: usize },
    TooLong,
}

/// The implementation that this processor runs best.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Processor {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
}

impl Processor {
    pub(crate) fn detect() -> Processor {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = Avx2::detected() {
            return Processor::Avx2(avx2);
        }
        Processor::Portable
    }

    /// Scans `block` from the line start `from`, and replaces `rows` by the records found.
    pub(crate) fn scan(self, shape: &Shape, block: &[u8], from: usize, limits: Limits, rows: &mut Rows) -> Scan {
        rows.count = 0;
        rows.positions.resize(shape.stride() * (limits.rows.max(1)), 0);
        let scanner =
            Scanner { shape, block, limits, rows, start: from, seen: 0, kept: 0, blank_lines: 0, saw_quotes: false };
        match self {
            Processor::Portable => scanner.run::<Portable>(),
            #[cfg(target_arch = "x86_64")]
            Processor::Avx2(avx2) => avx2.run(scanner),
        }
    }
}

/// A scan on its way.
struct Scanner<'a> {
    shape: &'a Shape,
    block: &'a [u8],
    limits: Limits,
    rows: &'a mut Rows,
    /// Start of the current record.
    start: usize,
    /// Separators of the current record before the current word.
    seen: u32,
    /// Separators of the current record that were kept.
    kept: usize,
    blank_lines: usize,
    saw_quotes: bool,
}

/// What is known about the quotes before a word.
#[derive(Clone, Copy, Default)]
struct Quoting {
    /// All ones inside quotes, else zero.
    inside: u64,
    /// One if the byte before the word is a closing quote.
    closed: u64,
}

impl Work for Scanner<'_> {
    type Output = Scan;

    #[inline(always)]
    fn run<W: Words>(mut self) -> Scan {
        if self.start >= self.limits.stop || self.limits.rows == 0 {
            return self.done(End::Limit);
        }
        loop {
            match self.words::<W>() {
                Ok(()) => match self.finish_block() {
                    Ok(()) => return self.done(End::Block),
                    Err(end) => return self.done(end),
                },
                Err(Halt::Irregular) => {
                    if let Err(end) = self.irregular() {
                        return self.done(end);
                    }
                }
                Err(Halt::End(end)) => return self.done(end),
            }
        }
    }
}

/// Why the loop over words was left before the block's end.
enum Halt {
    End(End),
    /// The current record has quotes in unquoted fields.
    Irregular,
}

impl Scanner<'_> {
    fn done(self, end: End) -> Scan {
        Scan { next: self.start, blank_lines: self.blank_lines, saw_quotes: self.saw_quotes, end }
    }

    /// Goes over the words from the current record's start on.
    #[inline(always)]
    fn words<W: Words>(&mut self) -> Result<(), Halt> {
        let mut quoting = Quoting::default();
        let mut at = self.start;
        while at < self.block.len() {
            let mut padded = [0; 64];
            let mut valid = u64::MAX;
            let word = match self.block[at..].first_chunk::<64>() {
                Some(word) => word,
                None => {
                    let rest = &self.block[at..];
                    padded[..rest.len()].copy_from_slice(rest);
                    valid = (1 << rest.len()) - 1;
                    &padded
                }
            };
            let masks = W::masks(word, self.shape.marks);
            let (mut separators, mut newlines) = (masks.separators & valid, masks.newlines & valid);
            let quotes = masks.quotes & valid;
            let mut irregular = 0;
            if quotes | quoting.inside | quoting.closed != 0 {
                let outside;
                (outside, irregular) = self.outside_quotes::<W>(at, quotes, separators | newlines, valid, &mut quoting);
                separators &= outside;
                newlines &= outside;
            }
            self.records::<W>(at, separators, newlines)?;
            if irregular != 0 {
                return Err(Halt::Irregular);
            }
            at += 64;
        }
        Ok(())
    }

    /// The bytes of a word that are outside quotes, up to the first that breaks the rules of quoting (second value).
    #[inline(always)]
    fn outside_quotes<W: Words>(
        &mut self,
        at: usize,
        quotes: u64,
        ends: u64,
        valid: u64,
        quoting: &mut Quoting,
    ) -> (u64, u64) {
        self.saw_quotes = true;
        let inside = W::prefix_xor(quotes) ^ quoting.inside;
        let opening = quotes & inside;
        let closing = quotes & !inside;
        let before = u64::from(quoting.inside == 0 && (quoting.closed != 0 || self.may_open(at)));
        let mut irregular = opening & !((((ends & !inside) | closing) << 1) | before);
        let mut after = (closing << 1 | quoting.closed) & !(ends | quotes) & valid;
        while after != 0 {
            let position = at + after.trailing_zeros() as usize;
            if !machine::ends_line(self.block, position) {
                irregular |= after & after.wrapping_neg();
            }
            after &= after - 1;
        }
        quoting.inside = if inside >> 63 == 0 { 0 } else { u64::MAX };
        quoting.closed = closing >> 63;
        let irregular = irregular & irregular.wrapping_neg();
        (!inside & irregular.wrapping_sub(1), irregular)
    }

    /// Outside quotes and not after a closing quote: may a field start at `at`?
    fn may_open(&self, at: usize) -> bool {
        at == self.start || [self.shape.marks.separator, b'\n'].contains(&self.block[at - 1])
    }

    /// Takes a word's separators and newlines to the records.
    #[inline(always)]
    fn records<W: Words>(&mut self, at: usize, mut separators: u64, mut newlines: u64) -> Result<(), Halt> {
        loop {
            let before_end = (newlines & newlines.wrapping_neg()).wrapping_sub(1);
            let segment = separators & before_end;
            let count = segment.count_ones();
            while self.shape.kept[self.kept] < self.seen + count {
                let position = at + W::select(segment, self.shape.kept[self.kept] - self.seen) as usize;
                self.keep(position);
            }
            self.seen += count;
            if newlines == 0 {
                return Ok(());
            }
            let end = at + newlines.trailing_zeros() as usize;
            self.finish_record(end, end + 1).map_err(Halt::End)?;
            separators &= !before_end;
            newlines &= newlines - 1;
        }
    }

    /// Remembers a separator's position.
    #[inline(always)]
    fn keep(&mut self, position: usize) {
        let row = self.rows.count * self.shape.stride();
        self.kept += 1;
        self.rows.positions[row + self.kept] = position as u32;
    }

    /// The current record ends before `end`; the next one starts at `next`.
    #[inline(always)]
    fn finish_record(&mut self, end: usize, next: usize) -> Result<(), End> {
        let is_regular = self.seen as usize + 1 == self.shape.columns && self.shape.columns > 1;
        if !is_regular && self.is_blank(end) {
            self.blank_lines += 1;
        } else {
            self.check_record(end)?;
            let stride = self.shape.stride();
            let row = self.rows.count * stride;
            self.rows.positions[row] = self.start as u32;
            self.rows.positions[row + stride - 1] = end as u32;
            self.rows.count += 1;
        }
        self.start = next;
        self.seen = 0;
        self.kept = 0;
        if next >= self.limits.stop || self.rows.count == self.limits.rows {
            return Err(End::Limit);
        }
        Ok(())
    }

    /// The line from the current start to `end` is empty.
    fn is_blank(&self, end: usize) -> bool {
        matches!(&self.block[self.start..end], [] | [b'\r'])
    }

    #[inline(always)]
    fn check_record(&self, end: usize) -> Result<(), End> {
        let found = self.seen as usize + 1;
        if found != self.shape.columns {
            return Err(End::Bad(Bad::FieldCount { found }));
        }
        if end - self.start > self.shape.max_record_bytes {
            return Err(End::Bad(Bad::TooLong));
        }
        Ok(())
    }

    /// Reads the current record by the machine.
    #[cold]
    fn irregular(&mut self) -> Result<(), End> {
        (self.seen, self.kept) = (0, 0);
        let (shape, start) = (self.shape, self.start);
        let step = machine::run(self.block, start, self.limits.at_eof, shape.marks, |position| {
            if shape.kept[self.kept] == self.seen {
                self.keep(position);
            }
            self.seen += 1;
        });
        match step {
            Step::Complete { end, next } => self.finish_record(end, next),
            Step::Incomplete { opened: Some(opened) } if self.limits.at_eof => {
                Err(End::Bad(Bad::UnterminatedQuote { opened }))
            }
            Step::Incomplete { .. } => Err(End::Block),
            Step::TextAfterQuote { at } => Err(End::Bad(Bad::TextAfterQuote { at })),
        }
    }

    /// At the end of the file the last line needs no newline.
    #[cold]
    fn finish_block(&mut self) -> Result<(), End> {
        if self.limits.at_eof && self.start < self.block.len() { self.irregular() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
