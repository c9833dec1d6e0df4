//! zstd files of many frames: cut into splits at some of them, with the rows of the plain file.

use std::ops::Range;

use crate::support::compare::{assert_same, rows};
use crate::support::data::Numbers;
use crate::support::{Answer, Failure, Files, Runner};

/// What lies beside the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Nothing,
    /// A seek table at the end.
    Table,
    /// Before each frame an empty one, and one that decoders skip.
    Others,
}

const LAYOUTS: [Layout; 3] = [Layout::Nothing, Layout::Table, Layout::Others];

fn skippable(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[0x50 + kind, 0x2a, 0x4d, 0x18], (content.len() as u32).to_le_bytes().as_slice(), content].concat()
}

fn frame(content: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(content, 1).unwrap()
}

/// A zstd file of frames with `len` bytes of content each, and where each is in it.
fn framed(content: &[u8], len: usize, layout: Layout) -> (Vec<u8>, Vec<Range<usize>>) {
    let (mut file, mut places, mut table) = (Vec::new(), Vec::new(), Vec::new());
    for piece in content.chunks(len) {
        if layout == Layout::Others {
            file.extend(frame(b""));
            file.extend(skippable(2, b"skip me"));
        }
        let begin = file.len();
        file.extend(frame(piece));
        places.push(begin..file.len());
        table.extend(((file.len() - begin) as u32).to_le_bytes());
        table.extend((piece.len() as u32).to_le_bytes());
    }
    if layout == Layout::Table {
        table.extend((places.len() as u32).to_le_bytes());
        table.extend([0, 0xb1, 0xea, 0x92, 0x8f]);
        file.extend(skippable(14, &table));
    }
    (file, places)
}

fn run(sql: &str, split_size: u64) -> Result<Answer, Failure> {
    Runner { split_size, batch_rows: 7, ..Runner::default() }.run(sql)
}

/// Tasks of the first stage.
fn tasks(answer: &Answer) -> usize {
    answer.query.stages[0].tasks.len()
}

/// Every size of frames and splits gives the answer of the plain file; returns how many runs had to be planned again,
/// and the most tasks of one.
fn check(name: &str, content: &str, sql_of: impl Fn(&str) -> String) -> (usize, usize) {
    let files = Files::new();
    let whole = run(&sql_of(&files.write(name, content)), u64::MAX).unwrap();
    let (mut replans, mut most) = (0, 0);
    for (len, layout) in [11, 64, 300].into_iter().flat_map(|len| LAYOUTS.map(|layout| (len, layout))) {
        let path = files.write(&format!("{name}.zst"), framed(content.as_bytes(), len, layout).0);
        let sql = sql_of(&path);
        for split_size in [5, 70, 1_000] {
            let answer = run(&sql, split_size).unwrap();
            let what = format!("{sql} in frames of {len} with {layout:?} at {split_size}");
            assert_same(&what, &answer.batches, &whole.batches, true);
            replans += usize::from(!answer.replanned.is_empty());
            most = most.max(tasks(&answer));
        }
    }
    (replans, most)
}

fn select_all(path: &str) -> String {
    format!("SELECT * FROM '{path}'")
}

/// Lines that hardly shrink.
fn lines(count: u64) -> String {
    let mut numbers = Numbers::new(3);
    (0..count).map(|number| format!("{number},{:x}\n", numbers.next())).collect()
}

#[test]
fn records_of_csv() {
    let (replans, tasks) = check("t.csv", &format!("a,b\n{}", lines(60)), select_all);
    assert_eq!(replans, 0);
    assert!(tasks > 50, "{tasks}");
    check("t.csv", &format!("\u{feff}a,b\r\n{}9,x", lines(40).replace('\n', "\r\n")), select_all);
    check("t.csv", &format!("a,b\n\n{}\n\n", lines(40).replace('\n', "\n\n\n")), select_all);
}

#[test]
fn records_longer_than_frames_and_splits() {
    let long = lines(30).replace('\n', " ").replace(',', ";");
    check("t.csv", &format!("a,b\n1,{long}\n2,y\n3,{long}\n"), select_all);
    check("t.jsonl", &format!("{{\"a\": \"{long}\"}}\n{{\"a\": \"x\"}}\n{{\"a\": \"{long}\"}}"), select_all);
}

#[test]
fn quoted_newlines_across_frames() {
    let record = |number: u64| format!("{number},\"one\ntwo, \"\"{number}\"\"\n{}three\"\n", lines(2));
    let content: String = std::iter::once("a,b\n".to_owned()).chain((0..25).map(record)).collect();
    assert!(check("t.csv", &content, select_all).0 > 0);
    assert!(check("t.csv", &content, |path| format!("SELECT count(*), sum(a), max(b) FROM '{path}'")).0 > 0);
}

#[test]
fn lines_of_json() {
    let line = |number: u64| format!("{{\"a\": {number}, \"b\": {{\"c\": \"{}\"}}}}\r\n", number * 7_919);
    let content: String = (0..40).map(line).collect();
    let (_, tasks) = check("t.jsonl", &content, |path| format!("SELECT a, b.c FROM '{path}' WHERE a % 3 > 0"));
    assert!(tasks > 10, "{tasks}");
    check("t.jsonl", &format!("\u{feff}{}", content.trim_end()), select_all);
}

#[test]
fn places_of_records_and_values_of_paths() {
    let of = |columns: &'static str, options: &'static str| {
        move |path: &str| {
            let path = path.replace("/year=2015/", "/*/");
            format!("SELECT {columns} FROM read_csv('{path}', {options}) WHERE a > 3")
        }
    };
    let content = format!("a,b\n{}", lines(40));
    let named =
        of("a, o, f LIKE '%/year=2015/t.csv%', year", "file_offset => 'o', filename => 'f', hive_partitioning => true");
    check("year=2015/t.csv", &content, named);
    let (_, tasks) = check("t.csv", &content, of("a, n", "file_row_number => 'n'"));
    assert_eq!(tasks, 1, "who counts records begins with the first");
}

#[test]
fn limits_look_only_at_what_they_take() {
    let content = format!("a,b\n{}", lines(60));
    check("t.csv", &content, |path| format!("SELECT a FROM '{path}' WHERE a > 10 LIMIT 5"));
    check("t.csv", &content, |path| format!("SELECT a FROM '{path}' LIMIT 50"));
}

#[test]
fn random_files() {
    let mut numbers = Numbers::new(11);
    for _ in 0..5 {
        let mut content = String::from("a,b,c\n");
        for id in 0..numbers.below(40) {
            let field = ["", "x", "\"q\"", "\"\n\"", "\"a\"\"\nb,\"", "\"\r\n\""][numbers.below(6) as usize];
            let end = ["\n", "\r\n", "\n\n"][numbers.below(3) as usize];
            content += &format!("{id},{field},{}{end}", numbers.next());
        }
        content += "99,last,1";
        check("t.csv", &content, select_all);
    }
}

#[test]
fn bad_records_are_named_by_their_place_in_the_text() {
    let files = Files::new();
    let content = format!("a,b\n{}x,1\n{}", lines(30), lines(30));
    let plain = format!("SELECT sum(a) FROM read_csv('{}', types => 'a BIGINT')", files.write("t.csv", &content));
    let bad = run(&plain, 100).unwrap_err().message();
    let at = format!("byte {}", content.find("x,1").unwrap());
    assert!(bad.contains(&at), "{bad}");
    for layout in LAYOUTS {
        let path = files.write("t.csv.zst", framed(content.as_bytes(), 50, layout).0);
        let failure = run(&plain.replace("t.csv", "t.csv.zst"), 100).unwrap_err();
        let message = failure.message();
        assert!(message.contains(&path) && message.contains(&at), "{message}");
        assert_eq!(failure.exit_code(), 66);
        let rejects = format!("SELECT \"offset\" FROM csv_rejects('{path}', types => 'a BIGINT')");
        assert_eq!(format!("{:?}", rows(&run(&rejects, 100).unwrap().batches)).matches(&at[5..]).count(), 1);
    }
}

#[test]
fn a_damaged_frame_is_named() {
    let files = Files::new();
    let content = format!("a,b\n{}", lines(200));
    // What is declared is not learned, so that tasks are the first to meet it.
    let count =
        |path: &str| format!("SELECT count(*), max(b) FROM read_csv('{path}', columns => 'a BIGINT, b VARCHAR')");
    let (packed, places) = framed(content.as_bytes(), 500, Layout::Nothing);
    let damaged = places[places.len() / 2].clone();
    for layout in [Layout::Nothing, Layout::Table] {
        let (mut packed, _) = framed(content.as_bytes(), 500, layout);
        packed[damaged.start] ^= 1;
        let path = files.write("t.csv.zst", &packed);
        for split_size in [1, 1_000, u64::MAX] {
            let failure = run(&count(&path), split_size).unwrap_err();
            assert!(matches!(failure, Failure::Task(_)), "{failure:?}");
            let message = failure.message();
            assert!(message.contains(&path) && message.contains(&format!("byte {} ", damaged.start)), "{message}");
            assert_eq!(failure.exit_code(), 66);
        }
    }
    let cut = files.write("cut.csv.zst", &packed[..damaged.start - 3]);
    let message = run(&count(&cut), 700).unwrap_err().message();
    assert!(message.contains("cut.csv.zst") && message.contains("truncated"), "{message}");
}

#[test]
fn a_seek_table_that_lies_is_found_out() {
    let files = Files::new();
    let content = format!("a,b\n{}", lines(100));
    let (packed, places) = framed(content.as_bytes(), 300, Layout::Table);
    let entry = |number: usize| packed.len() - 9 - 8 * (places.len() - number);
    // A length of one frame is taken from the next one, so that their sum is right.
    for (at, change) in [(entry(1) + 4, 5_i8), (entry(2) + 4, -5), (entry(0), 1)] {
        let mut wrong = packed.clone();
        wrong[at] = wrong[at].wrapping_add_signed(change);
        wrong[at + 8] = wrong[at + 8].wrapping_add_signed(-change);
        let path = files.write("t.csv.zst", &wrong);
        let message = run(&format!("SELECT count(*) FROM '{path}'"), 1).unwrap_err().message();
        assert!(message.contains(&path) && message.contains("damaged"), "{message}");
    }
    let path = files.write("t.csv.zst", &packed);
    run(&format!("SELECT count(*) FROM '{path}'"), 1).unwrap();
}

#[test]
fn explanations_count_the_splits() {
    let files = Files::new();
    let content = format!("a,b\n{}", lines(300));
    let explained = |packed: Vec<u8>, split_size| {
        let path = files.write("t.csv.zst", packed);
        let runner = Runner { split_size, ..Runner::default() };
        runner.plan(&format!("SELECT count(*) FROM '{path}'")).unwrap().explain()
    };
    let (packed, places) = framed(content.as_bytes(), 400, Layout::Table);
    let size = packed.len() as u64;
    let three = explained(packed.clone(), size / 4);
    assert!(three.contains("splits: 3 of at most") || three.contains("splits: 4 of at most"), "{three}");
    assert!(explained(packed.clone(), size).contains("splits: 1 of"));
    let all = explained(packed, 1);
    assert!(all.contains(&format!("splits: {} of", places.len())), "{all}");
    let unknown = zstd::stream::encode_all(content.as_bytes(), 1).unwrap();
    assert!(explained([unknown.clone(), unknown].concat(), 1).contains("splits: 1 of"));
}
