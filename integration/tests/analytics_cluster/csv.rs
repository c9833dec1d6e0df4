//! CSV files in which quoted newlines cross the borders of blocks and of splits.

use std::fmt::Write as _;

use integration::shared;

use super::both::{Both, difference, no_warning};

/// Bytes of a split that borders are aimed at; a block ends where one of them does.
const SPLIT: usize = 1 << 20;
/// Three blocks of the cluster.
const BYTES: usize = 17 << 20;

/// What the columns are.
const TYPES: &str = "types => 'id BIGINT, note VARCHAR, amount DOUBLE'";

#[test]
fn quoted_newlines_may_cross_every_border() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "quoted");
    let (text, rows) = across_borders();
    both.put("notes.csv", text.as_bytes());
    let query = format!("SELECT id, note, amount FROM read_csv('{{d}}/notes.csv', {TYPES})");
    let there = both.there("1MiB", &query).expect(0);
    let here = both.here("1GiB", &query).expect(0);
    assert!(there.stdout == here.stdout, "{}", difference(&there.stdout, &here.stdout));
    no_warning(&there);
    let sums = format!("SELECT count(*) AS n, sum(id) AS s FROM read_csv('{{d}}/notes.csv', {TYPES})");
    let expected = format!("n,s\n{rows},{}\n", rows * (rows - 1) / 2);
    assert_eq!(both.same("1MiB", &sums).stdout, expected);
    let explained = both.explain("1MiB", &sums);
    assert!(explained.contains("splits: 18 of"), "{explained}");
}

#[test]
fn a_record_may_be_longer_than_splits() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "long");
    let long = "a,b,c\n".repeat(600_000);
    both.put("long.csv", format!("id,note,amount\n1,\"{long}\",0.5\n2,\"x\ny\",0.25\n").as_bytes());
    let query = format!("SELECT id, length(note) AS l, amount FROM read_csv('{{d}}/long.csv', {TYPES}) ORDER BY id");
    let expected = format!("id,l,amount\n1,{},0.5\n2,3,0.25\n", long.len());
    assert_eq!(both.there("1MiB", &query).expect(0).stdout, expected);
}

#[test]
fn types_are_learned_from_records_and_not_from_what_is_in_quotes() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "learned");
    let (text, rows) = across_borders();
    both.put("notes.csv", text.as_bytes());
    let answer = both.same("1GiB", "SELECT count(*) AS n, sum(id) AS s, max(amount) AS m FROM '{d}/notes.csv'");
    assert_eq!(answer.stdout, format!("n,s,m\n{rows},{},9.75\n", rows * (rows - 1) / 2));
    no_warning(&answer);
}

#[test]
fn types_are_not_learned_from_a_long_text_in_quotes() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "long-text");
    let records =
        |first: usize| (first..first + 300_000).map(|id| format!("{id},note,{}.5\n", id % 10)).collect::<String>();
    let text = "one,two,three\n".repeat(250_000);
    both.put("notes.csv", format!("id,note,amount\n{}1,\"{text}\",0.5\n{}", records(0), records(300_000)).as_bytes());
    let answer =
        both.there("32MiB", "SELECT count(*) AS n, sum(id) AS s, max(amount) AS m FROM '{d}/notes.csv'").expect(0);
    assert_eq!(answer.stdout, "n,s,m\n600001,179999700001,9.5\n");
    no_warning(&answer);
}

/// Records of three columns and how many there are. Whatever is in quotes looks like records, and goes over each border.
fn across_borders() -> (String, usize) {
    let mut text = "id,note,amount\n".to_owned();
    let mut id = 0;
    while text.len() < BYTES {
        let left = SPLIT - text.len() % SPLIT;
        let lines = if left < 4096 { 2 * 4096 / 6 } else { id % 40 };
        let _ = writeln!(text, "{id},\"said \"\"{id}\"\"");
        (0..lines).for_each(|line| text.push_str(if line % 7 == 6 { "\"\",,\r\n" } else { "1,b,2\n" }));
        let _ = writeln!(text, "\",{}.{}", id % 10, [0, 25, 5, 75][id % 4]);
        id += 1;
    }
    (text, id)
}
