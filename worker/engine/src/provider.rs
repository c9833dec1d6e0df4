//! A table as DataFusion's planner sees it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::scan::{CsvScanExec, ScanShape};
use crate::splits::Split;
use crate::table::Table;

/// A table and its splits.
#[derive(Debug)]
pub(crate) struct CsvTable {
    table: Table,
    splits: Arc<[Split]>,
}

impl CsvTable {
    /// A table that is read in these splits.
    pub fn new(table: Table, splits: Arc<[Split]>) -> Self {
        Self { table, splits }
    }

    /// Says which of the wanted columns are text only because nobody knows better.
    fn warn_of_unknown(&self, wanted: &[usize]) {
        for at in self.table.unknown.iter().filter(|at| wanted.contains(at)) {
            let (table, column) = (&self.table.name, self.table.schema.field(*at).name());
            tracing::warn!(
                "column {column} of '{table}' has no value in the records that were looked at, and is read as VARCHAR; \
                 if it is a number or a time, say so: read_csv('path', types => '{column} BIGINT')"
            );
        }
    }
}

#[async_trait]
impl TableProvider for CsvTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.table.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.table.schema.fields().len()).collect();
        let projection = projection.cloned().unwrap_or_else(all);
        self.warn_of_unknown(&projection);
        let shape = ScanShape {
            table: self.table.name.as_str().into(),
            file_schema: Arc::clone(&self.table.schema),
            projection: projection.into(),
            options: Arc::clone(&self.table.options),
            fetch: limit.filter(|_| filters.is_empty()),
            record_bytes: self.table.record_bytes,
        };
        Ok(Arc::new(CsvScanExec::try_new(shape, Arc::clone(&self.splits), None)?))
    }
}
