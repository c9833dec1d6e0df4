//! Unions in stages: each partition of a union is a partition of one child, so each task needs one child only.

use std::sync::Arc;

use datafusion::common::{Result, internal_err};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::union::UnionExec;

/// Plans without unions whose partitions, one plan after the other, are those of `plan`.
pub(super) fn of(plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
    let children = plan.children().into_iter().map(of).collect::<Result<Vec<_>>>()?;
    if plan.is::<UnionExec>() {
        return Ok(children.into_iter().flatten().collect());
    }
    let mut divided = (0..children.len()).filter(|&number| children[number].len() > 1);
    let Some(number) = divided.next() else { return Ok(vec![with_children(plan, children.into_iter().flatten())?]) };
    if divided.next().is_some() {
        return internal_err!("{} reads two unions side by side", plan.name());
    }
    let branch = |alternative: &Arc<dyn ExecutionPlan>| {
        let child = |(at, child): (usize, &Vec<Arc<dyn ExecutionPlan>>)| {
            if at == number { Arc::clone(alternative) } else { Arc::clone(&child[0]) }
        };
        with_children(plan, children.iter().enumerate().map(child))
    };
    children[number].iter().map(branch).collect()
}

/// The same node over these children.
pub(super) fn with_children(
    node: &Arc<dyn ExecutionPlan>,
    children: impl Iterator<Item = Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let children: Vec<_> = children.collect();
    if children.is_empty() {
        return Ok(Arc::clone(node));
    }
    Arc::clone(node).replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
}
