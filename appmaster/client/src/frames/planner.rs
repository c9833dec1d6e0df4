//! From a frame's logical plan to the job that answers it.

#![allow(clippy::wildcard_enum_match_arm, reason = "logical plans are foreign and many")]

use std::fmt;
use std::sync::Arc;

use bobbin_engine::Request;
use bobbin_engine::output::{OutputSpec, RowFormat};
use datafusion::common::{Result, not_impl_err, plan_datafusion_err};
use datafusion::datasource::file_format::csv::CsvFormatFactory;
use datafusion::datasource::file_format::file_type_to_format;
use datafusion::datasource::file_format::json::JsonFormatFactory;
use datafusion::datasource::file_format::parquet::ParquetFormatFactory;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::dml::CopyTo;
use datafusion::physical_plan::ExecutionPlan;

use super::exec::{Job, JobExec};
use super::foreign;
use crate::session::Session;

/// Makes jobs of a session of logical plans.
pub(super) struct JobPlanner(Session);

impl JobPlanner {
    /// The planner of frames of this session.
    pub fn of(session: &Session) -> Arc<Self> {
        Arc::new(Self(session.clone()))
    }

    /// The session of a frame with this state.
    pub fn session(state: &SessionState) -> Result<Session> {
        let planner: &dyn std::any::Any = state.query_planner().as_ref();
        let planner = planner.downcast_ref::<JobPlanner>();
        let other =
            || plan_datafusion_err!("the frame is not of a bobbin session; make it with Session::read_csv or sql");
        planner.map(|planner| planner.0.clone()).ok_or_else(other)
    }
}

impl fmt::Debug for JobPlanner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JobPlanner")
    }
}

#[async_trait::async_trait]
impl QueryPlanner for JobPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        _: &dyn datafusion::catalog::Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = Arc::clone(plan.schema().inner());
        let job = match plan {
            LogicalPlan::Copy(copy) => {
                let request = Request::new(copy.input.as_ref().clone()).with_output(spec(copy)?);
                Job::Write(request.map_err(|error| foreign(error.into()))?)
            }
            LogicalPlan::Explain(explain) => Job::Explain(Request::new(explain.plan.as_ref().clone())),
            LogicalPlan::Analyze(analyze) => Job::Analyze(Request::new(analyze.input.as_ref().clone()).analyzed()),
            LogicalPlan::Ddl(_) | LogicalPlan::Dml(_) | LogicalPlan::Statement(_) => {
                return not_impl_err!(
                    "a frame of a bobbin session gives or writes rows; {} does neither",
                    plan.display()
                );
            }
            query => Job::Rows(Request::new(query.clone())),
        };
        Ok(Arc::new(JobExec::new(self.0.clone(), job, schema)))
    }
}

/// What `DataFrame::write_*` wants written.
fn spec(copy: &CopyTo) -> Result<OutputSpec> {
    let extension = copy.file_type.get_ext();
    let format = RowFormat::named(extension.trim_start_matches('.'))
        .ok_or_else(|| plan_datafusion_err!("write {}: no {extension} files", copy.output_url))?;
    let factory = file_type_to_format(&copy.file_type)?;
    let is_plain = factory.downcast_ref::<CsvFormatFactory>().is_none_or(|csv| csv.options.is_none())
        && factory.downcast_ref::<JsonFormatFactory>().is_none_or(|json| json.options.is_none())
        && factory.downcast_ref::<ParquetFormatFactory>().is_none_or(|parquet| parquet.options.is_none());
    if !is_plain {
        return not_impl_err!(
            "write {}: writer options of DataFusion are not taken; Frame::write has mode, compression and single_file",
            copy.output_url
        );
    }
    let options: Vec<_> = copy.options.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let spec = OutputSpec::new(&copy.output_url, format, copy.partition_by.clone(), &options);
    spec.map_err(|reason| plan_datafusion_err!("write {}: {reason}", copy.output_url))
}
