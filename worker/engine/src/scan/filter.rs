//! Conditions that the scan itself checks: their columns are read first, and the others of the records that pass.

#![allow(clippy::wildcard_enum_match_arm, reason = "DataFusion's errors are foreign and grow")]

use std::fmt;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use bobbin_parse::RowFilter;
use datafusion::common::{DataFusionError, Result};
use datafusion::physical_expr::PhysicalExpr;

use crate::scan::output::Assembly;

/// A condition over some columns of a table.
#[derive(Clone, Debug)]
pub(crate) struct ScanFilter {
    /// The table's columns that it looks at, ascending.
    pub columns: Vec<usize>,
    /// The condition, over these columns in this order.
    pub condition: Arc<dyn PhysicalExpr>,
}

impl fmt::Display for ScanFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.condition)
    }
}

/// The condition over the records of one split.
pub(crate) struct SplitFilter {
    condition: Arc<dyn PhysicalExpr>,
    /// Which of the read columns it looks at, ascending.
    reads: Vec<usize>,
    /// Makes the condition's columns of them.
    columns: Assembly,
}

impl SplitFilter {
    /// A filter that looks at these of the read columns, from which `columns` makes what the condition needs.
    pub fn new(filter: &ScanFilter, reads: Vec<usize>, columns: Assembly) -> Self {
        Self { condition: Arc::clone(&filter.condition), reads, columns }
    }

    fn check(&self, read: &RecordBatch) -> Result<BooleanArray> {
        let batch = self.columns.assemble(read)?;
        let kept = self.condition.evaluate(&batch)?.into_array(batch.num_rows())?;
        Ok(kept.as_boolean().clone())
    }
}

impl RowFilter for SplitFilter {
    fn columns(&self) -> &[usize] {
        &self.reads
    }

    fn keep(&mut self, columns: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        self.check(columns).map_err(|error| match error {
            DataFusionError::ArrowError(error, _) => *error,
            other => ArrowError::ExternalError(Box::new(other)),
        })
    }
}

/// The columns that a condition's batches have.
pub(crate) fn schema_of(filter: &ScanFilter, table: &SchemaRef) -> Result<SchemaRef> {
    Ok(Arc::new(table.project(&filter.columns)?))
}
