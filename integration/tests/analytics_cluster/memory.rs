//! Queries whose rows do not fit into a worker's memory: they spill and give the same rows as one process with plenty of it,
//! or say what was too large and which option helps.

use std::fmt::Write as _;

use integration::data::Random;
use integration::shared;

use super::both::{Both, difference, outcomes};

/// More than a worker of half a gigabyte has for one task.
const BYTES: usize = 160 << 20;

/// Rows whose keys are nearly all different.
fn rows() -> String {
    let mut random = Random::new(9);
    let mut text = "id,key,note\n".to_owned();
    let mut id = 0;
    while text.len() < BYTES {
        let _ = writeln!(text, "{id},{:016x},{:0>200}", random.draw(), id % 1000);
        id += 1;
    }
    text
}

#[test]
fn what_does_not_fit_spills_or_is_refused() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "memory");
    both.put("rows.csv", rows().as_bytes());
    let sorted = "SELECT id, key, note FROM '{d}/rows.csv' ORDER BY key LIMIT 400000 OFFSET 300000";
    let grouped = "SELECT key, note, count(*) AS c FROM '{d}/rows.csv' GROUP BY key, note ORDER BY key LIMIT 1000";
    let joined =
        "SELECT a.id, b.note FROM '{d}/rows.csv' a JOIN '{d}/rows.csv' b ON a.key = b.key ORDER BY a.id LIMIT 1000";
    for (name, sql) in [("memory-sort", sorted), ("memory-group", grouped), ("memory-join", joined)] {
        let there = both.there_with(&["--name", name], "8MiB", sql);
        if there.code == 0 {
            let here = both.here("8MiB", sql).expect(0);
            assert!(there.stdout == here.stdout, "{name}: {}", difference(&there.stdout, &here.stdout));
            continue;
        }
        let there = there.expect(1);
        there.says(&["memory", "--worker-memory"]);
        assert!(there.stdout.is_empty(), "{}", there.stdout);
        assert_eq!(outcomes(cluster, name), ["FAILED"]);
    }
}
