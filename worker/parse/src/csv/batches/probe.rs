//! The filter and the columns that it looks at.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions};
use arrow::buffer::BooleanBuffer;
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::projected::Projected;
use super::{Scanned, read};
use crate::csv::faults::{Fault, Faults};
use crate::csv::tokenizer::Rows;
use crate::{Reason, RowFilter};

/// The filter, with columns of its own that hold one scan.
pub(super) struct Probe {
    filter: Box<dyn RowFilter>,
    /// All nullable: a value that cannot be read is NULL here until its record is dropped.
    schema: SchemaRef,
    columns: Vec<Projected>,
    stride: usize,
    /// Their values in the last scan.
    arrays: Vec<ArrayRef>,
    /// The records of the last scan that were kept.
    kept: BooleanBuffer,
}

impl Probe {
    /// `columns` are those that the filter looks at.
    pub(super) fn new(filter: Box<dyn RowFilter>, columns: Vec<Projected>, stride: usize) -> Self {
        let nullable = |projected: &Projected| Field::clone(&projected.field).with_nullable(true);
        let fields: Vec<Field> = columns.iter().map(nullable).collect();
        Probe {
            filter,
            schema: Arc::new(Schema::new(fields)),
            columns,
            stride,
            arrays: Vec::new(),
            kept: BooleanBuffer::new_unset(0),
        }
    }

    /// Leaves only those records of the scan that the filter keeps and that have no fault in its columns; an error is
    /// what ends the scan behind them.
    pub(super) fn ask(&mut self, scanned: &mut Scanned<'_>, faults: &mut Faults) -> Result<(), Fault> {
        let mut last = Ok(());
        if let Err(fault) = read(&mut self.columns, scanned, faults) {
            self.columns.iter_mut().for_each(|column| column.truncate(0));
            scanned.rows.count = fault.row;
            last = Err(fault);
            if scanned.rows.count == 0 {
                return last;
            }
            last = read(&mut self.columns, scanned, faults).and(last);
        }
        self.arrays = self.columns.iter_mut().filter_map(Projected::finish).collect();
        match self.keep(scanned.rows.count) {
            Ok(mut kept) => {
                if !faults.is_empty() {
                    kept = &kept & &(0..kept.len()).map(|row| faults.spares(row)).collect();
                }
                scanned.rows.retain(&kept, self.stride);
                self.kept = kept;
                last
            }
            Err(error) => {
                let fault = Fault::of_scan(scanned.rows.record(0, self.stride), Reason::Filter(error.to_string()));
                scanned.rows.count = 0;
                Err(fault)
            }
        }
    }

    fn keep(&mut self, rows: usize) -> Result<BooleanBuffer, ArrowError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), self.arrays.clone(), &options)?;
        let kept: BooleanArray = self.filter.keep(&batch)?;
        if kept.len() != rows {
            let message = format!("the filter gives {} answers for {rows} records", kept.len());
            return Err(ArrowError::ComputeError(message));
        }
        let kept = if kept.null_count() > 0 { prep_null_mask_filter(&kept) } else { kept };
        Ok(kept.values().clone())
    }

    /// Gives the values of the records that are left to the columns of the batch.
    pub(super) fn hand_over(&mut self, columns: &mut [Projected], rows: &Rows) {
        if self.kept.count_set_bits() != rows.count {
            // Some had faults in other columns.
            let mut left = BooleanBufferBuilder::new(self.kept.len());
            left.append_n(self.kept.len(), false);
            (0..rows.count).for_each(|row| left.set_bit(rows.origin(row), true));
            self.kept = left.finish();
        }
        let columns = columns.iter_mut().filter(|projected| projected.is_probed);
        for (column, array) in columns.filter_map(|projected| projected.column.as_mut()).zip(&self.arrays) {
            column.extend(array, &self.kept);
        }
    }
}
