//! Questions about one CSV file and one file of JSON lines, put to bobbin and to the engines that people use for them:
//! CPU-seconds, seconds and memory, with one thread and with two; how the answer's cost grows with the number of splits; and
//! what it is on a cluster.
//!
//! `BOBBIN_BENCH_BYTES` is the size of each file (a gigabyte), `BOBBIN_BENCH_PEERS` names the peers to ask (all; empty for
//! none), `BOBBIN_BENCH_RUNS` limits the runs of each.

#[path = "analytics/answers.rs"]
mod answers;
#[path = "analytics/engines.rs"]
mod engines;
#[path = "analytics/on_cluster.rs"]
mod on_cluster;
#[path = "analytics/questions.rs"]
mod questions;
#[path = "analytics/report.rs"]
mod report;
mod support;
#[path = "../tests/support/mod.rs"]
#[allow(clippy::unwrap_used, reason = "shared with the tests")]
mod tests;

use integration::data::{Cached, cached, directory, events, taxi};

use engines::Engines;
use questions::QUESTIONS;

/// Threads that every engine may use.
const THREADS: [usize; 2] = [1, 2];
/// Pieces that the growth table cuts the CSV file into.
const SPLITS: [u64; 4] = [1, 10, 100, 1000];

/// What the questions are about.
pub struct Data {
    /// Trips.
    pub trips: Cached<taxi::Tally>,
    /// Events.
    pub events: Cached<events::Tally>,
}

fn main() {
    let bytes = match std::env::var("BOBBIN_BENCH_BYTES").map(|text| text.parse()) {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => return support::skip("analytics", &format!("BOBBIN_BENCH_BYTES: {error}")),
        Err(_) => 1_000_000_000,
    };
    let data = match made(bytes) {
        Ok(data) => data,
        Err(reason) => return support::skip("analytics", &reason),
    };
    let title =
        format!("analytics: {bytes} bytes of trips (CSV) and of events (JSON lines), types given, page cache warm");
    support::title(&title);
    warm(&data);
    let engines = Engines::new();
    let mut peaks = Vec::new();
    for threads in THREADS {
        let table: Vec<_> = QUESTIONS.iter().map(|question| engines.ask(question, &data, threads)).collect();
        report::speed(&engines, threads, &table);
        if threads == 1 {
            peaks = table;
        }
    }
    report::memory(&engines, &peaks);
    report::growth(&SPLITS.map(|splits| (splits, engines.growth(&data, splits))));
    report::cluster(&on_cluster::rows(&engines, &data));
}

/// The files, made once for each size.
fn made(bytes: u64) -> Result<Data, String> {
    let folder = directory()?;
    let trips = cached(&folder, &format!("taxi-42-{bytes}.csv"), |out| taxi::write(out, bytes, 42))?;
    let events = cached(&folder, &format!("events-42-{bytes}.jsonl"), |out| events::write(out, bytes, 42))?;
    Ok(Data { trips, events })
}

/// Reads the files once, so that the first engine does not pay for the disk.
fn warm(data: &Data) {
    for path in [&data.trips.path, &data.events.path] {
        let read = std::fs::File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut std::io::sink()));
        if let Err(error) = read {
            support::skip("warming the page cache", &format!("{}: {error}", path.display()));
        }
    }
}
