//! Two tables that join on few keys, with missing values in every column. Numbers are multiples of a quarter, so that their
//! sums are exact in any order.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use integration::data::Random;
use integration::oracle::Table;

/// Columns of both tables, after a letter that tells the tables apart.
pub const COLUMNS: [(&str, &str); 6] =
    [("k", "BIGINT"), ("n", "BIGINT"), ("x", "DOUBLE"), ("w", "VARCHAR"), ("d", "DATE"), ("m", "TIMESTAMP")];
/// The tables' letters, and their rows.
pub const TABLES: [(&str, u64); 2] = [("a", 600), ("b", 120)];

pub const WORDS: [&str; 8] = ["ant", "bee", "Cat", "dog", "", "\u{e9}lan", "fox trot", "x,y"];

/// Writes both tables for a seed.
pub fn write(folder: &Path, seed: u64) -> Vec<Table> {
    let mut random = Random::new(seed + 1000);
    TABLES
        .map(|(letter, rows)| {
            let names = COLUMNS.map(|(name, kind)| (format!("{letter}{name}"), kind));
            let path = folder.join(format!("{letter}.csv"));
            let header = names.each_ref().map(|(name, _)| name.as_str()).join(",");
            let mut text = header + "\n";
            for _ in 0..rows {
                row(&mut text, &mut random);
            }
            fs::write(&path, text).unwrap();
            let columns = names.each_ref().map(|(name, kind)| (name.as_str(), *kind));
            Table::csv(letter, path, &columns)
        })
        .to_vec()
}

fn row(text: &mut String, random: &mut Random) {
    let key = random.between(0, 20);
    let (number, amount) = (random.between(-50, 50), random.between(-400, 400) as f64 / 4.0);
    let (word, day) = (random.one_of(&WORDS), random.below(28) + 1);
    let (month, hour) = (random.below(12) + 1, random.below(24));
    let cells = [
        key.to_string(),
        number.to_string(),
        amount.to_string(),
        format!("\"{word}\""),
        format!("2020-{month:02}-{day:02}"),
    ];
    for cell in &cells {
        let cell = if random.once_in(8) { "" } else { cell.as_str() };
        let _ = write!(text, "{cell},");
    }
    let _ = writeln!(text, "2020-{month:02}-{day:02} {hour:02}:30:00");
}
