//! Decodes the records of one split.
//!
//! ```text
//! Skip ── first newline ──▶ Rows ──▶ Done        start > 0
//! Mark ──▶ Header ─────────▶ Rows ──▶ Done       start = 0 (no Header when the file has none)
//! ```
//!
//! Whole lines are decoded where they lie. A line that goes on behind the bytes that were fed is copied to `carry` and
//! decoded with the bytes that follow.

use std::mem;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::csv::CsvOptions;
use crate::csv::batches::{BadColumn, Batches};
use crate::csv::machine::{self, Step};
use crate::csv::shape::Shape;
use crate::csv::tokenizer::{Bad, End, Limits, Processor, Rows};
use crate::{BadRecords, Borders, Decoder, Line, Reason, RecordError, SplitRange, Wanted};

/// Most bytes that are wanted at once, and that are looked at in one go.
const WINDOW: u64 = 8 << 20;
/// Bytes wanted behind the split's end to complete the last record; four times as many each time they do not suffice.
const FIRST_TAIL: u64 = 16 << 10;
/// Records of one scan: few enough for their bytes to be in the cache when the columns read them.
const SCAN_ROWS: usize = 1024;
/// Bytes by which `carry` grows at first.
const FIRST_GROWTH: usize = 4 << 10;
/// Unfinished lines up to this length are looked at again whenever bytes arrive.
const IMPATIENT: usize = 64 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Decodes the records that begin in a split. Pure: the caller fetches the bytes that [`Self::wants`] names.
pub struct CsvDecoder {
    split: SplitRange,
    shape: Shape,
    processor: Processor,
    rows: Rows,
    batches: Batches,
    has_header: bool,
    phase: Phase,
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
    borders: Borders,
    bad: BadRecords,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before the first newline.
    Skip,
    /// Before a byte order mark that may be there.
    Mark,
    /// Before the header.
    Header,
    Rows,
    Done,
}

/// Bytes that lie together.
#[derive(Clone, Copy)]
struct Block<'a> {
    bytes: &'a [u8],
    /// Of the first byte in the file.
    offset: u64,
    /// The file ends with these bytes.
    at_eof: bool,
}

impl CsvDecoder {
    /// A decoder of the records of `split` that are `wanted`. The options must pass [`CsvOptions::check`].
    pub fn new(options: Arc<CsvOptions>, wanted: Wanted, split: SplitRange) -> Self {
        let Wanted { file_schema, projection, batch_rows, .. } = wanted;
        let shape = Shape::new(&options, file_schema.fields().len(), &projection);
        let batches = Batches::new(&options, &shape, &file_schema, &projection, batch_rows.max(1));
        let is_empty = split.start >= split.end.min(split.file_len);
        let phase = match split.start {
            _ if is_empty => Phase::Done,
            0 => Phase::Mark,
            _ => Phase::Skip,
        };
        CsvDecoder {
            shape,
            processor: Processor::detect(),
            rows: Rows::default(),
            batches,
            has_header: options.header,
            phase,
            offset: split.start.saturating_sub(1),
            tail: FIRST_TAIL,
            stop: split.end,
            carry: Vec::new(),
            carry_offset: 0,
            worth_it: 0,
            lines: 0,
            borders: Borders { first_record: split.start, next_record: split.start },
            bad: BadRecords::default(),
            split,
        }
    }

    fn decode_in_windows(&mut self, offset: u64, bytes: &[u8]) -> Result<(), RecordError> {
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

    fn decode(&mut self, mut block: Block<'_>) -> Result<(), RecordError> {
        if self.phase == Phase::Skip {
            match self.skip_to_record(block)? {
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
        let consumed = self.whole_lines(block)?;
        self.carry.extend_from_slice(&block.bytes[consumed..]);
        self.carry_offset = block.offset + consumed as u64;
        self.check_carry()
    }

    /// Passes over the end of the line that begins before the split; returns what follows it, if the split goes on.
    fn skip_to_record<'a>(&mut self, block: Block<'a>) -> Result<Option<Block<'a>>, RecordError> {
        let record = match memchr::memchr(b'\n', block.bytes) {
            Some(newline) => newline + 1,
            None if block.at_eof => block.bytes.len(),
            None if self.offset - self.split.start > self.shape.max_record_bytes as u64 => {
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

    /// Completes the line in `carry` with the head of `block`; returns the part of the block behind the lines that were
    /// decoded together with it, unless everything was used up.
    fn complete_carry<'a>(&mut self, mut block: Block<'a>) -> Result<Option<Block<'a>>, RecordError> {
        let mut carry = mem::take(&mut self.carry);
        while !block.bytes.is_empty() {
            let old_len = carry.len();
            let taken = block.bytes.len().min(FIRST_GROWTH.max(old_len / 4));
            carry.extend_from_slice(&block.bytes[..taken]);
            let at_eof = block.at_eof && taken == block.bytes.len();
            if carry.len() >= self.worth_it || at_eof {
                let consumed = self.whole_lines(Block { bytes: &carry, offset: self.carry_offset, at_eof })?;
                if self.phase == Phase::Done {
                    return Ok(None);
                }
                if consumed > old_len {
                    self.worth_it = 0;
                    return Ok(Some(block.from(consumed - old_len)));
                }
                self.worth_it = self.patience(carry.len());
            }
            block = block.from(taken);
        }
        self.carry = carry;
        self.check_carry()?;
        Ok(None)
    }

    /// The length that an unfinished line must reach before it is looked at again: a long one must grow by a share of
    /// itself, else many small pieces would take quadratic time.
    fn patience(&self, len: usize) -> usize {
        let patient = if len < IMPATIENT { 0 } else { len + len / 4 };
        patient.min(self.shape.max_record_bytes + 1)
    }

    fn check_carry(&self) -> Result<(), RecordError> {
        if self.phase == Phase::Done || self.carry.len() <= self.shape.max_record_bytes {
            return Ok(());
        }
        Err(self.error(self.carry_offset, self.too_long(&self.carry, self.carry_offset)))
    }

    /// Decodes the whole lines of `block`, which begins with one; returns how many bytes they take.
    fn whole_lines(&mut self, block: Block<'_>) -> Result<usize, RecordError> {
        let mut at = 0;
        loop {
            match self.phase {
                Phase::Mark => match mark_len(block) {
                    Some(len) => at = self.pass_mark(len),
                    None => return Ok(0),
                },
                Phase::Header | Phase::Rows => {
                    let is_exhausted = self.scan(block, &mut at)?;
                    if is_exhausted {
                        break;
                    }
                }
                Phase::Skip | Phase::Done => break,
            }
        }
        if self.phase != Phase::Done && block.at_eof && at == block.bytes.len() {
            self.finish(self.split.file_len);
        }
        Ok(at)
    }

    /// The mark counts as part of the first line, which therefore begins in the first split, however short.
    fn pass_mark(&mut self, len: usize) -> usize {
        self.stop = self.stop.max(len as u64 + 1);
        self.phase = if self.has_header { Phase::Header } else { Phase::Rows };
        len
    }

    /// Scans on from `at`; true when the block has no further whole line, or the split is finished.
    fn scan(&mut self, block: Block<'_>, at: &mut usize) -> Result<bool, RecordError> {
        let stop = usize::try_from(self.stop.saturating_sub(block.offset)).unwrap_or(usize::MAX);
        let room = if self.phase == Phase::Header { 1 } else { self.batches.room().min(SCAN_ROWS) };
        let limits = Limits { stop, rows: room, at_eof: block.at_eof };
        let scan = self.processor.scan(&self.shape, block.bytes, *at, limits, &mut self.rows);
        let from = *at;
        *at = scan.next;
        if self.phase == Phase::Header {
            if self.rows.count > 0 {
                self.phase = Phase::Rows;
            } else if *at >= stop && block.offset + (*at as u64) < self.split.file_len {
                return Err(self.error(0, Reason::NoHeader { end: self.split.end }));
            }
        } else if let Err(bad) = self.batches.append(block.bytes, &self.rows) {
            return Err(self.bad_column(block, from, &bad));
        }
        self.lines += if scan.saw_quotes {
            count_lines(&block.bytes[from..*at])
        } else {
            (self.rows.count + scan.blank_lines) as u64
        };
        match scan.end {
            End::Bad(bad) => Err(self.bad_record(block, *at, &bad)),
            End::Limit if *at >= stop => {
                self.finish(block.offset + *at as u64);
                Ok(true)
            }
            End::Limit => Ok(false),
            End::Block => Ok(true),
        }
    }

    fn finish(&mut self, next_record: u64) {
        self.borders.next_record = next_record;
        self.batches.flush();
        self.phase = Phase::Done;
    }

    fn bad_column(&self, block: Block<'_>, scanned_from: usize, bad: &BadColumn) -> RecordError {
        let start = self.rows.positions[bad.field.row * self.shape.stride()] as usize;
        let line = self.lines + count_lines(&block.bytes[scanned_from..start]);
        RecordError {
            offset: block.offset + start as u64,
            line: self.line(line),
            column: Some(self.batches.name(bad.column).to_owned()),
            reason: bad.field.reason.clone(),
        }
    }

    fn bad_record(&self, block: Block<'_>, start: usize, bad: &Bad) -> RecordError {
        let place = |at: usize| block.offset + at as u64;
        let reason = match *bad {
            Bad::FieldCount { found } => Reason::FieldCount { expected: self.shape.columns, found },
            Bad::TextAfterQuote { at } => Reason::TextAfterQuote { at: place(at) },
            Bad::UnterminatedQuote { opened } => Reason::UnterminatedQuote { opened: place(opened) },
            Bad::TooLong => Reason::TooLong { limit: self.shape.max_record_bytes },
        };
        self.error(place(start), reason)
    }

    /// Why a line without an end is longer than the limit.
    fn too_long(&self, line: &[u8], offset: u64) -> Reason {
        match machine::run(line, 0, false, self.shape.marks, |_| ()) {
            Step::Incomplete { opened: Some(opened) } => Reason::UnterminatedQuote { opened: offset + opened as u64 },
            Step::Incomplete { opened: None } | Step::Complete { .. } | Step::TextAfterQuote { .. } => {
                Reason::TooLong { limit: self.shape.max_record_bytes }
            }
        }
    }

    /// An error about the next record.
    fn error(&self, offset: u64, reason: Reason) -> RecordError {
        RecordError { offset, line: self.line(self.lines), column: None, reason }
    }

    fn line(&self, before: u64) -> Line {
        if self.split.start == 0 { Line::OfFile(before + 1) } else { Line::OfSplit(before + 1) }
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
        if result.is_err() {
            self.phase = Phase::Done;
        }
        result
    }

    fn next_batch(&mut self) -> Option<RecordBatch> {
        self.batches.next()
    }

    fn borders(&self) -> Borders {
        self.borders
    }

    fn end_of_file(&mut self) -> Result<(), RecordError> {
        self.split.file_len = self.offset;
        self.decode(Block { bytes: &[], offset: self.offset, at_eof: true })
    }

    fn bad_records(&self) -> &BadRecords {
        &self.bad
    }
}

impl<'a> Block<'a> {
    /// The block without its first `skipped` bytes.
    fn from(self, skipped: usize) -> Block<'a> {
        Block { bytes: &self.bytes[skipped..], offset: self.offset + skipped as u64, ..self }
    }
}

/// Length of the byte order mark at the block's start; `None`: too few bytes to tell.
fn mark_len(block: Block<'_>) -> Option<usize> {
    if block.bytes.starts_with(BYTE_ORDER_MARK) {
        Some(BYTE_ORDER_MARK.len())
    } else if BYTE_ORDER_MARK.starts_with(block.bytes) && !block.at_eof {
        None
    } else {
        Some(0)
    }
}

fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
