//! Profiles of tasks in threads and in processes, of workers here and in processes of their own, and of stripped ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bobbin::{
    Bytes, Call, Files, Isolation, LocalOptions, Profile, ProfileError, ResolveError, Session, TaskOptions, TaskProfile,
};
use bobbin_blocks::{BlockReader, PathBase};
use processes::{Cluster, worker};
use tokio::time::timeout;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(120);
/// So many samples are enough to tell who has most of them.
const ENOUGH: u64 = 20;

/// No test: what this executable does when it is started as a worker.
#[test]
fn be_a_worker() {
    bobbin::role::can_profile_tasks();
    processes::be_a_worker();
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.expect("in time")
}

/// Uses a core until there is such a file.
#[inline(never)]
fn spins_until(path: &Path) -> u64 {
    let mut rounds = 0;
    while !path.exists() {
        rounds += computes(rounds);
    }
    rounds
}

/// Where all the time goes.
#[inline(never)]
fn computes(seed: u64) -> u64 {
    (0..20_000_000).fold(seed, |sum, number| std::hint::black_box(sum.rotate_left(5) ^ number)) | 1
}

#[bobbin::task(pure = false)]
fn keeps_busy(stop: String) -> u64 {
    spins_until(Path::new(&stop))
}

/// Waits without using a core.
#[inline(never)]
fn waits(path: &Path) {
    std::fs::read(path).unwrap();
}

#[bobbin::task(pure = false)]
fn keeps_idle(pipe: String) -> Bytes {
    waits(Path::new(&pipe));
    Bytes::from(Vec::new())
}

/// Uses a core for so long.
#[bobbin::task(pure = false)]
fn busy_for(milliseconds: u64) -> u64 {
    let (began, mut rounds) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_millis(milliseconds) {
        rounds += computes(rounds);
    }
    rounds
}

fn files() -> Files {
    Files::new(BlockReader::local(), PathBase::Local)
}

async fn join(cluster: &Cluster, workers: usize) -> Session {
    let session = Session::join(&cluster.address, &cluster.identity, "driver", files()).await.unwrap();
    while session.workers().await.unwrap().len() < workers {
        tokio::task::yield_now().await;
    }
    session
}

/// The task of this name.
fn task(profile: &Profile, name: &str) -> Option<TaskProfile> {
    profile.tasks().into_iter().find(|task| task.name == name)
}

fn samples(profile: &Profile, name: &str) -> u64 {
    task(profile, name).map_or(0, |task| task.samples)
}

/// The first function of this name, wherever it is.
fn find<'a>(calls: &'a [Call], name: &str) -> Option<&'a Call> {
    calls.iter().find_map(|call| if call.function == name { Some(call) } else { find(&call.calls, name) })
}

/// Two tasks that end when they are told to: the one computes, the other waits.
struct Tasks {
    directory: tempfile::TempDir,
    busy: bobbin::Future<u64>,
    idle: bobbin::Future<Bytes>,
}

impl Tasks {
    fn begin(session: &Session) -> Tasks {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let made = Command::new("mkfifo").arg(path("pipe")).status().unwrap();
        assert!(made.success());
        let busy = session.submit(keeps_busy, (path("stop"),));
        let idle = session.submit(keeps_idle, (path("pipe"),));
        Tasks { directory, busy, idle }
    }

    async fn end(self) {
        std::fs::write(self.directory.path().join("stop"), "").unwrap();
        let pipe = self.directory.path().join("pipe");
        soon(tokio::task::spawn_blocking(move || std::fs::write(pipe, "").unwrap())).await.unwrap();
        soon(self.busy.result()).await.unwrap();
        soon(self.idle.result()).await.unwrap();
    }
}

/// The profile as soon as both tasks were found often enough.
async fn profile_of(session: &Session) -> Profile {
    soon(async {
        loop {
            let profile = session.profile().await.unwrap();
            if samples(&profile, "profile::keeps_busy").min(samples(&profile, "profile::keeps_idle")) >= ENOUGH {
                return profile;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

fn check_both(profile: &Profile) {
    let (busy, idle) = (task(profile, "profile::keeps_busy").unwrap(), task(profile, "profile::keeps_idle").unwrap());
    let hot = find(&busy.calls, "profile::computes").unwrap_or_else(|| panic!("{profile}"));
    // Whatever else a loaded machine shows, and what the compiler has left of closures.
    assert!(hot.total * 10 >= busy.samples * 8, "{profile}");
    assert!(find(&busy.calls, "profile::spins_until").is_some_and(|call| call.total >= hot.total), "{profile}");
    assert!(hot.place.as_ref().is_some_and(|(file, _)| file.ends_with("tests/profile.rs")), "{hot:?}");
    assert_eq!(busy.calls[0].function, "profile::keeps_busy", "{profile}");
    let waits = find(&idle.calls, "profile::waits").unwrap_or_else(|| panic!("{profile}"));
    assert_eq!(waits.own, 0, "it waits in the kernel: {profile}");
    assert!(waits.total * 10 >= idle.samples * 8, "{profile}");
    assert!(idle.on_core.is_none_or(|share| share < 0.5), "{profile}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_in_this_process() {
    let directory = tempfile::tempdir().unwrap();
    let spill_directory = directory.path().join("spill");
    let options = LocalOptions { threads: 2, memory_bytes: 64 << 20, spill_directory, resources: Vec::new() };
    let session = Session::begin(&options, files()).await.unwrap();
    let error = soon(session.profile()).await.unwrap_err();
    assert!(matches!(error, ProfileError::Off) && error.to_string().contains("BOBBIN_PROFILE=1"), "{error}");
    assert!(matches!(session.start_profiling(0).await, Err(ProfileError::Rate(0))));
    soon(session.start_profiling(200)).await.unwrap();
    let tasks = Tasks::begin(&session);
    let profile = profile_of(&session).await;
    check_both(&profile);
    tasks.end().await;
    soon(session.stop_profiling()).await.unwrap();
    // What was found stays, and nothing comes to it.
    let before = soon(session.profile()).await.unwrap();
    soon(session.submit(busy_for, (50u64,)).result()).await.unwrap();
    let after = soon(session.profile()).await.unwrap();
    assert_eq!((samples(&before, "profile::busy_for"), samples(&after, "profile::busy_for")), (0, 0));
    assert!(samples(&after, "profile::keeps_busy") >= ENOUGH);
    let mut folded = Vec::new();
    profile.write_folded(&mut folded).unwrap();
    let folded = String::from_utf8(folded).unwrap();
    let line = folded.lines().find(|line| line.contains("profile::spins_until;profile::computes")).expect("a stack");
    assert!(
        line.starts_with("profile::keeps_busy;") && line.rsplit_once(' ').unwrap().1.parse::<u64>().is_ok(),
        "{line}"
    );
    let shown = profile.to_string();
    assert!(shown.contains("profile::computes tests/profile.rs:"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_and_their_children() {
    let cluster = Cluster::start(2, worker).await;
    let session = soon(join(&cluster, 2)).await;
    soon(session.start_profiling(200)).await.unwrap();
    let tasks = Tasks::begin(&session);
    check_both(&profile_of(&session).await);
    tasks.end().await;
    // A child says what it has found when its call is over.
    let options = TaskOptions { isolation: Isolation::Process, ..TaskOptions::default() };
    let profile = soon(async {
        loop {
            soon(session.submit_with::<busy_for>((300u64,), &options).result()).await.unwrap();
            let profile = session.profile().await.unwrap();
            if task(&profile, "profile::busy_for").is_some_and(|task| find(&task.calls, "profile::computes").is_some())
            {
                return profile;
            }
        }
    })
    .await;
    let found = task(&profile, "profile::busy_for").unwrap();
    let hot = find(&found.calls, "profile::computes").unwrap();
    assert!(hot.total * 2 >= found.samples, "{profile}");
    assert!(profile.missing().is_empty());
}

/// The file that is to be the worker.
static WORKER: Mutex<Option<PathBuf>> = Mutex::new(None);

/// As [`worker`], with that file, and with samples from the beginning.
fn other_worker() -> Command {
    let (original, path) = (worker(), WORKER.lock().unwrap().clone().unwrap());
    let mut command = Command::new(path);
    command.args(original.get_args());
    command.envs(original.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("BOBBIN_PROFILE", "200");
    command
}

/// A copy of an executable without some of what is in it.
fn copy(from: &Path, what: &[&str], to: &Path) {
    let done = Command::new("objcopy").args(what).arg(from).arg(to).status().unwrap();
    assert!(done.success(), "objcopy {what:?}");
}

/// What the driver knows of tasks on workers that are this file.
async fn profile_of_workers(path: &Path) -> Profile {
    *WORKER.lock().unwrap() = Some(path.to_owned());
    let cluster = Cluster::start(1, other_worker).await;
    let session = soon(join(&cluster, 1)).await;
    let tasks = Tasks::begin(&session);
    let profile = profile_of(&session).await;
    tasks.end().await;
    profile
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stripped_workers() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let here = std::env::current_exe().unwrap();
    // What containers get of a build: this executable has its names.
    copy(&here, &["--strip-all"], &place("stripped"));
    check_both(&profile_of_workers(&place("stripped")).await);
    // A build of which nobody has said which it is: it is known by its code.
    copy(&here, &["--remove-section=.note.gnu.build-id"], &place("built"));
    copy(&place("built"), &["--strip-all"], &place("shipped"));
    let mut profile = profile_of_workers(&place("shipped")).await;
    let shown = profile.to_string();
    assert!(shown.contains(" shipped+0x") && shown.contains("has no symbols here: give Profile::resolve"), "{shown}");
    let error = profile.resolve("/bin/sh").unwrap_err();
    assert!(matches!(&error, ResolveError::AnotherBuild { wanted, .. } if wanted.starts_with("code-")), "{error}");
    assert!(error.to_string().starts_with("/bin/sh is build "), "{error}");
    assert!(matches!(profile.resolve(place("shipped")), Err(ResolveError::NoSymbols(_))));
    assert!(matches!(profile.resolve(place("nowhere")), Err(ResolveError::Read { .. })));
    assert!(matches!(profile.resolve(file!()), Err(ResolveError::Read { .. } | ResolveError::Foreign(_))));
    profile.resolve(place("built")).unwrap();
    check_both(&profile);
}
