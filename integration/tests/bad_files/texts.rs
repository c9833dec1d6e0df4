//! Bytes that are not the text that was expected.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::desk::Desk;

fn utf_16(text: &str, mark: bool, is_little: bool) -> Vec<u8> {
    let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

#[test]
fn utf_16_is_named_with_the_way_out() {
    let desk = Desk::new();
    let (csv, json) = ("a,b\r\n1,x\r\n2,y\r\n".repeat(50), "{\"a\":1,\"b\":\"x\"}\n".repeat(50));
    let mut missing = Vec::new();
    for (mark, is_little) in [(true, true), (true, false), (false, true), (false, false)] {
        for (name, text, read) in [("wide.csv", &csv, "read_csv"), ("wide.jsonl", &json, "read_json")] {
            desk.put(name, utf_16(text, mark, is_little));
            for columns in ["", ", columns => 'a BIGINT, b VARCHAR'"] {
                let refused = desk.sql(&format!("SELECT count(b) AS n FROM {read}('{name}'{columns})"));
                let is_named = [name, "UTF-16", "UTF-8"].iter().all(|word| refused.stderr.contains(word));
                if refused.code != 66 || !is_named {
                    let bytes = format!("{name}{columns}, mark {mark}, little {is_little}");
                    missing.push(format!("{bytes}: {} {}{}", refused.code, refused.stdout, refused.stderr));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn a_nul_in_a_field_is_part_of_it() {
    let desk = Desk::new();
    let text = (0..2000).map(|id| format!("{id},word{id}\n")).collect::<String>();
    desk.put("nul.csv", format!("id,word\n{text}2000,x\0y\n"));
    let answer = desk.sql("SELECT count(*) AS n, max(length(word)) AS l, sum(id) AS s FROM 'nul.csv' WHERE id >= 1999");
    assert_eq!(answer.expect(0).stdout, "n,l,s\n2,8,3999\n");
    desk.refuses("SELECT id FROM read_csv('nul.csv', types => 'word BIGINT') WHERE word > 0", 66, &["nul.csv", "word"]);
}

#[test]
fn many_nuls_are_no_text() {
    let desk = Desk::new();
    desk.put("sparse.csv", [b"id,word\n".as_slice(), &[0; 100_000]].concat());
    desk.refuses("SELECT count(*) AS n FROM 'sparse.csv'", 66, &["sparse.csv", "NUL", "binary"]);
    desk.put("sparse.jsonl", [b"{\"id\":1}\n".as_slice(), &[0; 100_000]].concat());
    desk.refuses("SELECT sum(id) AS n FROM 'sparse.jsonl'", 66, &["sparse.jsonl"]);
}

#[test]
fn a_hundred_thousand_columns_are_columns() {
    const COLUMNS: usize = 100_000;
    let desk = Desk::new();
    let mut text = (0..COLUMNS).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",");
    for row in 0..3 {
        text.push('\n');
        (0..COLUMNS).for_each(|column| write!(text, "{}{}", if column == 0 { "" } else { "," }, column + row).unwrap());
    }
    desk.put("wide.csv", text + "\n");
    let answer = desk.sql("SELECT count(*) AS n, sum(c0) AS a, sum(c99999) AS z FROM 'wide.csv'").expect(0);
    assert_eq!(answer.stdout, "n,a,z\n3,3,300000\n");
    desk.refuses("SELECT c100000 FROM 'wide.csv'", 64, &["c100000"]);
    let head = desk.run(&["head", "--quiet", "wide.csv", "-n", "2"]).expect(0);
    assert_eq!(head.stdout.lines().map(|line| line.split(',').count()).collect::<Vec<_>>(), [COLUMNS; 3]);
}

#[test]
fn a_compressed_file_that_ends_early_is_named() {
    let desk = Desk::new();
    let text = (0..50_000).map(|id| format!("{id},word{}\n", id * 7919 % 50_000)).collect::<String>();
    let whole = gzip(format!("id,word\n{text}").as_bytes());
    desk.put("whole.csv.gz", &whole);
    assert_eq!(desk.sql("SELECT count(*) AS n FROM 'whole.csv.gz'").expect(0).stdout, "n\n50000\n");
    // In the middle, in its header, in its checksum.
    for kept in [whole.len() / 2, 6, whole.len() - 3] {
        desk.put("cut.csv.gz", &whole[..kept]);
        desk.refuses("SELECT count(*) AS n FROM 'cut.csv.gz'", 66, &["cut.csv.gz", "gzip", "truncated"]);
        let skipped =
            "SELECT count(*) AS n FROM read_csv('cut.csv.gz', columns => 'id BIGINT, word VARCHAR', on_bad => 'skip')";
        desk.refuses(skipped, 66, &["cut.csv.gz", "truncated"]);
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut child = Command::new("gzip").arg("-1").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(&text).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout
}
