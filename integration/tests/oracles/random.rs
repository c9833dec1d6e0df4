//! Random queries over random tables: each seed is one query, always the same.

mod queries;
mod tables;

use std::fs;

use integration::oracle::{Format, Table};

use super::check::{Case, Legs, Place};
use queries::Query;

const SEEDS: u64 = 60;
/// Queries that share a pair of tables.
const SHARED: u64 = 10;
/// One in so many seeds begins a pair of tables whose queries are asked on the cluster too.
const THERE: u64 = 30;
/// 25 kB and 5 kB: 25 splits and more, and 3.
const RUNS: [(&str, Format); 2] = [("1KiB", Format::Csv), ("10KiB", Format::Json)];

#[test]
fn random_queries_have_one_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (mut wrong, mut rows, mut place) = (Vec::new(), 0, None);
    for first in (0..SEEDS).step_by(SHARED as usize) {
        let own = folder.path().join(format!("tables{first}"));
        fs::create_dir(&own).unwrap();
        let tables = tables::write(&own, first);
        let legs = if first % THERE == 0 { Legs::Cluster } else { Legs::Local };
        let Some(place) = made(&mut place, &tables, legs) else { return };
        let cases: Vec<Case> = (first..first + SHARED).map(case).collect();
        let (expected, reasons) = place.ask(&cases);
        rows += expected.iter().map(|answer| answer.rows.len()).sum::<usize>();
        wrong.extend(reasons.into_iter().map(|reason| format!("tables in {}: {reason}", own.display())));
    }
    if !wrong.is_empty() {
        // The tables stay, so that the queries can be asked again.
        let kept = folder.keep();
        panic!("{} wrong answers to {SEEDS} queries, {} kept:\n{}", wrong.len(), kept.display(), wrong.join("\n"));
    }
    assert!(rows > 1000, "the queries select {rows} rows altogether: they ask too little");
}

/// The place with these tables; the first ones make it.
fn made<'a>(place: &'a mut Option<Place>, tables: &[Table], legs: Legs) -> Option<&'a mut Place> {
    match place {
        Some(place) => place.load(tables, legs),
        None => *place = Some(Place::new(tables, &RUNS)?),
    }
    place.as_mut()
}

/// The query of a seed, which it says in front.
fn case(seed: u64) -> Case {
    let Query { sql, ordered } = Query::draw(seed);
    let sql = format!("/* seed {seed} */ {sql}");
    if ordered { Case::ordered(sql) } else { Case::of(sql) }
}
