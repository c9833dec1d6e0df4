//! Functions that make tables, such as `generate_series`, whose rows are made on workers.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::leaf;

/// DataFusion's, each in a form that can be sent to workers.
pub(crate) fn table_functions() -> Vec<Arc<TableFunction>> {
    let functions = SessionStateDefaults::default_table_functions().into_iter();
    functions
        .map(|function| Arc::new(TableFunction::new(function.name().to_owned(), Arc::new(Sent(function)))))
        .collect()
}

/// A function whose tables leave out no columns themselves.
#[derive(Debug)]
struct Sent(Arc<TableFunction>);

impl TableFunctionImpl for Sent {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        Ok(Arc::new(SentTable(self.0.create_table_provider_with_args(args)?)))
    }
}

/// A table that is read whole: the serialised form of its plan has no place for the columns that a query wants, and a worker
/// would make other columns than the plan promises.
#[derive(Debug)]
struct SentTable(Arc<dyn TableProvider>);

#[async_trait]
impl TableProvider for SentTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        self.0.table_type()
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        leaf::projected(self.0.scan(session, None, filters, limit).await?, projection)
    }
}
