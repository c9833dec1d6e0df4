//! The worker's loop: orders in, reports out.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use bobbin_engine::{CancelFlag, Executor, Task, TaskError, TaskErrorKind, TaskReport};
use bobbin_proto as wire;
use futures::FutureExt;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::inputs::{Peers, TaskInputs, shared};
use crate::store::ResultStore;
use crate::threads::{TaskThreads, Work, cpu_micros};

/// Reports that wait to be sent.
pub(crate) const REPORTS: usize = 1024;

/// What a worker needs.
pub struct WorkerOptions {
    /// Task threads.
    pub threads: u32,
    /// Our host, for messages.
    pub host: String,
    /// Runs plans.
    pub executor: Arc<Executor>,
    /// Keeps results.
    pub store: ResultStore,
    /// Reaches other workers.
    pub peers: Peers,
}

/// Why a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to.
    Stopped,
    /// Nobody gives orders any more.
    Abandoned,
}

/// Runs tasks until it is told to stop.
pub struct Worker {
    options: WorkerOptions,
    threads: TaskThreads,
    running: BTreeMap<(u32, u32), CancelFlag>,
    /// Our number in the application; tells our own results from others'.
    id: u32,
}

impl Worker {
    /// A worker whose threads are up.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub fn start(options: WorkerOptions, id: u32) -> std::io::Result<Self> {
        let threads = TaskThreads::start(options.threads)?;
        Ok(Worker { options, threads, running: BTreeMap::new(), id })
    }

    /// Takes orders until [`wire::Stop`] comes or the channel closes; what runs then is cancelled.
    pub async fn run(
        mut self,
        mut orders: mpsc::Receiver<wire::ToWorker>,
        reports: mpsc::Sender<wire::FromWorker>,
    ) -> Ending {
        let (done, mut finished) = mpsc::channel(REPORTS);
        let ending = loop {
            tokio::select! {
                order = orders.recv() => match order.map(|order| order.message) {
                    Some(Some(wire::to_worker::Message::Stop(_))) => break Ending::Stopped,
                    Some(Some(order)) => self.obey(order, &done),
                    Some(None) => warn!("the application master sent an empty order"),
                    None => break Ending::Abandoned,
                },
                Some((key, report)) = finished.recv() => {
                    self.running.remove(&key);
                    if reports.send(wire::FromWorker { message: Some(report) }).await.is_err() {
                        break Ending::Abandoned;
                    }
                }
            }
        };
        for flag in self.running.values() {
            flag.cancel();
        }
        // Joining the threads waits for their tasks to notice, which is no business of the IO threads.
        let threads = self.threads;
        let _ = tokio::task::spawn_blocking(move || drop(threads)).await;
        ending
    }

    fn obey(&mut self, order: wire::to_worker::Message, done: &mpsc::Sender<Report>) {
        match order {
            wire::to_worker::Message::RunTask(task) => self.start_task(task, done),
            wire::to_worker::Message::CancelTask(cancel) => {
                if let Some(flag) = self.running.get(&(cancel.task, cancel.attempt)) {
                    flag.cancel();
                }
            }
            wire::to_worker::Message::DropResults(drop) => self.options.store.drop_results(&drop.tasks),
            wire::to_worker::Message::Heartbeat(_) | wire::to_worker::Message::Stop(_) => {}
        }
    }

    fn start_task(&mut self, order: wire::RunTask, done: &mpsc::Sender<Report>) {
        let key = (order.task, order.attempt);
        let cancel = CancelFlag::default();
        self.running.insert(key, cancel.clone());
        let run = TaskRun {
            inputs: TaskInputs {
                inputs: order.inputs.clone(),
                own: self.id,
                store: self.options.store.clone(),
                peers: self.options.peers.clone(),
            },
            order,
            cancel,
            executor: self.options.executor.clone(),
            store: self.options.store.clone(),
            host: self.options.host.clone(),
        };
        let (reports, refused) = (done.clone(), done.clone());
        let work: Work = Box::new(move || {
            Box::pin(async move {
                let report = run.report().await;
                // A worker that ends takes no reports any more.
                let _ = reports.send((key, report)).await;
            })
        });
        if self.threads.submit(work).is_err() {
            let failure = failed(key, wire::FailureKind::Transient, "the worker has too many tasks waiting");
            let _ = refused.try_send((key, wire::from_worker::Message::TaskFailed(failure)));
        }
    }
}

type Report = ((u32, u32), wire::from_worker::Message);

struct TaskRun {
    order: wire::RunTask,
    inputs: TaskInputs,
    cancel: CancelFlag,
    executor: Arc<Executor>,
    store: ResultStore,
    host: String,
}

impl TaskRun {
    /// Runs the task and says how it went. A panic inside is the task's failure, never the worker's.
    async fn report(self) -> wire::from_worker::Message {
        let key = (self.order.task, self.order.attempt);
        if self.cancel.is_cancelled() {
            let failure = failed(key, wire::FailureKind::Cancelled, "cancelled before it began");
            return wire::from_worker::Message::TaskFailed(failure);
        }
        let (began, cpu) = (Instant::now(), cpu_micros());
        let input_tasks: Vec<u32> = self.order.inputs.iter().map(|input| input.task).collect();
        let mut writer = self.store.writer(key.0);
        let task = Task { shared: &self.order.shared, body: &self.order.body, cancel: self.cancel.clone() };
        let run = self.executor.run(task, shared(self.inputs), &mut writer);
        let outcome = AssertUnwindSafe(run).catch_unwind().await;
        let wall_micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let times = (wall_micros, cpu_micros().saturating_sub(cpu));
        match outcome {
            Ok(Ok(report)) => {
                let result_bytes = writer.finish();
                info!(task = key.0, attempt = key.1, rows = report.rows, result_bytes, wall_micros, "task done");
                let metrics = Some(metrics(&report, times, &self.host));
                let (task, attempt, note) = (key.0, key.1, report.note);
                let finished = wire::TaskFinished { task, attempt, result_bytes, metrics, note };
                wire::from_worker::Message::TaskFinished(finished)
            }
            Ok(Err(error)) => wire::from_worker::Message::TaskFailed(task_failed(key, error, &input_tasks)),
            Err(panic) => {
                let why = format!("the task panicked: {}", panic_text(&*panic));
                wire::from_worker::Message::TaskFailed(failed(key, wire::FailureKind::Permanent, &why))
            }
        }
    }
}

fn metrics(report: &TaskReport, (wall_micros, cpu_micros): (u64, u64), host: &str) -> wire::TaskMetrics {
    let read = &report.counters;
    wire::TaskMetrics {
        bytes_short_circuit: read.short_circuit,
        bytes_local_socket: read.local_socket,
        bytes_remote: read.remote,
        bytes_local_file: read.local_file,
        rows: report.rows,
        wall_micros,
        cpu_micros,
        fallbacks: read.fallbacks.iter().map(|reason| format!("{host}: {reason}")).collect(),
        ..wire::TaskMetrics::default()
    }
}

fn task_failed(key: (u32, u32), error: TaskError, inputs: &[u32]) -> wire::TaskFailed {
    let (kind, lost) = match error.kind {
        TaskErrorKind::Permanent => (wire::FailureKind::Permanent, Vec::new()),
        TaskErrorKind::Transient => (wire::FailureKind::Transient, Vec::new()),
        TaskErrorKind::Cancelled => (wire::FailureKind::Cancelled, Vec::new()),
        TaskErrorKind::InputLost(lost) => (wire::FailureKind::InputLost, lost),
    };
    wire::TaskFailed {
        lost_inputs: lost.into_iter().filter_map(|index| inputs.get(index).copied()).collect(),
        exit_code: u32::from(error.exit_code),
        ..failed(key, kind, &error.message)
    }
}

fn failed((task, attempt): (u32, u32), kind: wire::FailureKind, message: &str) -> wire::TaskFailed {
    wire::TaskFailed { task, attempt, kind: kind.into(), message: message.to_owned(), ..wire::TaskFailed::default() }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
