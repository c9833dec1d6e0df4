//! Records to rows of columns; a record that cannot be read leaves no trace.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};

use super::columns::{Fields, Making, Unsupported};
use super::options::JsonOptions;
use super::reader::{BadColumn, Fault, Reader};
use super::records::Span;
use super::strict;
use crate::Reason;

/// Columns that have the same number of rows between any two records.
pub(crate) struct Table {
    columns: Fields,
    rows: usize,
    strict: Option<strict::Limits>,
}

/// What became of a record.
pub(crate) enum Appended {
    Good,
    /// It is a row, of which something is NULL that could not be read.
    Changed(Bad),
    /// It is no row.
    Refused(Bad),
}

/// What is wrong with a record.
pub(crate) enum Bad {
    /// The record as a whole; of `Malformed` the position is one in the block.
    Record(Reason),
    Column(Box<BadColumn>),
}

impl Table {
    /// The table of `fields`; `options` tell how records are checked.
    pub(crate) fn new(fields: &[FieldRef], options: &JsonOptions, rows: usize) -> Result<Self, BadColumn> {
        for field in fields {
            if depth(field.data_type()) >= options.column_depth() {
                let path = Arc::from(field.name().as_str());
                return Err(BadColumn { path, reason: Reason::TooDeep { limit: options.column_depth() } });
            }
        }
        let columns =
            Fields::new(fields, "", Making { options, rows }).map_err(|Unsupported { path, data_type }| BadColumn {
                path,
                reason: Reason::NoJsonType(data_type.to_string()),
            })?;
        Ok(Table { columns, rows: 0, strict: options.strict.then(|| strict::Limits::new(options)) })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Reads the record of the reader's block that lies at `span`.
    #[inline]
    pub(crate) fn append(&mut self, reader: &mut Reader<'_>, span: Span) -> Appended {
        match self.read(reader, span) {
            Ok(()) if reader.forgiven.is_none() => {
                self.rows += 1;
                Appended::Good
            }
            result => self.append_bad(reader, result),
        }
    }

    fn read(&mut self, reader: &mut Reader<'_>, span: Span) -> Result<(), Fault> {
        let cursor = &mut reader.cursor;
        cursor.go(span.start, span.end);
        cursor.trim();
        cursor.skip_blanks();
        if cursor.peek() != b'{' {
            return Ok(cursor.malformed("'{' is expected")?);
        }
        if !cursor.ends_with(b'}') {
            return Ok(cursor.malformed_end("'}' is expected at its end")?);
        }
        if let Some(limits) = self.strict {
            strict::check(cursor, limits)?;
        }
        cursor.step();
        self.columns.append(reader, true)
    }

    #[cold]
    fn append_bad(&mut self, reader: &mut Reader<'_>, result: Result<(), Fault>) -> Appended {
        let forgiven = reader.forgiven.take();
        let bad = match (result, forgiven) {
            (Ok(()), Some(bad)) => {
                self.rows += 1;
                return Appended::Changed(Bad::Column(bad));
            }
            (Ok(()), None) => return Appended::Good,
            // A record counts by its first fault.
            (Err(Fault::Value(_)), Some(first)) => Bad::Column(first),
            (Err(Fault::Value(bad)), None) => Bad::Column(bad),
            (Err(Fault::Malformed(malformed)), _) => {
                Bad::Record(Reason::Malformed { at: malformed.at as u64, what: malformed.what })
            }
            (Err(Fault::Record(reason)), _) => Bad::Record(*reason),
        };
        self.columns.truncate(self.rows);
        if reader.rules.bad_is_null && matches!(bad, Bad::Record(_)) {
            if self.columns.append_missing().is_ok() {
                self.rows += 1;
                return Appended::Changed(bad);
            }
            self.columns.truncate(self.rows);
        }
        Appended::Refused(bad)
    }

    pub(crate) fn finish(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        self.columns.finish()
    }

    /// Forgets all rows.
    pub(crate) fn clear(&mut self) {
        self.rows = 0;
        self.columns.truncate(0);
    }
}

/// How many objects and arrays a value of the type is nested in itself.
#[expect(clippy::wildcard_enum_match_arm, reason = "types without depth, now and in later versions of arrow")]
fn depth(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => 1 + fields.iter().map(|field| depth(field.data_type())).max().unwrap_or(0),
        DataType::List(field) => 1 + depth(field.data_type()),
        // The struct of its entries is not a level of the file.
        DataType::Map(entries, _) => depth(entries.data_type()),
        _ => 0,
    }
}
