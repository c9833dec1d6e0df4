//! Stages, splits, places and columns as text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::physical_plan::joins::SortMergeJoinExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning, displayable};

use crate::graph::{self, Places};
use crate::inputs::{InputsExec, Reading, stage_names};
use crate::scan::Split;
use crate::stages::{StagePlan, Stages, Work};
use crate::tables::Table;

/// Hosts that are listed by name.
const HOSTS_LISTED: usize = 16;

/// What `EXPLAIN` shows.
pub(crate) fn text(stages: &Stages, tables: &[Table], split_size: u64, places: &Places) -> String {
    let mut text = String::new();
    for table in tables {
        line(
            &mut text,
            0,
            &format!(
                "table '{}': {} files, {}, {} columns",
                table.name,
                table.files.len(),
                bytes(table.bytes()),
                table.schema().fields().len()
            ),
        );
    }
    if let Some(joins) = joins(stages) {
        line(&mut text, 0, joins);
    }
    for (number, stage) in stages.stages.iter().enumerate() {
        let name = graph::name(number, stage, stages);
        line(&mut text, 0, &format!("stage {number}: {name}, {}", tasks(stage.tasks())));
        if let Work::Splits { splits, .. } = &stage.work {
            line(&mut text, 1, &format!("splits: {} of at most {}", splits.len(), bytes(split_size)));
            line(&mut text, 1, &format!("places: {}", hosts(splits, places)));
        }
        if let Some(rows) = stage.rows_wanted {
            line(&mut text, 1, &format!("ends as soon as its first tasks have {rows} rows"));
        }
        for read in reads(stage) {
            line(&mut text, 1, &format!("reads {read}"));
        }
        let body = match stage.plan.downcast_ref::<RepartitionExec>() {
            Some(division) => {
                line(&mut text, 1, &format!("leaves its rows {}", divided(division.partitioning())));
                division.input()
            }
            None => &stage.plan,
        };
        plan(&mut text, &displayable(body.as_ref()).indent(false).to_string());
    }
    text
}

fn tasks(count: usize) -> String {
    if count == 1 { "1 task".into() } else { format!("{count} tasks") }
}

/// What each task of a stage reads beside a split.
fn reads(stage: &StagePlan) -> Vec<String> {
    let mut found = Vec::new();
    if let Work::One { files } = &stage.work
        && !files.is_empty()
    {
        found.push(format!("{} files in order until it has its rows", files.len()));
    }
    if let Work::Kept(table) = &stage.work {
        found.push(format!("one result of table '{}', which workers keep", table.name()));
    }
    find_reads(&stage.plan, &mut found);
    if found.is_empty() && !matches!(stage.work, Work::Splits { .. }) {
        found.push("nothing".into());
    }
    found
}

fn find_reads(plan: &Arc<dyn ExecutionPlan>, found: &mut Vec<String>) {
    if let Some(leaf) = plan.downcast_ref::<InputsExec>() {
        let shape = leaf.shape();
        let (results, from) = (shape.inputs.len(), stage_names(&shape.stages));
        found.push(match &shape.reading {
            Reading::Hashed { buckets, .. } => format!("its bucket of {buckets} of {results} results of {from}"),
            Reading::InOrder => format!("{results} results of {from} in split order"),
            Reading::Sorted(_) => format!("{results} sorted results of {from}"),
        });
    }
    for child in plan.children() {
        find_reads(child, found);
    }
}

fn divided(partitioning: &Partitioning) -> String {
    match partitioning {
        Partitioning::Hash(keys, buckets) => {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            format!("in {buckets} buckets by hash of [{}]", keys.join(", "))
        }
        Partitioning::RoundRobinBatch(_) | Partitioning::Range(_) | Partitioning::UnknownPartitioning(_) => {
            format!("as {partitioning}")
        }
    }
}

/// How large tables are joined.
fn joins(stages: &Stages) -> Option<&'static str> {
    let sorted = |stage: &StagePlan| stage.plan.exists(|node| Ok(node.is::<SortMergeJoinExec>())).unwrap_or(false);
    let text = "joins: sorted, because a bucket of the smaller side may be larger than a task's memory";
    stages.stages.iter().any(sorted).then_some(text)
}

fn line(text: &mut String, depth: usize, content: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{:indent$}{content}", "", indent = depth * 2);
}

fn plan(text: &mut String, plan: &str) {
    for content in plan.lines() {
        line(text, 1, content);
    }
}

/// How many splits each host holds.
fn hosts(splits: &[Split], places: &Places) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for split in splits {
        for host in graph::hosts(split, places) {
            *counts.entry(host).or_default() += 1;
        }
    }
    if counts.is_empty() {
        return "any".into();
    }
    let more = counts.len().saturating_sub(HOSTS_LISTED);
    let mut listed: Vec<String> =
        counts.into_iter().take(HOSTS_LISTED).map(|(host, count)| format!("{host} {count}")).collect();
    if more > 0 {
        listed.push(format!("and {more} more hosts"));
    }
    listed.join(", ")
}

/// A length in decimal units.
fn bytes(length: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(unit, _)| length >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", length as f64 / unit as f64),
        None => format!("{length} bytes"),
    }
}
