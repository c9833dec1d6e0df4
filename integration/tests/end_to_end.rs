//! The whole path on the real cluster: a query or a command from the gateway to containers and back.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use integration::cluster::{Cluster, ClusterOptions};
use integration::{private, shared, version};
use support::{SPLIT, done, place_trips, spread_trips, yarn_submit};

const QUERY: &str = "SELECT passenger_count, count(*) AS trips, avg(fare_amount) AS fare, sum(tip_amount) AS tips FROM";
const GROUP: &str = "GROUP BY passenger_count ORDER BY 1";

/// The answer of local mode, computed without the cluster.
fn local_answer(cluster: &Cluster, query: &str) -> String {
    let mut command = yarn_submit(cluster);
    command.args(["sql", "--master", "local", "--split-size", SPLIT, query]);
    done(&mut command).expect(0).stdout
}

#[test]
fn the_cluster_answers_as_local_mode_does_and_reads_every_split_where_it_is() {
    // A cluster of its own: where other applications hold a host's cores, a worker cannot be on every host.
    let Some(cluster) = private(ClusterOptions { version: version(), ..ClusterOptions::default() }) else { return };
    let cluster = &cluster;
    let (url, local) = place_trips(cluster);
    let expected = local_answer(cluster, &format!("{QUERY} '{}' {GROUP}", local.display()));
    let mut command = yarn_submit(cluster);
    command.args(["sql", "--workers", "3", "--worker-memory", "512MiB", "--split-size", SPLIT]);
    command.arg(format!("{QUERY} '{url}' {GROUP}"));
    let answer = done(&mut command).expect(0);
    assert_eq!(answer.stdout, expected);
    assert_eq!(expected.lines().count(), 8, "a header and seven groups:\n{expected}");
    assert_eq!(answer.number(" node-local"), 6, "{}", answer.stderr);
    assert_eq!((answer.number(" rack-local"), answer.number(" remote; tasks")), (0, 0), "{}", answer.stderr);
    let [near, far] = [answer.bytes(" short-circuit"), answer.bytes(" local socket") + answer.bytes(" remote")];
    assert!(near > 0.0 && near >= 0.99 * (near + far), "{}", answer.stderr);
}

#[test]
fn rows_without_an_aggregate_arrive_in_file_order() {
    let Some(cluster) = shared() else { return };
    let (url, local) = spread_trips(cluster);
    let rest = "WHERE fare_amount > 72.4 AND passenger_count = 3";
    let expected = local_answer(cluster, &format!("SELECT pickup, fare_amount FROM '{}' {rest}", local.display()));
    let mut command = yarn_submit(cluster);
    command.args(["sql", "--workers", "2", "--worker-memory", "512MiB", "--split-size", SPLIT]);
    command.arg(format!("SELECT pickup, fare_amount FROM '{url}' {rest}"));
    assert_eq!(done(&mut command).expect(0).stdout, expected);
    assert!(expected.lines().count() > 100, "{}", expected.lines().count());
}

#[test]
fn a_command_finds_its_files_and_its_application_and_its_code_is_returned() {
    let Some(cluster) = shared() else { return };
    let directory = tempfile::tempdir_in(cluster.directory()).unwrap();
    let script = directory.path().join("job.sh");
    let text = "echo \"args: $1|$2\"; echo \"app: $BOBBIN_APPLICATION_ID\"; test -r \"$BOBBIN_CREDENTIALS\" && echo private\n\
                cat data.txt; echo to-stderr >&2; exit 7\n";
    std::fs::write(&script, text).unwrap();
    std::fs::write(directory.path().join("numbers"), "one two three\n").unwrap();
    let files = format!("{},{}#data.txt", script.display(), directory.path().join("numbers").display());
    let mut command = yarn_submit(cluster);
    command.args(["run", "--files", &files, "--", "bash", "job.sh", "a \"b\"", "$HOME"]);
    let run = done(&mut command).expect(7);
    let id = run.application().to_owned();
    let logs = done(yarn_submit(cluster).args(["logs", &id])).expect(0);
    for line in ["args: a \"b\"|$HOME", "one two three", "private", "to-stderr", &format!("app: {id}")] {
        assert!(logs.stdout.contains(line), "{line:?} is not in the logs:\n{}", logs.stdout);
    }
    let status = done(yarn_submit(cluster).args(["status", &id, "--json"])).expect(0);
    assert!(status.stdout.contains("exit=7"), "{}", status.stdout);
    done(yarn_submit(cluster).args(["wait", &id])).expect(7);
    let apps = done(yarn_submit(cluster).args(["apps", "--all", "--json"])).expect(0);
    assert!(apps.stdout.contains(&id), "{}", apps.stdout);
    assert_eq!(cluster.list(&format!("/user/alice/.bobbin/applications/{id}")).unwrap(), None, "staging is removed");
}

/// An archive with an interpreter and its standard library, that finds itself wherever it is unpacked.
fn python_environment(cluster: &Cluster) -> std::path::PathBuf {
    let archive = cluster.directory().join("python.tar.gz");
    let make = r#"
import os, shutil, sys, sysconfig, tarfile
root, archive = sys.argv[1], sys.argv[2]
lib = sysconfig.get_path("stdlib")
name = "python%d.%d" % sys.version_info[:2]
os.makedirs(root + "/bin")
shutil.copy(os.path.realpath(sys.executable), root + "/bin/" + name)
os.symlink(name, root + "/bin/python")
skip = shutil.ignore_patterns("test", "tests", "idlelib", "tkinter", "ensurepip", "site-packages", "dist-packages", "__pycache__", "config-*", "lib2to3", "turtledemo", "*.a")
shutil.copytree(lib, root + "/lib/" + name, ignore=skip, symlinks=False)
os.makedirs(root + "/lib/" + name + "/site-packages")
open(root + "/lib/" + name + "/site-packages/packed.py", "w").write("ANSWER = 42\n")
shared = sysconfig.get_config_var("INSTSONAME") or ""
where = os.path.join(sysconfig.get_config_var("LIBDIR") or "", shared)
if ".so" in shared and os.path.exists(where):
    shutil.copy(where, root + "/lib/" + shared)
open(root + "/pyvenv.cfg.note", "w").write("plain tree\n")
with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
    tar.add(root, ".")
"#;
    let tree = cluster.directory().join("python-tree");
    let output = std::process::Command::new("python3").arg("-c").arg(make).arg(&tree).arg(&archive).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // What runs must be what was unpacked, not this tree.
    std::fs::remove_dir_all(&tree).unwrap();
    archive
}

#[test]
fn a_packed_python_brings_its_interpreter() {
    let Some(cluster) = shared() else { return };
    let archive = python_environment(cluster);
    let program = "import sys, os, packed, json; print(json.dumps({'prefix': sys.prefix, 'answer': packed.ANSWER, 'argv': sys.argv[1:], 'exe': sys.executable}))";
    let mut command = yarn_submit(cluster);
    command.args(["run", "--env"]).arg(&archive).args(["--env-var", "LD_LIBRARY_PATH=environment/lib"]);
    command.args(["--", "python", "-c", program, "--day", "2026-11-01"]);
    let run = done(&mut command).expect(0);
    let logs = done(yarn_submit(cluster).args(["logs", run.application()])).expect(0);
    assert!(
        logs.stdout.contains("\"answer\": 42") && logs.stdout.contains("\"--day\", \"2026-11-01\""),
        "{}",
        logs.stdout
    );
    assert!(logs.stdout.contains("/environment/bin/python"), "{}", logs.stdout);
}

#[test]
fn a_dry_run_leaves_nothing_behind() {
    let Some(cluster) = shared() else { return };
    let before = cluster.list("/user/alice/.bobbin").unwrap();
    let plan = done(yarn_submit(cluster).args(["run", "--dry-run", "--queue", "default", "--", "true"])).expect(0);
    assert!(plan.stdout.contains("\"queue\"") && plan.stdout.contains("./yarn-submit appmaster"), "{}", plan.stdout);
    let names = |entries: Option<Vec<_>>| entries.map(|entries| entries.len());
    assert_eq!(names(cluster.list("/user/alice/.bobbin").unwrap()), names(before));
}

#[test]
fn a_killed_application_ends_everywhere() {
    let Some(cluster) = shared() else { return };
    let started = done(yarn_submit(cluster).args(["run", "--no-wait", "--", "sleep", "600"])).expect(0);
    let id = format!("{}{}", started.stdout, started.stderr);
    let id = id.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).find(|word| word.starts_with("application_"));
    let id = id.unwrap_or_else(|| panic!("no id:\n{}\n{}", started.stdout, started.stderr)).to_owned();
    done(yarn_submit(cluster).args(["kill", &id])).expect(0);
    let status = done(yarn_submit(cluster).args(["status", &id, "--json"])).expect(0);
    assert!(status.stdout.contains("KILLED"), "{}", status.stdout);
    let left = |host| {
        let processes = cluster.processes_in(host).into_iter();
        processes.filter(|process| {
            let directory = std::fs::read_link(format!("/proc/{}/cwd", process.identity.pid())).unwrap_or_default();
            directory.to_string_lossy().contains(&id)
        })
    };
    let gone = integration::wait::until(std::time::Duration::from_secs(30), || {
        cluster.workers().flat_map(left).next().is_none().then_some(())
    });
    assert!(gone.is_some(), "the application master is still there");
}

#[test]
fn what_an_earlier_application_left_is_swept_beside_the_next_run() {
    let Some(cluster) = shared() else { return };
    let earlier = done(yarn_submit(cluster).args(["run", "--", "true"])).expect(0);
    let left = format!("/user/alice/.bobbin/applications/{}", earlier.application());
    cluster.make_directory(&left, "alice", "700").unwrap();
    done(yarn_submit(cluster).args(["run", "--", "true"])).expect(0);
    assert_eq!(cluster.list(&left).unwrap(), None);
}
