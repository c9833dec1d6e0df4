//! A union whose children are divided alike: partition `p` is partition `p` of every child, one child after the other.
//! What `InterleaveExec` does in order of arrival.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};

/// The same partition of every child, one child after the other.
#[derive(Debug)]
pub(crate) struct SideBySideExec {
    children: Vec<Arc<dyn ExecutionPlan>>,
    properties: Arc<PlanProperties>,
}

impl SideBySideExec {
    /// Reads children that have equally many partitions. If all are divided by the same hash, so is the union.
    pub fn try_new(children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Self> {
        let Some(first) = children.first() else { return internal_err!("a union has no children") };
        let partitioning = first.output_partitioning();
        let count = partitioning.partition_count();
        if children.iter().any(|child| child.output_partitioning().partition_count() != count) {
            return internal_err!("children of a union have different numbers of partitions");
        }
        let alike = children.iter().all(|child| child.output_partitioning() == partitioning);
        let partitioning = if alike { partitioning.clone() } else { Partitioning::UnknownPartitioning(count) };
        let schema = match children.as_slice() {
            [only] => only.schema(),
            _ => UnionExec::try_new(children.clone())?.schema(),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            partitioning,
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self { children, properties: Arc::new(properties) })
    }
}

impl DisplayAs for SideBySideExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("SideBySideExec")
    }
}

impl ExecutionPlan for SideBySideExec {
    fn name(&self) -> &str {
        "SideBySideExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.children.iter().collect()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::try_new(children)?))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let children = stream::iter(self.children.clone());
        let streams = children.map(move |child| child.execute(partition, Arc::clone(&context)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), streams.try_flatten())))
    }
}
