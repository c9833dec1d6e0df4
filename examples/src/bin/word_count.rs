//! The ten most frequent words of text files: a task for each block, where the block is, and a tree of merges.
//!
//! `cargo run -p examples --bin word_count -- README.md`

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::error::Error;

use bobbin::{Bytes, Session};

/// How often each word occurs.
type Counts = BTreeMap<String, u64>;

#[bobbin::task]
fn count_words(block: Bytes) -> Counts {
    let mut counts = Counts::new();
    let text = String::from_utf8_lossy(&block);
    for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}

#[bobbin::task]
fn merge(mut left: Counts, right: Counts) -> Counts {
    for (word, count) in right {
        *left.entry(word).or_default() += count;
    }
    left
}

#[bobbin::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path =
        std::env::args().nth(1).ok_or("which files? word_count PATH, such as README.md or hdfs:///logs/*.txt")?;
    let session = Session::connect().await?;
    let counts = session.map(count_words, session.read_lines(&path).await?);
    let total = session.reduce(merge, counts).result().await?;
    let mut words: Vec<(String, u64)> = total.into_iter().collect();
    words.sort_by_key(|(word, count)| (Reverse(*count), word.clone()));
    for (word, count) in words.iter().take(10) {
        println!("{count:8} {word}");
    }
    Ok(())
}
