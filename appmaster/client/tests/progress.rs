//! How far futures are, in this process and on worker processes.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::path::Path;
use std::time::Duration;

use bobbin::{Files, Future, LocalOptions, Progress, Session};
use bobbin_blocks::{BlockReader, PathBase};
use processes::{Cluster, worker};
use tokio::time::timeout;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);

/// No test: what this executable does when it is started as a worker.
#[test]
fn be_a_worker() {
    processes::be_a_worker();
}

async fn soon<T>(work: impl std::future::Future<Output = T>) -> T {
    timeout(LIMIT, work).await.expect("in time")
}

/// Waits for a file, then succeeds if the number is even.
#[bobbin::task]
fn even(gate: String, number: u32) -> Result<u32, String> {
    while !Path::new(&gate).exists() {
        bobbin::checkpoint().map_err(|error| error.to_string())?;
        std::thread::yield_now();
    }
    if number.is_multiple_of(2) { Ok(number) } else { Err(format!("{number} is odd")) }
}

#[bobbin::task]
fn sum(all: Vec<u32>) -> u32 {
    all.iter().sum()
}

fn files() -> Files {
    Files::new(BlockReader::local(), PathBase::Local)
}

/// Eight tasks of which half fail, and sums of those that do not, while the application has room for at most `most` at once.
async fn exercise(session: &Session, directory: &Path, most: usize) {
    let gate = directory.join("gate").to_str().unwrap().to_owned();
    let all: Vec<Future<u32>> = (0..8).map(|number| session.submit(even, (gate.clone(), number))).collect();
    let odd_too = session.submit(sum, (&all[..],));
    let sums = [session.submit(sum, (&all[..1],)), odd_too];
    let mut watch = session.watch(&all).and(&sums);
    let mut seen = Vec::new();
    // All threads have something to do, and the rest waits.
    let running = soon(async {
        loop {
            let progress = watch.next().await.unwrap();
            seen.push(progress);
            if progress.running >= 2 {
                return progress;
            }
        }
    })
    .await;
    assert_eq!(running, Progress { running: running.running, waiting: 10 - running.running, done: 0, failed: 0 });
    assert!(running.running <= most, "{running}");
    assert_eq!(session.progress(&all).total(), 8);
    std::fs::write(&gate, "").unwrap();
    let shown = session.progress_bar("tasks", &all);
    soon(shown).await;
    assert_eq!(session.progress(&all), Progress { done: 4, failed: 4, ..Progress::default() });
    soon(async {
        while let Some(progress) = watch.next().await {
            seen.push(progress);
        }
    })
    .await;
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "only what changes is said: {seen:?}");
    assert!(seen.iter().all(|progress| progress.total() == 10), "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0].done <= pair[1].done && pair[0].failed <= pair[1].failed), "{seen:?}");
    let last = *seen.last().unwrap();
    assert_eq!(last, Progress { done: 5, failed: 5, ..Progress::default() });
    assert!(last.is_over() && seen[..seen.len() - 1].iter().all(|progress| !progress.is_over()), "{seen:?}");
    assert_eq!(last.to_string(), "5 of 10 done, 5 failed");
    assert_eq!(soon(session.watch::<u32>(&[]).next()).await, Some(Progress::default()), "nothing is done at once");
}

#[tokio::test]
async fn progress_in_this_process() {
    let directory = tempfile::tempdir().unwrap();
    let spill_directory = directory.path().join("spill");
    let options = LocalOptions { threads: 2, memory_bytes: 64 << 20, spill_directory, resources: Vec::new() };
    let session = Session::begin(&options, files()).await.unwrap();
    // One more than there are threads waits at the worker.
    exercise(&session, directory.path(), 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_on_workers() {
    let cluster = Cluster::start(1, worker).await;
    let session = Session::join(&cluster.address, &cluster.identity, "driver", files()).await.unwrap();
    exercise(&session, cluster.directory.path(), 3).await;
}
