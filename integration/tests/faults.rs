//! What dies on the way: each ends in the right answer or in one clear message, and nothing hangs.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::time::Instant;

use integration::cluster::{ClusterOptions, Daemon, Host};
use integration::{private, version, wait};
use support::breakable::{breakable, breakable_with};
use support::running::{LIMIT, Running};

#[test]
fn a_worker_killed_in_the_middle_costs_nothing_but_time() {
    let Some(broken) = breakable(&[]) else { return };
    let mut query = broken.start(&["--workers", "3"]);
    query.wait_middle();
    assert!(query.role("worker")[0].process.identity.kill());
    let answer = query.ends().expect(0);
    assert_eq!(answer.stdout, broken.expected);
}

#[test]
fn a_node_manager_killed_in_the_middle_costs_nothing_but_time() {
    let Some(broken) = breakable(&[("yarn.nm.liveness-monitor.expiry-interval-ms", "4000")]) else { return };
    let mut query = broken.start(&["--workers", "3"]);
    query.wait_middle();
    // Not the one that runs the application master: that is another fault.
    let master = query.role("appmaster")[0].host;
    let victim = (1..=3).find(|number| Host::Worker(*number) != master).unwrap();
    broken.cluster.kill_daemon(Daemon::NodeManager(victim)).unwrap();
    let answer = query.ends().expect(0);
    assert_eq!(answer.stdout, broken.expected);
}

#[test]
fn a_data_node_killed_while_it_is_read_from_is_replaced_by_another_replica() {
    let Some(broken) = breakable(&[]) else { return };
    let mut query = broken.start(&["--workers", "3"]);
    query.wait_middle();
    broken.cluster.kill_daemon(Daemon::DataNode(1)).unwrap();
    let answer = query.ends().expect(0);
    assert_eq!(answer.stdout, broken.expected);
}

#[test]
fn a_corrupt_replica_is_found_and_another_one_read() {
    // Each of two hosts holds every block: wherever a worker runs, it meets a corrupt one.
    let Some(broken) = breakable_with(ClusterOptions { workers: 2, ..ClusterOptions::default() }) else { return };
    for (block, host) in [(0, Host::Worker(1)), (1, Host::Worker(2))] {
        let corrupted = broken.cluster.corrupt_block("/user/alice/trips.csv", block, Some(host)).unwrap();
        assert!(corrupted.exists());
    }
    let answer = broken.start(&["--workers", "2"]).ends().expect(0);
    assert_eq!(answer.stdout, broken.expected);
    answer.says(&["checksum"]);
}

#[test]
fn a_name_node_killed_in_the_middle_is_waited_for_and_named() {
    let Some(broken) = breakable(&[]) else { return };
    // Tasks wait for two minutes where the cluster says nothing.
    let patience = ["dfs.client.retry.policy.enabled=true", "dfs.client.retry.policy.spec=1000,3"];
    let mut query = broken.start(&["--workers", "2", "--conf", patience[0], "--conf", patience[1]]);
    query.wait_middle();
    let began = Instant::now();
    broken.cluster.kill_daemon(Daemon::NameNode).unwrap();
    let refused = query.ends().expect(69);
    refused.says(&["NameNode master.hadoop.test:8020", "fs.defaultFS", "/user/alice/trips.csv", "start it"]);
    assert!(began.elapsed() < 2 * LIMIT, "{:?}\n{}", began.elapsed(), refused.stderr);
}

#[test]
fn a_name_node_that_restarts_in_the_middle_costs_nothing_but_time() {
    let Some(broken) = breakable(&[]) else { return };
    let mut query = broken.start(&["--workers", "2"]);
    query.wait_middle();
    broken.cluster.kill_daemon(Daemon::NameNode).unwrap();
    broken.cluster.start_daemon(Daemon::NameNode).unwrap();
    let answer = query.ends().expect(0);
    assert_eq!(answer.stdout, broken.expected);
}

#[test]
fn a_resource_manager_that_restarts_in_the_middle_costs_nothing_but_time() {
    let Some(broken) = breakable_with(ClusterOptions { recovery: true, ..ClusterOptions::default() }) else { return };
    let mut query = broken.start(&["--workers", "1"]);
    query.wait_middle();
    let workers = query.role("worker");
    broken.cluster.kill_daemon(Daemon::ResourceManager).unwrap();
    // Now the query cannot go on before the next ResourceManager grants another container.
    for worker in workers {
        assert!(worker.process.identity.kill());
    }
    broken.cluster.start_daemon(Daemon::ResourceManager).unwrap();
    let answer = query.ends().expect(0);
    assert_eq!(answer.stdout, broken.expected);
    assert!(answer.stderr.contains("retries: ") && !answer.stderr.contains("retries: 0"), "{}", answer.stderr);
}

#[test]
fn a_driver_that_dies_leaves_nothing_running() {
    let Some(broken) = breakable(&[]) else { return };
    let mut query = broken.start(&["--workers", "2", "--idle-timeout", "1s"]);
    query.wait_middle();
    let id = query.wait_id();
    query.kill();
    support::running::nothing_stays(&broken.cluster, &id);
}

#[test]
fn garbage_at_our_ports_changes_nothing() {
    let Some(broken) = breakable(&[]) else { return };
    let mut query = broken.start(&["--workers", "2"]);
    query.wait_middle();
    let members = query.role("appmaster").into_iter().chain(query.role("worker"));
    let ports: Vec<(Host, u16)> =
        members.flat_map(|member| member.listens_on().into_iter().map(move |port| (member.host, port))).collect();
    assert!(ports.len() >= 3, "{ports:?}");
    for (host, port) in ports {
        // From the gateway, as a stranger in the network would.
        let script =
            "exec 3<>/dev/tcp/$0/$1; printf 'GET / HTTP/1.0\\r\\n\\r\\n\\0\\377garbage' >&3; head -c 100 <&3 | wc -c";
        let mut stranger = broken.cluster.exec(Host::Edge, "bash");
        stranger.args(["-c", script, &host.full_name(), &port.to_string()]);
        stranger.output().unwrap();
    }
    let answer = query.ends().expect(0);
    assert_eq!(answer.stdout, broken.expected);
}

#[test]
fn a_resource_manager_or_name_node_that_is_down_is_named() {
    let Some(broken) = breakable(&[]) else { return };
    // A query that has its workers does without, and does not wait for it at its end.
    let mut query = broken.start(&["--workers", "2"]);
    query.wait_middle();
    broken.cluster.kill_daemon(Daemon::ResourceManager).unwrap();
    let began = Instant::now();
    assert_eq!(query.ends().expect(0).stdout, broken.expected);
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    let refused = broken.start(&["--workers", "1"]).ends().expect(69);
    refused.says(&["ResourceManager", "yarn.resourcemanager"]);
    broken.cluster.kill_daemon(Daemon::NameNode).unwrap();
    let refused = broken.start(&["--workers", "1"]).ends().expect(69);
    refused.says(&["NameNode", "fs.defaultFS"]);
}

#[test]
fn a_resource_manager_that_restarts_is_survived() {
    let options = ClusterOptions { version: version(), recovery: true, ..ClusterOptions::default() };
    let Some(cluster) = private(options) else { return };
    // The command ends when the test says so: the directory is the same on every host.
    let end = cluster.directory().join("end");
    let script = format!("until test -e '{}'; do sleep 0.1; done; exit 5", end.display());
    let run = Running::start(&cluster, "run", &["--", "sh", "-c", &script]);
    let running = wait::until(LIMIT, || {
        let apps = cluster.resource_manager("/ws/v1/cluster/apps?states=RUNNING").ok()?;
        apps["apps"]["app"][0]["id"].as_str().map(str::to_owned)
    });
    assert!(running.is_some());
    cluster.kill_daemon(Daemon::ResourceManager).unwrap();
    cluster.start_daemon(Daemon::ResourceManager).unwrap();
    cluster.wait_ready(2 * LIMIT).unwrap();
    std::fs::write(end, "").unwrap();
    run.ends().expect(5);
}

#[test]
fn a_cluster_without_nodes_is_told_apart_from_a_busy_one() {
    let Some(broken) = breakable(&[("yarn.nm.liveness-monitor.expiry-interval-ms", "3000")]) else { return };
    for number in 1..=3 {
        broken.cluster.kill_daemon(Daemon::NodeManager(number)).unwrap();
    }
    let none = wait::until(LIMIT, || {
        let metrics = broken.cluster.resource_manager("/ws/v1/cluster/metrics").ok()?;
        (metrics["clusterMetrics"]["activeNodes"] == 0).then_some(())
    });
    assert!(none.is_some());
    broken.start(&["--workers", "1"]).ends().expect(69).says(&["no live node", "NodeManager"]);
}
