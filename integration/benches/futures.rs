//! What a future costs beside dask.distributed, Ray and HyperQueue: one call after the other, ten thousand at once, a tree of
//! them, and results of many sizes; in one process, and with worker processes, two threads in all.
//!
//! Ours are measured by the example `futures_cost` of the crate `bobbin`; the others are fetched once with pip.

mod support;

use std::process::{Command, Stdio};

use integration::python::{DASK, HYPERQUEUE, RAY, Recipe, environment, program};
use serde::Deserialize;

/// Who else is measured: where it comes from, its program, and whether it can do without worker processes.
const PEERS: [(&str, &Recipe, &str, bool); 3] = [
    ("dask", &DASK, include_str!("futures/dask_peer.py"), true),
    ("Ray", &RAY, include_str!("futures/ray_peer.py"), false),
    ("HyperQueue", &HYPERQUEUE, include_str!("futures/hyperqueue_peer.py"), false),
];

/// One line of what either prints.
#[derive(Deserialize)]
struct Measure {
    measure: String,
    #[serde(default)]
    p50_us: f64,
    #[serde(default)]
    p99_us: f64,
    #[serde(default)]
    us_a_task: f64,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    seconds: f64,
    /// Of a plain stream: what part of its speed the result before it had.
    #[serde(default)]
    result_is: f64,
}

fn main() {
    support::title("futures: no-op tasks, a program's own release build");
    let mut columns = Vec::new();
    for mode in ["processes", "here"] {
        if let Some(program) = support::example("futures_cost", "bobbin", "program") {
            columns.push((format!("bobbin, {mode}"), measures(Command::new(program).arg(mode))));
        }
        for (name, recipe, text, _) in PEERS.into_iter().filter(|&(.., alone)| alone || mode == "processes") {
            match environment(recipe) {
                Ok(root) => {
                    let mut python = Command::new(program(&root, "python"));
                    columns.push((format!("{name}, {mode}"), measures(python.args(["-c", text, mode]))));
                }
                Err(reason) => support::skip(name, &reason),
            }
        }
    }
    let Some((_, longest)) = columns.iter().max_by_key(|(_, measures)| measures.len()) else { return };
    let names: Vec<String> = longest.iter().map(name).collect();
    let mut rows = vec![[vec![String::new()], columns.iter().map(|(title, _)| title.clone()).collect()].concat()];
    for wanted in names {
        let cell = |measures: &Vec<Measure>| {
            measures.iter().find(|measure| name(measure) == wanted).map_or_else(|| "-".to_owned(), figure)
        };
        rows.push([vec![wanted.clone()], columns.iter().map(|(_, measures)| cell(measures)).collect()].concat());
    }
    support::table(&rows);
}

fn measures(command: &mut Command) -> Vec<Measure> {
    let said = command.env_remove("BOBBIN_MASTER").stdin(Stdio::null()).output();
    let text = said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned()).unwrap_or_default();
    let measures: Vec<Measure> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if measures.is_empty() {
        support::skip(&format!("{command:?}"), "it printed no figures");
    }
    measures
}

fn name(measure: &Measure) -> String {
    match measure.measure.as_str() {
        "result" => format!("result of {} bytes", measure.bytes),
        "plain TLS stream" => format!("of a plain TLS stream, {} bytes", measure.bytes),
        "round trip" => "submit().result(), µs (p99)".to_owned(),
        other => format!("{other}, µs a task"),
    }
}

fn figure(measure: &Measure) -> String {
    match measure.measure.as_str() {
        "round trip" => format!("{:.0} ({:.0})", measure.p50_us, measure.p99_us),
        "plain TLS stream" => format!("{:.2}", measure.result_is),
        "result" if measure.bytes < 1 << 20 => format!("{:.0} µs", measure.seconds * 1e6),
        "result" => format!("{:.2} GB/s", measure.bytes as f64 / measure.seconds / 1e9),
        _ => format!("{:.1}", measure.us_a_task),
    }
}
