//! Which nodes may run in many tasks at the same time, and what their plans say about themselves.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::scalar_subquery::ScalarSubqueryExpr;
use datafusion::physical_expr::{AcrossPartitions, PhysicalExpr};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, PartitionMode, SortMergeJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::concat::ConcatExec;

/// Sorted results that one task merges at the same time; each holds a batch in memory. More are sorted again.
pub(super) const MERGED_AT_ONCE: usize = 128;
/// Rows that a heap may hold: the operator that keeps the first rows of an order cannot spill.
pub(super) const HEAP_ROWS: usize = 100_000;
/// Columns that have one value in all rows of all splits.
pub(super) fn constants(plan: &Arc<dyn ExecutionPlan>) -> Vec<usize> {
    let constants = plan.equivalence_properties().constants().into_iter();
    let uniform = constants.filter(|constant| matches!(constant.across_partitions, AcrossPartitions::Uniform(_)));
    uniform.filter_map(|constant| Some(constant.expr.downcast_ref::<Column>()?.index())).collect()
}

/// Whether an operator over all splits does the same when it runs over each split.
pub(super) fn works_per_split(node: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        return *aggregate.mode() == AggregateMode::Partial;
    }
    if let Some(sort) = node.downcast_ref::<SortExec>() {
        return sort.preserve_partitioning();
    }
    node.is::<FilterExec>()
        || node.is::<ProjectionExec>()
        || node.is::<LocalLimitExec>()
        || node.is::<UnnestExec>()
        || node.is::<CooperativeExec>()
}

/// Whether a node's expressions mean the same in a task of their own: they may not wait for a subquery's value, and
/// chance belongs where the whole input is (unless the split is the whole input).
pub(super) fn is_movable(node: &Arc<dyn ExecutionPlan>, alone: bool) -> bool {
    let mut movable = true;
    let visited = node.apply_expressions(&mut |expression| {
        let waits = expression.exists(|part: &Arc<dyn PhysicalExpr>| Ok(part.is::<ScalarSubqueryExpr>()))?;
        if waits || (!alone && is_volatile(expression)) {
            movable = false;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    movable && visited.is_ok()
}

/// Whether some node of a chain stops reading when it has enough rows.
pub(super) fn may_stop(node: &Arc<dyn ExecutionPlan>) -> bool {
    let limited_aggregate =
        node.downcast_ref::<AggregateExec>().is_some_and(|aggregate| aggregate.limit_options().is_some());
    let stops = limited_aggregate || (node.fetch().is_some() && !node.is::<SortExec>());
    stops || node.children().into_iter().any(may_stop)
}

/// Whether a node over partitions does the same when each partition has a task of its own, given that it gets the
/// distribution that it asks for. Anything that is not known to is done in one task.
pub(super) fn works_per_partition(node: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(join) = node.downcast_ref::<HashJoinExec>() {
        return match join.partition_mode() {
            PartitionMode::Partitioned => true,
            PartitionMode::CollectLeft => !emits_build_rows(*join.join_type()) && !join.null_aware,
            PartitionMode::Auto => false,
        };
    }
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        return match aggregate.mode() {
            AggregateMode::Partial | AggregateMode::FinalPartitioned | AggregateMode::SinglePartitioned => true,
            AggregateMode::PartialReduce | AggregateMode::Final | AggregateMode::Single => false,
        };
    }
    works_per_split(node)
        || node.is::<SortMergeJoinExec>()
        || node.is::<CrossJoinExec>()
        || node.is::<WindowAggExec>()
        || node.is::<BoundedWindowAggExec>()
}

/// Whether a join gives rows of its build side that it remembers until the end. It thinks that it has seen all rows of the
/// other side then, which a task that has seen one partition has not.
pub(super) fn emits_build_rows(join: JoinType) -> bool {
    match join {
        JoinType::Left | JoinType::Full | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => true,
        JoinType::Inner | JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => false,
    }
}

/// Whether an expression of the node depends on chance: only one task may evaluate it, once.
pub(super) fn is_left_to_chance(node: &Arc<dyn ExecutionPlan>) -> bool {
    any_expression(node, &mut is_volatile)
}

/// Whether an expression below `plan` waits for the value of a subquery.
pub(super) fn waits_for_subquery(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut waits = |expression: &Arc<dyn PhysicalExpr>| {
        expression.exists(|part: &Arc<dyn PhysicalExpr>| Ok(part.is::<ScalarSubqueryExpr>())).unwrap_or(true)
    };
    any_expression(plan, &mut waits) || plan.children().into_iter().any(waits_for_subquery)
}

fn any_expression(node: &Arc<dyn ExecutionPlan>, test: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> bool) -> bool {
    let mut found = false;
    let visited = node.apply_expressions(&mut |expression| {
        found |= test(expression);
        Ok(TreeNodeRecursion::Continue)
    });
    found || visited.is_err()
}

/// All partitions of a plan in one, in order.
pub(super) fn one_partition(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    if plan.output_partitioning().partition_count() == 1 { plan } else { Arc::new(ConcatExec::new(plan)) }
}

/// At most the first `rows` rows of a plan.
pub(super) fn limited(plan: Arc<dyn ExecutionPlan>, rows: Option<usize>) -> Arc<dyn ExecutionPlan> {
    match rows {
        Some(rows) => Arc::new(GlobalLimitExec::new(plan, 0, Some(rows))),
        None => plan,
    }
}
