//! Learns names and types of a CSV file's columns from a sample of its head.

mod guess;
mod names;
mod plausible;

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::csv::CsvOptions;
use crate::csv::fields::{trim, unquoted};
use crate::csv::machine::{self, Step};
use crate::csv::options::OptionsError;
use crate::{Line, Reason, RecordError};
use guess::Guess;

/// What a sample says about its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// Names and types of all columns; all nullable.
    pub schema: SchemaRef,
    /// The names as the header has them (made up when there is no header), before duplicates were told apart.
    pub header: Vec<String>,
    /// Columns in which no record of the sample has a value; text, for want of anything better.
    pub unknown: Vec<usize>,
    /// Data records on which the types rest.
    pub sampled_records: usize,
    /// Oddities that a user should hear of: duplicate names, lone carriage returns.
    pub warnings: Vec<String>,
}

/// Why a sample says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InferError {
    /// No bytes at all, or only empty lines.
    #[error("the file is empty: neither a header nor a record")]
    Empty,
    /// Not text.
    #[error("not a CSV file: {0}")]
    NotCsv(String),
    /// Carriage returns alone end the lines.
    #[error("lines end with a carriage return alone; convert the line ends to LF or CRLF")]
    CarriageReturnOnly,
    /// No complete record in the sample.
    #[error("no record ends within the first {0} bytes; is it a CSV file, and is a quote never closed?")]
    NoRecord(usize),
    /// A record that cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The options contradict each other.
    #[error(transparent)]
    Options(#[from] OptionsError),
}

/// Infers the schema from `sample`, the head of a file; `complete` says that it is the whole file, otherwise its last,
/// unfinished record is left out. Types rest on all records of the sample.
///
/// # Errors
/// The sample is empty, not text, or has records with different numbers of fields.
pub fn infer(sample: &[u8], complete: bool, options: &CsvOptions) -> Result<Inferred, InferError> {
    options.check()?;
    plausible::check(sample)?;
    let mut records = Records { sample, complete, options, at: plausible::mark_len(sample), line: 1 };
    let Some(first) = records.next()? else {
        return Err(if complete || plausible::is_blank(sample) {
            InferError::Empty
        } else {
            InferError::NoRecord(sample.len())
        });
    };
    let mut warnings = plausible::warnings(sample);
    let columns = first.fields.len();
    let mut guesses = vec![Guess::default(); columns];
    let mut sampled_records = 0;
    let header = if options.header {
        names::header(&first)?
    } else {
        sampled_records += 1;
        observe(&mut guesses, &first, options);
        (1..=columns).map(names::made_up).collect()
    };
    while let Some(record) = records.next()? {
        record.check(columns)?;
        observe(&mut guesses, &record, options);
        sampled_records += 1;
    }
    let unknown = (0..columns).filter(|&at| !guesses[at].is_known()).collect();
    let unique = names::unique(&header, &mut warnings);
    let fields = unique.into_iter().zip(&guesses).map(|(name, guess)| Field::new(name, guess.data_type(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(Inferred { schema, header, unknown, sampled_records, warnings })
}

/// The records of a sample, one after the other.
struct Records<'a> {
    sample: &'a [u8],
    complete: bool,
    options: &'a CsvOptions,
    at: usize,
    line: u64,
}

/// A record and its fields as they stand in the file.
struct Record<'a> {
    offset: usize,
    line: u64,
    quote: Option<u8>,
    fields: Vec<&'a [u8]>,
}

impl<'a> Records<'a> {
    /// The next record that is not an empty line; `None` at the end of what is whole.
    fn next(&mut self) -> Result<Option<Record<'a>>, RecordError> {
        while self.at < self.sample.len() {
            let (start, line) = (self.at, self.line);
            let mut separators = Vec::new();
            let marks = crate::words::Marks { separator: self.options.separator, quote: self.options.quote };
            let step = machine::run(self.sample, start, self.complete, marks, |at| separators.push(at));
            let error = |reason| RecordError { offset: start as u64, line: Line::OfFile(line), column: None, reason };
            let (mut end, next) = match step {
                Step::Complete { end, next } => (end, next),
                Step::Incomplete { opened: Some(opened) } if self.complete => {
                    return Err(error(Reason::UnterminatedQuote { opened: opened as u64 }));
                }
                Step::Incomplete { .. } => return Ok(None),
                Step::TextAfterQuote { at } => return Err(error(Reason::TextAfterQuote { at: at as u64 })),
            };
            self.at = next;
            self.line += memchr::memchr_iter(b'\n', &self.sample[start..next]).count() as u64;
            if end > start && self.sample[end - 1] == b'\r' {
                end -= 1;
            }
            if end > start {
                let fields = self.cut(start, end, &separators);
                return Ok(Some(Record { offset: start, line, quote: self.options.quote, fields }));
            }
        }
        Ok(None)
    }

    fn cut(&self, start: usize, end: usize, separators: &[usize]) -> Vec<&'a [u8]> {
        let starts = std::iter::once(start).chain(separators.iter().map(|at| at + 1));
        let ends = separators.iter().copied().chain([end]);
        starts.zip(ends).map(|(start, end)| &self.sample[start..end]).collect()
    }
}

impl Record<'_> {
    fn error(&self, reason: Reason) -> RecordError {
        RecordError { offset: self.offset as u64, line: Line::OfFile(self.line), column: None, reason }
    }

    fn check(&self, expected: usize) -> Result<(), RecordError> {
        let found = self.fields.len();
        if found == expected { Ok(()) } else { Err(self.error(Reason::FieldCount { expected, found })) }
    }
}

/// Lets each column's guess see its field, unless it is NULL.
fn observe(guesses: &mut [Guess], record: &Record<'_>, options: &CsvOptions) {
    for (guess, raw) in guesses.iter_mut().zip(&record.fields) {
        let text = match record.quote {
            Some(quote) if raw.first() == Some(&quote) => unquoted(raw, quote),
            _ => (*raw).into(),
        };
        let text = trim(&text);
        if !text.is_empty() && !options.null_tokens.iter().any(|token| token.as_bytes() == text) {
            guess.observe(text);
        }
    }
}

#[cfg(test)]
mod tests;
