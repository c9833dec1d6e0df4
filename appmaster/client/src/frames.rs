//! DataFusion's `DataFrame`s over our tables: what they compute runs as jobs of a session.
//!
//! A frame is a logical plan. [`planner::JobPlanner`] stands where DataFusion would make operators of it and gives one
//! node instead: the job that answers the plan, or that writes it to files. So `collect`, `show`, `execute_stream` and
//! `write_*` are DataFusion's own, and run on workers.

mod exec;
mod planner;
mod write;

use std::future::Future;

use bobbin_engine::output::{OutputSpec, RowFormat};
use bobbin_engine::{FileFormat, OptionValue, PlanError, Request};
use datafusion::common::Column;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ident};

use crate::query::QueryError;
use crate::session::Session;
use planner::JobPlanner;
pub use write::Written;

/// Files on their way to become a frame: [`Session::read_csv`], [`Session::read_json`].
#[derive(Clone)]
pub struct Reading {
    session: Session,
    paths: Vec<String>,
    format: FileFormat,
    options: Vec<(String, OptionValue)>,
}

impl Session {
    /// The CSV files at this path: a file, a directory, a pattern or a URL, as in `FROM 'path'`.
    ///
    /// ```no_run
    /// # async fn example(session: bobbin::Session) -> Result<(), Box<dyn std::error::Error>> {
    /// use datafusion::functions_aggregate::expr_fn::avg;
    /// use datafusion::prelude::*;
    ///
    /// let trips = session.read_csv("hdfs:///taxi/*.csv").option("on_bad", "skip").load().await?;
    /// let paid = trips.filter(col("fare_amount").gt(lit(0)))?;
    /// paid.aggregate(vec![col("passenger_count")], vec![avg(col("tip_amount"))])?.show().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_csv(&self, path: impl Into<String>) -> Reading {
        self.reading(path.into(), FileFormat::Csv)
    }

    /// The JSON files at this path.
    pub fn read_json(&self, path: impl Into<String>) -> Reading {
        self.reading(path.into(), FileFormat::Json)
    }

    fn reading(&self, path: String, format: FileFormat) -> Reading {
        Reading { session: self.clone(), paths: vec![path], format, options: Vec::new() }
    }

    /// Runs the statements of a text; the last one is a query and becomes a frame, which nothing has computed yet. Tables
    /// and views that statements make stay known to the session.
    ///
    /// # Errors
    /// A statement does not follow the grammar, names what is not there, or fails.
    pub async fn sql(&self, text: &str) -> Result<DataFrame, QueryError> {
        let request = self.last_request(text).await?;
        Ok(self.frame(request.into_plan())?)
    }

    /// Writes the rows of a request as its output says: all files appear, or none.
    ///
    /// # Errors
    /// It has no output, the place cannot be written, or the query fails.
    pub async fn write(&self, request: Request) -> Result<Written, QueryError> {
        write::run(self, request).await
    }

    /// A frame of this session.
    fn frame(&self, plan: LogicalPlan) -> Result<DataFrame, PlanError> {
        Ok(DataFrame::new(self.state()?, plan))
    }

    /// A state in which plans become jobs of this session. Rules of optimizers wait for the job's own planning.
    fn state(&self) -> Result<SessionState, PlanError> {
        let builder = SessionStateBuilder::new_from_existing(self.planner().state()?);
        Ok(builder.with_optimizer_rules(Vec::new()).with_query_planner(JobPlanner::of(self)).build())
    }

    /// Computes a plan and keeps its rows on the workers.
    async fn persist(&self, plan: LogicalPlan) -> Result<DataFrame, QueryError> {
        // A frame's columns may differ in their tables only, and those of a table may not.
        let names: Vec<(Column, String)> =
            plan.schema().columns().into_iter().enumerate().map(|(at, column)| (column, format!("c{at}"))).collect();
        let plain = names.iter().map(|(column, plain)| Expr::from(column.clone()).alias(plain));
        let plan = LogicalPlanBuilder::from(plan).project(plain).and_then(LogicalPlanBuilder::build);
        let request = Request::new(plan.map_err(internal)?).kept(self.next_name(), Vec::new());
        let kept = self.planner().kept(&self.compute(request).await?.keep()?)?;
        let named = names.into_iter().map(|(column, plain)| ident(plain).alias_qualified(column.relation, column.name));
        let plan = LogicalPlanBuilder::from(kept).project(named).and_then(LogicalPlanBuilder::build);
        Ok(self.frame(plan.map_err(internal)?)?)
    }
}

impl Reading {
    /// One more path of the same table.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// An option, by any of the names that SQL knows it by: `option("sep", ";")`.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<OptionValue>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Several options.
    pub fn options<N: Into<String>, V: Into<OptionValue>>(self, options: impl IntoIterator<Item = (N, V)>) -> Self {
        options.into_iter().fold(self, |reading, (name, value)| reading.option(name, value))
    }

    /// Finds the files and learns their columns.
    ///
    /// # Errors
    /// An option that nobody knows; files that are not there, or cannot be read.
    pub async fn load(self) -> Result<DataFrame, PlanError> {
        let plan = self.session.planner().files(self.paths, self.format, self.options).await?;
        self.session.frame(plan)
    }
}

/// What frames of a session can do beside DataFusion's own methods.
pub trait Frame: Sized {
    /// Computes the rows once and keeps them in the memory of the workers, each result where it was made; what is too much
    /// for that goes to their disks. The frame reads them from there. The workers drop them when the frame, and all frames
    /// made from it, are gone.
    ///
    /// # Errors
    /// The frame is not one of a [`Session`], or its query fails.
    fn persist(self) -> impl Future<Output = Result<Self, DataFusionError>> + Send;

    /// Writes the rows to a directory: tasks write part files, which appear when all of them are there. Options are those
    /// of `COPY … TO`: `mode`, `compression`, `single_file`.
    ///
    /// # Errors
    /// The frame is not one of a [`Session`], an option does not fit, the place cannot be written, or the query fails.
    fn write(
        self,
        url: &str,
        format: RowFormat,
        partition_by: &[&str],
        options: &[(&str, OptionValue)],
    ) -> impl Future<Output = Result<Written, DataFusionError>> + Send;
}

impl Frame for DataFrame {
    async fn persist(self) -> Result<Self, DataFusionError> {
        let (state, plan) = self.into_parts();
        let session = JobPlanner::session(&state)?;
        session.persist(plan).await.map_err(foreign)
    }

    async fn write(
        self,
        url: &str,
        format: RowFormat,
        partition_by: &[&str],
        options: &[(&str, OptionValue)],
    ) -> Result<Written, DataFusionError> {
        let (state, plan) = self.into_parts();
        let session = JobPlanner::session(&state)?;
        let columns = partition_by.iter().map(|&name| name.to_owned()).collect();
        let options: Vec<_> = options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let spec = OutputSpec::new(url, format, columns, &options);
        let spec = spec.map_err(|reason| DataFusionError::Plan(format!("write {url}: {reason}")))?;
        let request = Request::new(plan).with_output(spec).map_err(|error| foreign(error.into()))?;
        session.write(request).await.map_err(foreign)
    }
}

/// Our error, on its way through DataFusion.
fn foreign(error: QueryError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// What DataFusion says of a plan that we have made.
fn internal(error: DataFusionError) -> PlanError {
    PlanError::Internal(error.to_string())
}
