//! One JSON object a line, with every column in every object. What is no number in JSON (NaN, the infinities) is null.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::json::writer::{LineDelimited, Writer, WriterBuilder};

use super::{Destination, OutputError, RowWriter};

pub(super) struct JsonLines {
    rows: Writer<Destination, LineDelimited>,
}

impl JsonLines {
    pub(super) fn new(destination: Destination) -> Self {
        JsonLines { rows: WriterBuilder::new().with_explicit_nulls(true).build(destination) }
    }
}

impl RowWriter for JsonLines {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        Ok(self.rows.write(batch)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), OutputError> {
        self.rows.finish()?;
        Ok(self.rows.into_inner().flush()?)
    }
}
