//! The records of a sample, cut into fields by the byte-wise machine.

use super::plausible;
use crate::csv::CsvOptions;
use crate::csv::machine::{self, Grammar, Step};
use crate::{Line, OnBad, Reason, RecordError};

/// The records of a sample, one after the other.
pub(super) struct Records<'a> {
    sample: &'a [u8],
    complete: bool,
    options: &'a CsvOptions,
    comment: Vec<u8>,
    at: usize,
    line: u64,
    /// Number of columns; `None`: any record will do.
    columns: Option<usize>,
    /// Records that were left out because they cannot be read.
    pub bad: usize,
}

/// A record and its fields as they stand in the file.
pub(super) struct Record<'a> {
    offset: usize,
    line: u64,
    pub fields: Vec<&'a [u8]>,
}

impl<'a> Records<'a> {
    /// The records behind the lines that are to be skipped.
    pub(super) fn new(sample: &'a [u8], complete: bool, options: &'a CsvOptions) -> Self {
        let comment = options.comment.as_deref().and_then(|prefix| options.encoding.encode(prefix)).unwrap_or_default();
        let at = plausible::mark_len(sample);
        let mut records = Records { sample, complete, options, comment, at, line: 1, columns: None, bad: 0 };
        records.skip_lines(options.skip_rows);
        records
    }

    /// Passes over so many lines.
    pub(super) fn skip_lines(&mut self, lines: usize) {
        for _ in 0..lines {
            self.pass(self.line_end(self.at));
        }
    }

    /// From now on, records must have so many fields, as far as the options insist.
    pub(super) fn expect(&mut self, columns: usize) {
        self.columns = Some(columns);
    }

    /// The next record that is no empty line and can be read; `None` at the end of what is whole.
    pub(super) fn next(&mut self) -> Result<Option<Record<'a>>, RecordError> {
        while self.at < self.sample.len() {
            match self.line() {
                Ok(Some(record)) => return Ok(Some(record)),
                Ok(None) => (),
                // The first one has the names.
                Err(error) if self.options.on_bad == OnBad::Fail || self.columns.is_none() => return Err(error),
                Err(_) => self.bad += 1,
            }
        }
        Ok(None)
    }

    /// The record that starts here, unless the line is empty or a comment, or goes on behind the sample.
    fn line(&mut self) -> Result<Option<Record<'a>>, RecordError> {
        let (start, line) = (self.at, self.line);
        if !self.comment.is_empty() && self.sample[start..].starts_with(&self.comment) {
            self.pass(self.line_end(start));
            return Ok(None);
        }
        let mut separators = Vec::new();
        let grammar = Grammar::new(self.options);
        let step = machine::run(self.sample, start, self.complete, &grammar, |at| separators.push(at));
        let error = |reason| RecordError { offset: start as u64, line: Line::OfFile(line), column: None, reason };
        let (mut end, next) = match step {
            Step::Complete { end, next } => (end, next),
            Step::Incomplete { opened } => {
                self.pass(self.sample.len());
                let opened = opened.filter(|_| self.complete);
                return opened.map_or(Ok(None), |at| Err(error(Reason::UnterminatedQuote { opened: at as u64 })));
            }
            Step::TextAfterQuote { at } => {
                self.pass(self.line_end(at));
                return Err(error(Reason::TextAfterQuote { at: at as u64 }));
            }
        };
        self.pass(next);
        if end > start && self.sample[end - 1] == b'\r' {
            end -= 1;
        }
        if end == start {
            return Ok(None);
        }
        let mut record = Record { offset: start, line, fields: self.cut(start, end, &separators) };
        self.check(&mut record, &grammar)?;
        Ok(Some(record))
    }

    /// Takes the empty field behind a trailing separator off, and refuses other numbers of fields than are expected.
    fn check(&self, record: &mut Record<'a>, grammar: &Grammar) -> Result<(), RecordError> {
        let is_blank = |field: &&[u8]| field.iter().all(|byte| grammar.is_skipped(*byte));
        let has_trailing = self.options.allow_trailing_sep && record.fields.last().is_some_and(is_blank);
        let found = record.fields.len();
        if has_trailing && self.columns.map_or(found > 1, |expected| found == expected + 1) {
            record.fields.pop();
        }
        let found = record.fields.len();
        match self.columns {
            Some(expected) if found > expected || (found < expected && !self.options.allow_short_rows) => {
                Err(record.error(Reason::FieldCount { expected, found }))
            }
            _ => Ok(()),
        }
    }

    /// Goes on at `next`.
    fn pass(&mut self, next: usize) {
        self.line += memchr::memchr_iter(b'\n', &self.sample[self.at..next]).count() as u64;
        self.at = next;
    }

    fn line_end(&self, at: usize) -> usize {
        memchr::memchr(b'\n', &self.sample[at..]).map_or(self.sample.len(), |newline| at + newline + 1)
    }

    fn cut(&self, start: usize, end: usize, separators: &[usize]) -> Vec<&'a [u8]> {
        let starts = std::iter::once(start).chain(separators.iter().map(|at| at + 1));
        let ends = separators.iter().copied().chain([end]);
        starts.zip(ends).map(|(start, end)| &self.sample[start..end]).collect()
    }
}

impl Record<'_> {
    pub(super) fn error(&self, reason: Reason) -> RecordError {
        RecordError { offset: self.offset as u64, line: Line::OfFile(self.line), column: None, reason }
    }
}
