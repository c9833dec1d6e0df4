//! What becomes of what is at an output's place already, and of an output that fails.

use integration::cluster::Cluster;
use integration::shared;

use super::both::Both;
use super::files::{names_below, parts_there};

/// Numbered lines, and what comes after them.
fn numbers(count: usize, last: &str) -> String {
    (0..count).map(|id| format!("{{\"id\":{id},\"rest\":\"{:0>100}\"}}\n", id % 10)).collect::<String>() + last
}

const LINES: usize = 20_000;

/// Such lines on HDFS, and the same with one at the end that is broken.
fn placed<'a>(cluster: &'a Cluster, name: &'static str) -> Both<'a> {
    let both = Both::new(cluster, name);
    both.put("good.json", numbers(LINES, "").as_bytes());
    both.put("bad.json", numbers(LINES, "{\"id\": 7, \"rest\"\n").as_bytes());
    both
}

fn copy(from: &str, options: &str) -> String {
    format!("COPY (SELECT id, rest FROM '{{d}}/{from}.json') TO '{{d}}/out' STORED AS CSV {options}")
}

/// What the output holds.
fn rows_of(both: &Both<'_>) -> String {
    both.there("1MiB", "SELECT count(*) AS n, count(DISTINCT id) AS d FROM '{d}/out'").expect(0).stdout
}

#[test]
fn an_output_is_refused_replaced_or_added_to() {
    let Some(cluster) = shared() else { return };
    let both = placed(cluster, "modes");
    let out = format!("{}/out", both.path());
    let count = |times: usize| format!("n,d\n{},{LINES}\n", times * LINES);
    both.there("1MiB", &copy("good", "")).expect(0);
    assert_eq!(rows_of(&both), count(1));
    let first = names_below(cluster, &out);
    both.there("1MiB", &copy("good", "")).expect(66).says(&["/user/alice/modes/out", "exists already", "overwrite"]);
    assert_eq!(names_below(cluster, &out), first);
    both.there("1MiB", &copy("good", "OPTIONS (mode append)")).expect(0);
    assert_eq!(rows_of(&both), count(2));
    assert!(names_below(cluster, &out).is_superset(&first));
    both.there("1MiB", &copy("good", "OPTIONS (mode overwrite)")).expect(0);
    assert_eq!(rows_of(&both), count(1));
    assert!(names_below(cluster, &out).is_disjoint(&parts_of(&first)));
    parts_there(cluster, &out);
}

/// Names of part files only: the marker has the same name always.
fn parts_of(names: &std::collections::BTreeSet<String>) -> std::collections::BTreeSet<String> {
    names.iter().filter(|name| name.contains("part-")).cloned().collect()
}

#[test]
fn nothing_is_seen_of_an_output_whose_query_fails_at_its_last_record() {
    let Some(cluster) = shared() else { return };
    let both = placed(cluster, "failing");
    let before = names_below(cluster, &both.path());
    both.there("256KiB", &copy("bad", "")).expect(66).says(&["bad.json", "record at byte"]);
    assert_eq!(names_below(cluster, &both.path()), before);
    both.there("256KiB", &copy("good", "")).expect(0);
    let written = names_below(cluster, &both.path());
    for mode in ["append", "overwrite"] {
        both.there("256KiB", &copy("bad", &format!("OPTIONS (mode {mode})"))).expect(66).says(&["bad.json"]);
        assert_eq!(names_below(cluster, &both.path()), written, "{mode}");
    }
}
