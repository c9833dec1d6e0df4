//! The leaf that stands for a kept table while a query is planned: one partition is one result. In tasks there is an
//! `InputsExec` in its place.

use std::fmt;
use std::sync::Arc;

use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, Statistics, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};

use crate::kept::{KeptPart, KeptTable};
use crate::leaf::{self, leaf_methods};

/// All rows of a kept table.
#[derive(Debug)]
pub(crate) struct KeptExec {
    table: KeptTable,
    properties: Arc<PlanProperties>,
}

impl KeptExec {
    /// A leaf for this table.
    pub fn new(table: KeptTable) -> Self {
        let known = EquivalenceProperties::new(Arc::clone(table.schema()));
        let properties = leaf::properties(known, Partitioning::UnknownPartitioning(table.parts().len()));
        Self { table, properties }
    }

    /// The table.
    pub fn table(&self) -> &KeptTable {
        &self.table
    }
}

impl DisplayAs for KeptExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "KeptExec: table={}", self.table.name())
    }
}

impl ExecutionPlan for KeptExec {
    leaf_methods!("KeptExec");

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("part {partition} of {} is read by tasks only", self.table.name())
    }

    /// Rows and bytes as they are.
    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let parts: &[KeptPart] = match args.partition().and_then(|number| self.table.parts().get(number)) {
            Some(part) => std::slice::from_ref(part),
            None => self.table.parts(),
        };
        let rows: Option<u64> = parts.iter().map(|part| part.rows).sum();
        let exact = |number: u64| Precision::Exact(usize::try_from(number).unwrap_or(usize::MAX));
        let bytes = exact(parts.iter().map(|part| part.bytes).sum());
        Ok(Arc::new(Statistics {
            num_rows: rows.map_or(Precision::Absent, exact),
            total_byte_size: bytes.to_inexact(),
            column_statistics: vec![ColumnStatistics::new_unknown(); self.table.schema().fields().len()],
        }))
    }
}
