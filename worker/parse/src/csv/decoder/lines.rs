//! Decodes the whole lines of a block.

use super::block::{Block, count_lines};
use super::{CsvDecoder, Phase};
use crate::RecordError;
use crate::csv::batches::Scanned;
use crate::csv::tokenizer::{End, Limits, Scan};

impl CsvDecoder {
    /// Decodes the whole lines of `block`, which begins with one; returns how many bytes they take.
    pub(super) fn whole_lines(&mut self, block: Block<'_>) -> Result<usize, RecordError> {
        let mut at = 0;
        loop {
            let is_exhausted = match self.phase {
                Phase::Mark => match block.mark_len() {
                    Some(len) => {
                        at = self.pass_mark(len);
                        false
                    }
                    None => return Ok(0),
                },
                Phase::Lead => self.read_lead(block, &mut at)?,
                Phase::Rows => self.scan(block, &mut at)?,
                Phase::Skip | Phase::Done => true,
            };
            if is_exhausted {
                break;
            }
        }
        if self.phase != Phase::Done && block.at_eof && at == block.bytes.len() {
            self.finish(self.split.file_len);
        }
        Ok(at)
    }

    /// Scans on from `at`; true when the block has no further whole line, or the split is finished.
    fn scan(&mut self, block: Block<'_>, at: &mut usize) -> Result<bool, RecordError> {
        let stop = usize::try_from(self.stop.saturating_sub(block.offset)).unwrap_or(usize::MAX);
        let limits = Limits { stop, rows: self.batches.scan_rows(), at_eof: block.at_eof };
        let from = *at;
        let scan = self.processor.scan(&self.shape, block.bytes, from, limits, &mut self.rows);
        *at = scan.next;
        let found = self.rows.count as u64;
        let lines = self.lines;
        self.count_lines(block, from, &scan);
        let scanned = Scanned { block: block.bytes, offset: block.offset, number: self.records, rows: &mut self.rows };
        match self.batches.append(scanned) {
            Ok(faults) if faults.is_empty() => (),
            Ok(faults) => self.note_faults(block, from, lines, faults),
            Err(fault) => return Err(self.fault_error(block, from, lines, &fault)),
        }
        self.records += found;
        match scan.end {
            End::Bad(_) => self.pass_bad_record(block, at),
            End::Block if block.bytes.len() - *at > self.shape.max_record_bytes => {
                if self.discards_comment(block, at) {
                    Ok(true)
                } else {
                    self.pass_bad_record(block, at)
                }
            }
            End::Block => Ok(true),
            End::Limit => Ok(self.is_over(block, *at)),
        }
    }

    /// Finishes the split if no record begins at `at` that belongs to it.
    pub(super) fn is_over(&mut self, block: Block<'_>, at: usize) -> bool {
        let offset = block.offset + at as u64;
        let is_over = offset >= self.stop;
        if is_over {
            self.finish(offset);
        }
        is_over
    }

    /// Counts the lines that a scan passed.
    pub(super) fn count_lines(&mut self, block: Block<'_>, from: usize, scan: &Scan) {
        self.lines += if scan.saw_quotes || self.shape.grammar.escape.is_some() {
            count_lines(&block.bytes[from..scan.next])
        } else {
            (self.rows.count + scan.skipped_lines) as u64
        };
    }
}
