//! Cuts a physical plan into stages: what can be done split by split, and one final task that reads all of it.
//!
//! ```text
//!   SortExec                          SortExec
//!     AggregateExec Final               AggregateExec Final
//!       CoalescePartitions                InputsExec ◀── results in split order
//!         AggregateExec Partial   ─▶
//!           FilterExec                AggregateExec Partial ┐
//!             CsvScanExec (n splits)    FilterExec          │ n tasks
//!                                         CsvScanExec       ┘
//! ```
//!
//! Above the highest nodes on the list of [`works_per_split`] everything runs in one task, whatever it is: every leaf
//! then has one partition. What the nodes above a cut ask of the order of their rows is checked on every plan
//! ([`requirements::check`]); a plan that does not keep it is cut directly above its scans instead.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::scalar_subquery::ScalarSubqueryExpr;
use datafusion::physical_expr::{AcrossPartitions, LexOrdering, PhysicalExpr};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::concat::ConcatExec;
use crate::inputs::{InputsExec, InputsShape};
use crate::requirements;
use crate::scan::CsvScanExec;
use crate::splits::Split;

/// Sorted results that one task merges at the same time; each holds a batch in memory. More are sorted again.
const MERGED_AT_ONCE: usize = 128;
/// Rows that a heap may hold: the operator that keeps the first rows of an order cannot spill.
const HEAP_ROWS: usize = 100_000;
/// Rows that are read by one task, split after split, when a query wants the first rows of a table as they come.
const READ_IN_ORDER_ROWS: usize = 100_000;

/// A plan in stages.
#[derive(Debug)]
pub(crate) struct Stages {
    /// Work that is done split by split.
    pub scans: Vec<ScanStage>,
    /// The last task; without one, the results of the only scan are the answer.
    pub last: Option<LastTask>,
}

/// Work that is done split by split.
#[derive(Debug)]
pub(crate) struct ScanStage {
    /// The part of the plan, above a scan of all splits.
    pub plan: Arc<dyn ExecutionPlan>,
    /// The table, as the query writes it.
    pub table: Arc<str>,
    /// The splits, one a task.
    pub splits: Arc<[Split]>,
    /// A task may leave its split unread when it has all rows that the query wants.
    pub may_stop: bool,
}

/// The task above all scans.
#[derive(Debug)]
pub(crate) struct LastTask {
    /// Its plan.
    pub plan: Arc<dyn ExecutionPlan>,
    /// Files that it reads itself, in order.
    pub files: Arc<[Split]>,
}

/// Cuts a plan.
pub(crate) fn cut(plan: Arc<dyn ExecutionPlan>) -> Result<Stages> {
    if let Some(last) = first_rows(&plan)? {
        requirements::check(&plan, &last.plan)?;
        return Ok(Stages { scans: Vec::new(), last: Some(last) });
    }
    if let Some(scan) = per_split(&plan) {
        let mut cutter = Cutter::new(Reach::Operators);
        cutter.push(&plan, scan, None);
        return Ok(Stages { scans: cutter.scans, last: None });
    }
    let stages = Cutter::new(Reach::Operators).cut(&plan);
    if let Err(error) = &stages {
        tracing::debug!(%error, "operators stay above the cut");
        return Cutter::new(Reach::Scans).cut(&plan);
    }
    stages
}

/// A plan of the form "the first rows of a table, as they come": one task reads the files in order and stops soon.
fn first_rows(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<LastTask>> {
    let mut node = plan;
    loop {
        if let Some(scan) = node.downcast_ref::<CsvScanExec>() {
            let few = scan.fetch().is_some_and(|rows| rows <= READ_IN_ORDER_ROWS);
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
fn in_order(plan: &Arc<dyn ExecutionPlan>, scan: &CsvScanExec) -> Result<LastTask> {
    let mut files: Vec<Split> = Vec::new();
    for split in scan.splits().iter().filter(|split| split.start == 0) {
        files.push(Split::whole(&split.file));
    }
    let files: Arc<[Split]> = files.into();
    let whole = Arc::new(CsvScanExec::try_new(scan.shape().clone(), Arc::clone(&files), None)?);
    let plan = Arc::clone(plan)
        .transform_up(|node| {
            use datafusion::common::tree_node::Transformed;
            if node.is::<CsvScanExec>() {
                return Ok(Transformed::yes(Arc::clone(&whole) as Arc<dyn ExecutionPlan>));
            }
            match node.downcast_ref::<CoalescePartitionsExec>() {
                Some(merge) => Ok(Transformed::yes(limited(one_partition(Arc::clone(merge.input())), merge.fetch()))),
                None => Ok(Transformed::no(node)),
            }
        })?
        .data;
    Ok(LastTask { plan: one_partition(plan), files })
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
    scans: Vec<ScanStage>,
    /// Tasks of all scans so far: the number of the next input.
    tasks: usize,
}

impl Cutter {
    fn new(reach: Reach) -> Self {
        Self { reach, scans: Vec::new(), tasks: 0 }
    }

    /// Stages that do the same as `plan`, with a last task.
    fn cut(mut self, plan: &Arc<dyn ExecutionPlan>) -> Result<Stages> {
        let last = one_partition(self.rewrite(Arc::clone(plan))?);
        requirements::check(plan, &last)?;
        Ok(Stages { scans: self.scans, last: Some(LastTask { plan: last, files: Arc::new([]) }) })
    }

    /// The scan below `node`, if all from `node` down to it goes to the scan's tasks.
    fn chain<'a>(&self, node: &'a Arc<dyn ExecutionPlan>) -> Option<&'a CsvScanExec> {
        match self.reach {
            Reach::Operators => per_split(node),
            Reach::Scans => node.downcast_ref::<CsvScanExec>(),
        }
    }

    /// The plan with results of scan tasks in place of what they do, and rows in the same order.
    fn rewrite(&mut self, node: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = self.replace(Arc::clone(&node))?;
        requirements::keeps_order(&node, &rewritten)?;
        Ok(rewritten)
    }

    fn replace(&mut self, node: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(scan) = self.chain(&node) {
            return Ok(self.results(&node, scan));
        }
        if let Some(merge) = node.downcast_ref::<SortPreservingMergeExec>()
            && let Some(scan) = self.chain(merge.input())
        {
            return Ok(self.merge(merge.expr().clone(), merge.fetch(), merge.input(), scan));
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
        if children.is_empty() {
            return Ok(node);
        }
        node.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    /// Results of `plan` in one partition, in the order that each split's rows have.
    fn results(&mut self, plan: &Arc<dyn ExecutionPlan>, scan: &CsvScanExec) -> Arc<dyn ExecutionPlan> {
        let Some(order) = plan.output_ordering().cloned() else {
            return self.push(plan, scan, None);
        };
        if is_alone(scan) {
            return self.push(plan, scan, Some(order));
        }
        let fetch = plan.downcast_ref::<SortExec>().and_then(SortExec::fetch);
        self.merge(order, fetch, plan, scan)
    }

    /// Makes a stage of `plan`, and a leaf that reads its results.
    fn push(
        &mut self,
        plan: &Arc<dyn ExecutionPlan>,
        scan: &CsvScanExec,
        sorted: Option<LexOrdering>,
    ) -> Arc<dyn ExecutionPlan> {
        let first = self.tasks;
        self.tasks += scan.splits().len();
        self.scans.push(ScanStage {
            plan: Arc::clone(plan),
            table: Arc::clone(&scan.shape().table),
            splits: Arc::clone(scan.splits()),
            may_stop: may_stop(plan),
        });
        let constants = constants(plan);
        let shape = InputsShape { schema: plan.schema(), inputs: first..self.tasks, sorted, constants };
        Arc::new(InputsExec::new(shape, None))
    }

    /// Merges sorted splits: few rows with a heap, few splits stream by stream, else all are sorted in the last task.
    fn merge(
        &mut self,
        order: LexOrdering,
        fetch: Option<usize>,
        plan: &Arc<dyn ExecutionPlan>,
        scan: &CsvScanExec,
    ) -> Arc<dyn ExecutionPlan> {
        if let Some(rows) = fetch.filter(|rows| *rows <= HEAP_ROWS) {
            let inputs = self.push(plan, scan, None);
            return Arc::new(SortExec::new(order, inputs).with_fetch(Some(rows)));
        }
        if scan.splits().len() <= MERGED_AT_ONCE {
            let inputs = self.push(plan, scan, Some(order.clone()));
            return Arc::new(SortPreservingMergeExec::new(order, inputs).with_fetch(fetch));
        }
        let unsorted = match plan.downcast_ref::<SortExec>() {
            Some(sort) if sort.fetch().is_none() => sort.input(),
            _ => plan,
        };
        let inputs = self.push(unsorted, scan, None);
        limited(Arc::new(SortExec::new(order, inputs)), fetch)
    }
}

/// The scan below `node`, if all from `node` down to it can be done split by split.
fn per_split(node: &Arc<dyn ExecutionPlan>) -> Option<&CsvScanExec> {
    if let Some(scan) = node.downcast_ref::<CsvScanExec>() {
        return Some(scan);
    }
    let children = node.children();
    let [child] = children.as_slice() else {
        return None;
    };
    let scan = per_split(child)?;
    let alone = is_alone(scan);
    ((alone || works_per_split(node)) && is_movable(node, alone)).then_some(scan)
}

/// Whether one task reads the whole table.
fn is_alone(scan: &CsvScanExec) -> bool {
    scan.splits().len() == 1
}

/// Columns that have one value in all rows of all splits.
fn constants(plan: &Arc<dyn ExecutionPlan>) -> Vec<usize> {
    let constants = plan.equivalence_properties().constants().into_iter();
    let uniform = constants.filter(|constant| matches!(constant.across_partitions, AcrossPartitions::Uniform(_)));
    uniform.filter_map(|constant| Some(constant.expr.downcast_ref::<Column>()?.index())).collect()
}

/// Whether an operator over all splits does the same when it runs over each split.
fn works_per_split(node: &Arc<dyn ExecutionPlan>) -> bool {
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
fn is_movable(node: &Arc<dyn ExecutionPlan>, alone: bool) -> bool {
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
fn may_stop(node: &Arc<dyn ExecutionPlan>) -> bool {
    let limited_aggregate =
        node.downcast_ref::<AggregateExec>().is_some_and(|aggregate| aggregate.limit_options().is_some());
    let stops = limited_aggregate || (node.fetch().is_some() && !node.is::<SortExec>());
    stops || node.children().into_iter().any(may_stop)
}

/// All partitions of a plan in one, in order.
fn one_partition(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    if plan.output_partitioning().partition_count() == 1 { plan } else { Arc::new(ConcatExec::new(plan)) }
}

/// At most the first `rows` rows of a plan.
fn limited(plan: Arc<dyn ExecutionPlan>, rows: Option<usize>) -> Arc<dyn ExecutionPlan> {
    match rows {
        Some(rows) => Arc::new(GlobalLimitExec::new(plan, 0, Some(rows))),
        None => plan,
    }
}
