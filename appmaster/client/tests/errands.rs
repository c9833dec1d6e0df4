//! Tasks that are run for their effects, beyond their futures, their driver and their application master.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::path::Path;
use std::time::Duration;

use bobbin::{Files, Future, LocalOptions, Session};
use bobbin_blocks::{BlockReader, PathBase};
use processes::{Cluster, worker};
use tokio::runtime::Runtime;
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

/// Waits for the file `gate` of a directory.
#[bobbin::task]
fn waits(directory: String) -> Result<String, String> {
    while !Path::new(&directory).join("gate").exists() {
        bobbin::checkpoint().map_err(|error| error.to_string())?;
        std::thread::yield_now();
    }
    Ok(directory)
}

/// The effect: a file.
#[bobbin::task]
fn writes(directory: String, name: String) -> Result<(), String> {
    std::fs::write(Path::new(&directory).join(name), "").map_err(|error| error.to_string())
}

fn files() -> Files {
    Files::new(BlockReader::local(), PathBase::Local)
}

async fn appears(path: &Path) {
    soon(async {
        while !path.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Two tasks whose effects are files, with what they read. One of them is handed over, and neither has a future any more.
async fn hand_over(session: &Session, directory: &Path) {
    let directory = directory.to_str().unwrap().to_owned();
    let gate = session.submit(waits, (directory.clone(),));
    let effect = |name: &str| session.submit(writes, (&gate, name.to_owned()));
    let (kept, dropped): (Future<()>, Future<()>) = (effect("kept"), effect("dropped"));
    soon(session.fire_and_forget(&[kept])).await.unwrap();
    drop(dropped);
    // The application has heard of that when it answers.
    soon(session.explain(&gate)).await.unwrap();
}

/// What became of them, after the gate was opened. Whatever goes through the application later comes later.
async fn only_one_is_done(session: &Session, directory: &Path) {
    std::fs::write(directory.join("gate"), "").unwrap();
    appears(&directory.join("kept")).await;
    let own = directory.to_str().unwrap().to_owned();
    soon(session.submit(writes, (own, "own".to_owned())).result()).await.unwrap();
    assert!(!directory.join("dropped").exists(), "nobody wanted it");
}

#[tokio::test]
async fn effects_without_futures() {
    let directory = tempfile::tempdir().unwrap();
    let spill_directory = directory.path().join("spill");
    let options = LocalOptions { threads: 1, memory_bytes: 64 << 20, spill_directory, resources: Vec::new() };
    let session = Session::begin(&options, files()).await.unwrap();
    hand_over(&session, directory.path()).await;
    only_one_is_done(&session, directory.path()).await;
    let failed = session.reduce(adds, Vec::new());
    let error = soon(session.fire_and_forget(&[failed])).await.unwrap_err().to_string();
    assert_eq!(error, "hand over tasks: a future has failed before it was submitted");
    soon(session.fire_and_forget::<u64>(&[])).await.unwrap();
}

#[bobbin::task]
fn adds(a: u64, b: u64) -> u64 {
    a + b
}

/// Ends a driver as its process does: nothing that it was about to do is done.
async fn end(driver: Runtime) {
    tokio::task::spawn_blocking(move || driver.shutdown_timeout(LIMIT)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_without_their_driver() {
    let cluster = Cluster::start(1, worker).await;
    let (address, identity) = (cluster.address.clone(), cluster.identity.clone());
    let directory = cluster.directory.path().to_owned();
    let driver = Runtime::new().unwrap();
    let handing = driver.spawn(async move {
        let session = Session::join(&address, &identity, "driver", files()).await.unwrap();
        hand_over(&session, &directory).await;
    });
    soon(handing).await.unwrap();
    end(driver).await;
    let session = Session::join(&cluster.address, &cluster.identity, "other", files()).await.unwrap();
    only_one_is_done(&session, cluster.directory.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effects_without_their_application_master() {
    let mut cluster = Cluster::start(1, worker).await;
    let (address, identity) = (cluster.address.clone(), cluster.identity.clone());
    let directory = cluster.directory.path().to_owned();
    let driver = Runtime::new().unwrap();
    let joining = driver.spawn(async move {
        let session = Session::join_patiently((&address, &identity), "driver", files(), LIMIT).await.unwrap();
        hand_over(&session, &directory).await;
        session
    });
    let session = soon(joining).await.unwrap();
    cluster.kill_master(1).await;
    // What the driver has to say to the next one comes before this question.
    soon(session.workers()).await.unwrap();
    drop(session);
    end(driver).await;
    let session = Session::join(&cluster.address, &cluster.identity, "other", files()).await.unwrap();
    only_one_is_done(&session, cluster.directory.path()).await;
}
