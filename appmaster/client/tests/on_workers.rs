//! Functions on every worker: in this process, and on worker processes over TLS that are busy, die, or stand still.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bobbin::{Files, LocalOptions, RunError, Session, WorkerError};
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

#[bobbin::task]
fn process_id(add: u32) -> u32 {
    std::process::id() + add
}

/// Fails in the process of this number only.
#[bobbin::task]
fn fails_in(process: u32) -> Result<u32, String> {
    match std::process::id() {
        here if here == process => Err("on purpose".to_owned()),
        here => Ok(here),
    }
}

#[bobbin::task]
fn panics() {
    panic!("with words");
}

/// Says that it began, by a file of its process, and stays until somebody makes `end` there, or nobody wants it any more.
#[bobbin::task]
fn stays(directory: String) -> Result<bool, String> {
    let directory = PathBuf::from(directory);
    std::fs::write(directory.join(format!("{}.began", std::process::id())), "").map_err(|error| error.to_string())?;
    while !directory.join("end").exists() {
        if bobbin::is_cancelled() {
            let left = directory.join(format!("{}.left", std::process::id()));
            std::fs::write(left, "").map_err(|error| error.to_string())?;
            return Ok(false);
        }
        std::thread::yield_now();
    }
    Ok(true)
}

/// Submits tasks of its own.
#[bobbin::task]
async fn asks() -> Result<usize, String> {
    let session = Session::connect().await.map_err(|error| error.to_string())?;
    let rows = session.run_everywhere(process_id, (0u32,)).await.map_err(|error| error.to_string())?;
    rows.iter().find_map(|row| row.result.as_ref().err()).map_or(Ok(rows.len()), |error| Err(error.to_string()))
}

fn files() -> Files {
    Files::new(BlockReader::local(), PathBase::Local)
}

/// Waits until there are so many files that end so.
async fn appeared(directory: &Path, suffix: &str, count: usize) -> Vec<u32> {
    let named = || {
        let names =
            std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter_map(|name| name.strip_suffix(suffix)?.parse().ok()).collect::<Vec<u32>>()
    };
    soon(async {
        loop {
            let found = named();
            if found.len() >= count {
                return found;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn functions_on_the_worker_in_this_process() {
    let directory = tempfile::tempdir().unwrap();
    let spill_directory = directory.path().join("spill");
    let options = LocalOptions { threads: 1, memory_bytes: 64 << 20, spill_directory, resources: Vec::new() };
    let session = Session::begin(&options, files()).await.unwrap();
    let rows = soon(session.run_everywhere(process_id, (1u32,))).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].worker, rows[0].host.as_str()), (1, "localhost"));
    assert_eq!(*rows[0].result.as_ref().unwrap(), std::process::id() + 1);
    assert!(matches!(
        &soon(session.run_on(&[1, 7], process_id, (0u32,))).await.unwrap()[..],
        [
            bobbin::OnWorker { result: Ok(_), .. },
            bobbin::OnWorker { worker: 7, result: Err(WorkerError::NoWorker(7)), .. }
        ]
    ));
    let row = soon(session.run_everywhere(panics, ())).await.unwrap().remove(0);
    let error = row.result.unwrap_err().to_string();
    assert!(error.starts_with("worker 1: function 'on_workers::panics' panicked at"), "{error}");
    let future = session.submit(process_id, (0u32,));
    let error = soon(session.run_everywhere(process_id, (&future,))).await.unwrap_err();
    assert!(matches!(error, RunError::Argument { function: "on_workers::process_id", .. }), "{error}");
    // The only thread waits for a call that needs no thread of a task.
    assert_eq!(soon(session.submit(asks, ()).result()).await.unwrap(), 1);
    // Whoever waits no more ends the function.
    let place = directory.path().to_str().unwrap().to_owned();
    tokio::select! {
        rows = session.run_everywhere(stays, (place,)) => panic!("it ended: {rows:?}"),
        _ = appeared(directory.path(), ".began", 1) => {}
    }
    appeared(directory.path(), ".left", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_on_busy_workers_that_die() {
    let mut cluster = Cluster::start(3, worker).await;
    let session = Session::join(&cluster.address, &cluster.identity, "driver", files()).await.unwrap();
    soon(async {
        while session.workers().await.unwrap().len() < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Twice as many tasks as threads: none is free, and functions are called all the same.
    let busy = tempfile::tempdir().unwrap();
    let place = busy.path().to_str().unwrap().to_owned();
    let options = bobbin::TaskOptions { pure: Some(false), ..bobbin::TaskOptions::default() };
    let tasks = session.map_with::<stays, String, _>(std::iter::repeat_n(place, 12), &options);
    appeared(busy.path(), ".began", 3).await;
    let rows = soon(session.run_everywhere(process_id, (0u32,))).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.worker, row.host.as_str())).collect::<Vec<_>>(),
        [(1, "127.0.0.1"), (2, "127.0.0.1"), (3, "127.0.0.1")]
    );
    let mut processes: Vec<u32> = rows.into_iter().map(|row| row.result.unwrap()).collect();
    let unlucky = processes[1];
    let rows = soon(session.run_everywhere(fails_in, (unlucky,))).await.unwrap();
    let said: Vec<_> = rows.into_iter().map(|row| row.result.map_err(|error| error.to_string())).collect();
    let failure = "worker 2: function 'on_workers::fails_in': on purpose".to_owned();
    assert_eq!(said, [Ok(processes[0]), Err(failure), Ok(processes[2])]);
    let rows = soon(session.run_on(&[3, 1], process_id, (0u32,))).await.unwrap();
    assert_eq!(rows.into_iter().map(|row| row.result.unwrap()).collect::<Vec<_>>(), [processes[2], processes[0]]);
    std::fs::write(busy.path().join("end"), "").unwrap();
    soon(session.gather(&tasks)).await.unwrap();
    // One of them dies while it runs there; the others' answers are not lost.
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap().to_owned();
    let running = tokio::spawn({
        let session = session.clone();
        async move { session.run_everywhere(stays, (place,)).await.unwrap() }
    });
    let mut began = appeared(directory.path(), ".began", 3).await;
    began.sort_unstable();
    processes.sort_unstable();
    assert_eq!(began, processes);
    cluster.kill(0);
    std::fs::write(directory.path().join("end"), "").unwrap();
    let rows = soon(running).await.unwrap();
    let (well, ill): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.result.is_ok());
    assert_eq!((well.len(), ill.len()), (2, 1));
    let error = ill[0].result.as_ref().unwrap_err();
    assert!(matches!(error, WorkerError::Broken { .. } | WorkerError::Gone(_)), "{error}");
    assert!(error.to_string().contains("nobody knows whether the function was called"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stands_still_holds_up_nobody() {
    let mut cluster = Cluster::start(2, worker).await;
    let session = Session::join(&cluster.address, &cluster.identity, "driver", files()).await.unwrap();
    soon(async {
        while session.workers().await.unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Connections are kept: the next call goes out, and nothing comes back.
    let before = soon(session.run_everywhere(process_id, (0u32,))).await.unwrap();
    assert!(before.iter().all(|row| row.result.is_ok()));
    cluster.halt(0);
    let rows = soon(session.run_everywhere(process_id, (0u32,))).await.unwrap();
    let (well, ill): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.result.is_ok());
    assert_eq!((well.len(), ill.len()), (1, 1));
    let error = ill[0].result.as_ref().unwrap_err();
    assert!(matches!(error, WorkerError::Gone(_)), "{error}");
}
