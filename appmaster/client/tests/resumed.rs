//! Drivers that outlive their application master: futures are computed again by the next one, and nobody notices but the clock.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::time::Duration;

use bobbin::{Files, FutureError, Session, Status, wait};
use bobbin_blocks::{BlockReader, PathBase};
use processes::{Cluster, worker};
use tokio::time::timeout;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(120);

/// No test: what this executable does when it is started as a worker.
#[test]
fn be_a_worker() {
    processes::be_a_worker();
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.expect("in time")
}

#[bobbin::task]
fn square(x: u64) -> u64 {
    x * x
}

#[bobbin::task]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[bobbin::task]
fn fails() -> Result<u64, String> {
    Err("on purpose".into())
}

async fn driver(cluster: &Cluster, patience: Duration) -> Session {
    let files = Files::new(BlockReader::local(), PathBase::Local);
    Session::join_patiently((&cluster.address, &cluster.identity), "driver", files, patience).await.unwrap()
}

fn sum_of_squares(count: u64) -> u64 {
    (0..count).map(|x| x * x).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn futures_outlive_their_application_master() {
    let mut cluster = Cluster::start(2, worker).await;
    let session = driver(&cluster, LIMIT).await;
    let failed = session.submit(fails, ());
    soon(failed.wait()).await;
    // Results that are there and held, some that are dropped and that later ones are made of, and others on their way.
    let squares = session.map(square, 0..300u64);
    soon(wait(&squares)).await;
    let total = session.reduce(add, squares.clone());
    assert_eq!(soon(total.result()).await.unwrap(), sum_of_squares(300));
    let (first, rest) = (squares[7].clone(), squares.len());
    drop(squares);
    let more = session.reduce(add, session.map(square, 0..4_000u64));
    for _ in 0..2 {
        cluster.kill_master(2).await;
    }
    assert_eq!(soon(more.result()).await.unwrap(), sum_of_squares(4_000));
    assert_eq!(soon(total.result()).await.unwrap(), sum_of_squares(rest as u64), "its leaves were dropped before");
    assert_eq!(soon(first.result()).await.unwrap(), 49);
    assert_eq!(failed.status(), Status::Failed);
    // New work, of old results, too; and again.
    let doubled = session.submit(add, (&total, &total));
    assert_eq!(soon(doubled.result()).await.unwrap(), 2 * sum_of_squares(300));
    drop((more, first));
    cluster.kill_master(1).await;
    assert_eq!(soon(session.submit(add, (&doubled, 1u64)).result()).await.unwrap(), 2 * sum_of_squares(300) + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_asked_again() {
    let mut cluster = Cluster::start(1, worker).await;
    let session = driver(&cluster, LIMIT).await;
    let numbers = session.queue::<u64>("numbers");
    let waiting = tokio::spawn({
        let numbers = numbers.clone();
        async move { numbers.get().await.unwrap() }
    });
    soon(session.queue::<u64>("others").put(&1)).await.unwrap();
    cluster.kill_master(1).await;
    soon(numbers.put(&7)).await.unwrap();
    assert_eq!(soon(waiting).await.unwrap(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patience_has_an_end() {
    let cluster = Cluster::start(1, worker).await;
    let session = driver(&cluster, Duration::from_millis(10)).await;
    let future = session.submit(square, (3u64,));
    soon(future.result()).await.unwrap();
    drop(cluster);
    let lost = soon(session.submit(square, (4u64,)).result()).await.unwrap_err();
    assert!(matches!(lost, FutureError::Gone { .. }), "{lost}");
    assert!(lost.to_string().contains("nobody answered at"), "{lost}");
}
