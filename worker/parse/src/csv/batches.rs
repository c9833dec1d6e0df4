//! Turns scans into record batches of an exact size.

use std::collections::VecDeque;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use std::sync::Arc;

use crate::Reason;
use crate::csv::CsvOptions;
use crate::csv::columns::{Column, column};
use crate::csv::fields::{BadField, Fields, TextRules};
use crate::csv::shape::{Pick, Shape};
use crate::csv::tokenizer::Rows;

/// Record batches under construction.
pub(crate) struct Batches {
    schema: SchemaRef,
    columns: Vec<Projected>,
    stride: usize,
    rules: TextRules,
    batch_rows: usize,
    /// Rows in the columns, fewer than `batch_rows`.
    pending: usize,
    ready: VecDeque<RecordBatch>,
}

struct Projected {
    pick: Pick,
    /// `None`: CSV fields cannot be read into this type.
    column: Option<Box<dyn Column>>,
}

/// A column of a record that cannot be read.
pub(crate) struct BadColumn {
    /// Index in the projection.
    pub column: usize,
    pub field: BadField,
}

impl Batches {
    pub(crate) fn new(
        options: &CsvOptions,
        shape: &Shape,
        file_schema: &Schema,
        projection: &[usize],
        batch_rows: usize,
    ) -> Self {
        let fields: Vec<_> = projection.iter().map(|&column| Arc::clone(&file_schema.fields()[column])).collect();
        let columns = projection.iter().zip(&fields).map(|(&index, field)| Projected {
            pick: shape.pick(index),
            column: column(field.data_type(), batch_rows),
        });
        let null_tokens = options.null_tokens.iter().map(|token| token.as_bytes().to_vec()).collect();
        Batches {
            columns: columns.collect(),
            schema: Arc::new(Schema::new(fields)),
            stride: shape.stride(),
            rules: TextRules { quote: options.quote, null_tokens },
            batch_rows,
            pending: 0,
            ready: VecDeque::new(),
        }
    }

    /// Rows until the current batch is full.
    pub(crate) fn room(&self) -> usize {
        self.batch_rows - self.pending
    }

    /// Name of a projected column.
    pub(crate) fn name(&self, column: usize) -> &str {
        self.schema.field(column).name()
    }

    /// Appends the records of a scan of `block`, at most [`Self::room`].
    pub(crate) fn append(&mut self, block: &[u8], rows: &Rows) -> Result<(), BadColumn> {
        let mut worst: Option<BadColumn> = None;
        for (index, projected) in self.columns.iter_mut().enumerate() {
            let field = self.schema.field(index);
            let (pick, nullable) = (projected.pick, field.is_nullable());
            let fields = Fields { block, rows, stride: self.stride, pick, rules: &self.rules, nullable };
            let result = match &mut projected.column {
                Some(column) => column.append(&fields),
                None => Err(BadField { row: 0, reason: Reason::UnsupportedType(field.data_type().to_string()) }),
            };
            // The first bad record is reported, whichever column it is in.
            if let Err(bad) = result
                && worst.as_ref().is_none_or(|worst| bad.row < worst.field.row)
            {
                worst = Some(BadColumn { column: index, field: bad });
            }
        }
        if let Some(worst) = worst {
            return Err(worst);
        }
        self.pending += rows.count;
        if self.pending == self.batch_rows {
            self.flush();
        }
        Ok(())
    }

    /// Makes a batch of what is there.
    pub(crate) fn flush(&mut self) {
        if self.pending == 0 {
            return;
        }
        let arrays =
            self.columns.iter_mut().filter_map(|projected| Some(projected.column.as_mut()?.finish())).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.pending));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options);
        self.ready.push_back(batch.expect("each column got one value a row, of its field's type and nullability"));
        self.pending = 0;
    }

    pub(crate) fn next(&mut self) -> Option<RecordBatch> {
        self.ready.pop_front()
    }
}
