//! `logs`: of finished applications from HDFS in both formats, of running ones and of unaggregated ones from the
//! NodeManagers.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::process::Stdio;
use std::time::Duration;

use integration::cluster::{Cluster, ClusterOptions, LogFormat};
use integration::{private, version, wait};
use support::{done, yarn_submit};

/// Says something long on standard output and something short on standard error.
const SCRIPT: &str = "for i in $(seq 1 3000); do echo \"line $i of the output\"; done; echo the end >&2";

fn finished(cluster: &Cluster) -> String {
    let run = done(yarn_submit(cluster).args(["run", "--name", "talk", "--", "bash", "-c", SCRIPT])).expect(0);
    run.application().to_owned()
}

fn complete(cluster: &Cluster, id: &str) {
    let logs = done(yarn_submit(cluster).args(["logs", id])).expect(0);
    assert!(
        logs.stdout.contains("line 1 of the output\nline 2 of") && logs.stdout.contains("line 3000 of the output\n")
    );
    assert!(logs.stdout.contains("the end"), "standard error is there too");
    let tail = done(yarn_submit(cluster).args(["logs", id, "--tail", "60"])).expect(0);
    assert!(
        tail.stdout.contains("line 3000 of the output\n") && !tail.stdout.contains("line 2000 of"),
        "{}",
        tail.stdout
    );
    assert!(!logs.stdout.contains("LogContents:"), "nothing but what was printed:\n{}", logs.stdout);
    let bare = done(yarn_submit(cluster).args(["logs", id, "--container", "master", "--log", "stderr"])).expect(0);
    assert_eq!(bare.stdout, "the end\n");
    let container = logs.stdout.split_whitespace().find(|word| word.starts_with("container_")).unwrap().to_owned();
    let one = done(yarn_submit(cluster).args(["logs", id, "--container", &container])).expect(0);
    assert!(one.stdout.contains("line 3000 of the output"));
    let other = container.replace("_000001", "_000009");
    let missing = done(yarn_submit(cluster).args(["logs", id, "--container", &other]));
    assert_ne!(missing.code, 0);
    missing.says(&[&other]);
}

/// The indexed format, on a cluster with YARN's own default resource calculator, which counts memory only and grants one
/// core whatever was asked: task threads come from the request.
#[test]
fn aggregated_in_the_indexed_format_and_a_memory_only_scheduler() {
    let options = ClusterOptions {
        version: version(),
        log_format: LogFormat::Indexed,
        memory_only: true,
        heartbeat: Duration::from_millis(200),
        ..ClusterOptions::default()
    };
    let Some(cluster) = private(options) else { return };
    complete(&cluster, &finished(&cluster));
    cluster.spread(&support::trips(2 << 20), "/user/alice/trips.csv").unwrap();
    let mut query = yarn_submit(&cluster);
    query.args(["sql", "--workers", "1", "--worker-memory", "512MiB", "--worker-cores", "2"]);
    query.arg("SELECT count(*) AS n FROM 'hdfs:///user/alice/trips.csv'");
    let answer = done(&mut query).expect(0);
    assert!(answer.stdout.starts_with("n\n"), "{}", answer.stdout);
}

#[test]
fn aggregated_in_yarns_own_format() {
    let options = ClusterOptions {
        version: version(),
        log_format: LogFormat::TFile,
        heartbeat: Duration::from_millis(200),
        ..ClusterOptions::default()
    };
    let Some(cluster) = private(options) else { return };
    complete(&cluster, &finished(&cluster));
}

#[test]
fn read_from_the_node_managers_where_nothing_is_aggregated() {
    let options = ClusterOptions {
        version: version(),
        log_aggregation: false,
        heartbeat: Duration::from_millis(200),
        keep_containers: Duration::from_secs(600),
        ..ClusterOptions::default()
    };
    let Some(cluster) = private(options) else { return };
    let mut command = yarn_submit(&cluster);
    command.args(["run", "--", "bash", "-c", "echo it has begun; read -t 600 < <(sleep 600); echo never"]);
    let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let id = wait::until(Duration::from_secs(60), || {
        let apps = cluster.resource_manager("/ws/v1/cluster/apps?states=RUNNING").ok()?;
        apps["apps"]["app"][0]["id"].as_str().map(str::to_owned)
    });
    let id = id.expect("the command runs");
    let seen = wait::until(Duration::from_secs(60), || {
        let logs = done(yarn_submit(&cluster).args(["logs", &id]));
        (logs.code == 0 && logs.stdout.contains("it has begun")).then_some(())
    });
    assert!(seen.is_some(), "logs of a running application");
    done(yarn_submit(&cluster).args(["kill", &id])).expect(0);
    running.wait().unwrap();
    let finished = finished(&cluster);
    complete(&cluster, &finished);
    let mut query = yarn_submit(&cluster);
    cluster.spread(&support::trips(4 << 20), "/user/alice/trips.csv").unwrap();
    query.args(["sql", "--workers", "2", "--worker-memory", "512MiB", "--split-size", "1MiB"]);
    let query = done(query.arg("SELECT count(*) AS n FROM 'hdfs:///user/alice/trips.csv'")).expect(0);
    let logs = done(yarn_submit(&cluster).args(["logs", query.application()])).expect(0);
    assert!(logs.stdout.contains("==> container_") && logs.stdout.contains("_000002 on "), "{}", logs.stdout);
    assert!(logs.stdout.contains("appmaster.log"), "{}", logs.stdout);
}
