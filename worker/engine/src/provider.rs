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
        let shape = ScanShape {
            table: self.table.name.as_str().into(),
            file_schema: Arc::clone(&self.table.schema),
            projection: projection.cloned().unwrap_or_else(all).into(),
            options: Arc::clone(&self.table.options),
            fetch: limit.filter(|_| filters.is_empty()),
            record_bytes: self.table.record_bytes,
        };
        Ok(Arc::new(CsvScanExec::try_new(shape, Arc::clone(&self.splits), None)?))
    }
}
