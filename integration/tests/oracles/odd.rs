//! Small CSV files that are hard to cut: quoted commas, quotes and line ends, every style of line end, a byte order mark,
//! missing values and empty texts, letters of several bytes.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use integration::data::Random;
use integration::oracle::{Format, Table};

use super::check::{Case, Place};

const COLUMNS: [(&str, &str); 5] =
    [("id", "BIGINT"), ("word", "VARCHAR"), ("number", "DOUBLE"), ("day", "DATE"), ("truth", "BOOLEAN")];

/// Texts as a file has them.
const WORDS: [&str; 12] = [
    "plain",
    "",
    "\"\"",
    "\"a,b\"",
    "\"she said \"\"no\"\"\"",
    "\"two\nlines\"",
    "\"\n\"",
    "na\u{ef}ve",
    "\u{4e2d}\u{6587}",
    "\u{1f600}",
    "\"blank  inside\"",
    "\"\"\"\"",
];

/// A way to write lines.
struct Style {
    mark: &'static str,
    end: &'static str,
    last_end: bool,
}

const STYLES: [Style; 4] = [
    Style { mark: "", end: "\n", last_end: true },
    Style { mark: "", end: "\r\n", last_end: true },
    Style { mark: "\u{feff}", end: "\r\n", last_end: false },
    Style { mark: "\u{feff}", end: "\n", last_end: false },
];

/// Splits from a few bytes on: borders fall inside quotes, letters and line ends.
const RUNS: [(&str, Format); 3] = [("97", Format::Csv), ("1001", Format::Json), ("1MiB", Format::Csv)];

/// Rows of files that are cut into single bytes: most such splits hold no record, and there are not too many.
const SHORT: usize = 12;
const BYTES: [(&str, Format); 3] = [("1", Format::Csv), ("2", Format::Json), ("3", Format::Csv)];

fn text(style: &Style, rows: usize) -> String {
    let mut random = Random::new(5);
    let mut text = format!("{}id,word,number,day,truth{}", style.mark, style.end);
    for id in 0..rows {
        let word = random.one_of(&WORDS);
        let number = match random.below(5) {
            0 => String::new(),
            1 => "\"2.5\"".to_owned(),
            _ => format!("{}", random.between(-4000, 4000) as f64 / 4.0),
        };
        let day = if random.once_in(4) { String::new() } else { format!("2015-{:02}-{:02}", 1 + id % 12, 1 + id % 28) };
        let truth = random.one_of(&["true", "false", ""]);
        let _ = write!(text, "{id},{word},{number},{day},{truth}{}", style.end);
    }
    if !style.last_end {
        text.truncate(text.len() - style.end.len());
    }
    text
}

/// Questions about one such file.
const QUESTIONS: [&str; 7] = [
    "SELECT * FROM {odd}",
    "SELECT word, count(*) AS n, sum(number) AS s FROM {odd} GROUP BY word",
    "SELECT count(*) AS n, count(word) AS w, count(number) AS x, count(day) AS d, count(truth) AS t FROM {odd}",
    "SELECT id, length(word) AS l FROM {odd} WHERE word <> '' AND number > 0",
    "SELECT id, word FROM {odd} WHERE word = '' OR word IS NULL",
    "SELECT a.id, b.id AS other FROM {odd} a JOIN {odd} b ON a.word = b.word AND a.day = b.day AND a.id < b.id",
    "SELECT truth, min(day) AS a, max(word) AS b FROM {odd} GROUP BY truth",
];
const ORDERED: &str = "SELECT day, number, id FROM {odd} WHERE truth ORDER BY day, number, id";

fn questions(table: &str) -> Vec<Case> {
    let about = |sql: &str| sql.replace("{odd}", &format!("{{{table}}}"));
    let mut cases: Vec<Case> = QUESTIONS.iter().map(|sql| Case::of(about(sql))).collect();
    cases.push(Case::ordered(about(ORDERED)));
    cases
}

/// Files of so many rows in `folder`, one in each style, and all questions about each of them.
fn files(folder: &Path, rows: usize) -> (Vec<Table>, Vec<Case>) {
    let (mut tables, mut cases) = (Vec::new(), Vec::new());
    for (index, style) in STYLES.iter().enumerate() {
        let name = format!("odd{index}");
        let path = folder.join(format!("{name}.csv"));
        fs::write(&path, text(style, rows)).unwrap();
        tables.push(Table::csv(&name, path, &COLUMNS));
        cases.extend(questions(&name));
    }
    (tables, cases)
}

#[test]
fn any_cut_of_any_style_gives_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let (tables, cases) = files(folder.path(), 300);
    if let Some(mut place) = Place::new(&tables, &RUNS) {
        place.check(&cases);
    }
}

#[test]
fn splits_may_be_of_one_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (tables, cases) = files(folder.path(), SHORT);
    let Some(mut place) = Place::new(&tables, &BYTES) else { return };
    // In so few rows some questions find nothing.
    let (expected, wrong) = place.ask(&cases);
    assert!(wrong.is_empty(), "{} wrong answers to {} questions:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(expected.iter().any(|answer| answer.rows.len() == SHORT));
}
