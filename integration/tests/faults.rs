//! What dies on the way: each ends in the right answer or in one clear message, and nothing hangs.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::io::Read;
use std::process::{Child, Stdio};
use std::time::Duration;

use integration::cluster::{Cluster, ClusterOptions, Daemon, Host};
use integration::process::Process;
use integration::{private, version, wait};
use serde_json::Value;
use support::{Done, done, trips, yarn_submit};

const QUERY: &str = "SELECT passenger_count, count(*) AS trips, avg(fare_amount) AS fare FROM";
const GROUP: &str = "GROUP BY passenger_count ORDER BY 1";
/// Small splits make many tasks, so that there is a middle to break in.
const SPLIT: &str = "64KiB";
const LIMIT: Duration = Duration::from_secs(60);

/// A cluster that its test may break, and trips on it with two replicas.
struct Breakable {
    cluster: Cluster,
    expected: String,
}

fn breakable(settings: &[(&str, &str)]) -> Option<Breakable> {
    let mut options =
        ClusterOptions { version: version(), heartbeat: Duration::from_millis(200), ..ClusterOptions::default() };
    options.settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let cluster = private(options)?;
    let content = trips(3 * 8 * 1024 * 1024 - 1000);
    cluster.put(&content, "/user/alice/trips.csv", 2, Host::Edge).unwrap();
    let local = cluster.directory().join("trips.csv");
    std::fs::write(&local, &content).unwrap();
    let mut command = yarn_submit(&cluster);
    command.args(["sql", "--master", "local", "--split-size", SPLIT]);
    command.arg(format!("{QUERY} '{}' {GROUP}", local.display()));
    let expected = done(&mut command).expect(0).stdout;
    Some(Breakable { cluster, expected })
}

impl Breakable {
    /// The query on its way, with `arguments` in addition.
    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = yarn_submit(&self.cluster);
        command.args(["sql", "--worker-memory", "512MiB", "--split-size", SPLIT]).args(arguments);
        command.arg(format!("{QUERY} 'hdfs:///user/alice/trips.csv' {GROUP}"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The roles of our executable on all workers.
    fn role(&self, role: &str) -> Vec<(Host, Process)> {
        let on = |host| self.cluster.processes_in(host).into_iter().map(move |process| (host, process));
        let all = self.cluster.workers().flat_map(on);
        all.filter(|(_, process)| process.arguments.get(1).is_some_and(|word| word == role)).collect()
    }

    /// Waits until tasks are being done. A query that ends before that says why.
    fn wait_middle(&self, query: &mut Child) {
        let middle = wait::until(2 * LIMIT, || {
            let done = || self.state()?["jobs"][0]["done"].as_u64();
            if query.try_wait().unwrap().is_some() {
                return Some(false);
            }
            (done()? >= 5).then_some(true)
        });
        if middle != Some(true) {
            let mut said = String::new();
            if middle.is_some() {
                query.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            }
            panic!("the query has no middle:\n{said}");
        }
    }

    /// The tracking page's JSON, through the ResourceManager's proxy.
    fn state(&self) -> Option<Value> {
        let apps = self.cluster.resource_manager("/ws/v1/cluster/apps?states=RUNNING").ok()?;
        let id = apps["apps"]["app"][0]["id"].as_str()?.to_owned();
        let url = format!("http://master.hadoop.test:8088/proxy/{id}/api/state");
        let response = self.cluster.get(Host::Edge, &url).ok()?;
        serde_json::from_slice(&response.body).ok()
    }

    fn ends(&self, child: Child) -> Done {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Done { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

#[test]
fn a_worker_killed_in_the_middle_costs_nothing_but_time() {
    let Some(broken) = breakable(&[]) else { return };
    let mut query = broken.start(&["--workers", "3"]);
    broken.wait_middle(&mut query);
    let workers = broken.role("worker");
    assert!(workers[0].1.identity.kill());
    let answer = broken.ends(query).expect(0);
    assert_eq!(answer.stdout, broken.expected);
}

#[test]
fn a_node_manager_killed_in_the_middle_costs_nothing_but_time() {
    let Some(broken) = breakable(&[("yarn.nm.liveness-monitor.expiry-interval-ms", "4000")]) else { return };
    let mut query = broken.start(&["--workers", "3"]);
    broken.wait_middle(&mut query);
    // Not the one that runs the application master: that is another fault.
    let master = broken.role("appmaster")[0].0;
    let victim = (1..=3).find(|number| Host::Worker(*number) != master).unwrap();
    broken.cluster.kill_daemon(Daemon::NodeManager(victim)).unwrap();
    let answer = broken.ends(query).expect(0);
    assert_eq!(answer.stdout, broken.expected);
}

#[test]
fn a_data_node_killed_while_it_is_read_from_is_replaced_by_another_replica() {
    let Some(broken) = breakable(&[]) else { return };
    let mut query = broken.start(&["--workers", "3"]);
    broken.wait_middle(&mut query);
    broken.cluster.kill_daemon(Daemon::DataNode(1)).unwrap();
    let answer = broken.ends(query).expect(0);
    assert_eq!(answer.stdout, broken.expected);
}

#[test]
fn a_corrupt_replica_is_found_and_another_one_read() {
    let Some(broken) = breakable(&[]) else { return };
    let corrupted = broken.cluster.corrupt_block("/user/alice/trips.csv", 1, None).unwrap();
    assert!(corrupted.exists());
    let answer = broken.ends(broken.start(&["--workers", "3"])).expect(0);
    assert_eq!(answer.stdout, broken.expected);
    answer.says(&["checksum"]);
}

#[test]
fn a_killed_application_master_is_started_again_or_reported() {
    let Some(broken) = breakable(&[]) else { return };
    let mut query = broken.start(&["--workers", "2"]);
    broken.wait_middle(&mut query);
    assert!(broken.role("appmaster")[0].1.identity.kill());
    let ended = broken.ends(query);
    if ended.code == 0 {
        assert_eq!(ended.stdout, broken.expected);
    } else {
        ended.says(&["application master"]);
    }
    let gone = wait::until(LIMIT, || broken.role("worker").is_empty().then_some(()));
    assert!(gone.is_some(), "a worker outlives its application master");
}

#[test]
fn a_driver_that_dies_leaves_nothing_running() {
    let Some(broken) = breakable(&[]) else { return };
    let mut query = broken.start(&["--workers", "2", "--idle-timeout", "1s"]);
    broken.wait_middle(&mut query);
    query.kill().unwrap();
    query.wait().unwrap();
    let gone =
        wait::until(LIMIT, || (broken.role("worker").is_empty() && broken.role("appmaster").is_empty()).then_some(()));
    assert!(gone.is_some(), "the application outlives its driver");
}

#[test]
fn strangers_at_our_ports_change_nothing() {
    let Some(broken) = breakable(&[]) else { return };
    let mut query = broken.start(&["--workers", "2"]);
    broken.wait_middle(&mut query);
    let ports: Vec<(Host, u16)> = broken
        .role("appmaster")
        .into_iter()
        .chain(broken.role("worker"))
        .flat_map(|(host, process)| listening(&process).into_iter().map(move |port| (host, port)))
        .collect();
    assert!(ports.len() >= 3, "{ports:?}");
    for (host, port) in ports {
        // From the gateway, as a stranger in the network would.
        let script =
            "exec 3<>/dev/tcp/$0/$1; printf 'GET / HTTP/1.0\\r\\n\\r\\n\\0\\377garbage' >&3; head -c 100 <&3 | wc -c";
        let mut stranger = broken.cluster.exec(Host::Edge, "bash");
        stranger.args(["-c", script, &host.full_name(), &port.to_string()]);
        stranger.output().unwrap();
    }
    let answer = broken.ends(query).expect(0);
    assert_eq!(answer.stdout, broken.expected);
}

/// The TCP ports that a process listens on.
fn listening(process: &Process) -> Vec<u16> {
    let pid = process.identity.pid();
    let table = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    let own: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()?.to_str().map(str::to_owned))
        .collect();
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row.len() > 9 && row[3] == "0A" && own.contains(&format!("socket:[{}]", row[9])))
        .filter_map(|row| u16::from_str_radix(row[1].rsplit(':').next()?, 16).ok())
        .collect()
}

#[test]
fn a_resource_manager_or_name_node_that_is_down_is_named() {
    let Some(broken) = breakable(&[]) else { return };
    broken.cluster.kill_daemon(Daemon::ResourceManager).unwrap();
    let refused = broken.ends(broken.start(&["--workers", "1"])).expect(69);
    refused.says(&["ResourceManager", "yarn.resourcemanager"]);
    broken.cluster.kill_daemon(Daemon::NameNode).unwrap();
    let refused = broken.ends(broken.start(&["--workers", "1"])).expect(69);
    refused.says(&["NameNode", "fs.defaultFS"]);
}

#[test]
fn a_resource_manager_that_restarts_is_survived() {
    let options = ClusterOptions { version: version(), recovery: true, ..ClusterOptions::default() };
    let Some(cluster) = private(options) else { return };
    // The command ends when the test says so: the directory is the same on every host.
    let end = cluster.directory().join("end");
    let script = format!("until test -e '{}'; do sleep 0.1; done; exit 5", end.display());
    let mut command = yarn_submit(&cluster);
    command.args(["run", "--", "sh", "-c", &script]).stderr(Stdio::piped()).stdout(Stdio::piped());
    let run = command.spawn().unwrap();
    let running = wait::until(LIMIT, || {
        let apps = cluster.resource_manager("/ws/v1/cluster/apps?states=RUNNING").ok()?;
        apps["apps"]["app"][0]["id"].as_str().map(str::to_owned)
    });
    assert!(running.is_some());
    cluster.kill_daemon(Daemon::ResourceManager).unwrap();
    cluster.start_daemon(Daemon::ResourceManager).unwrap();
    cluster.wait_ready(2 * LIMIT).unwrap();
    std::fs::write(end, "").unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
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
    broken.ends(broken.start(&["--workers", "1"])).expect(69).says(&["no live node", "NodeManager"]);
}
