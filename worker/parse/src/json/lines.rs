//! Frames JSON lines: which lines of the bytes that are fed begin in the split.
//!
//! ```text
//! Skip ── first newline ──▶ Lines ──▶ Done        start > 0
//! Mark ───────────────────▶ Lines ──▶ Done        start = 0
//! ```
//!
//! A newline never stands inside a JSON string, so that every newline ends a record. Whole lines are handed on where they
//! lie; a line that goes on behind the bytes that were fed is copied to `carry`.

use std::mem;
use std::ops::Range;

use super::records::{Group, Place, Sink, Span};
use crate::{Borders, Reason, RecordError, SplitRange};

/// Most bytes that are wanted at once, and that are looked at in one go.
pub(crate) const WINDOW: u64 = 8 << 20;
/// Bytes wanted behind the split's end to complete the last line; four times as many each time they do not suffice.
const FIRST_TAIL: u64 = 16 << 10;
/// Records of a group, and their bytes: few enough to be in the cache when they are read.
const GROUP_RECORDS: usize = 1024;
const GROUP_BYTES: usize = 256 << 10;

pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The lines that begin in a split.
pub(crate) struct Lines {
    split: SplitRange,
    limit: usize,
    phase: Phase,
    /// Offset of the next byte to be fed.
    offset: u64,
    /// Bytes to ask for behind the split's end.
    tail: u64,
    /// Lines that begin here or later belong to the next split.
    stop: u64,
    /// The unfinished line: its first bytes, at most one more than `limit`.
    carry: Vec<u8>,
    carry_offset: u64,
    /// The unfinished line is too long; its end is awaited.
    is_too_long: bool,
    spans: Vec<Span>,
    /// Of the first of `spans`.
    group_place: Place,
    /// Of the next line.
    place: Place,
    borders: Borders,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before the first newline.
    Skip,
    /// Before a byte order mark that may be there.
    Mark,
    Lines,
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

impl Lines {
    pub(crate) fn new(split: SplitRange, limit: usize) -> Self {
        let place = Place { lines: 0, of_file: split.start == 0 };
        let is_empty = split.start >= split.end.min(split.file_len);
        let phase = match split.start {
            _ if is_empty => Phase::Done,
            0 => Phase::Mark,
            _ => Phase::Skip,
        };
        Lines {
            limit,
            phase,
            offset: split.start.saturating_sub(1),
            tail: FIRST_TAIL,
            stop: split.end,
            carry: Vec::new(),
            carry_offset: split.start,
            is_too_long: false,
            spans: Vec::new(),
            group_place: place,
            place,
            borders: Borders { first_record: split.start, next_record: split.start },
            split,
        }
    }

    pub(crate) fn wants(&self) -> Option<Range<u64>> {
        if self.is_done() {
            return None;
        }
        let (wish, limit) = if self.offset < self.split.end { (WINDOW, self.split.end) } else { (self.tail, u64::MAX) };
        Some(self.offset..self.offset.saturating_add(wish).min(limit).min(self.split.file_len))
    }

    pub(crate) fn borders(&self) -> Borders {
        self.borders
    }

    pub(crate) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    /// Nothing more is wanted.
    pub(crate) fn stop(&mut self) {
        self.phase = Phase::Done;
    }

    pub(crate) fn feed(&mut self, offset: u64, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), RecordError> {
        if offset != self.offset {
            let reason = Reason::OutOfOrder { wanted: self.offset, got: offset };
            return Err(RecordError { offset, line: self.place.line(), column: None, reason });
        }
        if self.offset >= self.split.end {
            self.tail = (4 * self.tail).min(WINDOW);
        }
        // No more than the file has: its length was fixed when the query was planned.
        let rest_of_file = usize::try_from(self.split.file_len - self.offset).unwrap_or(usize::MAX);
        for window in bytes[..bytes.len().min(rest_of_file)].chunks(WINDOW as usize) {
            let offset = self.offset;
            self.offset += window.len() as u64;
            self.frame(Block { bytes: window, offset, at_eof: self.offset == self.split.file_len }, sink)?;
            if self.is_done() {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn end_of_file(&mut self, sink: &mut dyn Sink) -> Result<(), RecordError> {
        if self.is_done() {
            return Ok(());
        }
        self.split.file_len = self.offset;
        self.frame(Block { bytes: &[], offset: self.offset, at_eof: true }, sink)
    }

    fn frame(&mut self, mut block: Block<'_>, sink: &mut dyn Sink) -> Result<(), RecordError> {
        if self.phase == Phase::Skip {
            match self.skip_to_line(block) {
                Some(rest) => block = rest,
                None => return Ok(()),
            }
        }
        if !self.carry.is_empty() || self.is_too_long {
            match self.complete_carry(block, sink)? {
                Some(rest) => block = rest,
                None => return Ok(()),
            }
        }
        if self.phase == Phase::Mark {
            match mark_len(block) {
                Some(len) => self.pass_mark(&mut block, len),
                None => return self.keep(block.bytes, block.offset, sink),
            }
        }
        self.whole_lines(block, sink)
    }

    /// Passes over the end of the line that begins before the split; returns what follows it, if the split goes on.
    fn skip_to_line<'a>(&mut self, block: Block<'a>) -> Option<Block<'a>> {
        let line = match memchr::memchr(b'\n', block.bytes) {
            Some(newline) => newline + 1,
            None if block.at_eof => block.bytes.len(),
            None => return None,
        };
        let rest = block.from(line);
        self.borders.first_record = rest.offset;
        if rest.offset >= self.split.end || (block.at_eof && rest.bytes.is_empty()) {
            self.finish(rest.offset);
            return None;
        }
        self.phase = Phase::Lines;
        Some(rest)
    }

    /// The mark counts as part of the first line, which therefore begins in the first split, however short.
    fn pass_mark(&mut self, block: &mut Block<'_>, len: usize) {
        self.stop = self.stop.max(len as u64 + 1);
        self.phase = Phase::Lines;
        *block = block.from(len);
    }

    /// Completes the line in `carry` with the head of `block`; returns what follows, if the split goes on.
    fn complete_carry<'a>(&mut self, block: Block<'a>, sink: &mut dyn Sink) -> Result<Option<Block<'a>>, RecordError> {
        let newline = memchr::memchr(b'\n', block.bytes);
        let end = newline.unwrap_or(block.bytes.len());
        self.keep(&block.bytes[..end], self.carry_offset, sink)?;
        if newline.is_none() && !block.at_eof {
            return Ok(None);
        }
        let rest = block.from(newline.map_or(end, |newline| newline + 1));
        let carry = mem::take(&mut self.carry);
        if !mem::take(&mut self.is_too_long) {
            self.carried_line(&carry, sink)?;
        }
        self.place.lines += u64::from(newline.is_some());
        if self.is_done() || rest.offset >= self.stop || (block.at_eof && rest.bytes.is_empty()) {
            self.finish(rest.offset);
            return Ok(None);
        }
        Ok(Some(rest))
    }

    /// Hands on the line in `carry`, which may have a byte order mark in front that came in pieces.
    fn carried_line(&mut self, carry: &[u8], sink: &mut dyn Sink) -> Result<(), RecordError> {
        let mut line = Block { bytes: carry, offset: self.carry_offset, at_eof: true };
        if self.phase == Phase::Mark {
            let len = mark_len(line).unwrap_or(0);
            self.pass_mark(&mut line, len);
        }
        self.line(line, Span { start: 0, end: line.bytes.len() }, sink)?;
        self.hand_on(line, sink)
    }

    /// Adds to the unfinished line that begins at `offset`, as far as it may be long.
    fn keep(&mut self, bytes: &[u8], offset: u64, sink: &mut dyn Sink) -> Result<(), RecordError> {
        if self.carry.is_empty() {
            self.carry_offset = offset;
        }
        if self.is_too_long {
            return Ok(());
        }
        // A mark does not count, and is still there when the file begins in small pieces.
        let limit = self.limit + BYTE_ORDER_MARK.len();
        let taken = bytes.len().min(limit + 1 - self.carry.len());
        self.carry.extend_from_slice(&bytes[..taken]);
        if self.carry.len() <= limit {
            return Ok(());
        }
        self.is_too_long = true;
        let carry = mem::take(&mut self.carry);
        let mut line = Block { bytes: &carry, offset: self.carry_offset, at_eof: true };
        if self.phase == Phase::Mark {
            let len = mark_len(line).unwrap_or(0);
            self.pass_mark(&mut line, len);
        }
        self.too_long(line.bytes, line.offset, sink)
    }

    fn too_long(&mut self, head: &[u8], offset: u64, sink: &mut dyn Sink) -> Result<(), RecordError> {
        let reason = Reason::TooLong { limit: self.limit };
        sink.broken(RecordError { offset, line: self.place.line(), column: None, reason }, head)
    }

    /// Hands on the lines of `block`, which begins with one, and keeps the last, unfinished one.
    fn whole_lines(&mut self, block: Block<'_>, sink: &mut dyn Sink) -> Result<(), RecordError> {
        let stop = usize::try_from(self.stop.saturating_sub(block.offset)).unwrap_or(usize::MAX);
        let mut at = 0;
        while at < stop && at < block.bytes.len() {
            let Some(next) = self.group(block, at, stop, sink)? else { break };
            at = next;
        }
        if at >= stop || (block.at_eof && at >= block.bytes.len()) {
            self.finish(block.offset + at as u64);
            return Ok(());
        }
        if !block.at_eof {
            return self.keep(&block.bytes[at..], block.offset + at as u64, sink);
        }
        // The file's last line has no newline.
        self.line(block, Span { start: at, end: block.bytes.len() }, sink)?;
        self.hand_on(block, sink)?;
        self.finish(block.offset + block.bytes.len() as u64);
        Ok(())
    }

    /// Hands on the whole lines from `from`, as many as a group holds; returns where it ends, `None` if it is empty.
    fn group(
        &mut self,
        block: Block<'_>,
        from: usize,
        stop: usize,
        sink: &mut dyn Sink,
    ) -> Result<Option<usize>, RecordError> {
        let mut at = from;
        while at < stop && self.spans.len() < GROUP_RECORDS && at - from < GROUP_BYTES {
            let Some(len) = memchr::memchr(b'\n', &block.bytes[at..]) else { break };
            self.line(block, Span { start: at, end: at + len }, sink)?;
            self.place.lines += 1;
            at += len + 1;
        }
        self.hand_on(block, sink)?;
        Ok((at > from).then_some(at))
    }

    /// Adds the next line to the group, unless it is blank or too long.
    fn line(&mut self, block: Block<'_>, span: Span, sink: &mut dyn Sink) -> Result<(), RecordError> {
        let line = &block.bytes[span.start..span.end];
        if line.len() > self.limit {
            self.hand_on(block, sink)?;
            return self.too_long(line, block.offset + span.start as u64, sink);
        }
        if is_blank(line) {
            return Ok(());
        }
        if self.spans.is_empty() {
            self.group_place = self.place;
        }
        self.spans.push(span);
        Ok(())
    }

    fn hand_on(&mut self, block: Block<'_>, sink: &mut dyn Sink) -> Result<(), RecordError> {
        if self.spans.is_empty() {
            return Ok(());
        }
        let Block { bytes, offset, .. } = block;
        let result = sink.records(Group { bytes, offset, spans: &self.spans, place: self.group_place });
        self.spans.clear();
        result
    }

    fn finish(&mut self, next_record: u64) {
        self.borders.next_record = next_record;
        self.phase = Phase::Done;
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

/// Nothing but blanks, or nothing at all.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

#[cfg(test)]
mod tests;
