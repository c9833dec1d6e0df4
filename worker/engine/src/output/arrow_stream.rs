//! An Arrow IPC stream, as `pyarrow.ipc.open_stream` reads it.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;

use super::{Destination, OutputError, RowWriter};

pub(super) struct ArrowStream {
    rows: StreamWriter<Destination>,
}

impl ArrowStream {
    pub(super) fn new(schema: &SchemaRef, destination: Destination) -> Result<Self, OutputError> {
        Ok(ArrowStream { rows: StreamWriter::try_new(destination, schema)? })
    }
}

impl RowWriter for ArrowStream {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        Ok(self.rows.write(batch)?)
    }

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        Ok(self.rows.into_inner()?.flush()?)
    }
}
