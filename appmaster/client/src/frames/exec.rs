//! The one node of a frame's physical plan: a job of the session, run when its rows are asked for.

use std::fmt;
use std::sync::Arc;

use bobbin_engine::{KnownBorders, Request};
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, UInt64Array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};

use super::foreign;
use crate::query::QueryError;
use crate::session::Session;

/// What is asked of the workers.
#[derive(Clone, Debug)]
pub(super) enum Job {
    /// The rows.
    Rows(Request),
    /// Files; one row says how many rows are in them.
    Write(Request),
    /// The stages, as text; nothing runs.
    Explain(Request),
    /// What running it took, as text.
    Analyze(Request),
}

/// A job.
pub(super) struct JobExec {
    session: Session,
    job: Job,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl JobExec {
    /// A job of this session, whose rows have these columns.
    pub fn new(session: Session, job: Job, schema: SchemaRef) -> Self {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Self { session, job, schema, properties }
    }
}

impl fmt::Debug for JobExec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JobExec").field("job", &self.job).finish_non_exhaustive()
    }
}

impl DisplayAs for JobExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self.job {
            Job::Rows(_) => "JobExec: rows",
            Job::Write(_) => "JobExec: files",
            Job::Explain(_) => "JobExec: explanation",
            Job::Analyze(_) => "JobExec: analysis",
        })
    }
}

impl ExecutionPlan for JobExec {
    fn name(&self) -> &str {
        "JobExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a job has no children") }
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("a job has one partition, not {partition}");
        }
        let (session, job, schema) = (self.session.clone(), self.job.clone(), Arc::clone(&self.schema));
        let rows = async move { rows(session, job, schema).await.map_err(foreign) };
        let rows = stream::once(rows).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows)))
    }
}

type Rows = BoxStream<'static, Result<RecordBatch>>;

/// Runs a job.
async fn rows(session: Session, job: Job, schema: SchemaRef) -> Result<Rows, QueryError> {
    match job {
        Job::Rows(request) => {
            let batches = session.compute(request).await?.batches().map_err(foreign);
            Ok(batches.and_then(move |batch| std::future::ready(under(&schema, batch))).boxed())
        }
        Job::Write(request) => {
            let written = session.write(request).await?;
            Ok(one(&schema, vec![Arc::new(UInt64Array::from(vec![written.rows]))]))
        }
        Job::Explain(request) => {
            let query = session.planner().graph(&request, &KnownBorders::default()).await?;
            Ok(text(&schema, "stages", query.explain()))
        }
        Job::Analyze(request) => {
            let answer = session.compute(request).await?;
            Ok(text(&schema, "stages with costs", answer.analysis.unwrap_or_default()))
        }
    }
}

/// The batch with the frame's own names for its columns.
fn under(schema: &SchemaRef, batch: RecordBatch) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)?)
}

/// The two columns of DataFusion's explanations: what it is, and the text.
fn text(schema: &SchemaRef, kind: &str, text: String) -> Rows {
    one(schema, vec![Arc::new(StringArray::from(vec![kind])), Arc::new(StringArray::from(vec![text]))])
}

/// One batch.
fn one(schema: &SchemaRef, columns: Vec<ArrayRef>) -> Rows {
    let batch = RecordBatch::try_new(Arc::clone(schema), columns).map_err(Into::into);
    stream::iter([batch]).boxed()
}
