//! Stages with exchanges, for plans of several partitions: cut where rows change their partition.
//!
//! ```text
//!   CoalescePartitions                 stage 2, one task: InputsExec in order
//!     AggregateExec Final              stage 1, n tasks:  AggregateExec Final
//!       RepartitionExec hash, n   ─▶                        InputsExec, bucket p of each result
//!         AggregateExec Partial        stage 0, m tasks:  results in n buckets
//!           ScanExec (m splits)                          AggregateExec Partial, ScanExec
//! ```
//!
//! - A hash exchange divides the results below it, and each task above reads its part of all of them, in their order.
//! - A gather reads all results in one task, in their order.
//! - What a join needs whole beside rows that are divided is a stage of its own, and all of its results go to each task.
//! - The value of a subquery is a stage of its own, too, and each stage that needs it runs it from there.
//!
//! Nodes that are not known to work partition by partition ([`shapes`]) get all of their rows in one task.

use std::ops::Range;
use std::sync::Arc;

use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::physical_planning_context::ScalarSubqueryResults;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::limit::LocalLimitExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::scalar_subquery::{ScalarSubqueryExec, ScalarSubqueryLink};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::{Distribution, ExecutionPlan, ExecutionPlanProperties, Partitioning};

use super::branches::{self, with_children};
use super::shapes::{self, HEAP_ROWS, MERGED_AT_ONCE, limited};
use super::source::Source;
use super::{StagePlan, Stages, Work, partitions, tasks};
use crate::inputs::{InputsExec, InputsShape, Reading};
use crate::requirements;
use crate::side_by_side::SideBySideExec;

type Plan = Arc<dyn ExecutionPlan>;

/// Cuts a plan.
pub(super) fn cut(plan: &Plan, buckets: usize) -> Result<Stages> {
    let mut cutter = Cutter { buckets, stages: Vec::new(), values: None };
    let last = cutter.rewrite(plan)?;
    let answer = match whole_results(&last) {
        Some(stages) => stages,
        None => cutter.push(&last, None)?,
    };
    Ok(Stages { stages: cutter.stages, answer })
}

/// The stages whose results, one after the other, are all that this plan is.
fn whole_results(plan: &Plan) -> Option<Range<usize>> {
    let shape = plan.downcast_ref::<InputsExec>()?.shape();
    let whole = match shape.reading {
        Reading::InOrder => true,
        Reading::Sorted(_) => shape.inputs.len() == 1,
        Reading::Hashed { .. } => false,
    };
    whole.then(|| shape.stages.clone())
}

/// Values of subqueries that the nodes at hand may wait for.
#[derive(Clone)]
struct Values {
    links: Vec<ScalarSubqueryLink>,
    results: ScalarSubqueryResults,
}

struct Cutter {
    /// Parts of divided results.
    buckets: usize,
    stages: Vec<StagePlan>,
    values: Option<Values>,
}

impl Cutter {
    /// The part of the plan that is in the stage of `node`, with results of other stages below it.
    fn rewrite(&mut self, node: &Plan) -> Result<Plan> {
        let rewritten = self.replace(node)?;
        // Several partitions have orders of their own, which an operator above may rest on, too.
        requirements::keeps_order(node, &rewritten)?;
        Ok(rewritten)
    }

    fn replace(&mut self, node: &Plan) -> Result<Plan> {
        if let Some(subqueries) = node.downcast_ref::<ScalarSubqueryExec>() {
            return self.subqueries(subqueries);
        }
        if let Some(join) = node.downcast_ref::<HashJoinExec>().filter(|join| remembers_for_all(join)) {
            return self.divided_join(join);
        }
        let mut children = node.children().into_iter().map(|child| self.rewrite(child)).collect::<Result<Vec<_>>>()?;
        match children.as_slice() {
            [] => return Ok(Arc::clone(node)),
            [child] => {
                if let Some(exchange) = node.downcast_ref::<RepartitionExec>() {
                    return self.repartition(node, exchange, child);
                }
                if let Some(merge) = node.downcast_ref::<CoalescePartitionsExec>() {
                    return Ok(limited(self.gather(child, merge.fetch())?, merge.fetch()));
                }
                if let Some(merge) = node.downcast_ref::<SortPreservingMergeExec>() {
                    return self.merge(merge.expr().clone(), merge.fetch(), child);
                }
            }
            [_, _, ..] => {}
        }
        if node.is::<UnionExec>() {
            return with_children(node, children.into_iter());
        }
        if node.is::<InterleaveExec>() {
            return Ok(Arc::new(SideBySideExec::try_new(children)?));
        }
        self.supply(node, &mut children)?;
        with_children(node, children.into_iter())
    }

    /// Gives a node the rows that it needs: of some children all, of others those of its partition.
    fn supply(&mut self, node: &Plan, children: &mut [Plan]) -> Result<()> {
        let divides = shapes::works_per_partition(node) && !shapes::is_left_to_chance(node);
        let wanted = node.input_distribution_requirements();
        for (number, child) in children.iter_mut().enumerate() {
            let whole = matches!(wanted.child_distribution(number), Some(Distribution::SinglePartition));
            if !divides || whole {
                *child = self.gather(child, None)?;
            }
        }
        let is_divided = children.iter().any(|child| partitions(child) > 1);
        let is_alone = children.len() == 1;
        for child in children.iter_mut().filter(|child| partitions(child) == 1 && !is_alone) {
            // Beside a divided child it would be done again in each task; and no task has splits of two scans.
            if (is_divided && whole_results(child).is_none()) || !Source::all(child).is_empty() {
                *child = self.whole(child)?;
            }
        }
        Ok(())
    }

    /// All rows of a plan in one partition, as results of a stage of its own.
    fn whole(&mut self, plan: &Plan) -> Result<Plan> {
        let stages = self.push(plan, None)?;
        let reading = self.order_of_one(plan, &stages).map_or(Reading::InOrder, Reading::Sorted);
        Ok(self.reader(plan, stages, reading))
    }

    /// The order of the rows of a plan that has one task.
    fn order_of_one(&self, plan: &Plan, stages: &Range<usize>) -> Option<LexOrdering> {
        plan.output_ordering().filter(|_| tasks(&self.stages[stages.clone()]) == 1).cloned()
    }

    /// All partitions of a plan in one, in order; of each no more than `rows` rows.
    fn gather(&mut self, plan: &Plan, rows: Option<usize>) -> Result<Plan> {
        if partitions(plan) == 1 {
            return Ok(Arc::clone(plan));
        }
        let first = self.stages.len();
        let all = match rows.filter(|_| plan.fetch().is_none()) {
            Some(rows) => self.whole(&(Arc::new(LocalLimitExec::new(Arc::clone(plan), rows)) as Plan)),
            None => self.whole(plan),
        }?;
        self.stages[first..].iter_mut().for_each(|stage| stage.rows_wanted = rows);
        Ok(all)
    }

    /// Rows in other partitions.
    fn repartition(&mut self, node: &Plan, exchange: &RepartitionExec, child: &Plan) -> Result<Plan> {
        let Partitioning::Hash(keys, buckets) = exchange.partitioning() else { return Ok(Arc::clone(child)) };
        let child = if shapes::is_left_to_chance(node) { self.gather(child, None)? } else { Arc::clone(child) };
        self.exchange(&child, keys, *buckets)
    }

    /// Rows divided by the hash of keys.
    fn exchange(&mut self, child: &Plan, keys: &[Arc<dyn PhysicalExpr>], buckets: usize) -> Result<Plan> {
        let stages = self.push(child, Some(Partitioning::Hash(keys.to_vec(), buckets)))?;
        let order = self.order_of_one(child, &stages);
        Ok(self.reader(child, stages, Reading::Hashed { keys: keys.to_vec(), buckets, order }))
    }

    /// Merges sorted partitions: few rows with a heap, few partitions stream by stream, else all are sorted in one task.
    fn merge(&mut self, order: LexOrdering, fetch: Option<usize>, child: &Plan) -> Result<Plan> {
        if partitions(child) == 1 {
            return Ok(limited(Arc::clone(child), fetch));
        }
        if let Some(rows) = fetch.filter(|rows| *rows <= HEAP_ROWS) {
            let all = self.whole(child)?;
            return Ok(Arc::new(SortExec::new(order, all).with_fetch(Some(rows))));
        }
        if partitions(child) <= MERGED_AT_ONCE {
            let stages = self.push(child, None)?;
            let sorted = self.reader(child, stages, Reading::Sorted(order.clone()));
            return Ok(Arc::new(SortPreservingMergeExec::new(order, sorted).with_fetch(fetch)));
        }
        let unsorted = match child.downcast_ref::<SortExec>() {
            Some(sort) if sort.fetch().is_none() => sort.input(),
            Some(_) | None => child,
        };
        let all = self.whole(unsorted)?;
        Ok(limited(Arc::new(SortExec::new(order, all)), fetch))
    }

    /// A join that would remember rows of a build side that every task has: both sides are divided by their keys instead.
    fn divided_join(&mut self, join: &HashJoinExec) -> Result<Plan> {
        let left = match join.left().downcast_ref::<CoalescePartitionsExec>() {
            Some(merge) if merge.fetch().is_none() => merge.input(),
            Some(_) | None => join.left(),
        };
        let (left, right) = (self.rewrite(left)?, self.rewrite(join.right())?);
        let (left_keys, right_keys): (Vec<_>, Vec<_>) = join.on().iter().cloned().unzip();
        let left = self.exchange(&left, &left_keys, self.buckets)?;
        let right = self.exchange(&right, &right_keys, self.buckets)?;
        let divided =
            join.builder().with_partition_mode(PartitionMode::Partitioned).with_new_children(vec![left, right])?;
        Ok(Arc::new(divided.build()?))
    }

    /// Subqueries become stages, and what is above waits for their values.
    fn subqueries(&mut self, node: &ScalarSubqueryExec) -> Result<Plan> {
        let around = self.values.take();
        let mut links = Vec::new();
        for link in node.subqueries() {
            let rewritten = self.rewrite(&link.plan)?;
            let gathered = self.gather(&rewritten, None)?;
            let plan = if whole_results(&gathered).is_some() { gathered } else { self.whole(&gathered)? };
            links.push(ScalarSubqueryLink { plan, index: link.index });
        }
        self.values = Some(Values { links, results: node.results().clone() });
        let input = self.rewrite(node.input())?;
        let input = self.with_values(input);
        self.values = around;
        Ok(input)
    }

    /// The plan, with the values of subqueries that it waits for.
    fn with_values(&self, plan: Plan) -> Plan {
        match &self.values {
            Some(Values { links, results }) if shapes::waits_for_subquery(&plan) => {
                Arc::new(ScalarSubqueryExec::new(plan, links.clone(), results.clone()))
            }
            Some(_) | None => plan,
        }
    }

    /// Makes stages of a plan, one for each branch of a union.
    fn push(&mut self, plan: &Plan, division: Option<Partitioning>) -> Result<Range<usize>> {
        requirements::check(plan, plan)?;
        let first = self.stages.len();
        for branch in branches::of(plan)? {
            let work = work(&branch)?;
            let may_stop = shapes::may_stop(&branch);
            let mut plan = self.with_values(branch);
            if let Some(division) = &division {
                plan = Arc::new(RepartitionExec::try_new(plan, division.clone())?);
            }
            self.stages.push(StagePlan { plan, work, may_stop, rows_wanted: None });
        }
        Ok(first..self.stages.len())
    }

    /// A leaf that reads the results of stages, made of `plan`.
    fn reader(&self, plan: &Plan, stages: Range<usize>, reading: Reading) -> Plan {
        let inputs = 0..tasks(&self.stages[stages.clone()]);
        let shape = InputsShape { schema: plan.schema(), stages, inputs, reading, constants: shapes::constants(plan) };
        Arc::new(InputsExec::new(shape, None))
    }
}

/// Whether a join over several partitions would give each task a whole build side whose rows it has to give once.
fn remembers_for_all(join: &HashJoinExec) -> bool {
    *join.partition_mode() == PartitionMode::CollectLeft
        && shapes::emits_build_rows(*join.join_type())
        && !join.null_aware
        && partitions(join.right()) > 1
}

/// The tasks of a plan without unions.
fn work(plan: &Plan) -> Result<Work> {
    match (Source::all(plan).as_slice(), partitions(plan)) {
        ([source], count) if count == source.tasks() => Ok(source.work()),
        ([], 1) => Ok(Work::One { files: Arc::new([]) }),
        ([], buckets) => Ok(Work::Buckets(buckets)),
        (found, count) => internal_err!("a stage of {count} tasks reads {} sources", found.len()),
    }
}
