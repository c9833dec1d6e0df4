//! A task that takes much longer than the others is tried on another host, too.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bobbin::{Files, Session, TaskOptions, checkpoint};
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

/// The first attempt for the number 0 hangs until somebody stops it, which it notes.
#[bobbin::task]
fn hangs_once(number: u64, directory: PathBuf) -> Result<u64, String> {
    let first = number == 0 && File::create_new(directory.join("began")).is_ok();
    if !first {
        return Ok(number * 2);
    }
    loop {
        if let Err(cancelled) = checkpoint() {
            File::create_new(directory.join("stopped")).map_err(|error| error.to_string())?;
            return Err(cancelled.to_string());
        }
        std::thread::yield_now();
    }
}

async fn until_there_is(path: &Path) {
    while !path.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Two workers, which call themselves two hosts, and 24 calls of which the first hangs.
async fn run(options: TaskOptions) -> (Cluster, Vec<bobbin::Future<u64>>, Session) {
    let mut cluster = Cluster::start(1, worker).await;
    cluster.start_worker_on("127.0.0.2");
    let files = Files::new(BlockReader::local(), PathBase::Local);
    let session = Session::join(&cluster.address, &cluster.identity, "test", files).await.unwrap();
    while session.workers().await.unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let directory = cluster.directory.path().to_owned();
    let call = |number: u64| session.submit_with::<hangs_once>((number, directory.clone()), &options);
    let futures = (0..24).map(call).collect();
    (cluster, futures, session)
}

#[tokio::test]
async fn the_first_attempt_to_end_counts() {
    let (cluster, futures, session) = run(TaskOptions::default()).await;
    let results = timeout(LIMIT, session.gather(&futures)).await.unwrap().unwrap();
    assert_eq!(results, (0..24).map(|number| number * 2).collect::<Vec<_>>());
    timeout(LIMIT, until_there_is(&cluster.directory.path().join("stopped"))).await.unwrap();
    let story = session.story(&futures[0]).await.unwrap();
    assert!(story.contains("as attempt 2") && story.contains("was told to stop it"), "{story}");
}

#[tokio::test]
async fn what_is_not_to_be_tried_twice_is_waited_for() {
    let options = TaskOptions { speculation: Some(false), ..TaskOptions::default() };
    let (cluster, futures, session) = run(options).await;
    timeout(LIMIT, session.gather(&futures[1..])).await.unwrap().unwrap();
    timeout(LIMIT, until_there_is(&cluster.directory.path().join("began"))).await.unwrap();
    // A later one that may be tried twice was, and so would have been this one.
    let other = cluster.directory.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let later: Vec<_> = (0..24).map(|number: u64| session.submit(hangs_once, (number, other.clone()))).collect();
    timeout(LIMIT, session.gather(&later)).await.unwrap().unwrap();
    let story = session.story(&futures[0]).await.unwrap();
    assert!(!story.contains("as attempt 2"), "{story}");
    futures[0].cancel();
    timeout(LIMIT, until_there_is(&cluster.directory.path().join("stopped"))).await.unwrap();
}
