//! Reads damaged files for as long as one likes, next to slow readers that are plainly right:
//! `cargo run --release -p bobbin-parse --example fuzz -- csv|json FIRST-SEED SECONDS`. A seed for which something does not
//! hold ends it with a panic that names the seed and shows the file.

use std::process::ExitCode;
use std::time::{Duration, Instant};

#[path = "../tests/fuzzing/mod.rs"]
mod fuzzing;
#[path = "../tests/json_reader/mod.rs"]
mod json_reader;
#[path = "../tests/reference/mod.rs"]
mod reference;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((check, first, seconds)) = parse(&arguments) else {
        eprintln!("usage: fuzz csv|json FIRST-SEED SECONDS");
        return ExitCode::from(64);
    };
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut seed = first;
    while Instant::now() < end {
        check(seed);
        seed += 1;
    }
    println!("{} files, seeds {first} to {}", seed - first, seed.saturating_sub(1));
    ExitCode::SUCCESS
}

fn parse(arguments: &[String]) -> Option<(fuzzing::Check, u64, u64)> {
    let [name, first, seconds] = arguments else { return None };
    let (_, check) = fuzzing::TARGETS.into_iter().find(|(target, _)| target == name)?;
    Some((check, first.parse().ok()?, seconds.parse().ok()?))
}
