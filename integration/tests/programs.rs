//! Programs of futures on the real cluster, whose workers and application master are killed: the answer is the same.
//!
//! `BOBBIN_SEEDS=n` kills workers of a job with shuffles in n ways, `BOBBIN_SEED=n` in one.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use integration::cluster::{Cluster, Host};
use integration::{cargo, program_beside, shared, wait};
use serde_json::Value;
use support::running::{Member, members, nothing_stays};
use support::{Done, done};

/// Longer than a job takes, with an application master that is started anew.
const LIMIT: Duration = Duration::from_secs(180);
/// Leaves of the tree, and its tasks.
const LEAVES: u64 = 20_000;
const TASKS: u64 = 2 * LEAVES - 1;
/// Tasks of the program with shuffles.
const SHUFFLES: u64 = 1_000;
/// Ways in which its workers are killed, of an ordinary run of the tests.
const SEEDS: u64 = 3;
/// Kills of each of them.
const KILLS: usize = 4;
/// Files of one block each, and their lines.
const FILES: usize = 24;
const LINES: usize = 5_000;

fn yarn_submit(cluster: &Cluster, words: &[&str]) -> Done {
    done(support::yarn_submit(cluster).args(words))
}

/// A session of a program, with workers that can be killed.
struct Warm<'a> {
    cluster: &'a Cluster,
    name: &'static str,
    workers: usize,
    program: String,
    id: String,
}

impl<'a> Warm<'a> {
    fn start(cluster: &'a Cluster, name: &'static str, (program, workers): (&Path, usize)) -> Warm<'a> {
        let (program, count) = (program.display().to_string(), workers.to_string());
        let words = ["session", "start", name, "--workers", &count, "--worker-memory", "512MiB", "--bin", &program];
        let id = yarn_submit(cluster, &words).expect(0).stdout.trim().to_owned();
        Warm { cluster, name, workers, program, id }
    }

    /// The program on its way.
    fn run(&self, number: u64) -> Child {
        let mut command = support::yarn_submit(self.cluster);
        command.args(["run", "--session", self.name, "--", &self.program, &number.to_string()]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until all its workers are there.
    fn wait_workers(&self) {
        let there = || self.state().filter(|state| containers(state).len() == self.workers);
        assert!(wait::until(LIMIT, there).is_some(), "{} workers do not come: {:?}", self.workers, self.state());
    }

    fn state(&self) -> Option<Value> {
        let url = format!("http://master.hadoop.test:8088/proxy/{}/api/state", self.id);
        let response = self.cluster.get(Host::Edge, &url).ok()?;
        serde_json::from_slice(&response.body).ok()
    }

    /// Waits until so many tasks of the program are done; false if it has ended before.
    fn wait_done(&self, child: &mut Child, tasks: u64) -> bool {
        let reached = wait::until(LIMIT, || {
            if child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            let jobs = self.state()?;
            let done: u64 = jobs["jobs"].as_array()?.iter().filter_map(|job| job["done"].as_u64()).sum();
            (done >= tasks).then_some(true)
        });
        reached.unwrap_or_else(|| panic!("{tasks} tasks were not done in {LIMIT:?}: {:?}", self.state()))
    }

    /// Its processes of a role.
    fn role(&self, role: &str) -> Vec<Member> {
        let mut all = members(self.cluster, &self.id);
        all.retain(|member| member.process.arguments.get(1).is_some_and(|word| word == role));
        all
    }

    /// What the program said at its end, and beside that.
    fn said(child: Child) -> (String, String) {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        (text(output.stdout), text(output.stderr))
    }

    fn ends(&self, child: Child) {
        let (said, words) = Warm::said(child);
        let sum = LEAVES * (LEAVES + 1) * (2 * LEAVES + 1) / 6;
        assert_eq!(said, format!("the sum of the squares of 1 to {LEAVES} is {sum}"), "{words}");
    }

    fn stop(self) {
        yarn_submit(self.cluster, &["session", "stop", self.name]).expect(0);
        nothing_stays(self.cluster, &self.id);
    }
}

/// The program of an example, built beside the tests.
fn example(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let built = cargo(env!("CARGO")).args(["build", "-p", "examples"]).current_dir(root).output();
    let built = built.unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    program_beside(name).unwrap()
}

#[test]
fn workers_and_masters_of_programs_may_die() {
    let Some(cluster) = shared() else { return };
    let warm = Warm::start(cluster, "mortal", (&example("tree_reduction"), 2));
    for tasks in [1, 3_000, 15_000] {
        let mut tree = warm.run(LEAVES);
        if warm.wait_done(&mut tree, tasks)
            && let Some(worker) = warm.role("worker").first()
        {
            assert!(worker.process.identity.kill());
        }
        warm.ends(tree);
    }
    warm.stop();
}

/// Numbers that look drawn; the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    /// One below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn seeds() -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("BOBBIN_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("BOBBIN_SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

#[test]
fn a_job_with_shuffles_outlives_its_workers() {
    let Some(cluster) = shared() else { return };
    let warm = Warm::start(cluster, "shuffled", (&example("shuffles"), 3));
    warm.wait_workers();
    // Nobody has started it but its user.
    let mut alone = cluster.exec(Host::Edge, &warm.program);
    let alone = done(alone.arg("7").env("BOBBIN_SESSION", warm.name)).expect(0);
    let expected = alone.stdout.trim();
    assert_eq!(expected.lines().count(), 2, "{expected}");
    let ran = sum(&warm.state().unwrap()["workers"], "finished");
    assert!(ran >= SHUFFLES, "{ran} tasks ran in the session that BOBBIN_SESSION names");
    // One that is lost while there is nothing to do is replaced, too.
    let idle = warm.state().unwrap();
    assert!(warm.role("worker")[0].process.identity.kill());
    let replaced = || warm.state().filter(|state| containers(state) != containers(&idle));
    assert!(wait::until(LIMIT, replaced).is_some(), "nobody notices that an idle worker is gone");
    let mut killed = 0;
    for seed in seeds() {
        warm.wait_workers();
        let mut dice = Dice(seed);
        let mut moments: Vec<u64> = (0..KILLS).map(|_| 1 + dice.below(SHUFFLES - 1)).collect();
        moments.sort_unstable();
        let mut job = warm.run(7);
        for &tasks in &moments {
            if !warm.wait_done(&mut job, tasks) {
                break;
            }
            let mut workers = warm.role("worker");
            if !workers.is_empty() {
                let victim = workers.swap_remove(dice.below(workers.len() as u64) as usize);
                killed += usize::from(victim.process.identity.kill());
            }
        }
        let (said, words) = Warm::said(job);
        assert_eq!(said, expected, "seed {seed}, kills after {moments:?} tasks: {words}");
    }
    assert!(killed > 0, "nobody was killed");
    println!("{killed} workers were killed, and the answer was the same");
    warm.stop();
}

/// Workers outlive their application master, and nothing that they have is computed again.
#[test]
fn an_application_masters_death_costs_seconds_not_results() {
    let Some(cluster) = shared() else { return };
    let warm = Warm::start(cluster, "orphaned", (&example("tree_reduction"), 2));
    let mut tree = warm.run(LEAVES);
    assert!(warm.wait_done(&mut tree, 10_000), "it ended before its application master was killed");
    let before = warm.state().unwrap();
    let workers = pids(&warm.role("worker"));
    assert!(warm.role("appmaster")[0].process.identity.kill());
    let killed = Instant::now();
    let found = || warm.state().filter(|state| containers(state).len() == workers.len());
    assert!(wait::until(LIMIT, found).is_some(), "the workers do not find the next application master");
    println!("the workers were with the next application master {:?} after one was killed", killed.elapsed());
    warm.ends(tree);
    let after = warm.state().unwrap();
    assert_eq!(containers(&after), containers(&before));
    assert_eq!(pids(&warm.role("worker")), workers, "the same processes");
    let (done, again) = (sum(&before["jobs"], "done"), sum(&after["workers"], "finished"));
    println!("{done} tasks were done before, {again} ran after that, of {TASKS}");
    // Results that were on their way when it died are known to workers alone.
    assert!(
        done >= 10_000 && done + again <= TASKS,
        "{done} tasks were done before, and {again} of {TASKS} ran after that"
    );
    warm.stop();
}

fn pids(members: &[Member]) -> Vec<u32> {
    let mut pids: Vec<u32> = members.iter().map(|member| member.process.identity.pid()).collect();
    pids.sort_unstable();
    pids
}

/// The containers of the workers that are connected.
fn containers(state: &Value) -> Vec<&str> {
    let workers = state["workers"].as_array().into_iter().flatten();
    let mut containers: Vec<&str> = workers.filter_map(|worker| worker["container"].as_str()).collect();
    containers.sort_unstable();
    containers
}

/// The sum of a field of all rows.
fn sum(rows: &Value, field: &str) -> u64 {
    rows.as_array().into_iter().flatten().filter_map(|row| row[field].as_u64()).sum()
}

/// Actors are called from worker to worker, and tasks submit tasks, in containers as elsewhere.
#[test]
fn actors_and_nested_tasks_run_in_containers() {
    let Some(cluster) = shared() else { return };
    for (name, says) in [
        ("parameter_server", "y = 3.0x + 2.0 after 2000 gradients"),
        ("shared_dataset", "the largest of the squares is 998001"),
    ] {
        let program = example(name).display().to_string();
        let words = ["run", "--workers", "2", "--worker-memory", "512MiB", "--bin", &program, "--"];
        let ended = yarn_submit(cluster, &words).expect(0);
        let logs = yarn_submit(cluster, &["logs", ended.application()]).expect(0).stdout;
        assert!(logs.contains(says), "{logs}");
    }
}

/// More blocks than a worker has threads: those of tasks that wait are read on HDFS meanwhile, and no word is lost or counted twice.
#[test]
fn blocks_of_waiting_tasks_are_read_on_hdfs() {
    let Some(cluster) = shared() else { return };
    cluster.make_directory("/waiting", "alice", "755").unwrap();
    for file in 0..FILES {
        let text = "some words and words\n".repeat(LINES);
        cluster.put(text.as_bytes(), &format!("/waiting/{file}.txt"), 1, Host::Edge).unwrap();
    }
    let program = example("word_count").display().to_string();
    let words = ["run", "--workers", "1", "--worker-memory", "512MiB", "--bin", &program, "--", "/waiting/*.txt"];
    let ended = yarn_submit(cluster, &words).expect(0);
    let logs = yarn_submit(cluster, &["logs", ended.application()]).expect(0).stdout;
    for (count, word) in [(2 * FILES * LINES, "words"), (FILES * LINES, "some")] {
        assert!(logs.contains(&format!("{count:8} {word}\n")), "{logs}");
    }
}
