//! From `yarn-submit` to its answer on a real cluster: when each step happened, who it waited for, and the memory of our
//! processes. A query over three blocks; YARN's own part is read from the daemons' logs.

#[path = "latency/memory.rs"]
mod memory;
#[path = "latency/steps.rs"]
mod steps;
mod support;
#[path = "../tests/support/mod.rs"]
#[allow(clippy::unwrap_used, reason = "shared with the tests")]
mod tests;

use std::process::Stdio;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use integration::cluster::{Cluster, ClusterOptions, Host, HostCommand};
use steps::{STEPS, Steps};
use support::{children_cpu, spread, table};

/// Runs with an empty upload cache; before the first one the daemons have served nobody either.
const COLD: usize = 3;
/// Runs that find everything in place.
const WARM: usize = 7;
const FILE: &str = "/data/trips.csv";
const QUERY: &str = "SELECT passenger_count, count(*) AS trips, avg(fare_amount) AS fare \
                     FROM 'hdfs:///data/trips.csv' GROUP BY passenger_count ORDER BY 1";

fn main() {
    support::title("latency: seconds after the start of yarn-submit, a 3-block file, NodeManagers call every second");
    if support::yarn_submit().is_none() {
        return;
    }
    let options = ClusterOptions { version: integration::version(), log_aggregation: false, ..Default::default() };
    let Some(cluster) = integration::private(options) else { return };
    let bytes = tests::trips(3 * 8 * 1024 * 1024 - 1000);
    if let Err(error) = cluster.spread(&bytes, FILE) {
        return support::skip("latency", &error.to_string());
    }
    drop(bytes);
    let cold = run_all(&cluster, COLD, true);
    let warm = run_all(&cluster, WARM, false);
    print_steps(&cold, &warm);
    print_memory(&cluster);
}

/// The query, as somebody types it.
fn query(cluster: &Cluster) -> HostCommand {
    let mut command = tests::yarn_submit(cluster);
    command.args(["sql", "--workers", "3", "--split-size", tests::SPLIT, QUERY]);
    command
}

fn run_all(cluster: &Cluster, runs: usize, cold: bool) -> Vec<Steps> {
    let mut all = Vec::new();
    for number in 1..=runs {
        if cold && let Err(error) = cluster.remove("/user/alice/.bobbin") {
            support::skip("a cold run", &error.to_string());
            continue;
        }
        match run(cluster) {
            Ok(steps) => all.push(steps),
            Err(said) => support::skip(&format!("run {number}"), &format!("it failed:\n{said}")),
        }
    }
    all
}

fn run(cluster: &Cluster) -> Result<Steps, String> {
    let cpu = children_cpu();
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let began = Instant::now();
    let done = tests::done(&mut query(cluster));
    let ended = began.elapsed();
    if done.code != 0 {
        return Err(format!("exit code {}\n{}", done.code, done.stderr));
    }
    let mut steps = Steps::of_summary(&done.stderr);
    steps.add("client gone", ended.as_secs_f64());
    steps.add("client CPU", (children_cpu() - cpu).as_secs_f64());
    steps.add_daemons(cluster, done.application(), unix);
    Ok(steps)
}

fn print_steps(cold: &[Steps], warm: &[Steps]) {
    let values = |runs: &[Steps], step: &str| runs.iter().filter_map(|run| run.get(step)).collect::<Vec<f64>>();
    let since = |runs: &[Steps], step: &str, before: &str| {
        runs.iter().filter_map(|run| Some(run.get(step)? - run.get(before)?)).collect::<Vec<f64>>()
    };
    let header = ["step", "whose part", "cold", "warm", "its share, warm"].map(str::to_owned).to_vec();
    let mut rows = vec![header];
    let mut before = "start";
    for (step, whose) in STEPS {
        let [cold, warm_at] = [cold, warm].map(|runs| spread(&values(runs, step)));
        let share = support::median(since(warm, step, before)).map_or("-".to_owned(), |share| format!("{share:.2}"));
        rows.push(vec![step.to_owned(), whose.to_owned(), cold, warm_at, share]);
        before = step;
    }
    let [cold_cpu, warm_cpu] = [cold, warm].map(|runs| spread(&values(runs, "client CPU")));
    rows.push(vec!["CPU of yarn-submit".to_owned(), String::new(), cold_cpu, warm_cpu]);
    table(&rows);
    println!(
        "  median (least-most); cold: {} runs, warm: {}; goals: first task 4.0 cold, 2.0 warm",
        cold.len(),
        warm.len()
    );
}

fn print_memory(cluster: &Cluster) {
    let started = query(cluster).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => return support::skip("memory", &error.to_string()),
    };
    let peaks = memory::watch(cluster, &mut child, Host::Edge);
    let mut rows = vec![["memory, MB", "at rest", "most", "goal"].map(str::to_owned).to_vec()];
    for (role, goal) in [("yarn-submit", "40"), ("application master", "40"), ("worker", "60 at rest")] {
        let (rest, most) = peaks.get(role).map_or(("-".to_owned(), "-".to_owned()), |peak| {
            (format!("{:.1}", peak.at_rest), format!("{:.1}", peak.most))
        });
        rows.push(vec![role.to_owned(), rest, most, goal.to_owned()]);
    }
    table(&rows);
    println!("  resident, largest process of the role; at rest: a worker before its first task, else the first look");
}
