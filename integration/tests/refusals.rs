//! What a cluster cannot take: said before anything is uploaded, or by the first write that it refuses.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use integration::cluster::{Cluster, ClusterOptions, Daemon, Host};
use integration::{private, version, wait};
use support::running::LIMIT;
use support::{Done, done, yarn_submit};

fn run(cluster: &Cluster, arguments: &[&str]) -> Done {
    done(yarn_submit(cluster).args(["run"]).args(arguments).args(["--", "true"]))
}

fn small(settings: &[(&str, &str)]) -> Option<Cluster> {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    private(ClusterOptions { version: version(), workers: 1, racks: 1, settings, ..ClusterOptions::default() })
}

#[test]
fn what_no_live_node_can_hold_is_refused_before_anything_is_uploaded() {
    // The scheduler keeps to what is configured for so long, whatever its nodes have.
    let wait = ("yarn.resourcemanager.work-preserving-recovery.scheduling-wait-ms", "3600000");
    let Some(cluster) = small(&[("yarn.scheduler.maximum-allocation-mb", "8192"), wait]) else { return };
    cluster.put(b"a,b\n1,2\n", "/data/small.csv", 1, Host::Edge).unwrap();
    for option in ["--worker-memory", "--master-memory"] {
        let refused = run(&cluster, &[option, "4GiB"]).expect(64);
        refused.says(&[&format!("{option} 4096 MiB"), "3072 MiB", "ask for less"]);
        let mut sql = yarn_submit(&cluster);
        sql.args(["sql", option, "4GiB", "SELECT * FROM 'hdfs:///data/small.csv'"]);
        done(&mut sql).expect(64).says(&[&format!("{option} 4096 MiB"), "3072 MiB", "ask for less"]);
    }
    let refused = run(&cluster, &["--node-label", "gpu"]).expect(64);
    refused.says(&["no live node carries the label gpu", "--node-label"]);
    assert_eq!(cluster.list("/user/alice/.bobbin").unwrap(), None, "something was uploaded");
}

#[test]
fn a_maximum_that_is_a_nodes_names_the_nodes_key() {
    let Some(cluster) = small(&[("yarn.resourcemanager.work-preserving-recovery.scheduling-wait-ms", "0")]) else {
        return;
    };
    let refused = run(&cluster, &["--worker-memory", "4GiB"]).expect(64);
    refused.says(&["--worker-memory 4096 MiB", "3072 MiB", "yarn.nodemanager.resource.memory-mb"]);
    full_quotas_are_named(&cluster);
    safe_mode_is_named(&cluster);
}

fn full_quotas_are_named(cluster: &Cluster) {
    cluster.set_quota("/user/alice", Some(1), None).unwrap();
    run(cluster, &[]).expect(77).says(&["quota", "/user/alice", "-setQuota"]);
    cluster.set_quota("/user/alice", None, Some(1 << 20)).unwrap();
    run(cluster, &[]).expect(77).says(&["quota", "/user/alice", "-setSpaceQuota"]);
    cluster.set_quota("/user/alice", None, None).unwrap();
}

/// A NameNode that starts takes no writes before it has heard of the blocks that it knows.
fn safe_mode_is_named(cluster: &Cluster) {
    // One block would be less than the part of them that is waited for, rounded down.
    for number in 1..=3 {
        cluster.put(b"a,b\n1,2\n", &format!("/data/{number}.csv"), 1, Host::Edge).unwrap();
    }
    cluster.kill_daemon(Daemon::DataNode(1)).unwrap();
    cluster.kill_daemon(Daemon::NameNode).unwrap();
    cluster.start_daemon(Daemon::NameNode).unwrap();
    let starting = wait::until(LIMIT, || (cluster.health().hdfs.as_deref() == Some("safeMode")).then_some(()));
    assert!(starting.is_some(), "{:?}", cluster.health());
    run(cluster, &[]).expect(69).says(&["safe mode", "NameNode", "wait"]);
    cluster.start_daemon(Daemon::DataNode(1)).unwrap();
    cluster.wait_ready(2 * LIMIT).unwrap();
    run(cluster, &[]).expect(0);
}
