//! Frames the elements of a top-level array, or objects that follow each other, on however many lines.
//!
//! ```text
//! Start ── [ ──▶ Element ◀── , ── Behind ── ] ──▶ End
//! Start ── { ──▶ Objects
//! ```
//!
//! All bytes pass through a buffer, which holds no more than a window and an unfinished element; of one that is too long
//! only the end is awaited. When the elements cannot be told apart any more, the rest of the file is one bad record.

mod rest;

use std::ops::Range;

use super::lines::{BYTE_ORDER_MARK, WINDOW};
use super::records::{Group, Place, Sink, Span, count_lines};
use super::scan::{Nesting, Scanner};
use crate::{Borders, Reason, RecordError, SplitRange};
use rest::{Rest, ends_scalar};

/// Elements of a group.
const GROUP_RECORDS: usize = 1024;

/// The elements of a file.
pub(crate) struct Elements {
    split: SplitRange,
    limit: usize,
    scanner: Scanner,
    phase: Phase,
    /// Bytes that are not done with; the first lies at `offset` of the file.
    buffer: Vec<u8>,
    offset: u64,
    /// Everything before it in `buffer` was looked at.
    at: usize,
    /// Length of `buffer` from which another look at an unfinished element is worth it.
    worth_it: usize,
    at_eof: bool,
    spans: Vec<Span>,
    /// Lines before `buffer`.
    lines: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Start,
    /// Before an element; at the first the array may end instead.
    Element {
        may_close: bool,
    },
    /// Behind an element.
    Behind,
    /// Between objects that follow each other without an array.
    Objects,
    /// In an element that is too long.
    TooLong {
        rest: Rest,
        of_array: bool,
    },
    /// Behind the array.
    End,
    Done,
}

/// What the next step found.
enum Step {
    /// Go on.
    Again,
    /// More bytes are needed.
    More,
    /// The elements cannot be told apart any more from here.
    Lost(Reason),
}

impl Elements {
    pub(crate) fn new(split: SplitRange, limit: usize) -> Self {
        let is_empty = split.start > 0 || split.file_len == 0;
        Elements {
            split,
            limit,
            scanner: Scanner::detect(),
            phase: if is_empty { Phase::Done } else { Phase::Start },
            buffer: Vec::new(),
            offset: 0,
            at: 0,
            worth_it: 0,
            at_eof: false,
            spans: Vec::new(),
            lines: 0,
        }
    }

    pub(crate) fn wants(&self) -> Option<Range<u64>> {
        if self.phase == Phase::Done {
            return None;
        }
        let next = self.offset + self.buffer.len() as u64;
        Some(next..next.saturating_add(WINDOW).min(self.split.file_len))
    }

    /// All of the file is the split's that begins it.
    pub(crate) fn borders(&self) -> Borders {
        if self.split.start > 0 {
            return Borders { first_record: self.split.start, next_record: self.split.start };
        }
        Borders { first_record: 0, next_record: self.offset + self.buffer.len() as u64 }
    }

    pub(crate) fn stop(&mut self) {
        self.phase = Phase::Done;
    }

    pub(crate) fn feed(&mut self, offset: u64, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), RecordError> {
        let wanted = self.offset + self.buffer.len() as u64;
        if offset != wanted {
            return Err(self.error(self.at, Reason::OutOfOrder { wanted, got: offset }));
        }
        let rest_of_file = usize::try_from(self.split.file_len - wanted).unwrap_or(usize::MAX);
        for window in bytes[..bytes.len().min(rest_of_file)].chunks(WINDOW as usize) {
            self.buffer.extend_from_slice(window);
            self.at_eof = self.offset + self.buffer.len() as u64 == self.split.file_len;
            self.frame(sink)?;
            if self.phase == Phase::Done {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn end_of_file(&mut self, sink: &mut dyn Sink) -> Result<(), RecordError> {
        if self.phase == Phase::Done {
            return Ok(());
        }
        self.split.file_len = self.offset + self.buffer.len() as u64;
        self.at_eof = true;
        self.frame(sink)
    }

    /// Hands on the elements that are whole.
    fn frame(&mut self, sink: &mut dyn Sink) -> Result<(), RecordError> {
        if self.buffer.len() < self.worth_it && !self.at_eof {
            return Ok(());
        }
        self.worth_it = 0;
        loop {
            let step = self.step(sink)?;
            if self.spans.len() == GROUP_RECORDS {
                self.hand_on(sink)?;
            }
            match step {
                Step::Again => {}
                Step::More => break,
                Step::Lost(reason) => {
                    self.hand_on(sink)?;
                    self.phase = Phase::Done;
                    return sink.broken(self.error(self.at, reason), &self.buffer[self.at..]);
                }
            }
        }
        self.hand_on(sink)?;
        if self.at_eof {
            self.phase = Phase::Done;
        }
        self.lines += count_lines(&self.buffer[..self.at]);
        self.buffer.drain(..self.at);
        self.offset += self.at as u64;
        self.worth_it = self.worth_it.saturating_sub(self.at);
        self.at = 0;
        Ok(())
    }

    fn step(&mut self, sink: &mut dyn Sink) -> Result<Step, RecordError> {
        if let Phase::TooLong { rest, of_array } = self.phase {
            return Ok(self.pass_rest(rest, of_array));
        }
        if self.phase == Phase::Start && self.offset == 0 && self.at == 0 {
            match self.buffer.len() < BYTE_ORDER_MARK.len() && !self.at_eof {
                true => return Ok(Step::More),
                false if self.buffer.starts_with(BYTE_ORDER_MARK) => self.at = BYTE_ORDER_MARK.len(),
                false => {}
            }
        }
        let blanks = self.buffer[self.at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
        self.at += blanks.count();
        let Some(byte) = self.buffer.get(self.at).copied() else { return Ok(self.at_end()) };
        self.phase = match (self.phase, byte) {
            (Phase::Start, b'[') => Phase::Element { may_close: true },
            (Phase::Start, b'{') => {
                self.phase = Phase::Objects;
                return self.element(byte, sink);
            }
            (Phase::Element { may_close: true } | Phase::Behind, b']') => Phase::End,
            (Phase::Element { .. } | Phase::Objects, _) => return self.element(byte, sink),
            (Phase::Behind, b',') => Phase::Element { may_close: false },
            (Phase::Start, _) => return Ok(self.lost("'[' or '{' is expected")),
            (Phase::Behind, _) => return Ok(self.lost("',' or ']' is expected behind an element")),
            (Phase::End, _) => return Ok(self.lost("nothing is expected behind the array")),
            (Phase::TooLong { .. } | Phase::Done, _) => return Ok(Step::More),
        };
        self.at += 1;
        Ok(Step::Again)
    }

    /// No more bytes: either for now, or the file ends, where it may or where it may not.
    fn at_end(&self) -> Step {
        match self.phase {
            Phase::Element { .. } | Phase::Behind if self.at_eof => self.lost("the array does not end"),
            Phase::Start
            | Phase::Element { .. }
            | Phase::Behind
            | Phase::Objects
            | Phase::TooLong { .. }
            | Phase::End
            | Phase::Done => Step::More,
        }
    }

    fn lost(&self, what: &'static str) -> Step {
        Step::Lost(Reason::Malformed { at: self.offset + self.at as u64, what })
    }

    /// Passes the element that begins here with `byte`.
    fn element(&mut self, byte: u8, sink: &mut dyn Sink) -> Result<Step, RecordError> {
        let Some(end) = self.element_end(byte) else {
            let len = self.buffer.len() - self.at;
            if len > self.limit {
                return self.too_long(byte, sink);
            }
            if self.at_eof {
                return Ok(self.lost("an object or array does not end"));
            }
            self.worth_it = self.buffer.len() + len;
            return Ok(Step::More);
        };
        if end == self.at {
            return Ok(self.lost("an object is expected"));
        }
        if end - self.at > self.limit {
            return self.too_long(byte, sink);
        }
        self.spans.push(Span { start: self.at, end });
        self.at = end;
        if self.phase != Phase::Objects {
            self.phase = Phase::Behind;
        }
        Ok(Step::Again)
    }

    /// The element that begins here with `byte` is longer than it may be: so many bytes of it and one more are told of.
    fn too_long(&mut self, byte: u8, sink: &mut dyn Sink) -> Result<Step, RecordError> {
        self.hand_on(sink)?;
        let error = self.error(self.at, Reason::TooLong { limit: self.limit });
        sink.broken(error, &self.buffer[self.at..self.at + self.limit + 1])?;
        let of_array = self.phase != Phase::Objects;
        self.phase = Phase::TooLong { rest: Rest::new(byte), of_array };
        Ok(Step::Again)
    }

    /// Passes over an element that is too long, as far as its bytes are there.
    fn pass_rest(&mut self, mut rest: Rest, of_array: bool) -> Step {
        match rest.pass(&self.buffer[self.at..]) {
            Some(count) => {
                self.at += count;
                self.phase = if of_array { Phase::Behind } else { Phase::Objects };
                Step::Again
            }
            None => {
                self.at = self.buffer.len();
                self.phase = Phase::TooLong { rest, of_array };
                Step::More
            }
        }
    }

    /// Where the element that begins here with `byte` ends, if it does.
    fn element_end(&self, byte: u8) -> Option<usize> {
        let (bytes, len) = (&self.buffer[..], self.buffer.len());
        match byte {
            b'{' => Some(self.scanner.container_end(bytes, self.at + 1, len, Nesting::OBJECT)? + 1),
            b'[' => Some(self.scanner.container_end(bytes, self.at + 1, len, Nesting::ARRAY)? + 1),
            b'"' => Some(self.scanner.string_end(bytes, self.at + 1, len)?.0 + 1),
            _ => match bytes[self.at..].iter().position(|byte| ends_scalar(*byte)) {
                Some(length) => Some(self.at + length),
                None if self.at_eof => Some(len),
                None => None,
            },
        }
    }

    fn hand_on(&mut self, sink: &mut dyn Sink) -> Result<(), RecordError> {
        let Some(first) = self.spans.first() else { return Ok(()) };
        let place = self.place(first.start);
        let group = Group { bytes: &self.buffer, offset: self.offset, spans: &self.spans, place };
        let result = sink.records(group);
        self.spans.clear();
        result
    }

    fn place(&self, at: usize) -> Place {
        Place { lines: self.lines, of_file: true }.behind(&self.buffer[..at])
    }

    fn error(&self, at: usize, reason: Reason) -> RecordError {
        RecordError { offset: self.offset + at as u64, line: self.place(at).line(), column: None, reason }
    }
}
