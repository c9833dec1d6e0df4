//! What futures cost: one call after the other, many at once, and results of many sizes. In this process, or (with the word
//! `processes`) with a worker process over TLS on loopback. Prints a line of JSON for each measure.
//!
//! With `BOBBIN_ISOLATION=process` each call runs in a process of its own, a child of the worker. What that costs, on two cores of a
//! shared machine that others kept busy (`BOBBIN_ISOLATION=process chrt -f 10 target/release/examples/futures_cost processes`):
//!
//! | µs, no-op tasks of two threads | round trip (p99) | map and gather, each | tree, each |
//! |---|---|---|---|
//! | in this process, isolation by thread | 146 (856) | 23 | 40 |
//! | in this process, isolation by process | 286 (512) | 74 | 86 |
//! | worker process, isolation by thread | 640 (1233) | 88 | 101 |
//! | worker process, isolation by process | 817 (1273) | 168 | 133 |

#[path = "../tests/processes/mod.rs"]
mod processes;

mod plain;

use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

use bobbin::{Bytes, Session};

/// Calls one after the other.
const ROUNDS: usize = 2000;
/// Calls at once.
const CALLS: u64 = 10_000;

#[bobbin::task(pure = false)]
fn increment(number: u64) -> u64 {
    number + 1
}

#[bobbin::task(pure = false)]
fn zeros(bytes: usize) -> Bytes {
    vec![0u8; bytes].into()
}

#[bobbin::task(pure = false)]
fn add(left: u64, right: u64) -> u64 {
    left + right
}

fn worker() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_default());
    command.arg("worker");
    command
}

#[bobbin::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().nth(1).as_deref() == Some("processes") {
        let cluster = processes::Cluster::start(1, worker).await;
        let files = bobbin::Files::new(bobbin_blocks::BlockReader::local(), bobbin_blocks::PathBase::Local);
        let session = Session::join(&cluster.address, &cluster.identity, "futures_cost", files).await?;
        measure(&session).await?;
        return results(&session, Some(plain::Plain::connect().await?)).await;
    }
    let session = Session::connect().await?;
    measure(&session).await?;
    results(&session, None).await
}

async fn measure(session: &Session) -> Result<(), Box<dyn Error>> {
    // The first call finds everything cold.
    session.submit(increment, (0u64,)).await?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS as u64 {
        let began = Instant::now();
        session.submit(increment, (round,)).await?;
        rounds.push(began.elapsed());
    }
    rounds.sort_unstable();
    let (p50, p99) = (micros(rounds[ROUNDS / 2]), micros(rounds[ROUNDS * 99 / 100]));
    println!(r#"{{"measure": "round trip", "p50_us": {p50:.1}, "p99_us": {p99:.1}}}"#);
    let began = Instant::now();
    let results = session.gather(&session.map(increment, 0..CALLS)).await?;
    assert_eq!(results.iter().sum::<u64>(), CALLS * (CALLS + 1) / 2);
    println!(r#"{{"measure": "map and gather", "us_a_task": {:.2}}}"#, micros(began.elapsed()) / CALLS as f64);
    let began = Instant::now();
    session.reduce(add, session.map(increment, 0..CALLS)).await?;
    println!(r#"{{"measure": "tree", "us_a_task": {:.2}}}"#, micros(began.elapsed()) / (2 * CALLS - 1) as f64);
    Ok(())
}

/// Results of many sizes, each beside as many bytes of a plain TLS stream; of several rounds in turn the median.
async fn results(session: &Session, mut plain: Option<plain::Plain>) -> Result<(), Box<dyn Error>> {
    for (bytes, rounds) in [(1, 101), (1 << 10, 101), (1 << 20, 51), (100 << 20, 5), (1 << 30, 3)] {
        let (mut results, mut streams) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let future = session.submit(zeros, (bytes,));
            future.wait().await;
            let began = Instant::now();
            assert_eq!(future.result().await?.len(), bytes);
            results.push(began.elapsed());
            if let Some(plain) = &mut plain {
                let began = Instant::now();
                assert_eq!(plain.read(bytes).await?.len(), bytes);
                streams.push(began.elapsed());
            }
        }
        let seconds = median(results);
        println!(r#"{{"measure": "result", "bytes": {bytes}, "seconds": {seconds:.6}}}"#);
        if plain.is_some() {
            let stream = median(streams);
            println!(
                r#"{{"measure": "plain TLS stream", "bytes": {bytes}, "seconds": {stream:.6}, "result_is": {:.2}}}"#,
                stream / seconds,
            );
        }
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
