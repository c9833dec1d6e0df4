//! Tasks that are run away from the hosts that hold their data: when they may be, and how they are found.
//!
//! A search that finds nothing remembers whom it could have found something for. Until the clock's next tick nobody else
//! searches, so a worker with nothing to do costs one look, however many queues there are.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

use crate::config::LocalityWaits;
use crate::hosts::Hosts;
use crate::ids::{HostId, RackId, TaskId, Time, WorkerId};
use crate::job::State;

use super::Core;

/// Tasks at the end of a host's queue that are looked at before it is left alone.
const TAIL: usize = 8;

/// A task is worth a wait of so many times as long as it takes: elsewhere it takes about twice as long, and what it reads from
/// there others have to wait for.
const WORTH: f64 = 4.0;

/// How far a task may go, as long as it has waited.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Leave {
    /// To the racks of its hosts.
    near: bool,
    /// To other racks.
    far: bool,
}

impl Leave {
    /// May it go anywhere?
    pub(super) fn is_any(self) -> bool {
        self.near || self.far
    }
}

/// For whom there may be something.
#[derive(Debug, Default)]
struct Reach {
    everybody: bool,
    racks: BTreeSet<RackId>,
    hosts: BTreeSet<HostId>,
}

impl Reach {
    fn covers(&self, host: HostId, hosts: &Hosts) -> bool {
        self.everybody || self.hosts.contains(&host) || hosts[host].rack.is_some_and(|rack| self.racks.contains(&rack))
    }

    /// A task with these places may go so far.
    fn add(&mut self, leave: Leave, places: &[HostId], hosts: &Hosts) {
        self.everybody |= leave.far;
        if leave.near && !self.everybody {
            self.racks.extend(places.iter().filter_map(|&place| hosts[place].rack));
        }
    }
}

/// Hosts' queues, the longest first, and for whom there may be a task in them.
#[derive(Debug)]
struct Far {
    /// Lengths are those of when they were last looked at.
    queues: BinaryHeap<(usize, Reverse<HostId>)>,
    reach: Reach,
}

/// What searches found out, until the clock's next tick.
#[derive(Debug, Default)]
pub(super) struct Reaches {
    far: Option<Far>,
    queued: Option<Reach>,
}

impl Reaches {
    /// May anybody find a task in another host's queue?
    pub(super) fn is_any_far(&self) -> bool {
        self.far.as_ref().is_none_or(|far| far.reach.everybody)
    }
}

impl Core {
    /// A ready task may be run away from its hosts from now on.
    pub(super) fn note_leaver(&mut self) {
        self.reaches.far = None;
        self.wishes.anybody = true;
    }

    /// A task of another host's queue that has waited long enough, from the longest queue.
    pub(super) fn pick_far(&mut self, worker: WorkerId, host: HostId) -> Option<TaskId> {
        let mut far = self.reaches.far.take().unwrap_or_else(|| self.look_at_queues());
        let found = if far.reach.covers(host, &self.hosts) { self.search(&mut far, worker, host) } else { None };
        self.reaches.far = Some(far);
        found
    }

    fn look_at_queues(&self) -> Far {
        let held = self.hosts.held().iter().map(|&host| (self.ready.count_at(host), Reverse(host)));
        let queues = held.filter(|&(length, _)| length > 0).collect();
        Far { queues, reach: Reach { everybody: true, ..Reach::default() } }
    }

    fn search(&mut self, far: &mut Far, worker: WorkerId, host: HostId) -> Option<TaskId> {
        let (mut seen, mut reach, mut found) = (Vec::new(), Reach::default(), None);
        while let Some((length, Reverse(other))) = far.queues.pop() {
            let really = if self.hosts.is_held(other) { self.ready.count_at(other) } else { 0 };
            if really < length {
                far.queues.extend((really > 0).then_some((really, Reverse(other))));
                continue;
            }
            seen.push((really, Reverse(other)));
            self.ready.tidy(other);
            found = self.leaver(other, (worker, host), &mut reach);
            if found.is_some() {
                break;
            }
        }
        far.queues.extend(seen);
        if found.is_none() {
            far.reach = reach;
        }
        found
    }

    /// A task of a host's queue that this worker may take. Others should take the last ones first, since the host itself
    /// begins with the first. But of a set that is to stop early the first ones count, whoever runs them.
    fn leaver(&self, queue: HostId, taker: (WorkerId, HostId), reach: &mut Reach) -> Option<TaskId> {
        let stops_early = |task: TaskId| self.jobs.find(task).is_some_and(|(job, index)| job.limits.cover(index));
        let mut may_go = |task: &TaskId| {
            let (leave, places) = (self.may_leave(*task, self.ready_since(*task)), self.jobs.places_now(*task));
            reach.add(leave, places, &self.hosts);
            self.may_go(leave, places, taker.1) && !self.is_avoided(*task, taker.0)
        };
        for lists in self.ready.in_turn(|driver| self.workers.share_of(driver)) {
            let queue = lists.at(queue);
            let found = if queue.iter().next().is_some_and(stops_early) {
                queue.iter().take(TAIL).find(&mut may_go)
            } else {
                queue.rev().take(TAIL).find(&mut may_go)
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn ready_since(&self, task: TaskId) -> Time {
        match self.jobs.find(task).map(|(job, index)| job.task(index).state) {
            Some(State::Ready { since }) => since,
            _ => self.now,
        }
    }

    /// How far from the hosts that hold its data may this task be run, which waits since then?
    pub(super) fn may_leave(&self, task: TaskId, since: Time) -> Leave {
        let Some((job, index)) = self.jobs.find(task) else { return Leave::default() };
        let waits = self.config.locality;
        let mut leave = Leave { near: true, far: true };
        for &place in job.places_now(index).iter().filter(|&&place| self.hosts.is_held(place)) {
            let quiet = self.now.since(since.max(self.hosts[place].last_news));
            let allowance = self.start_allowance(place);
            if self.expected_wait(place, job.mean_task.get()) < self.patience(job.mean_task.get()) {
                leave.near &= quiet >= waits.node + allowance;
                leave.far &= quiet >= waits.rack + allowance;
            }
            if !leave.is_any() {
                break;
            }
        }
        leave
    }

    /// Does that suffice for this host?
    pub(super) fn may_go(&self, leave: Leave, places: &[HostId], host: HostId) -> bool {
        let near = places.iter().any(|&place| self.hosts.same_rack(place, host));
        if near { leave.near } else { leave.far }
    }

    /// How much longer it is worth waiting for a host whose containers are only starting.
    fn start_allowance(&self, host: HostId) -> Duration {
        if self.hosts[host].threads > 0 {
            return Duration::ZERO;
        }
        self.config.locality.start.max(2 * self.fleet.slowest_start)
    }

    /// Milliseconds that tasks of this length are worth to wait in their hosts' queues, while others have nothing to do.
    fn patience(&self, mean_task: Option<f64>) -> f64 {
        let millis = |span: Duration| span.as_millis() as f64;
        let LocalityWaits { node, backlog, .. } = self.config.locality;
        let worth = mean_task.map_or(f64::INFINITY, |mean| mean * WORTH);
        worth.max(millis(node)).min(millis(backlog))
    }

    /// Milliseconds until the last task of a host's queue starts there, as far as the past tells.
    fn expected_wait(&self, host: HostId, mean_task: Option<f64>) -> f64 {
        match (self.hosts[host].threads, mean_task) {
            (0, _) | (_, None) => 0.0,
            (threads, Some(mean)) => self.ready.count_at(host) as f64 * mean / f64::from(threads),
        }
    }

    /// Workers with nothing to do get what is queued at others: it is taken back here, and given when it comes.
    pub(super) fn take_back(&mut self, workers: &[WorkerId]) {
        for &worker in workers {
            if !self.workers.is_any_queuing() {
                return;
            }
            let asked = self.taken_back.len();
            let Some(row) = self.workers.get(worker).filter(|row| row.room(0) > asked) else { continue };
            let host = row.host;
            if self.reaches.queued.as_ref().is_some_and(|reach| !reach.covers(host, &self.hosts)) {
                continue;
            }
            if let Some((other, task)) = self.find_queued(worker, host) {
                self.taken_back.insert((other, task));
                self.cancel_task(other, task);
            }
        }
    }

    /// A queued task of another worker that this one could begin at once.
    fn find_queued(&mut self, worker: WorkerId, host: HostId) -> Option<(WorkerId, TaskId)> {
        let mut reach = Reach::default();
        let queued = self.workers.queuing().filter_map(|other| Some((other, self.workers.get(other)?)));
        let queued = queued.flat_map(|(other, row)| row.queued().map(move |task| (other, task)));
        for (other, queued) in queued.filter(|(_, queued)| !queued.cancelled) {
            let (leave, places) = (self.may_leave(queued.task, queued.sent), self.jobs.places_now(queued.task));
            if (places.contains(&host) || self.may_go(leave, places, host)) && !self.is_avoided(queued.task, worker) {
                return Some((other, queued.task));
            }
            reach.add(leave, places, &self.hosts);
            reach.hosts.extend(places);
        }
        self.reaches.queued = Some(reach);
        None
    }
}
