//! Learns names and types of a CSV file's columns from a sample of its head.

mod guess;
mod names;
mod plausible;
mod records;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::RecordError;
use crate::csv::CsvOptions;
use crate::csv::fields::TextRules;
use crate::csv::options::OptionsError;
use guess::Guess;
use records::{Record, Records};

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
    /// The option `names` has another number of names than the file has columns.
    #[error("names has {named} names but the file has {columns} columns; name each column once")]
    Names {
        /// Names that are given.
        named: usize,
        /// Columns of the file.
        columns: usize,
    },
    /// The options contradict each other.
    #[error(transparent)]
    Options(#[from] OptionsError),
}

/// Infers the schema from `sample`, the head of a file; `complete` says that it is the whole file, otherwise its last,
/// unfinished record is left out. Types rest on all records of the sample that can be read.
///
/// # Errors
/// The sample is empty, not text, or, unless [`CsvOptions::on_bad`] says otherwise, has records with different numbers
/// of fields.
pub fn infer(sample: &[u8], complete: bool, options: &CsvOptions) -> Result<Inferred, InferError> {
    options.check()?;
    plausible::check(sample)?;
    let mut records = Records::new(sample, complete, options);
    let Some(first) = records.next()? else {
        return Err(if complete || plausible::is_blank(sample) {
            InferError::Empty
        } else {
            InferError::NoRecord(sample.len())
        });
    };
    let mut warnings = plausible::warnings(sample);
    let header = names::header(&first, options)?;
    let mut columns = Observed::new(&header, options);
    if !options.header {
        columns.observe(&first);
    } else {
        records.skip_lines(options.skip_rows_after_header);
    }
    records.expect(header.len());
    while let Some(record) = records.next()? {
        columns.observe(&record);
    }
    if records.bad > 0 {
        warnings.push(format!("{} records of the sample cannot be read and say nothing about types", records.bad));
    }
    let unique = names::unique(&header, &mut warnings);
    let fields = unique.into_iter().zip(columns.types()).map(|(name, data_type)| Field::new(name, data_type, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(Inferred { schema, header, unknown: columns.unknown(), sampled_records: columns.records, warnings })
}

/// What the columns of a sample have shown.
struct Observed {
    columns: Vec<(TextRules, Guess)>,
    records: usize,
}

impl Observed {
    fn new(header: &[String], options: &CsvOptions) -> Self {
        let column = |name: &String| {
            let own = options.columns.get(name);
            (TextRules::new(options, own), Guess::new(options, own))
        };
        Observed { columns: header.iter().map(column).collect(), records: 0 }
    }

    /// Lets each column see its field, unless it is NULL.
    fn observe(&mut self, record: &Record<'_>) {
        self.records += 1;
        for ((rules, guess), raw) in self.columns.iter_mut().zip(&record.fields) {
            if let Some(text) = rules.trimmed(raw) {
                guess.observe(&text);
            }
        }
    }

    fn types(&self) -> impl Iterator<Item = DataType> {
        self.columns.iter().map(|(_, guess)| guess.data_type())
    }

    fn unknown(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|&at| !self.columns[at].1.is_known()).collect()
    }
}

#[cfg(test)]
mod tests;
