//! What tasks that do nothing cost: how many are done in a second, and the CPU time of each process for each of them. The
//! application master is a process of its own; all talk over TLS on loopback. Workers are real ones, or (`zero`) say at once
//! that a task is done, so that nothing is measured but the application master and the driver; or (`raw`) the driver submits
//! one job and wants no results, so that it is the application master alone.
//!
//! `futures_load [TASKS]` prints a line of JSON for each measure.

#[path = "../tests/processes/mod.rs"]
mod processes;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use bobbin::Session;
use bobbin_appmaster::application::{Application, Options};
use bobbin_appmaster::spec::{SECRET_WORKER, WorkerSpec};
use bobbin_appmaster::{server, take_credentials, text_secret};
use bobbin_core::Config;
use bobbin_link::{Acceptor, Connector, listen};
use bobbin_proto::{self as wire, from_driver, from_worker, to_driver, to_worker};
use futures::{SinkExt, StreamExt};
use processes::Cluster;

/// Tasks of each measure, unless the command line says otherwise.
const TASKS: u64 = 100_000;
/// Tasks before a measure, so that nothing is cold.
const BEFORE: u64 = 5_000;
/// Orders that a zero worker takes before it answers all of them.
const BATCH: usize = 1024;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[bobbin::task(pure = false)]
fn nothing(_number: u64) {}

#[bobbin::main]
async fn main() -> Outcome<()> {
    match std::env::args().nth(1).as_deref() {
        Some("master") => master().await,
        Some("zero") => zero_worker().await,
        tasks => measure(tasks.map_or(Ok(TASKS), str::parse)?).await,
    }
}

fn this(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_default());
    command.arg(role);
    command
}

async fn measure(tasks: u64) -> Outcome<()> {
    for (kind, worker, counts) in [
        ("raw", (|| this("zero")) as fn() -> Command, [1, 2, 8].as_slice()),
        ("zero", || this("zero"), &[1, 2, 8]),
        ("real", || this("worker"), &[1, 2]),
    ] {
        for &count in counts {
            let mut load = Load::start(count, worker)?;
            if kind == "raw" {
                load.submit_raw(BEFORE, 1).await?;
            }
            let files = bobbin::Files::new(bobbin_blocks::BlockReader::local(), bobbin_blocks::PathBase::Local);
            let session = Session::join(&load.cluster.address, &load.cluster.identity, "load", files).await?;
            session.gather(&session.map(nothing, 0..BEFORE)).await?;
            let (before, began) = (load.micros()?, Instant::now());
            match kind {
                "raw" => load.submit_raw(tasks, 2).await?,
                _ => drop(session.gather(&session.map(nothing, 0..tasks)).await?),
            }
            let a_second = tasks as f64 / began.elapsed().as_secs_f64();
            let [master, workers, driver] = load.micros()?;
            let each = |after: f64, before: f64| (after - before) / tasks as f64;
            println!(
                r#"{{"measure": "{kind}, {count}", "tasks_a_second": {a_second:.0}, "master_us": {:.2}, "workers_us": {:.2}, "driver_us": {:.2}}}"#,
                each(master, before[0]),
                each(workers, before[1]),
                each(driver, before[2]),
            );
        }
    }
    Ok(())
}

/// An application of processes. The workers end first.
struct Load {
    cluster: Cluster,
    master: Master,
}

struct Master(Child);

impl Load {
    fn start(workers: usize, worker: fn() -> Command) -> Outcome<Load> {
        let mut cluster = Cluster::without_master(worker);
        let tokens = cluster.tokens("master");
        let mut command = this("master");
        command.env("HADOOP_TOKEN_FILE_LOCATION", tokens).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut master = command.spawn()?;
        let mut line = String::new();
        BufReader::new(master.stdout.take().ok_or("no standard output")?).read_line(&mut line)?;
        cluster.address = line.trim().to_owned();
        (0..workers).for_each(|_| cluster.start_worker());
        Ok(Load { cluster, master: Master(master) })
    }

    /// CPU time so far of the application master, the workers and this process.
    fn micros(&self) -> Outcome<[f64; 3]> {
        let workers = self.cluster.worker_ids().map(cpu_micros).sum::<Outcome<f64>>()?;
        Ok([cpu_micros(self.master.0.id())?, workers, cpu_micros(std::process::id())?])
    }

    /// One job of tasks whose results nobody wants, over a link of its own.
    async fn submit_raw(&mut self, tasks: u64, job: u32) -> Outcome<()> {
        let connector = Connector::new(&self.cluster.identity)?;
        let hello = wire::DriverHello { name: "raw".to_owned() };
        let (mut link, _) = connector.dial_as_driver(&self.cluster.address, hello).await?;
        let tasks = vec![wire::TaskSpec::default(); usize::try_from(tasks)?];
        let set = wire::TaskSet { tasks, ..wire::TaskSet::default() };
        let submit = wire::SubmitJob { job, task_sets: vec![set], ..wire::SubmitJob::default() };
        link.send(wire::FromDriver { message: Some(from_driver::Message::SubmitJob(submit)) }).await?;
        while let Some(message) = link.next().await {
            match message?.message {
                Some(to_driver::Message::JobFinished(_)) => return Ok(()),
                Some(to_driver::Message::JobFailed(failed)) => return Err(failed.message.into()),
                _ => {}
            }
        }
        Err("the application master closed the connection".into())
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// CPU time of a process.
fn cpu_micros(process: u32) -> Outcome<f64> {
    /// Linux has told programs 100 ticks a second for as long as it has had `/proc`.
    const TICK: f64 = 1e6 / 100.0;
    let line = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Fields 14 and 15 of proc_pid_stat(5); after the name come those from the third on.
    let fields = line.rsplit_once(") ").ok_or("no name")?.1;
    Ok(fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() * TICK)
}

/// The application master, until it is killed.
async fn master() -> Outcome<()> {
    let identity = bobbin::role::identity(&take_credentials()?)?;
    let listener = listen("127.0.0.1", None).await?;
    println!("{}", listener.local_addr()?);
    let options = Options { id: "load".into(), core: Config::default(), mailbox: None, submitted_ms: 0, master: 1 };
    let (application, _) = Application::start(options);
    server::serve(listener, Acceptor::new(&identity)?, application).await;
    Ok(())
}

/// A worker that runs nothing: whatever it is told to do is done, with a result of no bytes, which nobody need fetch.
async fn zero_worker() -> Outcome<()> {
    let credentials = take_credentials()?;
    let spec: WorkerSpec = serde_json::from_str(text_secret(&credentials, SECRET_WORKER)?)?;
    let hello = wire::WorkerHello {
        container_id: std::env::var("CONTAINER_ID")?,
        host: std::env::var("NM_HOST")?,
        threads: spec.threads,
        ..wire::WorkerHello::default()
    };
    let connector = Connector::new(&bobbin::role::identity(&credentials)?)?;
    let (link, _) = connector.dial_as_worker(&spec.master_address, hello).await?;
    let (mut sink, stream) = link.split();
    let mut orders = stream.ready_chunks(BATCH);
    while let Some(batch) = orders.next().await {
        for order in batch {
            if let Some(message) = answer(order?) {
                sink.feed(wire::FromWorker { message: Some(message) }).await?;
            }
        }
        sink.flush().await?;
    }
    Ok(())
}

fn answer(order: wire::ToWorker) -> Option<from_worker::Message> {
    match order.message? {
        to_worker::Message::RunTask(wire::RunTask { task, attempt, .. }) => {
            Some(from_worker::Message::TaskFinished(wire::TaskFinished {
                task,
                attempt,
                ..wire::TaskFinished::default()
            }))
        }
        to_worker::Message::Heartbeat(heartbeat) => Some(from_worker::Message::Heartbeat(heartbeat)),
        // What was to be cancelled is done already, and there is nothing to drop.
        to_worker::Message::CancelTask(_)
        | to_worker::Message::DropResults(_)
        | to_worker::Message::Stop(_)
        | to_worker::Message::CopyResult(_)
        | to_worker::Message::AdoptResults(_)
        | to_worker::Message::DropFormer(_) => None,
    }
}
