//! Looking where records begin: a query of its own over files in which a quoted field crosses a split's border.
//!
//! Each task tells what its split makes of every state in which it may begin; chained from the file's start, that says in
//! which it does begin, and where its first record is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::Schema;
use bobbin_parse::csv::{BorderScanner, StateMap};
use bytes::Bytes;
use prost::Message;

use crate::error::PlanError;
use crate::graph::split_task;
use crate::payload::{ReadingMessage, Shared};
use crate::planner::KnownBorders;
use crate::query::{Query, ScanTasks, Stage};
use crate::scan::{FirstRecords, Split, SplitNote};

/// Tasks that look where records begin, and the splits that they look at.
#[derive(Clone, Debug)]
pub struct BorderSearch {
    /// The tasks; nobody wants their results, only their notes.
    pub query: Query,
    splits: Vec<Split>,
}

impl Query {
    /// The search of the borders of these files, as this query has cut them.
    ///
    /// # Errors
    /// When its tasks cannot be encoded.
    pub fn border_search(&self, files: &BTreeSet<String>) -> Result<BorderSearch, PlanError> {
        let mut query = Query { stages: Vec::new(), wanted: Vec::new(), scans: Vec::new(), ..self.clone() };
        query.schema = Arc::new(Schema::empty());
        let mut splits: Vec<Split> = Vec::new();
        let mut searched = BTreeSet::new();
        for scan in &self.scans {
            let ours: Vec<(usize, &Split)> = scan
                .splits
                .iter()
                .enumerate()
                .filter(|(_, split)| files.contains(&split.file.url) && !searched.contains(&split.file.url))
                .collect();
            if ours.is_empty() {
                continue;
            }
            let reading = ReadingMessage::new(&scan.reading).map_err(|fault| PlanError::Internal(fault.to_string()))?;
            let shared = Shared::of_borders(&reading).encode_to_vec().into();
            let task = |(number, split): &(usize, &Split)| split_task(split, self.hosts_of(scan, *number));
            let tasks = ours.iter().map(task).collect();
            query.stages.push(Stage { name: format!("borders of '{}'", scan.table), shared, tasks, rows_wanted: None });
            searched.extend(ours.iter().map(|(_, split)| split.file.url.clone()));
            splits.extend(ours.into_iter().map(|(_, split)| split.clone()));
        }
        Ok(BorderSearch { query, splits })
    }

    /// The hosts of a scan's task, as it was planned.
    fn hosts_of(&self, scan: &ScanTasks, number: usize) -> Vec<String> {
        let mut task = scan.first_task as usize + number;
        for stage in &self.stages {
            match stage.tasks.get(task) {
                Some(planned) => return planned.places.clone(),
                None => task -= stage.tasks.len(),
            }
        }
        Vec::new()
    }
}

impl BorderSearch {
    /// What the notes of its tasks say; `None` if some is missing.
    pub fn known(&self, notes: &BTreeMap<u32, Bytes>) -> Option<KnownBorders> {
        let mut files: BTreeMap<&str, (Vec<StateMap>, Vec<u64>)> = BTreeMap::new();
        for (task, split) in (0..).zip(&self.splits) {
            let map = notes.get(&task).and_then(SplitNote::from_bytes)?.state_map()?;
            let (maps, ends) = files.entry(split.file.url.as_str()).or_default();
            maps.push(map);
            ends.push(split.end);
        }
        let mut known = FirstRecords::new();
        for (url, (maps, ends)) in files {
            let firsts = StateMap::first_records(&maps)?;
            let firsts = firsts.into_iter().zip(ends).map(|(first, end)| first.unwrap_or(end));
            known.insert(url.to_owned(), firsts.collect());
        }
        Some(KnownBorders(Arc::new(known)))
    }
}

/// The scanner of a split's borders.
pub(crate) fn scanner(reading: &crate::tables::Reading, split: &Split) -> BorderScanner {
    BorderScanner::new(&reading.csv, split.range())
}
