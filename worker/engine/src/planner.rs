//! From the text of a query to its graph of tasks.

use std::collections::BTreeSet;
use std::sync::Arc;

use bobbin_blocks::{BlockReader, FileRef};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::common::tree_node::TreeNode;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::sql::parser::Statement;

use crate::error::PlanError;
use crate::explain;
use crate::graph;
use crate::identifiers;
use crate::provider::CsvTable;
use crate::query::Query;
use crate::settings;
use crate::sizing::Sizing;
use crate::source::{Request, TableName};
use crate::splits::{self, Split};
use crate::stages;
use crate::table::Table;

/// What a path without a scheme means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathBase {
    /// A path of this machine, relative to the working directory.
    Local,
    /// A path on the default file system. The URL is that of the user's home directory there, such as
    /// `hdfs://namenode:8020/user/alice`: relative paths are joined to it, absolute ones replace its path.
    DefaultFs(String),
}

/// How to plan.
#[derive(Clone, Debug)]
pub struct PlannerOptions {
    /// Bytes of a split; doubled until the query has at most [`PlannerOptions::MAX_SPLITS`].
    pub split_size: u64,
    /// What a path without a scheme means.
    pub default_scheme: PathBase,
    /// Rows of a batch.
    pub batch_rows: usize,
    /// Buckets of hash exchanges, for tests of small tables. Nothing: as many as the tables' sizes call for.
    pub buckets: Option<usize>,
}

impl PlannerOptions {
    /// The most splits a query may have.
    pub const MAX_SPLITS: u64 = 100_000;
}

impl Default for PlannerOptions {
    fn default() -> Self {
        Self { split_size: 32 << 20, default_scheme: PathBase::Local, batch_rows: 8192, buckets: None }
    }
}

/// Turns queries into graphs of tasks.
#[derive(Clone, Debug)]
pub struct Planner {
    reader: BlockReader,
    options: PlannerOptions,
}

impl Planner {
    /// A planner that looks at tables through `reader`.
    pub fn new(reader: BlockReader, options: PlannerOptions) -> Self {
        Self { reader, options }
    }

    /// The tables that the text names, before any planning: they decide where a query runs.
    pub fn tables(sql: &str) -> Result<Vec<TableName>, PlanError> {
        let request = Request::parse(sql)?;
        let paths: BTreeSet<String> = request.sources.into_values().map(|source| source.path).collect();
        Ok(paths.into_iter().map(|path| TableName { path }).collect())
    }

    /// Plans one query. The files whose URLs are in `unsplit` are read as one split each.
    pub async fn plan(&self, sql: &str, unsplit: &BTreeSet<String>) -> Result<Query, PlanError> {
        let mut request = Request::parse(sql)?;
        let mut tables = Vec::new();
        for (name, source) in &request.sources {
            tables.push(Table::find(&self.reader, name, source, &self.options.default_scheme).await?);
        }
        if let Statement::Statement(statement) = &mut request.statement {
            identifiers::respell(statement, tables.iter().map(|table| (table.name.as_str(), &table.schema)));
        }
        let query = self.plan_statement(request.statement, tables, unsplit).await?;
        if request.explain { self.plan_text(&query.explain()).await } else { Ok(query) }
    }

    async fn plan_statement(
        &self,
        statement: Statement,
        tables: Vec<Table>,
        unsplit: &BTreeSet<String>,
    ) -> Result<Query, PlanError> {
        let files: Vec<FileRef> = tables.iter().flat_map(|table| table.files.iter().cloned()).collect();
        let size = splits::split_size(&files, self.options.split_size, PlannerOptions::MAX_SPLITS);
        let session = self.session()?;
        let schema = MemorySchemaProvider::new();
        for table in &tables {
            let splits: Arc<[Split]> = splits::cut(&table.files, size, unsplit).into();
            let provider = Arc::new(CsvTable::new(table.clone(), splits));
            schema.register_table(table.name.clone(), provider).map_err(PlanError::internal)?;
        }
        register(&session, schema)?;
        let logical = session.statement_to_plan(statement).await.map_err(PlanError::plan)?;
        let plain = physical(&session, &logical).await?;
        let sizing = Sizing::of(&plain, self.options.buckets).map_err(PlanError::internal)?;
        if sizing.buckets > 1
            && let Some(query) = self.exchanging(&session, &logical, sizing, (&tables, size)).await?
        {
            return Ok(query);
        }
        self.graph(plain, 1, &tables, size)
    }

    /// The query with hash exchanges; nothing if its plan cannot be cut at them.
    async fn exchanging(
        &self,
        session: &SessionState,
        logical: &LogicalPlan,
        sizing: Sizing,
        (tables, size): (&[Table], u64),
    ) -> Result<Option<Query>, PlanError> {
        let session =
            settings::with_buckets(session, sizing.buckets, sizing.hash_joins).map_err(PlanError::internal)?;
        let plan = physical(&session, logical).await?;
        match self.graph(plan, sizing.buckets, tables, size) {
            Ok(query) => Ok(Some(query)),
            Err(error) => {
                tracing::warn!(%error, "this query is planned without exchanges: its upper part runs in one task");
                Ok(None)
            }
        }
    }

    /// A query whose answer is a text, line by line.
    async fn plan_text(&self, text: &str) -> Result<Query, PlanError> {
        let rows = text.lines().map(|line| vec![lit(line)]).collect();
        let builder = LogicalPlanBuilder::values(rows)
            .and_then(|values| values.project(vec![datafusion::prelude::col("column1").alias("plan")]));
        let logical = builder.and_then(LogicalPlanBuilder::build).map_err(PlanError::internal)?;
        let physical = physical(&self.session()?, &logical).await?;
        self.graph(physical, 1, &[], self.options.split_size)
    }

    fn graph(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        buckets: usize,
        tables: &[Table],
        size: u64,
    ) -> Result<Query, PlanError> {
        let schema = plan.schema();
        let stages = stages::cut(plan, buckets).map_err(PlanError::internal)?;
        let places = places(tables);
        let explanation = explain::text(&stages, tables, size, &places);
        graph::query(schema, stages, &places, self.options.batch_rows, explanation)
    }

    fn session(&self) -> Result<SessionState, PlanError> {
        settings::session(self.options.batch_rows, Arc::new(RuntimeEnv::default())).map_err(PlanError::internal)
    }
}

/// Where the blocks of all tables' files are, by URL.
fn places(tables: &[Table]) -> graph::Places {
    let all = tables.iter().flat_map(|table| table.places.iter());
    all.map(|(url, places)| (url.clone(), places.clone())).collect()
}

/// Makes the tables visible under their bare names.
fn register(session: &SessionState, schema: MemorySchemaProvider) -> Result<(), PlanError> {
    let defaults = &session.config_options().catalog;
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(&defaults.default_schema, Arc::new(schema)).map_err(PlanError::internal)?;
    session.catalog_list().register_catalog(defaults.default_catalog.clone(), Arc::new(catalog));
    Ok(())
}

/// The optimized plan of a query that only reads.
async fn physical(session: &SessionState, logical: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, PlanError> {
    let only_queries = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_queries.verify_plan(logical).map_err(PlanError::plan)?;
    let mut session = session.clone();
    session.mark_start_execution();
    let plan = session.create_physical_plan(logical).await.map_err(PlanError::plan)?;
    let recursive = plan.exists(|node| Ok(node.is::<RecursiveQueryExec>())).map_err(PlanError::internal)?;
    if recursive {
        let reason =
            "WITH RECURSIVE is not supported: its working table cannot be sent to workers; write the steps out";
        return Err(PlanError::Statement(reason.into()));
    }
    Ok(plan)
}
