//! What the engine's tests share: a worker's part played in one thread, and plain DataFusion over the same data.

pub mod compare;
pub mod data;
pub mod plain;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use bobbin_blocks::BlockReader;
use bobbin_engine::{
    Borders, CancelFlag, Execute, Executor, InputError, InputRange, Inputs, KnownBorders, LostInput, Output, Piece,
    PlanError, Planner, PlannerOptions, Query, Task, TaskError, TaskReport, decode_result,
};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

/// Parts of results of tasks that are over, as one task's inputs.
pub struct Results(pub Vec<Bytes>);

impl Inputs for Results {
    fn fetch(&self, inputs: Range<usize>) -> BoxStream<'static, Result<Piece, LostInput>> {
        let mut pieces = Vec::new();
        for index in inputs {
            match self.0.get(index) {
                // Pieces of odd lengths, as sockets deliver them.
                Some(bytes) => pieces
                    .extend(bytes.chunks(1_013).map(|piece| Ok(Piece { index, bytes: Bytes::copy_from_slice(piece) }))),
                None => {
                    let source = InputError::Lost(format!("nobody holds result {index}"));
                    pieces.push(Err(LostInput { index, source }));
                }
            }
        }
        stream::iter(pieces).boxed()
    }
}

/// A result in memory, whose writer looks whether operators have spilled.
struct Watched<'a> {
    kept: Kept,
    spill: &'a Path,
    spilled: bool,
}

impl Output for Watched<'_> {
    fn divide(&mut self, parts: usize) {
        self.kept.divide(parts);
    }

    fn write(&mut self, part: usize, bytes: Bytes) -> Result<(), std::io::Error> {
        self.spilled |= holds_bytes(self.spill);
        self.kept.write(part, bytes)
    }
}

/// Whether a file below the directory is not empty.
fn holds_bytes(directory: &Path) -> bool {
    std::fs::read_dir(directory).into_iter().flatten().flatten().any(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => holds_bytes(&entry.path()),
        Ok(metadata) => metadata.len() > 0,
        Err(_) => false,
    })
}

/// A result in memory, part by part.
pub struct Kept(pub Vec<Vec<u8>>);

impl Default for Kept {
    fn default() -> Self {
        Self(vec![Vec::new()])
    }
}

impl Output for Kept {
    fn divide(&mut self, parts: usize) {
        self.0.resize(parts, Vec::new());
    }

    fn write(&mut self, part: usize, bytes: Bytes) -> Result<(), std::io::Error> {
        self.0[part].extend_from_slice(&bytes);
        Ok(())
    }
}

/// How a test runs queries.
#[derive(Clone, Debug)]
pub struct Runner {
    pub split_size: u64,
    pub batch_rows: usize,
    pub memory_bytes: usize,
    /// Tasks of a stage run last to first.
    pub backwards: bool,
    /// Buckets of exchanges; nothing: as the tables' sizes call for, which is none.
    pub buckets: Option<usize>,
}

impl Default for Runner {
    fn default() -> Self {
        Self { split_size: 4096, batch_rows: 100, memory_bytes: 256 << 20, backwards: false, buckets: None }
    }
}

/// What became of a query.
#[derive(Debug)]
pub struct Answer {
    pub query: Query,
    pub batches: Vec<RecordBatch>,
    /// The wanted results as the workers keep them.
    pub bytes: Vec<Bytes>,
    pub reports: BTreeMap<u32, TaskReport>,
    pub replanned: BTreeSet<String>,
    /// Operators wrote to disk what they had no memory for.
    pub spilled: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    Plan(PlanError),
    Task(TaskError),
    Borders { message: String, exit_code: u8 },
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Plan(error) => error.exit_code(),
            Failure::Task(error) => error.exit_code,
            Failure::Borders { exit_code, .. } => *exit_code,
        }
    }

    pub fn message(&self) -> String {
        match self {
            Failure::Plan(error) => {
                let mut text = error.to_string();
                let mut cause = std::error::Error::source(error);
                while let Some(current) = cause {
                    text = format!("{text}: {current}");
                    cause = current.source();
                }
                text
            }
            Failure::Task(error) => error.message.clone(),
            Failure::Borders { message, .. } => message.clone(),
        }
    }
}

impl Runner {
    pub fn planner(&self) -> Planner {
        let options = PlannerOptions {
            split_size: self.split_size,
            batch_rows: self.batch_rows,
            buckets: self.buckets,
            ..PlannerOptions::default()
        };
        Planner::new(BlockReader::local(), options)
    }

    pub fn plan(&self, sql: &str) -> Result<Query, PlanError> {
        block_on(self.planner().plan(sql, &KnownBorders::default()))
    }

    /// Plans and runs a query as a driver does.
    pub fn run(&self, sql: &str) -> Result<Answer, Failure> {
        let mut replanned = BTreeSet::new();
        let mut known = KnownBorders::default();
        loop {
            let query = block_on(self.planner().plan(sql, &known)).map_err(Failure::Plan)?;
            let mut outcome = self.run_tasks(&query);
            let notes = outcome.reports.iter().map(|(task, report)| (*task, report.note.clone())).collect();
            if let Some(error) = outcome.error.take_if(|_| !query.has_all_notes(&notes)) {
                return Err(Failure::Task(error));
            }
            match query.check_borders(&notes) {
                Borders::Replan(files) => {
                    assert!(replanned.is_disjoint(&files), "the borders of {files:?} were known already");
                    let search = query.border_search(&files).map_err(Failure::Plan)?;
                    let outcome = self.run_tasks(&search.query);
                    if let Some(error) = outcome.error {
                        return Err(Failure::Task(error));
                    }
                    let notes = outcome.reports.iter().map(|(task, report)| (*task, report.note.clone())).collect();
                    known = known.with(search.known(&notes).expect("every task has a note"));
                    replanned.extend(files);
                }
                Borders::Failed { message, exit_code } => return Err(Failure::Borders { message, exit_code }),
                Borders::Exact => {
                    if let Some(error) = outcome.error {
                        return Err(Failure::Task(error));
                    }
                    let bytes: Vec<Bytes> = query.wanted.iter().map(|task| outcome.results[task][0].clone()).collect();
                    let batches = bytes.iter().flat_map(|bytes| decode_result(bytes.clone()).unwrap()).collect();
                    let (reports, spilled) = (outcome.reports, outcome.spilled);
                    return Ok(Answer { query, batches, bytes, reports, replanned, spilled });
                }
            }
        }
    }

    fn run_tasks(&self, query: &Query) -> Outcome {
        let spill = tempfile::tempdir().unwrap();
        let executor = Executor::new(BlockReader::local(), self.memory_bytes, 2, spill.path().to_owned());
        let mut outcome = Outcome::default();
        let mut first = 0;
        for stage in &query.stages {
            let mut numbers: Vec<usize> = (0..stage.tasks.len()).collect();
            if self.backwards {
                numbers.reverse();
            }
            for number in numbers {
                let plan = &stage.tasks[number];
                let read = |input: &InputRange| {
                    let InputRange { first, count, part, .. } = *input;
                    (first..first + count).map(move |task| (task, part as usize))
                };
                let inputs = plan.inputs.iter().flat_map(read);
                let inputs = inputs.map(|(task, part)| outcome.results[&task][part].clone()).collect();
                let task = Task::new(&stage.shared, &plan.body, CancelFlag::default());
                let mut output = Watched { kept: Kept::default(), spill: spill.path(), spilled: false };
                match block_on(executor.run(task, Arc::new(Results(inputs)), &mut output)) {
                    Ok(report) => {
                        outcome.reports.insert(first + number as u32, report);
                        let parts = output.kept.0.into_iter().map(Bytes::from).collect();
                        outcome.results.insert(first + number as u32, parts);
                        outcome.spilled |= output.spilled;
                    }
                    Err(error) => {
                        outcome.error = Some(error);
                        return outcome;
                    }
                }
            }
            first += stage.tasks.len() as u32;
        }
        outcome
    }
}

#[derive(Default)]
struct Outcome {
    results: BTreeMap<u32, Vec<Bytes>>,
    spilled: bool,
    reports: BTreeMap<u32, TaskReport>,
    error: Option<TaskError>,
}

/// A runtime of one thread, as task threads have it.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A directory of files for one test.
pub struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// Writes a file; returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}
