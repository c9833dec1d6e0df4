//! Processes that die while rows are written: the same files, each row once.

use std::time::Duration;

use integration::cluster::{Cluster, ClusterOptions, Host};
use integration::process::Process;
use integration::{private, version};
use rustix::process::Signal;

use super::both::Both;
use super::files::{names_below, parts_here, parts_there, same_parts};
use crate::support::running::Running;
use crate::support::trips;

/// Small splits make many tasks, so that there is a middle.
const SPLIT: &str = "512KiB";
const COPY: &str = "COPY (SELECT pickup, fare_amount, tip_amount, passenger_count AS passengers FROM '{d}/trips.csv') \
                    TO '{d}/out' STORED AS CSV PARTITIONED BY (passengers)";

fn breakable() -> Option<Cluster> {
    private(ClusterOptions { version: version(), heartbeat: Duration::from_millis(200), ..ClusterOptions::default() })
}

/// The output is on its way.
fn begun<'a>(both: &Both<'a>) -> Running<'a> {
    both.put("trips.csv", &trips(16 << 20));
    let text = both.text_there(COPY);
    let own = ["--workers", "2", "--worker-memory", "512MiB", "--worker-cores", "1", "--split-size", SPLIT];
    let mut running = Running::start(both.cluster, "sql", &[own.as_slice(), &[&text]].concat());
    running.wait_middle();
    running
}

/// The output is what one process writes, and nothing is beside it.
fn is_whole(both: &Both<'_>) {
    both.here(SPLIT, COPY).expect(0);
    let out = format!("{}/out", both.path());
    same_parts(&parts_there(both.cluster, &out), &parts_here(&both.folder().join("out")));
    let hidden = names_below(both.cluster, &both.path()).into_iter().find(|name| name.contains("/."));
    assert_eq!(hidden, None);
    let count = "SELECT count(*) AS n FROM '{d}/out'";
    let source = "SELECT count(*) AS n FROM '{d}/trips.csv'";
    assert_eq!(both.there("8MiB", count).expect(0).stdout, both.here("8MiB", source).expect(0).stdout);
}

#[test]
fn a_worker_killed_while_it_writes_leaves_the_same_files() {
    let Some(cluster) = breakable() else { return };
    let both = Both::new(&cluster, "worker-killed");
    let running = begun(&both);
    assert!(running.role("worker")[0].process.identity.kill());
    running.ends().expect(0);
    is_whole(&both);
}

#[test]
fn an_application_master_killed_while_rows_are_written_leaves_the_same_files() {
    let Some(cluster) = breakable() else { return };
    let both = Both::new(&cluster, "master-killed");
    let running = begun(&both);
    assert!(running.role("appmaster")[0].process.identity.kill());
    running.ends().expect(0);
    is_whole(&both);
}

#[test]
fn a_driver_killed_while_rows_are_written_leaves_nothing_to_be_seen() {
    let Some(cluster) = breakable() else { return };
    let both = Both::new(&cluster, "driver-killed");
    let mut running = begun(&both);
    running.kill();
    assert_eq!(cluster.list(&format!("{}/out", both.path())).unwrap(), None);
    // A second try is not in the way of what the first has left.
    both.there(SPLIT, COPY).expect(0);
    let out = format!("{}/out", both.path());
    both.here(SPLIT, COPY).expect(0);
    same_parts(&parts_there(&cluster, &out), &parts_here(&both.folder().join("out")));
}

#[test]
fn an_interrupted_output_leaves_nothing() {
    let Some(cluster) = breakable() else { return };
    let both = Both::new(&cluster, "interrupted");
    let running = begun(&both);
    let place = both.text_there("{d}/out");
    let is_ours = |process: &Process| process.arguments.iter().any(|word| word.contains(&place));
    let driver = cluster.processes_in(Host::Edge).into_iter().find(is_ours).unwrap();
    assert!(driver.identity.signal(Signal::INT));
    running.ends().expect(130).says(&["interrupted", "killed"]);
    let source = format!("{}/trips.csv", both.path());
    assert_eq!(names_below(&cluster, &both.path()).into_iter().collect::<Vec<_>>(), [source]);
}
