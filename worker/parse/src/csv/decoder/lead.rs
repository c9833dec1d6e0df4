//! What a file has before its first record: lines to skip, and the header.

use super::block::Block;
use super::faults::not_lost;
use super::{CsvDecoder, Phase};
use crate::csv::CsvOptions;
use crate::csv::judge::judge;
use crate::csv::shape::Shape;
use crate::csv::tokenizer::{End, Limits};
use crate::{Reason, RecordError};

/// What is left of a file's lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lead {
    /// Lines to skip before the header.
    pub before: usize,
    pub has_header: bool,
    /// Lines to skip behind the header.
    pub after: usize,
}

impl Lead {
    pub(crate) fn new(options: &CsvOptions) -> Lead {
        Lead { before: options.skip_rows, has_header: options.header, after: options.skip_rows_after_header }
    }

    /// The next line is to skip; notes that it has been.
    pub(crate) fn skips_line(&mut self) -> bool {
        let is_before = self.before > 0 || self.has_header;
        let lines = if is_before { &mut self.before } else { &mut self.after };
        let is_left = *lines > 0;
        *lines -= usize::from(is_left);
        is_left
    }

    /// Nothing is left.
    pub(crate) fn is_over(self) -> bool {
        self.before == 0 && !self.has_header && self.after == 0
    }
}

impl CsvDecoder {
    /// The mark counts as part of the first line, which therefore begins in the first split, however short.
    pub(super) fn pass_mark(&mut self, len: usize) -> usize {
        self.stop = self.stop.max(len as u64 + 1);
        self.phase = Phase::Lead;
        len
    }

    /// Reads on in the file's lead; true when the block has no further whole line of it, or the file ends.
    pub(super) fn read_lead(&mut self, block: Block<'_>, at: &mut usize) -> Result<bool, RecordError> {
        let is_at_end = block.at_eof && *at == block.bytes.len();
        let is_behind = block.offset + *at as u64 >= self.stop;
        if self.lead.is_over() {
            self.phase = Phase::Rows;
            return Ok(false);
        }
        if is_at_end {
            return Ok(true);
        }
        if is_behind {
            return Err(self.error(0, Reason::NoHeader { end: self.split.end }));
        }
        if !self.lead.skips_line() {
            return self.read_header(block, at);
        }
        match block.line_end(*at) {
            Some(next) => {
                *at = next;
                self.lines += 1;
                Ok(false)
            }
            None => {
                *at = block.bytes.len();
                self.is_discarding = true;
                Ok(true)
            }
        }
    }

    /// Passes over the header, which must have a name for each column whatever records may lack.
    fn read_header(&mut self, block: Block<'_>, at: &mut usize) -> Result<bool, RecordError> {
        let shape = Shape { allow_short: false, ..self.shape.clone() };
        let stop = usize::try_from(self.stop.saturating_sub(block.offset)).unwrap_or(usize::MAX);
        let limits = Limits { stop, rows: 1, at_eof: block.at_eof };
        let from = *at;
        let scan = self.processor.scan(&shape, block.bytes, from, limits, &mut self.rows);
        *at = scan.next;
        self.count_lines(block, from, &scan);
        let is_found = self.rows.count > 0;
        self.lead.has_header = !is_found;
        if is_found {
            return Ok(false);
        }
        match scan.end {
            End::Limit => Ok(false),
            End::Bad(_) | End::Block => {
                let is_long = block.bytes.len() - *at > self.shape.max_record_bytes;
                if scan.end == End::Block && !is_long {
                    return Ok(true);
                }
                if self.discards_comment(block, at) {
                    return Ok(true);
                }
                match judge(&shape, Self::docket(block, *at)) {
                    Some(bad) => Err(self.error(block.offset + *at as u64, not_lost(bad.reason))),
                    None => Ok(true),
                }
            }
        }
    }
}
