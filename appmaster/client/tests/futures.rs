//! Futures in local mode: the same core, worker and messages as on a cluster, over channels.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bobbin::{
    Bytes, Cancelled, Files, Future, FutureError, LocalOptions, Session, Status, TaskOptions, as_completed, checkpoint,
    wait,
};
use bobbin_blocks::{BlockReader, PathBase};
use tempfile::TempDir;
use tokio::time::timeout;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);

async fn session(split_size: u64) -> (Session, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let spill_directory = directory.path().join("spill");
    let options = LocalOptions { threads: 2, memory_bytes: 64 << 20, spill_directory, resources: Vec::new() };
    let files = Files { reader: BlockReader::local(), base: PathBase::Local, split_size };
    (Session::begin(&options, files).await.unwrap(), directory)
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
fn sum(all: Vec<u64>) -> u64 {
    all.iter().sum()
}

#[bobbin::task]
fn concat(a: String, b: String) -> String {
    a + &b
}

#[bobbin::task]
fn fails(x: u64) -> Result<u64, String> {
    if x.is_multiple_of(3) { Err(format!("{x} is a multiple of 3")) } else { Ok(x) }
}

#[bobbin::task]
fn panics(x: u64) -> u64 {
    panic!("no {x}")
}

static CALLS: AtomicU32 = AtomicU32::new(0);

#[bobbin::task]
fn counted(x: u64) -> u64 {
    CALLS.fetch_add(1, Ordering::SeqCst);
    x
}

static DRAWS: AtomicU32 = AtomicU32::new(0);

#[bobbin::task(pure = false)]
fn draw() -> u32 {
    DRAWS.fetch_add(1, Ordering::SeqCst)
}

static STARTED: AtomicBool = AtomicBool::new(false);

#[bobbin::task]
fn for_ever() -> Result<u64, Cancelled> {
    STARTED.store(true, Ordering::SeqCst);
    loop {
        checkpoint()?;
        std::thread::yield_now();
    }
}

#[bobbin::task]
fn length(block: Bytes) -> usize {
    block.len()
}

#[bobbin::task]
fn large(bytes: usize) -> Bytes {
    vec![7u8; bytes].into()
}

#[tokio::test]
async fn calls_have_results() {
    let (session, _directory) = session(32 << 20).await;
    let nine = session.submit(square, (3u64,));
    let sixteen = session.submit(square, (4u64,));
    let both = session.submit(add, (&nine, &sixteen));
    assert_eq!(both.result().await.unwrap(), 25);
    // A result stays while somebody holds its future, and can be read again and by later calls.
    assert_eq!(nine.result().await.unwrap(), 9);
    assert_eq!(session.submit(add, (nine, 1u64)).await.unwrap(), 10);
    assert_eq!(both.status(), Status::Finished);
    assert_eq!(session.submit(concat, ("a", "b".to_owned())).await.unwrap(), "ab");
}

#[tokio::test]
async fn maps_are_gathered_and_reduced() {
    let (session, _directory) = session(32 << 20).await;
    let squares = session.map(square, 0..500u64);
    let expected: Vec<u64> = (0..500).map(|x| x * x).collect();
    assert_eq!(session.gather(&squares).await.unwrap(), expected);
    assert_eq!(session.submit(sum, (&squares,)).await.unwrap(), expected.iter().sum::<u64>());
    assert_eq!(session.reduce(add, squares).await.unwrap(), expected.iter().sum::<u64>());
    let words = ["a", "b", "c", "d", "e", "f", "g"].map(|word| session.scatter(&word.to_owned()));
    assert_eq!(session.reduce(concat, words.to_vec()).await.unwrap(), "abcdefg");
    let nothing = session.reduce(add, Vec::<Future<u64>>::new()).await;
    assert!(nothing.unwrap_err().to_string().contains("nothing to reduce"));
}

#[tokio::test]
async fn one_failure_is_its_readers_alone() {
    let (session, _directory) = session(32 << 20).await;
    let some = session.map(fails, [1u64, 2, 3, 4]);
    let next: Vec<_> = some.iter().map(|future| session.submit(add, (future, 10u64))).collect();
    wait(&next).await;
    let outcomes: Vec<_> = next.iter().map(Future::status).collect();
    assert_eq!(outcomes, [Status::Finished, Status::Finished, Status::Failed, Status::Finished]);
    let error = some[2].result().await.unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().ends_with("function 'futures::fails': 3 is a multiple of 3"), "{error}");
    let error = next[2].result().await.unwrap_err().to_string();
    assert!(error.contains("whose result is needed here, failed: function 'futures::fails': 3 is a"), "{error}");
    // Who comes later hears it at once.
    let late = session.submit(square, (&next[2],)).result().await.unwrap_err().to_string();
    assert!(late.contains("whose result is needed here, failed"), "{late}");
    assert!(session.gather(&next).await.is_err());
    let error = session.submit(panics, (5u64,)).await.unwrap_err().to_string();
    assert!(error.contains("panicked at") && error.ends_with("no 5"), "{error}");
    assert_eq!(session.submit(square, (7u64,)).await.unwrap(), 49, "the worker lives on");
}

#[tokio::test]
async fn equal_calls_are_made_once() {
    let (session, _directory) = session(32 << 20).await;
    let first = session.submit(counted, (5u64,));
    let again = session.submit(counted, (5u64,));
    assert_eq!(first.key(), again.key());
    assert_eq!((first.await.unwrap(), again.result().await.unwrap()), (5, 5));
    assert_eq!(CALLS.load(Ordering::SeqCst), 1);
    let through = session.submit(add, (&again, &session.submit(counted, (5u64,))));
    assert_eq!(through.await.unwrap(), 10);
    assert_eq!(CALLS.load(Ordering::SeqCst), 1);
    let draws = [session.submit(draw, ()), session.submit(draw, ())];
    let mut drawn = session.gather(&draws).await.unwrap();
    drawn.sort_unstable();
    assert_eq!(drawn, [0, 1], "what is not pure is called each time");
    let options = TaskOptions { pure: Some(false), ..TaskOptions::default() };
    session.submit_with::<counted>((5u64,), &options).await.unwrap();
    assert_eq!(CALLS.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_running_task_is_cancelled() {
    let (session, _directory) = session(32 << 20).await;
    let endless = session.submit(for_ever, ());
    let reader = session.submit(square, (&endless,));
    while !STARTED.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    endless.cancel();
    let error = timeout(LIMIT, endless.result()).await.unwrap().unwrap_err();
    assert!(matches!(error, FutureError::Cancelled { .. }), "{error}");
    assert!(matches!(timeout(LIMIT, reader.result()).await.unwrap(), Err(FutureError::Cancelled { .. })));
    // Its thread is free again: as many as there are threads.
    let squares = session.map(square, 1000..1010u64);
    timeout(LIMIT, session.gather(&squares)).await.unwrap().unwrap();
}

#[tokio::test]
async fn dropped_futures_stop() {
    let (session, _directory) = session(32 << 20).await;
    let options = TaskOptions { pure: Some(false), ..TaskOptions::default() };
    drop((0..2).map(|_| session.submit_with::<for_ever>((), &options)).collect::<Vec<_>>());
    // Both threads would be busy for ever.
    assert_eq!(timeout(LIMIT, session.submit(square, (9u64,)).result()).await.unwrap().unwrap(), 81);
}

#[tokio::test]
async fn completed_futures_come_first_and_may_add_more() {
    let (session, _directory) = session(32 << 20).await;
    let mut running = as_completed(session.map(square, [2u64, 3]));
    let mut seen = Vec::new();
    while let Some(future) = timeout(LIMIT, running.next()).await.unwrap() {
        let value = future.result().await.unwrap();
        seen.push(value);
        if value < 1000 {
            running.add(session.submit(square, (value,)));
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [4, 9, 16, 81, 256, 6561, 65_536]);
    assert!(running.is_empty());
}

#[tokio::test]
async fn blocks_of_files_are_read_by_tasks() {
    let (session, directory) = session(10).await;
    let path = directory.path().join("text");
    std::fs::write(&path, "a line\nanother line\n\nthe last one").unwrap();
    let path = path.to_str().unwrap();
    let blocks = session.read_blocks(path).await.unwrap();
    let lengths = session.gather(&session.map(length, &blocks)).await.unwrap();
    assert_eq!(lengths, [10, 10, 10, 3]);
    let lines = session.map(length, session.read_lines(path).await.unwrap());
    assert_eq!(session.gather(&lines).await.unwrap(), [20, 0, 13, 0]);
    let missing = session.read_lines("/nowhere/at/all").await.unwrap_err().to_string();
    assert!(missing.contains("/nowhere/at/all"), "{missing}");
}

#[tokio::test]
async fn large_values_travel_or_are_refused() {
    let (session, _directory) = session(32 << 20).await;
    // More than the memory for results: kept on disk.
    let bytes = session.map(large, [30usize << 20, 5 << 20]);
    let sizes: Vec<usize> = session.gather(&bytes).await.unwrap().iter().map(|bytes| bytes.len()).collect();
    assert_eq!(sizes, [30 << 20, 5 << 20]);
    assert_eq!(session.submit(length, (&bytes[0],)).await.unwrap(), 30 << 20);
    let refused = session.submit(length, (Bytes::from(vec![0; 17 << 20]),)).await.unwrap_err();
    assert!(refused.to_string().contains("more than the 16777216 that a call may carry"), "{refused}");
    assert_eq!(session.submit(length, (session.scatter(&Bytes::from("scattered")),)).await.unwrap(), 9);
}

#[tokio::test]
async fn the_end_of_the_application_is_said() {
    let (session, _directory) = session(32 << 20).await;
    let options = TaskOptions { pure: Some(false), ..TaskOptions::default() };
    let endless = session.submit_with::<for_ever>((), &options);
    session.finish(true, "enough").await;
    let error = timeout(LIMIT, endless.result()).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("enough"), "{error}");
    let late = timeout(LIMIT, session.submit(square, (1u64,)).result()).await.unwrap().unwrap_err();
    assert!(late.to_string().contains("the application is gone") || late.to_string().contains("ending"), "{late}");
}
