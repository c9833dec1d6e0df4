//! From the bytes as they are fed to blocks that begin with a line.

use std::mem;

use super::block::Block;
use super::{CsvDecoder, Phase, WINDOW};
use crate::{OnBad, Reason, RecordError};

/// Bytes by which `carry` grows at first.
const FIRST_GROWTH: usize = 4 << 10;
/// Unfinished lines up to this length are looked at again whenever bytes arrive.
const IMPATIENT: usize = 64 << 10;

impl CsvDecoder {
    /// Ends the scan if it must; the rows before the error can be taken.
    pub(super) fn end_on_error(&mut self, result: Result<(), RecordError>) -> Result<(), RecordError> {
        if result.is_err() {
            self.batches.flush();
            self.phase = Phase::Done;
        }
        result
    }

    pub(super) fn decode_in_windows(&mut self, offset: u64, bytes: &[u8]) -> Result<(), RecordError> {
        if offset != self.offset {
            return Err(self.error(offset, Reason::OutOfOrder { wanted: self.offset, got: offset }));
        }
        if self.offset >= self.split.end {
            self.tail = (4 * self.tail).min(WINDOW);
        }
        // No more than the file has: its length was fixed when the query was planned.
        let rest_of_file = usize::try_from(self.split.file_len - self.offset).unwrap_or(usize::MAX);
        for window in bytes[..bytes.len().min(rest_of_file)].chunks(WINDOW as usize) {
            let offset = self.offset;
            self.offset += window.len() as u64;
            self.decode(Block { bytes: window, offset, at_eof: self.offset == self.split.file_len })?;
            if self.phase == Phase::Done {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn decode(&mut self, mut block: Block<'_>) -> Result<(), RecordError> {
        if self.phase == Phase::Skip {
            match self.skip_to_record(block)? {
                Some(rest) => block = rest,
                None => return Ok(()),
            }
        }
        if self.is_discarding {
            match self.discard(block) {
                Some(rest) => block = rest,
                None => return Ok(()),
            }
        }
        if !self.carry.is_empty() {
            match self.complete_carry(block)? {
                Some(rest) => block = rest,
                None => return Ok(()),
            }
        }
        // What was carried may have been all but the end of a line to discard.
        if self.is_discarding {
            return self.decode(block);
        }
        let consumed = self.whole_lines(block)?;
        if self.phase != Phase::Done {
            self.carry.extend_from_slice(&block.bytes[consumed..]);
            self.carry_offset = block.offset + consumed as u64;
        }
        Ok(())
    }

    /// Passes over the end of the line that begins before the split; returns what follows it, if the split goes on.
    fn skip_to_record<'a>(&mut self, block: Block<'a>) -> Result<Option<Block<'a>>, RecordError> {
        let is_too_long = self.offset.saturating_sub(self.split.start) > self.shape.max_record_bytes as u64;
        let record = match block.line_end(0) {
            Some(record) => record,
            None if is_too_long && self.batches.policy() == OnBad::Fail => {
                let reason = Reason::TooLong { limit: self.shape.max_record_bytes };
                return Err(self.error(self.split.start, reason));
            }
            None => return Ok(None),
        };
        let rest = block.from(record);
        self.borders.first_record = rest.offset;
        if rest.offset >= self.split.end || (block.at_eof && rest.bytes.is_empty()) {
            self.finish(rest.offset);
            return Ok(None);
        }
        self.phase = Phase::Rows;
        Ok(Some(rest))
    }

    /// Passes over the end of a line; returns what follows it, if the split goes on.
    fn discard<'a>(&mut self, block: Block<'a>) -> Option<Block<'a>> {
        let next = block.line_end(0)?;
        self.is_discarding = false;
        self.lines += 1;
        let rest = block.from(next);
        let is_over = self.phase == Phase::Rows && rest.offset >= self.stop;
        if is_over || (block.at_eof && rest.bytes.is_empty()) {
            self.finish(rest.offset);
            return None;
        }
        Some(rest)
    }

    /// Completes the line in `carry` with the head of `block`; returns the part of the block behind the lines that were
    /// decoded together with it, unless everything was used up.
    fn complete_carry<'a>(&mut self, mut block: Block<'a>) -> Result<Option<Block<'a>>, RecordError> {
        let mut carry = mem::take(&mut self.carry);
        loop {
            let old_len = carry.len();
            let taken = block.bytes.len().min(FIRST_GROWTH.max(old_len / 4));
            carry.extend_from_slice(&block.bytes[..taken]);
            let at_eof = block.at_eof && taken == block.bytes.len();
            if carry.len() >= self.worth_it || at_eof {
                let consumed = self.whole_lines(Block { bytes: &carry, offset: self.carry_offset, at_eof })?;
                if self.phase == Phase::Done {
                    return Ok(None);
                }
                if consumed > 0 {
                    // Lines that were carried whole had waited for the first byte of the next one.
                    self.worth_it = 0;
                    if consumed < old_len {
                        carry.drain(..consumed);
                        self.carry_offset += consumed as u64;
                        block = block.from(taken);
                        if block.bytes.is_empty() {
                            self.carry = carry;
                            return Ok(None);
                        }
                        continue;
                    }
                    return Ok(Some(block.from(consumed - old_len)));
                }
                self.worth_it = self.patience(carry.len());
            }
            block = block.from(taken);
            if block.bytes.is_empty() {
                self.carry = carry;
                return Ok(None);
            }
        }
    }

    /// The length that an unfinished line must reach before it is looked at again: a long one must grow by a share of
    /// itself, else many small pieces would take quadratic time.
    fn patience(&self, len: usize) -> usize {
        let patient = if len < IMPATIENT { 0 } else { len + len / 4 };
        patient.min(self.shape.max_record_bytes + 1)
    }
}
