//! Tasks whose workers have died: they run in processes of their own until they are done, and no others do.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Assignment, ContainerId, Event, TaskId, WorkerId};

/// Exit statuses of containers for which no task is to blame: preempted, or lost with their node.
const INNOCENT: [i32; 2] = [-102, -100];

/// What the core was told of deaths.
#[derive(Debug, Default)]
pub struct Deaths {
    /// What each worker has, and whether somebody waits for it: else it was told to stop.
    has: BTreeMap<WorkerId, BTreeMap<TaskId, bool>>,
    containers: BTreeMap<ContainerId, WorkerId>,
    /// Tasks that a worker had when it died, and the worker's number.
    must: BTreeMap<TaskId, WorkerId>,
    /// These, and those whose worker died of nothing that a task does.
    may: BTreeSet<TaskId>,
}

impl Deaths {
    /// Before the core hears of it.
    pub fn hear(&mut self, event: &Event) {
        if let Event::WorkerConnected { worker, container: Some(container), .. } = event
            && let Some(before) = self.containers.insert(*container, *worker)
        {
            self.died(before);
        }
        if let Event::WorkerGone { worker, .. } = event {
            self.died(*worker);
        }
        if let Event::ContainerCompleted { container, exit_status, .. } = event
            && let Some(&worker) = self.containers.get(container)
        {
            self.died(worker);
            if INNOCENT.contains(exit_status) {
                self.must.retain(|_, other| *other != worker);
            }
        }
        // Found with its result, it is done, if it was looked for.
        if let Event::ResultAdopted { task, found: Some(_), .. } = event {
            self.must.remove(task);
        }
        if let Event::TaskFinished { worker, task, .. } | Event::TaskFailed { worker, task, .. } = event {
            let known = self.has.get_mut(worker).is_some_and(|tasks| tasks.remove(task).is_some());
            if known && matches!(event, Event::TaskFinished { .. }) {
                self.must.remove(task);
                self.may.remove(task);
            }
        }
    }

    /// The core told a worker to stop.
    pub fn dismissed(&mut self, worker: WorkerId) {
        self.has.remove(&worker);
    }

    /// The core told a worker to stop a task.
    pub fn cancelled(&mut self, worker: WorkerId, task: TaskId) {
        if let Some(awaited) = self.has.get_mut(&worker).and_then(|tasks| tasks.get_mut(&task)) {
            *awaited = false;
        }
    }

    fn died(&mut self, worker: WorkerId) {
        for (task, awaited) in self.has.remove(&worker).unwrap_or_default() {
            self.may.insert(task);
            if awaited {
                self.must.insert(task, worker);
            }
        }
    }

    /// Sees a task sent, of a set whose tasks can be isolated or not.
    pub fn check(&mut self, row: &Assignment, can: bool) {
        let (must, may) = (self.must.contains_key(&row.task), self.may.contains(&row.task));
        assert!(!must || !can || row.isolated, "suspects_are_isolated: {row:?}");
        assert!(!row.isolated || can && may, "only_suspects_are_isolated: {row:?}");
        self.has.entry(row.worker).or_default().insert(row.task, true);
    }
}
