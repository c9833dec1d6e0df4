//! Learns the schema of a JSON file from samples of it.

mod guess;
mod observe;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::array::Elements;
use super::lines::{BYTE_ORDER_MARK, Lines};
use super::options::{Format, JsonOptions, OptionsError};
use crate::{RecordError, SplitRange};
use guess::Report;
use observe::Observer;

/// A piece of a file.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// What was read.
    pub bytes: &'a [u8],
    /// The file, or the line, ends with these bytes; otherwise an unfinished record at the end is left out.
    pub complete: bool,
    /// A record begins with these bytes; otherwise the sample begins behind its first newline.
    pub starts_record: bool,
}

/// What samples say about their file.
#[derive(Clone, Debug, PartialEq)]
pub struct Inferred {
    /// Names and types of all columns in the order in which they were first seen; all nullable.
    pub schema: SchemaRef,
    /// For each column and each member of one, by path (`payload.commits[].sha`), why it has its type.
    pub rules: Vec<(String, Rule)>,
    /// What a user should hear of: columns that hold JSON text because their values are of different kinds, maps.
    pub notes: Vec<String>,
    /// Paths of which no value but NULL, `[]` and `{}` was seen; text, for want of anything better.
    pub unknown: Vec<String>,
    /// Records on which the types rest.
    pub sampled_records: usize,
    /// Records that could not be read and were passed over; none under [`crate::OnBad::Fail`].
    pub bad_records: u64,
}

/// Why a column has its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// All values are `true` or `false`.
    Booleans,
    /// All values are integers of 64 bits.
    Integers,
    /// All values are numbers, some with a point, an exponent, or beyond 64 bits.
    Numbers,
    /// All values are strings `YYYY-MM-DD`.
    Dates,
    /// All values are strings with a date, some of them with a time.
    Timestamps,
    /// All values are strings.
    Strings,
    /// All values are objects.
    Objects,
    /// All values are objects, with so many keys, each of them so rarely, that keys are data.
    Map {
        /// Different keys seen.
        keys: usize,
        /// Objects seen.
        objects: u64,
    },
    /// All values are arrays.
    Lists,
    /// Values of different kinds: the column holds their JSON text.
    Mixed(Vec<&'static str>),
    /// Nested too deep to be columns: the column holds JSON text.
    TooDeep,
    /// Nothing but NULL, `[]`, `{}`.
    Unknown,
}

/// Why samples say nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InferError {
    /// No bytes at all, or only blanks.
    #[error("the file is empty: it has no record")]
    Empty,
    /// Not text.
    #[error("not a JSON file: it is gzip-compressed; unpack it first")]
    Compressed,
    /// No complete record in the samples.
    #[error("no record ends within the first {0} bytes; is it a JSON file with one object a line?")]
    NoRecord(usize),
    /// A record that cannot be read. Its place is one in its sample.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The options make no sense.
    #[error(transparent)]
    Options(#[from] OptionsError),
}

/// Infers the schema from `samples`, of which the first may be the head of the file. Types rest on all records of all
/// samples. Of a file of [`Format::Array`] only the first sample says something.
///
/// An object is a map when it has more than 200 different keys and the average key is in less than a tenth of the objects.
/// Values nested deeper than 64 levels are text. Strings of a column with a format are taken to be as it says.
///
/// # Errors
/// The samples hold no record, or one that cannot be read under [`crate::OnBad::Fail`].
pub fn infer(samples: &[Sample<'_>], options: &JsonOptions) -> Result<Inferred, InferError> {
    options.check()?;
    if samples.first().is_some_and(|sample| sample.starts_record && sample.bytes.starts_with(b"\x1f\x8b")) {
        return Err(InferError::Compressed);
    }
    let mut observer = Observer::new(options);
    match options.format {
        Format::Array => array(samples, options, &mut observer)?,
        Format::Lines => {
            for (index, sample) in samples.iter().enumerate() {
                observer.is_head = index == 0 && sample.starts_record;
                lines(*sample, options, &mut observer)?;
            }
        }
    }
    let Observer { root, records, bad, .. } = observer;
    if records == 0 {
        return Err(nothing(samples));
    }
    let mut report = Report { options, rules: Vec::new(), notes: Vec::new(), unknown: Vec::new() };
    let fields = root.fields("", &mut report);
    let Report { rules, notes, unknown, .. } = report;
    let schema = Arc::new(Schema::new(fields));
    Ok(Inferred { schema, rules, notes, unknown, sampled_records: records, bad_records: bad })
}

fn lines(sample: Sample<'_>, options: &JsonOptions, observer: &mut Observer<'_>) -> Result<(), RecordError> {
    let bytes = match memchr::memchr(b'\n', sample.bytes) {
        _ if sample.starts_record => sample.bytes,
        Some(newline) => &sample.bytes[newline + 1..],
        None => return Ok(()),
    };
    let mut lines = Lines::new(whole(bytes, sample.complete), options.max_record_bytes);
    lines.feed(0, bytes, observer)
}

fn array(samples: &[Sample<'_>], options: &JsonOptions, observer: &mut Observer<'_>) -> Result<(), RecordError> {
    let Some(sample) = samples.first() else { return Ok(()) };
    observer.is_head = true;
    let mut elements = Elements::new(whole(sample.bytes, sample.complete), options.max_record_bytes);
    elements.feed(0, sample.bytes, observer)
}

/// The split of a file that consists of `bytes`, or begins with them.
fn whole(bytes: &[u8], complete: bool) -> SplitRange {
    let len = if complete { bytes.len() as u64 } else { SplitRange::UNKNOWN };
    SplitRange { start: 0, end: len, file_len: len }
}

/// Why there is no record.
fn nothing(samples: &[Sample<'_>]) -> InferError {
    let is_blank = |bytes: &[u8]| bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes).trim_ascii().is_empty();
    match samples.first() {
        Some(sample) if !sample.complete && !is_blank(sample.bytes) => InferError::NoRecord(sample.bytes.len()),
        _ => InferError::Empty,
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Booleans => f.write_str("only true and false"),
            Rule::Integers => f.write_str("only integers"),
            Rule::Numbers => f.write_str("only numbers"),
            Rule::Dates => f.write_str("only dates"),
            Rule::Timestamps => f.write_str("only dates and times"),
            Rule::Strings => f.write_str("only strings"),
            Rule::Objects => f.write_str("only objects"),
            Rule::Map { keys, objects } => write!(f, "{keys} different keys in {objects} objects: a map"),
            Rule::Lists => f.write_str("only arrays"),
            Rule::Mixed(kinds) => write!(f, "{}: kept as JSON text", kinds.join(" and ")),
            Rule::TooDeep => f.write_str("nested too deep: kept as JSON text"),
            Rule::Unknown => f.write_str("no value"),
        }
    }
}

#[cfg(test)]
mod tests;
