//! Tasks of classes: those that go before others or after them, and those that few workers may run.
//!
//! A task that becomes ready is offered to the workers that may run it; a worker that gets room looks through the classes,
//! the most urgent first. What is local goes first here, too, and a task leaves its hosts as others do (`leaving`), unless
//! it must not.

use std::collections::BTreeSet;

use crate::classes::{ClassId, Classes};
use crate::hosts::Hosts;
use crate::ids::{HostId, TaskId, WorkerId};
use crate::job::{Job, State};
use crate::jobs::Jobs;
use crate::turns::Turns;

use super::Core;

/// Tasks of a class that are looked at for a worker that holds none of their data.
const LOOK: usize = 16;

/// When a class is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Before usual tasks.
    First,
    /// When nothing else is left.
    Last,
}

/// Where ready tasks are listed.
type ReadyLists<'a> = (&'a mut Turns, &'a mut Classes);

/// List a task that is ready. Of a usual one, whether it is free for everybody.
pub(super) fn list(job: &Job, index: u32, (ready, classes): ReadyLists<'_>, hosts: &Hosts) -> Option<bool> {
    let (task, places) = (job.task_id(index), job.places_now(index));
    match job.class_of(index) {
        None => Some(ready.insert(job.driver, task, places, hosts)),
        Some(class) => {
            classes.insert(class, task, places);
            None
        }
    }
}

/// A task that was listed is not ready any more.
pub(super) fn unlist(task: TaskId, jobs: &Jobs, (ready, classes): ReadyLists<'_>, hosts: &Hosts) {
    let Some((job, index)) = jobs.find(task) else { return };
    match job.class_of(index) {
        None => ready.remove(task, jobs, hosts),
        Some(class) => classes.remove(class, task, job.places_now(index)),
    }
}

impl Core {
    /// Give the tasks that have become ready, and others to these workers, of the classes whose turn it is.
    pub(super) fn dispatch_special(&mut self, (fresh, workers): (&BTreeSet<TaskId>, &[WorkerId]), turn: Turn) {
        if self.classes.len() == 0 {
            return;
        }
        for class in self.classes_of(turn) {
            let tasks: Vec<TaskId> = fresh.intersection(self.classes.tasks(class)).copied().collect();
            for task in tasks {
                if let Some(worker) = self.worker_for(class, task) {
                    self.assign(worker, task);
                }
            }
            for &worker in workers {
                while let Some(task) = self.pick_special(worker, class, 0) {
                    self.assign(worker, task);
                }
            }
        }
    }

    /// Let tasks of these classes wait at workers beside those that run, as others do.
    pub(super) fn queue_special(&mut self, workers: &[WorkerId]) {
        for class in self.classes_of(Turn::First) {
            if !self.classes.get(class).may_queue() {
                continue;
            }
            let mut hungry = workers.to_vec();
            while !hungry.is_empty() {
                hungry.retain(|&worker| self.queue_one(worker, class));
            }
        }
    }

    /// True if the worker got a task beyond its threads, and may get another.
    fn queue_one(&mut self, worker: WorkerId, class: ClassId) -> bool {
        let ahead = self.workers.get(worker).map_or(0, |row| row.tempo.ahead(self.config.prefetch));
        match self.pick_special(worker, class, ahead) {
            Some(task) => self.assign(worker, task),
            None => false,
        }
    }

    fn classes_of(&self, turn: Turn) -> Vec<ClassId> {
        let goes_now = |class: &ClassId| self.classes.get(*class).goes_before() == (turn == Turn::First);
        self.classes.active().filter(goes_now).collect()
    }

    /// A worker with a free thread that may run this task now: one of its hosts, else any.
    fn worker_for(&self, class: ClassId, task: TaskId) -> Option<WorkerId> {
        let (job, index) = self.jobs.find(task)?;
        let State::Ready { since } = job.task(index).state else { return None };
        let suits = |worker: &WorkerId| self.may_run(*worker, class, 0) && !self.is_avoided(task, *worker);
        let places = job.places_now(index);
        let near = places.iter().flat_map(|&host| self.workers.at(host)).copied().find(suits);
        near.or_else(|| {
            let leave = self.may_leave(task, since);
            let may_go =
                |worker: &WorkerId| self.workers.get(*worker).is_some_and(|row| self.may_go(leave, places, row.host));
            let idle = std::iter::successors(self.workers.next_with_room(None, false), |&last| {
                self.workers.next_with_room(Some(last), false)
            });
            if leave.is_any() { idle.filter(may_go).find(suits) } else { None }
        })
    }

    /// A task of this class that this worker may begin with, or keep in its queue of this length.
    pub(super) fn pick_special(&self, worker: WorkerId, class: ClassId, queued: u32) -> Option<TaskId> {
        if !self.may_run(worker, class, queued) {
            return None;
        }
        let host = self.workers.get(worker)?.host;
        let allowed = |task: &TaskId| !self.is_avoided(*task, worker);
        let local = self.classes.at(class, host).find(allowed);
        local.or_else(|| {
            self.classes
                .tasks(class)
                .iter()
                .take(LOOK)
                .copied()
                .find(|&task| allowed(&task) && self.may_come(task, host))
        })
    }

    /// May this task be run on a host that holds none of its data?
    fn may_come(&self, task: TaskId, host: HostId) -> bool {
        let Some((job, index)) = self.jobs.find(task) else { return false };
        let State::Ready { since } = job.task(index).state else { return false };
        self.may_go(self.may_leave(task, since), job.places_now(index), host)
    }

    /// Has the worker room for one more task of this class?
    fn may_run(&self, worker: WorkerId, class: ClassId, queued: u32) -> bool {
        let Some(row) = self.workers.get(worker).filter(|row| row.room(queued) > 0) else { return false };
        let class = self.classes.get(class);
        class.may_run_on(row.host)
            && class.takes.iter().all(|&(resource, amount)| {
                let has = self.config.resources.get(resource).map_or(0, |(_, has)| *has);
                row.in_use(resource).saturating_add(amount) <= has
            })
    }

    /// A task waits for others, or goes on.
    pub(super) fn task_waits(&mut self, worker: WorkerId, (task, attempt): (TaskId, u32), waits: bool) {
        if self.workers.set_waiting(worker, (task, attempt), waits, self.now) {
            self.wishes.workers.push(worker);
            self.wishes.containers = true;
        }
    }

    /// Tasks that may run on few hosts only do not wait for ever for a worker there.
    pub(super) fn check_special_hope(&mut self) {
        for class in self.classes.active().collect::<Vec<_>>() {
            let hope = self.is_hope_for(class);
            let since = self.classes.note_hope(class, hope, self.now);
            let limit = self.config.starvation_limit;
            if since.is_none_or(|since| self.now.since(since) < limit) {
                continue;
            }
            let (words, seconds) = (self.required_words(class), limit.as_secs());
            let why = format!("{words}, and none came within {seconds} s: name hosts that can take a worker");
            let tasks: Vec<TaskId> = self.classes.tasks(class).iter().copied().collect();
            for task in tasks {
                let Some((job, index)) = self.jobs.find(task) else { continue };
                let (id, name) = (job.id, job.task_name(index));
                self.give_task_up(id, index, format!("{name} waited for {why}"), 1);
            }
        }
    }

    /// Is there a worker where the tasks of this class may run, or can there be one?
    fn is_hope_for(&self, class: ClassId) -> bool {
        let only_on = &self.classes.get(class).only_on;
        let may_start = self.config.cluster.as_ref().is_some_and(|cluster| self.fleet.live() < cluster.most_workers());
        only_on.is_empty()
            || only_on.iter().any(|&host| {
                let may_come = may_start && self.may_ask_for(host);
                may_come || !self.workers.at(host).is_empty() || self.hosts.is_held(host)
            })
    }

    /// Can a container on this host be had, and asked for?
    fn may_ask_for(&self, host: HostId) -> bool {
        let size = self.worker_size();
        self.config.cluster.as_ref().is_some_and(|cluster| cluster.name_hosts) && self.hosts.room(host, size) > 0
    }

    /// Hosts without which ready tasks never run, and where there is neither container nor request of ours.
    pub(super) fn missing_hosts(&self) -> Vec<HostId> {
        self.required_where(|host| self.hosts.is_held(host)).into_iter().collect()
    }

    /// A host for each class whose tasks may run on few hosts only, none of which is served.
    pub(super) fn required_where(&self, is_served: impl Fn(HostId) -> bool) -> BTreeSet<HostId> {
        let missing = |class| {
            let only_on = &self.classes.get(class).only_on;
            if only_on.iter().any(|&host| is_served(host)) {
                return None;
            }
            only_on.iter().copied().find(|&host| self.may_ask_for(host))
        };
        self.classes.active().filter_map(missing).collect()
    }

    fn required_words(&self, class: ClassId) -> String {
        let names: Vec<&str> = self.classes.get(class).only_on.iter().map(|&host| &*self.hosts[host].name).collect();
        format!("a worker on {}, where alone it may run", names.join(" or "))
    }

    /// What a ready task of a class waits for, if there is more to say than of others.
    pub(super) fn why_special_waits(&self, job: &Job, index: u32) -> Option<String> {
        let class = job.class_of(index)?;
        let row = self.classes.get(class);
        if !row.only_on.is_empty() {
            return Some(self.required_words(class));
        }
        let resource = |&(number, _): &(usize, u64)| self.config.resources.get(number).map(|(name, _)| name.as_str());
        let names: Vec<&str> = row.takes.iter().filter_map(resource).collect();
        (!names.is_empty()).then(|| format!("a worker with a free thread and enough of {}", names.join(" and ")))
    }

    /// Panic if a worker has room beside a task of a class that it could begin with.
    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn check_special(&self) {
        for class in self.classes.active() {
            for (worker, row) in self.workers.iter().filter(|(worker, _)| self.may_run(*worker, class, 0)) {
                let near = self.classes.at(class, row.host).find(|&task| !self.is_avoided(task, worker));
                assert_eq!(near, None, "nobody_waits_beside_special_tasks: {worker} has room");
            }
        }
    }
}
