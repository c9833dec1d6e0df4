//! What the core knows by now, and what is true between any two events and at the end.

use bobbin_core::{Event, TaskId, WorkerId};

use super::acting::row_of;
use super::world::World;

impl World {
    /// The core is about to hear this.
    pub(super) fn heard(&mut self, event: &Event) {
        match event {
            Event::WorkerConnected { worker, container, .. } => {
                let before =
                    self.workers.iter().enumerate().filter(|(_, row)| row.known && Some(row.container) == *container);
                for other in before.map(|(index, _)| index).collect::<Vec<_>>() {
                    if other != row_of(*worker) {
                        self.core_loses(other);
                    }
                }
                self.workers[row_of(*worker)].known = true;
            }
            Event::WorkerGone { worker, .. } => self.core_loses(row_of(*worker)),
            Event::ContainerCompleted { container, .. } => {
                if let Some(&worker) = self.processes.get(container) {
                    self.core_loses(worker);
                }
            }
            Event::TaskFinished { worker, task, attempt, .. } | Event::TaskFailed { worker, task, attempt, .. } => {
                self.heard_answer(*worker, *task, *attempt);
            }
            Event::NodesKnown { .. }
            | Event::Registered { .. }
            | Event::WorkExpected { .. }
            | Event::HeadroomKnown { .. }
            | Event::Resync
            | Event::ShutdownByResourceManager
            | Event::ContainersKept { .. }
            | Event::ContainersGranted { .. }
            | Event::ContainerLaunchFailed { .. }
            | Event::DriverConnected { .. }
            | Event::DriverDisconnected { .. }
            | Event::JobSubmitted { .. }
            | Event::JobCancelled { .. }
            | Event::JobReleased { .. }
            | Event::ResultsReleased { .. }
            | Event::TasksCancelled { .. }
            | Event::ResultUnreadable { .. }
            | Event::WorkerPressed { .. }
            | Event::ResultCopied { .. }
            | Event::CopyFailed { .. }
            | Event::ResultsClaimed { .. }
            | Event::ResultAdopted { .. }
            | Event::TaskWaits { .. }
            | Event::Asked { .. }
            | Event::QuestionWithdrawn { .. }
            | Event::SharesReleased { .. }
            | Event::FinishRequested { .. }
            | Event::Tick => {}
        }
    }

    fn heard_answer(&mut self, worker: WorkerId, task: TaskId, attempt: u32) {
        let seen = &mut self.tasks[task.0 as usize];
        let is_latest = (seen.worker, seen.attempt) == (Some(worker.0), attempt);
        if is_latest {
            seen.worker = None;
        } else if self.others.remove(&(task, attempt)).is_none() {
            return;
        }
        let given = &mut self.workers[row_of(worker)].given;
        if let Some(position) = given.iter().position(|&other| other == task) {
            given.remove(position);
        }
        self.note_progress();
    }

    /// Does the core take this worker for one that has this task?
    fn is_on(&self, task: TaskId, worker: u32) -> bool {
        let mut others = self.others.range((task, 0)..=(task, u32::MAX));
        self.tasks[task.0 as usize].worker == Some(worker) || others.any(|(_, (other, _))| *other == worker)
    }

    /// Was this attempt told to stop?
    pub(super) fn is_cancelled(&self, task: TaskId, attempt: u32) -> bool {
        let seen = &self.tasks[task.0 as usize];
        match self.others.get(&(task, attempt)) {
            Some((_, cancelled)) => *cancelled,
            None => seen.attempt != attempt || seen.cancelled,
        }
    }

    /// What is true between any two events.
    pub(super) fn check(&self) {
        self.metered.core.check_invariants();
        self.network.check();
        self.manager.check();
        for (number, worker) in self.workers.iter().enumerate() {
            assert!(worker.busy() <= worker.threads, "no_worker_above_its_threads: {number}");
            for task in &worker.given {
                let known = self.is_on(*task, number as u32 + 1);
                assert!(known, "workers_have_what_they_were_given: {task} on worker {number}");
            }
        }
    }

    /// What is true when nothing more will happen.
    pub(super) fn check_end(&self) {
        assert!(self.ended, "the_application_ends: {:#?}", self.notes);
        for (number, job) in self.jobs.iter().enumerate() {
            assert!(job.released && job.over, "every_job_succeeds: {number}");
        }
        for (number, worker) in self.workers.iter().enumerate() {
            assert!(!worker.alive && worker.running.is_empty(), "nothing_is_left_at_the_end: worker {number}");
        }
        self.network.check_end();
        self.manager.check_end();
        self.metered.core.check_invariants();
    }
}
