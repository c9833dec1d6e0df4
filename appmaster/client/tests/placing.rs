//! Copies of results, workers that leave, results that move: on worker processes over TLS.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bobbin::{Bytes, Files, Session};
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

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.expect("in time")
}

/// An application with so many workers that have connected.
async fn application(workers: usize) -> (Cluster, Session) {
    let cluster = Cluster::start(workers, worker).await;
    let files = Files::new(BlockReader::local(), PathBase::Local);
    let session = Session::join(&cluster.address, &cluster.identity, "test", files).await.unwrap();
    soon(until_there_are(&session, workers)).await;
    (cluster, session)
}

async fn until_there_are(session: &Session, workers: usize) {
    while session.workers().await.unwrap().len() != workers {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Bytes that know which process has made them; who makes them again writes another line.
#[bobbin::task(pure = false)]
fn make(bytes: usize, log: PathBuf) -> Result<Bytes, String> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&log);
    let line = format!("{}\n", std::process::id());
    file.and_then(|mut file| file.write_all(line.as_bytes())).map_err(|error| error.to_string())?;
    let mut made = std::process::id().to_le_bytes().to_vec();
    made.resize(bytes.max(4), 7);
    Ok(Bytes::from(made))
}

fn maker(bytes: &Bytes) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().unwrap())
}

/// How often something was made.
fn made(log: &Path) -> usize {
    std::fs::read_to_string(log).unwrap().lines().count()
}

#[bobbin::task]
fn length(bytes: Bytes) -> usize {
    bytes.len()
}

#[tokio::test]
async fn a_copy_outlives_the_worker_that_made_the_result() {
    let (mut cluster, session) = application(4).await;
    let log = cluster.directory.path().join("made");
    // More than the memory of its worker keeps.
    let future = session.submit(make, (300 << 20, log.clone()));
    // It may have the same worker, and is made again then.
    let small = session.submit(make, (10, cluster.directory.path().join("small")));
    soon(session.replicate(std::slice::from_ref(&future), 3)).await.unwrap();
    let holders = session.who_has(&[future.clone(), small.clone()]).await.unwrap();
    assert_eq!(holders[0].iter().collect::<BTreeSet<_>>().len(), 3, "{holders:?}");
    assert_eq!(holders[1].len(), 1);
    assert_eq!(session.has_what(holders[0][2], &[future.clone(), small.clone()]).await.unwrap()[0], 0);
    let explained = session.explain(&future).await.unwrap();
    assert!(explained.contains(" and "), "{explained}");
    let bytes = soon(future.result()).await.unwrap();
    cluster.kill_process(maker(&bytes));
    assert_eq!(soon(future.result()).await.unwrap(), bytes);
    assert_eq!(soon(session.submit(length, (&future,)).result()).await.unwrap(), 300 << 20);
    // The third copy goes to the worker that has none.
    soon(async {
        while session.who_has(std::slice::from_ref(&future)).await.unwrap()[0].len() < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    drop(small);
    assert_eq!(made(&log), 1, "it was not made again");
    let story = session.story(&future).await.unwrap();
    for words in ["could run", "was sent to worker", "as attempt 1", "left its result of", "has a copy", "is on worker"]
    {
        assert!(story.contains(words), "{words}: {story}");
    }
    let dump = session.dump_state().await.unwrap();
    assert!(dump.contains("workers:\n") && dump.contains("done, on worker") && dump.contains("lately"), "{dump}");
    // One is enough now.
    soon(session.replicate(std::slice::from_ref(&future), 1)).await.unwrap();
    assert_eq!(session.who_has(std::slice::from_ref(&future)).await.unwrap()[0].len(), 1);
}

#[tokio::test]
async fn everybody_is_also_who_comes_later() {
    let (mut cluster, session) = application(2).await;
    let future = session.scatter(&"for all".to_owned());
    soon(session.replicate(std::slice::from_ref(&future), u32::MAX)).await.unwrap();
    assert_eq!(session.who_has(std::slice::from_ref(&future)).await.unwrap()[0].len(), 2);
    cluster.start_worker();
    soon(async {
        while session.who_has(std::slice::from_ref(&future)).await.unwrap()[0].len() < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let failed = session.submit(length, (session.submit(make, (1, PathBuf::from("/nowhere/at/all"))),));
    let refused = soon(session.replicate(&[failed], 2)).await.unwrap_err().to_string();
    assert!(refused.contains("fail"), "{refused}");
}

#[tokio::test]
async fn who_leaves_hands_its_results_over() {
    let (cluster, session) = application(3).await;
    let log = cluster.directory.path().join("made");
    let futures: Vec<_> = (0..40).map(|number| session.submit(make, (100 + number, log.clone()))).collect();
    soon(session.gather(&futures)).await.unwrap();
    let leaves = session.workers().await.unwrap().iter().map(|row| row.number).take(2).collect::<Vec<_>>();
    soon(session.retire_workers(&leaves)).await.unwrap();
    let left = session.workers().await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].results, 40);
    let lengths: Vec<usize> = soon(session.gather(&futures)).await.unwrap().iter().map(|bytes| bytes.len()).collect();
    assert_eq!(lengths, (100..140).collect::<Vec<_>>());
    assert_eq!(made(&log), 40, "nothing was made again");
    let refused = soon(session.retire_workers(&[left[0].number])).await.unwrap_err().to_string();
    assert!(refused.contains("no worker would be left"), "{refused}");
    soon(session.retire_workers(&leaves)).await.unwrap();
}

#[tokio::test]
async fn results_are_spread_evenly() {
    let (mut cluster, session) = application(1).await;
    let log = cluster.directory.path().join("made");
    let futures: Vec<_> = (0..16).map(|_| session.submit(make, (1 << 20, log.clone()))).collect();
    soon(bobbin::wait(&futures)).await;
    cluster.start_worker();
    soon(until_there_are(&session, 2)).await;
    soon(session.rebalance()).await.unwrap();
    let counts: Vec<u32> = session.workers().await.unwrap().iter().map(|row| row.results).collect();
    assert_eq!(counts, [8, 8]);
    let bytes = soon(session.gather(&futures)).await.unwrap();
    assert!(bytes.iter().all(|bytes| bytes.len() == 1 << 20));
    assert_eq!(made(&log), 16, "nothing was made again");
}

/// Uses this many bytes of its worker until the file is there.
#[bobbin::task(pure = false)]
fn fills(bytes: usize, until: PathBuf) -> usize {
    let filled = vec![1u8; bytes];
    while !until.exists() {
        std::thread::yield_now();
    }
    std::hint::black_box(&filled).len()
}

#[tokio::test]
async fn a_worker_that_uses_most_of_its_memory_gets_no_more() {
    // Of 512 MiB, with two threads.
    let (cluster, session) = application(1).await;
    let (until, log) = (cluster.directory.path().join("until"), cluster.directory.path().join("made"));
    let full = session.submit(fills, (430 << 20, until.clone()));
    soon(async {
        while !session.dump_state().await.unwrap().contains("short of memory") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let waits = session.submit(make, (10, log));
    let explained = soon(async {
        loop {
            let explained = session.explain(&waits).await.unwrap();
            if explained.contains("has waited") {
                return explained;
            }
        }
    })
    .await;
    assert!(explained.contains("any free thread"), "{explained}");
    std::fs::write(&until, "").unwrap();
    assert_eq!(soon(full.result()).await.unwrap(), 430 << 20);
    assert_eq!(soon(waits.result()).await.unwrap().len(), 10);
}

#[bobbin::task]
fn zero() -> i64 {
    0
}

#[bobbin::method]
fn count(state: &mut i64) -> i64 {
    *state += 1;
    *state
}

#[tokio::test]
async fn the_state_of_an_actor_keeps_its_worker() {
    let (_cluster, session) = application(2).await;
    let actor = soon(session.actor(session.submit(zero, ()))).await.unwrap();
    assert_eq!(soon(actor.call(count, ())).await.unwrap(), 1);
    // What the state was made of is dropped soon.
    let holder = soon(async {
        loop {
            let workers = session.workers().await.unwrap();
            let keep: Vec<_> = workers.iter().filter(|row| row.results > 0).collect();
            if let [row] = keep[..]
                && row.results == 1
            {
                return row.number;
            }
        }
    })
    .await;
    let refused = soon(session.retire_workers(&[holder])).await.unwrap_err().to_string();
    assert!(refused.contains("state of an actor"), "{refused}");
    assert_eq!(soon(actor.call(count, ())).await.unwrap(), 2);
    assert_eq!(session.workers().await.unwrap().iter().filter(|row| !row.leaving).count(), 2);
}
