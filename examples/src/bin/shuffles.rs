//! A job of a thousand tasks with two shuffles: each task of a stage reads a part of what every task of the stage before has made.
//! What it prints depends on its argument alone, however often its workers are killed meanwhile, which tests do.
//!
//! `cargo run -p examples --bin shuffles -- 7`

use std::error::Error;

use bobbin::{Future, Session};

/// Tasks of each stage; the last one makes a thousand.
const SOURCES: u64 = 460;
const FIRST_BUCKETS: u64 = 40;
const SPREAD: u64 = 460;
const SECOND_BUCKETS: u64 = 39;
/// Numbers that each source makes.
const NUMBERS: u64 = 100;
/// Steps that each of them takes.
const STEPS: u64 = 400;

/// A number that looks drawn.
fn mixed(number: u64) -> u64 {
    (0..STEPS).fold(number, |mixed, step| (mixed ^ step).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
}

/// Depends on the order of the numbers, too.
fn folded(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(0, |sum, number| sum.wrapping_mul(31).wrapping_add(number))
}

#[bobbin::task(pure = false)]
fn source(seed: u64, number: u64) -> Vec<u64> {
    (0..NUMBERS).map(|row| mixed(seed ^ (number * NUMBERS + row))).collect()
}

/// The numbers that belong into one of so many buckets.
#[bobbin::task(pure = false)]
fn bucket(stage: Vec<Vec<u64>>, number: u64, buckets: u64) -> Vec<u64> {
    stage.into_iter().flatten().filter(|row| row % buckets == number).collect()
}

#[bobbin::task(pure = false)]
fn spread(rows: Vec<u64>, number: u64) -> Vec<u64> {
    rows.into_iter().skip((number / FIRST_BUCKETS) as usize).step_by(16).map(|row| mixed(row ^ number)).collect()
}

#[bobbin::task(pure = false)]
fn digest(stage: Vec<Vec<u64>>) -> u64 {
    folded(stage.into_iter().map(folded))
}

#[bobbin::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let seed: u64 = std::env::args().nth(1).unwrap_or_else(|| "1".to_owned()).parse()?;
    let session = Session::connect().await?;
    let sources: Vec<_> = (0..SOURCES).map(|number| session.submit(source, (seed, number))).collect();
    let first = shuffled(&session, &sources, FIRST_BUCKETS);
    let wide = |number: u64| session.submit(spread, (&first[(number % FIRST_BUCKETS) as usize], number));
    let wide: Vec<_> = (0..SPREAD).map(wide).collect();
    let second = shuffled(&session, &wide, SECOND_BUCKETS);
    let answer = session.submit(digest, (&second,));
    println!("{:016x}", answer.result().await?);
    // Results that were there and are gone are made again for who wants them.
    let again = session.gather(&second).await?;
    println!("{:016x}", folded(again.into_iter().map(folded)));
    Ok(())
}

/// What a stage has made, anew divided into buckets.
fn shuffled(session: &Session, stage: &[Future<Vec<u64>>], buckets: u64) -> Vec<Future<Vec<u64>>> {
    (0..buckets).map(|number| session.submit(bucket, (stage, number, buckets))).collect()
}
