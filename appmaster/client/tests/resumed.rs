//! Drivers and workers that outlive their application master: what workers have is found by the next one, the rest is computed
//! again, and nobody notices but the clock.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use bobbin::{Files, FutureError, Isolation, Session, Status, TaskOptions, wait};
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

/// A line in a file, so that tests can see what was called, and how often.
fn note(file: &str, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(format!("{line}\n").as_bytes())
}

#[bobbin::task]
fn noted_square(file: String, x: u64) -> Result<u64, String> {
    note(&file, &format!("square {x}")).map_err(|error| error.to_string())?;
    Ok(x * x)
}

#[bobbin::task]
fn noted_sum(file: String, numbers: Vec<u64>) -> Result<u64, String> {
    note(&file, &format!("sum of {}", numbers.len())).map_err(|error| error.to_string())?;
    Ok(numbers.into_iter().sum())
}

/// Has a task of its own, and says in which process.
#[bobbin::task(pure = false)]
async fn asks(x: u64) -> Result<(u32, u64), String> {
    let session = Session::connect().await.map_err(|error| error.to_string())?;
    let squared = session.submit(square, (x,)).result().await.map_err(|error| error.to_string())?;
    Ok((std::process::id(), squared))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_ask_the_next_application_master() {
    let mut cluster = Cluster::start(1, worker).await;
    let session = driver(&cluster, LIMIT).await;
    let options = TaskOptions { isolation: Isolation::Process, ..TaskOptions::default() };
    let (first, squared) = soon(session.submit_with::<asks>((3u64,), &options).result()).await.unwrap();
    assert_eq!(squared, 9);
    // Another one has it again, as long as the application master is the same one.
    let (again, _) = soon(session.submit_with::<asks>((4u64,), &options).result()).await.unwrap();
    assert_eq!(again, first);
    for x in [5u64, 6] {
        cluster.replace_master().await;
        let (other, squared) = soon(session.submit_with::<asks>((x,), &options).result()).await.unwrap();
        assert_eq!(squared, x * x);
        assert_ne!(other, first, "that one knows an application master that is gone");
    }
    assert_eq!(cluster.living(), 1, "the worker is the same one");
}

/// What was called, sorted.
fn calls(file: &Path) -> Vec<String> {
    let mut lines: Vec<_> = std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_workers_have_is_not_computed_again() {
    let mut cluster = Cluster::start(2, worker).await;
    let session = driver(&cluster, LIMIT).await;
    let path = cluster.directory.path().join("calls");
    let file = path.display().to_string();
    let submit = |x: u64| session.submit(noted_square, (file.as_str(), x));
    let squares: Vec<_> = (0..200).map(submit).collect();
    let total = session.submit(noted_sum, (file.as_str(), &squares));
    assert_eq!(soon(total.result()).await.unwrap(), sum_of_squares(200));
    // Nobody wants those of the first half any more: the sum needs them no more, either.
    let kept = squares[100..].to_vec();
    drop(squares);
    for _ in 0..2 {
        cluster.replace_master().await;
        assert_eq!(soon(total.result()).await.unwrap(), sum_of_squares(200));
        assert_eq!(soon(kept[0].result()).await.unwrap(), 100 * 100);
    }
    // New work of old results, some of which nobody has fetched so far.
    let again = session.submit(noted_sum, (file.as_str(), &kept));
    assert_eq!(soon(again.result()).await.unwrap(), sum_of_squares(200) - sum_of_squares(100));
    let calls = calls(&path);
    let mut once = calls.clone();
    once.dedup();
    assert_eq!(calls, once, "each was called once");
    assert_eq!((calls.len(), cluster.living()), (202, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_worker_had_is_computed_again() {
    let mut cluster = Cluster::start(2, worker).await;
    let session = driver(&cluster, LIMIT).await;
    let path = cluster.directory.path().join("calls");
    let file = path.display().to_string();
    let squares: Vec<_> = (0..100u64).map(|x| session.submit(noted_square, (file.as_str(), x))).collect();
    soon(wait(&squares)).await;
    cluster.replace_master().await;
    let total = session.submit(noted_sum, (file.as_str(), &squares));
    assert_eq!(soon(total.result()).await.unwrap(), sum_of_squares(100));
    assert_eq!(calls(&path).len(), 101);
    // What was found under new numbers has its lineage still.
    cluster.kill(0);
    let again = session.submit(noted_sum, (file.as_str(), &squares[1..]));
    assert_eq!(soon(again.result()).await.unwrap(), sum_of_squares(100));
    let called = calls(&path).len();
    assert!((103..=202).contains(&called), "{called} calls: those of one worker again, and one sum");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_goes_on_where_it_was() {
    let mut cluster = Cluster::start(2, worker).await;
    let session = driver(&cluster, LIMIT).await;
    let path = cluster.directory.path().join("calls");
    let file = path.display().to_string();
    let squares: Vec<_> = (0..3_000u64).map(|x| session.submit(noted_square, (file.as_str(), x))).collect();
    let total = session.submit(noted_sum, (file.as_str(), &squares));
    soon(wait(&squares[..500])).await;
    // Those of before are wanted by nobody but the sum.
    drop(squares);
    cluster.replace_master().await;
    assert_eq!(soon(total.result()).await.unwrap(), sum_of_squares(3_000));
    let called = calls(&path).len() - 3_001;
    assert!(called <= 4, "{called} were called twice: at most what ran when the workers found the next master");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_find_no_other_master_end() {
    let mut cluster = Cluster::start_patient(2, worker, 300).await;
    let session = driver(&cluster, Duration::from_millis(10)).await;
    assert_eq!(soon(session.submit(square, (3u64,)).result()).await.unwrap(), 9);
    soon(cluster.end_for_good()).await;
}

#[bobbin::method]
fn add_to(sum: &mut u64, amount: u64) -> u64 {
    *sum += amount;
    *sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actors_state_stays_where_it_is() {
    let mut cluster = Cluster::start(1, worker).await;
    let session = driver(&cluster, LIMIT).await;
    let actor = soon(session.actor(session.submit(square, (2u64,)))).await.unwrap();
    assert_eq!(soon(actor.call(add_to, (10u64,))).await.unwrap(), 14);
    for sum in [24, 34] {
        cluster.replace_master().await;
        assert_eq!(soon(actor.call(add_to, (10u64,))).await.unwrap(), sum);
    }
    // It stays when nobody can ask for results of former masters any more: it is a result of this one.
    assert_eq!(soon(session.submit(square, (3u64,)).result()).await.unwrap(), 9);
    assert_eq!(soon(actor.call(add_to, (1u64,))).await.unwrap(), 35);
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
