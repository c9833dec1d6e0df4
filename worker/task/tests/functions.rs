//! Functions called as a worker calls them: by their names, with arguments from everywhere.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bobbin_blocks::BlockReader;
use bobbin_macros::task;
use bobbin_proto::{self as wire, Message};
use bobbin_task::function::{Bytes, Function, Functions, Methods, State, Value};
use bobbin_task::{
    CancelFlag, Cancelled, Execute, InputError, Inputs, LostInput, Output, Piece, Ready, Task, TaskError,
    TaskErrorKind, TaskReport, checkpoint,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use wire::argument::Argument as Kind;

/// Adds.
#[task(crate = bobbin_task)]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[task(crate = bobbin_task, name = "sum of all", version = 3, pure = false)]
fn sum(numbers: Vec<u64>, texts: Vec<Bytes>) -> (u64, usize) {
    (numbers.iter().sum(), texts.iter().map(|text| text.len()).sum())
}

#[task(crate = bobbin_task)]
fn parse(text: String) -> Result<u64, std::num::ParseIntError> {
    text.trim().parse()
}

#[task(crate = bobbin_task)]
fn lines(block: Bytes) -> Bytes {
    let text = String::from_utf8_lossy(&block).to_uppercase();
    text.into()
}

#[task(crate = bobbin_task)]
fn joined(one: Bytes, other: Bytes) -> Bytes {
    [&one[..], &other[..]].concat().into()
}

#[task(crate = bobbin_task)]
async fn later(value: u64) -> u64 {
    tokio::task::yield_now().await;
    value * 2
}

#[task(crate = bobbin_task)]
fn breaks(at: usize) -> u8 {
    [1, 2, 3][at]
}

mod names {
    //! What the macro's expansion calls things must not meet what a program calls its tasks.
    #[bobbin_macros::task(crate = bobbin_task)]
    pub fn parameters(a: u64) -> Result<u64, String> {
        Ok(a)
    }
    #[bobbin_macros::task(crate = bobbin_task)]
    pub fn result() {}
    #[bobbin_macros::task(crate = bobbin_task)]
    pub fn error() {}
    #[bobbin_macros::task(crate = bobbin_task)]
    pub fn body() {}
    #[bobbin_macros::task(crate = bobbin_task)]
    pub fn call() {}
    #[bobbin_macros::task(crate = bobbin_task)]
    pub fn argument_0() {}
    #[bobbin_macros::method(crate = bobbin_task)]
    pub fn state(here: &mut u64, more: u64) -> Result<u64, String> {
        *here += more;
        Ok(*here)
    }
}

/// An error of an error.
#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl std::fmt::Display for Outer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("read the number")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[task(crate = bobbin_task)]
fn nested(text: String) -> Result<u64, Outer> {
    text.parse().map_err(Outer)
}

#[task(crate = bobbin_task)]
fn boxed(text: String) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    Ok(text.parse().map_err(Outer)?)
}

#[task(crate = bobbin_task)]
fn worded(text: String) -> Result<u64, String> {
    Err(text)
}

static STARTED: AtomicBool = AtomicBool::new(false);

#[task(crate = bobbin_task)]
fn for_ever() -> Result<(), Cancelled> {
    STARTED.store(true, Ordering::SeqCst);
    loop {
        checkpoint()?;
        std::thread::yield_now();
    }
}

mod other {
    #[bobbin_macros::task(crate = bobbin_task, name = "twice")]
    pub fn one() {}
    #[bobbin_macros::task(crate = bobbin_task, name = "twice")]
    pub fn two() {}
    #[bobbin_macros::method(crate = bobbin_task, name = "method twice")]
    pub fn three(_: &u64) {}
    #[bobbin_macros::method(crate = bobbin_task, name = "method twice")]
    pub fn four(_: &u64) {}
}

/// Results that are here; those beyond are lost.
struct Results(Vec<bytes::Bytes>);

impl Inputs for Results {
    fn fetch(&self, inputs: Range<usize>) -> BoxStream<'static, Result<Piece, LostInput>> {
        let piece = |index: usize| match self.0.get(index) {
            // In two pieces, as from a peer.
            Some(bytes) => {
                let half = bytes.len() / 2;
                vec![Ok(Piece { index, bytes: bytes.slice(..half) }), Ok(Piece { index, bytes: bytes.slice(half..) })]
            }
            None => vec![Err(LostInput { index, source: InputError::Lost("gone".into()) })],
        };
        let first_lost = self.0.len();
        let known = inputs.start..inputs.end.min(first_lost + 1);
        futures::stream::iter(known.flat_map(piece).collect::<Vec<_>>()).boxed()
    }
}

#[derive(Default)]
struct Kept(Vec<u8>);

impl Output for Kept {
    fn divide(&mut self, _: usize) {
        panic!("a function has one result");
    }

    fn write(&mut self, _: usize, bytes: bytes::Bytes) -> Result<(), std::io::Error> {
        self.0.extend_from_slice(&bytes);
        Ok(())
    }
}

fn function<F: Function>(_: F) -> wire::Function {
    wire::Function { name: F::NAME.into(), version: F::VERSION, signature: F::signature() }
}

fn value<T: Value>(value: &T) -> Kind {
    Kind::Value(value.encode().unwrap())
}

async fn run(
    function: wire::Function,
    arguments: Vec<Kind>,
    results: Vec<bytes::Bytes>,
    cancel: CancelFlag,
) -> Result<(TaskReport, bytes::Bytes), TaskError> {
    run_with((function, arguments), results, cancel, None).await
}

fn body(arguments: Vec<Kind>) -> bytes::Bytes {
    let arguments = arguments.into_iter().map(|argument| wire::Argument { argument: Some(argument) }).collect();
    wire::Call { arguments }.encode_to_vec().into()
}

async fn run_with(
    (function, arguments): (wire::Function, Vec<Kind>),
    results: Vec<bytes::Bytes>,
    cancel: CancelFlag,
    ready: Option<Ready>,
) -> Result<(TaskReport, bytes::Bytes), TaskError> {
    let (shared, body) = (function.encode_to_vec().into(), body(arguments));
    let task = Task { ready, ..Task::new(&shared, &body, cancel) };
    let mut output = Kept::default();
    let functions = Functions::new(BlockReader::local());
    let report = functions.run(task, Arc::new(Results(results)), &mut output).await?;
    Ok((report, output.0.into()))
}

async fn call<T: Value>(function: wire::Function, arguments: Vec<Kind>, results: Vec<bytes::Bytes>) -> T {
    let (report, bytes) = run(function, arguments, results, CancelFlag::default()).await.unwrap();
    assert_eq!(report.rows, 1);
    T::decode(bytes).unwrap()
}

async fn refusal(function: wire::Function, arguments: Vec<Kind>) -> TaskError {
    run(function, arguments, vec![], CancelFlag::default()).await.unwrap_err()
}

#[tokio::test]
async fn functions_are_called_here_and_by_name() {
    assert_eq!(add(2, 3), 5);
    assert_eq!(parse("7".into()), Ok(7));
    assert_eq!(later(4).await, 8);
    assert_eq!(call::<u64>(function(add), vec![value(&2u64), value(&3u64)], vec![]).await, 5);
    assert_eq!(call::<u64>(function(later), vec![value(&21u64)], vec![]).await, 42);
    assert_eq!(call::<u64>(function(parse), vec![value(&" 12 ".to_owned())], vec![]).await, 12);
    assert_eq!((add::NAME, add::VERSION, add::PURE), ("functions::add", 0, true));
    assert_eq!((sum::NAME, sum::VERSION, sum::PURE), ("sum of all", 3, false));
}

#[tokio::test]
async fn results_of_others_are_arguments() {
    let numbers: Vec<bytes::Bytes> = [5u64, 600, 70_000].iter().map(|number| Value::encode(number).unwrap()).collect();
    let results = [numbers, vec!["four".into(), "".into()]].concat();
    let list = |results: &[u32]| Kind::Results(wire::ResultList { results: results.to_vec() });
    let sums: (u64, usize) = call(function(sum), vec![list(&[2, 0, 1]), list(&[3, 4, 3])], results.clone()).await;
    assert_eq!(sums, (70_605, 8));
    assert_eq!(call::<u64>(function(add), vec![Kind::Result(2), Kind::Result(0)], results).await, 70_005);
}

#[tokio::test]
async fn blocks_of_files_are_arguments() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("text");
    std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
    let file = BlockReader::local().list(path.to_str().unwrap()).await.unwrap().remove(0);
    let range = |whole_lines| wire::FileRange {
        url: file.url.clone(),
        start: 2,
        end: 9,
        file_length: file.len,
        modified_ms: file.modified_ms,
        whole_lines,
    };
    let (report, bytes) =
        run(function(lines), vec![Kind::Range(range(true))], vec![], CancelFlag::default()).await.unwrap();
    assert_eq!(bytes, "TWO\nTHREE\n");
    assert!(report.counters.local_file >= 10);
    assert_eq!(call::<Bytes>(function(lines), vec![Kind::Range(range(false))], vec![]).await, Bytes::from("E\nTWO\nT"));
    std::fs::write(&path, "changed").unwrap();
    let error = refusal(function(lines), vec![Kind::Range(range(false))]).await;
    assert_eq!((error.kind, error.exit_code), (TaskErrorKind::Permanent, 66), "{}", error.message);
}

/// What waits for a thread has its bytes before that; what could not be read then is read when it runs.
#[tokio::test]
async fn blocks_are_read_ahead() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("text");
    std::fs::write(&path, "four").unwrap();
    let file = BlockReader::local().list(path.to_str().unwrap()).await.unwrap().remove(0);
    let range = |start, end| {
        let (url, file_length, modified_ms) = (file.url.clone(), file.len, file.modified_ms);
        Kind::Range(wire::FileRange { url, start, end, file_length, modified_ms, whole_lines: false })
    };
    let functions = Functions::new(BlockReader::local());
    let ahead = |arguments| functions.read_ahead(&bytes::Bytes::new(), &body(arguments), &CancelFlag::default());
    assert!(ahead(vec![value(&1_u64)]).is_none(), "there is nothing to read");
    let (both, beyond) = (|| vec![range(2, 4), range(0, 2)], || vec![range(3, 5), range(0, 4)]);
    let (ready, in_part) = (ahead(both()).unwrap().await, ahead(beyond()).unwrap().await);
    std::fs::remove_file(&path).unwrap();
    let ready = run_with((function(joined), both()), vec![], CancelFlag::default(), Some(ready)).await;
    let (report, bytes) = ready.unwrap();
    assert_eq!((bytes, report.counters.local_file), ("urfo".into(), 4));
    let error = run_with((function(joined), beyond()), vec![], CancelFlag::default(), Some(in_part)).await.unwrap_err();
    assert!(error.message.ends_with("text: bytes 3 to 5 are no range of its 4 bytes"), "{}", error.message);
}

#[tokio::test]
async fn failures_say_what_happened() {
    let error = refusal(function(parse), vec![value(&"seven".to_owned())]).await;
    assert_eq!(error.message, "function 'functions::parse': invalid digit found in string");
    assert_eq!(error.kind, TaskErrorKind::Permanent);
    // An error's causes are told, however it is returned; what is no error is told as it is displayed.
    let causes = "read the number: invalid digit found in string";
    let error = refusal(function(nested), vec![value(&"seven".to_owned())]).await;
    assert_eq!(error.message, format!("function 'functions::nested': {causes}"));
    let error = refusal(function(boxed), vec![value(&"seven".to_owned())]).await;
    assert_eq!(error.message, format!("function 'functions::boxed': {causes}"));
    let error = refusal(function(worded), vec![value(&"seven".to_owned())]).await;
    assert_eq!(error.message, "function 'functions::worded': seven");
    let error = refusal(function(breaks), vec![value(&9usize)]).await;
    assert!(error.message.starts_with("function 'functions::breaks' panicked at worker/task/tests/functions.rs:"));
    assert!(error.message.ends_with("index out of bounds: the len is 3 but the index is 9"), "{}", error.message);
    // No worker may be brought down by a number.
    let none = run(function(add), vec![Kind::Result(u32::MAX), Kind::Result(1)], vec![], CancelFlag::default()).await;
    assert_eq!(none.unwrap_err().kind, TaskErrorKind::InputLost(vec![0]));
    let lost = run(function(add), vec![Kind::Result(0), Kind::Result(1)], vec![], CancelFlag::default()).await;
    assert_eq!(lost.unwrap_err().kind, TaskErrorKind::InputLost(vec![0]));
}

#[tokio::test]
async fn other_programs_are_refused() {
    let of = |change: fn(&mut wire::Function)| {
        let mut called = function(add);
        change(&mut called);
        called
    };
    let arguments = || vec![value(&1u64), value(&2u64)];
    let error = refusal(of(|called| called.name = "gone".into()), arguments()).await;
    assert!(error.message.contains("function 'gone' is not registered") && error.message.contains("#[bobbin::task]"));
    assert!(error.message.contains("functions::add"), "{}", error.message);
    let error = refusal(of(|called| called.version = 9), arguments()).await;
    assert!(error.message.contains("has version 0 in this program, and the driver calls version 9"));
    let error = refusal(of(|called| called.signature = "(u8) -> u8".into()), arguments()).await;
    assert!(error.message.contains("is (u64, u64) -> u64 in this program"), "{}", error.message);
    // A driver in another language need not know the types.
    assert_eq!(call::<u64>(of(|called| called.signature.clear()), arguments(), vec![]).await, 3);
    let error = refusal(function(add), vec![value(&1u64)]).await;
    assert!(error.message.contains("has 2 parameters, and was given 1 argument"), "{}", error.message);
    let error = refusal(function(add), vec![value(&"text".to_owned()), value(&1u64)]).await;
    assert!(error.message.contains("argument 1: read a value of the type u64"), "{}", error.message);
    let error = refusal(wire::Function { name: "twice".into(), ..wire::Function::default() }, vec![]).await;
    assert!(error.message.contains("registered twice"), "{}", error.message);
    assert_eq!((other::one(), other::two()), ((), ()));
}

#[test]
fn methods_of_other_programs_are_refused() {
    let error = |name: &str| {
        let (called, initial) = (wire::Function { name: name.into(), ..wire::Function::default() }, bytes::Bytes::new);
        Methods::default().call(&called, wire::Call::default(), &mut State::default(), initial).unwrap_err().to_string()
    };
    let unknown = error("gone");
    assert!(
        unknown.starts_with("method 'gone' is not registered") && unknown.contains("#[bobbin::method]"),
        "{unknown}"
    );
    assert!(unknown.contains("functions::names::state") && !unknown.contains("functions::add"), "{unknown}");
    let twice = error("method twice");
    assert!(twice.contains("registered twice") && twice.contains("#[bobbin::method(name = "), "{twice}");
    assert_eq!((other::three(&1), other::four(&1)), ((), ()));
}

#[tokio::test]
async fn a_cancelled_function_ends() {
    let cancel = CancelFlag::default();
    let stopper = std::thread::spawn({
        let cancel = cancel.clone();
        move || {
            while !STARTED.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            cancel.cancel();
        }
    });
    let error = run(function(for_ever), vec![], vec![], cancel).await.unwrap_err();
    stopper.join().unwrap();
    assert_eq!((error.kind, error.exit_code), (TaskErrorKind::Cancelled, 130));
    assert_eq!(checkpoint(), Ok(()), "outside of tasks nothing is cancelled");
}
