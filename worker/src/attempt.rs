//! One attempt of a task on its task thread, from the order to the report.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bobbin_proto as wire;
use bobbin_proto::from_worker::Message;
use bobbin_task::{Isolation, Pauses, Task, TaskError, TaskErrorKind, TaskReport, profile};
use futures::FutureExt;
use tracing::{debug, warn};

use crate::ahead::Ahead;
use crate::cancellation::Cancellation;
use crate::executors::Executors;
use crate::inputs::{InputList, Lost, TaskInputs};
use crate::store::{ResultStore, ResultWriter};
use crate::threads::cpu_micros;

/// Task and attempt.
pub(crate) type Key = (u32, u32);

/// What plans are called in profiles.
static PLANS: &str = "plan";

/// An attempt that is about to run.
pub(crate) struct Attempt {
    pub order: wire::RunTask,
    pub inputs: TaskInputs,
    pub cancellation: Cancellation,
    /// What is read for it while it waits for a thread.
    pub ahead: Option<Ahead>,
    pub executors: Executors,
    pub store: ResultStore,
    /// Our host, for messages.
    pub host: String,
    /// Tells the worker when the task waits for others.
    pub pauses: Pauses,
}

/// What an attempt cost, however it ended.
struct Cost {
    began: Instant,
    cpu_before: u64,
    fetched: Arc<AtomicU64>,
}

impl Attempt {
    /// Runs the task and says how it went. A panic inside is the task's failure, never the worker's.
    pub async fn report(self) -> Message {
        let key = (self.order.task, self.order.attempt);
        let cost = Cost { began: Instant::now(), cpu_before: cpu_micros(), fetched: self.inputs.fetched.clone() };
        let (inputs, lost) = (self.inputs.order.clone(), self.inputs.lost.clone());
        let mut writer = self.store.writer(key.0);
        let cancellation = self.cancellation.clone();
        let outcome = {
            let _clock = cancellation.begin(Duration::from_millis(self.order.time_limit_ms));
            let ahead = self.ahead;
            let mut task = Task {
                shared: &self.order.shared,
                body: &self.order.body,
                cancel: cancellation.flag(),
                generation: self.order.generation,
                pauses: self.pauses,
                isolation: match self.order.isolation() {
                    wire::Isolation::Usual => self.executors.isolation,
                    wire::Isolation::Thread => Isolation::Thread,
                    wire::Isolation::Process => Isolation::Process,
                },
                memory_bytes: self.order.memory_bytes,
                ready: None,
            };
            let run = async {
                if let Some(ahead) = ahead {
                    task.ready = ahead.take().await;
                }
                run(&self.executors, (self.order.kind, task), self.inputs, &mut writer).await
            };
            tokio::select! {
                biased;
                () = cancellation.cancelled() => Err(cancellation.error()),
                outcome = run => cancellation.judge(outcome),
            }
        };
        match outcome {
            Ok(report) => {
                let inline = writer.whole(self.order.inline_limit);
                Message::TaskFinished(wire::TaskFinished { inline, ..finished(key, report, &cost, writer, &self.host) })
            }
            Err(error) => {
                warn!(task = key.0, attempt = key.1, kind = %error.kind, message = error.message, "task failed");
                let metrics = cost.metrics(wire::TaskMetrics::default());
                Message::TaskFailed(wire::TaskFailed { metrics: Some(metrics), ..failed(key, error, &inputs, &lost) })
            }
        }
    }
}

async fn run(
    executors: &Executors,
    (kind, task): (i32, Task<'_>),
    inputs: TaskInputs,
    writer: &mut ResultWriter,
) -> Result<TaskReport, TaskError> {
    let executor = executors.of(kind)?;
    let work = unless_panicked(executor.run(task, Arc::new(inputs), writer));
    // Functions are profiled by their names.
    if kind == i32::from(wire::TaskKind::Plan) { profile::under(&PLANS, work).await } else { work.await }
}

/// Turns a panic into an error.
async fn unless_panicked<T>(work: impl Future<Output = Result<T, TaskError>>) -> Result<T, TaskError> {
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    outcome.unwrap_or_else(|panic| {
        let message = format!("the task panicked: {}; please report this", panic_text(&*panic));
        Err(TaskError { kind: TaskErrorKind::Permanent, message, exit_code: 70 })
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Keeps the result and reports it.
fn finished(key: Key, report: TaskReport, cost: &Cost, writer: ResultWriter, host: &str) -> wire::TaskFinished {
    let result_bytes = writer.finish(report.rows);
    let read = &report.counters;
    let metrics = cost.metrics(wire::TaskMetrics {
        bytes_short_circuit: read.short_circuit,
        bytes_local_socket: read.local_socket,
        bytes_remote: read.remote,
        bytes_local_file: read.local_file,
        rows: report.rows,
        fallbacks: read.fallbacks.iter().map(|reason| format!("{host}: {reason}")).collect(),
        ..wire::TaskMetrics::default()
    });
    let (task, attempt) = key;
    debug!(task, attempt, rows = report.rows, result_bytes, wall_micros = metrics.wall_micros, "task done");
    let result_rows = report.rows;
    let (metrics, note) = (Some(metrics), report.note);
    wire::TaskFinished { task, attempt, result_bytes, result_rows, metrics, note, ..wire::TaskFinished::default() }
}

impl Cost {
    /// `read` with what the attempt took until now.
    fn metrics(&self, read: wire::TaskMetrics) -> wire::TaskMetrics {
        wire::TaskMetrics {
            bytes_fetched: self.fetched.load(Ordering::Relaxed),
            wall_micros: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            cpu_micros: cpu_micros().saturating_sub(self.cpu_before),
            ..read
        }
    }
}

/// The report of a failure. All results that were found to be lost are named, so that they are made again together.
pub(crate) fn failed((task, attempt): Key, error: TaskError, inputs: &InputList, lost: &Lost) -> wire::TaskFailed {
    let (kind, lost_inputs) = match error.kind {
        TaskErrorKind::Permanent => (wire::FailureKind::Permanent, Vec::new()),
        TaskErrorKind::Transient => (wire::FailureKind::Transient, Vec::new()),
        TaskErrorKind::Cancelled => (wire::FailureKind::Cancelled, Vec::new()),
        TaskErrorKind::InputLost(indexes) => {
            lost.add(indexes.into_iter().filter_map(|index| inputs.task(index)));
            (wire::FailureKind::InputLost, lost.all())
        }
    };
    wire::TaskFailed {
        task,
        attempt,
        kind: kind.into(),
        message: error.message,
        lost_inputs,
        exit_code: u32::from(error.exit_code),
        metrics: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_failure_with_its_text() {
        let outcome: Result<(), _> = unless_panicked(async { panic!("row {}", 7) }).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind, TaskErrorKind::Permanent);
        assert_eq!(error.message, "the task panicked: row 7; please report this");
    }

    #[test]
    fn lost_inputs_are_named_by_their_tasks() {
        let error = TaskError { kind: TaskErrorKind::InputLost(vec![1, 9]), message: String::new(), exit_code: 1 };
        let input = wire::Input { first: 30, part: 1, holders: vec![0, 0] };
        let inputs = InputList { inputs: vec![input], ..InputList::default() };
        let lost = Lost::default();
        lost.add([35, 31]);
        let failure = failed((5, 2), error, &inputs, &lost);
        assert_eq!((failure.task, failure.attempt, failure.kind()), (5, 2, wire::FailureKind::InputLost));
        assert_eq!(failure.lost_inputs, [31, 35]);
    }
}
