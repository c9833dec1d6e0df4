//! Bad records: what is said of them, what is kept of them, where reading goes on.

use super::CsvDecoder;
use super::block::{Block, count_lines};
use crate::csv::batches::Scanned;
use crate::csv::faults::Fault;
use crate::csv::judge::{BadRecord, Docket, judge};
use crate::csv::repair::repair;
use crate::{Line, OnBad, Reason, RecordError};

impl CsvDecoder {
    /// Notes the faults of records that were scanned from `from` on, with `lines` lines before them.
    pub(super) fn note_faults(&mut self, block: Block<'_>, from: usize, lines: u64, faults: Vec<Fault>) {
        let (mut at, mut lines) = (from, lines);
        for fault in faults {
            lines += count_lines(&block.bytes[at..fault.start]);
            at = fault.start;
            let error = self.fault_error(block, at, lines, &fault);
            self.note(error, &block.bytes[fault.start..fault.end]);
        }
    }

    /// The error about a record that was scanned from `from` on, with `lines` lines before it.
    pub(super) fn fault_error(&self, block: Block<'_>, from: usize, lines: u64, fault: &Fault) -> RecordError {
        let line = lines + count_lines(&block.bytes[from..fault.start]);
        RecordError {
            offset: block.offset + fault.start as u64,
            line: self.line(line),
            column: fault.column.map(|column| self.batches.name(column).to_owned()),
            reason: fault.reason.clone(),
        }
    }

    /// Passes over the record at `at`, which cannot be taken as it is; true when the block has no further whole line, or
    /// the split is finished.
    pub(super) fn pass_bad_record(&mut self, block: Block<'_>, at: &mut usize) -> Result<bool, RecordError> {
        let start = *at;
        let Some(bad) = judge(&self.shape, Self::docket(block, start)) else { return Ok(true) };
        let is_long = block.bytes.len() - start > self.shape.max_record_bytes;
        match (self.batches.policy(), bad.next) {
            (OnBad::Fail, _) => return Err(self.error(block.offset + start as u64, not_lost(bad.reason))),
            (OnBad::Skip | OnBad::Null, None) if !is_long => return Ok(true),
            (OnBad::Null, _) if bad.is_readable => self.keep_readable(block, start, &bad),
            (OnBad::Skip | OnBad::Null, _) => (),
        }
        *at = bad.next.unwrap_or(block.bytes.len());
        self.is_discarding = bad.next.is_none();
        let error = self.error(block.offset + start as u64, bad.reason);
        self.note(error, &block.bytes[start..bad.end]);
        self.lines += count_lines(&block.bytes[start..*at]);
        self.records += 1;
        Ok(self.is_discarding || self.is_over(block, *at))
    }

    /// Appends what can be read of a bad record.
    fn keep_readable(&mut self, block: Block<'_>, start: usize, bad: &BadRecord) {
        let mut repaired = repair(&self.shape, &block.bytes[start..bad.end]);
        let scanned = Scanned {
            block: &repaired.block,
            offset: block.offset + start as u64,
            number: self.records,
            rows: &mut repaired.rows,
        };
        // Its further faults do not count: the record is bad once. No error ends a scan that leaves NULL.
        let _ = self.batches.append(scanned);
    }

    /// Counts a bad record, or makes a row of it.
    fn note(&mut self, error: RecordError, text: &[u8]) {
        if self.batches.yields_rejects() {
            self.batches.reject(&error, &self.encoding.decoded(text));
        } else {
            self.bad.add(error);
        }
    }

    /// The line at `at` is a comment that goes on behind the block: what is left of it is discarded.
    pub(super) fn discards_comment(&mut self, block: Block<'_>, at: &mut usize) -> bool {
        let is_comment = self.shape.is_comment(&block.bytes[*at..]);
        if is_comment {
            *at = block.bytes.len();
            self.is_discarding = true;
        }
        is_comment
    }

    pub(super) fn docket(block: Block<'_>, start: usize) -> Docket<'_> {
        Docket { block: block.bytes, start, offset: block.offset, at_eof: block.at_eof }
    }

    /// An error about the next record.
    pub(super) fn error(&self, offset: u64, reason: Reason) -> RecordError {
        RecordError { offset, line: self.line(self.lines), column: None, reason }
    }

    fn line(&self, before: u64) -> Line {
        if self.split.start == 0 { Line::OfFile(before + 1) } else { Line::OfSplit(before + 1) }
    }
}

/// The reason where nothing is lost, because the scan ends.
pub(super) fn not_lost(reason: Reason) -> Reason {
    if let Reason::LostTail { opened, .. } = reason { Reason::UnterminatedQuote { opened } } else { reason }
}
