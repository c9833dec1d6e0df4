//! Who goes first at a worker where not all ready tasks are usual ones.
//!
//! Of several tasks the most urgent goes first; of equal ones that of the driver whose turn it is (`turns`); of one driver the
//! oldest. Usual tasks have their place in this order like the others.
//!
//! Tasks that may not wait in a worker's queue, because few workers may run them, would never have their turn at a worker
//! whose queue is always filled again. So nothing that comes after such a task is put into the queue of a worker that lacks
//! but a thread for it, and nothing that comes after it takes what the worker lacks for it. What tasks hold that wait for others
//! of their own is not waited for: it may be that these others need it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::classes::{Class, ClassId, LineId, Rank, USUAL};
use crate::ids::{DriverId, HostId, TaskId, WorkerId};
use crate::job::State;
use crate::worker::{Share, Worker, Workers};

use super::Core;
use super::dispatch::Depth;

/// Tasks of a line that are looked at for a worker that holds none of their data.
const LOOK: usize = 16;

/// A task's place in the order; the first is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    rank: Reverse<Rank>,
    share: Share,
    driver: DriverId,
    task: TaskId,
    /// Nothing for usual tasks.
    class: Option<ClassId>,
}

/// What a worker has to give for a class, beside a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Supply {
    Enough,
    /// When others are done.
    Later,
    /// Nobody knows when.
    Unknown,
}

/// What was found out for tasks of one line, while nothing but these was sent out: the first ones take what there is, so that whoever
/// was not right for one is not for the next.
#[derive(Debug, Default)]
struct Looked {
    /// The last worker that was not right for those that may run anywhere.
    rejected: Option<WorkerId>,
    in_vain: bool,
    /// Is it known who has something to give that is kept for others?
    kept: bool,
}

impl Looked {
    fn first(&mut self, workers: &Workers, suits: impl Fn(&WorkerId) -> bool) -> Option<WorkerId> {
        while !self.in_vain {
            match workers.next_with_room(self.rejected, false) {
                Some(worker) if suits(&worker) => return Some(worker),
                Some(worker) => self.rejected = Some(worker),
                None => self.in_vain = true,
            }
        }
        None
    }
}

impl Core {
    /// The task that goes first at this worker, of those that it may begin with or, with such a depth, queue.
    pub(super) fn pick_in_order(&mut self, worker: WorkerId, host: HostId, depth: Depth) -> Option<TaskId> {
        self.held_back.remove(&worker);
        let (found, held_back) = self.first_in_order(worker, host, depth);
        if held_back {
            self.held_back.insert(worker);
        }
        let is_usual = found.is_some_and(|turn| turn.rank <= Reverse(USUAL));
        match depth {
            Depth::Queue => found.map(|turn| turn.task),
            Depth::Threads if is_usual => found.map(|turn| turn.task),
            Depth::Threads => self.pick_far(worker, host).or(found.map(|turn| turn.task)),
        }
    }

    /// And is something held back for the sake of a task that goes first and cannot run yet?
    fn first_in_order(&self, worker: WorkerId, host: HostId, depth: Depth) -> (Option<Turn>, bool) {
        let Some(row) = self.workers.get(worker) else { return (None, false) };
        let (mut turns, mut reserved) = (self.turns_at(worker, host), Vec::new());
        turns.extend(self.pick_near(worker, host).and_then(|task| self.turn_of(task)));
        turns.sort_unstable();
        for turn in turns {
            let Some(class) = turn.class.map(|class| self.classes.get(class)) else { return (Some(turn), false) };
            if class.takes.iter().any(|(resource, _)| reserved.contains(resource)) {
                continue;
            }
            match (self.supply(row, class), depth) {
                (Supply::Enough, Depth::Threads) => return (Some(turn), !reserved.is_empty()),
                (Supply::Enough, Depth::Queue) if !class.may_queue() => return (None, true),
                (Supply::Enough, Depth::Queue) if turn.rank <= Reverse(USUAL) => return (Some(turn), false),
                (Supply::Later, Depth::Threads) => reserved.extend(class.takes.iter().map(|(resource, _)| *resource)),
                (Supply::Enough | Supply::Later, Depth::Queue) | (Supply::Unknown, _) => {}
            }
        }
        (None, !reserved.is_empty())
    }

    /// The first task of each line that this worker could begin with, if it had a thread for it and all else that it takes.
    fn turns_at(&self, worker: WorkerId, host: HostId) -> Vec<Turn> {
        let first = |line| self.first_of(line, worker, host).and_then(|task| self.turn_of(task));
        self.classes.lines().filter_map(first).collect()
    }

    fn first_of(&self, line: LineId, worker: WorkerId, host: HostId) -> Option<TaskId> {
        if !self.classes.get(line.class).may_run_on(host) {
            return None;
        }
        let allowed = |task: &TaskId| !self.is_avoided(*task, worker);
        let local = self.classes.at(line, host).find(allowed);
        let come = || self.classes.in_line(line).take(LOOK).find(|task| allowed(task) && self.may_come(*task, host));
        local.or_else(come)
    }

    /// May this task be run on a host that holds none of its data?
    fn may_come(&self, task: TaskId, host: HostId) -> bool {
        let Some((job, index)) = self.jobs.find(task) else { return false };
        let State::Ready { since } = job.task(index).state else { return false };
        self.may_go(self.may_leave(task, since), job.places_now(index), host)
    }

    fn turn_of(&self, task: TaskId) -> Option<Turn> {
        let (job, index) = self.jobs.find(task)?;
        let class = job.class_of(index);
        let rank = Reverse(class.map_or(USUAL, |class| self.classes.get(class).rank()));
        Some(Turn { rank, share: self.workers.share_of(job.driver), driver: job.driver, task, class })
    }

    fn supply(&self, row: &Worker, class: &Class) -> Supply {
        let left = |&(resource, amount): &(usize, u64), held: u64| {
            let has = self.config.resources.get(resource).map_or(0, |(_, has)| *has);
            held.saturating_add(amount) <= has
        };
        if class.takes.iter().all(|taken| left(taken, row.in_use(taken.0))) {
            Supply::Enough
        } else if class.takes.iter().all(|taken| left(taken, row.held_by_waiting(taken.0))) {
            Supply::Later
        } else {
            Supply::Unknown
        }
    }

    /// Tasks of classes that have become ready go to workers with a free thread, the first in the order first.
    pub(super) fn offer(&mut self, fresh: &BTreeSet<TaskId>) {
        let is_ready = |&&task: &&TaskId| {
            let found = self.jobs.find(task);
            found.is_some_and(|(job, index)| matches!(job.task(index).state, State::Ready { .. }))
        };
        let mut turns: Vec<Turn> = fresh.iter().filter(is_ready).filter_map(|&task| self.turn_of(task)).collect();
        turns.sort_unstable();
        let mut looked: BTreeMap<(Option<ClassId>, DriverId), Looked> = BTreeMap::new();
        for turn in turns {
            let looked = looked.entry((turn.class, turn.driver)).or_default();
            match self.worker_for(&turn, looked) {
                Some(worker) => drop(self.assign(worker, turn.task)),
                None if looked.kept => {}
                None => {
                    looked.kept = true;
                    let kept: Vec<WorkerId> = self.idle().filter(|&worker| self.is_kept_from(worker, &turn)).collect();
                    self.held_back.extend(kept);
                }
            }
        }
    }

    /// Workers with a free thread.
    fn idle(&self) -> impl Iterator<Item = WorkerId> {
        let next = |last| self.workers.next_with_room(last, false);
        std::iter::successors(next(None), move |&last| next(Some(last)))
    }

    /// A worker with a free thread that may run this task now: one of its hosts, else any.
    fn worker_for(&self, turn: &Turn, looked: &mut Looked) -> Option<WorkerId> {
        let (job, index) = self.jobs.find(turn.task)?;
        let State::Ready { since } = job.task(index).state else { return None };
        let suits = |&worker: &WorkerId| self.may_run_now(worker, turn);
        let places = job.places_now(index);
        let near = places.iter().flat_map(|&host| self.workers.at(host)).copied().find(suits);
        near.or_else(|| {
            let leave = self.may_leave(turn.task, since);
            let may_go =
                |worker: &WorkerId| self.workers.get(*worker).is_some_and(|row| self.may_go(leave, places, row.host));
            match leave.is_any() {
                false => None,
                true if places.is_empty() && !job.troubles.contains_key(&index) => {
                    looked.first(&self.workers, |worker| may_go(worker) && suits(worker))
                }
                true => self.idle().filter(may_go).find(suits),
            }
        })
    }

    /// Has the worker a free thread for this task, and all else that it takes, of which nothing is kept for others?
    fn may_run_now(&self, worker: WorkerId, turn: &Turn) -> bool {
        let Some(row) = self.workers.get(worker).filter(|row| row.room(0) > 0) else { return false };
        let Some(class) = turn.class.map(|class| self.classes.get(class)) else { return false };
        class.may_run_on(row.host)
            && self.supply(row, class) == Supply::Enough
            && !self.is_avoided(turn.task, worker)
            && !self.is_kept_from(worker, turn)
    }

    /// Waits another task, which goes first, for something at this worker that this one would take?
    fn is_kept_from(&self, worker: WorkerId, turn: &Turn) -> bool {
        let class = turn.class.map(|class| self.classes.get(class)).filter(|class| !class.takes.is_empty());
        let Some((class, row)) = class.zip(self.workers.get(worker)) else { return false };
        let waits_for = |other: &Turn| {
            let other = other.class.map(|class| self.classes.get(class));
            other.is_some_and(|other| shares(other, class) && self.supply(row, other) == Supply::Later)
        };
        self.turns_at(worker, row.host).iter().any(|other| other < turn && waits_for(other))
    }

    /// Panic if a worker has room beside a task of a class that it could begin with, or queues what came after such a task.
    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn check_order(&self) {
        for line in self.classes.lines() {
            let class = self.classes.get(line.class);
            for (worker, row) in self.workers.iter().filter(|(_, row)| class.may_run_on(row.host)) {
                let mut near = self.classes.at(line, row.host).filter(|&task| !self.is_avoided(task, worker));
                let has_room = row.room(0) > 0 && self.supply(row, class) == Supply::Enough;
                if has_room && !self.held_back.contains(&worker) {
                    assert_eq!(near.next(), None, "nobody_waits_beside_special_tasks: {worker} has room");
                } else if !class.may_queue() && class.takes.is_empty() {
                    near.for_each(|task| self.check_queue_behind(task, (worker, row), class.rank()));
                }
            }
        }
    }

    /// What was queued at this worker since this task of the same driver has been ready goes before it.
    #[cfg(any(test, feature = "invariants"))]
    fn check_queue_behind(&self, task: TaskId, (worker, row): (WorkerId, &Worker), rank: Rank) {
        let Some((job, index)) = self.jobs.find(task) else { return };
        let State::Ready { since } = job.task(index).state else { return };
        // Who has failed somewhere was not always welcome here.
        if job.troubles.contains_key(&index) {
            return;
        }
        for queued in row.queued().filter(|queued| queued.driver == job.driver && queued.sent > since) {
            let goes_after =
                self.turn_of(queued.task).is_some_and(|other| (other.rank, other.task) > (Reverse(rank), task));
            assert!(!goes_after, "nobody_is_passed_by: {} on {worker} before {task}", queued.task);
        }
    }
}

/// Is there something that tasks of both classes take?
fn shares(one: &Class, other: &Class) -> bool {
    one.takes.iter().any(|(resource, _)| other.takes.iter().any(|(taken, _)| taken == resource))
}
