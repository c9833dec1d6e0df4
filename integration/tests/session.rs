//! Sessions that stay: started, joined by queries and programs, listed, stopped.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::time::Instant;

use integration::cluster::{Cluster, Host};
use integration::shared;
use support::{Done, done, trips};

const COUNT: &str = "SELECT count(*) AS trips FROM '/warm/trips.csv'";

fn yarn_submit(cluster: &Cluster, words: &[&str]) -> Done {
    done(support::yarn_submit(cluster).args(words))
}

#[test]
fn a_session_stays_for_queries_and_commands() {
    let Some(cluster) = shared() else { return };
    cluster.make_directory("/warm", "alice", "755").unwrap();
    let data = trips(500_000);
    let answer = format!("trips\n{}\n", String::from_utf8_lossy(&data).lines().count() - 1);
    cluster.put(&data, "/warm/trips.csv", 2, Host::Edge).unwrap();
    let by_variable = |words: &[&str]| done(support::yarn_submit(cluster).args(words).env("BOBBIN_SESSION", "warm"));
    let unknown = by_variable(&["sql", COUNT]);
    assert_eq!(unknown.code, 66, "{}", unknown.stderr);
    unknown.says(&["environment variable BOBBIN_SESSION: ", "there is no session \"warm\"; start it with"]);
    let unknown = yarn_submit(cluster, &["sql", "--session", "warm", COUNT]);
    assert_eq!(unknown.code, 66, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("there is no session \"warm\"; start it with"), "{}", unknown.stderr);

    let options = ["session", "start", "warm", "--workers", "1..2", "--worker-memory", "512MiB"];
    let started = yarn_submit(cluster, &options).expect(0);
    let id = started.stdout.trim().to_owned();
    let again = yarn_submit(cluster, &options);
    assert_eq!(again.code, 64, "{}", again.stderr);
    assert!(again.stderr.contains("runs already") && again.stderr.contains(&id), "{}", again.stderr);

    // The first query may still wait for the worker's container.
    assert_eq!(yarn_submit(cluster, &["sql", "--session", "warm", COUNT]).expect(0).stdout, answer);
    let began = Instant::now();
    assert_eq!(yarn_submit(cluster, &["sql", "--session", "warm", COUNT]).expect(0).stdout, answer);
    println!("a query in a warm session took {:?}", began.elapsed());
    assert_eq!(by_variable(&["sql", COUNT]).expect(0).stdout, answer);
    let command = ["run", "--session", "warm", "--", "sh", "-c", "echo $BOBBIN_MASTER; test -r $BOBBIN_CREDENTIALS"];
    assert_eq!(yarn_submit(cluster, &command).expect(0).stdout, "yarn\n");

    let list = yarn_submit(cluster, &["session", "list"]).expect(0).stdout;
    let row = list.lines().find(|line| line.trim_start().starts_with("warm ")).unwrap_or_else(|| panic!("{list}"));
    assert!(row.contains(&id) && row.contains("RUNNING"), "{list}");

    let stopped = yarn_submit(cluster, &["session", "stop", "warm"]).expect(0);
    assert!(stopped.stderr.contains("has ended"), "{}", stopped.stderr);
    let status = yarn_submit(cluster, &["status", &id]).expect(0).stdout;
    assert!(status.contains("SUCCEEDED"), "{status}");
    assert_eq!(yarn_submit(cluster, &["sql", "--session", "warm", COUNT]).code, 66);
    assert_eq!(yarn_submit(cluster, &["session", "stop", "warm"]).code, 66);
    // Other tests have sessions, too.
    let list = yarn_submit(cluster, &["session", "list"]).expect(0).stdout;
    assert!(!list.lines().any(|line| line.trim_start().starts_with("warm ")), "{list}");
}

#[test]
fn a_session_that_was_killed_says_so() {
    let Some(cluster) = shared() else { return };
    let options = ["session", "start", "gone", "--workers", "1", "--worker-memory", "512MiB"];
    let id = yarn_submit(cluster, &options).expect(0).stdout.trim().to_owned();
    yarn_submit(cluster, &["kill", &id]).expect(0);
    let over = yarn_submit(cluster, &["sql", "--session", "gone", "SELECT count(*) FROM '/nowhere.csv'"]);
    assert_eq!(over.code, 69, "{}", over.stderr);
    assert!(over.stderr.contains("session \"gone\" is over"), "{}", over.stderr);
    yarn_submit(cluster, &["session", "stop", "gone"]).expect(0);
}

#[test]
fn wrong_words_are_refused() {
    let Some(cluster) = shared() else { return };
    for (words, message) in [
        (&["session", "start"][..], "name the session"),
        (&["session", "list", "warm"], "takes no name"),
        (&["run", "--session", "x", "--dry-run", "--", "true"], "--dry-run: nothing is submitted"),
        (&["sql", "--session", "x", "--deploy-mode", "cluster", "SELECT 1"], "--deploy-mode cluster: nothing is"),
        (&["session", "start", "a/b"], "is no name of a session"),
        (&["session", "start", "x", "--bin", "/etc/hostname"], "is not a Linux executable"),
    ] {
        let refused = yarn_submit(cluster, words);
        assert!(refused.code != 0 && refused.stderr.contains(message), "{words:?}: {}", refused.stderr);
    }
}
