//! The engines: bobbin as a process of its own for each question, the peers in Python with their files described to them.

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use integration::data::taxi::COLUMNS;
use integration::measured;
use integration::python::{PEERS, environment, program};
use serde::Deserialize;

use super::Data;
use super::answers::Verdict;
use super::questions::Question;
use super::support;

const SCRIPT: &str = include_str!("peers.py");
/// Python's name of each peer, and how often it is asked: slow ones less.
const ASKED: [(&str, usize); 7] =
    [("duckdb", 5), ("polars", 5), ("datafusion", 5), ("pyarrow", 5), ("pandas", 3), ("dask", 3), ("pyspark", 3)];
const OURS: (&str, usize) = ("bobbin", 5);

/// What one engine needed for one question.
#[derive(Clone, Debug)]
pub struct Cost {
    /// CPU-seconds of all threads and processes, the median.
    pub cpu: f64,
    /// Seconds, the median.
    pub wall: f64,
    /// Most memory at once, bytes.
    pub peak: u64,
    /// Whether the answer was right.
    pub verdict: Verdict,
}

/// All engines that are to be asked, ours first.
pub struct Engines {
    names: Vec<(&'static str, usize)>,
    ours: Option<PathBuf>,
    python: Result<PathBuf, String>,
    folder: Result<tempfile::TempDir, String>,
    /// The peers' versions, as far as they have said them.
    versions: RefCell<Vec<(String, String)>>,
}

/// What the peers' script prints.
#[derive(Deserialize)]
struct Said {
    version: String,
    runs: Vec<(f64, f64)>,
    peak: u64,
    answer: Vec<Vec<String>>,
}

impl Engines {
    /// Finds bobbin and makes the peers' environment.
    pub fn new() -> Engines {
        let wanted = std::env::var("BOBBIN_BENCH_PEERS").ok();
        let is_wanted = |name: &str| wanted.as_ref().is_none_or(|list| list.split(',').any(|word| word == name));
        let peers = ASKED.into_iter().filter(|(name, _)| is_wanted(name));
        let limit = std::env::var("BOBBIN_BENCH_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
        let names: Vec<_> = [OURS].into_iter().chain(peers).map(|(name, runs)| (name, runs.min(limit))).collect();
        let python = if names.len() > 1 { environment(&PEERS) } else { Err("no peer is wanted".to_owned()) };
        if let Err(reason) = &python {
            support::skip("all peers", reason);
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string());
        Engines { names, ours: support::yarn_submit(), python, folder, versions: RefCell::default() }
    }

    /// Their names, with versions where they have said them.
    pub fn names(&self) -> Vec<String> {
        let versions = self.versions.borrow();
        let version = |name: &str| versions.iter().find(|(known, _)| known == name).map(|(_, version)| version);
        let named = self.names.iter().map(|(name, _)| match version(name) {
            Some(version) => format!("{name} {version}"),
            None => (*name).to_owned(),
        });
        named.collect()
    }

    /// One question to each engine in turn; `None` for one that cannot answer, after saying why.
    pub fn ask(&self, question: &Question, data: &Data, threads: usize) -> Vec<Option<Cost>> {
        let ask = |(name, runs): &(&str, usize)| {
            let cost = match *name {
                "bobbin" => self.ask_ours(question, data, threads, *runs),
                // These parse whole objects, for half a minute a gigabyte.
                "pandas" | "dask" if question.json => self.ask_peer(name, question, data, (threads, 1)),
                _ => self.ask_peer(name, question, data, (threads, *runs)),
            };
            match cost {
                Ok(cost) => {
                    let Cost { cpu, wall, peak, verdict } = &cost;
                    let id = question.id;
                    eprintln!(
                        "{id} {threads} {name}: {cpu:.3} CPU-s, {wall:.3} s, {} MB, {verdict:?}",
                        peak / 1_000_000
                    );
                    Some(cost)
                }
                Err(reason) => {
                    support::skip(&format!("{} of {name}, {threads} threads", question.id), &reason);
                    None
                }
            }
        };
        self.names.iter().map(ask).collect()
    }

    /// One question to bobbin alone.
    pub fn ours(&self, question: &Question, data: &Data, threads: usize) -> Option<Cost> {
        let cost = self.ask_ours(question, data, threads, OURS.1);
        cost.map_err(|reason| support::skip(question.id, &reason)).ok()
    }

    /// The sum of a column, with the file cut into so many pieces.
    pub fn growth(&self, data: &Data, splits: u64) -> Option<Cost> {
        let question = super::QUESTIONS.iter().find(|question| question.id == "c2")?;
        let size = data.trips.tally.bytes.div_ceil(splits).to_string();
        let cost = self.run_ours(question, data, &["--master", "local[1]", "--split-size", &size], OURS.1);
        cost.map_err(|reason| support::skip(&format!("{splits} splits"), &reason)).ok()
    }

    fn ask_ours(&self, question: &Question, data: &Data, threads: usize, runs: usize) -> Result<Cost, String> {
        self.run_ours(question, data, &["--master", &format!("local[{threads}]")], runs)
    }

    fn run_ours(&self, question: &Question, data: &Data, options: &[&str], runs: usize) -> Result<Cost, String> {
        let program = self.ours.as_ref().ok_or("there is no executable")?;
        let answer = self.folder.as_ref().map_err(Clone::clone)?.path().join("answer.csv");
        let mut usages = Vec::new();
        for _ in 0..runs {
            let out = File::create(&answer).map_err(|error| error.to_string())?;
            let mut command = Command::new(program);
            command.args(["sql", "--quiet", "--format", "csv"]).args(options).arg((question.sql)(data));
            command.env("XDG_CONFIG_HOME", "/nonexistent").stdin(Stdio::null()).stdout(out);
            usages.push(measured(&mut command).map_err(|error| error.to_string())?);
        }
        let text = fs::read_to_string(&answer).map_err(|error| error.to_string())?;
        let rows: Vec<Vec<String>> =
            text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect();
        let times = usages.iter().map(|usage| (usage.wall, usage.cpu)).collect::<Vec<_>>();
        let peak = usages.iter().map(|usage| usage.peak).max().unwrap_or_default();
        cost(&times, peak, (question.answer)(data).verdict(&rows))
    }

    fn ask_peer(
        &self,
        name: &str,
        question: &Question,
        data: &Data,
        (threads, runs): (usize, usize),
    ) -> Result<Cost, String> {
        let script = self.folder.as_ref().map_err(Clone::clone)?.path().join("peers.py");
        fs::write(&script, SCRIPT).map_err(|error| error.to_string())?;
        let python = program(self.python.as_ref().map_err(Clone::clone)?, "python");
        let command = |runs: usize| {
            let mut command = Command::new(&python);
            command.arg(&script).args([name, &threads.to_string(), &runs.to_string(), question.id]);
            command.arg(&data.trips.path).arg(&data.events.path).arg(columns()).stdin(Stdio::null());
            command
        };
        let said = self.said(name, &mut command(runs))?;
        let verdict = (question.answer)(data).verdict(&said.answer);
        if question.id != "start" {
            return cost(&said.runs, said.peak, verdict);
        }
        // The start is the whole process.
        let once = || measured(command(1).stdout(Stdio::null()).stderr(Stdio::null()));
        let usages: Result<Vec<_>, _> = (0..runs).map(|_| once()).collect();
        let times: Vec<_> =
            usages.map_err(|error| error.to_string())?.iter().map(|usage| (usage.wall, usage.cpu)).collect();
        cost(&times, said.peak, verdict)
    }

    /// Runs the script and reads what it prints.
    fn said(&self, name: &str, command: &mut Command) -> Result<Said, String> {
        let output = command.output().map_err(|error| error.to_string())?;
        if output.status.code() == Some(3) {
            return Err("it is not installed".to_owned());
        }
        if !output.status.success() {
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            let last = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            return Err(format!("{}: {last}", output.status));
        }
        let said: Said =
            serde_json::from_slice(&output.stdout).map_err(|error| format!("it printed no JSON: {error}"))?;
        let mut versions = self.versions.borrow_mut();
        if !versions.iter().any(|(known, _)| known == name) {
            versions.push((name.to_owned(), said.version.clone()));
        }
        Ok(said)
    }
}

/// Medians of seconds and CPU-seconds.
fn cost(runs: &[(f64, f64)], peak: u64, verdict: Verdict) -> Result<Cost, String> {
    let middle = |values: Vec<f64>| support::median(values).ok_or_else(|| "it was never run".to_owned());
    let wall = middle(runs.iter().map(|(wall, _)| *wall).collect())?;
    let cpu = middle(runs.iter().map(|(_, cpu)| *cpu).collect())?;
    Ok(Cost { cpu, wall, peak, verdict })
}

/// The columns of the trips as the script takes them.
fn columns() -> String {
    let pairs = COLUMNS.map(|(name, kind)| format!(r#"["{name}", "{kind}"]"#));
    format!("[{}]", pairs.join(", "))
}
