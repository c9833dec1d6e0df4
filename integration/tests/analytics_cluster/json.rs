//! JSON lines on HDFS: whole, compressed, and with lines that are none.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use integration::data::events;
use integration::shared;

use super::both::{Both, no_warning};

/// Three blocks of the cluster, and a piece.
const BYTES: u64 = 25 << 20;

#[test]
fn events_are_counted_by_type_and_by_a_nested_name() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "events");
    let mut text = Vec::new();
    let tally = events::write(&mut text, BYTES, 7).unwrap();
    both.put("events.json", &text);
    let query = "SELECT type, count(*) AS n FROM '{d}/events.json' GROUP BY type ORDER BY type";
    let answer = both.same("1MiB", query);
    let expected = tally.types.iter().fold("type,n\n".to_owned(), |mut text, (kind, count)| {
        let _ = writeln!(text, "{kind},{count}");
        text
    });
    assert_eq!(answer.stdout, expected);
    no_warning(&answer);
    assert_eq!(answer.number(" node-local") + answer.number(" rack-local") + answer.number(" remote; tasks"), 26);
    let busiest = "SELECT e.actor.login AS login, count(*) AS n FROM '{d}/events.json' e \
                   WHERE e.repo.name LIKE 'jupyter/%' GROUP BY 1 ORDER BY n DESC, login LIMIT 10";
    let expected = tally.busiest().iter().fold("login,n\n".to_owned(), |mut text, (login, count)| {
        let _ = writeln!(text, "{login},{count}");
        text
    });
    assert!(tally.busiest().len() > 3, "too few events to ask for");
    assert_eq!(both.same("3MiB", busiest).stdout, expected);
}

#[test]
fn a_compressed_file_is_read_over_its_blocks_beside_a_plain_one() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "compressed");
    // What hardly shrinks takes three blocks compressed, too.
    let (first, second) = (tokens(0..120_000), tokens(120_000..130_000));
    let packed = gzip(&first);
    assert!(packed.len() as u64 > 2 * cluster.options().block_size, "{} bytes", packed.len());
    both.put("a.json.gz", &packed);
    both.put("b.json", &second);
    let answer = both.same(
        "1MiB",
        "SELECT count(*) AS n, count(DISTINCT t.token.text) AS d, sum(t.token.size) AS s, max(id) AS m FROM read_json('{d}/*.json*') t",
    );
    assert_eq!(answer.stdout, format!("n,d,s,m\n130000,130000,{},129999\n", 130_000 * TOKEN));
    no_warning(&answer);
}

#[test]
fn broken_lines_are_left_out_counted_and_shown() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "broken");
    let mut text = Vec::new();
    let tally = events::write(&mut text, BYTES, 8).unwrap();
    let mut lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
    let broken = [3, lines.len() / 2, lines.len() - 1];
    for line in broken {
        lines[line] = b"{\"id\": \"1\", \"type\n";
    }
    both.put("events.json", &lines.concat());
    let answer = both.same("1MiB", "SELECT count(*) AS n FROM read_json('{d}/events.json', on_bad => 'skip')");
    assert_eq!(answer.stdout, format!("n\n{}\n", tally.lines - 3));
    answer.says(&["3 bad records (malformed)", "events.json"]);
    for line in broken {
        let offset: usize = lines[..line].iter().map(|line| line.len()).sum();
        answer.says(&[&format!("record at byte {offset} ")]);
    }
    // Without the option, the first of them ends the query.
    both.there("1MiB", "SELECT count(*) FROM '{d}/events.json'").expect(66).says(&["events.json", "line 4"]);
}

/// Letters of each line's token.
const TOKEN: usize = 200;

/// Lines with long texts that have no pattern.
fn tokens(numbers: std::ops::Range<usize>) -> Vec<u8> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    let mut random = integration::data::Random::new(numbers.start as u64 + 1);
    let mut text = String::new();
    for id in numbers {
        let token: String = (0..TOKEN).map(|_| char::from(random.one_of(letters))).collect();
        let _ = writeln!(text, r#"{{"id":{id},"token":{{"text":"{token}","size":{TOKEN}}}}}"#);
    }
    text.into_bytes()
}

/// As `gzip` compresses.
fn gzip(text: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain");
    std::fs::write(&path, text).unwrap();
    let output = Command::new("gzip").args(["-1", "-c"]).arg(&path).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
    output.stdout
}
