//! Random queries over random tables: each seed is one query, always the same.

mod queries;
mod tables;

use std::fs;

use integration::oracle::{Format, Order, compare};
use integration::oracle::{Oracle, Ours};
use integration::skip;

use queries::Query;

const SEEDS: u64 = 60;
/// Queries that share a pair of tables.
const SHARED: u64 = 10;
/// 25 kB and 5 kB: 25 splits and more, and 3.
const RUNS: [(&str, Format); 2] = [("1KiB", Format::Csv), ("10KiB", Format::Json)];

#[test]
fn random_queries_have_one_answer() {
    let mut oracle = match Oracle::start() {
        Ok(oracle) => oracle,
        Err(reason) => return skip(&reason),
    };
    let ours = Ours::find().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for seed in 0..SEEDS {
        let place = folder.path().join(format!("tables{}", seed / SHARED));
        if seed % SHARED == 0 {
            fs::create_dir(&place).unwrap();
            oracle.load(&tables::write(&place, seed)).unwrap();
        }
        let query = Query::draw(seed);
        match ask(&mut oracle, &ours, &query) {
            Ok(count) => rows += count,
            Err(reason) => {
                wrong.push(format!("seed {seed}, tables in {}: {}\n    {reason}", place.display(), query.sql))
            }
        }
    }
    if !wrong.is_empty() {
        // The tables stay, so that the queries can be asked again.
        let kept = folder.keep();
        panic!("{} of {SEEDS} queries, {} kept:\n{}", wrong.len(), kept.display(), wrong.join("\n"));
    }
    assert!(rows > 1000, "the queries select {rows} rows altogether: they ask too little");
}

fn ask(oracle: &mut Oracle, ours: &Ours, query: &Query) -> Result<usize, String> {
    let expected = oracle.duckdb(&query.sql)?;
    let order = if query.ordered { Order::Total } else { Order::Any };
    for run in RUNS {
        let found = ours.ask(&query.sql, oracle.tables(), run, &expected.columns);
        found
            .and_then(|found| compare(&expected, &found, order))
            .map_err(|reason| format!("splits of {}, {:?}: {reason}", run.0, run.1))?;
    }
    Ok(expected.rows.len())
}
