//! Stages without exchanges, for plans of one partition: what can be done split by split, and one final task that reads
//! all of it.
//!
//! ```text
//!   SortExec                          SortExec
//!     AggregateExec Final               AggregateExec Final
//!       CoalescePartitions                InputsExec ◀── results in split order
//!         AggregateExec Partial   ─▶
//!           FilterExec                AggregateExec Partial ┐
//!             ScanExec (n splits)    FilterExec          │ n tasks
//!                                         ScanExec       ┘
//! ```
//!
//! Above the highest nodes on the list of [`works_per_split`] everything runs in one task, whatever it is: every leaf
//! then has one partition. What the nodes above a cut ask of the order of their rows is checked on every plan
//! ([`requirements::check`]); a plan that does not keep it is cut directly above its scans instead.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::branches::with_children;
use super::shapes::{
    HEAP_ROWS, MERGED_AT_ONCE, constants, is_movable, limited, may_stop, one_partition, works_per_split,
};
use super::source::Source;
use super::{StagePlan, Stages, Work};
use crate::inputs::{InputsExec, InputsShape, Reading};
use crate::requirements;
use crate::scan::{ScanExec, Split};

/// Rows that are read by one task, split after split, when a query wants the first rows of a table as they come.
const READ_IN_ORDER_ROWS: usize = 100_000;

/// Cuts a plan.
pub(super) fn cut(plan: Arc<dyn ExecutionPlan>) -> Result<Stages> {
    if let Some(source) = per_split(&plan) {
        let mut cutter = Cutter::new(Reach::Operators);
        cutter.push(&plan, source, None);
        return Ok(Stages { stages: cutter.scans, answer: 0..1 });
    }
    let stages = Cutter::new(Reach::Operators).cut(&plan);
    if let Err(error) = &stages {
        tracing::debug!(%error, "operators stay above the cut");
        return Cutter::new(Reach::Scans).cut(&plan);
    }
    stages
}

/// A plan of the form "the first rows of a table, as they come": one task reads the files in order and stops soon.
pub(super) fn first_rows(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Stages>> {
    let mut node = plan;
    loop {
        if let Some(scan) = node.downcast_ref::<ScanExec>() {
            // Behind a condition the first rows may be anywhere.
            let few = scan.shape().filter.is_none() && scan.fetch().is_some_and(|rows| rows <= READ_IN_ORDER_ROWS);
            return if few && scan.splits().len() > 1 { in_order(plan, scan).map(Some) } else { Ok(None) };
        }
        let passes = node.is::<ProjectionExec>() || node.is::<CoalescePartitionsExec>() || node.is::<GlobalLimitExec>();
        match (passes && is_movable(node, true), node.children().as_slice()) {
            (true, [child]) => node = child,
            _ => return Ok(None),
        }
    }
}

/// The same plan over whole files, read one after the other.
fn in_order(plan: &Arc<dyn ExecutionPlan>, scan: &ScanExec) -> Result<Stages> {
    let mut files: Vec<Split> = Vec::new();
    for split in scan.splits().iter().filter(|split| split.start == 0) {
        files.push(Split::whole(&split.file, &split.facts));
    }
    let files: Arc<[Split]> = files.into();
    let whole = Arc::new(ScanExec::try_new(scan.shape().clone(), Arc::clone(&files), None)?);
    let rewritten = Arc::clone(plan)
        .transform_up(|node| {
            if node.is::<ScanExec>() {
                return Ok(Transformed::yes(Arc::clone(&whole) as Arc<dyn ExecutionPlan>));
            }
            match node.downcast_ref::<CoalescePartitionsExec>() {
                Some(merge) => Ok(Transformed::yes(limited(one_partition(Arc::clone(merge.input())), merge.fetch()))),
                None => Ok(Transformed::no(node)),
            }
        })?
        .data;
    let rewritten = one_partition(rewritten);
    requirements::check(plan, &rewritten)?;
    let last = StagePlan { plan: rewritten, work: Work::One { files }, may_stop: false, rows_wanted: None };
    Ok(Stages { stages: vec![last], answer: 0..1 })
}

/// How far up a cut may be.
#[derive(Clone, Copy)]
enum Reach {
    /// Above all that can be done split by split.
    Operators,
    /// Directly above the scans.
    Scans,
}

struct Cutter {
    reach: Reach,
    scans: Vec<StagePlan>,
}

impl Cutter {
    fn new(reach: Reach) -> Self {
        Self { reach, scans: Vec::new() }
    }

    /// Stages that do the same as `plan`, with a last task.
    fn cut(mut self, plan: &Arc<dyn ExecutionPlan>) -> Result<Stages> {
        let last = one_partition(self.rewrite(Arc::clone(plan))?);
        requirements::check(plan, &last)?;
        let number = self.scans.len();
        let mut stages = self.scans;
        stages.push(StagePlan {
            plan: last,
            work: Work::One { files: Arc::new([]) },
            may_stop: false,
            rows_wanted: None,
        });
        Ok(Stages { stages, answer: number..number + 1 })
    }

    /// The source below `node`, if all from `node` down to it goes to the source's tasks.
    fn chain<'a>(&self, node: &'a Arc<dyn ExecutionPlan>) -> Option<Source<'a>> {
        match self.reach {
            Reach::Operators => per_split(node),
            Reach::Scans => Source::of(node),
        }
    }

    /// The plan with results of scan tasks in place of what they do, and rows in the same order.
    fn rewrite(&mut self, node: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = self.replace(Arc::clone(&node))?;
        requirements::keeps_order(&node, &rewritten)?;
        Ok(rewritten)
    }

    fn replace(&mut self, node: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(source) = self.chain(&node) {
            return Ok(self.results(&node, source));
        }
        if let Some(merge) = node.downcast_ref::<SortPreservingMergeExec>()
            && let Some(source) = self.chain(merge.input())
        {
            return Ok(self.merge(merge.expr().clone(), merge.fetch(), merge.input(), source));
        }
        if let Some(merge) = node.downcast_ref::<CoalescePartitionsExec>()
            && let (Some(rows), Some(source)) = (merge.fetch(), self.chain(merge.input()))
        {
            let inputs = self.results(merge.input(), source);
            self.wants(rows, &inputs);
            return Ok(limited(one_partition(inputs), merge.fetch()));
        }
        let mut children = Vec::new();
        for child in node.children() {
            children.push(self.rewrite(Arc::clone(child))?);
        }
        if let (Some(merge), [child]) = (node.downcast_ref::<CoalescePartitionsExec>(), children.as_slice()) {
            return Ok(limited(one_partition(Arc::clone(child)), merge.fetch()));
        }
        if let (true, [child]) = (node.is::<RepartitionExec>(), children.as_slice())
            && node.output_partitioning().partition_count() == 1
        {
            return Ok(one_partition(Arc::clone(child)));
        }
        with_children(&node, children.into_iter())
    }

    /// Results of `plan` in one partition, in the order that each split's rows have.
    fn results(&mut self, plan: &Arc<dyn ExecutionPlan>, source: Source<'_>) -> Arc<dyn ExecutionPlan> {
        let Some(order) = plan.output_ordering().cloned() else {
            return self.push(plan, source, None);
        };
        if source.is_alone() {
            return self.push(plan, source, Some(order));
        }
        let fetch = plan.downcast_ref::<SortExec>().and_then(SortExec::fetch);
        self.merge(order, fetch, plan, source)
    }

    /// Nobody wants more rows than these of the stage that was made last, of whose results `inputs` reads one after the
    /// other.
    fn wants(&mut self, rows: usize, inputs: &Arc<dyn ExecutionPlan>) {
        let in_order = inputs.downcast_ref::<InputsExec>().is_some_and(|leaf| leaf.shape().reading.order().is_none());
        if let Some(stage) = self.scans.last_mut().filter(|_| in_order) {
            stage.rows_wanted = Some(rows);
        }
    }

    /// Makes a stage of `plan`, and a leaf that reads its results.
    fn push(
        &mut self,
        plan: &Arc<dyn ExecutionPlan>,
        source: Source<'_>,
        sorted: Option<LexOrdering>,
    ) -> Arc<dyn ExecutionPlan> {
        let number = self.scans.len();
        let (plan, work) = (Arc::clone(plan), source.work());
        let may_stop = may_stop(&plan);
        self.scans.push(StagePlan { plan: Arc::clone(&plan), work, may_stop, rows_wanted: None });
        let shape = InputsShape {
            schema: plan.schema(),
            stages: number..number + 1,
            inputs: 0..source.tasks(),
            reading: sorted.map_or(Reading::InOrder, Reading::Sorted),
            constants: constants(&plan),
        };
        Arc::new(InputsExec::new(shape, None))
    }

    /// Merges sorted splits: few rows with a heap, few splits stream by stream, else all are sorted in the last task.
    fn merge(
        &mut self,
        order: LexOrdering,
        fetch: Option<usize>,
        plan: &Arc<dyn ExecutionPlan>,
        source: Source<'_>,
    ) -> Arc<dyn ExecutionPlan> {
        if let Some(rows) = fetch.filter(|rows| *rows <= HEAP_ROWS) {
            let inputs = self.push(plan, source, None);
            return Arc::new(SortExec::new(order, inputs).with_fetch(Some(rows)));
        }
        if source.tasks() <= MERGED_AT_ONCE {
            let inputs = self.push(plan, source, Some(order.clone()));
            return Arc::new(SortPreservingMergeExec::new(order, inputs).with_fetch(fetch));
        }
        let unsorted = match plan.downcast_ref::<SortExec>() {
            Some(sort) if sort.fetch().is_none() => sort.input(),
            _ => plan,
        };
        let inputs = self.push(unsorted, source, None);
        limited(Arc::new(SortExec::new(order, inputs)), fetch)
    }
}

/// The source below `node`, if all from `node` down to it can be done split by split.
fn per_split(node: &Arc<dyn ExecutionPlan>) -> Option<Source<'_>> {
    if let Some(source) = Source::of(node) {
        return Some(source);
    }
    let children = node.children();
    let [child] = children.as_slice() else {
        return None;
    };
    let source = per_split(child)?;
    let alone = source.is_alone();
    ((alone || works_per_split(node)) && is_movable(node, alone)).then_some(source)
}
