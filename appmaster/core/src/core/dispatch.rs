//! Which task which worker gets next.
//!
//! A worker takes, in this order: a task whose data its host holds; one that is free for everybody, from its rack
//! first; one that other hosts hold and that has waited for them long enough, from the host with the longest queue.
//! Threads are filled before queues, one task at a time in turn.

use std::cmp::Reverse;
use std::time::Duration;

use crate::action::{Action, Assignment};
use crate::ids::{HostId, JobId, TaskId, Time, WorkerId};
use crate::job::State;
use crate::worker::Assigned;

use super::Core;

/// Tasks at the end of a host's queue that are looked at before it is left alone.
const TAIL: usize = 8;

/// How full a worker is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Threads,
    Queue,
}

impl Core {
    /// All inputs of this task are there: list it.
    pub(super) fn make_ready(&mut self, job: JobId, index: u32) {
        let Some(row) = self.jobs.get_mut(job) else { return };
        if row.task(index).state != (State::Waiting { missing: 0 }) {
            return;
        }
        row.task_mut(index).state = State::Ready { since: self.now };
        let workers = &self.workers;
        row.settle_places(index, |worker| workers.get(&worker).map(|worker| worker.host));
        self.ready.insert(row.task_id(index), row.places_now(index), &self.hosts);
        self.wishes.all_workers = true;
    }

    /// Tasks whose delay is over become ready.
    pub(super) fn wake_delayed(&mut self) {
        while let Some(&(until, task)) = self.delayed.first() {
            if until > self.now {
                break;
            }
            self.delayed.pop_first();
            let Some((row, index)) = self.jobs.find_mut(task) else { continue };
            if row.task(index).state == (State::Delayed { until }) {
                row.task_mut(index).state = State::Waiting { missing: 0 };
                let job = row.id;
                self.make_ready(job, index);
            }
        }
    }

    /// Give tasks to the workers that may take some.
    pub(super) fn dispatch(&mut self) {
        let touched = std::mem::take(&mut self.wishes.workers);
        let workers: Vec<WorkerId> = if std::mem::take(&mut self.wishes.all_workers) {
            self.workers.keys().copied().collect()
        } else {
            touched.into_iter().collect()
        };
        self.fill(&workers, Depth::Threads);
        if self.config.prefetch > 0 {
            self.fill(&workers, Depth::Queue);
            self.take_back(&workers);
        }
    }

    fn fill(&mut self, workers: &[WorkerId], depth: Depth) {
        let mut hungry = workers.to_vec();
        while !hungry.is_empty() && !self.ready.is_empty() {
            hungry.retain(|&worker| self.give_one(worker, depth));
        }
    }

    /// True if the worker got a task, and may get another.
    fn give_one(&mut self, worker: WorkerId, depth: Depth) -> bool {
        let queued = if depth == Depth::Queue { self.config.prefetch } else { 0 };
        let Some(row) = self.workers.get(&worker).filter(|row| row.room(queued) > 0) else { return false };
        let host = row.host;
        let near = self.pick_near(worker, host);
        let task = match depth {
            Depth::Threads => near.or_else(|| self.pick_far(worker, host)),
            Depth::Queue => near,
        };
        match task {
            Some(task) => self.assign(worker, task),
            None => false,
        }
    }

    /// A task that this worker need not think twice about.
    fn pick_near(&self, worker: WorkerId, host: HostId) -> Option<TaskId> {
        let allowed = |task: &&TaskId| !self.is_avoided(**task, worker);
        let local = self.ready.at(host).iter().find(allowed);
        let free = || self.ready.free_near(host, &self.hosts).iter().chain(self.ready.free()).find(allowed);
        match (local, free()) {
            // An older job does not wait until the newer one's local tasks are done.
            (Some(&local), Some(&free)) if free < local && !self.same_job(free, local) => Some(free),
            (Some(&local), _) => Some(local),
            (None, free) => free.copied(),
        }
    }

    fn same_job(&self, one: TaskId, other: TaskId) -> bool {
        self.jobs.find(one).map(|(job, _)| job.id) == self.jobs.find(other).map(|(job, _)| job.id)
    }

    /// Did the task fail on this worker, and is there another one for it?
    fn is_avoided(&self, task: TaskId, worker: WorkerId) -> bool {
        let Some((job, index)) = self.jobs.find(task).filter(|(job, _)| !job.troubles.is_empty()) else { return false };
        let Some(trouble) = job.troubles.get(&index) else { return false };
        trouble.avoids(worker) && self.workers.keys().any(|&other| !trouble.avoids(other))
    }

    /// A task of another host's queue that has waited long enough, from the longest queue.
    fn pick_far(&self, worker: WorkerId, host: HostId) -> Option<TaskId> {
        let mut queues: Vec<_> =
            self.hosts.held().iter().map(|&host| (Reverse(self.ready.at(host).len()), host)).collect();
        queues.sort_unstable();
        for (Reverse(length), other) in queues {
            if length == 0 {
                break;
            }
            for task in self.far_end(other) {
                if !self.is_avoided(task, worker) && self.may_leave(task, self.ready_since(task), host) {
                    return Some(task);
                }
            }
        }
        None
    }

    /// Tasks of a host's queue that others should take first: the last ones, since the host itself begins with the
    /// first. But of a set that is to stop early the first ones count, whoever runs them.
    fn far_end(&self, host: HostId) -> Vec<TaskId> {
        let queue = self.ready.at(host);
        let stops_early = |task: &TaskId| self.jobs.find(*task).is_some_and(|(job, index)| job.limits.cover(index));
        if queue.first().is_some_and(stops_early) {
            queue.iter().take(TAIL).copied().collect()
        } else {
            queue.iter().rev().take(TAIL).copied().collect()
        }
    }

    fn ready_since(&self, task: TaskId) -> Time {
        match self.jobs.find(task).map(|(job, index)| job.task(index).state) {
            Some(State::Ready { since }) => since,
            _ => self.now,
        }
    }

    /// May this task, which waits since then, be run on this host rather than on those that hold its data?
    fn may_leave(&self, task: TaskId, since: Time, host: HostId) -> bool {
        let Some((job, index)) = self.jobs.find(task) else { return false };
        let places = job.places_now(index);
        let near = places.iter().any(|&place| self.hosts.same_rack(place, host));
        let wait = if near { self.config.locality.node } else { self.config.locality.rack };
        places.iter().filter(|&&place| self.hosts.is_held(place)).all(|&place| {
            let quiet = self.now.since(since.max(self.hosts[place].last_news));
            quiet >= wait + self.start_allowance(place)
                || self.expected_wait(place, job.mean_task) >= self.config.locality.backlog.as_millis() as f64
        })
    }

    /// How much longer it is worth waiting for a host whose containers are only starting.
    fn start_allowance(&self, host: HostId) -> Duration {
        if self.hosts[host].threads > 0 {
            return Duration::ZERO;
        }
        self.config.locality.start.max(2 * self.fleet.slowest_start)
    }

    /// Milliseconds until the last task of a host's queue starts there, as far as the past tells.
    fn expected_wait(&self, host: HostId, mean_task: Option<f64>) -> f64 {
        match (self.hosts[host].threads, mean_task) {
            (0, _) | (_, None) => 0.0,
            (threads, Some(mean)) => self.ready.at(host).len() as f64 * mean / f64::from(threads),
        }
    }

    /// Send a ready task to a worker.
    fn assign(&mut self, worker: WorkerId, task: TaskId) -> bool {
        let Some(row) = self.workers.get_mut(&worker) else { return false };
        let Some((job, index)) = self.jobs.find_mut(task) else { return false };
        if job.places_now(index).contains(&row.host) {
            self.hosts.row_mut(row.host).last_news = self.now;
        }
        self.ready.remove(task, job.places_now(index), &self.hosts);
        job.counts.running += 1;
        job.counts.first_task.get_or_insert(self.now);
        let inputs = job.input_holders(index);
        job.assign(index, worker);
        let task_row = job.task_mut(index);
        task_row.attempt += 1;
        let attempt = task_row.attempt;
        row.push(task, attempt, self.now);
        let assignment = Assignment { worker, job: job.id, index, task, attempt, inputs };
        self.act(Action::Assign(assignment));
        true
    }

    /// Workers with nothing to do get what is queued at others: it is taken back here, and given when it comes.
    fn take_back(&mut self, workers: &[WorkerId]) {
        for &worker in workers {
            let Some(row) = self.workers.get(&worker).filter(|row| row.room(0) > 0) else { continue };
            let (host, room) = (row.host, row.room(0));
            let queued =
                || self.workers.iter().flat_map(|(&other, row)| row.queued().iter().map(move |task| (other, task)));
            if room <= queued().filter(|(_, task)| task.cancelled).count() {
                continue;
            }
            let found = queued().find(|&(other, task)| other != worker && self.may_move(task, worker, host));
            if let Some((other, task)) = found {
                let task = task.task;
                self.cancel_task(other, task);
            }
        }
    }

    fn may_move(&self, queued: &Assigned, worker: WorkerId, host: HostId) -> bool {
        !queued.cancelled
            && !self.is_avoided(queued.task, worker)
            && (self.jobs.places_now(queued.task).contains(&host) || self.may_leave(queued.task, queued.sent, host))
    }

    /// Tell the worker to stop a task, once.
    pub(super) fn cancel_task(&mut self, worker: WorkerId, task: TaskId) {
        let Some(row) = self.workers.get_mut(&worker) else { return };
        if let Some(assigned) = row.assigned.iter_mut().find(|row| row.task == task && !row.cancelled) {
            assigned.cancelled = true;
            let attempt = assigned.attempt;
            self.act(Action::CancelTask { worker, task, attempt });
        }
    }
}
