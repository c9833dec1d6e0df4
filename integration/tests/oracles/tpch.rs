//! The 22 queries of TPC-H over generated tables. `tpch.sql` has the specification's texts with its validation values, but for
//! those that select nothing at this scale; amounts are `DOUBLE`, so sums of their literals are written as their values.

use integration::data::tpch;
use integration::oracle::{Format, Oracle, Order, Ours, Table, compare};
use integration::skip;

const QUERIES: &str = include_str!("tpch.sql");
const SCALE: f64 = 0.01;
/// 7.5 MB of lines: 30 splits, and one.
const RUNS: [(&str, Format); 2] = [("256KiB", Format::Csv), ("32MiB", Format::Json)];

/// The queries by number: each begins with a line `-- Q<number>`, which may say `ordered`.
fn queries() -> Vec<(String, Order, String)> {
    let parts = QUERIES.split("-- Q").skip(1);
    parts
        .map(|part| {
            let (title, sql) = part.split_once('\n').unwrap();
            let order = if title.contains("ordered") { Order::Total } else { Order::Any };
            (format!("Q{}", title.split(' ').next().unwrap()), order, sql.trim().trim_end_matches(';').to_owned())
        })
        .collect()
}

#[test]
fn all_queries_answer_as_duckdb_does() {
    let mut oracle = match Oracle::start() {
        Ok(oracle) => oracle,
        Err(reason) => return skip(&reason),
    };
    let ours = Ours::find().unwrap();
    let folder = tempfile::tempdir().unwrap();
    tpch::write(folder.path(), SCALE).unwrap();
    let tables = tpch::TABLES.map(|table| Table::csv(table.name, tpch::file(folder.path(), &table), table.columns));
    oracle.load(&tables).unwrap();
    let all = queries();
    assert_eq!(all.len(), 22);
    let mut wrong = Vec::new();
    for (name, order, sql) in all {
        let expected = oracle.duckdb(&sql).unwrap();
        let selects = expected.rows.iter().flatten().any(|value| *value != integration::oracle::Value::Null);
        assert!(selects, "{name} selects nothing: {expected:?}");
        for run in RUNS {
            let found = ours.ask(&sql, &tables, run, &expected.columns);
            if let Err(reason) = found.and_then(|found| compare(&expected, &found, order)) {
                wrong.push(format!("{name}, splits of {}: {reason}", run.0));
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
