//! Subcommands on the real cluster: Ctrl-C, where the driver runs, what became of an application, `doctor`.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use integration::cluster::{Cluster, Host};
use integration::process::Identity;
use integration::shared;
use rustix::process::Signal;
use serde_json::Value;
use support::{Done, SMALL, SPLIT, done, running_as, spread_trips, status, yarn_submit, yarn_submit_on};

/// What "at once" may take on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(15);
/// `yarn-submit` on its way, its output read when it has ended.
struct Running(Child);

fn start(cluster: &Cluster, arguments: &[&str]) -> Running {
    let mut command = yarn_submit(cluster);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running(command.spawn().unwrap())
}

impl Running {
    fn signal(&self, signal: Signal) {
        assert!(Identity::of(self.0.id()).unwrap().signal(signal), "it has ended already");
    }

    /// Reads standard error until a line holds `word`.
    fn says(&mut self, word: &str) -> String {
        let mut lines = BufReader::new(self.0.stderr.as_mut().unwrap()).lines().map_while(Result::ok);
        lines.find(|line| line.contains(word)).unwrap_or_else(|| panic!("{word:?} is never said"))
    }

    /// Its end, and how long it took from now.
    fn end(self) -> (Done, Duration) {
        let began = Instant::now();
        let output = self.0.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        (Done { code, stdout: text(output.stdout), stderr: text(output.stderr) }, began.elapsed())
    }
}

fn outcome(cluster: &Cluster, id: &str) -> String {
    status(cluster, id)["outcome"].as_str().unwrap_or("none").to_owned()
}

fn assert_staging_is_gone(cluster: &Cluster, id: &str) {
    assert_eq!(cluster.list(&format!("/user/alice/.bobbin/applications/{id}")).unwrap(), None, "{id} leaves staging");
}

#[test]
fn an_interrupt_ends_the_application_of_a_query() {
    let Some(cluster) = shared() else { return };
    let (url, _) = spread_trips(cluster);
    // Small splits make so many tasks that it cannot be over.
    let query = format!("SELECT count(*) FROM '{url}'");
    let output = cluster.directory().join("interrupted.csv");
    let name = "interrupted query";
    let mut arguments = vec!["sql", "--name", name, "--split-size", "16KiB", "--output", output.to_str().unwrap()];
    arguments.extend(SMALL);
    arguments.push(&query);
    let query = start(cluster, &arguments);
    let id = running_as(cluster, name);
    query.signal(Signal::INT);
    let (ended, took) = query.end();
    let ended = ended.expect(130);
    ended.says(&["interrupted", &id, "killed"]);
    assert!(took < AT_ONCE, "{took:?}\n{}", ended.stderr);
    assert_eq!(outcome(cluster, &id), "KILLED");
    assert_staging_is_gone(cluster, &id);
    let left = std::fs::read_dir(cluster.directory()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains("interrupted")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_terminated_run_ends_its_application_and_a_detached_one_goes_on() {
    let Some(cluster) = shared() else { return };
    let detached = done(yarn_submit(cluster).args(["run", "--no-wait", "--name", "detached", "--", "sleep", "600"]));
    let detached = detached.expect(0).stdout.trim().to_owned();
    assert!(detached.starts_with("application_"), "{detached}");
    let run = start(cluster, &["run", "--name", "terminated", "--", "sleep", "600"]);
    let id = running_as(cluster, "terminated");
    run.signal(Signal::TERM);
    let (ended, took) = run.end();
    ended.expect(143).says(&["interrupted", &id, "killed"]);
    assert!(took < AT_ONCE, "{took:?}");
    assert_eq!(outcome(cluster, &id), "KILLED");
    assert_staging_is_gone(cluster, &id);
    // The other one never noticed. Now it is killed, too, and asked about in every way.
    assert_eq!(running_as(cluster, "detached"), detached);
    done(yarn_submit(cluster).args(["kill", &detached])).expect(0).says(&[&detached, "killed"]);
    done(yarn_submit(cluster).args(["kill", &detached])).expect(0).says(&["had ended already", "KILLED"]);
    done(yarn_submit(cluster).args(["wait", &detached])).expect(1).says(&["was killed"]);
    assert_eq!(status(cluster, &detached)["exit_code"], 1);
    assert_staging_is_gone(cluster, &detached);
}

/// A door to the ResourceManager on the gateway's own address, that can be shut: from then on nothing passes, and nobody
/// is told.
struct Door {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    port: String,
}

const DOOR: &str = r#"
import socket, sys, threading
shut = threading.Event()
def copy(a, b):
    while data := a.recv(65536):
        if shut.is_set(): threading.Event().wait()
        b.sendall(data)
def serve(one):
    print("entered", flush=True)
    if shut.is_set(): threading.Event().wait()
    other = socket.create_connection(("master.hadoop.test", 8032))
    threading.Thread(target=copy, args=(one, other), daemon=True).start()
    copy(other, one)
def listen(door):
    while True: threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
door = socket.create_server(("127.0.0.1", 0))
print(door.getsockname()[1], flush=True)
threading.Thread(target=listen, args=(door,), daemon=True).start()
for line in sys.stdin:
    shut.set()
    print("shut", flush=True)
"#;

impl Door {
    fn open(cluster: &Cluster) -> Self {
        let mut command = cluster.exec(Host::Edge, "python3");
        command.args(["-c", DOOR]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let orders = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut port = String::new();
        answers.read_line(&mut port).unwrap();
        Self { process, orders, answers, port: port.trim().to_owned() }
    }

    fn setting(&self) -> String {
        format!("yarn.resourcemanager.address=localhost:{}", self.port)
    }

    fn shut(&mut self) {
        self.orders.write_all(b"shut\n").unwrap();
        self.answered("shut");
    }

    fn answered(&mut self, word: &str) {
        let mut lines = (&mut self.answers).lines().map_while(Result::ok);
        assert!(lines.any(|line| line == word), "the door never says {word}");
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn an_interrupt_before_the_submission_has_nothing_to_end() {
    let Some(cluster) = shared() else { return };
    let mut door = Door::open(cluster);
    door.shut();
    let run = start(cluster, &["run", "--conf", &door.setting(), "--", "true"]);
    door.answered("entered");
    run.signal(Signal::INT);
    let (ended, took) = run.end();
    ended.expect(130).says(&["interrupted", "no application"]);
    assert!(took < AT_ONCE, "{took:?}");
}

#[test]
fn a_second_interrupt_does_not_wait_for_anybody() {
    let Some(cluster) = shared() else { return };
    let mut door = Door::open(cluster);
    let setting = door.setting();
    let mut run = start(cluster, &["run", "--name", "stubborn", "--conf", &setting, "--", "sleep", "600"]);
    let id = running_as(cluster, "stubborn");
    door.shut();
    run.signal(Signal::INT);
    run.says(&format!("ending {id}"));
    run.signal(Signal::INT);
    let (ended, took) = run.end();
    assert!(took < Duration::from_secs(5), "{took:?}");
    ended.expect(130);
    done(yarn_submit(cluster).args(["kill", &id])).expect(0);
}

/// Runs a script beside the cluster, as `run --deploy-mode client` does.
fn beside(cluster: &Cluster, name: &str, script: &str) -> Done {
    let mut command = yarn_submit(cluster);
    command.args(["run", "--deploy-mode", "client", "--name", name, "--env-var", "GREETING=a \"b\" $c"]).args(SMALL);
    command.args(["--", "bash", "-c", script, integration::yarn_submit().unwrap().to_str().unwrap()]);
    done(&mut command)
}

fn ended(cluster: &Cluster, name: &str) -> Value {
    let apps = done(yarn_submit(cluster).args(["apps", "--all", "--json"])).expect(0);
    let apps: Value = serde_json::from_str(&apps.stdout).unwrap();
    apps.as_array().unwrap().iter().find(|app| app["name"] == name).unwrap().clone()
}

#[test]
fn a_command_beside_the_cluster_has_its_application() {
    let Some(cluster) = shared() else { return };
    let (url, _) = spread_trips(cluster);
    let script = format!(
        "echo \"$GREETING\"; echo \"id $BOBBIN_APPLICATION_ID\"; hostname; test -r \"$BOBBIN_CREDENTIALS\" && stat -c %a \"$BOBBIN_CREDENTIALS\"\n\
         echo \"$BOBBIN_CREDENTIALS\"; \"$0\" sql --split-size {SPLIT} \"SELECT count(*) AS n FROM '{url}'\""
    );
    let run = beside(cluster, "beside", &script).expect(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    let app = ended(cluster, "beside");
    let id = app["id"].as_str().unwrap();
    assert_eq!(
        lines[..4],
        ["a \"b\" $c", &format!("id {id}"), "edge.hadoop.test", "600"],
        "{}\n{}",
        run.stdout,
        run.stderr
    );
    assert!(!Path::new(lines[4]).exists(), "the credentials stay behind: {}", lines[4]);
    assert_eq!(lines[5], "n", "{}", run.stdout);
    assert!(lines[6].parse::<u64>().unwrap() > 100_000, "{}", run.stdout);
    assert_eq!((&app["outcome"], &app["exit_code"]), (&"SUCCEEDED".into(), &0.into()));
    assert_staging_is_gone(cluster, id);
    beside(cluster, "beside, failing", "exit 5").expect(5);
    let app = ended(cluster, "beside, failing");
    assert_eq!((&app["outcome"], &app["exit_code"]), (&"FAILED".into(), &5.into()), "{app}");
    let refused = yarn_submit(cluster).args(["run", "--deploy-mode", "client", "--no-wait", "--", "true"]).output();
    assert_eq!(refused.unwrap().status.code(), Some(64));
}

#[test]
fn a_query_can_be_its_applications_command() {
    let Some(cluster) = shared() else { return };
    let (url, local) = spread_trips(cluster);
    let query = |path: &str| format!("SELECT payment_type, count(*) AS n FROM '{path}' GROUP BY 1 ORDER BY 1");
    let expected = done(yarn_submit(cluster).args(["sql", "--master", "local", &query(local.to_str().unwrap())]));
    let expected = expected.expect(0).stdout;
    let mut arguments = vec!["sql", "--deploy-mode", "cluster", "--split-size", SPLIT];
    arguments.extend(SMALL);
    let text = query(&url);
    let logged = done(yarn_submit(cluster).args(&arguments).arg(&text)).expect(0);
    let logs = done(yarn_submit(cluster).args(["logs", logged.application(), "--container", "master"])).expect(0);
    assert!(logs.stdout.contains(&expected), "{}\n{}", logs.stdout, logs.stderr);
    // Into a file, by somebody who does not wait.
    let mut command = yarn_submit(cluster);
    command.args(&arguments).args(["--no-wait", "--output", "answers/by-payment.csv"]).arg(&text);
    cluster.make_directory("/user/alice/answers", "alice", "700").unwrap();
    let id = done(&mut command).expect(0).stdout.trim().to_owned();
    done(yarn_submit(cluster).args(["wait", &id])).expect(0);
    let written = cluster.read("/user/alice/answers/by-payment.csv").unwrap();
    assert_eq!(String::from_utf8_lossy(&written), expected);
    // What is wrong with the place of the answer is said before anything is submitted.
    let mut command = yarn_submit(cluster);
    command.args(&arguments).args(["--output", "nowhere/x.csv"]).arg(&text);
    let refused = done(&mut command).expect(66);
    refused.says(&["/user/alice/nowhere/x.csv", "its directory does not exist"]);
    assert!(!refused.stderr.contains("application_"), "{}", refused.stderr);
    let mut command = yarn_submit(cluster);
    command.args(&arguments).args(["--output", "file:///tmp/x.csv"]).arg(&text);
    done(&mut command).expect(64).says(&["file:///tmp/x.csv", "--deploy-mode client"]);
}

#[test]
fn what_became_of_an_application_is_its_exit_code() {
    let Some(cluster) = shared() else { return };
    let script = "echo out; echo err >&2; exit $0";
    let mut ids = Vec::new();
    for code in ["0", "3"] {
        let mut command = yarn_submit(cluster);
        command.args(["run", "--name", &format!("ends with {code}"), "--", "bash", "-c", script, code]);
        let run = done(&mut command).expect(code.parse().unwrap());
        let id = run.application().to_owned();
        done(yarn_submit(cluster).args(["wait", &id])).expect(code.parse().unwrap());
        let status = status(cluster, &id);
        assert_eq!(status["exit_code"], code.parse::<u64>().unwrap());
        assert_eq!((&status["state"], &status["type"]), (&"FINISHED".into(), &"bobbin".into()));
        let text = done(yarn_submit(cluster).args(["status", &id])).expect(0).stdout;
        assert!(text.contains(&id) && text.contains("exit code") && text.contains("FINISHED"), "{text}");
        ids.push(id);
    }
    let one = done(yarn_submit(cluster).args(["logs", &ids[1], "--container", "master", "--log", "stdout"])).expect(0);
    assert_eq!(one.stdout, "out\n", "one log of one container needs no heading");
    let tail =
        done(yarn_submit(cluster).args(["logs", &ids[1], "--container", "000001", "--log", "stderr", "--tail", "2"]));
    assert_eq!(tail.expect(0).stdout, "r\n");
    let unknown = ids[0].rsplit_once('_').unwrap().0.to_owned() + "_9999";
    for subcommand in ["status", "wait", "kill", "logs"] {
        done(yarn_submit(cluster).args([subcommand, &unknown])).expect(66).says(&[&unknown]);
    }
    every_field_of_the_list(cluster, &ids[0]);
}

fn every_field_of_the_list(cluster: &Cluster, id: &str) {
    let apps = done(yarn_submit(cluster).args(["apps", "--all", "--json"])).expect(0);
    let apps: Value = serde_json::from_str(&apps.stdout).unwrap();
    let app = apps.as_array().unwrap().iter().find(|app| app["id"] == id).unwrap();
    let is = |name: &str, check: fn(&Value) -> bool| assert!(check(&app[name]), "{name} of {app}");
    for name in ["id", "name", "type", "user", "queue", "state", "outcome", "diagnostics", "tracking_url"] {
        is(name, Value::is_string);
    }
    for name in ["exit_code", "priority", "started_ms", "finished_ms", "attempt", "containers", "memory_mib", "cores"] {
        is(name, Value::is_i64);
    }
    is("tags", Value::is_array);
    is("progress", Value::is_number);
    assert_eq!(app.as_object().unwrap().len(), 19, "{app}");
    assert!(
        app["started_ms"].as_u64() > Some(1_600_000_000_000)
            && app["finished_ms"].as_u64() > app["started_ms"].as_u64()
    );
    let live = done(yarn_submit(cluster).args(["apps", "--json"])).expect(0);
    assert!(!live.stdout.contains(id), "{}", live.stdout);
    let one = done(yarn_submit(cluster).args(["apps", "--all", "--limit", "1", "--json"])).expect(0);
    assert_eq!(serde_json::from_str::<Value>(&one.stdout).unwrap().as_array().unwrap().len(), 1);
}

fn findings(cluster: &Cluster, host: Host, arguments: &[&str]) -> Vec<(String, String, String)> {
    let doctor = done(yarn_submit_on(cluster, host).args(["doctor", "--json"]).args(arguments)).expect(0);
    let findings: Value = serde_json::from_str(&doctor.stdout).unwrap();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let findings = findings.as_array().unwrap().iter();
    findings
        .map(|finding| {
            let said = format!("{} {}", text(finding, "detail"), text(finding, "advice"));
            (text(finding, "check"), text(finding, "health"), said)
        })
        .collect()
}

#[test]
fn the_doctor_finds_everything_in_order_or_says_what_is_not() {
    let Some(cluster) = shared() else { return };
    cluster.put(&support::trips(100_000), "/user/alice/doctor.csv", 1, Host::Worker(1)).unwrap();
    // Collected logs have a directory once an application has ended.
    done(yarn_submit(cluster).args(["run", "--", "true"])).expect(0);
    let found = findings(cluster, Host::Worker(1), &["--path", "/user/alice/doctor.csv"]);
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    let expected = [
        "executable",
        "configuration",
        "user",
        "ResourceManager",
        "nodes",
        "queue",
        "NameNode",
        "staging",
        "block locations",
        "reading",
        "short-circuit reads",
        "logs",
    ];
    assert_eq!(names, expected);
    assert!(found.iter().all(|(_, health, _)| health == "ok"), "{found:#?}");
    assert!(found[9].2.contains("short-circuit"), "{found:#?}");
    let off = ["--path", "/user/alice/doctor.csv", "--conf", "dfs.client.read.shortcircuit=false"];
    let found = findings(cluster, Host::Worker(1), &off);
    let of = |wanted: &str| found.iter().find(|(name, ..)| name == wanted).unwrap();
    let short = of("short-circuit reads");
    assert_eq!(short.1, "warning", "{short:?}");
    assert!(short.2.contains("dfs.client.read.shortcircuit is false") && short.2.contains("=true"), "{short:?}");
    assert!(!of("reading").2.contains("short-circuit"), "{found:#?}");
    let mut text = yarn_submit(cluster).args(["doctor"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    text.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    let fine = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!((text.wait().unwrap().code(), fine), (Some(0), expected.len()), "{said}");
    let refused = done(yarn_submit(cluster).args(["doctor", "--queue", "nights"])).expect(64);
    assert!(refused.stdout.contains("FAILED") && refused.stdout.contains("nights"), "{}", refused.stdout);
}
