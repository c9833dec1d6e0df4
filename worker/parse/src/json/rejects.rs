//! Batches of bad records.

use std::sync::Arc;

use arrow::array::{Int64Builder, RecordBatch, StringViewBuilder};

use crate::{Line, RecordError, rejects_schema};

/// Most bytes of a bad record's text that are kept.
const TEXT: usize = 4096;

/// Bad records under construction, as [`rejects_schema`] says.
pub(crate) struct Rejects {
    offsets: Int64Builder,
    lines: Int64Builder,
    columns: StringViewBuilder,
    kinds: StringViewBuilder,
    reasons: StringViewBuilder,
    records: StringViewBuilder,
    rows: usize,
    batch_rows: usize,
}

impl Rejects {
    pub(crate) fn new(batch_rows: usize) -> Self {
        Rejects {
            offsets: Int64Builder::new(),
            lines: Int64Builder::new(),
            columns: StringViewBuilder::new(),
            kinds: StringViewBuilder::new(),
            reasons: StringViewBuilder::new(),
            records: StringViewBuilder::new(),
            rows: 0,
            batch_rows,
        }
    }

    /// Adds a record; the batch, when it is full.
    pub(crate) fn add(&mut self, error: &RecordError, record: &[u8]) -> Option<RecordBatch> {
        self.offsets.append_value(error.offset.cast_signed());
        self.lines.append_option(match error.line {
            Line::OfFile(line) => Some(line.cast_signed()),
            Line::OfSplit(_) => None,
        });
        self.columns.append_option(error.column.as_deref());
        self.kinds.append_value(error.reason.kind());
        self.reasons.append_value(error.reason.to_string());
        self.records.append_value(String::from_utf8_lossy(&record[..record.len().min(TEXT)]));
        self.rows += 1;
        if self.rows == self.batch_rows { self.flush() } else { None }
    }

    /// The records so far, if there are any.
    pub(crate) fn flush(&mut self) -> Option<RecordBatch> {
        if self.rows == 0 {
            return None;
        }
        self.rows = 0;
        let batch = RecordBatch::try_new(
            rejects_schema(),
            vec![
                Arc::new(self.offsets.finish()),
                Arc::new(self.lines.finish()),
                Arc::new(self.columns.finish()),
                Arc::new(self.kinds.finish()),
                Arc::new(self.reasons.finish()),
                Arc::new(self.records.finish()),
            ],
        );
        Some(batch.expect("the builders have the schema's types and grew together"))
    }
}
