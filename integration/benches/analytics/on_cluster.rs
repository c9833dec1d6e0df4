//! The same questions about the same bytes on HDFS: what the tasks cost there, beside what the process costs here.

use std::process::Stdio;

use integration::cluster::ClusterOptions;

use super::Data;
use super::engines::Engines;
use super::questions::QUESTIONS;
use crate::support;
use crate::tests::yarn_submit;

/// Narrow, wide, and JSON.
const ASKED: [&str; 6] = ["c1", "c2", "c4", "c6", "j1", "j2"];
/// Runs of each; the cheapest counts.
const RUNS: usize = 3;

/// What a question costs in both places, CPU-seconds.
pub struct Row {
    /// The question.
    pub title: &'static str,
    /// Of the whole process, with one thread and local files.
    pub here: f64,
    /// Of all tasks, on two workers with blocks on their disks.
    pub there: f64,
}

/// Asks on a cluster of its own.
pub fn rows(engines: &Engines, data: &Data) -> Vec<Row> {
    let options = ClusterOptions { version: integration::version(), log_aggregation: false, ..Default::default() };
    let Some(cluster) = integration::private(options) else { return Vec::new() };
    for path in [&data.trips.path, &data.events.path] {
        let put = std::fs::read(path)
            .map_err(|error| error.to_string())
            .and_then(|bytes| cluster.spread(&bytes, &there(path)).map_err(|error| error.to_string()));
        if let Err(reason) = put {
            support::skip("the cluster's table", &reason);
            return Vec::new();
        }
    }
    let mut rows = Vec::new();
    for question in QUESTIONS.iter().filter(|question| ASKED.contains(&question.id)) {
        let mut sql = (question.sql)(data);
        for path in [&data.trips.path, &data.events.path] {
            sql = sql.replace(&path.display().to_string(), &format!("hdfs://{}", there(path)));
        }
        let ask = |_| {
            let mut command = yarn_submit(&cluster);
            command.args(["sql", "--workers", "2", "--worker-memory", "512MiB", "--worker-cores", "1"]).arg(&sql);
            command.stdout(Stdio::null()).stderr(Stdio::piped());
            let said = command.output().map_err(|error| error.to_string())?;
            let text = String::from_utf8_lossy(&said.stderr).into_owned();
            cpu(&text).ok_or(text)
        };
        let costs: Vec<Result<f64, String>> = (0..RUNS).map(ask).collect();
        let here = engines.ours(question, data, 1);
        let there = costs.iter().flatten().copied().min_by(f64::total_cmp);
        match (here, there) {
            (Some(here), Some(there)) => rows.push(Row { title: question.title, here: here.cpu, there }),
            _ => support::skip(question.id, &costs.into_iter().filter_map(Result::err).next().unwrap_or_default()),
        }
    }
    rows
}

fn there(path: &std::path::Path) -> String {
    format!("/data/{}", path.file_name().unwrap_or_default().to_string_lossy())
}

/// The CPU-seconds of the tasks, as the command says at its end.
fn cpu(text: &str) -> Option<f64> {
    text.split("CPU: ").nth(1)?.split(" s").next()?.parse().ok()
}
