//! What is said to and by workers.

use bobbin_core::{Assignment, CopyId, Event, TaskId, WorkerId};
use bobbin_proto as wire;
use hadoop_wire::names;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::super::peers::WorkerPeer;
use super::super::{Input, convert};
use super::{Actor, container_number};

impl Actor {
    /// A worker has proved who it is.
    pub(super) fn worker_joins(
        &mut self,
        id: WorkerId,
        mut hello: wire::WorkerHello,
        orders: mpsc::Sender<wire::ToWorker>,
    ) {
        let container = hello.container_id.parse::<names::ContainerId>().ok().map(|id| container_number(&id));
        info!(worker = id.0, host = hello.host, container = hello.container_id, "worker connected");
        let event =
            Event::WorkerConnected { worker: id, container, host: hello.host.clone(), threads: hello.threads.max(1) };
        let former = std::mem::take(&mut hello.former);
        self.workers.insert(id, WorkerPeer::new(hello, orders));
        self.handle(event);
        if !former.is_empty() {
            let results: Vec<_> = former.into_iter().map(convert::former_results).collect();
            info!(worker = id.0, results = results.iter().map(|row| row.tasks.len()).sum::<usize>(), "it has results");
            self.handle(Event::ResultsClaimed { worker: id, results });
        }
    }

    /// A worker says something.
    pub(super) fn hear_worker(&mut self, worker: WorkerId, message: wire::FromWorker) {
        let Some(peer) = self.workers.get_mut(&worker) else { return };
        match message.message {
            Some(wire::from_worker::Message::Heartbeat(_)) => {}
            Some(wire::from_worker::Message::TaskFinished(finished)) => {
                peer.finished += 1;
                self.task_finished(worker, finished);
            }
            Some(wire::from_worker::Message::TaskFailed(failed)) => {
                info!(
                    worker = worker.0,
                    task = failed.task,
                    attempt = failed.attempt,
                    message = failed.message,
                    "task failed"
                );
                let task = TaskId(failed.task);
                if let (Some((job, _)), Some(metrics)) = (self.jobs.of_task(task), &failed.metrics) {
                    convert::add_metrics(&mut job.metrics, metrics);
                }
                let failure = convert::failure(&failed);
                self.handle(Event::TaskFailed { worker, task, attempt: failed.attempt, failure });
            }
            Some(wire::from_worker::Message::TaskWaits(told)) => {
                let wire::TaskWaits { task, attempt, waits } = told;
                self.handle(Event::TaskWaits { worker, task: TaskId(task), attempt, waits });
            }
            Some(wire::from_worker::Message::MemoryPressure(told)) => {
                self.handle(Event::WorkerPressed { worker, pressed: told.pressed, bytes: told.bytes });
            }
            Some(wire::from_worker::Message::ResultCopied(told)) => {
                self.handle(Event::ResultCopied { worker, copy: CopyId(told.copy) });
            }
            Some(wire::from_worker::Message::CopyFailed(told)) => {
                self.handle(Event::CopyFailed { worker, copy: CopyId(told.copy), why: told.message });
            }
            Some(wire::from_worker::Message::ResultsAdopted(adopted)) => {
                for result in adopted.results {
                    let found = result.found.then_some((result.result_bytes, result.result_rows));
                    self.handle(Event::ResultAdopted { worker, task: TaskId(result.task), found });
                }
            }
            None => self.stuck.push(Input::WorkerLeaves(worker, "it sent an empty message".to_owned())),
        }
    }

    fn task_finished(&mut self, worker: WorkerId, finished: wire::TaskFinished) {
        let task = TaskId(finished.task);
        if let Some((job, index)) = self.jobs.of_task(task) {
            if let Some(metrics) = &finished.metrics {
                convert::add_metrics(&mut job.metrics, metrics);
            }
            if !finished.note.is_empty() && !self.core.is_skipped(task) {
                job.notes.insert(index, finished.note);
            }
        }
        let wire::TaskFinished { attempt, result_bytes, result_rows, .. } = finished;
        self.inline = (task, finished.inline);
        self.handle(Event::TaskFinished { worker, task, attempt, result_bytes, result_rows });
        self.inline.1.clear();
    }

    /// Sends a worker what it is to do.
    pub(super) fn assign(&mut self, assignment: Assignment) {
        let Assignment { worker, job, index, task, attempt, inputs, copies, isolated } = assignment;
        let Some(order) = self.jobs.get(job).and_then(|job| job.order(index)) else {
            warn!(job = job.0, index, "the core assigned a task that is not there");
            return;
        };
        let mut table = convert::HolderTable::default();
        let inputs = inputs.iter().map(|input| table.input(input)).collect();
        let copies = copies.into_iter().map(|(task, worker)| table.copy(task, worker)).collect();
        let holders = table.workers.iter().map(|worker| self.holder(*worker).unwrap_or_default()).collect();
        let isolation = if isolated { wire::Isolation::Process.into() } else { order.isolation };
        let run = wire::RunTask { task: task.0, attempt, inputs, holders, copies, isolation, ..order };
        self.orders.push(worker, wire::to_worker::Message::RunTask(run));
    }

    /// Where a worker's results are fetched.
    pub(super) fn holder(&self, worker: WorkerId) -> Option<wire::Holder> {
        let peer = self.workers.get(&worker)?;
        Some(wire::Holder { worker: worker.0, host: peer.host.clone(), fetch_address: peer.fetch_address.clone() })
    }
}
