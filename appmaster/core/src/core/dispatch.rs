//! Which task which worker gets next.
//!
//! A worker takes, in this order (for tasks that go before others, or may run in few places only, see `order`): a task whose
//! data its host holds; one that is free for everybody, from its rack first; one that other hosts hold and that has waited for
//! them long enough (see `leaving`). Threads are filled before queues, one task at a time in turn.
//!
//! Nothing here looks at all workers but the clock's tick: a task that becomes ready is offered to the workers of its hosts
//! that have room, and to others only if it is free for everybody.

use std::sync::Arc;

use crate::action::{Action, Assignment};
use crate::ids::{HostId, JobId, TaskId, WorkerId};
use crate::job::State;
use crate::ready::ReadyTasks;
use crate::story::Step;
use crate::worker::{Sending, Worker};

use super::Core;
use super::leaving::Reaches;
use super::special::list;

/// So many ready tasks are few.
const SMALL: usize = 256;

/// Of these, so many are compared.
const LOOK: usize = 16;

/// How full a worker is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
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
        self.story.note(self.now, row.task_id(index), Step::Ready);
        let workers = &self.workers;
        row.settle_places(index, |worker| workers.get(worker).map(|worker| worker.host));
        let (task, places) = (row.task_id(index), row.places_now(index));
        let Some(free) = list(row, index, (&mut self.ready, &mut self.classes), &self.hosts) else {
            self.wishes.special.insert(task);
            return;
        };
        if self.wishes.all_workers {
            return;
        }
        let near = places.iter().flat_map(|&host| self.workers.at(host).iter().copied());
        self.wishes.workers.extend(near.filter(|&worker| self.workers.is_open(worker)));
        self.wishes.anybody |= free;
        if !free && self.may_leave(task, self.now).is_any() {
            self.note_leaver();
        }
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
        self.ready.settle_free(&self.jobs, &self.hosts);
        let mut touched = std::mem::take(&mut self.wishes.workers);
        let anybody = std::mem::take(&mut self.wishes.anybody);
        let workers: Vec<WorkerId> = if std::mem::take(&mut self.wishes.all_workers) {
            self.reaches = Reaches::default();
            self.workers.open().collect()
        } else {
            touched.sort_unstable();
            touched.dedup();
            touched.retain(|&worker| self.workers.is_open(worker));
            touched
        };
        let special = std::mem::take(&mut self.wishes.special);
        self.fill(&workers, anybody, Depth::Threads);
        self.offer(&special);
        if self.config.prefetch > 0 {
            self.fill(&workers, anybody, Depth::Queue);
            self.take_back(&workers);
        }
        if !self.wishes.workers.is_empty() {
            // The last task is gone that others were held back for.
            self.dispatch();
        }
    }

    /// One task at a time in turn for these workers and, if there may be tasks for anybody, for the others.
    fn fill(&mut self, workers: &[WorkerId], mut anybody: bool, depth: Depth) {
        let mut hungry = workers.to_vec();
        while self.ready_count() > 0 && (anybody || !hungry.is_empty()) {
            hungry.retain(|&worker| self.give_one(worker, depth));
            anybody = anybody && self.give_others(workers, depth);
        }
    }

    /// One task for each worker with room that is not among these, until none is left for anybody. True if there may be
    /// more.
    fn give_others(&mut self, workers: &[WorkerId], depth: Depth) -> bool {
        let (mut last, mut more) = (None, false);
        while self.is_any_for_anybody(depth) {
            last = self.workers.next_with_room(last, depth == Depth::Queue);
            let Some(worker) = last else { return more };
            more |= workers.binary_search(&worker).is_err() && self.give_one(worker, depth);
        }
        false
    }

    fn is_any_for_anybody(&self, depth: Depth) -> bool {
        !self.ready.is_none_free(&self.jobs, &self.hosts) || depth == Depth::Threads && self.reaches.is_any_far()
    }

    /// True if the worker got a task, and may get another.
    fn give_one(&mut self, worker: WorkerId, depth: Depth) -> bool {
        let least = if depth == Depth::Queue { self.config.prefetch } else { 0 };
        let has_room = |row: &&Worker| row.room(row.tempo.ahead(least)) > 0;
        let Some(row) = self.workers.get(worker).filter(has_room) else { return false };
        let host = row.host;
        self.ready.tidy_head(host);
        let task = match (self.classes.len(), depth) {
            (0, Depth::Threads) => self.pick_near(worker, host).or_else(|| self.pick_far(worker, host)),
            (0, Depth::Queue) => self.pick_near(worker, host),
            (_, _) => self.pick_in_order(worker, host, depth),
        };
        match task {
            Some(task) => self.assign(worker, task),
            None => false,
        }
    }

    /// A task that this worker need not think twice about: of the driver with the fewest tasks on workers, else of the next.
    pub(super) fn pick_near(&self, worker: WorkerId, host: HostId) -> Option<TaskId> {
        let mut turns = self.ready.in_turn(|driver| self.workers.share_of(driver));
        turns.find_map(|lists| self.pick_near_of(lists, worker, host))
    }

    fn pick_near_of(&self, lists: &ReadyTasks, worker: WorkerId, host: HostId) -> Option<TaskId> {
        let allowed = |task: &TaskId| !self.is_avoided(*task, worker);
        let local = self.pick_local(lists, worker, host);
        if lists.is_none_free(&self.jobs, &self.hosts) {
            return local;
        }
        let near = lists.free_near(host, &self.jobs, &self.hosts);
        let free = near.chain(lists.free(&self.jobs, &self.hosts)).find(allowed);
        match (local, free) {
            // An older job does not wait until the newer one's local tasks are done.
            (Some(local), Some(free)) if free < local && !self.same_job(free, local) => Some(free),
            (Some(local), _) => Some(local),
            (None, free) => free,
        }
    }

    /// Of the tasks whose data the host holds, the first one. Where few are ready, there may be threads for all: then that one of
    /// the first for which the fewest workers have one, so that the others find theirs, too. But of a set that is to stop early
    /// the first ones count.
    fn pick_local(&self, lists: &ReadyTasks, worker: WorkerId, host: HostId) -> Option<TaskId> {
        let allowed = |task: &TaskId| !self.is_avoided(*task, worker);
        let mut local = lists.at(host).iter().filter(allowed);
        if self.ready.len() > SMALL {
            return local.next();
        }
        let stops_early = |task: &TaskId| self.jobs.find(*task).is_some_and(|(job, index)| job.limits.cover(index));
        let choices = |&task: &TaskId| {
            let workers = self.jobs.places_now(task).iter().flat_map(|&place| self.workers.at(place));
            workers.filter(|&&other| self.workers.is_idle(other)).count()
        };
        let first = local.next()?;
        if stops_early(&first) {
            Some(first)
        } else {
            local.take(LOOK).chain([first]).min_by_key(|task| (choices(task), *task))
        }
    }

    fn same_job(&self, one: TaskId, other: TaskId) -> bool {
        self.jobs.find(one).map(|(job, _)| job.id) == self.jobs.find(other).map(|(job, _)| job.id)
    }

    /// Did the task fail on this worker, and is there another one for it?
    pub(super) fn is_avoided(&self, task: TaskId, worker: WorkerId) -> bool {
        let Some((job, index)) = self.jobs.find(task).filter(|(job, _)| !job.troubles.is_empty()) else { return false };
        let Some(trouble) = job.troubles.get(&index) else { return false };
        let class = job.class_of(index).map(|class| self.classes.get(class));
        let may_run = |host| class.is_none_or(|class| class.may_run_on(host));
        trouble.avoids(worker) && self.workers.iter().any(|(other, row)| !trouble.avoids(other) && may_run(row.host))
    }

    /// Send a ready task to a worker.
    pub(super) fn assign(&mut self, worker: WorkerId, task: TaskId) -> bool {
        let Some(row) = self.workers.get(worker) else { return false };
        let Some((job, index)) = self.jobs.find(task) else { return false };
        if job.places_now(index).contains(&row.host) {
            self.hosts.row_mut(row.host).last_news = self.now;
        }
        let takes = job.class_of(index).map(|class| Arc::clone(&self.classes.get(class).takes));
        self.unlist(task);
        let Some((job, index)) = self.jobs.find_mut(task) else { return false };
        job.counts.running += 1;
        job.counts.first_task.get_or_insert(self.now);
        let (mut inputs, isolated) = (job.input_holders(index), job.is_isolated(index));
        let expected = job.expected_millis(index, &self.paces);
        job.assign(index, worker);
        let task_row = job.task_mut(index);
        task_row.attempt += 1;
        let attempt = task_row.attempt;
        let sending = Sending { task, attempt, driver: job.driver, takes, isolated, expected };
        self.workers.push(worker, sending, self.now);
        let job = job.id;
        let copies = self.choose_holders(worker, &mut inputs);
        self.tell(task, Step::Sent { worker, attempt });
        let assignment = Assignment { worker, job, index, task, attempt, inputs, copies, isolated };
        self.act(Action::Assign(assignment));
        true
    }

    /// Tell the worker to stop a task, once.
    pub(super) fn cancel_task(&mut self, worker: WorkerId, task: TaskId) {
        let Some(row) = self.workers.get_mut(worker) else { return };
        if let Some(assigned) = row.assigned.iter_mut().find(|row| row.task == task && !row.cancelled) {
            assigned.cancelled = true;
            let attempt = assigned.attempt;
            self.tell(task, Step::ToldToStop { worker });
            self.act(Action::CancelTask { worker, task, attempt });
        }
    }
}
