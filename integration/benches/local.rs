//! Local queries of one CSV file against other engines: CPU-seconds and seconds, with one thread and with two.

mod support;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use support::{children_cpu, median};

const BYTES: &str = "209715200";
const RUNS: usize = 5;
const PEERS: [&str; 3] = ["datafusion", "duckdb", "polars"];
const QUERIES: [(&str, &str); 2] = [("count", "count(*)"), ("query", "the README's query")];
const SCRIPT: &str = include_str!("peers.py");

/// One run.
struct Run {
    seconds: f64,
    cpu: f64,
    /// Trips that the answer counts, so that nobody is fast and wrong.
    trips: String,
    version: String,
}

/// Several runs of one engine.
struct Measured {
    engine: String,
    seconds: f64,
    cpu: f64,
    trips: String,
}

/// Where everything is.
struct Bench {
    ours: Option<PathBuf>,
    python: String,
    script: PathBuf,
    data: PathBuf,
}

fn main() {
    support::title("local: 200 MiB of generated taxi data, median of 5 runs, page cache warm");
    let Some(taxi) = support::example("taxi", "bobbin-parse") else { return };
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return support::skip("local", &error.to_string()),
    };
    let bench = Bench {
        ours: support::yarn_submit(),
        python: std::env::var("BOBBIN_PEERS_PYTHON").unwrap_or_else(|_| "python3".to_owned()),
        script: folder.path().join("peers.py"),
        data: folder.path().join("trips.csv"),
    };
    if let Err(reason) = prepare(&bench, &taxi) {
        return support::skip("local", &reason);
    }
    for (query, name) in QUERIES {
        for threads in [1, 2] {
            bench.compare(query, name, threads);
        }
    }
    println!("  ours: the whole process; others: without their interpreter's start");
}

fn prepare(bench: &Bench, taxi: &Path) -> Result<(), String> {
    std::fs::write(&bench.script, SCRIPT).map_err(|error| error.to_string())?;
    let file = File::create(&bench.data).map_err(|error| error.to_string())?;
    let status = Command::new(taxi).arg(BYTES).stdout(file).status().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", taxi.display())) }
}

impl Bench {
    /// Prints the engines side by side. They take turns, so that what else the machine does meets all of them.
    fn compare(&self, query: &str, name: &str, threads: usize) {
        let engines: Vec<&str> = self.ours.iter().map(|_| "bobbin").chain(PEERS).collect();
        let mut runs: Vec<Vec<Run>> = engines.iter().map(|_| Vec::new()).collect();
        let mut obstacles = vec![None; engines.len()];
        for _ in 0..RUNS {
            for ((engine, runs), obstacle) in engines.iter().zip(&mut runs).zip(&mut obstacles) {
                if obstacle.is_some() {
                    continue;
                }
                match self.run(engine, query, threads) {
                    Ok(run) => runs.push(run),
                    Err(reason) => *obstacle = Some(reason),
                }
            }
        }
        let plural = if threads == 1 { "thread" } else { "threads" };
        println!("\n  {name}, {threads} {plural}");
        print(&engines.iter().zip(runs).filter_map(|(engine, runs)| summarized(engine, &runs)).collect::<Vec<_>>());
        for (engine, obstacle) in engines.iter().zip(obstacles) {
            if let Some(reason) = obstacle {
                support::skip(engine, &reason);
            }
        }
    }

    fn run(&self, engine: &str, query: &str, threads: usize) -> Result<Run, String> {
        match &self.ours {
            Some(program) if engine == "bobbin" => self.run_ours(program, query, threads),
            _ => self.run_peer(engine, query, threads),
        }
    }

    fn run_ours(&self, program: &Path, query: &str, threads: usize) -> Result<Run, String> {
        let data = self.data.display();
        let sql = match query {
            "count" => format!("SELECT count(*) AS trips FROM '{data}'"),
            _ => format!(
                "SELECT passenger_count, count(*) AS trips, avg(fare_amount) AS fare FROM '{data}' \
                 GROUP BY passenger_count ORDER BY 1"
            ),
        };
        let mut command = Command::new(program);
        command.args(["sql", "--format", "csv", "--master", &format!("local[{threads}]"), &sql]);
        command.env("XDG_CONFIG_HOME", "/nonexistent");
        let (cpu, began) = (children_cpu(), Instant::now());
        let text = said(&mut command)?;
        let (seconds, cpu) = (began.elapsed().as_secs_f64(), (children_cpu() - cpu).as_secs_f64());
        let column = usize::from(query != "count");
        let counts = text.lines().skip(1).filter_map(|line| line.split(',').nth(column)?.parse::<u64>().ok());
        Ok(Run { seconds, cpu, trips: counts.sum::<u64>().to_string(), version: String::new() })
    }

    fn run_peer(&self, engine: &str, query: &str, threads: usize) -> Result<Run, String> {
        let mut command = Command::new(&self.python);
        command.arg(&self.script).arg(engine).arg(threads.to_string()).arg(&self.data).arg(query);
        let text = said(&mut command).map_err(|reason| match reason.as_str() {
            "exit status: 3" => format!("not installed: {} -m pip install {engine}", self.python),
            _ => reason,
        })?;
        let words: Vec<&str> = text.trim().split('\t').collect();
        let number = |index: usize| words.get(index).and_then(|word| word.parse().ok());
        let word = |index: usize| words.get(index).map(|word| (*word).to_owned()).unwrap_or_default();
        let (seconds, cpu) = number(0).zip(number(1)).ok_or_else(|| format!("it said {text}"))?;
        Ok(Run { seconds, cpu, trips: word(2), version: word(3) })
    }
}

/// What a program prints; when it fails, what it complains of.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(if complaint.is_empty() { output.status.to_string() } else { complaint })
}

fn summarized(engine: &str, runs: &[Run]) -> Option<Measured> {
    let last = runs.last()?;
    let engine = format!("{engine} {}", last.version).trim_end().to_owned();
    let seconds = median(runs.iter().map(|run| run.seconds))?;
    let cpu = median(runs.iter().map(|run| run.cpu))?;
    Some(Measured { engine, seconds, cpu, trips: last.trips.clone() })
}

fn print(all: &[Measured]) {
    let mut rows = vec![["engine", "CPU-s", "ratio", "seconds", "ratio", "trips"].map(str::to_owned).to_vec()];
    let Some(first) = all.first() else { return };
    for Measured { engine, seconds, cpu, trips } in all {
        rows.push(vec![
            engine.clone(),
            format!("{cpu:.3}"),
            format!("{:.1}x", cpu / first.cpu),
            format!("{seconds:.3}"),
            format!("{:.1}x", seconds / first.seconds),
            trips.clone(),
        ]);
    }
    support::table(&rows);
}
