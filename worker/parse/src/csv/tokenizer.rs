//! Finds records and the borders of their wanted fields, 64 bytes at a time.
//!
//! Separators and newlines inside quotes are masked out by the parity of the quotes before them. That is right as long
//! as quotes open only at the start of a field and close only at its end, which every word with quotes is checked for;
//! a record that breaks the rule is read again by [`crate::csv::machine`], whose word is final.

mod scanner;

use std::ops::Range;

use arrow::buffer::BooleanBuffer;

use crate::csv::shape::Shape;
use crate::words::{Portable, Work};
#[cfg(target_arch = "x86_64")]
use crate::words_x86::{Avx2, Avx512};
use scanner::Scanner;

/// Positions of the records that a scan found, `stride` numbers a record: see [`Shape::stride`].
#[derive(Default)]
pub(crate) struct Rows {
    pub positions: Vec<u32>,
    pub count: usize,
    /// Which records of the scan these are; empty: all of them.
    origins: Vec<u32>,
}

impl Rows {
    /// One record, the first of its scan.
    pub(crate) fn one(positions: Vec<u32>) -> Rows {
        Rows { positions, count: 1, origins: Vec::new() }
    }

    /// Number in the scan of the record that is now number `row`.
    pub(crate) fn origin(&self, row: usize) -> usize {
        self.origins.get(row).map_or(row, |origin| *origin as usize)
    }

    /// Where record `row` lies, without its newline.
    pub(crate) fn record(&self, row: usize, stride: usize) -> Range<usize> {
        let at = row * stride;
        self.positions[at] as usize..self.positions[at + stride - 1] as usize
    }

    /// Leaves only the records of whose numbers in the scan `keep` approves.
    pub(crate) fn retain_origins(&mut self, keep: impl Fn(usize) -> bool, stride: usize) {
        let kept = (0..self.count).map(|row| keep(self.origin(row))).collect();
        self.retain(&kept, stride);
    }

    /// Leaves only the records whose bit is set.
    pub(crate) fn retain(&mut self, kept: &BooleanBuffer, stride: usize) {
        if self.origins.is_empty() {
            self.origins.extend(0..self.count as u32);
        }
        let mut count = 0;
        for (from, to) in kept.set_slices() {
            self.positions.copy_within(from * stride..to * stride, count * stride);
            self.origins.copy_within(from..to, count);
            count += to - from;
        }
        self.origins.truncate(count);
        self.count = count;
    }
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
    /// Empty lines and comments that were skipped.
    pub skipped_lines: usize,
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
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Processor {
    pub(crate) fn detect() -> Processor {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx512) = Avx512::detected() {
            return Processor::Avx512(avx512);
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = Avx2::detected() {
            return Processor::Avx2(avx2);
        }
        Processor::Portable
    }

    /// Scans `block` from the line start `from`, and replaces `rows` by the records found.
    pub(crate) fn scan(self, shape: &Shape, block: &[u8], from: usize, limits: Limits, rows: &mut Rows) -> Scan {
        rows.count = 0;
        rows.origins.clear();
        rows.positions.resize(shape.stride() * (limits.rows.max(1)), 0);
        let scanner = Scanner::new(shape, block, from, limits, rows);
        match self {
            Processor::Portable => scanner.run::<Portable>(),
            #[cfg(target_arch = "x86_64")]
            Processor::Avx2(avx2) => avx2.run(scanner),
            #[cfg(target_arch = "x86_64")]
            Processor::Avx512(avx512) => avx512.run(scanner),
        }
    }
}

#[cfg(test)]
mod tests;
