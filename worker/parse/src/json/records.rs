//! What the framing of records hands to those who read them.

use crate::{Line, RecordError};

/// Records that lie in one block, in the file's order.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    pub bytes: &'a [u8],
    /// Of the first byte of `bytes` in the file.
    pub offset: u64,
    pub spans: &'a [Span],
    /// Where the first record is.
    pub place: Place,
}

/// The bytes of a record in its block, blanks around it included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: usize,
    pub end: usize,
}

/// Where a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Lines before it, in the file or in the split.
    pub lines: u64,
    /// The split begins its file.
    pub of_file: bool,
}

/// Takes the records of a split.
pub(crate) trait Sink {
    /// Reads records.
    ///
    /// # Errors
    /// A record that ends the scan.
    fn records(&mut self, group: Group<'_>) -> Result<(), RecordError>;

    /// Hears of a record that cannot be framed; `head` is what there is of it.
    ///
    /// # Errors
    /// The record, if it ends the scan.
    fn broken(&mut self, error: RecordError, head: &[u8]) -> Result<(), RecordError>;
}

impl Place {
    /// The place of what lies behind `bytes`, which begin here.
    pub(crate) fn behind(self, bytes: &[u8]) -> Place {
        Place { lines: self.lines + count_lines(bytes), ..self }
    }

    pub(crate) fn line(self) -> Line {
        if self.of_file { Line::OfFile(self.lines + 1) } else { Line::OfSplit(self.lines + 1) }
    }
}

impl Group<'_> {
    /// Offset of the record in the file.
    pub(crate) fn offset_of(&self, record: usize) -> u64 {
        self.offset + self.spans[record].start as u64
    }

    pub(crate) fn line_of(&self, record: usize) -> Line {
        self.place.behind(&self.bytes[self.spans[0].start..self.spans[record].start]).line()
    }
}

/// How many lines end in `bytes`.
pub(crate) fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
