//! The connected workers, what each was given to do, and which of them could take more.

use std::collections::BTreeMap;

use crate::bits::Bits;
use crate::classes::Takes;
use crate::ids::{ContainerId, DriverId, HostId, TaskId, Time, WorkerId};
use crate::tempo::Tempo;

/// Threads of a worker beyond which we do not believe it.
const MOST_THREADS: u32 = 1024;

/// A task that a worker has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assigned {
    pub task: TaskId,
    pub attempt: u32,
    /// Whose job it is of.
    pub driver: DriverId,
    /// When it was sent.
    pub sent: Time,
    /// When a thread was free for it.
    pub started: Option<Time>,
    /// Did we tell the worker to stop it?
    pub cancelled: bool,
    /// Did another attempt of the task end first? Then it does not matter how this one ends.
    pub vain: bool,
    /// Does it wait for tasks of its own, and hold no thread?
    pub waits: bool,
    /// Did it ever? Then it may run beside as many others as there are threads.
    pub has_waited: bool,
    /// What it takes of the worker, beside a thread.
    pub takes: Option<Takes>,
    /// Has it a process of its own?
    pub isolated: bool,
}

/// A task that is about to be a worker's.
#[derive(Debug)]
pub(crate) struct Sending {
    pub task: TaskId,
    pub attempt: u32,
    /// Whose job it is of.
    pub driver: DriverId,
    pub takes: Option<Takes>,
    /// Has it a process of its own?
    pub isolated: bool,
    /// Milliseconds that it takes as far as its driver knows, if nobody has seen its like end.
    pub expected: Option<f64>,
}

/// One worker. It runs tasks in the order in which it got them, `threads` at a time; the others are queued.
#[derive(Debug)]
pub(crate) struct Worker {
    /// `None` in local mode.
    pub container: Option<ContainerId>,
    pub host: HostId,
    pub threads: u32,
    pub assigned: Vec<Assigned>,
    /// How many of these wait for tasks of their own.
    waiting: usize,
    /// What tasks take of it beside threads, by the resources' numbers.
    in_use: Vec<u64>,
    /// Results that it keeps for us.
    pub results: u32,
    /// Their tasks, and some whose results it keeps no more.
    pub kept: Vec<TaskId>,
    /// Is it to leave as soon as others have its results? It gets no more tasks.
    pub leaving: bool,
    /// Does it use most of its memory? Then it gets no task beside another one.
    pub pressed: bool,
    /// Transient failures since its last success.
    pub failures_in_row: u32,
    /// Since when it has had nothing to do.
    pub idle_since: Time,
    /// How fast it ends tasks.
    pub tempo: Tempo,
}

impl Worker {
    /// A worker that just connected.
    pub fn new(container: Option<ContainerId>, host: HostId, threads: u32, now: Time) -> Worker {
        Worker {
            container,
            host,
            threads: threads.clamp(1, MOST_THREADS),
            assigned: Vec::new(),
            waiting: 0,
            in_use: Vec::new(),
            results: 0,
            kept: Vec::new(),
            leaving: false,
            pressed: false,
            failures_in_row: 0,
            idle_since: now,
            tempo: Tempo::new(now),
        }
    }

    /// How many more tasks it may have if each thread gets one, and so many are queued.
    pub fn room(&self, queued: u32) -> usize {
        if self.leaving {
            return 0;
        }
        let most = if self.pressed { 1 } else { self.threads.saturating_add(queued) };
        (most as usize).saturating_sub(self.assigned.len() - self.waiting)
    }

    /// How much of a resource is taken, in thousandths.
    pub fn in_use(&self, resource: usize) -> u64 {
        self.in_use.get(resource).copied().unwrap_or(0)
    }

    /// How much of it is taken by tasks that wait for others of their own.
    pub fn held_by_waiting(&self, resource: usize) -> u64 {
        let takes = self.assigned.iter().filter(|row| row.waits).filter_map(|row| row.takes.as_ref());
        takes.flat_map(|takes| takes.iter()).filter(|(taken, _)| *taken == resource).map(|(_, amount)| amount).sum()
    }

    /// Note a task that is being sent.
    pub fn push(&mut self, sending: Sending, now: Time) {
        let Sending { task, attempt, driver, takes, isolated, expected } = sending;
        if let Some(millis) = expected {
            self.tempo.expect(self.threads, millis);
        }
        let started = (self.room(0) > 0).then_some(now);
        for &(resource, amount) in takes.iter().flat_map(|takes| takes.iter()) {
            if self.in_use.len() <= resource {
                self.in_use.resize(resource + 1, 0);
            }
            self.in_use[resource] += amount;
        }
        self.assigned.push(Assigned {
            task,
            attempt,
            driver,
            sent: now,
            started,
            cancelled: false,
            vain: false,
            waits: false,
            has_waited: false,
            takes,
            isolated,
        });
    }

    /// Take out this attempt, if the worker has it. The first queued task gets its thread.
    pub fn take(&mut self, task: TaskId, attempt: u32, now: Time) -> Option<Assigned> {
        let position = self.assigned.iter().position(|row| row.task == task && row.attempt == attempt)?;
        let taken = self.assigned.remove(position);
        self.waiting -= usize::from(taken.waits);
        for &(resource, amount) in taken.takes.iter().flat_map(|takes| takes.iter()) {
            self.in_use[resource] -= amount;
        }
        self.start_queued(now);
        self.tempo.count(now);
        if self.assigned.is_empty() {
            self.idle_since = now;
        }
        Some(taken)
    }

    /// Queued tasks get the threads that are free.
    fn start_queued(&mut self, now: Time) {
        let running = self.assigned.iter().filter(|row| row.started.is_some() && !row.waits).count();
        let free = (self.threads as usize).saturating_sub(running);
        for row in self.assigned.iter_mut().filter(|row| row.started.is_none()).take(free) {
            row.started = Some(now);
        }
    }

    /// Note that a running task waits for others, or goes on. False if that is nothing new.
    fn set_waiting(&mut self, (task, attempt): (TaskId, u32), waits: bool, now: Time) -> bool {
        let is_it = |row: &&mut Assigned| row.task == task && row.attempt == attempt && row.waits != waits;
        let Some(row) = self.assigned.iter_mut().find(is_it) else { return false };
        row.waits = waits;
        row.has_waited = true;
        row.started.get_or_insert(now);
        self.waiting = if waits { self.waiting + 1 } else { self.waiting - 1 };
        self.start_queued(now);
        true
    }

    /// The tasks that it has and has no thread for.
    pub fn queued(&self) -> impl Iterator<Item = &Assigned> {
        self.assigned.iter().filter(|row| row.started.is_none())
    }
}

/// All connected workers by their numbers. What they have changes through this table only, which knows whom to ask
/// when a task is to be given away: nobody looks at all of them.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    /// By their numbers, which the shell counts up.
    rows: Vec<Option<Box<Worker>>>,
    count: usize,
    /// The workers of each host.
    by_host: Vec<Vec<WorkerId>>,
    /// Workers that have a thread without a task.
    idle: Bits,
    /// Workers that may have one more task, if so many are queued.
    open: Bits,
    /// Workers with tasks for which they have no thread.
    queuing: Bits,
    /// Tasks that a worker gets beyond its threads, at least.
    prefetch: u32,
    /// Tasks of all workers.
    assigned: usize,
    /// Those of each driver.
    by_driver: BTreeMap<DriverId, Share>,
    /// How many tasks were ever sent.
    sent: u64,
}

/// What a driver has of the workers. Who has least is the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Share {
    /// Its tasks on workers.
    pub tasks: u32,
    /// When it had its last turn, counted in tasks: of those with equally many the one that waits longest goes first.
    last: u64,
}

impl Workers {
    /// No workers; each will get so many tasks beyond its threads, at least.
    pub fn new(prefetch: u32) -> Workers {
        Workers { prefetch, ..Workers::default() }
    }

    /// A worker connected.
    pub fn insert(&mut self, worker: WorkerId, row: Worker) {
        let host = row.host.index();
        if self.by_host.len() <= host {
            self.by_host.resize_with(host + 1, Vec::new);
        }
        self.by_host[host].push(worker);
        let index = worker.0 as usize;
        if self.rows.len() <= index {
            self.rows.resize_with(index + 1, || None);
        }
        self.count += usize::from(self.rows[index].replace(Box::new(row)).is_none());
        self.list(worker);
    }

    /// A worker is gone.
    pub fn remove(&mut self, worker: WorkerId) -> Option<Worker> {
        let row = *self.rows.get_mut(worker.0 as usize)?.take()?;
        self.count -= 1;
        self.by_host[row.host.index()].retain(|&other| other != worker);
        self.assigned -= row.assigned.len();
        row.assigned.iter().for_each(|assigned| self.count_off(assigned.driver));
        for list in [&mut self.idle, &mut self.open, &mut self.queuing] {
            list.remove(worker.0);
        }
        Some(row)
    }

    /// A driver has one task less on workers.
    fn count_off(&mut self, driver: DriverId) {
        if let Some(share) = self.by_driver.get_mut(&driver) {
            share.tasks -= 1;
        }
    }

    /// What this driver has of the workers.
    pub fn share_of(&self, driver: DriverId) -> Share {
        self.by_driver.get(&driver).copied().unwrap_or_default()
    }

    /// Forget the turns of drivers that are gone, and of which no worker has a task.
    pub fn forget_drivers(&mut self, is_there: impl Fn(DriverId) -> bool) {
        self.by_driver.retain(|&driver, share| share.tasks > 0 || is_there(driver));
    }

    /// All are gone.
    pub fn clear(&mut self) {
        *self = Workers::new(self.prefetch);
    }

    /// Note a task that is being sent to this worker.
    pub fn push(&mut self, worker: WorkerId, sending: Sending, now: Time) {
        let driver = sending.driver;
        if let Some(row) = self.get_mut(worker) {
            row.push(sending, now);
            self.assigned += 1;
            self.sent += 1;
            let share = self.by_driver.entry(driver).or_default();
            *share = Share { tasks: share.tasks + 1, last: self.sent };
            self.list(worker);
        }
    }

    /// Take out this attempt, if the worker has it. The first queued task gets its thread.
    pub fn take(&mut self, worker: WorkerId, (task, attempt): (TaskId, u32), now: Time) -> Option<Assigned> {
        let taken = self.get_mut(worker)?.take(task, attempt, now)?;
        self.assigned -= 1;
        self.count_off(taken.driver);
        self.list(worker);
        Some(taken)
    }

    /// Note that a task of a worker waits for others, or goes on. False if that is nothing new.
    pub fn set_waiting(&mut self, worker: WorkerId, attempt: (TaskId, u32), waits: bool, now: Time) -> bool {
        let changed = self.get_mut(worker).is_some_and(|row| row.set_waiting(attempt, waits, now));
        self.list(worker);
        changed
    }

    /// Let a worker get no more tasks, or again some.
    pub fn set_leaving(&mut self, worker: WorkerId, leaving: bool) {
        if let Some(row) = self.get_mut(worker) {
            row.leaving = leaving;
            self.list(worker);
        }
    }

    /// Note that a worker uses most of its memory, or not any more. False if there is no such worker.
    pub fn set_pressed(&mut self, worker: WorkerId, pressed: bool) -> bool {
        let known = self.get_mut(worker).map(|row| row.pressed = pressed).is_some();
        self.list(worker);
        known
    }

    /// Is this worker here, and to stay?
    pub fn stays(&self, worker: WorkerId) -> bool {
        self.get(worker).is_some_and(|row| !row.leaving)
    }

    /// Bring the lists in line with what a worker has.
    fn list(&mut self, worker: WorkerId) {
        let Some(row) = self.get(worker) else { return };
        let (idle, open) = (row.room(0) > 0, row.room(row.tempo.ahead(self.prefetch)) > 0);
        let queuing = row.queued().next().is_some();
        self.idle.set(worker.0, idle);
        self.open.set(worker.0, open);
        self.queuing.set(worker.0, queuing);
    }

    /// This worker.
    pub fn get(&self, worker: WorkerId) -> Option<&Worker> {
        self.rows.get(worker.0 as usize)?.as_deref()
    }

    /// This worker, to change anything but its tasks.
    pub fn get_mut(&mut self, worker: WorkerId) -> Option<&mut Worker> {
        self.rows.get_mut(worker.0 as usize)?.as_deref_mut()
    }

    /// All workers.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (WorkerId, &Worker)> {
        let numbered = self.rows.iter().enumerate();
        numbered.filter_map(|(number, row)| Some((WorkerId(number as u32), row.as_deref()?)))
    }

    /// All workers, to change anything but how many tasks they have.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (WorkerId, &mut Worker)> {
        let numbered = self.rows.iter_mut().enumerate();
        numbered.filter_map(|(number, row)| Some((WorkerId(number as u32), row.as_deref_mut()?)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Tasks of all workers.
    pub fn assigned(&self) -> usize {
        self.assigned
    }

    /// The workers of this host.
    pub fn at(&self, host: HostId) -> &[WorkerId] {
        self.by_host.get(host.index()).map_or(&[], Vec::as_slice)
    }

    /// Is a thread of the worker without a task?
    pub fn is_idle(&self, worker: WorkerId) -> bool {
        self.idle.contains(worker.0)
    }

    /// May the worker have one more task?
    pub fn is_open(&self, worker: WorkerId) -> bool {
        self.open.contains(worker.0)
    }

    /// Workers that may have one more task.
    pub fn open(&self) -> impl Iterator<Item = WorkerId> {
        self.open.iter().map(WorkerId)
    }

    /// Workers with tasks for which they have no thread.
    pub fn queuing(&self) -> impl Iterator<Item = WorkerId> {
        self.queuing.iter().map(WorkerId)
    }

    /// Does any worker have a task for which it has no thread?
    pub fn is_any_queuing(&self) -> bool {
        !self.queuing.is_empty()
    }

    /// The first worker after this one that has a free thread, or, if queues count too, room for one more task.
    pub fn next_with_room(&self, after: Option<WorkerId>, queues: bool) -> Option<WorkerId> {
        let list = if queues { &self.open } else { &self.idle };
        let start = after.map_or(Some(0), |last| last.0.checked_add(1))?;
        list.first_from(start).map(WorkerId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queued_task_starts_when_a_thread_is_free() {
        let mut worker = Worker::new(None, HostId(0), 1, Time(0));
        let sending = |task| Sending {
            task: TaskId(task),
            attempt: 1,
            driver: DriverId(1),
            takes: None,
            isolated: false,
            expected: None,
        };
        worker.push(sending(1), Time(1));
        worker.push(sending(2), Time(2));
        assert_eq!(worker.room(1), 0);
        assert_eq!(worker.queued().count(), 1);
        assert_eq!(worker.take(TaskId(1), 2, Time(3)), None);
        assert!(worker.take(TaskId(1), 1, Time(5)).is_some());
        assert_eq!(worker.assigned[0].started, Some(Time(5)));
    }

    #[test]
    fn threads_are_believed_within_reason() {
        assert_eq!(Worker::new(None, HostId(0), 0, Time(0)).threads, 1);
        assert_eq!(Worker::new(None, HostId(0), u32::MAX, Time(0)).threads, MOST_THREADS);
    }
}
