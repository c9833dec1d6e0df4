//! The test cluster itself: that it is real, that it is as it was asked to be, and that nothing of it stays.
#![allow(clippy::unwrap_used, reason = "the helpers are tests too")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use integration::cluster::{Cluster, ClusterOptions, Daemon, Host, LogFormat};
use integration::process::Identity;
use integration::{private, shared, version, wait};
use serde_json::{Value, json};

const MIB: usize = 1 << 20;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Bytes that differ from block to block.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index / 4096 + index % 251) as u8).collect()
}

#[test]
fn hosts_have_names_of_their_own_and_clients_are_alice() {
    let Some(cluster) = shared() else { return };
    let script =
        "hostname; echo $HADOOP_USER_NAME; test -f $HADOOP_CONF_DIR/core-site.xml; readlink /proc/self/exe; pwd";
    let output = cluster.exec(Host::Worker(2), "bash").args(["-ec", script]).current_dir("/usr").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines[1], lines[3]), ("w2.hadoop.test", "alice", "/usr"));
    assert!(lines[2].ends_with("readlink"), "the host has its own process table: {}", lines[2]);
}

#[test]
fn a_client_can_be_signalled_by_the_id_that_we_see() {
    let Some(cluster) = shared() else { return };
    let mut child = cluster.exec(Host::Edge, "cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let client = Identity::of(child.id()).unwrap();
    let seen = cluster.processes_in(Host::Edge).into_iter().find(|process| process.identity == client);
    assert!(seen.is_some_and(|process| process.arguments == ["cat"]));
    assert!(client.kill());
    assert!(!child.wait().unwrap().success());
    assert!(!client.alive());
}

#[test]
fn blocks_are_where_the_test_wants_them() {
    let Some(cluster) = shared() else { return };
    let content = bytes(20 * MIB);
    cluster.put(&content, "/user/alice/placed/local", 1, Host::Worker(1)).unwrap();
    let blocks = cluster.block_locations("/user/alice/placed/local").unwrap();
    assert_eq!(blocks.iter().map(|block| block.length).collect::<Vec<_>>(), [8 << 20, 8 << 20, 4 << 20]);
    assert!(blocks.iter().all(|block| block.hosts == [Host::Worker(1)]), "{blocks:?}");

    let content = bytes(7 * 8 * MIB + 5);
    cluster.spread(&content, "/user/alice/placed/spread").unwrap();
    let blocks = cluster.block_locations("/user/alice/placed/spread").unwrap();
    let hosts: Vec<Host> = blocks.iter().map(|block| block.hosts[0]).collect();
    let turns: Vec<Host> = cluster.workers().cycle().take(8).collect();
    assert_eq!(hosts, turns);
    assert_eq!(cluster.read("/user/alice/placed/spread").unwrap(), content);

    let content = bytes(3 * 4096 + 5);
    cluster.spread_in(&content, "/user/alice/placed/small", 4096).unwrap();
    let blocks = cluster.block_locations("/user/alice/placed/small").unwrap();
    assert_eq!(blocks.iter().map(|block| block.length).collect::<Vec<_>>(), [4096, 4096, 4096, 5]);
    assert_eq!(cluster.read("/user/alice/placed/small").unwrap(), content);

    // Every draw of 24 blocks misses a given worker once in 17,000 times; all three on one never.
    cluster.put(&bytes(24 * 8 * MIB), "/user/alice/placed/drawn", 1, Host::Edge).unwrap();
    let blocks = cluster.block_locations("/user/alice/placed/drawn").unwrap();
    let hosts: BTreeSet<Host> = blocks.iter().map(|block| block.hosts[0]).collect();
    assert!(hosts.len() > 1, "{hosts:?}");
    assert!(cluster.remove("/user/alice/placed").unwrap());
}

#[test]
fn replicas_are_on_both_racks() {
    let Some(cluster) = shared() else { return };
    cluster.put(&bytes(MIB), "/user/alice/replicated", 2, Host::Worker(2)).unwrap();
    let blocks = cluster.block_locations("/user/alice/replicated").unwrap();
    assert!(blocks[0].hosts.contains(&Host::Worker(2)), "{blocks:?}");
    let racks: BTreeSet<bool> = blocks[0].hosts.iter().map(|&host| host == Host::Worker(2)).collect();
    assert_eq!(racks.len(), 2, "w2 is the only one of its rack: {blocks:?}");
    let nodes = cluster.resource_manager("/ws/v1/cluster/nodes").unwrap();
    let mut racks: Vec<String> = nodes["nodes"]["node"].as_array().unwrap().iter().map(rack_of_node).collect();
    racks.sort();
    assert_eq!(racks, ["w1.hadoop.test /rack1", "w2.hadoop.test /rack2", "w3.hadoop.test /rack1"]);
}

fn rack_of_node(node: &Value) -> String {
    format!("{} {}", node["nodeHostName"].as_str().unwrap(), node["rack"].as_str().unwrap())
}

#[test]
fn homes_are_private() {
    let Some(cluster) = shared() else { return };
    let users = cluster.list("/user").unwrap().unwrap();
    let alice = users.iter().find(|entry| entry.name == "alice").unwrap();
    assert_eq!((alice.owner.as_str(), alice.permission.as_str()), ("alice", "700"));
    assert_eq!(cluster.list("/no/such/directory").unwrap(), None);
}

#[test]
fn data_nodes_pass_descriptors() {
    let Some(cluster) = shared() else { return };
    for (number, host) in (1..).zip(cluster.workers()) {
        let socket = cluster.exec(host, "test").args(["-S", "/mnt/dn_socket"]).status().unwrap();
        assert!(socket.success(), "{host} has no domain socket");
        let log = std::fs::read_to_string(cluster.daemon_log(Daemon::DataNode(number))).unwrap();
        assert!(log.contains("Listening on UNIX domain socket"), "{log}");
    }
}

#[test]
fn traffic_tells_local_reads_from_remote_ones() {
    let Some(cluster) = private(small(2)) else { return };
    cluster.put(&bytes(16 * MIB), "/user/alice/traffic", 1, Host::Worker(1)).unwrap();
    let read_on = |host: Host| {
        let before = cluster.network_bytes(host).received;
        let url = "http://w1.hadoop.test:9864/webhdfs/v1/user/alice/traffic?op=OPEN&user.name=alice\
                   &namenoderpcaddress=master.hadoop.test:8020&offset=0";
        let length = cluster.get(host, url).unwrap().body.len();
        assert_eq!(length, 16 * MIB);
        cluster.network_bytes(host).received - before
    };
    let (local, remote) = (read_on(Host::Worker(1)), read_on(Host::Worker(2)));
    assert!(local < MIB as u64 && remote > 16 * MIB as u64, "local {local}, remote {remote}");
}

#[test]
fn a_corrupt_replica_is_found_by_its_reader() {
    let Some(cluster) = shared() else { return };
    let content = bytes(9 * MIB);
    cluster.put(&content, "/user/alice/corrupt", 2, Host::Worker(1)).unwrap();
    let replica = cluster.corrupt_block("/user/alice/corrupt", 1, None).unwrap();
    let on_disk = std::fs::read(replica).unwrap();
    assert_ne!(on_disk, content[8 * MIB..]);
    assert_eq!(cluster.read("/user/alice/corrupt").unwrap(), content, "the other replica is read");
    assert!(cluster.corrupt_block("/user/alice/corrupt", 2, None).is_err());
}

#[test]
fn logs_of_finished_applications_move_to_hdfs() {
    let Some(cluster) = shared() else { return };
    check_log_aggregation(cluster, "bucket-logs-tfile");
}

#[test]
fn logs_move_in_the_indexed_format_too() {
    let Some(cluster) = private(ClusterOptions { log_format: LogFormat::Indexed, ..small(1) }) else { return };
    check_log_aggregation(&cluster, "bucket-logs-ifile");
}

/// Runs an application that only prints, and waits for its log.
fn check_log_aggregation(cluster: &Cluster, bucket: &str) {
    let url = |path: &str| format!("http://master.hadoop.test:8088/ws/v1/cluster/apps{path}?user.name=alice");
    let made = cluster.post(Host::Edge, &url("/new-application"), &json!({})).unwrap();
    let made: Value = serde_json::from_slice(&made.body).unwrap();
    let id = made["application-id"].as_str().unwrap().to_owned();
    let submission = json!({
        "application-id": id, "application-name": "prints", "application-type": "YARN", "max-app-attempts": 1,
        "am-container-spec": {"commands": {"command": "echo printed by $USER 1><LOG_DIR>/stdout"}},
        "resource": {"memory": 128, "vCores": 1},
    });
    let answer = cluster.post(Host::Edge, &url(""), &submission).unwrap();
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    let directory = format!("/tmp/logs/alice/{bucket}/{}/{id}", &id[id.len() - 4..]);
    let files = wait::until(PATIENCE, || {
        cluster.list(&directory).unwrap().filter(|files| {
            !files.is_empty() && files.iter().all(|file| file.length > 0 && !file.name.ends_with(".tmp"))
        })
    });
    let files = files.unwrap_or_else(|| panic!("no {directory}: {:?}", cluster.list("/tmp/logs/alice")));
    let content = cluster.read(&format!("{directory}/{}", files[0].name)).unwrap();
    assert!(content.len() as u64 == files[0].length && !content.is_empty(), "{files:?}");
}

#[test]
fn daemons_die_and_come_back() {
    let Some(cluster) = private(small(2)) else { return };
    cluster.kill_daemon(Daemon::DataNode(2)).unwrap();
    let dead = wait::until(PATIENCE, || (cluster.health().data_nodes == 1).then_some(()));
    assert!(dead.is_some(), "{}", cluster.health());
    cluster.start_daemon(Daemon::DataNode(2)).unwrap();
    cluster.wait_ready(PATIENCE).unwrap();

    cluster.link(Host::Worker(1), false).unwrap();
    let cut = wait::until(PATIENCE, || (cluster.health().node_managers == Some(1)).then_some(()));
    assert!(cut.is_some(), "{}", cluster.health());
    cluster.link(Host::Worker(1), true).unwrap();
    cluster.wait_ready(PATIENCE).unwrap();
}

#[test]
fn a_dropped_guard_leaves_nothing() {
    let Some(cluster) = private(small(1)) else { return };
    let orphan = cluster
        .exec(Host::Worker(1), "bash")
        .args(["-c", "cat </dev/zero >/dev/null 2>&1 & echo $!"])
        .output()
        .unwrap();
    assert!(orphan.status.success());
    let mine = everything(&cluster);
    assert!(mine.len() > 4 + 3, "{mine:?}");
    let directory = cluster.directory().to_owned();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _guard = cluster;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert!(!directory.exists());
    let left: Vec<&Identity> = mine.iter().filter(|process| process.alive()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_killed_owner_leaves_nothing() {
    // Asking for a small cluster says "skipped" where there can be none.
    if let Ok("1") = std::env::var("BOBBIN_TEST_OWNER").as_deref() {
        return own_a_cluster_until_killed();
    }
    let me = std::env::current_exe().unwrap();
    let mut command = Command::new(me);
    command.args(["--exact", "a_killed_owner_leaves_nothing", "--nocapture"]).env("BOBBIN_TEST_OWNER", "1");
    let mut owner = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(owner.stdout.take().unwrap());
    let line = output.lines().map(Result::unwrap).find(|line| line.contains("owned:"));
    let ids = line.as_deref().and_then(|line| line.split_once("owned:"));
    owner.kill().unwrap();
    owner.wait().unwrap();
    let Some((_, ids)) = ids else { return assert!(shared().is_none(), "the owner did not say what it owns") };
    let processes: Vec<Identity> = serde_json::from_str(ids).unwrap();
    assert!(processes.len() >= 3 + 4, "{processes:?}");
    for process in processes {
        assert!(process.wait_end(PATIENCE), "{process} is left");
    }
}

fn own_a_cluster_until_killed() {
    let Some(cluster) = private(small(1)) else { return };
    println!("owned:{}", serde_json::to_string(&everything(&cluster)).unwrap());
    // The owner is killed while it waits.
    let _ = std::io::stdin().read(&mut [0]);
}

/// A cluster that a test may break.
fn small(workers: usize) -> ClusterOptions {
    ClusterOptions { version: version(), workers, ..ClusterOptions::default() }
}

/// Every process of a cluster.
fn everything(cluster: &Cluster) -> Vec<Identity> {
    let mut all: Vec<Identity> = cluster.hosts().into_values().collect();
    for &host in cluster.hosts().keys() {
        all.extend(cluster.all_processes_in(host).into_iter().map(|process| process.identity));
    }
    all
}
