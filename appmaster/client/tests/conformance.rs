//! The wire as `bobbin.proto` describes it: a client in another language, which shares nothing with us but that file, drives
//! an application master and its workers.
//!
//! The master is in this process, its workers are this executable again, over TLS on loopback. The client is Python
//! (`conformance/`), with messages that are generated from the file now. What its cases see stands here.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

mod processes;
#[allow(dead_code, reason = "other tests make other environments")]
#[path = "../../../integration/src/python.rs"]
mod python;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bobbin::{Bytes, Cancelled, Files, Session, checkpoint};
use bobbin_appmaster::spec::{SECRET_AUTHORITY_CERTIFICATE, SECRET_LEAF_CERTIFICATE, SECRET_LEAF_KEY, SECRET_TOKEN};
use bobbin_blocks::{BlockReader, PathBase};
use hadoop_wire::credentials::{Credentials, KIND_HDFS_DELEGATION, Token};
use processes::{Cluster, worker};

const WORKERS: usize = 2;

/// No test: what this executable does when it is started as a worker.
#[test]
fn be_a_worker() {
    processes::be_a_worker();
}

#[bobbin::task]
fn square(x: u64) -> u64 {
    x * x
}

#[bobbin::task]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[bobbin::task]
fn sum(all: Vec<u64>) -> u64 {
    all.iter().sum()
}

#[bobbin::task]
fn show(a: u64, b: i64, c: String, d: Vec<f64>, e: Option<(i64, bool)>) -> String {
    format!("{a} {b} {c} {d:?} {e:?}")
}

type Several = (u64, i64, String, Vec<f64>, Option<(i64, bool)>);

#[bobbin::task]
fn give_back(several: Several) -> Several {
    several
}

#[bobbin::task]
fn nothing() {}

#[bobbin::task(pure = false)]
fn aborts(_x: u64) -> u64 {
    std::process::abort()
}

#[bobbin::task]
fn reverse(bytes: Bytes) -> Bytes {
    bytes.iter().rev().copied().collect::<Vec<_>>().into()
}

#[bobbin::task]
fn pattern(bytes: u64) -> Bytes {
    (0..bytes).map(|at| (at % 251) as u8).collect::<Vec<_>>().into()
}

#[bobbin::task]
fn length(bytes: Bytes) -> usize {
    bytes.len()
}

#[bobbin::task]
fn fails(x: u64) -> Result<u64, String> {
    if x.is_multiple_of(3) { Err(format!("{x} is a multiple of 3")) } else { Ok(x) }
}

#[bobbin::task]
fn panics(x: u64) -> u64 {
    panic!("no {x}")
}

#[bobbin::task]
fn for_ever(_number: u64) -> Result<u64, Cancelled> {
    loop {
        checkpoint()?;
        std::thread::yield_now();
    }
}

#[bobbin::method]
fn add_to(state: &mut u64, amount: u64) -> Result<u64, String> {
    if amount == 0 {
        return Err("nothing is added".to_owned());
    }
    *state += amount;
    Ok(*state)
}

#[bobbin::task(pure = false)]
fn waits_for(path: String) -> Result<(), Cancelled> {
    while !Path::new(&path).exists() {
        checkpoint()?;
        std::thread::yield_now();
    }
    Ok(())
}

#[bobbin::task]
fn writes(_after: (), path: String) -> Result<(), std::io::Error> {
    std::fs::write(path, "")
}

/// What Rust makes of the same task as a case.
async fn sum_of_squares(cluster: &Cluster) -> u64 {
    let files = Files { reader: BlockReader::local(), base: PathBase::Local, split_size: 32 << 20 };
    let session = Session::join(&cluster.address, &cluster.identity, "rust", files).await.unwrap();
    let squares = session.map(square, 1..=50u64);
    session.submit(sum, (&squares,)).await.unwrap()
}

/// What the cases of `shared.py` are to see.
const SHARED: [(&str, &[&str]); 8] = [
    (
        "variables",
        &["timed out", "timed out", "done", "b'\\x00first'", "done", "b''", "done", "done", "withdrawn", "refused: …"],
    ),
    ("queues", &["done", "done", "timed out", "b'a'", "done", "done", "3", "b'a' b'b' b'c'", "timed out"]),
    ("semaphores", &["done", "timed out", "done", "done", "done"]),
    (
        "datasets",
        &[
            "done",
            "refused: there is a dataset 'squares' already: …",
            "refused: job 9 is not there to be published: …",
            "['squares']",
            "u64 [[7, 0], [7, 1]] [9, 16]",
            "25",
            "done",
            "refused: there is no dataset 'squares'; there is none",
            "9",
            "[]",
        ],
    ),
    (
        "explanations",
        &[
            "conformance::square, task 1 of 1 is done: worker … holds its result of 1 bytes",
            "conformance::square, task 1 of 1 waits for 1 of its inputs, first for conformance::for_ever, task 1 of 1",
            "refused: the task is not known any more: …",
            "refused: job 5 is not known: …",
        ],
    ),
    (
        "functions_on_workers",
        &[
            "2 workers, [('127.0.0.1', 2), ('127.0.0.1', 2)]",
            "9, function 'conformance::fails': 6 is a multiple of 3",
            "9, function 'conformance::fails': 6 is a multiple of 3",
            "fetch input 0 of the task: it has 0 in all, counted from 0",
            "16",
        ],
    ),
    (
        "states",
        &[
            "14, the same: True",
            "20, at first 9",
            "StateGone: the state was lost",
            "CallFailed: method 'conformance::nothing' is not registered in this program: …",
            "CallFailed: method 'conformance::add_to': nothing is added",
            "StateGone: this worker has no result of task 4000000000",
        ],
    ),
    (
        "detached_tasks",
        &[
            "done",
            "refused: task 2 of job 1 is not there to be run by itself: …",
            "refused: job 2 is not known: …",
            "written: True",
        ],
    ),
];

/// What each case is to see, line by line; … is any text.
fn expected(sum_of_squares: u64) -> BTreeMap<&'static str, Vec<String>> {
    let shown = [
        show(0, 0, String::new(), vec![], None),
        show(u64::MAX, i64::MIN, "Grüße, 世界".to_owned(), vec![0.5, -1e300, f64::INFINITY], Some((-300, true))),
        show(128, i64::MAX, "x".repeat(300), vec![0.0; 200], Some((63, false))),
    ];
    let sum_of_squares = sum_of_squares.to_string();
    let read_by = "conformance::fails, task 2 of 3, whose result is needed here, failed: function 'conformance::fails': 3 is a multiple of 3 (1)";
    let dropped = "this worker has no result of task N";
    let cases: [(&str, &[&str]); 27] = [
        ("a_call", &["9", "1 of 1 tasks, 0 notes"]),
        ("values", &[&shown[0], &shown[1], &shown[2], "b'war\\x05'"]),
        ("a_chain", &["256", "announced: [2]"]),
        ("a_diamond", &["21 51"]),
        ("the_same_as_in_rust", &[&sum_of_squares]),
        ("small_results", &["0 of 0 bytes", "1 of 1 bytes", "1024 of 1024 bytes", "0 of 1025 bytes"]),
        ("nothing_wanted", &["1 of 1 tasks, announced: []"]),
        ("an_earlier_job", &["14", "…reads a result of job 0, which is not there: … (70)"]),
        (
            "tasks_that_fail_alone",
            &["[1, 25]", "function 'conformance::fails': 3 is a multiple of 3 (1)", read_by, read_by],
        ),
        (
            "jobs_that_fail",
            &[
                "function 'conformance::fails': 9 is a multiple of 3 (1)",
                "job 2, whose results this one reads, failed: cancelled by its driver (130)",
                "cancelled by its driver (130)",
                "function 'conformance::panics' panicked at …: no 4 (1)",
            ],
        ),
        (
            "cancelled_tasks",
            &[
                "it was cancelled (130)",
                "conformance::for_ever, task 1 of 1, whose result is needed here, failed: it was cancelled (130)",
                "25, 25",
            ],
        ),
        ("cancelled_jobs", &["cancelled by its driver (130)", "9", "1 of 1 tasks, 0 notes"]),
        ("released_jobs", &["9", dropped, "…reads a result of job 1, which is not there: … (70)", "9"]),
        ("released_results", &["13 9", dropped, "13"]),
        ("unreadable_results", &["elsewhere: True", "9"]),
        ("enough_rows", &["5, 7 of 7 tasks"]),
        (
            "big_results",
            &[
                "16777216 bytes",
                "0 bytes",
                "300000 bytes",
                "twice: [16777216, 16777216]",
                "the result of task N has no part 1",
            ],
        ),
        (
            "lines_of_files",
            &[
                "['a line\\nanother line\\n', '', '\\nthe last one', '']",
                "line",
                "FILE: bytes 2 to 34 are no range of its 33 bytes (66)",
            ],
        ),
        (
            "calls_that_do_not_fit",
            &[
                "function 'conformance::cube' is not registered in this program: … (70)",
                "function 'conformance::square' is (u64) -> u64 in this program, and the driver calls (i64) -> i64: … (70)",
                "function 'conformance::square' has version 0 in this program, and the driver calls version 3: … (70)",
                "function 'conformance::square': it has 1 parameters, and was given 2 arguments (1)",
                "function 'conformance::square': argument 1: read a value of the type u64: … (1)",
                "fetch input 1 of the task: it has 1 in all, counted from 0 (70)",
                "1",
            ],
        ),
        (
            "calls_in_processes_of_their_own",
            &["function 'conformance::aborts': its process was ended by signal 6 (SIGABRT); … (1)", "[9, 9]"],
        ),
        (
            "jobs_that_make_no_sense",
            &[
                "job 1: the job has no tasks (70)",
                "job 2: task 0 reads task 1, which does not come before it (70)",
                "job 3: the result of task 1 is wanted, but there is no such task (70)",
                "…task 0 of job 4, which is not kept: it is among neither the wanted nor the readable tasks of that job (70)",
                "job 4 was submitted twice (70)",
            ],
        ),
        (
            "strangers",
            &[
                "does not know the application's secret",
                "(build python) speaks protocol 99, this build … speaks 6",
                "named no role",
                "results are fetched from workers, not from the application master",
                "this is a worker's port: it serves results only",
                "does not know the application's secret",
                "closed without a certificate",
            ],
        ),
        ("garbage", &["closed", "closed", "closed", "closed", "closed", "9"]),
        ("two_drivers", &["9 16", "16"]),
        ("a_driver_that_vanishes", &["9", "1 of 1 tasks, 0 notes"]),
        ("silent_drivers", &["closed", "9"]),
        ("the_end", &["enough (1)", "enough", "closed"]),
    ];
    cases
        .into_iter()
        .chain(SHARED)
        .map(|(case, lines)| (case, lines.iter().map(|&line| line.to_owned()).collect()))
        .collect()
}

/// Whether a line is as expected.
fn fits(expected: &str, seen: &str) -> bool {
    let mut pieces = expected.split('…');
    let Some(mut rest) = pieces.next().and_then(|first| seen.strip_prefix(first)) else { return false };
    let mut last = None;
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        (rest, last) = (&rest[at + piece.len()..], Some(piece));
    }
    rest.is_empty() || last.is_some_and(|end| rest.ends_with(end))
}

/// Python with the messages of `bobbin.proto` in `directory`; `None`, after saying why, where there can be none.
fn python_with_messages(directory: &Path) -> Option<PathBuf> {
    let root = python::environment(&python::PROTOBUF).inspect_err(|reason| {
        let required = std::env::var_os("BOBBIN_REQUIRE_HADOOP").is_some_and(|value| value == "1");
        assert!(!required, "BOBBIN_REQUIRE_HADOOP=1, but the test cannot run: {reason}");
        eprintln!("skipped: {reason}");
    });
    let python = python::program(&root.ok()?, "python");
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/protos");
    let mut compile = Command::new(&python);
    compile.args(["-m", "grpc_tools.protoc", "bobbin.proto", "-I"]).arg(protos).arg("--python_out").arg(directory);
    assert!(compile.status().unwrap().success(), "bobbin.proto is not compiled");
    Some(python)
}

/// What a driver on the cluster is given in a file, where there are tokens of Hadoop's, too.
fn write_credentials(cluster: &Cluster) -> PathBuf {
    let identity = &cluster.identity;
    let secrets = [
        (SECRET_AUTHORITY_CERTIFICATE, identity.authority_pem.clone().into()),
        (SECRET_LEAF_CERTIFICATE, identity.certificate_pem.clone().into()),
        (SECRET_LEAF_KEY, identity.key_pem.clone().into()),
        (SECRET_TOKEN, bytes::Bytes::copy_from_slice(identity.secret.as_bytes())),
    ];
    let secrets = secrets.map(|(alias, value)| (alias.to_owned(), value)).into();
    let path = cluster.directory.path().join("credentials");
    let token = Token { identifier: vec![7; 300].into(), kind: KIND_HDFS_DELEGATION.into(), ..Token::default() };
    std::fs::write(&path, Credentials { tokens: vec![("namenode".to_owned(), token)], secrets }.encode()).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_in_python_drives_an_application() {
    let cluster = Cluster::start(WORKERS, worker).await;
    let Some(python) = python_with_messages(cluster.directory.path()) else { return };
    let expected = expected(sum_of_squares(&cluster).await);
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases.py"));
    command.env("PYTHONPATH", cluster.directory.path()).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUTF8", "1");
    command.env("BOBBIN_MASTER_ADDRESS", &cluster.address).env("BOBBIN_CREDENTIALS", write_credentials(&cluster));
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    let mut seen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (case, line) in said.lines().filter_map(|line| line.split_once(": ")) {
        seen.entry(case).or_default().push(line);
    }
    let mut wrong = String::new();
    for (case, lines) in &expected {
        let seen = seen.remove(case).unwrap_or_default();
        if lines.len() != seen.len() || !lines.iter().zip(&seen).all(|(line, seen)| fits(line, seen)) {
            writeln!(wrong, "{case} is to see\n{lines:#?}\nand saw\n{seen:#?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(seen.is_empty(), "nobody expects {seen:?}");
    assert!(ended.status.success(), "{}", ended.status);
}
