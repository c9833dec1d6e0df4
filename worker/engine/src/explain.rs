//! Stages, splits, places and columns as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use datafusion::physical_plan::displayable;

use crate::graph::{self, Places};
use crate::splits::Split;
use crate::stages::Stages;
use crate::table::Table;

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
                table.schema.fields().len()
            ),
        );
    }
    for (number, scan) in stages.scans.iter().enumerate() {
        let tasks = scan.splits.len();
        line(&mut text, 0, &format!("stage {number}: {}, {tasks} tasks", graph::scan_name(scan)));
        line(&mut text, 1, &format!("splits: {tasks} of at most {}", bytes(split_size)));
        line(&mut text, 1, &format!("places: {}", hosts(&scan.splits, places)));
        plan(&mut text, &displayable(scan.plan.as_ref()).indent(false).to_string());
    }
    if let Some(last) = &stages.last {
        let results: usize = stages.scans.iter().map(|scan| scan.splits.len()).sum();
        let number = stages.scans.len();
        let reads = match (results, last.files.len()) {
            (0, 0) => "reads nothing".to_owned(),
            (0, files) => format!("reads {files} files in order until it has its rows"),
            _ => format!("reads {results} results in split order"),
        };
        line(&mut text, 0, &format!("stage {number}: final, 1 task, {reads}"));
        plan(&mut text, &displayable(last.plan.as_ref()).indent(false).to_string());
    }
    text
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
