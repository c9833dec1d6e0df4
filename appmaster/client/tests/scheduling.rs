//! How tasks are run: options, and tasks that submit tasks. In local mode, with the same core and worker as on a cluster.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bobbin::{Cancelled, Files, FutureError, LocalOptions, Session, TaskOptions, checkpoint, wait};
use bobbin_blocks::{BlockReader, PathBase};
use tempfile::TempDir;
use tokio::time::timeout;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);

async fn session(threads: u32) -> (Session, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let spill_directory = directory.path().join("spill");
    let resources = vec![("GPU".to_owned(), 1500)];
    let options = LocalOptions { threads, memory_bytes: 64 << 20, spill_directory, resources };
    let files = Files::new(BlockReader::local(), PathBase::Local);
    (Session::begin(&options, files).await.unwrap(), directory)
}

/// Waits, without a thread's sleep, as long as nobody cancels.
fn spin(duration: Duration) -> Result<(), Cancelled> {
    let began = Instant::now();
    while began.elapsed() < duration {
        checkpoint()?;
        std::thread::yield_now();
    }
    Ok(())
}

static ORDER: Mutex<Vec<u64>> = Mutex::new(Vec::new());

#[bobbin::task(pure = false)]
fn note(number: u64) {
    ORDER.lock().unwrap_or_else(PoisonError::into_inner).push(number);
}

static GATE: AtomicBool = AtomicBool::new(false);

#[bobbin::task(pure = false)]
fn gate() -> Result<(), Cancelled> {
    while !GATE.load(Ordering::SeqCst) {
        checkpoint()?;
        std::thread::yield_now();
    }
    Ok(())
}

#[tokio::test]
async fn the_urgent_go_first() {
    let (session, _directory) = session(1).await;
    let busy = session.submit(gate, ());
    let with = |priority| TaskOptions { priority, ..TaskOptions::default() };
    // One more than the thread may wait at the worker already: that one cannot be overtaken.
    let mut all = vec![session.submit(note, (0u64,))];
    for (number, priority) in [(1u64, -1), (2, 0), (3, 5), (4, 1)] {
        all.push(session.submit_with::<note>((number,), &with(priority)));
    }
    // What can only be refused is refused when all before it were taken in.
    let impossible = TaskOptions { resources: vec![("TPU".to_owned(), 1.0)], ..TaskOptions::default() };
    assert!(session.submit_with::<note>((9u64,), &impossible).result().await.is_err());
    GATE.store(true, Ordering::SeqCst);
    timeout(LIMIT, wait(&all)).await.unwrap();
    timeout(LIMIT, busy.result()).await.unwrap().unwrap();
    let order = ORDER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let position = |number| order.iter().position(|&other| other == number).unwrap();
    assert!(position(3) < position(4) && position(4) < position(1), "{order:?}");
    assert!(position(2) < position(1), "{order:?}");
}

static TRIES: AtomicU32 = AtomicU32::new(0);

#[bobbin::task]
fn third_time_lucky() -> Result<u32, String> {
    match TRIES.fetch_add(1, Ordering::SeqCst) + 1 {
        tries @ 3.. => Ok(tries),
        tries => Err(format!("not the {tries}th time")),
    }
}

#[bobbin::task]
fn never() -> Result<u32, String> {
    Err("never".into())
}

#[tokio::test]
async fn failures_are_forgiven_so_often() {
    let (session, _directory) = session(1).await;
    let retries = |retries| TaskOptions { retries, ..TaskOptions::default() };
    let lucky = session.submit_with::<third_time_lucky>((), &retries(2));
    assert_eq!(timeout(LIMIT, lucky.result()).await.unwrap().unwrap(), 3);
    let error = session.submit_with::<never>((), &retries(1)).result().await.unwrap_err();
    assert!(error.to_string().ends_with(": never (attempt 2)"), "{error}");
}

#[bobbin::task(pure = false)]
fn slow(millis: u64) -> Result<(), Cancelled> {
    spin(Duration::from_millis(millis))
}

static STOP: AtomicBool = AtomicBool::new(false);

/// Does not ask whether anybody wants it.
#[bobbin::task(pure = false)]
fn deaf() {
    while !STOP.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn what_takes_too_long_fails() {
    let (session, _directory) = session(1).await;
    let limit = TaskOptions { time_limit: Some(Duration::from_millis(30)), ..TaskOptions::default() };
    let error = timeout(LIMIT, session.submit_with::<slow>((60_000u64,), &limit).result()).await.unwrap().unwrap_err();
    assert!(error.to_string().ends_with("it took longer than its time limit of 30ms"), "{error}");
    session.submit_with::<slow>((1u64,), &TaskOptions::default()).result().await.unwrap();
    // One that does not listen fails as well, and the only thread has a stand-in.
    let error = timeout(LIMIT, session.submit_with::<deaf>((), &limit).result()).await.unwrap().unwrap_err();
    assert!(error.to_string().ends_with("it took longer than its time limit of 30ms"), "{error}");
    timeout(LIMIT, session.submit(slow, (1u64,)).result()).await.unwrap().unwrap();
    STOP.store(true, Ordering::SeqCst);
}

static AT_ONCE: AtomicU32 = AtomicU32::new(0);

#[bobbin::task(pure = false)]
fn alone() -> Result<u32, Cancelled> {
    let others = AT_ONCE.fetch_add(1, Ordering::SeqCst);
    spin(Duration::from_millis(5))?;
    AT_ONCE.fetch_sub(1, Ordering::SeqCst);
    Ok(others)
}

#[tokio::test]
async fn resources_are_not_overdrawn() {
    let (session, _directory) = session(4).await;
    let gpu = |amount| TaskOptions { resources: vec![("GPU".to_owned(), amount)], ..TaskOptions::default() };
    let tasks: Vec<_> = (0..12).map(|_| session.submit_with::<alone>((), &gpu(1.0))).collect();
    assert_eq!(timeout(LIMIT, session.gather(&tasks)).await.unwrap().unwrap(), [0; 12]);
    let error = session.submit_with::<alone>((), &gpu(2.0)).result().await.unwrap_err();
    assert!(error.to_string().contains("ask for 2 of 'GPU' each, and each worker has 1.5"), "{error}");
}

#[tokio::test]
async fn tasks_run_where_they_may() {
    let (session, _directory) = session(2).await;
    let only_on = |host: &str| TaskOptions { only_on: vec![host.to_owned()], ..TaskOptions::default() };
    session.submit_with::<slow>((1u64,), &only_on("localhost")).result().await.unwrap();
    let nowhere = session.submit_with::<slow>((1u64,), &only_on("elsewhere"));
    let here = session.submit_with::<slow>((2u64,), &TaskOptions::default());
    here.result().await.unwrap();
    assert_eq!(nowhere.status(), bobbin::Status::Pending);
    nowhere.cancel();
    assert!(matches!(nowhere.result().await, Err(FutureError::Cancelled { .. })));
}

#[bobbin::task]
async fn fibonacci(n: u64) -> Result<u64, String> {
    if n < 2 {
        return Ok(n);
    }
    let session = Session::connect().await.map_err(|error| error.to_string())?;
    let (one, other) = (session.submit(fibonacci, (n - 1,)), session.submit(fibonacci, (n - 2,)));
    let (one, other) = (one.result().await, other.result().await);
    Ok(one.map_err(|error| error.to_string())? + other.map_err(|error| error.to_string())?)
}

#[bobbin::task]
async fn asks_for_failure() -> Result<u64, String> {
    let session = Session::connect().await.map_err(|error| error.to_string())?;
    session.submit(never, ()).result().await.map(u64::from).map_err(|error| format!("inner: {error}"))
}

#[bobbin::task]
async fn spreads(items: BTreeMap<String, u64>) -> Result<u64, String> {
    let session = Session::connect().await.map_err(|error| error.to_string())?;
    let squares = session.map(fibonacci, items.into_values());
    let squares = session.gather(&squares).await.map_err(|error| error.to_string())?;
    Ok(squares.iter().sum())
}

#[tokio::test]
async fn tasks_submit_tasks_and_wait_without_their_thread() {
    let (session, _directory) = session(1).await;
    assert_eq!(timeout(LIMIT, session.submit(fibonacci, (12u64,)).result()).await.unwrap().unwrap(), 144);
    let items = BTreeMap::from([("a".to_owned(), 7u64), ("b".to_owned(), 8)]);
    assert_eq!(timeout(LIMIT, session.submit(spreads, (items,)).result()).await.unwrap().unwrap(), 13 + 21);
    let error = timeout(LIMIT, session.submit(asks_for_failure, ()).result()).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("inner: scheduling::never"), "{error}");
}

#[bobbin::task]
async fn waits_for_ever() -> Result<(), String> {
    let session = Session::connect().await.map_err(|error| error.to_string())?;
    session.submit(slow, (600_000u64,)).result().await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_cancelled_task_takes_its_own_along() {
    let (session, _directory) = session(1).await;
    let outer = session.submit(waits_for_ever, ());
    // Its own task has the only thread, so this one waits for both.
    let next = session.submit(note, (99u64,));
    outer.cancel();
    assert!(matches!(timeout(LIMIT, outer.result()).await.unwrap(), Err(FutureError::Cancelled { .. })));
    timeout(LIMIT, next.result()).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_expected_of_a_task_can_be() {
    let (session, _directory) = session(1).await;
    let with = |expected_time, expected_size| TaskOptions { expected_time, expected_size, ..TaskOptions::default() };
    let run = async |options| timeout(LIMIT, session.submit_with::<slow>((0u64,), &options).result()).await.unwrap();
    run(with(Some(Duration::from_nanos(1)), Some(1))).await.unwrap();
    for (options, why) in [
        (with(Some(Duration::ZERO), None), "are said to take no time: say how long"),
        (with(Some(Duration::MAX), None), "days each: say less than 366"),
        (with(None, Some(0)), "are said to leave results of no bytes"),
        (with(None, Some(u64::MAX)), "TiB each: say less than 1024"),
    ] {
        let error = run(options).await.unwrap_err().to_string();
        assert!(error.contains("slow' ") && error.contains(why), "{error}");
    }
}
