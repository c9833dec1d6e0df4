//! Records at split borders: the answer never depends on where files are cut.

use crate::support::compare::assert_same;
use crate::support::data::Numbers;
use crate::support::{Files, Runner};

/// Every split size gives the answer of one split; returns how many runs had to be planned again.
fn check_all_sizes(content: &str, sql_of: impl Fn(&str) -> String) -> usize {
    let files = Files::new();
    let path = files.write("t.csv", content);
    let sql = sql_of(&path);
    let whole = Runner { split_size: u64::MAX, batch_rows: 7, ..Runner::default() }.run(&sql).unwrap();
    let mut replans = 0;
    for split_size in [5, 16, 17, 64, 200] {
        let answer = Runner { split_size, batch_rows: 7, ..Runner::default() }.run(&sql).unwrap();
        assert_same(&format!("{sql} at {split_size}"), &answer.batches, &whole.batches, true);
        replans += usize::from(!answer.replanned.is_empty());
    }
    replans
}

fn select_all(path: &str) -> String {
    format!("SELECT * FROM '{path}'")
}

#[test]
fn plain_records() {
    assert_eq!(check_all_sizes("a,b\n1,x\n22,yy\n333,zzz\n4,\n", select_all), 0);
    assert_eq!(check_all_sizes("a,b\r\n1,x\r\n22,yy\r\n333,zzz", select_all), 0);
    assert_eq!(check_all_sizes("\u{feff}a,b\n1,x\n\n\n22,yy\n\n", select_all), 0);
}

#[test]
fn records_longer_than_splits() {
    let long = "x".repeat(150);
    assert_eq!(check_all_sizes(&format!("a,b\n1,{long}\n2,y\n3,{long}\n"), select_all), 0);
}

#[test]
fn quoted_newlines_are_found_and_read_in_one_piece() {
    let record = |number: usize| format!("{number},\"line one\nline, two \"\"{number}\"\"\nthree\"\n");
    let content: String = std::iter::once("a,b\n".to_owned()).chain((0..40).map(record)).collect();
    assert!(check_all_sizes(&content, select_all) > 0);
    assert!(check_all_sizes(&content, |path| format!("SELECT count(*), sum(a), max(b) FROM '{path}'")) > 0);
    assert!(check_all_sizes(&content, |path| format!("SELECT a FROM '{path}' ORDER BY b LIMIT 5")) > 0);
}

#[test]
fn errors_from_a_wrong_start_are_nobodys_fault() {
    // Seen from inside the quotes, the lines have the wrong number of fields and no number.
    let content = "a,b\n".to_owned() + &"7,\"one,two,three\nfour\nfive,six,seven,eight\"\n".repeat(30);
    check_all_sizes(&content, |path| format!("SELECT sum(a), count(*) FROM '{path}' WHERE 100 / a > 0"));
}

#[test]
fn only_the_files_with_quoted_newlines_are_planned_again() {
    let files = Files::new();
    files.write("d/a.csv", "a,b\n".to_owned() + &"1,x\n".repeat(100));
    let quoted = files.write("d/b.csv", "a,b\n".to_owned() + &"1,\"x\ny\nz\"\n".repeat(100));
    let sql = format!("SELECT count(*), sum(a) FROM '{}'", files.join("d").display());
    let answer = Runner { split_size: 50, ..Runner::default() }.run(&sql).unwrap();
    assert_eq!(answer.replanned.iter().collect::<Vec<_>>(), [&format!("file://{quoted}")]);
    assert!(answer.query.stages[0].tasks.len() > 5, "the other file stays split");
}

#[test]
fn limits_look_only_at_what_they_take() {
    let content = "a,b\n".to_owned() + &"1,x\n".repeat(100) + &"2,\"p\nq\"\n".repeat(100);
    check_all_sizes(&content, |path| format!("SELECT a FROM '{path}' WHERE a > 0 LIMIT 30"));
    check_all_sizes(&content, |path| format!("SELECT * FROM '{path}' WHERE a > 1 LIMIT 30"));
    let files = Files::new();
    let path = files.write("t.csv", &content);
    let sql = format!("SELECT a FROM '{path}' WHERE a > 0 LIMIT 30");
    let answer = Runner { split_size: 201, ..Runner::default() }.run(&sql).unwrap();
    assert!(answer.replanned.is_empty(), "the first split has thirty rows and no quote");
}

#[test]
fn random_files() {
    let mut numbers = Numbers::new(7);
    for _ in 0..12 {
        let mut content = String::from("a,b,c\n");
        for id in 0..numbers.below(60) {
            let field =
                ["", "x", "\"q\"", "\"\n\"", "\"a\"\"\nb,\"", "it's 5\" wide", "\"\r\n\""][numbers.below(7) as usize];
            let end = ["\n", "\r\n", "\n\n"][numbers.below(3) as usize];
            content += &format!("{id},{field},{}{end}", numbers.below(1_000));
        }
        content += "99,last,1";
        check_all_sizes(&content, select_all);
        check_all_sizes(&content, |path| format!("SELECT b, count(*), sum(c) FROM '{path}' GROUP BY b"));
    }
}
