//! Bad records as rows of a table.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringViewBuilder};

use crate::{Line, RecordError, rejects_schema};

/// Most bytes of a record's text.
const LONGEST: usize = 4096;

/// A batch of bad records under construction.
#[derive(Default)]
pub(super) struct Rejects {
    rows: usize,
    offset: Int64Builder,
    line: Int64Builder,
    column: StringViewBuilder,
    kind: StringViewBuilder,
    reason: StringViewBuilder,
    record: StringViewBuilder,
}

impl Rejects {
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Appends a record; `text` is its text in UTF-8, as far as it is text.
    pub(super) fn append(&mut self, error: &RecordError, text: &[u8]) {
        self.offset.append_value(error.offset.cast_signed());
        self.line.append_option(match error.line {
            Line::OfFile(line) => Some(line.cast_signed()),
            Line::OfSplit(_) => None,
        });
        self.column.append_option(error.column.as_deref());
        self.kind.append_value(error.reason.kind());
        self.reason.append_value(error.reason.to_string());
        self.record.append_value(String::from_utf8_lossy(&text[..text.len().min(LONGEST)]));
        self.rows += 1;
    }

    pub(super) fn finish(&mut self) -> RecordBatch {
        self.rows = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.offset.finish()),
            Arc::new(self.line.finish()),
            Arc::new(self.column.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.record.finish()),
        ];
        RecordBatch::try_new(rejects_schema(), columns).expect("columns of the schema's types and of one length")
    }
}
