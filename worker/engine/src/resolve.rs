//! Finds what the names in a query mean, and plans it over that.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider, TableProvider};
use datafusion::common::TableReference;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::parser::Statement as DfStatement;
use futures::future::{BoxFuture, FutureExt};

use crate::error::PlanError;
use crate::kept::KeptProvider;
use crate::planner::{logical, register};
use crate::sql::{Catalog, Entry, QueryText, Rows, respell};
use crate::tables::{FileTable, Finder, Source};

/// Where names lead to.
pub(crate) struct Resolver<'a> {
    /// Finds tables of files.
    pub finder: Finder<'a>,
    /// Tables and views.
    pub catalog: &'a Catalog,
}

/// A table under the name that a query gives it.
struct Named {
    name: String,
    schema: SchemaRef,
    provider: Arc<dyn TableProvider>,
}

impl Resolver<'_> {
    /// The logical plan of a query, over the tables that it names.
    pub fn plan<'b>(
        &'b self,
        query: &'b QueryText,
        session: &'b SessionState,
    ) -> BoxFuture<'b, Result<LogicalPlan, PlanError>> {
        async move {
            let mut tables = Vec::new();
            for (name, source) in &query.sources {
                tables.push(self.files(name, source).await?);
            }
            for (relation, is_quoted) in &query.relations {
                let name = relation.table();
                let known = self.catalog.get(name).filter(|_| !is_quoted);
                tables.push(match known {
                    Some(entry) => self.entry(name, entry, session).await?,
                    None => self.files(name, &QueryText::file(relation, *is_quoted)?).await?,
                });
            }
            if let ([table], Some(rows)) = (tables.as_slice(), query.of_whole_table()) {
                return whole_table(table, rows);
            }
            let mut statement = query.statement.clone();
            respell(&mut statement, tables.iter().map(|table| (table.name.as_str(), &table.schema)));
            let schema = MemorySchemaProvider::new();
            for Named { name, provider, .. } in tables {
                schema.register_table(name, provider).map_err(PlanError::internal)?;
            }
            register(session, schema)?;
            logical(session, DfStatement::Statement(Box::new(statement))).await
        }
        .boxed()
    }

    /// Refuses an entry that could not be read.
    pub async fn check(&self, name: &str, entry: &Entry, session: &SessionState) -> Result<(), PlanError> {
        self.entry(name, entry, session).await.map(drop)
    }

    async fn entry(&self, name: &str, entry: &Entry, session: &SessionState) -> Result<Named, PlanError> {
        match entry {
            Entry::Table(source) => self.files(name, source).await,
            Entry::View(query) => {
                let plan = self.plan(query, session).await?;
                let provider = Arc::new(ViewTable::new(plan, None));
                Ok(Named { name: name.to_owned(), schema: provider.schema(), provider })
            }
            Entry::Kept(table) => {
                let provider = Arc::new(KeptProvider(table.clone()));
                Ok(Named { name: name.to_owned(), schema: provider.schema(), provider })
            }
        }
    }

    async fn files(&self, name: &str, source: &Source) -> Result<Named, PlanError> {
        let provider = self.provider(name, source).await?;
        Ok(Named { name: name.to_owned(), schema: provider.schema(), provider })
    }

    /// The table of these files.
    pub async fn provider(&self, name: &str, source: &Source) -> Result<Arc<dyn TableProvider>, PlanError> {
        let rows = source.reading.table.nrows;
        let provider: Arc<dyn TableProvider> = Arc::new(FileTable::new(self.finder.find(name, source).await?));
        match rows {
            Some(rows) => first_rows(name, provider, rows),
            None => Ok(provider),
        }
    }
}

/// All columns of a table, and its first rows or all. DataFusion's own way to the same plan compares each column with each
/// other, which takes minutes where there are ten thousands.
fn whole_table(table: &Named, rows: Rows) -> Result<LogicalPlan, PlanError> {
    let name = TableReference::bare(table.name.as_str());
    let scan = LogicalPlanBuilder::scan(name, provider_as_source(Arc::clone(&table.provider)), None);
    let limited = match rows {
        Rows::All => scan,
        Rows::First(rows) => scan.and_then(|scan| scan.limit(0, Some(rows))),
    };
    limited.and_then(LogicalPlanBuilder::build).map_err(PlanError::internal)
}

/// The first rows of a table, as a table.
fn first_rows(name: &str, table: Arc<dyn TableProvider>, rows: u64) -> Result<Arc<dyn TableProvider>, PlanError> {
    let rows = Rows::First(usize::try_from(rows).unwrap_or(usize::MAX));
    let plan = whole_table(&Named { name: name.to_owned(), schema: table.schema(), provider: table }, rows)?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}
