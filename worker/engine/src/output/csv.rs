//! Comma-separated values with a header. A missing value is nothing at all and an empty text is `""`, which is how
//! `sql` reads them; where the only column's value is missing, the row is `""` too, because an empty line is no row.

use std::io::Write;

use arrow::array::{Array, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::{Destination, OutputError, RowWriter};

pub(super) struct Csv {
    destination: Destination,
    /// Rows of the batch at hand.
    rows: Vec<u8>,
    /// The field at hand.
    text: String,
}

impl Csv {
    /// Writes the header at once, so that an answer without rows has one too.
    pub(super) fn new(schema: &SchemaRef, mut destination: Destination) -> Result<Self, OutputError> {
        let mut rows = Vec::new();
        for (at, field) in schema.fields().iter().enumerate() {
            separate(&mut rows, at);
            push(&mut rows, field.name());
        }
        rows.push(b'\n');
        destination.write_all(&rows)?;
        Ok(Csv { destination, rows, text: String::new() })
    }

    fn push_value(&mut self, column: &Column<'_>, row: usize) -> Result<(), ArrowError> {
        self.text.clear();
        column.values.value(row).write(&mut self.text)?;
        push(&mut self.rows, &self.text);
        Ok(())
    }
}

impl RowWriter for Csv {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        let options = FormatOptions::default().with_display_error(false);
        let columns = batch.columns().iter().map(|column| Column::new(column.as_ref(), &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        self.rows.clear();
        for row in 0..batch.num_rows() {
            for (at, column) in columns.iter().enumerate() {
                separate(&mut self.rows, at);
                if !column.is_missing(row) {
                    self.push_value(column, row)?;
                } else if columns.len() == 1 {
                    push(&mut self.rows, "");
                }
            }
            self.rows.push(b'\n');
        }
        Ok(self.destination.write_all(&self.rows)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        Ok(self.destination.flush()?)
    }
}

/// One column of a batch.
struct Column<'a> {
    values: ArrayFormatter<'a>,
    missing: Option<NullBuffer>,
}

impl<'a> Column<'a> {
    fn new(array: &'a dyn Array, options: &FormatOptions<'a>) -> Result<Self, ArrowError> {
        Ok(Column { values: ArrayFormatter::try_new(array, options)?, missing: array.logical_nulls() })
    }

    fn is_missing(&self, row: usize) -> bool {
        self.missing.as_ref().is_some_and(|missing| missing.is_null(row))
    }
}

fn separate(rows: &mut Vec<u8>, at: usize) {
    if at > 0 {
        rows.push(b',');
    }
}

/// Writes a field, in quotes if it is empty or holds what ends a field.
fn push(rows: &mut Vec<u8>, text: &str) {
    if !text.is_empty() && !text.contains([',', '"', '\n', '\r']) {
        rows.extend_from_slice(text.as_bytes());
        return;
    }
    rows.push(b'"');
    rows.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    rows.push(b'"');
}
