//! From statements to graphs of tasks.

use std::collections::BTreeSet;
use std::sync::Arc;

use bobbin_blocks::{BlockReader, FileRef, PathBase};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider};
use datafusion::common::TableReference;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::{TableProvider, provider_as_source, source_as_provider};
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::sql::parser::Statement as DfStatement;
use futures::future::{BoxFuture, FutureExt};

use crate::error::PlanError;
use crate::explain;
use crate::graph;
use crate::kept::{KeptProvider, KeptTable};
use crate::naming::shortened;
use crate::prune::prune_structs;
use crate::query::Query;
use crate::request::{Request, Shown};
use crate::resolve::Resolver;
use crate::scan::{FirstRecords, SplitSettings, split_size};
use crate::settings;
use crate::sizing::Sizing;
use crate::sql::{self, Catalog, Kind, Quartiles, QueryText, Statement};
use crate::stages;
use crate::tables::{FileFormat, FileTable, Finder, OptionError, OptionValue, Source, Table};

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

/// Tables up to this size have exact quartiles in their summary, bytes: all values are held in memory for them.
const EXACT_BYTES: u64 = 4 << 30;

/// What a statement leads to.
#[expect(clippy::large_enum_variant, reason = "there is one of them a statement")]
#[derive(Debug)]
pub enum Prepared {
    /// Tasks, and rows in the end.
    Request(Request),
    /// It is done; what to tell the user.
    Done(String),
}

/// Where records begin in files whose splits do not begin outside quotes, as far as anybody has looked.
#[derive(Clone, Debug, Default)]
pub struct KnownBorders(pub(crate) Arc<FirstRecords>);

impl KnownBorders {
    /// These and those.
    pub fn with(&self, more: KnownBorders) -> KnownBorders {
        let mut all = self.0.as_ref().clone();
        all.extend(more.0.iter().map(|(url, records)| (url.clone(), Arc::clone(records))));
        KnownBorders(Arc::new(all))
    }

    /// Whether the borders of this file are known.
    pub fn knows(&self, url: &str) -> bool {
        self.0.contains_key(url)
    }
}

/// Turns statements into graphs of tasks.
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

    /// What it looks at tables through.
    pub fn reader(&self) -> &BlockReader {
        &self.reader
    }

    /// How it plans.
    pub fn options(&self) -> &PlannerOptions {
        &self.options
    }

    /// Does what the driver alone can do of a statement: finds its tables and their columns, or changes the catalog.
    ///
    /// # Errors
    /// It names what is not there, or cannot be planned.
    pub fn prepare<'a>(
        &'a self,
        statement: &'a Statement,
        catalog: &'a mut Catalog,
    ) -> BoxFuture<'a, Result<Prepared, PlanError>> {
        // On the heap: what planning keeps is larger than any future that waits for it should be.
        self.prepare_inner(statement, catalog).boxed()
    }

    async fn prepare_inner(&self, statement: &Statement, catalog: &mut Catalog) -> Result<Prepared, PlanError> {
        Ok(match &statement.kind {
            Kind::Query(query) => Prepared::Request(self.request(query, catalog, Shown::Rows).await?),
            Kind::Explain { query, analyze: true } => {
                Prepared::Request(self.request(query, catalog, Shown::Analysis).await?)
            }
            Kind::Explain { query, analyze: false } => {
                let request = self.request(query, catalog, Shown::Rows).await?;
                let explanation = self.graph(&request, &KnownBorders::default()).await?.explain();
                Prepared::Request(text_request("plan", &explanation)?)
            }
            Kind::Copy { query, output } => {
                Prepared::Request(self.request(query, catalog, Shown::Rows).await?.with_output(output.clone())?)
            }
            Kind::Summarize(name) => Prepared::Request(self.summarize(name, catalog).await?),
            Kind::Describe(query) => Prepared::Request(self.describe(query, catalog).await?),
            Kind::ShowTables => Prepared::Request(show_tables(catalog)?),
            Kind::Create { name, entry, or_replace, if_not_exists } => {
                // What cannot be read is better known now than at the first query.
                let resolver = Resolver { finder: self.finder(), catalog };
                resolver.check(name, entry, &self.session(&KnownBorders::default(), 1)?).await?;
                let kind = entry.kind();
                let created = catalog.create(name, entry.clone(), (*or_replace, *if_not_exists))?;
                Prepared::Done(if created { format!("created {kind} {name}") } else { format!("{name} is there") })
            }
            Kind::Keep { name, query, or_replace, if_not_exists } => {
                if !or_replace && let Some(there) = catalog.get(name) {
                    if *if_not_exists {
                        return Ok(Prepared::Done(format!("{name} is there")));
                    }
                    return Err(sql::taken(name, there));
                }
                let paths = statement.paths(catalog)?;
                let request = self.request(query, catalog, Shown::Rows).await?;
                if let Some(twice) = twice(&request.plan) {
                    let reason =
                        format!("create table {name}: two columns are called {twice}; give one another name, with AS");
                    return Err(PlanError::Statement(reason));
                }
                Prepared::Request(request.kept(name.clone(), paths))
            }
            Kind::Drop { names, if_exists } => {
                for name in names {
                    catalog.drop(name, *if_exists)?;
                }
                Prepared::Done(format!("dropped {}", names.join(", ")))
            }
        })
    }

    /// The plan that reads files with these options, for a program to build on.
    ///
    /// # Errors
    /// An option that nobody knows; files that are not there, or cannot be read.
    pub async fn files(
        &self,
        paths: Vec<String>,
        format: FileFormat,
        options: Vec<(String, OptionValue)>,
    ) -> Result<LogicalPlan, PlanError> {
        let name = paths.join(", ");
        let refuse = |error: OptionError| PlanError::Statement(format!("read '{name}': {error}"));
        let source = Source::new(paths, Some(format), options).map_err(refuse)?;
        let catalog = Catalog::default();
        let resolver = Resolver { finder: self.finder(), catalog: &catalog };
        scan_of(&name, resolver.provider(&name, &source).await?)
    }

    /// The plan that reads a kept table, for a program to build on.
    ///
    /// # Errors
    /// DataFusion refuses it.
    pub fn kept(&self, table: &KeptTable) -> Result<LogicalPlan, PlanError> {
        scan_of(table.name(), Arc::new(KeptProvider(table.clone())))
    }

    /// The settings and functions that plans are made with, for a program to build on.
    ///
    /// # Errors
    /// Never, as long as DataFusion knows its own settings.
    pub fn state(&self) -> Result<SessionState, PlanError> {
        self.session(&KnownBorders::default(), self.options.split_size)
    }

    /// Plans one query, the only statement of a text.
    ///
    /// # Errors
    /// As [`Self::prepare`], and for statements that give no rows.
    pub async fn plan(&self, sql: &str, known: &KnownBorders) -> Result<Query, PlanError> {
        match self.prepare(&sql::one_query(sql)?, &mut Catalog::default()).await? {
            Prepared::Request(request) => self.graph(&request, known).await,
            Prepared::Done(_) => Err(PlanError::Statement("the statement gives no rows; write a SELECT".into())),
        }
    }

    /// The graph of tasks that answers a request; files whose borders are known are cut accordingly.
    ///
    /// # Errors
    /// It cannot be planned.
    pub fn graph<'a>(
        &'a self,
        request: &'a Request,
        known: &'a KnownBorders,
    ) -> BoxFuture<'a, Result<Query, PlanError>> {
        self.graph_inner(request, known).boxed()
    }

    async fn graph_inner(&self, request: &Request, known: &KnownBorders) -> Result<Query, PlanError> {
        let tables = tables_of(&request.plan)?;
        let files: Vec<FileRef> =
            tables.iter().flat_map(|table| table.files.iter().map(|(file, _)| file.clone())).collect();
        let size = split_size(&files, self.options.split_size, PlannerOptions::MAX_SPLITS);
        let session = self.session(known, size)?;
        let plain = physical(&session, &request.plan).await?;
        let sizing = Sizing::of(&plain, self.options.buckets).map_err(PlanError::internal)?;
        if sizing.buckets > 1
            && let Some(query) = self.exchanging(&session, request, sizing, (&tables, size)).await?
        {
            return Ok(query);
        }
        self.cut(plain, request, (1, &tables, size))
    }

    /// The query with hash exchanges; nothing if its plan cannot be cut at them.
    async fn exchanging(
        &self,
        session: &SessionState,
        request: &Request,
        sizing: Sizing,
        (tables, size): (&[Table], u64),
    ) -> Result<Option<Query>, PlanError> {
        let session =
            settings::with_buckets(session, sizing.buckets, sizing.hash_joins).map_err(PlanError::internal)?;
        let plan = physical(&session, &request.plan).await?;
        match self.cut(plan, request, (sizing.buckets, tables, size)) {
            Ok(query) => Ok(Some(query)),
            Err(error) => {
                tracing::warn!(%error, "this query is planned without exchanges: its upper part runs in one task");
                Ok(None)
            }
        }
    }

    /// The graph of a plan whose exchanges have so many buckets, over tables in splits of this size.
    fn cut(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        request: &Request,
        (buckets, tables, size): (usize, &[Table], u64),
    ) -> Result<Query, PlanError> {
        let plan = prune_structs(plan).map_err(PlanError::internal)?;
        let mut schema = plan.schema();
        let mut stages = stages::cut(plan, buckets).map_err(PlanError::internal)?;
        if let Some(output) = &request.output
            && let Some(shape) = output.shape(&request.plan)?
        {
            stages = stages.writing(&shape, output.spec.single_file);
            schema = crate::output::written_schema();
        }
        let places = places(tables);
        let explanation = explain::text(&stages, tables, size, &places);
        graph::query(schema, stages, &places, self.options.batch_rows, explanation)
    }

    async fn request(&self, query: &QueryText, catalog: &Catalog, shown: Shown) -> Result<Request, PlanError> {
        let session = self.session(&KnownBorders::default(), 1)?;
        let resolver = Resolver { finder: self.finder(), catalog };
        let plan = resolver.plan(query, &session).await?;
        let named = query.relations.iter().map(|(relation, _)| relation.table());
        let tables: Vec<&str> = query.sources.keys().map(String::as_str).chain(named).collect();
        Ok(Request::of(shortened(plan, &tables).map_err(PlanError::internal)?, shown))
    }

    /// The columns of a table: name, type, what the type rests on.
    async fn describe(&self, query: &QueryText, catalog: &Catalog) -> Result<Request, PlanError> {
        let plan = self.request(query, catalog, Shown::Rows).await?.plan;
        let tables = tables_of(&plan)?;
        let mut rows = Vec::new();
        for (at, field) in plan.schema().fields().iter().enumerate() {
            let origin = match tables.as_slice() {
                [table] if table.schema().fields() == plan.schema().fields() => {
                    table.origins.get(at).map_or("not of the files' records", String::as_str)
                }
                _ => "of a view",
            };
            let data_type = crate::tables::sql_name(field.data_type());
            rows.push(vec![field.name().clone(), data_type, origin.to_owned()]);
        }
        values_request(&["column", "type", "origin"], rows)
    }

    /// Statistics of the columns of a table: its quartiles are exact as long as all values fit in memory.
    async fn summarize(&self, name: &str, catalog: &Catalog) -> Result<Request, PlanError> {
        let plan = self.request(&sql::select_all(name)?, catalog, Shown::Rows).await?.plan;
        let bytes: u64 = tables_of(&plan)?.iter().map(Table::bytes).sum();
        let quartiles = if bytes <= EXACT_BYTES { Quartiles::Exact } else { Quartiles::Approximate };
        let text = sql::summary(name, plan.schema().as_arrow(), quartiles);
        self.request(&QueryText::parse(&text)?, catalog, Shown::Rows).await
    }

    fn finder(&self) -> Finder<'_> {
        Finder { reader: &self.reader, base: &self.options.default_scheme, split_size: self.options.split_size }
    }

    fn session(&self, known: &KnownBorders, size: u64) -> Result<SessionState, PlanError> {
        let splits = SplitSettings { size, first_records: Arc::clone(&known.0) };
        let runtime = Arc::new(RuntimeEnv::default());
        settings::planning(self.options.batch_rows, runtime, splits).map_err(PlanError::internal)
    }
}

/// The tables of files that a plan reads, each once a name.
pub(crate) fn tables_of(plan: &LogicalPlan) -> Result<Vec<Table>, PlanError> {
    let mut tables: Vec<Table> = Vec::new();
    // A table that is used twice has its places once.
    let mut seen = BTreeSet::new();
    let visited = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(provider) = source_as_provider(&scan.source)
            && let Some(files) = provider.downcast_ref::<FileTable>()
            && seen.insert(Arc::as_ptr(&files.table().places))
        {
            tables.push(files.table().clone());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    visited.map_err(PlanError::internal)?;
    Ok(tables)
}

/// A name that two columns of a plan have.
fn twice(plan: &LogicalPlan) -> Option<&str> {
    let mut seen = BTreeSet::new();
    plan.schema().fields().iter().map(|field| field.name().as_str()).find(|name| !seen.insert(*name))
}

/// The plan that reads a table.
fn scan_of(name: &str, provider: Arc<dyn TableProvider>) -> Result<LogicalPlan, PlanError> {
    LogicalPlanBuilder::scan(TableReference::bare(name), provider_as_source(provider), None)
        .and_then(LogicalPlanBuilder::build)
        .map_err(PlanError::internal)
}

fn show_tables(catalog: &Catalog) -> Result<Request, PlanError> {
    let rows = catalog.names().map(|(name, kind)| vec![name.to_owned(), kind.to_owned()]).collect();
    values_request(&["name", "kind"], rows)
}

/// A request whose answer is a text, line by line.
fn text_request(column: &str, text: &str) -> Result<Request, PlanError> {
    values_request(&[column], text.lines().map(|line| vec![line.to_owned()]).collect())
}

/// A request whose answer is known.
fn values_request(columns: &[&str], rows: Vec<Vec<String>>) -> Result<Request, PlanError> {
    let is_empty = rows.is_empty();
    let rows = if is_empty { vec![vec![String::new(); columns.len()]] } else { rows };
    let rows = rows.into_iter().map(|row| row.into_iter().map(lit).collect()).collect();
    let names = columns.iter().enumerate().map(|(at, name)| {
        let made_up = format!("column{}", at + 1);
        datafusion::prelude::col(made_up).alias(*name)
    });
    let plan = LogicalPlanBuilder::values(rows)
        .and_then(|values| values.project(names))
        .and_then(|rows| rows.limit(0, is_empty.then_some(0)))
        .and_then(LogicalPlanBuilder::build);
    Ok(Request::of(plan.map_err(PlanError::internal)?, Shown::Rows))
}

/// Where the blocks of all tables' files are, by URL.
fn places(tables: &[Table]) -> graph::Places {
    let all = tables.iter().flat_map(|table| table.places.iter());
    all.map(|(url, places)| (url.clone(), places.clone())).collect()
}

/// Makes the tables visible under their bare names.
pub(crate) fn register(session: &SessionState, schema: MemorySchemaProvider) -> Result<(), PlanError> {
    let defaults = &session.config_options().catalog;
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(&defaults.default_schema, Arc::new(schema)).map_err(PlanError::internal)?;
    session.catalog_list().register_catalog(defaults.default_catalog.clone(), Arc::new(catalog));
    Ok(())
}

/// The logical plan of a query that only reads.
pub(crate) async fn logical(session: &SessionState, statement: DfStatement) -> Result<LogicalPlan, PlanError> {
    let plan = session.statement_to_plan(statement).await.map_err(PlanError::plan)?;
    let only_queries = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_queries.verify_plan(&plan).map_err(PlanError::plan)?;
    Ok(plan)
}

/// The optimized plan of a query.
async fn physical(session: &SessionState, logical: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, PlanError> {
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
