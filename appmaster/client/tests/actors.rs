//! Actors: in this process, and on worker processes over TLS that are killed.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::time::Duration;

use bobbin::{Actor, ActorError, Files, LocalOptions, Session};
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

/// What the actors here count.
type Counters = Vec<i64>;

#[bobbin::task]
fn zeros(count: usize) -> Counters {
    vec![0; count]
}

#[bobbin::method]
fn add(counters: &mut Counters, place: usize, amount: i64) -> Result<i64, String> {
    let counter = counters.get_mut(place).ok_or_else(|| format!("there is no counter {place}"))?;
    *counter += amount;
    Ok(*counter)
}

#[bobbin::method]
fn total(counters: &Counters) -> i64 {
    counters.iter().sum()
}

#[bobbin::method]
fn breaks(counters: &mut Counters) {
    counters.push(1000);
    panic!("with {} counters", counters.len());
}

#[bobbin::task(pure = false)]
async fn adds(actor: Actor<Counters>, times: usize) -> Result<(), String> {
    for time in 0..times {
        actor.call(add, (time % 3, 1i64)).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn exercise(session: &Session) -> Actor<Counters> {
    let first = session.submit(zeros, (3usize,));
    let actor = soon(session.actor(first.clone())).await.unwrap();
    assert_eq!(soon(actor.call(add, (1usize, 5i64))).await.unwrap(), 5);
    let error = soon(actor.call(add, (7usize, 5i64))).await.unwrap_err().to_string();
    assert!(error.ends_with("method 'actors::add': there is no counter 7"), "{error}");
    // Four tasks at once, each of which waits for its calls without its thread.
    let tasks: Vec<_> = (0..4).map(|_| session.submit(adds, (actor.clone(), 30usize))).collect();
    soon(session.gather(&tasks)).await.unwrap();
    assert_eq!(soon(actor.call(total, ())).await.unwrap(), 5 + 4 * 30);
    // A panic leaves what was done before it, and the actor alive.
    let error = soon(actor.call(breaks, ())).await.unwrap_err().to_string();
    assert!(error.contains("panicked") && error.contains("with 4 counters"), "{error}");
    assert_eq!(soon(actor.call(total, ())).await.unwrap(), 5 + 4 * 30 + 1000);
    // The result that it began as is as it was, and another actor is another one.
    assert_eq!(soon(first.result()).await.unwrap(), [0, 0, 0]);
    let other = soon(session.actor(first)).await.unwrap();
    assert_eq!(soon(other.call(total, ())).await.unwrap(), 0);
    let future = session.submit(zeros, (1usize,));
    let error = soon(actor.call(replace, (&future,))).await.unwrap_err();
    assert!(matches!(error, ActorError::Argument { .. }), "{error}");
    actor
}

#[bobbin::method]
fn replace(counters: &mut Counters, with: Counters) {
    *counters = with;
}

#[tokio::test]
async fn actors_in_this_process() {
    let directory = tempfile::tempdir().unwrap();
    let spill_directory = directory.path().join("spill");
    let options = LocalOptions { threads: 2, memory_bytes: 64 << 20, spill_directory, resources: Vec::new() };
    let files = Files::new(BlockReader::local(), PathBase::Local);
    let session = Session::begin(&options, files).await.unwrap();
    exercise(&session).await;
    let mut state = vec![1, 2];
    assert_eq!(add(&mut state, 0, 1), Ok(2), "a method is still a function");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actors_on_workers_that_are_killed() {
    let mut cluster = Cluster::start(2, worker).await;
    let files = Files::new(BlockReader::local(), PathBase::Local);
    let session = Session::join(&cluster.address, &cluster.identity, "driver", files).await.unwrap();
    let actor = exercise(&session).await;
    // It travels as a value, too.
    let shared = session.variable::<Actor<Counters>>("counters");
    soon(shared.set(&actor)).await.unwrap();
    let same = soon(shared.get()).await.unwrap();
    assert!(matches!(soon(same.call(total, ())).await, Err(ActorError::NoSession(_))));
    let same = same.through(&session);
    assert_eq!(soon(same.call(total, ())).await.unwrap(), 5 + 4 * 30 + 1000);
    cluster.kill(0);
    cluster.kill(0);
    let error = soon(actor.call(total, ())).await.unwrap_err();
    assert!(matches!(error, ActorError::Gone { .. } | ActorError::Broken { .. }), "{error}");
    let renewed = soon(actor.renew()).await.unwrap();
    assert_eq!(soon(renewed.call(total, ())).await.unwrap(), 0, "it begins as it began");
    assert!(soon(same.call(total, ())).await.is_err(), "who has the lost one hears of it");
    drop((actor, renewed));
}
