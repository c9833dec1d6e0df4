//! Rows written to HDFS: the files of each format, and reading them again.

use integration::data::events::{self, Tally};
use integration::shared;

use super::both::{Both, no_warning};
use super::files::{parts_here, parts_there, same_parts};

const BYTES: u64 = 9 << 20;
const SPLIT: &str = "3MiB";

/// Events on both sides.
fn events_in(both: &Both<'_>) -> Tally {
    let mut text = Vec::new();
    let tally = events::write(&mut text, BYTES, 9).unwrap();
    both.put("events.json", &text);
    tally
}

/// Writes events by type to `name` in both places, and compares the files.
fn copied(both: &Both<'_>, tally: &Tally, name: &str, format: &str) {
    let query = "SELECT type, CAST(id AS BIGINT) AS id, created_at FROM '{d}/events.json'";
    let text = format!("COPY ({query}) TO '{{d}}/{name}' STORED AS {format} PARTITIONED BY (type)");
    let written = both.there(SPLIT, &text).expect(0);
    both.here(SPLIT, &text).expect(0);
    written.says(&[&format!("wrote {} rows to hdfs:///user/alice/", tally.lines)]);
    no_warning(&written);
    let there = parts_there(both.cluster, &format!("{}/{name}", both.path()));
    let types: std::collections::BTreeSet<&str> = there.keys().filter_map(|path| path.split('/').next()).collect();
    let expected: Vec<String> = tally.types.keys().map(|kind| format!("type={kind}")).collect();
    assert_eq!(types.into_iter().collect::<Vec<_>>(), expected);
    same_parts(&there, &parts_here(&both.folder().join(name)));
}

/// Asks for all types and for one, which reads that one's files only.
fn read_again(both: &Both<'_>, tally: &Tally, table: &str) {
    let all = format!("SELECT type, count(*) AS n, max(id) AS m FROM {table} GROUP BY type ORDER BY type");
    let answer = both.same(SPLIT, &all);
    let source = all.replace(table, "(SELECT type, CAST(id AS BIGINT) AS id FROM '{d}/events.json')");
    assert_eq!(answer.stdout, both.here(SPLIT, &source).expect(0).stdout);
    let one = format!("SELECT count(*) AS n FROM {table} WHERE type = 'ForkEvent'");
    let answer = both.same(SPLIT, &one);
    assert_eq!(answer.stdout, format!("n\n{}\n", tally.types["ForkEvent"]));
    let read = ["node-local", "rack-local", "remote; tasks"].map(|place| answer.number(&format!(" {place}")));
    let files = parts_there(both.cluster, &format!("{}/{}", both.path(), directory(table)));
    let of_one = files.keys().filter(|path| path.starts_with("type=ForkEvent/")).count();
    assert_eq!(read.iter().sum::<u64>(), of_one as u64, "{}", answer.stderr);
    let splits = |text: &str| both.explain(SPLIT, text).contains(&format!("splits: {} of", files.len()));
    assert!(splits(&all) && !splits(&one));
}

/// The output's name in the words for a table.
fn directory(table: &str) -> &str {
    let (_, rest) = table.split_once("{d}/").unwrap();
    rest.split('\'').next().unwrap()
}

#[test]
fn csv_files_by_type_are_read_again_with_the_type_as_a_column() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "copy-csv");
    let tally = events_in(&both);
    copied(&both, &tally, "by-type", "CSV");
    read_again(&both, &tally, "'{d}/by-type'");
}

#[test]
fn json_files_by_type_are_read_again_with_the_type_as_a_column() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "copy-json");
    let tally = events_in(&both);
    copied(&both, &tally, "by-type", "JSON");
    read_again(&both, &tally, "read_json('{d}/by-type')");
}

#[test]
fn parquet_files_by_type_are_those_that_one_process_writes() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "copy-parquet");
    let tally = events_in(&both);
    copied(&both, &tally, "by-type", "PARQUET");
    let parts = parts_there(cluster, &format!("{}/by-type", both.path()));
    for (name, bytes) in parts {
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{name}");
    }
}
