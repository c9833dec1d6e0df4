//! Workers of a cluster against an application master that only says what a test wants it to say: real links, real
//! tasks, real files.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bobbin_blocks::BlockReader;
use bobbin_engine::{Executor, InputRange, Planner, PlannerOptions, Query, decode_result};
use bobbin_link::{Accepted, Acceptor, Authority, Connector, FetchError, Identity, Link, Role, Secret};
use bobbin_proto as wire;
use bobbin_task::Isolation;
use bobbin_task::function::Functions;
use bobbin_worker::{ConnectError, Connection, Executors, ResultStore, connect};
use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use wire::from_worker::Message as Report;
use wire::to_worker::Message as Order;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);

struct Master {
    authority: Authority,
    secret: Secret,
    listener: TcpListener,
    directory: TempDir,
}

struct Joined {
    link: Link<wire::FromWorker, wire::ToWorker>,
    hello: wire::WorkerHello,
    id: u32,
    running: JoinHandle<Result<(), ConnectError>>,
}

impl Master {
    async fn start() -> Master {
        Master {
            authority: Authority::generate().unwrap(),
            secret: Secret::generate(),
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn identity(&self) -> Identity {
        self.authority.issue("test", &self.secret).unwrap()
    }

    fn connector(&self) -> Connector {
        Connector::new(&self.identity()).unwrap()
    }

    /// Starts a worker that keeps `budget` bytes of results in memory, and lets it in.
    async fn worker(&self, id: u32, budget: usize) -> Joined {
        let spill = self.directory.path().join(format!("spill-{id}"));
        let running = tokio::spawn(connect(Connection {
            master_address: self.listener.local_addr().unwrap().to_string(),
            identity: self.identity(),
            container_id: format!("container_{id}"),
            host: "localhost".to_owned(),
            threads: 2,
            memory_bytes: 64 << 20,
            port_range: None,
            executors: Executors {
                plans: Arc::new(Executor::new(BlockReader::local(), 64 << 20, 2, spill.clone())),
                functions: Arc::new(Functions::new(BlockReader::local())),
                methods: Arc::default(),
                isolation: Isolation::Thread,
            },
            store: ResultStore::new(&spill, budget),
            next: None,
        }));
        let (tcp, peer) = self.listener.accept().await.unwrap();
        let mut pending = Acceptor::new(&self.identity()).unwrap().accept(tcp, peer).await.unwrap();
        let Role::Worker(hello) = std::mem::replace(&mut pending.role, Role::Worker(wire::WorkerHello::default()))
        else {
            panic!("not a worker: {:?}", pending.role)
        };
        let Accepted::Worker(link) = pending.welcome(&Arc::from("application_1_0001"), (id, 1)).await.unwrap() else {
            panic!("not a worker's link")
        };
        Joined { link: *link, hello, id, running }
    }

    /// Plans a query with several scan tasks over a file of 5000 rows.
    async fn query(&self) -> Query {
        let query = self.plan(None).await;
        assert_eq!(query.stages.len(), 2);
        assert!(query.stages[0].tasks.len() > 3);
        query
    }

    /// The same with an exchange between its stages.
    async fn exchanging_query(&self) -> Query {
        let query = self.plan(Some(3)).await;
        assert_eq!(query.stages.len(), 3, "{}", query.explain());
        query
    }

    async fn plan(&self, buckets: Option<usize>) -> Query {
        let path = self.directory.path().join("table.csv");
        let mut file = std::fs::File::create(&path).unwrap();
        writeln!(file, "k,v").unwrap();
        for row in 0..5000 {
            writeln!(file, "{},{row}", row % 3).unwrap();
        }
        drop(file);
        let options = PlannerOptions { split_size: 8192, buckets, ..PlannerOptions::default() };
        let sql = format!("SELECT k, count(*) AS n, sum(v) AS s FROM '{}' GROUP BY k ORDER BY k", path.display());
        Planner::new(BlockReader::local(), options).plan(&sql, &bobbin_engine::KnownBorders::default()).await.unwrap()
    }

    async fn fetch(&self, address: &str, task: u32) -> Result<Bytes, FetchError> {
        fetch(&self.connector(), address, task).await
    }
}

async fn fetch(connector: &Connector, address: &str, task: u32) -> Result<Bytes, FetchError> {
    let mut connection = connector.dial_as_peer(address).await.unwrap();
    let mut body = connection.fetch(1, task).await?;
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

impl Joined {
    async fn order(&mut self, order: Order) {
        self.link.send(wire::ToWorker { message: Some(order) }).await.unwrap();
    }

    /// The end of the next task.
    async fn report(&mut self) -> Result<wire::TaskFinished, wire::TaskFailed> {
        loop {
            let next = timeout(LIMIT, self.link.next()).await.expect("a report in time");
            match next.expect("the worker stays").unwrap().message.expect("a message") {
                Report::TaskFinished(finished) => return Ok(finished),
                Report::TaskFailed(failed) => return Err(failed),
                Report::Heartbeat(_) | Report::TaskWaits(_) | Report::MemoryPressure(_) => {}
                other @ (Report::ResultCopied(_) | Report::CopyFailed(_) | Report::ResultsAdopted(_)) => {
                    panic!("nobody has asked for that: {other:?}")
                }
            }
        }
    }

    async fn finished(&mut self) -> wire::TaskFinished {
        self.report().await.expect("the task is done")
    }

    async fn failed(&mut self) -> wire::TaskFailed {
        self.report().await.expect_err("the task fails")
    }

    fn holder(&self) -> wire::Holder {
        holder(self.id, &self.hello.fetch_address)
    }

    async fn stop(mut self) {
        self.order(Order::Stop(wire::Stop {})).await;
        timeout(LIMIT, self.running).await.expect("the worker ends").unwrap().expect("with success");
    }

    /// Runs all scan tasks of `query` here.
    async fn scan(&mut self, query: &Query) {
        let stage = &query.stages[0];
        for (task, plan) in stage.tasks.iter().enumerate() {
            self.order(run(task as u32, &stage.shared, &plan.body)).await;
        }
        for _ in &stage.tasks {
            assert!(self.finished().await.metrics.unwrap().bytes_local_file > 0);
        }
    }

    /// Orders the final task of `query`, whose inputs are with `holders` in turn.
    async fn order_final(&mut self, query: &Query, attempt: u32, holders: &[wire::Holder]) -> u32 {
        let task = query.stages[0].tasks.len() as u32;
        let (stage, plan) = (&query.stages[1], &query.stages[1].tasks[0]);
        let Order::RunTask(order) = run(task, &stage.shared, &plan.body) else { unreachable!() };
        let order = wire::RunTask { inputs: inputs(&plan.inputs, holders.len()), holders: holders.to_vec(), ..order };
        self.order(Order::RunTask(wire::RunTask { attempt, ..order })).await;
        task
    }
}

fn holder(worker: u32, address: &str) -> wire::Holder {
    wire::Holder { worker, host: format!("host-{worker}"), fetch_address: address.to_owned() }
}

fn run(task: u32, shared: &Bytes, body: &Bytes) -> Order {
    let (shared, body) = (shared.clone(), body.clone());
    Order::RunTask(wire::RunTask { task, attempt: 1, shared, body, ..wire::RunTask::default() })
}

/// What a task reads when so many workers hold the results in turn.
fn inputs(ranges: &[InputRange], holders: usize) -> Vec<wire::Input> {
    let input = |range: &InputRange| wire::Input {
        first: range.first,
        part: range.part,
        holders: (range.first..range.first + range.count).map(|task| task % holders as u32).collect(),
    };
    ranges.iter().map(input).collect()
}

/// An address at which nobody listens any more.
async fn dead_address() -> String {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string()
}

fn check_answer(bytes: Bytes) {
    let batches = decode_result(bytes).unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 3);
    let columns = format!("{:?}", batches[0].columns());
    assert!(columns.contains("1667") && columns.contains("4165833"), "{columns}");
}

#[tokio::test]
async fn results_go_from_worker_to_worker_to_driver() {
    let master = Master::start().await;
    let query = master.query().await;
    // The first worker keeps nothing in memory: what the second one fetches has been spilled.
    let (mut first, mut second) = (master.worker(1, 0).await, master.worker(2, 1 << 20).await);
    first.scan(&query).await;

    let holders = [first.holder()];
    let task = second.order_final(&query, 1, &holders).await;
    let finished = second.finished().await;
    assert_eq!(finished.task, task);
    let metrics = finished.metrics.unwrap();
    assert!(metrics.bytes_fetched > 0 && metrics.wall_micros > 0, "{metrics:?}");
    let result = master.fetch(&second.hello.fetch_address, task).await.unwrap();
    assert_eq!(result.len() as u64, finished.result_bytes);
    check_answer(result);

    // Where the inputs are at home, nothing is fetched; the bytes of the answer are the same.
    let holders = [first.holder()];
    first.order_final(&query, 1, &holders).await;
    assert_eq!(first.finished().await.metrics.unwrap().bytes_fetched, 0);
    check_answer(master.fetch(&first.hello.fetch_address, task).await.unwrap());
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn lost_inputs_are_named() {
    let master = Master::start().await;
    let query = master.query().await;
    let (mut first, mut second) = (master.worker(1, 1 << 20).await, master.worker(2, 1 << 20).await);
    first.scan(&query).await;
    first.order(Order::DropResults(wire::DropResults { tasks: vec![1] })).await;
    // Orders and fetches have threads of their own.
    let fetched = async || master.fetch(&first.hello.fetch_address, 1).await;
    timeout(LIMIT, async { while fetched().await.is_ok() {} }).await.expect("it is dropped in time");
    let holders = [first.holder()];
    second.order_final(&query, 1, &holders).await;
    let failed = second.failed().await;
    assert_eq!(failed.kind(), wire::FailureKind::InputLost);
    assert_eq!(failed.lost_inputs, [1]);
    assert!(failed.message.contains("result of task 1") && failed.message.contains("host-1"), "{}", failed.message);
    // The worker goes on, and so does the attempt after the input was made again.
    let scan = run(1, &query.stages[0].shared, &query.stages[0].tasks[1].body);
    first.order(scan).await;
    first.finished().await;
    let holders = [first.holder()];
    second.order_final(&query, 2, &holders).await;
    assert_eq!(second.finished().await.attempt, 2);
}

#[tokio::test]
async fn a_holder_that_is_gone_loses_all_that_it_had() {
    let master = Master::start().await;
    let query = master.query().await;
    let (mut first, mut second) = (master.worker(1, 1 << 20).await, master.worker(2, 1 << 20).await);
    first.scan(&query).await;
    // Every other result is said to be where nobody is.
    let holders = [first.holder(), holder(9, &dead_address().await)];
    second.order_final(&query, 1, &holders).await;
    let failed = second.failed().await;
    let odd: Vec<u32> = (0..query.stages[0].tasks.len() as u32).filter(|task| task % 2 == 1).collect();
    assert_eq!((failed.kind(), failed.lost_inputs), (wire::FailureKind::InputLost, odd));
    assert!(failed.message.contains("host-9"), "{}", failed.message);
}

/// A worker that has what the one at this address has, and whose connections break in the middle of a result.
async fn breaking_holder(master: &Master, whole: String) -> wire::Holder {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (acceptor, connector) = (Acceptor::new(&master.identity()).unwrap(), master.connector());
    tokio::spawn(async move {
        loop {
            let (tcp, peer) = listener.accept().await.unwrap();
            let pending = acceptor.accept(tcp, peer).await.unwrap();
            let accepted = pending.welcome(&Arc::from("application"), (0, 0)).await.unwrap();
            let Accepted::Peer(mut server) = accepted else { panic!("only results are fetched here") };
            let request = server.request().await.unwrap().unwrap();
            let bytes = fetch(&connector, &whole, request.tasks[0]).await.unwrap();
            server.reply(request.tasks[0], bytes.len() as u64).await.unwrap();
            server.send(&bytes[..bytes.len() / 2]).await.unwrap();
            server.flush().await.unwrap();
        }
    });
    holder(9, &address)
}

#[tokio::test]
async fn another_holder_goes_on_where_one_stopped() {
    // Results in memory, and in a file.
    for budget in [1 << 20, 0] {
        let master = Master::start().await;
        let query = master.query().await;
        let (mut first, mut second) = (master.worker(1, budget).await, master.worker(2, 1 << 20).await);
        first.scan(&query).await;
        let (whole, tasks) = (first.hello.fetch_address.clone(), query.stages[0].tasks.len() as u32);
        let mut bytes = 0;
        for task in 0..tasks {
            bytes += master.fetch(&whole, task).await.unwrap().len() as u64;
        }
        let holders = vec![breaking_holder(&master, whole).await, first.holder()];
        let plan = &query.stages[1].tasks[0];
        let Order::RunTask(order) = run(tasks, &query.stages[1].shared, &plan.body) else { unreachable!() };
        let copies = (0..tasks).map(|task| wire::Copy { task, holder: 1 }).collect();
        let inputs = inputs(&plan.inputs, 1);
        second.order(Order::RunTask(wire::RunTask { inputs, holders, copies, ..order })).await;
        let fetched = second.finished().await.metrics.unwrap().bytes_fetched;
        assert_eq!(fetched, bytes, "no byte twice");
        check_answer(master.fetch(&second.hello.fetch_address, tasks).await.unwrap());
        first.stop().await;
        second.stop().await;
    }
}

/// All tasks of a query with an exchange, on two workers in turn: parts go both ways, from memory and from files.
#[tokio::test]
async fn parts_go_from_worker_to_worker() {
    let master = Master::start().await;
    let query = master.exchanging_query().await;
    let mut workers = [master.worker(1, 0).await, master.worker(2, 1 << 20).await];
    let holders = [workers[0].holder(), workers[1].holder()];
    let mut number = 0;
    let mut fetched = 0;
    for stage in &query.stages {
        for plan in &stage.tasks {
            let worker = &mut workers[number as usize % 2];
            let Order::RunTask(order) = run(number, &stage.shared, &plan.body) else { unreachable!() };
            let order = wire::RunTask { inputs: inputs(&plan.inputs, 2), holders: holders.to_vec(), ..order };
            worker.order(Order::RunTask(order)).await;
            fetched += worker.finished().await.metrics.unwrap().bytes_fetched;
            number += 1;
        }
    }
    assert!(fetched > 0);
    let last = *query.wanted.last().unwrap();
    check_answer(master.fetch(&workers[last as usize % 2].hello.fetch_address, last).await.unwrap());
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_task_that_waits_for_its_input_is_cancelled_at_once() {
    let master = Master::start().await;
    let query = master.query().await;
    let mut worker = master.worker(1, 1 << 20).await;
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let holders = [holder(9, &mute.local_addr().unwrap().to_string())];
    let task = worker.order_final(&query, 1, &holders).await;
    // It has dialed the holder, so it waits for an answer that will never come.
    let _dialed = timeout(LIMIT, mute.accept()).await.unwrap().unwrap();
    worker.order(Order::CancelTask(wire::CancelTask { task, attempt: 1 })).await;
    let failed = worker.failed().await;
    assert_eq!((failed.task, failed.kind()), (task, wire::FailureKind::Cancelled));
    worker.scan(&query).await;
    worker.stop().await;
}

#[tokio::test]
async fn nonsense_is_a_permanent_failure_of_its_task_only() {
    let master = Master::start().await;
    let query = master.query().await;
    let mut worker = master.worker(1, 1 << 20).await;
    let nonsense = Bytes::from_static(b"\xff\x00nonsense");
    worker.order(run(77, &nonsense, &nonsense)).await;
    let failed = worker.failed().await;
    assert_eq!((failed.task, failed.kind()), (77, wire::FailureKind::Permanent));
    worker.order(run(78, &query.stages[0].shared, &nonsense)).await;
    assert_eq!(worker.failed().await.kind(), wire::FailureKind::Permanent);
    // An order without content is passed over.
    worker.link.send(wire::ToWorker { message: None }).await.unwrap();
    worker.scan(&query).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_ends_when_its_master_is_gone() {
    let master = Master::start().await;
    let worker = master.worker(1, 1 << 20).await;
    drop(worker.link);
    let error = timeout(LIMIT, worker.running).await.expect("the worker ends").unwrap().unwrap_err();
    let address = master.listener.local_addr().unwrap();
    assert_eq!(error.to_string(), format!("the application master at {address} is gone: it closed the connection"));
}

#[tokio::test]
async fn strangers_at_the_worker_are_refused_and_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let master = Master::start().await;
    let query = master.query().await;
    let mut worker = master.worker(1, 1 << 20).await;
    worker.scan(&query).await;
    let address = worker.hello.fetch_address.clone();

    let mut garbage = TcpStream::connect(&address).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    log.wait_for("TLS handshake").await;

    let foreign = Authority::generate().unwrap().issue("foreign", &master.secret).unwrap();
    assert!(Connector::new(&foreign).unwrap().dial_as_peer(&address).await.is_err());

    let wrong_secret = master.authority.issue("wrong secret", &Secret::generate()).unwrap();
    assert!(Connector::new(&wrong_secret).unwrap().dial_as_peer(&address).await.is_err());
    log.wait_for("does not know the application's secret").await;

    let as_worker = master.connector().dial_as_worker(&address, wire::WorkerHello::default()).await;
    assert!(as_worker.err().unwrap().to_string().contains("it serves results only"));

    assert!(!master.fetch(&address, 0).await.unwrap().is_empty());
    let missing = master.fetch(&address, 99).await.unwrap_err();
    assert!(missing.to_string().contains("no result of task 99"), "{missing}");
    // Another application master's task 0 is another task.
    let mut connection = master.connector().dial_as_peer(&address).await.unwrap();
    let foreign = connection.fetch(2, 0).await.map(|body| body.remaining()).unwrap_err();
    assert!(foreign.to_string().contains("of application master 2 any more"), "{foreign}");
    worker.stop().await;
}

/// What was logged on this thread.
#[derive(Clone, Default)]
struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    grown: Arc<tokio::sync::Notify>,
}

impl Log {
    async fn wait_for(&self, wanted: &str) {
        let found = async {
            while !String::from_utf8_lossy(&self.text.lock().unwrap()).contains(wanted) {
                self.grown.notified().await;
            }
        };
        timeout(LIMIT, found).await.unwrap_or_else(|_| panic!("not logged: {wanted}"));
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.text.lock().unwrap().extend_from_slice(bytes);
        self.grown.notify_one();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}
