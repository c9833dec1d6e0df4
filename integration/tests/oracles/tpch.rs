//! The 22 queries of TPC-H over generated tables. `tpch.sql` has the specification's texts with its validation values, but for
//! those that select nothing at this scale; amounts are `DOUBLE`, so sums of their literals are written as their values.

use integration::data::tpch;
use integration::oracle::{Format, Table};

use super::check::{Case, Place};

const QUERIES: &str = include_str!("tpch.sql");
const SCALE: f64 = 0.01;
/// 7.5 MB of lines: 30 splits, and one.
const RUNS: [(&str, Format); 2] = [("256KiB", Format::Csv), ("32MiB", Format::Json)];

/// The queries: each begins with a line `-- Q<number>`, which may say `ordered`. The number stays with it as a comment.
fn queries() -> Vec<Case> {
    let parts = QUERIES.split("-- Q").skip(1);
    parts
        .map(|part| {
            let (title, sql) = part.split_once('\n').unwrap();
            let number = title.split(' ').next().unwrap();
            let sql = format!("/* Q{number} */ {}", sql.trim().trim_end_matches(';'));
            if title.ends_with("ordered") { Case::ordered(sql) } else { Case::of(sql) }
        })
        .collect()
}

#[test]
fn all_queries_answer_as_duckdb_does() {
    let folder = tempfile::tempdir().unwrap();
    tpch::write(folder.path(), SCALE).unwrap();
    let tables = tpch::TABLES.map(|table| Table::csv(table.name, tpch::file(folder.path(), &table), table.columns));
    let all = queries();
    assert_eq!(all.len(), 22);
    if let Some(mut place) = Place::new(&tables, &RUNS) {
        place.check(&all);
    }
}
