//! Tasks with processes of their own: whatever they do, their worker and other tasks live on. In local mode, and with workers that are
//! processes.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bobbin::{Bytes, Files, FutureError, Isolation, LocalOptions, Session, TaskOptions, wait};
use bobbin_blocks::{BlockReader, PathBase};
use processes::{Cluster, worker};
use rustix::process::{Signal, getpid, getppid, kill_process};
use tempfile::TempDir;
use tokio::time::timeout;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(120);

/// No test: what this executable does when it is started as a worker, or as a child of one.
#[test]
fn be_a_worker() {
    processes::be_a_worker();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(bobbin::role::task_process());
}

async fn local(threads: u32) -> (Session, TempDir) {
    bobbin::role::task_processes_start_with(&["--exact", "be_a_worker", "--nocapture"]);
    let directory = tempfile::tempdir().unwrap();
    let spill_directory = directory.path().join("spill");
    let options = LocalOptions { threads, memory_bytes: 1 << 30, spill_directory, resources: Vec::new() };
    let files = Files::new(BlockReader::local(), PathBase::Local);
    (Session::begin(&options, files).await.unwrap(), directory)
}

async fn driver(cluster: &Cluster) -> Session {
    let files = Files::new(BlockReader::local(), PathBase::Local);
    Session::join(&cluster.address, &cluster.identity, "driver", files).await.unwrap()
}

fn isolated() -> TaskOptions {
    TaskOptions { isolation: Isolation::Process, ..TaskOptions::default() }
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.expect("in time")
}

async fn eventually<T>(mut there: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = there() {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(looking).await
}

/// Waits until a task has left its process id there.
async fn process_at(path: &Path) -> u32 {
    eventually(|| std::fs::read_to_string(path).ok()?.strip_suffix('\n')?.parse().ok()).await
}

/// Waits until there is no such process any more; one that nobody has waited for yet is none.
async fn gone(id: u32) {
    let is_gone = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let state = status.lines().find_map(|line| line.strip_prefix("State:"));
        state.is_none_or(|state| state.trim().starts_with(['Z', 'X'])).then_some(())
    };
    eventually(is_gone).await;
}

#[bobbin::task(pure = false)]
fn dies(how: String) -> u32 {
    eprintln!("about to {how}");
    match how.as_str() {
        "abort" => std::process::abort(),
        "exit" => std::process::exit(3),
        // The first one meets a handler, which looks whether the stack has overflown.
        "segfault" => signal_until_dead(Signal::SEGV),
        "be killed" => signal_until_dead(Signal::KILL),
        other => panic!("it cannot {other}"),
    }
}

fn signal_until_dead(signal: Signal) -> ! {
    loop {
        kill_process(getpid(), signal).unwrap();
    }
}

/// Its process, and that of its worker.
#[bobbin::task(pure = false)]
fn process() -> (u32, u32) {
    (std::process::id(), getppid().map_or(0, |pid| pid.as_raw_nonzero().get().cast_unsigned()))
}

/// Leaves its process id there and computes for ever.
#[bobbin::task(pure = false)]
fn never_ends(path: String) {
    std::fs::write(path, format!("{}\n", std::process::id())).unwrap();
    loop {
        std::hint::spin_loop();
    }
}

fn take_memory() -> usize {
    let mut all: Vec<Vec<u8>> = Vec::new();
    while all.len() < 1 << 12 {
        all.push(vec![1; 1 << 20]);
    }
    all.len()
}

#[bobbin::task(pure = false)]
fn takes_memory() -> usize {
    take_memory()
}

#[tokio::test]
async fn a_death_is_the_tasks_own_and_is_told() {
    let (session, _directory) = local(2).await;
    let neighbours: Vec<_> = (0..4).map(|_| session.submit(process, ())).collect();
    for (how, told) in [
        ("abort", "its process was ended by signal 6 (SIGABRT); it wrote on standard error: about to abort"),
        ("exit", "its process ended with exit code 3 and no result; it wrote on standard error: about to exit"),
        ("segfault", "its process was ended by signal 11 (SIGSEGV); it wrote on standard error: about to segfault"),
    ] {
        let error = soon(session.submit_with::<dies>((how,), &isolated()).result()).await.unwrap_err().to_string();
        assert!(error.contains("function 'isolation::dies'") && error.contains(told), "{error}");
    }
    // Who was killed by somebody else is tried again.
    let killed = soon(session.submit_with::<dies>(("be killed",), &isolated()).result()).await.unwrap_err().to_string();
    assert!(killed.contains("failed 4 times") && killed.contains("signal 9 (SIGKILL), not by its worker"), "{killed}");
    soon(session.gather(&neighbours)).await.unwrap();
}

#[tokio::test]
async fn a_panic_is_told_as_in_a_thread() {
    let (session, _directory) = local(1).await;
    let mut told = Vec::new();
    for options in [isolated(), TaskOptions::default()] {
        let error = soon(session.submit_with::<dies>(("sing",), &options).result()).await.unwrap_err().to_string();
        // What is before it has the call's number.
        told.push(error[error.find("function '").unwrap()..].to_owned());
    }
    assert!(
        told[0].contains("panicked at") && told[0].contains("isolation.rs") && told[0].ends_with("it cannot sing"),
        "{told:?}"
    );
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn children_are_used_again_unless_they_died() {
    let (session, _directory) = local(1).await;
    let process_of = async || soon(session.submit_with::<process>((), &isolated()).result()).await.unwrap();
    let (first, parent) = process_of().await;
    assert_eq!(parent, std::process::id());
    assert_ne!(first, parent);
    // Failing is no reason for another one.
    soon(session.submit_with::<dies>(("sing",), &isolated()).result()).await.unwrap_err();
    assert_eq!(process_of().await.0, first);
    soon(session.submit_with::<dies>(("exit",), &isolated()).result()).await.unwrap_err();
    assert_ne!(process_of().await.0, first);
    assert_eq!(soon(session.submit(process, ()).result()).await.unwrap().0, parent);
}

#[tokio::test]
async fn who_computes_for_ever_is_ended_at_once() {
    let (session, directory) = local(1).await;
    let path = directory.path().join("process");
    let endless = session.submit_with::<never_ends>((path.to_str().unwrap(),), &isolated());
    let child = process_at(&path).await;
    endless.cancel();
    assert!(matches!(soon(endless.result()).await, Err(FutureError::Cancelled { .. })));
    gone(child).await;
    // The only thread is free, for either kind.
    soon(session.submit(process, ()).result()).await.unwrap();
    assert_ne!(soon(session.submit_with::<process>((), &isolated()).result()).await.unwrap().0, child);

    let limited = TaskOptions { time_limit: Some(Duration::from_millis(300)), ..isolated() };
    let path = directory.path().join("limited");
    let late = session.submit_with::<never_ends>((path.to_str().unwrap(),), &limited);
    let error = soon(late.result()).await.unwrap_err().to_string();
    assert!(error.ends_with("it took longer than its time limit of 300ms"), "{error}");
    if path.exists() {
        gone(process_at(&path).await).await;
    }
    soon(session.submit(process, ()).result()).await.unwrap();
}

#[tokio::test]
async fn who_takes_memory_without_end_is_ended() {
    let (session, _directory) = local(2).await;
    let options = TaskOptions { memory: Some(100 << 20), ..isolated() };
    let (greedy, neighbour) =
        (session.submit_with::<takes_memory>((), &options), session.submit_with::<process>((), &isolated()));
    let error = soon(greedy.result()).await.unwrap_err().to_string();
    assert!(error.contains("more than its limit of 100 MiB") && error.contains("TaskOptions::memory"), "{error}");
    soon(neighbour.result()).await.unwrap();
    // What is not said is a thread's share of two thirds.
    let error = soon(session.submit_with::<takes_memory>((), &isolated()).result()).await.unwrap_err().to_string();
    assert!(error.contains("more than its limit of 341 MiB"), "{error}");
}

#[bobbin::task(pure = false)]
fn reads_standard_input() -> Result<String, String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

#[bobbin::task(pure = false)]
async fn submits() -> Result<u32, String> {
    let session = Session::connect().await.map_err(|error| error.to_string())?;
    let inner =
        session.submit_with::<process>((), &TaskOptions { isolation: Isolation::Process, ..TaskOptions::default() });
    Ok(inner.result().await.map_err(|error| error.to_string())?.0)
}

#[tokio::test]
async fn a_child_is_alone() {
    let (session, _directory) = local(1).await;
    assert_eq!(soon(session.submit_with::<reads_standard_input>((), &isolated()).result()).await.unwrap(), "");
    let error = soon(session.submit_with::<submits>((), &isolated()).result()).await.unwrap_err().to_string();
    assert!(error.contains("cannot submit tasks in local mode"), "{error}");
}

#[tokio::test]
async fn children_end_with_the_session() {
    let (session, directory) = local(2).await;
    let idle = soon(session.submit_with::<process>((), &isolated()).result()).await.unwrap().0;
    let path = directory.path().join("process");
    let busy = session.submit_with::<never_ends>((path.to_str().unwrap(),), &isolated());
    let child = process_at(&path).await;
    drop((busy, session));
    gone(idle).await;
    gone(child).await;
}

#[bobbin::task(pure = false)]
fn much(length: u64) -> Bytes {
    (0..length).map(|at| (at % 251) as u8).collect::<Vec<u8>>().into()
}

#[bobbin::task(pure = false)]
fn backwards(bytes: Bytes, all: Vec<Bytes>) -> Bytes {
    let lengths: usize = all.iter().map(|bytes| bytes.len()).sum();
    bytes.iter().rev().copied().chain([lengths as u8]).collect::<Vec<u8>>().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_goes_in_and_out() {
    let cluster = Cluster::start(2, worker).await;
    let session = driver(&cluster).await;
    let options = TaskOptions { memory: Some(1 << 30), ..isolated() };
    let (length, small) = (64 << 20, session.map(much, [0_u64, 1, 6]));
    let made = session.submit_with::<much>((length,), &options);
    let turned = session.submit_with::<backwards>((&made, &small), &options);
    let turned = soon(turned.result()).await.unwrap();
    assert_eq!(turned.len() as u64, length + 1);
    assert_eq!((turned[0], turned[turned.len() - 1]), (((length - 1) % 251) as u8, 7));
    let file = cluster.directory.path().join("text");
    std::fs::write(&file, "one\ntwo\n").unwrap();
    let block = session.read_blocks(file.to_str().unwrap()).await.unwrap().remove(0);
    let read = soon(session.submit_with::<backwards>((block, &small), &options).result()).await.unwrap();
    assert_eq!(&read[..], b"\nowt\neno\x07");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_submit_tasks_and_wait_without_a_thread() {
    let cluster = Cluster::start(1, worker).await;
    let session = driver(&cluster).await;
    // More that wait than there are threads.
    let all: Vec<_> = (0..5).map(|_| session.submit_with::<submits>((), &isolated())).collect();
    assert_eq!(soon(session.gather(&all)).await.unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_end_with_their_worker() {
    let mut cluster = Cluster::start(1, worker).await;
    let session = driver(&cluster).await;
    let path: PathBuf = cluster.directory.path().join("process");
    let idle = soon(session.submit_with::<process>((), &isolated()).result()).await.unwrap().0;
    let one = session.submit_with::<never_ends>((path.to_str().unwrap(),), &isolated());
    let busy = process_at(&path).await;
    let second = session.submit_with::<process>((), &isolated());
    let second = soon(second.result()).await.unwrap().0;
    assert!(busy == idle || second == idle, "one of two is used again");
    cluster.kill(0);
    gone(busy).await;
    gone(second).await;
    one.cancel();
}

/// Waits for the others, which are there when `all` of them have left a file.
#[bobbin::task(pure = false)]
fn meets(directory: String, name: String, all: u64) -> String {
    let path = Path::new(&directory);
    std::fs::write(path.join(format!("met-{name}")), "").unwrap();
    let there = || {
        std::fs::read_dir(path)
            .unwrap()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("met-"))
    };
    while (there().count() as u64) < all {
        std::thread::yield_now();
    }
    if name == "culprit" {
        std::process::abort();
    }
    name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_culprit_is_found_and_its_neighbours_are_not_blamed() {
    let cluster = Cluster::start(2, worker).await;
    let session = driver(&cluster).await;
    soon(async {
        while session.workers().await.unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let directory = cluster.directory.path().to_str().unwrap().to_owned();
    // Four threads: each of these has one when the culprit aborts.
    let culprit = session.submit(meets, (directory.clone(), "culprit", 4_u64));
    let neighbours: Vec<_> = ["a", "b", "c"].map(|name| session.submit(meets, (directory.clone(), name, 4_u64))).into();
    let error = soon(culprit.result()).await.unwrap_err().to_string();
    assert!(error.contains("its process was ended by signal 6 (SIGABRT)"), "{error}");
    assert!(error.contains("before, it was running in a worker that died: worker"), "{error}");
    soon(wait(&neighbours)).await;
    assert_eq!(soon(session.gather(&neighbours)).await.unwrap(), ["a", "b", "c"]);
    assert_eq!(session.workers().await.unwrap().len(), 1, "it killed one worker, and no more");
}

/// In its worker, it is killed as the kernel does when memory is short; in a process of its own, it takes memory without end.
#[bobbin::task(pure = false)]
fn too_much_for_its_worker() -> usize {
    if std::env::var_os("BOBBIN_TASK_PROCESS_OF").is_none() {
        signal_until_dead(Signal::KILL);
    }
    take_memory()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_too_much_for_its_worker_is_told_its_limit() {
    let cluster = Cluster::start(2, worker).await;
    let session = driver(&cluster).await;
    let error = soon(session.submit(too_much_for_its_worker, ()).result()).await.unwrap_err().to_string();
    // Of 512 MiB of two threads.
    assert!(error.contains("more than its limit of 102 MiB") && error.contains("--worker-memory"), "{error}");
    assert!(error.contains("before, it was running in a worker that died: worker"), "{error}");
}
