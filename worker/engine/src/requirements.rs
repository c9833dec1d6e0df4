//! What a plan that was cut has to keep of the plan before it: the order that the query asks for, and the order and
//! partitioning that each operator asks of what is below it.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, internal_err};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::sanity_checker::SanityCheckPlan;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// Refuses a plan whose operators do not get what they ask for, or whose rows lost the order of `before`.
pub(crate) fn check(before: &Arc<dyn ExecutionPlan>, after: &Arc<dyn ExecutionPlan>) -> Result<()> {
    SanityCheckPlan::new().optimize(Arc::clone(after), &ConfigOptions::new())?;
    // Several partitions have orders of their own, and nobody asks for those of an answer.
    if before.output_partitioning().partition_count() == 1 { keeps_order(before, after) } else { Ok(()) }
}

/// Refuses a node whose rows lost the order of the node that it replaces. Asked of each, because a projection above may
/// drop the columns of the order and then nobody names it.
pub(crate) fn keeps_order(before: &Arc<dyn ExecutionPlan>, after: &Arc<dyn ExecutionPlan>) -> Result<()> {
    match before.output_ordering() {
        Some(order) if !after.equivalence_properties().ordering_satisfy(order.clone())? => {
            internal_err!("the cut loses the order {order}")
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::physical_expr::expressions::col;
    use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
    use datafusion::physical_plan::sorts::sort::SortExec;
    use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;

    use crate::inputs::{InputsExec, InputsShape, Reading};

    use super::*;

    fn order(input: &Arc<dyn ExecutionPlan>) -> LexOrdering {
        LexOrdering::new([PhysicalSortExpr::new_default(col("a", &input.schema()).unwrap())]).unwrap()
    }

    fn inputs() -> Arc<dyn ExecutionPlan> {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
        let shape = InputsShape { schema, stages: 0..1, inputs: 0..3, reading: Reading::InOrder, constants: vec![] };
        Arc::new(InputsExec::new(shape, None))
    }

    fn sorted(input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(SortExec::new(order(&input), input))
    }

    fn merged(input: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(SortPreservingMergeExec::new(order(&input), input))
    }

    #[test]
    fn an_operator_gets_the_order_that_it_asks_for() {
        assert!(check(&inputs(), &merged(sorted(inputs()))).is_ok());
        assert!(check(&inputs(), &merged(inputs())).is_err());
    }

    #[test]
    fn the_answer_keeps_its_order() {
        assert!(check(&sorted(inputs()), &sorted(inputs())).is_ok());
        assert!(check(&sorted(inputs()), &inputs()).is_err());
    }
}
