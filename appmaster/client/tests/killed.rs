//! Worker processes that are killed at any moment: answers are the same, and nothing hangs.
//!
//! The application master is in this process, its workers are this executable again, over TLS on loopback. `BOBBIN_SEEDS=n`
//! runs so many seeds, `BOBBIN_SEED=n` one.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use bobbin::Session;
use bobbin_blocks::BlockReader;
use bobbin_engine::{Planner, PlannerOptions};
use datafusion::arrow::util::pretty::pretty_format_batches;
use processes::{Cluster, worker};
use tokio::time::{sleep, timeout};

/// Longer than a run takes, with all that is computed again.
const LIMIT: Duration = Duration::from_secs(240);
/// Seeds of an ordinary run of the tests.
const SEEDS: u64 = 3;
const WORKERS: usize = 4;

/// No test: what this executable does when it is started as a worker.
#[test]
fn be_a_worker() {
    processes::be_a_worker();
}

/// Numbers that look drawn; the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn seeds() -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("BOBBIN_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("BOBBIN_SEEDS").unwrap_or(SEEDS)).collect(),
    }
}

/// Runs `work` once undisturbed, then with kills at moments that each seed draws; all answers must be the first one.
async fn survives<F: Future<Output = String>>(cluster: &mut Cluster, work: impl Fn(Session) -> F, planner: &Planner) {
    let session = Session::attach(&cluster.address, &cluster.identity, "test", planner.clone()).await.unwrap();
    let began = Instant::now();
    let expected = timeout(LIMIT, work(session.clone())).await.unwrap();
    let usual = began.elapsed();
    for seed in seeds() {
        let mut dice = Dice(seed);
        let kills = 1 + dice.next() % 3;
        let working = work(session.clone());
        let killing = async {
            for _ in 0..kills {
                sleep(usual.mul_f64((dice.next() % 1000) as f64 / 1000.0)).await;
                cluster.kill(dice.next() as usize);
            }
        };
        let both = async { tokio::join!(working, killing).0 };
        let answer = timeout(LIMIT, both).await;
        let answer = answer.unwrap_or_else(|_| panic!("seed {seed}: no answer after {kills} kills in {LIMIT:?}"));
        assert_eq!(answer, expected, "seed {seed}, {kills} kills");
    }
}

fn numbers(directory: &Path) -> String {
    let mut text = String::from("key,value\n");
    for row in 0..60_000u64 {
        writeln!(text, "{},{}", row * 7919 % 5003, row % 101).unwrap();
    }
    let path = directory.join("numbers.csv");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Planning takes more stack than a test's thread has, where nothing is optimized.
fn with_stack<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    const STACK: usize = 16 << 20;
    let body = move || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.thread_stack_size(STACK).enable_all().build().unwrap().block_on(test());
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(body).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn a_query_with_shuffles_outlives_its_workers() {
    with_stack(query_with_shuffles);
}

async fn query_with_shuffles() {
    let mut cluster = Cluster::start(WORKERS, worker).await;
    let path = numbers(cluster.directory.path());
    // 700 tasks read, 300 take a bucket of each.
    let split_size = std::fs::metadata(&path).unwrap().len().div_ceil(700);
    let options = PlannerOptions { split_size, buckets: Some(300), ..PlannerOptions::default() };
    let planner = Planner::new(BlockReader::local(), options);
    let query = format!(
        "SELECT key, count(*) AS rows, sum(value) AS total FROM '{path}' GROUP BY key ORDER BY total DESC, key LIMIT 50"
    );
    let work = |session: Session| {
        let query = query.clone();
        async move {
            let batches = session.run(&query).await.unwrap().collect().await.unwrap();
            pretty_format_batches(&batches).unwrap().to_string()
        }
    };
    survives(&mut cluster, work, &planner).await;
}

#[bobbin::task(pure = false)]
fn leaf(number: u64) -> u64 {
    (0..20_000).fold(number, |sum, step| sum.wrapping_mul(31).wrapping_add(step))
}

#[bobbin::task(pure = false)]
fn add(left: u64, right: u64) -> u64 {
    left.wrapping_add(right)
}

#[test]
fn a_tree_of_futures_outlives_its_workers() {
    with_stack(tree_of_futures);
}

async fn tree_of_futures() {
    let mut cluster = Cluster::start(WORKERS, worker).await;
    let planner = Planner::new(BlockReader::local(), PlannerOptions::default());
    let work = |session: Session| async move {
        let leaves = session.map(leaf, 0..500u64);
        let total = session.reduce(add, leaves.clone()).result().await.unwrap();
        // Results that were there and are gone are made again for who wants them.
        let all = session.gather(&leaves).await.unwrap();
        assert_eq!(all.into_iter().fold(0, u64::wrapping_add), total);
        total.to_string()
    };
    survives(&mut cluster, work, &planner).await;
}
