//! One scan on its way over a block.

mod lines;

use std::mem;

use super::{End, Limits, Rows, Scan};
use crate::csv::machine;
use crate::csv::shape::Shape;
use crate::words::{Words, Work};

/// A scan on its way.
pub(super) struct Scanner<'a> {
    shape: &'a Shape,
    block: &'a [u8],
    limits: Limits,
    rows: &'a mut Rows,
    cursor: Cursor,
    skipped_lines: usize,
    saw_quotes: bool,
}

/// Where a scan is. The loop over words has a copy of its own, which stays in registers because nobody else knows its
/// address.
#[derive(Clone, Copy)]
struct Cursor {
    /// Start of the current record.
    start: usize,
    /// Separators of the current record before the current word.
    seen: u32,
    /// Separators of the current record that were kept.
    kept: usize,
    /// Records that were found.
    count: usize,
}

/// What is known about the quotes and escapes before a word.
#[derive(Clone, Copy)]
struct Quoting {
    /// All ones inside quotes, else zero.
    inside: u64,
    /// One if the byte before the word is a closing quote.
    closed: u64,
    /// One if a field may start with the word; known only where bytes can be escaped.
    opens: u64,
    /// One if the word's first byte is escaped.
    escaped: u64,
}

/// Why the loop over words was left before the block's end.
enum Halt {
    End(End),
    /// The current record has quotes in unquoted fields.
    Irregular,
    /// A comment is where the next record would start.
    Comment,
}

impl Work for Scanner<'_> {
    type Output = Scan;

    #[inline(always)]
    fn run<W: Words>(mut self) -> Scan {
        if self.cursor.start >= self.limits.stop || self.limits.rows == 0 {
            return self.done(End::Limit);
        }
        let mut halt = Halt::Comment;
        loop {
            let resumed = match halt {
                Halt::End(end) => return self.done(end),
                Halt::Irregular => self.irregular(),
                Halt::Comment => self.skip_comments(),
            };
            if let Err(next) = resumed {
                halt = next;
                continue;
            }
            let words = match self.shape.grammar.escape {
                None => self.words::<W, false>(),
                Some(_) => self.words::<W, true>(),
            };
            halt = match words.and_then(|()| self.finish_block()) {
                Ok(()) => Halt::End(End::Block),
                Err(halt) => halt,
            };
        }
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(shape: &'a Shape, block: &'a [u8], start: usize, limits: Limits, rows: &'a mut Rows) -> Self {
        let cursor = Cursor { start, seen: 0, kept: 0, count: 0 };
        Scanner { shape, block, limits, rows, cursor, skipped_lines: 0, saw_quotes: false }
    }

    fn done(self, end: End) -> Scan {
        self.rows.count = self.cursor.count;
        Scan { next: self.cursor.start, skipped_lines: self.skipped_lines, saw_quotes: self.saw_quotes, end }
    }

    /// Goes over the words from the current record's start on.
    #[inline(always)]
    fn words<W: Words, const ESCAPES: bool>(&mut self) -> Result<(), Halt> {
        let mut cursor = self.cursor;
        let mut positions = mem::take(&mut self.rows.positions);
        let result = self.pass_words::<W, ESCAPES>(&mut cursor, &mut positions);
        self.rows.positions = positions;
        self.cursor = cursor;
        result
    }

    /// Goes over the words from the current record's start on, with the state in the caller's hands.
    #[inline(always)]
    fn pass_words<W: Words, const ESCAPES: bool>(
        &mut self,
        cursor: &mut Cursor,
        positions: &mut Vec<u32>,
    ) -> Result<(), Halt> {
        let first = cursor.start;
        let mut quoting = Quoting { inside: 0, closed: 0, opens: 1, escaped: 0 };
        let mut at = first;
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
            W::prefetch(word);
            let masks = W::masks(word, self.shape.grammar.marks);
            if ESCAPES {
                let escapes = self.shape.grammar.escape.map_or(0, |escape| W::find(word, escape));
                valid &= !escaped(escapes, &mut quoting.escaped);
            }
            let (mut separators, mut newlines) = (masks.separators & valid, masks.newlines & valid);
            let quotes = masks.quotes & valid;
            let mut irregular = 0;
            if quotes | quoting.inside | quoting.closed != 0 {
                let outside;
                let ends = separators | newlines;
                let may_open = if ESCAPES { quoting.opens != 0 } else { at == cursor.start || self.ends_field(at) };
                (outside, irregular) = self.outside_quotes::<W>(at, [quotes, ends, valid], may_open, &mut quoting);
                separators &= outside;
                newlines &= outside;
            } else if ESCAPES {
                quoting.opens = (separators | newlines) >> 63;
            }
            self.records::<W>(at, [separators, newlines], cursor, positions)?;
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
        [quotes, ends, valid]: [u64; 3],
        may_open: bool,
        quoting: &mut Quoting,
    ) -> (u64, u64) {
        self.saw_quotes = true;
        let inside = W::prefix_xor(quotes) ^ quoting.inside;
        let opening = quotes & inside;
        let closing = quotes & !inside;
        let before = u64::from(quoting.inside == 0 && (quoting.closed != 0 || may_open));
        let outer_ends = ends & !inside;
        let mut irregular = opening & !(((outer_ends | closing) << 1) | before);
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
        quoting.opens = outer_ends >> 63;
        let irregular = irregular & irregular.wrapping_neg();
        (!inside & irregular.wrapping_sub(1), irregular)
    }

    /// Outside quotes and not after a closing quote: does a field end before `at`?
    fn ends_field(&self, at: usize) -> bool {
        [self.shape.grammar.marks.separator, b'\n'].contains(&self.block[at - 1])
    }

    /// Takes a word's separators and newlines to the records.
    #[inline(always)]
    fn records<W: Words>(
        &mut self,
        at: usize,
        [mut separators, mut newlines]: [u64; 2],
        cursor: &mut Cursor,
        positions: &mut Vec<u32>,
    ) -> Result<(), Halt> {
        let stride = self.shape.stride();
        loop {
            let before_end = (newlines & newlines.wrapping_neg()).wrapping_sub(1);
            let segment = separators & before_end;
            let count = segment.count_ones();
            while self.shape.kept[cursor.kept] < cursor.seen + count {
                let position = at + W::select(segment, self.shape.kept[cursor.kept] - cursor.seen) as usize;
                cursor.kept += 1;
                positions[cursor.count * stride + cursor.kept] = position as u32;
            }
            cursor.seen += count;
            if newlines == 0 {
                return Ok(());
            }
            let end = at + newlines.trailing_zeros() as usize;
            self.finish_record(end, cursor, positions)?;
            separators &= !before_end;
            newlines &= newlines - 1;
        }
    }

    /// The current record ends with the newline at `end`.
    #[inline(always)]
    fn finish_record(&mut self, end: usize, cursor: &mut Cursor, positions: &mut Vec<u32>) -> Result<(), Halt> {
        let is_long = end - cursor.start > self.shape.max_record_bytes;
        if cursor.seen != self.shape.regular || is_long {
            self.cursor = *cursor;
            mem::swap(positions, &mut self.rows.positions);
            let result = self.finish_other(end, end + 1);
            mem::swap(positions, &mut self.rows.positions);
            *cursor = self.cursor;
            return result;
        }
        let stride = self.shape.stride();
        let row = cursor.count * stride;
        positions[row] = cursor.start as u32;
        positions[row + stride - 1] = end as u32;
        *cursor = Cursor { start: end + 1, seen: 0, kept: 0, count: cursor.count + 1 };
        if cursor.start >= self.limits.stop || cursor.count == self.limits.rows {
            return Err(Halt::End(End::Limit));
        }
        Ok(())
    }
}

/// The bytes behind an escape that is not itself escaped; `first` says so of the word's first byte, then of the next
/// word's.
#[inline(always)]
fn escaped(escapes: u64, first: &mut u64) -> u64 {
    if escapes == 0 {
        return std::mem::take(first);
    }
    // A run of escapes escapes every second byte. Runs that start at odd places are carried over by an addition; what it
    // leaves differs from the pattern of even places exactly in their bytes.
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let active = escapes & !*first;
    let follows = active << 1 | *first;
    let odd_starts = active & !EVEN & !follows;
    let (sums, carry) = odd_starts.overflowing_add(active);
    *first = u64::from(carry);
    (EVEN ^ (sums << 1)) & follows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_second_escape_escapes(bits in prop::collection::vec(any::<bool>(), 64 * 3)) {
            let (mut first, mut is_escaped) = (0, false);
            for word in bits.chunks(64) {
                let escapes = word.iter().rev().fold(0, |mask, bit| mask << 1 | u64::from(*bit));
                let found = escaped(escapes, &mut first);
                for (index, is_escape) in word.iter().enumerate() {
                    prop_assert_eq!(found >> index & 1 == 1, is_escaped);
                    is_escaped = *is_escape && !is_escaped;
                }
            }
        }
    }
}
