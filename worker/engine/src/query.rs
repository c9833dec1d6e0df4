//! A query as a graph of tasks: what the driver submits, and how it judges the notes that come back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use crate::kept::KeptTable;
use crate::scan::{BadNote, Cost, Split, SplitNote, merge};
use crate::tables::Reading;

/// A planned query. Tasks are numbered through all stages in order, from 0.
#[derive(Clone, Debug)]
pub struct Query {
    /// The columns of the answer.
    pub schema: SchemaRef,
    /// Stages, each after those that it reads.
    pub stages: Vec<Stage>,
    /// The numbers of the tasks whose results, one after the other, are the answer.
    pub wanted: Vec<u32>,
    /// The kept tables that it reads, which stay as long as it does.
    pub kept: Vec<KeptTable>,
    /// Which tasks read which splits.
    pub(crate) scans: Vec<ScanTasks>,
    /// The stages, as text.
    pub(crate) explanation: String,
}

/// Alike tasks: one record and a body each.
#[derive(Clone, Debug)]
pub struct Stage {
    /// What the stage does, for people.
    pub name: String,
    /// What all its tasks share.
    pub shared: Bytes,
    /// Its tasks in number order.
    pub tasks: Vec<TaskPlan>,
    /// When its first tasks have so many rows in their results, the others need not run, and leave no notes.
    pub rows_wanted: Option<u64>,
}

/// One task of a stage.
#[derive(Clone, Debug)]
pub struct TaskPlan {
    /// What only this task needs to know.
    pub body: Bytes,
    /// Hosts that hold most of what it reads; empty when any host is as good.
    pub places: Vec<String>,
    /// Bytes that it reads from files.
    pub input_bytes: u64,
    /// Results of earlier tasks that it reads, in reading order.
    pub inputs: Vec<InputRange>,
}

/// Consecutive tasks of which a task reads the same part of each result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputRange {
    /// The earlier job that they belong to; this one where there is none.
    pub job: Option<u32>,
    /// Number of the first.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// Which part of each result.
    pub part: u32,
}

/// Tasks that read one split each.
#[derive(Clone, Debug)]
pub(crate) struct ScanTasks {
    /// Number of the first.
    pub first_task: u32,
    /// The table, as the query writes it.
    pub table: Arc<str>,
    /// How its records are read.
    pub reading: Arc<Reading>,
    /// Their splits, by file and then by start.
    pub splits: Arc<[Split]>,
    /// One task reads all of them, one after the other.
    pub in_order: bool,
    /// A task may leave its split unread when it has all rows that the query wants.
    pub may_stop: bool,
    /// Later tasks may not run at all, when the first ones have all rows that the query wants.
    pub may_end: bool,
    /// A task may not even begin its split, when what it reads beside it says that no row can matter.
    pub may_skip: bool,
}

/// Records of a table that were left out or changed, all for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecords {
    /// The table, as the query writes it.
    pub table: String,
    /// What is wrong with them.
    pub kind: String,
    /// How many there are.
    pub count: u64,
    /// The first of them, for people.
    pub samples: Vec<String>,
}

/// Whether the splits that ran were the file's own records, no more and no less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Borders {
    /// Every record was read once.
    Exact,
    /// A quoted field crosses a split border in these files: find their borders ([`Query::border_search`]), plan again.
    Replan(BTreeSet<String>),
    /// A record cannot be read, and the splits before it fit together: the file is to blame.
    ///
    /// A task whose split does not begin its file leaves its error in its note and succeeds, because the error may come
    /// from a wrong start; whether it does shows here, once all notes are there.
    Failed {
        /// The whole chain of reasons, for people.
        message: String,
        /// The exit code of a command that fails because of this.
        exit_code: u8,
    },
}

impl Query {
    /// Checks the notes of the scan tasks, by task number: does every split begin where the one before it ended?
    ///
    /// The first split of a file starts outside quotes. A split that starts where its predecessor ended does so too, by
    /// induction; one that does not shows that a quoted field crosses its start. A missing note proves nothing.
    pub fn check_borders(&self, notes: &BTreeMap<u32, Bytes>) -> Borders {
        let mut wrong = BTreeSet::new();
        for scan in self.scans.iter().filter(|scan| scan.may_start_wrong()) {
            if let Some(failed) = scan.check(notes, &mut wrong) {
                return failed;
            }
        }
        if wrong.is_empty() { Borders::Exact } else { Borders::Replan(wrong) }
    }

    /// Did every scan task leave a note? Only then do the notes of a query that failed say whether its splits fit.
    pub fn has_all_notes(&self, notes: &BTreeMap<u32, Bytes>) -> bool {
        let tasks = |scan: &ScanTasks| {
            (scan.first_task..)
                .take(scan.splits.len())
                .all(|task| notes.get(&task).and_then(SplitNote::of_scan).is_some())
        };
        self.scans.iter().filter(|scan| scan.may_start_wrong()).all(tasks)
    }

    /// The records that were left out or changed, by table and reason, as the notes of tasks say.
    pub fn bad_records(&self, notes: &BTreeMap<u32, Bytes>) -> Vec<BadRecords> {
        let mut tables: Vec<BadRecords> = Vec::new();
        for scan in &self.scans {
            let mut all: Vec<BadNote> = Vec::new();
            let tasks = (scan.first_task..).take(scan.tasks());
            for note in tasks.filter_map(|task| notes.get(&task).and_then(SplitNote::from_bytes)) {
                note.bad.into_iter().for_each(|bad| merge(&mut all, bad));
            }
            tables.extend(all.into_iter().map(|bad| BadRecords {
                table: scan.table.to_string(),
                kind: bad.kind,
                count: bad.count,
                samples: bad.samples,
            }));
        }
        tables
    }

    /// Why the answer does not count although all tasks are done: a table has more bad records than it may.
    pub fn too_many_bad(&self, notes: &BTreeMap<u32, Bytes>) -> Option<String> {
        let bad = self.bad_records(notes);
        self.scans.iter().find_map(|scan| {
            let limit = scan.reading.table.max_bad?;
            let of_table = bad.iter().filter(|bad| *bad.table == *scan.table);
            let count: u64 = of_table.clone().map(|bad| bad.count).sum();
            let first = of_table.flat_map(|bad| &bad.samples).next().map_or("", String::as_str);
            (count > limit).then(|| {
                format!("table '{}' has {count} bad records, and max_bad is {limit}; the first: {first}", scan.table)
            })
        })
    }

    /// What running the query took, stage by stage, as text, from the notes of its tasks.
    pub fn analysis(&self, notes: &BTreeMap<u32, Bytes>) -> String {
        let mut text = String::new();
        let mut first = 0u32;
        for stage in &self.stages {
            let tasks = stage.tasks.len() as u32;
            let costs = (first..first + tasks).filter_map(|task| SplitNote::from_bytes(notes.get(&task)?)?.cost);
            let costs: Vec<Cost> = costs.collect();
            let sum = |part: fn(&Cost) -> u64| costs.iter().map(part).sum::<u64>();
            let longest = costs.iter().map(|cost| cost.micros).max().unwrap_or(0);
            // Writing to a text cannot fail.
            let _ = writeln!(
                text,
                "{}: {tasks} tasks, {} rows, {} bytes read, {:.3} s in tasks, the longest {:.3} s",
                stage.name,
                sum(|cost| cost.rows),
                sum(|cost| cost.bytes),
                sum(|cost| cost.micros) as f64 / 1e6,
                longest as f64 / 1e6,
            );
            first += tasks;
        }
        text + &self.explanation
    }

    /// The rows of the results that are the answer, by task, as the notes of the tasks say.
    pub fn result_rows(&self, notes: &BTreeMap<u32, Bytes>) -> BTreeMap<u32, u64> {
        let rows = |task: &u32| Some((*task, SplitNote::from_bytes(notes.get(task)?)?.cost?.rows));
        self.wanted.iter().filter_map(rows).collect()
    }

    /// The stages, splits, places and columns, as text.
    pub fn explain(&self) -> String {
        self.explanation.clone()
    }

    /// Tasks of all stages.
    pub fn task_count(&self) -> usize {
        self.stages.iter().map(|stage| stage.tasks.len()).sum()
    }
}

impl ScanTasks {
    /// Whether a split's start may turn out to be inside a record.
    fn may_start_wrong(&self) -> bool {
        !self.in_order && self.reading.may_start_wrong()
    }

    /// How many tasks there are: one a split, or one that reads all files in order.
    fn tasks(&self) -> usize {
        if self.in_order { 1 } else { self.splits.len() }
    }

    /// Adds the files whose splits do not fit together to `wrong`; returns the first error that is the file's own.
    fn check(&self, notes: &BTreeMap<u32, Bytes>, wrong: &mut BTreeSet<String>) -> Option<Borders> {
        let mut expected = 0;
        for (task, split) in (self.first_task..).zip(self.splits.iter()) {
            let url = &split.file.url;
            if split.start > 0 && wrong.contains(url) {
                continue;
            }
            let is_only = split.start == 0 && split.ends_file();
            let Some(note) = notes.get(&task).and_then(SplitNote::of_scan) else {
                if self.may_end {
                    // The tasks before it gave all rows that the query wants.
                    return None;
                }
                if self.may_skip {
                    // None of its rows is in the answer; where the next record begins, nobody knows now.
                    expected = u64::MAX;
                } else if !is_only {
                    wrong.insert(url.clone());
                }
                continue;
            };
            let is_proved = split.start == 0 || split.first_record.is_some();
            if !is_proved && note.first_record != expected {
                wrong.insert(url.clone());
                continue;
            }
            if let Some(failure) = note.failure {
                let exit_code = u8::try_from(failure.exit_code).unwrap_or(1);
                return Some(Borders::Failed { message: failure.message, exit_code });
            }
            match note.next_record {
                Some(next) => expected = next,
                None if split.ends_file() => {}
                // It gave all rows that the query wants: what later splits gave is not looked at.
                None if self.may_stop => return None,
                // A search has shown where the records of each split begin: nothing is left to prove.
                None if split.first_record.is_some() => {}
                None => {
                    wrong.insert(url.clone());
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;
    use bobbin_blocks::FileRef;

    use crate::scan::{self, Failure, FileFacts, SplitSettings};
    use crate::tables::FileFormat;

    use super::*;

    /// Two files, "a" in three splits and "b" in one, with these notes.
    fn check_scan((may_stop, may_end, may_skip): (bool, bool, bool), notes: [Option<SplitNote>; 4]) -> Borders {
        let file = |url: &str, len| FileRef { url: url.into(), len, modified_ms: 0 };
        let facts = Arc::new(FileFacts::default());
        let files = [file("a", 30), file("b", 5)];
        let settings = SplitSettings { size: 10, ..SplitSettings::default() };
        let splits = scan::cut(files.iter().map(|file| (file, &facts)), &settings, false).into();
        let reading = Arc::new(Reading::new(FileFormat::Csv, Vec::new()).unwrap());
        let query = Query {
            schema: Arc::new(Schema::empty()),
            stages: Vec::new(),
            wanted: Vec::new(),
            kept: Vec::new(),
            scans: vec![ScanTasks {
                first_task: 7,
                table: "t".into(),
                reading,
                splits,
                in_order: false,
                may_stop,
                may_end,
                may_skip,
            }],
            explanation: String::new(),
        };
        let notes = (7..).zip(notes).filter_map(|(task, note)| Some((task, note?.to_bytes()))).collect();
        query.check_borders(&notes)
    }

    fn check(may_stop: bool, notes: [Option<SplitNote>; 4]) -> Borders {
        check_scan((may_stop, false, false), notes)
    }

    fn note(first_record: u64, next_record: u64) -> Option<SplitNote> {
        Some(SplitNote::new(first_record, Some(next_record)))
    }

    fn stopped(first_record: u64) -> Option<SplitNote> {
        Some(SplitNote::new(first_record, None))
    }

    fn failed(first_record: u64) -> Option<SplitNote> {
        Some(SplitNote::failed(first_record, Failure { message: "bad".into(), exit_code: 66 }))
    }

    fn replan() -> Borders {
        Borders::Replan(BTreeSet::from(["a".to_owned()]))
    }

    #[test]
    fn fitting_splits_are_exact() {
        assert_eq!(check(false, [note(0, 12), note(12, 25), note(25, 30), note(0, 5)]), Borders::Exact);
        assert_eq!(check(false, [note(0, 28), note(28, 28), note(28, 30), note(0, 5)]), Borders::Exact);
    }

    #[test]
    fn a_gap_replans_its_file() {
        assert_eq!(check(false, [note(0, 12), note(13, 25), note(25, 30), note(0, 5)]), replan());
        assert_eq!(check(false, [note(0, 12), note(12, 25), note(24, 30), note(0, 5)]), replan());
        assert_eq!(check(false, [note(0, 12), None, note(25, 30), note(0, 5)]), replan());
        assert_eq!(check(false, [note(0, 12), stopped(12), note(25, 30), note(0, 5)]), replan());
        assert_eq!(check(false, [note(0, 12), note(12, 25), note(25, 30), None]), Borders::Exact);
    }

    #[test]
    fn errors_count_only_where_the_splits_before_fit() {
        let own = Borders::Failed { message: "bad".into(), exit_code: 66 };
        assert_eq!(check(false, [note(0, 12), failed(12), note(25, 30), note(0, 5)]), own);
        assert_eq!(check(false, [note(0, 12), failed(13), note(25, 30), note(0, 5)]), replan());
        assert_eq!(check(false, [note(0, 12), note(13, 25), failed(25), note(0, 5)]), replan());
    }

    #[test]
    fn skipped_splits_prove_nothing_and_need_no_proof() {
        assert_eq!(check_scan((false, false, true), [None, None, None, None]), Borders::Exact);
        assert_eq!(check_scan((false, false, true), [note(0, 12), note(12, 25), None, None]), Borders::Exact);
        assert_eq!(check_scan((false, false, true), [note(0, 12), None, note(25, 30), None]), replan());
    }

    #[test]
    fn tasks_that_nobody_needed_end_the_chain() {
        let check = |notes| check_scan((true, true, false), notes);
        assert_eq!(check([note(0, 12), None, note(3, 30), None]), Borders::Exact);
        assert_eq!(check([note(0, 12), note(13, 25), None, None]), replan());
    }

    #[test]
    fn a_limit_ends_the_chain() {
        assert_eq!(check(true, [note(0, 12), stopped(12), note(3, 30), failed(0)]), Borders::Exact);
        assert_eq!(check(true, [note(0, 12), stopped(13), note(25, 30), note(0, 5)]), replan());
    }
}
