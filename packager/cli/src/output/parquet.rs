//! A Parquet file.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;

use super::{Destination, OutputError, RowWriter};

pub(super) struct Parquet {
    rows: ArrowWriter<Destination>,
}

impl Parquet {
    pub(super) fn new(schema: &SchemaRef, destination: Destination) -> Result<Self, OutputError> {
        Ok(Parquet { rows: ArrowWriter::try_new(destination, schema.clone(), None)? })
    }
}

impl RowWriter for Parquet {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        Ok(self.rows.write(batch)?)
    }

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        Ok(self.rows.into_inner()?.flush()?)
    }
}
