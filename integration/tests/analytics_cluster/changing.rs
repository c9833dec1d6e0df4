//! Files on HDFS that somebody writes or removes while a query reads them.

use integration::shared;

use super::both::{Both, WORKERS};
use crate::support::running::{Running, nothing_stays};
use crate::support::{Done, trips};

/// Two blocks of the cluster.
const BYTES: usize = 16 << 20;
/// Small splits make many tasks, so that there is a middle.
const SPLIT: &str = "256KiB";

/// Changes the file in the middle of a query about it. The answer is that of the file as it was, or names it.
fn changed(name: &'static str, change: impl FnOnce(&Both<'_>, &str)) {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, name);
    both.put("trips.csv", &trips(BYTES));
    let sql = "SELECT count(*) AS n, sum(passenger_count) AS p FROM '{d}/trips.csv'";
    let before = both.here(SPLIT, sql).expect(0).stdout;
    let text = both.text_there(sql);
    let mut running = Running::start(cluster, "sql", &[&WORKERS[..], &["--split-size", SPLIT, &text]].concat());
    running.wait_middle();
    let application = running.wait_id();
    change(&both, &format!("{}/trips.csv", both.path()));
    let done = running.ends();
    match done.code {
        0 => assert_eq!(done.stdout, before),
        _ => refused(done),
    }
    nothing_stays(cluster, &application);
}

fn refused(done: Done) {
    let done = done.expect(66);
    done.says(&["trips.csv", "again"]);
    assert!(done.stdout.is_empty() && !done.stderr.contains("report this"), "{}\n{}", done.stdout, done.stderr);
}

#[test]
fn a_file_that_grows_is_read_as_it_was_or_named() {
    changed("grows", |both, path| both.cluster.append(&trips(1 << 20), path, 2).unwrap());
}

#[test]
fn a_file_that_shrinks_is_read_as_it_was_or_named() {
    changed("shrinks", |both, path| both.cluster.truncate(path, both.cluster.options().block_size).unwrap());
}

#[test]
fn a_file_that_is_written_anew_is_read_as_it_was_or_named() {
    changed("anew", |both, path| both.cluster.spread(&trips(BYTES / 2), path).unwrap());
}

#[test]
fn a_file_that_vanishes_is_read_as_it_was_or_named() {
    changed("vanishes", |both, path| assert!(both.cluster.remove(path).unwrap()));
}
