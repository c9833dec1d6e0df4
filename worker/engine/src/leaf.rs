//! What our plans' leaves have in common: nothing below them, and batches as they come.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning, PlanProperties};

/// The properties of a leaf whose rows are divided so.
pub(crate) fn properties(equivalences: EquivalenceProperties, partitioning: Partitioning) -> Arc<PlanProperties> {
    let properties = PlanProperties::new(equivalences, partitioning, EmissionType::Incremental, Boundedness::Bounded);
    Arc::new(properties.with_scheduling_type(SchedulingType::Cooperative))
}

/// The wanted columns of a leaf that always reads all of them; all, where nobody says which.
///
/// # Errors
/// DataFusion refuses it.
pub(crate) fn projected(leaf: Arc<dyn ExecutionPlan>, wanted: Option<&Vec<usize>>) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(wanted) = wanted else { return Ok(leaf) };
    let schema = leaf.schema();
    let columns = wanted.iter().map(|&at| {
        let name = schema.field(at).name();
        (Arc::new(Column::new(name, at)) as Arc<dyn PhysicalExpr>, name.clone())
    });
    Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), leaf)?))
}

/// The methods of an `ExecutionPlan` that has a field `properties`, and neither children nor expressions.
macro_rules! leaf_methods {
    ($name:literal) => {
        fn name(&self) -> &str {
            $name
        }

        fn properties(&self) -> &::std::sync::Arc<::datafusion::physical_plan::PlanProperties> {
            &self.properties
        }

        fn children(&self) -> Vec<&::std::sync::Arc<dyn ::datafusion::physical_plan::ExecutionPlan>> {
            Vec::new()
        }

        fn apply_expressions(
            &self,
            _: &mut dyn FnMut(
                &::std::sync::Arc<dyn ::datafusion::physical_expr::PhysicalExpr>,
            ) -> ::datafusion::common::Result<::datafusion::common::tree_node::TreeNodeRecursion>,
        ) -> ::datafusion::common::Result<::datafusion::common::tree_node::TreeNodeRecursion> {
            Ok(::datafusion::common::tree_node::TreeNodeRecursion::Continue)
        }

        fn with_new_children(
            self: ::std::sync::Arc<Self>,
            children: Vec<::std::sync::Arc<dyn ::datafusion::physical_plan::ExecutionPlan>>,
        ) -> ::datafusion::common::Result<::std::sync::Arc<dyn ::datafusion::physical_plan::ExecutionPlan>> {
            if children.is_empty() {
                Ok(self)
            } else {
                ::datafusion::common::internal_err!("{} has no children", $name)
            }
        }
    };
}
pub(crate) use leaf_methods;
