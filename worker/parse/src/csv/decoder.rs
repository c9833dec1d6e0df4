//! Decodes the records of one split.
//!
//! ```text
//! Skip ── first newline ──▶ Rows ──▶ Done        start > 0
//! Mark ──▶ Lead ───────────▶ Rows ──▶ Done       start = 0 (Lead: lines to skip, and the header)
//!          Rows ──▶ Done                         start is known to be a record's
//! ```
//!
//! Whole lines are decoded where they lie. A line that goes on behind the bytes that were fed is copied to `carry` and
//! decoded with the bytes that follow.

mod block;
mod faults;
mod feed;
mod lead;
mod lines;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::csv::CsvOptions;
use crate::csv::batches::Batches;
use crate::csv::encoding::Encoding;
use crate::csv::shape::Shape;
use crate::csv::tokenizer::{Processor, Rows};
use crate::{BadRecords, Borders, Decoder, RecordError, SplitRange, Wanted};
use block::Block;
pub(crate) use lead::Lead;

/// Most bytes that are wanted at once, and that are looked at in one go.
const WINDOW: u64 = 8 << 20;
/// Bytes wanted behind the split's end to complete the last record; four times as many each time they do not suffice.
const FIRST_TAIL: u64 = 16 << 10;

/// Decodes the records that begin in a split. Pure: the caller fetches the bytes that [`Self::wants`] names.
pub struct CsvDecoder {
    split: SplitRange,
    shape: Shape,
    encoding: Encoding,
    processor: Processor,
    rows: Rows,
    batches: Batches,
    lead: Lead,
    phase: Phase,
    /// What follows up to the next newline belongs to nothing that is wanted.
    is_discarding: bool,
    /// Offset of the next byte to be fed.
    offset: u64,
    /// Bytes to ask for behind the split's end.
    tail: u64,
    /// Records that begin here or later belong to the next split.
    stop: u64,
    /// The unfinished line, which starts at `carry_offset`.
    carry: Vec<u8>,
    carry_offset: u64,
    /// Length of `carry` from which it is worth another look.
    worth_it: usize,
    /// Lines before the next one, from the first record of the split on.
    lines: u64,
    /// Records before the next one, from the first record of the split on.
    records: u64,
    borders: Borders,
    bad: BadRecords,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before the first newline.
    Skip,
    /// Before a byte order mark that may be there.
    Mark,
    /// Before the last line of the file's lead.
    Lead,
    Rows,
    Done,
}

impl CsvDecoder {
    /// A decoder of the records of `split` that are `wanted`. The options must pass [`CsvOptions::check`].
    ///
    /// A split with `start > 0` is taken to start outside quotes, and its first record to begin behind its first
    /// newline: see [`Borders`].
    pub fn new(options: Arc<CsvOptions>, wanted: Wanted, split: SplitRange) -> Self {
        let shape = Shape::new(&options, wanted.file_schema.fields().len(), &wanted.projection);
        let is_empty = split.start >= split.end.min(split.file_len);
        let phase = match split.start {
            _ if is_empty => Phase::Done,
            0 => Phase::Mark,
            _ => Phase::Skip,
        };
        CsvDecoder {
            batches: Batches::new(&options, &shape, wanted),
            shape,
            encoding: options.encoding,
            processor: Processor::detect(),
            rows: Rows::default(),
            lead: Lead::new(&options),
            phase,
            is_discarding: false,
            offset: split.start.saturating_sub(1),
            tail: FIRST_TAIL,
            stop: split.end,
            carry: Vec::new(),
            carry_offset: 0,
            worth_it: 0,
            lines: 0,
            records: 0,
            borders: Borders { first_record: split.start, next_record: split.start },
            bad: BadRecords::default(),
            split,
        }
    }

    /// As [`Self::new`], for a split of which it is known where the first line begins that begins in it; `None`: none
    /// does. So it is after [`crate::csv::StateMap`]s were put together, and errors are certain then. The first split of
    /// a file needs no such knowledge, and ignores it.
    pub fn starting_at(options: Arc<CsvOptions>, wanted: Wanted, split: SplitRange, first_record: Option<u64>) -> Self {
        let mut decoder = Self::new(options, wanted, split);
        if split.start == 0 || decoder.phase == Phase::Done {
            return decoder;
        }
        match first_record.filter(|offset| (split.start..split.end.min(split.file_len)).contains(offset)) {
            Some(offset) => {
                decoder.offset = offset;
                decoder.borders.first_record = offset;
                decoder.phase = Phase::Rows;
            }
            None => {
                decoder.borders = Borders { first_record: split.end, next_record: split.end };
                decoder.phase = Phase::Done;
            }
        }
        decoder
    }

    fn finish(&mut self, next_record: u64) {
        self.borders.next_record = next_record;
        self.batches.flush();
        self.phase = Phase::Done;
    }
}

impl Decoder for CsvDecoder {
    fn wants(&self) -> Option<Range<u64>> {
        if self.phase == Phase::Done {
            return None;
        }
        let (wish, limit) = if self.offset < self.split.end { (WINDOW, self.split.end) } else { (self.tail, u64::MAX) };
        Some(self.offset..self.offset.saturating_add(wish).min(limit).min(self.split.file_len))
    }

    fn feed(&mut self, offset: u64, bytes: &[u8]) -> Result<(), RecordError> {
        if self.phase == Phase::Done {
            return Ok(());
        }
        let result = self.decode_in_windows(offset, bytes);
        self.end_on_error(result)
    }

    fn end_of_file(&mut self) -> Result<(), RecordError> {
        if self.phase == Phase::Done {
            return Ok(());
        }
        self.split.file_len = self.offset;
        let result = self.decode(Block { bytes: &[], offset: self.offset, at_eof: true });
        self.end_on_error(result)
    }

    fn next_batch(&mut self) -> Option<RecordBatch> {
        self.batches.next()
    }

    fn borders(&self) -> Borders {
        self.borders
    }

    fn bad_records(&self) -> &BadRecords {
        &self.bad
    }
}
