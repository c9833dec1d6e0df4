//! Second attempts of tasks that take much longer than others of their set: on another host, where a thread has nothing to do.
//! The first one to end counts, and the other one is told to stop.
//!
//! The task's state names the worker of one attempt; the other one's, if there is one, is here. An attempt that fails, or
//! whose worker is lost, is no news as long as the other one runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Action, Assignment};
use crate::ids::{JobId, TaskId, WorkerId};
use crate::job::{Job, State};
use crate::story::Step;
use crate::worker::{Assigned, Sending};

use super::Core;

/// Tasks with two attempts, and the worker of the one that their state does not name.
#[derive(Debug, Default)]
pub(super) struct Twins {
    rows: BTreeMap<TaskId, WorkerId>,
    /// Tasks that had a second attempt: none gets another one.
    had: BTreeSet<TaskId>,
}

impl Twins {
    /// The worker of the second attempt of a task.
    pub(super) fn of(&self, task: TaskId) -> Option<WorkerId> {
        self.rows.get(&task).copied()
    }

    /// A job is forgotten, with these tasks.
    pub(super) fn end(&mut self, job: &Job) {
        let is_others = |task: &TaskId| task.0.checked_sub(job.first).is_none_or(|index| index >= job.len());
        self.rows.retain(|task, _| is_others(task));
        self.had.retain(is_others);
    }

    /// All of them, for checks.
    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn iter(&self) -> impl Iterator<Item = (TaskId, WorkerId)> {
        self.rows.iter().map(|(&task, &worker)| (task, worker))
    }
}

/// What an attempt of a task that ended means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was the only one.
    Alone,
    /// The other one goes on.
    OtherRuns,
}

impl Core {
    /// With nothing else to do, begin second attempts of tasks that take too long.
    pub(super) fn speculate(&mut self) {
        let Some(rule) = self.config.speculation else { return };
        if self.ready_count() > 0 || self.workers.next_with_room(None, false).is_none() {
            return;
        }
        let mut slow: Vec<(std::cmp::Reverse<u64>, TaskId, WorkerId)> = Vec::new();
        for (worker, row) in self.workers.iter() {
            for assigned in &row.assigned {
                let Some(started) = assigned.started.filter(|_| may_have_twin(assigned)) else { continue };
                let spent = self.now.since(started);
                if !self.twins.had.contains(&assigned.task)
                    && spent >= rule.least
                    && self.is_slow(assigned.task, spent.as_secs_f64() * 1000.0 / rule.factor)
                {
                    slow.push((std::cmp::Reverse(spent.as_millis() as u64), assigned.task, worker));
                }
            }
        }
        slow.sort_unstable();
        for (_, task, worker) in slow {
            let Some(other) = self.idle_elsewhere(task, worker) else { continue };
            self.begin_twin(task, worker, other);
        }
    }

    /// Do most tasks of its set take less than so many milliseconds?
    fn is_slow(&self, task: TaskId, millis: f64) -> bool {
        let Some((job, index)) = self.jobs.find(task) else { return false };
        let is_due = |set: &crate::job::Set| set.typical(&self.paces).is_some_and(|typical| typical < millis);
        // The attempt that runs may have read what has been lost since.
        let is_there = |read: &crate::groups::Read| job.groups.row(read.group).missing == 0;
        if !job.groups.reads(index).iter().all(is_there) {
            return false;
        }
        job.class_of(index).is_none() && job.set_of(index).is_some_and(|set| set.may_speculate && is_due(set))
    }

    /// A worker with a free thread on another host: one that holds the task's data, else any.
    fn idle_elsewhere(&self, task: TaskId, worker: WorkerId) -> Option<WorkerId> {
        let slow = self.workers.get(worker)?.host;
        let idle = std::iter::successors(self.workers.next_with_room(None, false), |&last| {
            self.workers.next_with_room(Some(last), false)
        });
        let places = self.jobs.places_now(task);
        let suits = |&other: &WorkerId| !self.is_avoided(task, other);
        let ranked = idle.filter(suits).filter_map(|other| {
            let host = self.workers.get(other)?.host;
            (host != slow).then_some((!places.contains(&host), other))
        });
        ranked.min().map(|(_, other)| other)
    }

    fn begin_twin(&mut self, task: TaskId, worker: WorkerId, other: WorkerId) {
        let Some((job, index)) = self.jobs.find_mut(task) else { return };
        let (mut inputs, isolated) = (job.input_holders(index), job.is_isolated(index));
        let row = job.task_mut(index);
        row.attempt += 1;
        let (attempt, name) = (row.attempt, job.task_name(index));
        let (job, driver) = (job.id, job.driver);
        self.workers.push(other, Sending { task, attempt, driver, takes: None, isolated, expected: None }, self.now);
        self.twins.rows.insert(task, other);
        self.twins.had.insert(task);
        let copies = self.choose_holders(other, &mut inputs);
        self.tell(task, Step::Sent { worker: other, attempt });
        self.note(format!("{name} takes long on {worker}: {other} tries it, too"));
        self.act(Action::Assign(Assignment { worker: other, job, index, task, attempt, inputs, copies, isolated }));
    }

    /// An attempt left a result: it is the task's, and the other one is in vain.
    pub(super) fn twin_finished(&mut self, worker: WorkerId, task: TaskId) {
        let Some(second) = self.twins.rows.remove(&task) else { return };
        let Some(first) = self.name_worker(task, (second, worker)) else { return self.cancel_task(second, task) };
        let other = if worker == second { first } else { second };
        self.cancel_task(other, task);
        let rows = self.workers.get_mut(other).map(|row| &mut row.assigned);
        rows.into_iter().flatten().filter(|row| row.task == task).for_each(|row| row.vain = true);
    }

    /// An attempt ended without a result. If it is the task's own fault, the other one is in vain.
    pub(super) fn twin_failed(&mut self, worker: WorkerId, task: TaskId, is_final: bool) -> Standing {
        if is_final {
            self.twin_finished(worker, task);
            return Standing::Alone;
        }
        let Some(second) = self.twins.rows.remove(&task) else { return Standing::Alone };
        if worker != second && self.name_worker(task, (second, second)).is_none() {
            // Nobody waits for either of them.
            return Standing::Alone;
        }
        Standing::OtherRuns
    }

    /// Let the state of a task that two workers have name this one. The worker that it named before; nothing if nobody waits
    /// for the task any more.
    fn name_worker(&mut self, task: TaskId, (second, named): (WorkerId, WorkerId)) -> Option<WorkerId> {
        let (job, index) = self.jobs.find_mut(task)?;
        let State::Assigned { worker: first } = job.task(index).state else { return None };
        if named == second {
            job.task_mut(index).state = State::Assigned { worker: second };
        }
        Some(first)
    }

    /// Nobody wants a task any more that workers have.
    pub(super) fn cancel_twin(&mut self, job: JobId, index: u32) {
        let Some(task) = self.jobs.get(job).map(|row| row.task_id(index)) else { return };
        if let Some(worker) = self.twins.of(task) {
            self.cancel_task(worker, task);
        }
    }
}

/// Tasks that have waited for others of their own, or were told to stop, or take of the worker what others need, have no twins.
fn may_have_twin(assigned: &Assigned) -> bool {
    !assigned.cancelled && !assigned.has_waited && assigned.takes.is_none()
}
