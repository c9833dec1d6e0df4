//! While a task has the only thread, the next one's file is read.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bobbin_proto as wire;
use bobbin_proto::from_worker::Message as Report;
use bobbin_proto::to_worker::Message as Order;
use bobbin_task::{CancelFlag, Execute, Inputs, Isolation, Output, Ready, Task, TaskError, TaskReport};
use bobbin_worker::{Executors, Peers, ResultStore, Worker, WorkerOptions};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, LocalBoxFuture};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);

/// A task's body is its name. "first" runs until something was read ahead; every other one's result is what was.
struct Names {
    read: Mutex<Option<oneshot::Sender<()>>>,
    waits: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Names {
    fn new() -> Names {
        let (read, waits) = oneshot::channel();
        Names { read: Mutex::new(Some(read)), waits: Mutex::new(Some(waits)) }
    }
}

impl Execute for Names {
    fn run<'a>(
        &'a self,
        task: Task<'a>,
        _: Arc<dyn Inputs>,
        output: &'a mut dyn Output,
    ) -> LocalBoxFuture<'a, Result<TaskReport, TaskError>> {
        async move {
            if *task.body == "first" {
                let waits = self.waits.lock().unwrap().take();
                waits.unwrap().await.unwrap();
            }
            let ready = task.ready.and_then(Ready::take::<String>);
            output.write(0, ready.unwrap_or_default().into()).unwrap();
            Ok(TaskReport::default())
        }
        .boxed_local()
    }

    fn read_ahead(&self, shared: &Bytes, body: &Bytes, _: &CancelFlag) -> Option<BoxFuture<'static, Ready>> {
        let read = self.read.lock().unwrap().take();
        let name = format!("{} {}", String::from_utf8_lossy(shared), String::from_utf8_lossy(body));
        Some(
            async move {
                let _ = read.map(|read| read.send(()));
                Ready::new(name)
            }
            .boxed(),
        )
    }
}

fn run(task: u32, body: &'static str, input_bytes: u64) -> wire::ToWorker {
    let (shared, body) = (Bytes::from("read for"), Bytes::from(body));
    let order = wire::RunTask { task, attempt: 1, shared, body, input_bytes, inline_limit: 100, ..Default::default() };
    wire::ToWorker { message: Some(Order::RunTask(order)) }
}

async fn result(reports: &mut mpsc::Receiver<wire::FromWorker>) -> (u32, Bytes) {
    let report = timeout(LIMIT, reports.recv()).await.expect("the first task waits for the second one's file");
    match report.unwrap().message {
        Some(Report::TaskFinished(done)) => (done.task, done.inline),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_task_reads_is_read_while_it_waits() {
    let directory = tempfile::tempdir().unwrap();
    let names: Arc<dyn Execute> = Arc::new(Names::new());
    let executors =
        Executors { plans: names.clone(), functions: names, methods: Arc::default(), isolation: Isolation::Thread };
    // A quarter of this is for what is read ahead.
    let store = ResultStore::new(directory.path(), 8 << 10);
    let peers = Peers { connector: None, io: Handle::current() };
    let options = WorkerOptions { threads: 1, host: "localhost".into(), executors, store, peers };
    let (orders, incoming) = mpsc::channel(10);
    let (outgoing, mut reports) = mpsc::channel(10);
    let running = tokio::spawn(Worker::start(options, (1, 1)).unwrap().run(incoming, outgoing));
    // There is a thread for the first one, and no room for the last one.
    for order in [run(1, "first", 5), run(2, "second", 2048), run(3, "no file", 0), run(4, "a large one", 2049)] {
        orders.send(order).await.unwrap();
    }
    for expected in [(1, ""), (2, "read for second"), (3, ""), (4, "")] {
        assert_eq!(result(&mut reports).await, (expected.0, Bytes::from(expected.1)));
    }
    drop(orders);
    running.await.unwrap();
}
