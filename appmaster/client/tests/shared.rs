//! What drivers and tasks share by name. The application master is in this process, its workers are this executable again,
//! over TLS on loopback; each driver has a connection of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::time::Duration;

use bobbin::{Files, Session, SharedError, Status, wait};
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

async fn driver(cluster: &Cluster, name: &str) -> Session {
    let files = Files::new(BlockReader::local(), PathBase::Local);
    Session::join(&cluster.address, &cluster.identity, name, files).await.unwrap()
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.expect("in time")
}

#[bobbin::task]
fn square(x: u64) -> Result<u64, String> {
    if x == 13 { Err("unlucky".into()) } else { Ok(x * x) }
}

#[bobbin::task]
fn sum(all: Vec<u64>) -> u64 {
    all.iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dataset_outlives_its_driver() {
    let mut cluster = Cluster::start(2, worker).await;
    let maker = driver(&cluster, "maker").await;
    let squares = maker.map(square, 0..40u64);
    // They need not be there yet.
    soon(maker.publish("squares", &squares)).await.unwrap();
    let error = soon(maker.publish("squares", &squares)).await.unwrap_err().to_string();
    assert!(error.starts_with("publish the dataset 'squares': there is a dataset 'squares' already"), "{error}");
    drop((maker, squares));

    let reader = driver(&cluster, "reader").await;
    assert_eq!(soon(reader.datasets()).await.unwrap(), ["squares"]);
    let opened = soon(reader.dataset::<u64>("squares")).await.unwrap();
    soon(wait(&opened)).await;
    assert_eq!(opened[13].status(), Status::Failed);
    let error = opened[13].result().await.unwrap_err().to_string();
    assert!(error.starts_with("squares ") && error.ends_with("unlucky"), "{error}");
    let good: Vec<_> = opened.iter().enumerate().filter(|(x, _)| *x != 13).map(|(_, future)| future.clone()).collect();
    let expected: u64 = (0..40).filter(|x| *x != 13).map(|x| x * x).sum();
    assert_eq!(soon(reader.submit(sum, (&good,)).result()).await.unwrap(), expected);
    // What is lost is made again for whoever has it now.
    cluster.kill(0);
    cluster.kill(0);
    assert_eq!(soon(reader.gather(&good)).await.unwrap().iter().sum::<u64>(), expected);

    let error = soon(reader.dataset::<String>("squares")).await.unwrap_err();
    assert!(matches!(error, SharedError::OtherType { .. }), "{error}");
    soon(reader.unpublish("squares")).await.unwrap();
    let error = soon(reader.dataset::<u64>("squares")).await.unwrap_err().to_string();
    assert_eq!(error, "open the dataset 'squares': there is no dataset 'squares'; there is none");
    assert_eq!(soon(opened[7].result()).await.unwrap(), 49, "who has opened it has it still");
}

#[bobbin::task]
async fn works_off(queue: String, _number: u32) -> Result<Vec<u32>, String> {
    let session = Session::connect().await.map_err(|error| error.to_string())?;
    let numbers = session.queue::<u32>(&queue);
    let mut taken = Vec::new();
    loop {
        match numbers.get().await.map_err(|error| error.to_string())? {
            u32::MAX => return Ok(taken),
            number => taken.push(number),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drivers_and_tasks_tell_each_other() {
    let cluster = Cluster::start(1, worker).await;
    let (one, other) = (driver(&cluster, "one").await, driver(&cluster, "other").await);
    let (color, seen) = (one.variable::<String>("color"), other.variable::<String>("color"));
    assert_eq!(soon(seen.get_timeout(Duration::ZERO)).await.unwrap(), None);
    let waiting = tokio::spawn(async move { (seen.get().await.unwrap(), seen) });
    soon(color.set(&"red".to_owned())).await.unwrap();
    assert_eq!(soon(waiting).await.unwrap().0, "red");
    let error = soon(other.variable::<(u64, u64)>("color").get()).await.unwrap_err().to_string();
    assert_eq!(error, "get the variable 'color'");

    let ready = other.event("ready");
    assert!(!soon(ready.wait_timeout(Duration::from_millis(1))).await.unwrap());
    soon(one.event("ready").set()).await.unwrap();
    soon(ready.wait()).await.unwrap();

    // More workers off the queue than threads: those that wait hold none.
    let numbers = one.queue::<u32>("numbers").with_limit(3);
    let workers: Vec<_> = (0..4u32).map(|number| other.submit(works_off, ("numbers", number))).collect();
    for number in (0..50).chain([u32::MAX; 4]) {
        soon(numbers.put(&number)).await.unwrap();
    }
    let mut taken = soon(other.gather(&workers)).await.unwrap().concat();
    taken.sort_unstable();
    assert_eq!(taken, (0..50).collect::<Vec<_>>());
    assert_eq!(soon(numbers.len()).await.unwrap(), 0);
}

#[bobbin::task(pure = false)]
fn spins() -> Result<(), bobbin::Cancelled> {
    loop {
        bobbin::checkpoint()?;
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_application_explains_itself() {
    let cluster = Cluster::start(1, worker).await;
    let session = driver(&cluster, "driver").await;
    let done = session.submit(square, (3u64,));
    soon(done.result()).await.unwrap();
    assert!(soon(session.explain(&done)).await.unwrap().contains("is done: worker 1 holds its result"));
    let failed = session.submit(square, (13u64,));
    soon(failed.wait()).await;
    assert!(soon(session.explain(&failed)).await.unwrap().ends_with("unlucky"));
    let busy: Vec<_> = (0..5).map(|_| session.submit(spins, ())).collect();
    let waits = session.submit(square, (4u64,));
    let text = soon(session.explain(&waits)).await.unwrap();
    assert!(text.starts_with("shared::square, task 1 of 1 ") && text.contains("for any free thread"), "{text}");
    let workers = soon(session.workers()).await.unwrap();
    assert_eq!((workers.len(), workers[0].threads, &workers[0].host[..]), (1, 2, "127.0.0.1"));
    assert!(workers[0].tasks >= 2 && workers[0].results >= 1, "{workers:?}");
    busy.iter().for_each(|future| future.cancel());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_waits_for_any_more_is_not_lost() {
    let cluster = Cluster::start(1, worker).await;
    let (one, other) = (driver(&cluster, "one").await, driver(&cluster, "other").await);
    let queue = one.queue::<u32>("queue");
    for number in 0..20 {
        // Sometimes it has been answered already.
        let asked = tokio::spawn({
            let queue = queue.clone();
            async move { drop(queue.get().await) }
        });
        for _ in 0..number % 4 {
            tokio::task::yield_now().await;
        }
        asked.abort();
        let aborted = asked.await.is_err();
        soon(other.queue::<u32>("queue").put(&number)).await.unwrap();
        if aborted {
            assert_eq!(soon(other.queue::<u32>("queue").get()).await.unwrap(), number);
        }
    }
    // So it is with locks, and with the drivers that hold them.
    let lease = soon(one.lock("lock").acquire()).await.unwrap();
    assert!(soon(other.lock("lock").acquire_timeout(Duration::from_millis(1))).await.unwrap().is_none());
    drop(lease);
    let lease = soon(other.lock("lock").acquire()).await.unwrap();
    let waiting = tokio::spawn(async move { one.lock("lock").acquire().await.map(drop) });
    drop((lease, other));
    soon(waiting).await.unwrap().unwrap();
}
