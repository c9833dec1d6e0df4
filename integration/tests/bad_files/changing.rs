//! Files that somebody writes or removes while they are read.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use integration::process::Identity;
use integration::wait;
use rustix::process::Signal;

use super::desk::Desk;
use crate::support::Done;

/// How long a command may take to begin to read.
const LIMIT: Duration = Duration::from_secs(60);
/// Rows of the file: enough that a command cannot have read them all between two looks at it.
const ROWS: usize = 1_500_000;

const SQL: &str =
    "SELECT count(*) AS n, sum(length(word)) AS l FROM read_csv('trips.csv', types => 'id BIGINT, word VARCHAR')";

/// Changes the file in the middle of a query about it.
fn changed(change: impl FnOnce(&Path)) -> Done {
    let desk = Desk::new();
    let text: String = (0..ROWS).map(|id| format!("{id},the word of {id} and of no other one\n")).collect();
    let path = desk.put("trips.csv", format!("id,word\n{text}"));
    let words = ["sql", "--quiet", "--master", "local[1]", "--split-size", "1MiB", SQL];
    let mut started = desk.start(integration::yarn_submit().unwrap(), &words);
    let process = Identity::of(started.child.id()).unwrap();
    let maps = format!("/proc/{}/maps", process.pid());
    let name = path.to_str().unwrap();
    let reads = wait::until(LIMIT, || fs::read_to_string(&maps).ok()?.contains(name).then_some(()));
    assert!(reads.is_some() && process.signal(Signal::STOP), "it does not read the file");
    change(&path);
    assert!(process.signal(Signal::CONT));
    // The kernel ends a process that looks at bytes which are gone; a later one removes its directory.
    started.may_leave = Some("/bobbin-");
    let done = desk.end(started);
    assert!(!done.stderr.contains("panicked") && !done.stderr.contains("report this"), "{}", done.stderr);
    done
}

#[test]
fn a_file_that_shrinks_is_named() {
    let done = changed(|path| File::options().write(true).open(path).unwrap().set_len(1000).unwrap());
    done.expect(66).says(&["trips.csv", "again"]);
}

#[test]
fn a_file_that_grows_is_named() {
    let done = changed(|path| File::options().append(true).open(path).unwrap().write_all(b"7,new\n").unwrap());
    done.expect(66).says(&["trips.csv", "changed since the query was planned", "again"]);
}

#[test]
fn a_file_that_is_written_anew_is_named() {
    let done = changed(|path| {
        let other = path.with_extension("new");
        fs::write(&other, "id,word\n1,x\n").unwrap();
        fs::rename(other, path).unwrap();
    });
    done.expect(66).says(&["trips.csv", "changed since the query was planned", "again"]);
}

#[test]
fn a_file_that_vanishes_is_named() {
    let done = changed(|path| fs::remove_file(path).unwrap());
    done.expect(66).says(&["trips.csv", "does not exist any more", "again"]);
}
