//! The five questions about taxi trips: run as printed, without a cluster; their answers are what the generator counted.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use integration::data::taxi::{self, Tally};
use integration::oracle::{Oracle, Order, Table, compare};
use integration::skip;

use super::block;
use super::support::Done;

/// What a clean clone runs with cargo has been built with this test.
const GENERATE: &str = "cargo run -p integration --bin generate -- ";

/// A line as a shell runs it, with `yarn-submit` in its path.
fn shell(directory: &Path, line: &str) -> Done {
    let program = integration::yarn_submit().unwrap();
    let line = line.replace(GENERATE, &format!("{} ", env!("CARGO_BIN_EXE_generate")));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    command.args(["-c", &line]).current_dir(directory).env("PATH", path).env("XDG_CONFIG_HOME", "/nonexistent");
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Done { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }.expect(0)
}

/// The rows that were printed, as cells.
fn rows(done: &Done) -> Vec<Vec<&str>> {
    done.stdout.lines().skip(1).map(|line| line.split(',').collect()).collect()
}

#[test]
fn the_questions_about_taxis_are_answered_right() {
    let folder = tempfile::tempdir().unwrap();
    let lines = block(GENERATE);
    let [generate, trips, tips, best, ways, longest] = lines.as_slice() else { panic!("{lines:?}") };
    let generated = shell(folder.path(), generate);
    let words: Vec<&str> = generate.split(' ').collect();
    let bytes = words[words.iter().position(|word| *word == "--bytes").unwrap() + 1].parse().unwrap();
    let tally = taxi::write(&mut std::io::sink(), bytes, 42).unwrap();
    assert!(generated.stdout.contains(&format!("{} rows", tally.rows)), "{}", generated.stdout);

    let answer = shell(folder.path(), trips);
    let most: f64 = tally.most[18].parse().unwrap();
    assert_eq!(rows(&answer), [[tally.rows.to_string(), tally.passengers.to_string(), most.to_string()]]);
    shell(folder.path(), tips);
    assert_eq!(fs::read_to_string(folder.path().join("tips.json")).unwrap().lines().count(), 24);
    assert_eq!(rows(&shell(folder.path(), best)), best_hours(&tally));
    assert_eq!(rows(&shell(folder.path(), ways)), by_way(&tally));
    shell(folder.path(), longest).says(&["wrote 186 rows"]);
    are_the_longest(folder.path());
}

/// The hours with the largest tips.
fn best_hours(tally: &Tally) -> Vec<[String; 3]> {
    let mean = |sum: f64, count: u64| sum / count as f64;
    let mut hours: Vec<_> = tally.tips.iter().map(|(hour, &(count, sum))| (mean(sum, count), *hour, count)).collect();
    hours.sort_by(|a, b| b.0.total_cmp(&a.0));
    let percent = |tip: f64| ((10_000.0 * tip).round() / 100.0).to_string();
    hours[..5].iter().map(|&(tip, hour, count)| [hour.to_string(), count.to_string(), percent(tip)]).collect()
}

fn by_way(tally: &Tally) -> Vec<[String; 2]> {
    let mut ways = [(1, "card"), (2, "cash"), (3, "no charge")].map(|(id, name)| (tally.payments[&id], name));
    ways.sort();
    ways.iter().rev().map(|(count, name)| [(*name).to_owned(), count.to_string()]).collect()
}

/// DuckDB finds the same in the Parquet files as it does in the trips.
fn are_the_longest(folder: &Path) {
    let mut oracle = match Oracle::start() {
        Ok(oracle) => oracle,
        Err(reason) => return skip(&reason),
    };
    oracle.load(&[Table::csv("trips", folder.join("taxi.csv"), &taxi::COLUMNS)]).unwrap();
    let files = folder.join("longest/vendor=*/*.parquet");
    let found = oracle.duckdb(&format!("SELECT vendor, day, miles FROM read_parquet('{}')", files.display())).unwrap();
    let expected = "SELECT VendorID AS vendor, CAST(tpep_pickup_datetime AS DATE) AS day, trip_distance AS miles FROM {trips} \
                    QUALIFY row_number() OVER (PARTITION BY vendor, day ORDER BY miles DESC) <= 3";
    compare(&oracle.duckdb(expected).unwrap(), &found, Order::Any).unwrap();
}
