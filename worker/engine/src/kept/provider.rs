//! A kept table as DataFusion's planner sees it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::kept::{KeptExec, KeptTable};
use crate::leaf;

/// A kept table.
#[derive(Debug)]
pub(crate) struct KeptProvider(pub KeptTable);

#[async_trait]
impl TableProvider for KeptProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.0.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        leaf::projected(Arc::new(KeptExec::new(self.0.clone())), projection)
    }
}
