//! Options of `run` and `sql` on the real cluster: each is seen where it is to have its effect.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use integration::cluster::{Cluster, ClusterOptions, Host};
use integration::{private, shared, version, wait};
use serde_json::{Value, json};
use support::running::{LIMIT, Member, members};
use support::{Done, SMALL, SPLIT, done, running_as, spread_trips, status, yarn_submit};

fn run(cluster: &Cluster, arguments: &[&str]) -> Done {
    done(yarn_submit(cluster).args(arguments))
}

/// What an application's command printed.
fn printed(cluster: &Cluster, id: &str) -> String {
    run(cluster, &["logs", id, "--container", "master", "--log", "stdout"]).expect(0).stdout
}

/// A directory of a test's own that is the same path on every host and goes with the cluster.
fn directory(cluster: &Cluster, name: &str) -> PathBuf {
    let directory = cluster.directory().join(name);
    std::fs::create_dir(&directory).unwrap();
    directory
}

/// A gzipped tar of files: name, content.
fn archive(path: &Path, files: &[(&str, &str)]) -> Vec<u8> {
    let tree = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let file = tree.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, content).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&file, executable).unwrap();
    }
    let status = std::process::Command::new("tar").arg("czf").arg(path).arg("-C").arg(tree.path()).arg(".").status();
    assert!(status.unwrap().success());
    std::fs::read(path).unwrap()
}

// Where answers go.

const FORMATS: [&str; 4] = ["csv", "json", "arrow", "parquet"];

#[test]
fn an_answer_on_hdfs_is_the_local_one_to_the_byte() {
    let Some(cluster) = shared() else { return };
    let (url, local) = spread_trips(cluster);
    let directory = directory(cluster, "answers");
    cluster.make_directory("/user/alice/formats", "alice", "700").unwrap();
    let query = |path: &str| {
        format!("SELECT pickup, fare_amount, payment_type FROM '{path}' WHERE fare_amount > 71.9 AND tip_amount > 4.9")
    };
    for format in FORMATS {
        let here = directory.join(format!("answer.{format}"));
        let there = format!("hdfs:///user/alice/formats/answer.{format}");
        for output in [here.to_str().unwrap(), &there] {
            let text = query(local.to_str().unwrap());
            run(cluster, &["sql", "--master", "local", "--split-size", SPLIT, "--output", output, &text]).expect(0);
        }
        let written = cluster.read(&format!("/user/alice/formats/answer.{format}")).unwrap();
        assert!(written == std::fs::read(here).unwrap() && written.len() > 1000, "{format}: {} bytes", written.len());
    }
    // And from an application, over what is there.
    let mut arguments = vec!["sql", "--split-size", SPLIT, "--output", "hdfs:///user/alice/formats/answer.parquet"];
    arguments.extend(SMALL);
    let text = query(&url);
    arguments.push(&text);
    cluster.put(b"something else", "/user/alice/formats/answer.parquet", 1, Host::Edge).unwrap();
    run(cluster, &arguments).expect(0);
    let expected = std::fs::read(directory.join("answer.parquet")).unwrap();
    assert!(cluster.read("/user/alice/formats/answer.parquet").unwrap() == expected);
    assert_eq!(cluster.list("/user/alice/formats").unwrap().unwrap().len(), FORMATS.len(), "nothing else is there");
}

#[test]
fn half_an_answer_is_never_seen() {
    let Some(cluster) = shared() else { return };
    let directory = directory(cluster, "halves");
    let data = directory.join("data.csv");
    // The last row cannot be what the query makes of it.
    std::fs::write(&data, "word\n".to_owned() + &"1\n".repeat(100_000) + "one\n").unwrap();
    let text = format!("SELECT CAST(word AS INT) AS number FROM '{}'", data.display());
    let here = directory.join("answer.csv");
    std::fs::write(&here, "yesterday's answer").unwrap();
    cluster.make_directory("/user/alice/halves", "alice", "700").unwrap();
    cluster.put(b"yesterday's answer", "/user/alice/halves/answer.csv", 1, Host::Edge).unwrap();
    for output in [here.to_str().unwrap(), "hdfs:///user/alice/halves/answer.csv"] {
        let failed = run(cluster, &["sql", "--master", "local", "--output", output, &text]);
        assert_ne!(failed.code, 0, "{}", failed.stderr);
    }
    assert_eq!(std::fs::read(&here).unwrap(), b"yesterday's answer");
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 2, "only the data and the answer");
    assert_eq!(cluster.read("/user/alice/halves/answer.csv").unwrap(), b"yesterday's answer");
    assert_eq!(cluster.list("/user/alice/halves").unwrap().unwrap().len(), 1);
}

#[test]
fn an_answer_without_a_place_is_not_computed() {
    let Some(cluster) = shared() else { return };
    let (url, _) = spread_trips(cluster);
    let text = format!("SELECT count(*) FROM '{url}'");
    let cases = [
        ("hdfs:///user/alice/nowhere/answer.csv", 66, "its directory does not exist"),
        ("hdfs:///user/alice", 66, "exists already"),
        ("hdfs:///user/alice/trips/trips.csv/answer.csv", 66, "its directory"),
        ("hdfs:///answer.csv", 77, "alice"),
        ("/nowhere/answer.csv", 66, "its directory does not exist"),
        ("/tmp", 64, "cannot write to this machine"),
        ("s3://bucket/answer.csv", 66, "neither"),
    ];
    for (output, code, word) in cases {
        let refused = run(cluster, &["sql", "--output", output, &text]);
        assert_eq!(refused.code, code, "{output}: {}", refused.stderr);
        refused.says(&[output, word]);
        assert!(!refused.stderr.contains("application_"), "{output}: {}", refused.stderr);
    }
}

// What the ResourceManager is told.

#[test]
fn options_come_from_the_line_the_environment_and_the_file() {
    let Some(cluster) = shared() else { return };
    let file = cluster.directory().join("config.toml");
    let text = "queue = 'default'\nname = 'of the file'\ntags = ['file', 'nightly']\nmaster-memory = '300MiB'\n\
                worker-memory = '600MiB'\nworkers = 2\nmax-attempts = 2\n[env-var]\nCOLOUR = 'blue'\n[conf]\n'ipc.client.connect.max.retries' = '7'\n";
    std::fs::write(&file, text).unwrap();
    let mut command = yarn_submit(cluster);
    command.env("BOBBIN_CONFIG", &file).env("BOBBIN_NAME", "of the environment").env("BOBBIN_WORKERS", "3");
    // The command ends the application master twice; so there are two attempts.
    command.args(["run", "--workers", "4", "--dry-run", "--", "true"]);
    let plan: Value = serde_json::from_str(&done(&mut command).expect(0).stdout).unwrap();
    assert_eq!((&plan["name"], &plan["workers"]), (&json!("of the environment"), &json!(4)));
    assert_eq!((&plan["tags"], &plan["max_attempts"]), (&json!(["file", "nightly"]), &json!(2)));
    assert_eq!((&plan["worker"]["memory_mib"], &plan["variables"]["COLOUR"]), (&json!(600), &json!("blue")));
    let mut command = yarn_submit(cluster);
    command.env("BOBBIN_CONFIG", &file).env("BOBBIN_NAME", "of the environment").env("BOBBIN_TAGS", "variable");
    command.args(["run", "--name", "of the line", "--", "bash", "-c", "echo $COLOUR; kill -9 $PPID; sleep 600"]);
    let failed = done(&mut command).expect(1);
    let status = status(cluster, failed.application());
    assert_eq!((&status["name"], &status["tags"]), (&json!("of the line"), &json!(["variable"])));
    assert_eq!(status["user"], "alice");
    assert_eq!((&status["attempt"], &status["outcome"]), (&json!(2), &json!("FAILED")), "{status}");
    let broken = cluster.directory().join("broken.toml");
    std::fs::write(&broken, "\nqueue = 3\nworker-memory = 'much'\n").unwrap();
    run(cluster, &["run", "--config", broken.to_str().unwrap(), "--", "true"])
        .expect(64)
        .says(&["line 3", "worker-memory"]);
}

#[test]
fn a_hadoop_property_reaches_the_workers() {
    let Some(cluster) = shared() else { return };
    let (url, _) = spread_trips(cluster);
    let mut arguments = vec!["sql", "--conf", "dfs.client.read.shortcircuit=false", "--split-size", SPLIT];
    arguments.extend(SMALL);
    let text = format!("SELECT count(*) FROM '{url}'");
    arguments.push(&text);
    let answer = run(cluster, &arguments).expect(0);
    assert_eq!(answer.bytes(" short-circuit"), 0.0, "{}", answer.stderr);
    assert!(answer.bytes(" local socket") > 8e6, "{}", answer.stderr);
}

#[test]
fn an_idle_application_ends() {
    let Some(cluster) = shared() else { return };
    let (url, _) = spread_trips(cluster);
    let text = format!("SELECT count(*) FROM '{url}'");
    let mut command = yarn_submit(cluster);
    command.args(["sql", "--name", "idle", "--idle-timeout", "1s", "--split-size", "16KiB"]).args(SMALL).arg(&text);
    let mut driver = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let id = running_as(cluster, "idle");
    driver.kill().unwrap();
    driver.wait().unwrap();
    run(cluster, &["wait", &id]);
    let status = status(cluster, &id);
    assert!(status["diagnostics"].as_str().unwrap().contains("--idle-timeout"), "{status}");
}

/// A cluster of its own: labels want a scheduler that knows them, priorities one that allows them; its DataNodes report new
/// blocks late, as busy ones do; and its NodeManagers give containers long to end.
#[test]
fn labels_and_priorities_are_kept_to_and_an_answer_of_many_blocks_is_whole() {
    let settings = [
        ("dfs.blockreport.incremental.intervalMsec", "1000"),
        ("yarn.nodemanager.sleep-delay-before-sigkill.ms", "20000"),
        ("yarn.node-labels.enabled", "true"),
        ("yarn.node-labels.fs-store.root-dir", "file://${hadoop.tmp.dir}/node-labels"),
        ("yarn.cluster.max-application-priority", "10"),
        ("yarn.scheduler.capacity.root.accessible-node-labels", "fast"),
        ("yarn.scheduler.capacity.root.accessible-node-labels.fast.capacity", "100"),
        ("yarn.scheduler.capacity.root.default.accessible-node-labels", "fast"),
        ("yarn.scheduler.capacity.root.default.accessible-node-labels.fast.capacity", "100"),
    ];
    let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let options =
        ClusterOptions { version: version(), settings, heartbeat: Duration::from_millis(200), ..Default::default() };
    let Some(cluster) = private(options) else { return };
    let cluster = &cluster;
    an_answer_of_many_blocks(cluster);
    a_killed_command_cleans_up(cluster);
    labels_and_priorities(cluster);
}

fn an_answer_of_many_blocks(cluster: &Cluster) {
    let data = cluster.directory().join("trips.csv");
    std::fs::write(&data, support::trips(1 << 20)).unwrap();
    let here = cluster.directory().join("large.csv");
    cluster.make_directory("/user/alice/large", "alice", "700").unwrap();
    let text = format!("SELECT * FROM '{}'", data.display());
    for output in [here.to_str().unwrap(), "hdfs:///user/alice/large/large.csv"] {
        run(cluster, &["sql", "--master", "local", "--conf", "dfs.blocksize=256k", "--output", output, &text])
            .expect(0);
    }
    let blocks = cluster.block_locations("/user/alice/large/large.csv").unwrap();
    assert!((4..8).contains(&blocks.len()), "{} blocks", blocks.len());
    assert!(cluster.read("/user/alice/large/large.csv").unwrap() == std::fs::read(here).unwrap());
}

/// YARN asks a container to end before it kills it, and so is the command in it.
fn a_killed_command_cleans_up(cluster: &Cluster) {
    let [begun, cleaned] = ["begun", "cleaned"].map(|name| cluster.directory().join(name));
    let script = format!(
        "trap 'sleep 1; echo clean > {}; exit 0' TERM; echo > {}; while true; do sleep 0.1; done",
        cleaned.display(),
        begun.display()
    );
    let mut command = yarn_submit(cluster);
    command.args(["run", "--name", "cleaner", "--", "bash", "-c", &script]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(wait::until(LIMIT, || begun.exists().then_some(())).is_some(), "the command never runs");
    let id = running_as(cluster, "cleaner");
    run(cluster, &["kill", &id]);
    assert!(wait::until(LIMIT, || cleaned.exists().then_some(())).is_some(), "the command had no time to clean up");
    child.wait().unwrap();
}

fn labels_and_priorities(cluster: &Cluster) {
    label(cluster, 2, "fast");
    cluster.spread(&support::trips(20 << 20), "/user/alice/trips.csv").unwrap();
    let mut arguments = vec!["sql", "--node-label", "fast", "--priority", "7", "--split-size", SPLIT];
    arguments.extend(SMALL);
    arguments.push("SELECT count(*) AS n FROM 'hdfs:///user/alice/trips.csv'");
    let answer = run(cluster, &arguments).expect(0);
    let id = answer.application();
    assert_eq!(status(cluster, id)["priority"], 7);
    let logs = run(cluster, &["logs", id]).expect(0).stdout;
    let hosts: Vec<&str> = logs.lines().filter(|line| line.starts_with("==> container_")).collect();
    assert!(hosts.len() >= 2 && hosts.iter().all(|line| line.contains("w2")), "{hosts:#?}");
    let refused = run(cluster, &["run", "--node-label", "slow", "--", "true"]);
    assert_eq!(refused.code, 64, "{}", refused.stderr);
    refused.says(&["label slow"]);
}

fn label(cluster: &Cluster, worker: usize, label: &str) {
    let master = "http://master:8088/ws/v1/cluster";
    let all = json!({ "nodeLabelInfo": [{ "name": label, "exclusivity": true }] });
    let added = cluster.post(Host::Master, &format!("{master}/add-node-labels?user.name=root"), &all).unwrap();
    assert_eq!(added.status, 200, "{}", String::from_utf8_lossy(&added.body));
    let node = format!("{}:8041", Host::Worker(worker).full_name());
    let nodes = json!({ "nodeToLabels": [{ "nodeId": node, "labels": [label] }] });
    let given = cluster.post(Host::Master, &format!("{master}/replace-node-to-labels?user.name=root"), &nodes).unwrap();
    assert_eq!(given.status, 200, "{}", String::from_utf8_lossy(&given.body));
    let known = wait::until(LIMIT, || {
        let nodes = cluster.resource_manager("/ws/v1/cluster/nodes").unwrap();
        let mut nodes = nodes["nodes"]["node"].as_array().unwrap().iter();
        nodes.any(|node| node["nodeLabels"][0] == label).then_some(())
    });
    assert!(known.is_some(), "no node is labelled");
}

#[test]
fn a_label_is_refused_where_there_are_none() {
    let Some(cluster) = shared() else { return };
    let refused = run(cluster, &["run", "--node-label", "fast", "--", "true"]);
    assert_eq!(refused.code, 64, "{}", refused.stderr);
    refused.says(&["label fast"]);
}

// What containers find.

/// The process of an application that has this role of ours.
fn role_of(cluster: &Cluster, id: &str, role: &str) -> Option<Member> {
    let mut all = members(cluster, id).into_iter();
    all.find(|member| member.process.arguments.get(1).is_some_and(|word| word == role))
}

#[test]
fn every_container_has_the_files_the_environment_and_the_ports() {
    let Some(cluster) = shared() else { return };
    let (url, _) = spread_trips(cluster);
    let directory = directory(cluster, "shipped");
    std::fs::write(directory.join("plain.txt"), "plain\n").unwrap();
    archive(&directory.join("pack.tar.gz"), &[("inner/packed.txt", "packed\n")]);
    let conda = archive(&directory.join("conda.tar.gz"), &[("conda-meta/history", ""), ("bin/tool", "#!/bin/sh\n")]);
    cluster.put(&conda, "/user/alice/shipped/conda.tar.gz", 1, Host::Edge).unwrap();
    cluster.put(b"remote\n", "/user/alice/shipped/remote.txt", 1, Host::Edge).unwrap();
    // The command has a query that keeps a worker, says what it finds, and ends when the test says so.
    let end = directory.join("end");
    let script = format!(
        "cat alias.txt sub/remote.txt unpacked/inner/packed.txt; echo \"$SHADE $CONDA_PREFIX\"; type -p tool\n\
         ./yarn-submit sql --master yarn --split-size 16KiB \"SELECT count(*) FROM '{url}'\" &\n\
         until test -e '{}'; do sleep 0.1; done; kill $!; wait $!; exit 0",
        end.display()
    );
    let files =
        format!("{}/plain.txt#alias.txt,hdfs:///user/alice/shipped/remote.txt#sub/remote.txt", directory.display());
    let archives = format!("{}/pack.tar.gz#unpacked", directory.display());
    let mut command = yarn_submit(cluster);
    command.args(["run", "--name", "shipped", "--files", &files, "--archives", &archives]).args(SMALL);
    // YARN has words of its own in variables: none of them is the user's.
    let shade = "dark \"red\" $x {{HOME}} {{{a}}} <CPS>";
    command.args(["--env", "hdfs:///user/alice/shipped/conda.tar.gz", "--env-var", &format!("SHADE={shade}")]);
    command.args(["--port-range", "41000-41019", "--", "bash", "-c", &script]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let id = running_as(cluster, "shipped");
    let worker =
        wait::until(LIMIT, || role_of(cluster, &id, "worker").filter(|worker| !worker.listens_on().is_empty()));
    let (master, worker) = (role_of(cluster, &id, "appmaster").unwrap(), worker.expect("a worker"));
    for member in [&master, &worker] {
        let here = PathBuf::from(format!("/proc/{}/cwd", member.process.identity.pid()));
        for (name, content) in
            [("alias.txt", "plain\n"), ("sub/remote.txt", "remote\n"), ("unpacked/inner/packed.txt", "packed\n")]
        {
            let found = std::fs::read_to_string(resolved(member, &here.join(name))).unwrap();
            assert_eq!(found, content, "{name} of {:?}", member.process.arguments);
        }
        let ports = member.listens_on();
        assert!(!ports.is_empty() && ports.iter().all(|port| (41000..41020).contains(port)), "{ports:?}");
    }
    let inside = std::fs::read_link(format!("/proc/{}/cwd", worker.process.identity.pid())).unwrap();
    let environment = inside.join("environment").display().to_string();
    assert_eq!(worker.variable("SHADE").unwrap(), shade);
    assert_eq!(worker.variable("CONDA_PREFIX").as_ref(), Some(&environment));
    assert!(worker.variable("PATH").unwrap().starts_with(&format!("{environment}/bin:")));
    std::fs::write(end, "").unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    let printed = printed(cluster, &id);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..3], ["plain", "remote", "packed"], "{printed}");
    assert!(lines[3].starts_with(&format!("{shade} /")) && lines[3].ends_with("/environment"), "{printed}");
    assert!(lines[4].ends_with("/environment/bin/tool"), "{printed}");
}

/// Where a path leads in a process's own view of the disks.
fn resolved(member: &Member, path: &Path) -> PathBuf {
    let root = PathBuf::from(format!("/proc/{}/root", member.process.identity.pid()));
    let mut path = path.to_owned();
    // Of `a/b`, `a` is the link that YARN made; of `b`, itself.
    for ancestor in path.clone().ancestors() {
        if let Ok(target) = std::fs::read_link(ancestor)
            && !ancestor.ends_with("cwd")
        {
            let rest = path.strip_prefix(ancestor).unwrap().to_owned();
            path = root.join(target.strip_prefix("/").unwrap());
            path.extend(&rest);
            break;
        }
    }
    path
}

#[test]
fn ports_that_are_taken_are_named() {
    let Some(cluster) = shared() else { return };
    // Every host's NodeManager has it.
    let failed = run(cluster, &["run", "--port-range", "8041-8041", "--", "true"]).expect(1);
    failed.says(&["8041-8041", "--port-range"]);
}

#[test]
fn an_archive_on_hdfs_is_activated_as_what_it_is() {
    let Some(cluster) = shared() else { return };
    let directory = directory(cluster, "environments");
    let tool = "#!/bin/sh\necho \"path $PATH\"; echo \"venv $VIRTUAL_ENV\"; echo \"conda $CONDA_PREFIX\"\n";
    // Name, files, and the ends of: the first directory in PATH, VIRTUAL_ENV, CONDA_PREFIX.
    let kinds = [
        (
            "conda",
            vec![("bin/tool", tool), ("conda-meta/history", ""), ("bin/activate", "")],
            "/bin",
            "",
            "/environment",
        ),
        ("venv", vec![("bin/tool", tool), ("bin/python", tool), ("pyvenv.cfg", "")], "/bin", "/environment", ""),
        ("plain", vec![("tool", tool)], "", "", ""),
    ];
    for (name, files, programs, venv, conda) in kinds {
        let bytes = archive(&directory.join(format!("{name}.tar.gz")), &files);
        cluster.put(&bytes, &format!("/user/alice/environments/{name}.tar.gz"), 1, Host::Edge).unwrap();
        let url = format!("hdfs:///user/alice/environments/{name}.tar.gz");
        let done = run(cluster, &["run", "--env", &url, "--", "tool"]).expect(0);
        let printed = printed(cluster, done.application());
        let value = |word: &str| printed.lines().find_map(|line| line.strip_prefix(word)).unwrap().trim().to_owned();
        let first = value("path ").split(':').next().unwrap().to_owned();
        assert!(first.ends_with(&format!("/environment{programs}")), "{name}: {printed}");
        let root = first.strip_suffix(programs).unwrap().strip_suffix("/environment").unwrap().to_owned();
        let expected = |end: &str| if end.is_empty() { String::new() } else { format!("{root}{end}") };
        assert_eq!((value("venv "), value("conda ")), (expected(venv), expected(conda)), "{name}: {printed}");
    }
    run(cluster, &["run", "--env", "hdfs:///user/alice/environments/none.tar.gz", "--", "tool"])
        .expect(66)
        .says(&["environments/none.tar.gz"]);
}

#[test]
fn a_public_cache_is_shared_between_users() {
    let Some(cluster) = shared() else { return };
    // Its owner fills it; others need not trust anybody else.
    cluster.remove("/shared-cache").unwrap();
    cluster.make_directory("/shared-cache", "alice", "755").unwrap();
    cluster.make_directory("/user/bob", "bob", "700").unwrap();
    let files = || -> Vec<String> {
        let digests = cluster.list("/shared-cache").unwrap().unwrap_or_default();
        digests
            .iter()
            .flat_map(|digest| cluster.list(&format!("/shared-cache/{}", digest.name)).unwrap().unwrap())
            .map(|entry| format!("{} of {} is {} long, {}", entry.name, entry.owner, entry.length, entry.permission))
            .collect()
    };
    let run = |user: &str, cache: &str| {
        let mut command = yarn_submit(cluster);
        command.env("HADOOP_USER_NAME", user).args(["run", "--public-cache", cache, "--", "true"]);
        done(&mut command)
    };
    run("alice", "hdfs:///shared-cache").expect(0);
    let first = files();
    assert!(first.len() == 1 && first[0].ends_with(" 644"), "{first:?}");
    run("bob", "/shared-cache/").expect(0);
    assert_eq!(files(), first);
    assert_eq!(cluster.list("/user/bob/.bobbin/cache").unwrap(), None, "bob uploads nothing of his own");
    let public = cluster.workers().any(|host| {
        let shared = cluster.outside(host, &local_directory(cluster).join("filecache"));
        std::fs::read_dir(shared).is_ok_and(|mut entries| entries.next().is_some())
    });
    assert!(public, "no node has localized it for everybody");
    // What he may not add to it, he has for himself.
    let note = directory(cluster, "note").join("note.txt");
    std::fs::write(&note, "bob's\n").unwrap();
    let mut command = yarn_submit(cluster);
    command.env("HADOOP_USER_NAME", "bob").args(["run", "--public-cache", "/shared-cache", "--files"]).arg(&note);
    done(command.args(["--", "cat", "note.txt"])).expect(0).says(&["note.txt is not shared", "your own cache"]);
    assert_eq!(files(), first);
    run("bob", "/user/alice").expect(77).says(&["/user/alice"]);
    run("bob", "/no-cache").expect(77).says(&["/no-cache", "mkdir"]);
}

/// Where NodeManagers keep what they localize.
fn local_directory(cluster: &Cluster) -> PathBuf {
    let site = std::fs::read_to_string(cluster.configuration_directory().join("yarn-site.xml")).unwrap();
    let rest = site.split("<name>yarn.nodemanager.local-dirs</name><value>").nth(1).unwrap();
    PathBuf::from(rest.split('<').next().unwrap())
}
