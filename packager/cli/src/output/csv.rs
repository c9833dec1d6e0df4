//! Comma-separated values with a header; missing values are empty.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::csv::{Writer, WriterBuilder};
use arrow::datatypes::SchemaRef;

use super::{Destination, OutputError, RowWriter};

pub(super) struct Csv {
    rows: Writer<Destination>,
}

impl Csv {
    /// Writes the header at once, so that an answer without rows has one too.
    pub(super) fn new(schema: &SchemaRef, destination: Destination) -> Result<Self, OutputError> {
        let mut rows = WriterBuilder::new().with_header(true).build(destination);
        rows.write(&RecordBatch::new_empty(schema.clone()))?;
        Ok(Csv { rows })
    }
}

impl RowWriter for Csv {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        Ok(self.rows.write(batch)?)
    }

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        Ok(self.rows.into_inner().flush()?)
    }
}
