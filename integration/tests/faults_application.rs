//! What goes wrong inside one application on a sound cluster: strangers, a killed master, memory, broken records.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use hadoop_wire::credentials::Credentials;
use integration::cluster::{Cluster, ClusterOptions, Host};
use integration::{private, shared, version, wait};
use support::breakable::{TINY, Trips};
use support::running::{LIMIT, Member, Running, members, nothing_stays};
use support::{Done, spread_trips, trips, yarn_submit};

/// The trips on HDFS, and what the query about them in splits of this size has to answer.
fn table(cluster: &Cluster, split: &str) -> (String, String) {
    let (url, local) = spread_trips(cluster);
    let local = local.display().to_string();
    (url, Trips { cluster, table: &local, split }.local_answer())
}

#[test]
fn an_application_master_killed_for_good_is_reported_with_its_end() {
    let Some(cluster) = shared() else { return };
    let (url, _) = spread_trips(cluster);
    let mut query = Trips::new(cluster, &url).query(&["--workers", "2", "--max-attempts", "1"]);
    query.wait_middle();
    let id = query.wait_id();
    assert!(query.role("appmaster")[0].process.identity.kill());
    let ended = query.ends().expect(1);
    ended.says(&["the application master is gone", &id, "exitCode: 137", "killed by signal 9", "--max-attempts"]);
    assert_eq!(ended.stdout, "");
    nothing_stays(cluster, &id);
}

#[test]
fn a_query_is_run_again_by_the_next_application_master() {
    let Some(cluster) = shared() else { return };
    let (url, expected) = table(cluster, TINY);
    let mut query = Trips { cluster, table: &url, split: TINY }.query(&["--workers", "2"]);
    query.wait_middle();
    let id = query.wait_id();
    assert!(query.role("appmaster")[0].process.identity.kill());
    let ended = query.ends().expect(0);
    ended.says(&["the application master is gone", "attempt 2"]);
    assert_eq!(ended.stdout, expected);
    nothing_stays(cluster, &id);
}

#[test]
fn a_command_is_started_again_by_the_next_application_master() {
    let Some(cluster) = shared() else { return };
    let directory = tempfile::tempdir_in(cluster.directory()).unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let starts = directory.path().join("starts");
    // Only the second start ends.
    let script = format!(
        "echo started >> '{path}'; test $(wc -l < '{path}') -ge 2 && exit 7; while true; do sleep 0.1; done",
        path = starts.display()
    );
    let mut run = Running::start(cluster, "run", &["--max-attempts", "2", "--", "sh", "-c", &script]);
    let id = run.wait_id();
    let started = wait::until(LIMIT, || starts.exists().then_some(()));
    assert!(started.is_some());
    assert!(run.role("appmaster")[0].process.identity.kill());
    run.ends().expect(7);
    assert_eq!(std::fs::read_to_string(&starts).unwrap().lines().count(), 2);
    nothing_stays(cluster, &id);
}

#[test]
fn what_takes_too_much_memory_is_told_how_much_it_had() {
    // YARN looks at what containers use only where it does not leave that to control groups.
    let settings = vec![("yarn.nodemanager.resource.memory.enforced".to_owned(), "false".to_owned())];
    let heartbeat = Duration::from_millis(200);
    let options = ClusterOptions { version: version(), heartbeat, settings, ..ClusterOptions::default() };
    let Some(cluster) = private(options) else { return };
    let hog = "import signal; block = b'x' * (700 << 20); signal.pause()";
    let run = Running::start(&cluster, "run", &["--master-memory", "256MiB", "--", "python3", "-c", hog]);
    let ended = run.ends().expect(1);
    ended.says(&["256 MB", "physical memory", "ask for more with --master-memory"]);
    assert!(!ended.stderr.contains("process-tree"), "{}", ended.stderr);

    cluster.put(&trips(8 << 20), "/data/trips.csv", 1, Host::Edge).unwrap();
    // A batch of these is half a gigabyte.
    let text = "SELECT max(length(repeat(CAST(pickup AS VARCHAR), 3000))) FROM 'hdfs:///data/trips.csv'";
    let words = ["--workers", "1", "--worker-cores", "1", "--worker-memory", "256MiB", text];
    let ended = Running::start(&cluster, "sql", &words).ends().expect(1);
    ended.says(&["died", "more memory than its 256 MiB", "ask for more with --worker-memory"]);
}

#[test]
fn a_record_that_cannot_be_read_is_told_alike_here_and_there() {
    let Some(cluster) = shared() else { return };
    for (name, broken, words) in [
        ("surplus", "2015-01-01 00:00:00,1,2.0,1,5.00,0.10,surplus", ["7 fields where 6 are expected", "line"]),
        (
            "number",
            "2015-01-01 00:00:00,several,2.0,1,5.00,0.10",
            ["\"several\" is not a BIGINT", "column passenger_count"],
        ),
    ] {
        let (content, offset) = with_line(trips(4 << 20), 3 << 20, broken);
        let url = format!("hdfs:///user/alice/broken/{name}.csv");
        cluster.put(&content, url.trim_start_matches("hdfs://"), 1, Host::Edge).unwrap();
        let trips = Trips::new(cluster, &url);
        let here = refusal(&trips.query(&["--master", "local"]).ends());
        let there = refusal(&trips.query(&["--workers", "2"]).ends());
        assert_eq!(here, there);
        for word in [&format!("/user/alice/broken/{name}.csv"), &format!("record at byte {offset}")] {
            assert!(here.contains(word.as_str()), "{word:?} is not said: {here}");
        }
        for word in words {
            assert!(here.contains(word), "{word:?} is not said: {here}");
        }
    }
}

/// The text with a line more, before the first line that begins behind `after`; and where that is.
fn with_line(mut content: Vec<u8>, after: usize, line: &str) -> (Vec<u8>, usize) {
    let offset = after + content[after..].iter().position(|&byte| byte == b'\n').unwrap() + 1;
    content.splice(offset..offset, format!("{line}\n").into_bytes());
    (content, offset)
}

/// What is wrong with the input, as it was said.
fn refusal(done: &Done) -> String {
    assert_eq!(done.code, 66, "{}", done.stderr);
    let said = done.stderr.lines().find(|line| line.contains("record at byte"));
    said.unwrap_or_else(|| panic!("no record is named:\n{}", done.stderr)).to_owned()
}

/// Somebody who speaks our protocol, and with what.
struct Stranger {
    credentials: PathBuf,
    address: String,
    words: &'static str,
}

#[test]
fn strangers_with_credentials_are_refused_and_change_nothing() {
    let Some(cluster) = shared() else { return };
    let (url, expected) = table(cluster, TINY);
    let directory = tempfile::tempdir_in(cluster.directory()).unwrap();
    let end = directory.path().join("end");
    let script = format!("until test -e '{}'; do sleep 0.1; done", end.display());
    let mut other = Running::start(cluster, "run", &["--", "sh", "-c", &script]);
    let theirs = command_credentials(cluster, &mut other);

    // An application that stays when its query is over: nobody has to knock in a hurry.
    let driver = "printf '%s\n%s' \"$BOBBIN_MASTER_ADDRESS\" \"$BOBBIN_CREDENTIALS\" > partial && mv partial where\n\
                  \"$0\" sql --split-size \"$1\" \"$2\" > answer; until test -e end; do sleep 0.1; done";
    let trips = Trips { cluster, table: &url, split: TINY };
    let words = ["--deploy-mode", "client", "--workers", "2", "--worker-memory", "512MiB", "--", "sh", "-c"];
    let script = format!("cd '{}'\n{driver}", directory.path().display());
    let program = integration::yarn_submit().unwrap().display().to_string();
    let mut query = Running::start(cluster, "run", &[&words[..], &[&script, &program, TINY, &trips.text()]].concat());
    query.wait_middle();
    let master = query.role("appmaster").remove(0);
    let serving = || query.role("worker").into_iter().find_map(|worker| Some((*worker.listens_on().first()?, worker)));
    let (port, worker) = wait::until(LIMIT, serving).unwrap();
    let at_worker = format!("{}:{port}", worker.host.full_name());
    let found = std::fs::read_to_string(directory.path().join("where")).unwrap();
    let (at_master, right) = found.split_once('\n').unwrap();
    let forged = forged(Path::new(right), &directory.path().join("forged"));
    let stranger = |credentials: &Path, address: &str, words| Stranger {
        credentials: credentials.to_owned(),
        address: address.to_owned(),
        words,
    };
    let strangers = [
        stranger(&theirs, at_master, "TLS handshake"),
        stranger(&theirs, &at_worker, "TLS handshake"),
        stranger(&forged, at_master, "does not know the application's secret"),
        stranger(&forged, &at_worker, "does not know the application's secret"),
        stranger(Path::new(right), &at_worker, "serves results only"),
    ];
    // With the right secret the same file opens the door: it was the secret.
    let friend = knock(cluster, &url, &stranger(Path::new(right), at_master, ""));
    let knocking: Vec<Child> = strangers.iter().map(|stranger| knock(cluster, &url, stranger)).collect();
    for (child, stranger) in knocking.into_iter().zip(&strangers) {
        ended(child).expect(69).says(&[stranger.words, &stranger.address]);
    }
    ended(friend).expect(0);
    for member in [&master, &worker] {
        wait_said(cluster, member, &["TLS handshake", "does not know the application's secret"]);
    }
    std::fs::write(end, "").unwrap();
    query.ends().expect(0);
    assert_eq!(std::fs::read_to_string(directory.path().join("answer")).unwrap(), expected);
    other.ends().expect(0);
}

/// Waits until a container has logged all of `words`.
fn wait_said(cluster: &Cluster, member: &Member, words: &[&str]) {
    let said = || words.iter().all(|word| member.logs(cluster).contains(word));
    let found = wait::until(LIMIT, || said().then_some(()));
    assert!(found.is_some(), "{words:?} are not said:\n{}", member.logs(cluster));
}

/// The credentials that another application has given to its command.
fn command_credentials(cluster: &Cluster, other: &mut Running<'_>) -> PathBuf {
    let id = other.wait_id();
    let path = |member: &Member| Some(cluster.outside(member.host, Path::new(&member.variable("BOBBIN_CREDENTIALS")?)));
    let found = wait::until(LIMIT, || members(cluster, &id).iter().find_map(path));
    found.unwrap()
}

/// Asks for an answer with a stranger's credentials.
fn knock(cluster: &Cluster, url: &str, stranger: &Stranger) -> Child {
    let mut command = yarn_submit(cluster);
    command.env("BOBBIN_MASTER_ADDRESS", &stranger.address).env("BOBBIN_CREDENTIALS", &stranger.credentials);
    command.args(["sql", "--master", "yarn"]).arg(format!("SELECT count(*) FROM '{url}'"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn ended(child: Child) -> Done {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Done { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// A copy of a driver's credentials with one bit of the secret flipped.
fn forged(right: &Path, copy: &Path) -> PathBuf {
    let mut credentials = Credentials::decode(std::fs::read(right).unwrap()).unwrap();
    let mut secret = credentials.secrets["bobbin.secret"].to_vec();
    secret[31] ^= 1;
    credentials.secrets.insert("bobbin.secret".to_owned(), secret.into());
    std::fs::write(copy, credentials.encode()).unwrap();
    copy.to_owned()
}
