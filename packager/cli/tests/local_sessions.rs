//! Sessions on one machine, as a user without Hadoop meets them: processes in the background, found by their names.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod machine;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::ipc::reader::StreamReader;
use machine::{LIMIT, Machine, done, number, pid, until_gone};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A query that nobody waits for to its end.
const ENDLESS: &str = "SELECT sum(value) FROM generate_series(1, 1000000000000000)";

/// A column of texts, whichever way they are kept.
fn texts(column: &ArrayRef) -> Vec<String> {
    let plain = arrow::compute::cast(column, &DataType::Utf8).unwrap();
    plain.as_string::<i32>().iter().map(|text| text.unwrap().to_owned()).collect()
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_session_stays_until_it_is_stopped() {
    let machine = Machine::new();
    machine.start("warm", &["--env-var", "COLOUR=red"]);
    assert_eq!((mode(&machine.path("run/bobbin")), mode(&machine.path("run/bobbin/warm.sock"))), (0o700, 0o600));
    let answer = machine.run(&["sql", "--session", "warm", "SELECT count(*) AS rows FROM 't.csv'"]).expect(0);
    assert_eq!((answer.stdout.as_str(), answer.stderr.as_str()), ("rows\n3\n", ""));
    assert_eq!(machine.run(&["count", "--session", "warm", "t.csv"]).expect(0).stdout, "rows\n3\n");
    assert!(machine.run(&["describe", "--session", "warm", "t.csv"]).expect(0).stdout.contains("\nfare,DOUBLE,2,1,2,"));
    let directories =
        ["sql", "--session", "warm", "--output", "out", "--partition-by", "kind", "SELECT * FROM 't.csv'"];
    machine.run(&directories).expect(0);
    assert!(machine.path("out/kind=a").is_dir() && machine.path("out/_SUCCESS").is_file());

    let status = machine.status("warm");
    assert_eq!((number(&status, "workers"), number(&status, "threads"), number(&status, "drivers")), (1, 2, 0));
    assert!(number(&status, "tasks_finished") >= 4, "all of that ran in the session: {status:#}");
    let environment = std::fs::read(format!("/proc/{}/environ", number(&status, "pid"))).unwrap();
    assert!(environment.split(|byte| *byte == 0).any(|variable| variable == b"COLOUR=red"));
    let pid_text = number(&status, "pid").to_string();
    for words in [&["session", "list"][..], &["session", "list", "--master", "local"]] {
        let list = machine.run(words).expect(0);
        assert!(list.stdout.contains("local-warm") && list.stdout.contains(&pid_text), "{}", list.stdout);
        assert_eq!(list.stderr, "", "without a configuration nobody asks YARN");
    }
    let list: Value = serde_json::from_str(&machine.run(&["session", "list", "--json"]).expect(0).stdout).unwrap();
    assert_eq!((&list[0]["session"], &list[0]["application"]["pid"]), (&"warm".into(), &status["pid"]));
    let apps = machine.run(&["apps"]).expect(0);
    assert!(apps.stdout.contains("local-warm") && apps.stderr.is_empty(), "{}{}", apps.stdout, apps.stderr);
    assert!(machine.run(&["status", "local-warm"]).expect(0).stdout.contains("\nworkers      1, 2 threads, "));
    let log = machine.run(&["logs", "local-warm"]).expect(0).stdout;
    assert!(log.contains("the session begins") && log.contains("driver connected"), "{log}");

    let explained = machine.run(&["sql", "--session", "warm", "--explain", "SELECT count(*) FROM 't.csv'"]).expect(0);
    assert!(explained.stdout.starts_with("runs in the session: "), "{}", explained.stdout);
    let twice = machine.run(&["session", "start", "warm", "--master", "local"]);
    twice.refused(64, &["runs already on this machine", &pid_text, "session stop warm"]);
    let stopped = machine.run(&["session", "stop", "warm"]).expect(0);
    assert!(stopped.stderr.contains("session warm (local-warm, process"), "{}", stopped.stderr);
    assert!(!machine.path("run/bobbin/warm.sock").exists());
    let query = ["sql", "--session", "warm", "SELECT 1"];
    machine.run(&query).refused(66, &["there is no session \"warm\"", "run/bobbin/warm.sock", "HADOOP_CONF_DIR"]);
    machine.run(&["session", "stop", "warm"]).refused(66, &["there is no session \"warm\"", "run/bobbin/warm.sock"]);
    machine.run(&["status", "local-warm"]).refused(66, &["there is no session \"warm\" on this machine"]);
    assert!(machine.run(&["logs", "local-warm"]).expect(0).stdout.contains("stopped with yarn-submit session stop"));
    assert!(machine.run(&["session", "list"]).expect(0).stderr.contains("no sessions"));
    assert!(machine.run(&["apps"]).expect(0).stderr.contains("no applications"));
}

#[test]
fn a_session_that_was_killed_is_found_out() {
    let machine = Machine::new();
    for (words, code, told) in [
        (&["session", "list"][..], 0, "had been killed"),
        (&["sql", "--session", "gone", "SELECT 1"], 66, "its process was killed"),
        (&["sql", "--session", "gone", "--master", "local", "SELECT 1"], 69, "its process was killed"),
        (&["kill", "local-gone"], 69, "its process was killed"),
    ] {
        machine.start("gone", &[]);
        let pid = pid(&machine.status("gone"));
        kill_process(pid, Signal::KILL).unwrap();
        until_gone(pid);
        machine.run(words).refused(code, &[told, "gone.sock"]);
        assert!(!machine.path("run/bobbin/gone.sock").exists(), "{words:?}");
    }
    machine.start("gone", &[]);
    let process = pid(&machine.status("gone"));
    kill_process(process, Signal::KILL).unwrap();
    until_gone(process);
    let again = machine.run(&["session", "start", "gone", "--master", "local"]).expect(0);
    assert!(again.stderr.contains("an earlier session \"gone\" had been killed"), "{}", again.stderr);
    assert_ne!(pid(&machine.status("gone")), process, "its name is free");
}

#[test]
fn a_dead_cluster_hides_none() {
    let machine = Machine::new();
    let property = |name: &str, value: &str| format!("<property><name>{name}</name><value>{value}</value></property>");
    // Nobody listens on port 1.
    let properties =
        property("fs.defaultFS", "hdfs://127.0.0.1:1") + &property("yarn.resourcemanager.address", "127.0.0.1:1");
    std::fs::write(machine.path("core-site.xml"), format!("<configuration>{properties}</configuration>")).unwrap();
    let with_cluster =
        |words: &[&str]| done(machine.command(words).env("HADOOP_CONF_DIR", machine.0.path()).output().unwrap());
    machine.start("here", &[]);
    assert_eq!(with_cluster(&["sql", "--session", "here", "SELECT 1 AS one"]).expect(0).stdout, "one\n1\n");
    let apps = with_cluster(&["apps"]);
    apps.refused(69, &["those on YARN are not listed", "127.0.0.1:1"]);
    assert!(apps.stdout.contains("local-here"), "{}", apps.stdout);
    assert!(with_cluster(&["session", "list", "--master", "local"]).expect(0).stdout.contains("local-here"));
    let list = with_cluster(&["session", "list"]);
    let place = "/.bobbin/sessions";
    list.refused(69, &["those on YARN are not listed", "127.0.0.1:1", place]);
    assert!(list.stdout.contains("local-here"), "{}", list.stdout);
    // One that takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let file_system = format!("fs.defaultFS=hdfs://{}", silent.local_addr().unwrap());
    let list = with_cluster(&["session", "list", "--conf", &file_system]);
    list.refused(69, &["HDFS has not answered within 5 s", &file_system["fs.defaultFS=".len()..], place]);
    assert!(list.stdout.contains("local-here"), "{}", list.stdout);
    with_cluster(&["session", "stop", "here"]).expect(0);
    with_cluster(&["apps"]).refused(69, &["127.0.0.1:1"]);
}

#[test]
fn one_that_nobody_needs_ends() {
    let machine = Machine::new();
    machine.start("short", &["--idle-timeout", "300ms"]);
    let began = Instant::now();
    while !machine.run(&["session", "list"]).expect(0).stderr.contains("no sessions") {
        assert!(began.elapsed() < LIMIT);
    }
    assert!(machine.run(&["logs", "local-short"]).expect(0).stdout.contains("(--idle-timeout)"));
}

#[test]
fn kill_ends_one_that_does_not_answer() {
    let machine = Machine::new();
    machine.start("deaf", &[]);
    let process = pid(&machine.status("deaf"));
    let waiting = machine.spawn(&["wait", "local-deaf"]);
    assert!(machine.run(&["kill", "local-deaf"]).expect(0).stderr.contains("ended"));
    until_gone(process);
    let waited = done(waiting.wait_with_output().unwrap());
    // Whoever comes after the end finds none.
    assert!(waited.code == Some(0) || waited.stderr.contains("there is no session"), "{}", waited.stderr);
    machine.start("deaf", &[]);
    let process = pid(&machine.status("deaf"));
    kill_process(process, Signal::STOP).unwrap();
    let killed = machine.run(&["kill", "local-deaf"]).expect(0);
    assert!(killed.stderr.contains("did not end by itself"), "{}", killed.stderr);
    until_gone(process);
    assert!(!machine.path("run/bobbin/deaf.sock").exists());
}

#[test]
fn an_interrupt_ends_a_drivers_own_work_only() {
    let machine = Machine::new();
    machine.start("shared", &[]);
    let mut shell = machine.spawn(&["sql", "--session", "shared"]);
    let mut lines = shell.stdin.take().unwrap();
    lines.write_all(b"CREATE TABLE kept AS SELECT * FROM 't.csv';\n").unwrap();
    machine.until("shared", |status| number(status, "jobs") == 1 && number(status, "tasks") == 0);
    let interrupted = machine.spawn(&["sql", "--session", "shared", ENDLESS]);
    machine.until("shared", |status| number(status, "tasks_running") == 1);
    let other = machine.spawn(&["sql", "--session", "shared", ENDLESS]);
    machine.until("shared", |status| number(status, "tasks_running") == 2 && number(status, "drivers") == 3);
    kill_process(Pid::from_child(&interrupted), Signal::INT).unwrap();
    assert_eq!(done(interrupted.wait_with_output().unwrap()).code, Some(130));
    let status = machine.until("shared", |status| number(status, "drivers") == 2);
    assert!(number(&machine.until("shared", |status| number(status, "tasks_running") == 1), "jobs") >= 2, "{status:#}");
    lines.write_all(b"SELECT sum(id) AS total FROM kept;\n").unwrap();
    drop(lines);
    let answered = done(shell.wait_with_output().unwrap()).expect(0);
    assert!(answered.stdout.contains("total\n6\n"), "{}", answered.stdout);
    assert_eq!(number(&machine.status("shared"), "tasks_running"), 1, "the other one goes on");
    machine.run(&["session", "stop", "shared"]).expect(0);
    let told = done(other.wait_with_output().unwrap());
    assert!(told.code == Some(1) && told.stderr.contains("stopped with yarn-submit session stop"), "{}", told.stderr);
}

#[test]
fn large_results_and_kept_tables_come_through_the_socket() {
    let machine = Machine::new();
    machine.start("wide", &[]);
    let query = "SELECT value, repeat('x', 1048576) AS text FROM generate_series(1, 64)";
    let output = machine.command(&["sql", "--session", "wide", "--format", "arrow", query]).output().unwrap();
    let batches = StreamReader::try_new(output.stdout.as_slice(), None).unwrap();
    let mut numbers = 0;
    for batch in batches.map(Result::unwrap) {
        for (value, text) in batch.column(0).as_primitive::<Int64Type>().iter().zip(texts(batch.column(1))) {
            numbers += 1;
            assert!(value == Some(numbers) && text.len() == 1 << 20 && text.trim_matches('x').is_empty());
        }
    }
    assert_eq!(numbers, 64, "{}", String::from_utf8_lossy(&output.stderr));
    let kept = "CREATE TABLE kept AS SELECT id FROM 't.csv' WHERE kind = 'a'; SELECT sum(id) AS total FROM kept";
    assert_eq!(machine.run(&["sql", "--session", "wide", kept]).expect(0).stdout, "total\n4\n");
    let other = machine.run(&["sql", "--session", "wide", "SELECT * FROM kept"]);
    assert!(other.code != Some(0) && other.stderr.contains("kept"), "it is of one conversation: {}", other.stderr);
}

#[test]
fn what_a_session_cannot_do_is_refused() {
    let machine = Machine::new();
    let decided = "the session decides it";
    for (words, parts) in [
        (&["sql", "--session", "x", "--workers", "2", "SELECT 1"][..], ["--workers", decided]),
        (&["sql", "--session", "x", "--worker-cores", "2"], ["--worker-cores", decided]),
        (&["count", "--session", "x", "--queue", "etl", "t.csv"], ["--queue", decided]),
        (&["describe", "--session", "x", "--master-memory", "1g", "t.csv"], ["--master-memory", decided]),
        (&["run", "--session", "x", "--worker-memory", "4GiB", "--", "true"], ["--worker-memory", decided]),
        (&["run", "--session", "x", "--env", "e.tar.gz", "--", "true"], ["--env", decided]),
        (&["run", "--session", "x", "--env-var", "A=1", "--", "true"], ["--env-var", decided]),
        (&["run", "--session", "x", "--dry-run", "--", "true"], ["--dry-run", "nothing is submitted"]),
        (&["sql", "--session", "x", "--master", "local[4]", "SELECT 1"], ["--master local[4]", "how many threads"]),
        (&["session", "start", "x", "--master", "local", "--workers", "2"], ["--workers", "local[N]"]),
        (
            &["session", "start", "x", "--master", "local", "--workers", "2"],
            ["one process is the worker", "--isolation"],
        ),
        (&["run", "--master", "local", "--workers", "2", "--", "true"], ["--workers", "local[N]"]),
        (&["session", "start", "x", "--master", "local", "--json"], ["--json", "leave it out"]),
        (&["session", "start", "x", "--no-wait"], ["--no-wait", "can be joined"]),
        (&["session", "start", "x"], ["HADOOP_CONF_DIR", "--master local"]),
        (&["run", "--", "true"], ["HADOOP_CONF_DIR", "--master local"]),
        (&["session", "list", "--workers", "2"], ["--workers", "session list has no use for it"]),
        (&["session", "stop", "x", "--bin", "/bin/true"], ["--bin", "session stop has no use for it"]),
        (&["run", "--master", "local", "--queue", "etl", "--", "true"], ["--queue", "--master yarn"]),
        (&["run", "--master", "local", "--worker-memory", "1g", "--", "true"], ["--worker-memory", "own process"]),
        (&["run", "--master", "local", "--idle-timeout", "1s", "--", "true"], ["--idle-timeout", "--master yarn"]),
        (&["session", "start", "x", "--master", "local", "--queue", "etl"], ["--queue", "--master yarn"]),
        (&["session", "start", "x", "--master", "local", "--env", "e.tar.gz"], ["--env", "activate one"]),
        (&["session", "start", "a/b", "--master", "local"], ["a/b", "no name of a session"]),
        (&["session", "start", "x", "--master", "local", "--env-var", "BOBBIN_MASTER=x"], ["BOBBIN_MASTER", "itself"]),
        (&["logs", "local-x", "--container", "1"], ["--container", "no containers"]),
    ] {
        machine.run(words).refused(64, &parts);
    }
    assert!(!machine.path("run/bobbin").exists(), "nothing was begun");
    machine.start("x", &[]);
    // What stands in a lower layer is meant for other commands, too.
    let mut layered = machine.command(&["sql", "--session", "x", "SELECT 7 AS seven"]);
    let layered = done(layered.env("BOBBIN_QUEUE", "etl").env("BOBBIN_WORKERS", "3").output().unwrap());
    assert_eq!(layered.expect(0).stdout, "seven\n7\n");
    let mut named = machine.command(&["count", "t.csv"]);
    assert_eq!(done(named.env("BOBBIN_SESSION", "x").output().unwrap()).expect(0).stdout, "rows\n3\n");
    assert!(number(&machine.status("x"), "tasks_finished") >= 2, "both ran there");
}

#[test]
fn why_it_does_not_begin_reaches_the_user() {
    let machine = Machine::new();
    let start = |program: &str| machine.run(&["session", "start", "x", "--master", "local", "--bin", program]);
    start("/bin/true").refused(66, &["/bin/true did not become a session", "#[bobbin::main]", "x.log"]);
    start("/bin/ls").refused(66, &["it said:", "local-session"]);
    start("/etc/hostname").refused(66, &["is not a Linux executable"]);
    let deep = machine.path("run").join("d".repeat(100));
    std::fs::create_dir(&deep).unwrap();
    let mut long = machine.command(&["session", "start", "x", "--master", "local"]);
    done(long.env("XDG_RUNTIME_DIR", &deep).output().unwrap()).refused(64, &["too long for a socket"]);
    let mut nowhere = machine.command(&["session", "start", "x", "--master", "local"]);
    done(nowhere.env("XDG_RUNTIME_DIR", "/nowhere").output().unwrap()).refused(66, &["/nowhere/bobbin"]);
}

#[test]
fn only_its_user_comes_in() {
    let machine = Machine::new();
    machine.start("mine", &[]);
    let directory = machine.path("run/bobbin");
    let permit = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    if rustix::process::geteuid().is_root() {
        permit(machine.0.path(), 0o755);
        let connect = |code: &str| {
            let program = format!(
                "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('{}')\n{code}",
                directory.join("mine.sock").display()
            );
            let mut python = Command::new("python3");
            done(python.args(["-c", &program]).uid(65534).gid(65534).current_dir("/").output().unwrap())
        };
        connect("").refused(1, &["PermissionError"]);
        permit(&directory, 0o755);
        permit(&directory.join("mine.sock"), 0o666);
        let told = connect("print(s.makefile('rb').read())").expect(0);
        assert!(told.stdout.contains("is of user 65534, and only those of user 0 belong here"), "{}", told.stdout);
    }
    permit(&directory, 0o750);
    let query = ["sql", "--session", "mine", "--master", "local", "SELECT 1"];
    machine.run(&query).refused(77, &["others may enter", "0750", "chmod 700"]);
    permit(&directory, 0o700);
    machine.run(&query).expect(0);
}

#[test]
fn a_program_brings_its_functions() {
    let machine = Machine::new();
    let target = Path::new(env!("CARGO_BIN_EXE_yarn-submit")).parent().unwrap().parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        // Build scripts of dependencies look at these: with others, all that uses them is built anew.
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
        .args(["build", "--workspace", "--bin", "shared_dataset", "--target-dir"])
        .arg(target)
        .env("CARGO_NET_OFFLINE", "true");
    done(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()).expect(0);
    let program = target.join("debug/shared_dataset").display().to_string();
    machine.start("numbers", &["--bin", &program]);
    let with_session =
        |word: &str| machine.run(&["run", "--session", "numbers", "--", &program, word]).expect(0).stdout;
    assert_eq!(with_session("make"), "");
    assert_eq!(with_session("use"), "the largest of the squares is 998001\n");
    let variables =
        machine.run(&["run", "--session", "numbers", "--", "sh", "-c", "echo $BOBBIN_MASTER_ADDRESS; exit 7"]);
    assert!(variables.expect(7).stdout.ends_with("/run/bobbin/numbers.sock\n"));
    machine.start("plain", &[]);
    let made = machine.run(&["run", "--session", "plain", "--", &program, "make"]).expect(0);
    assert_eq!(made.stdout, "");
    let unknown = machine.run(&["run", "--session", "plain", "--", &program, "use"]);
    assert!(unknown.code != Some(0) && unknown.stderr.contains("squares"), "{}", unknown.stderr);
    // A program that is started by a session's driver is one, too.
    let inner = [env!("CARGO_BIN_EXE_yarn-submit"), "count", "t.csv"];
    let before = number(&machine.status("plain"), "tasks_finished");
    machine.run(&[&["run", "--session", "plain", "--"][..], &inner].concat()).expect(0);
    assert!(number(&machine.status("plain"), "tasks_finished") > before);
}
