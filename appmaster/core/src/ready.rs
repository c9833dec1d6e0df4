//! The tasks that could run now, in the order in which each host should take them.
//!
//! A task is listed at each of its hosts. If none of these holds a container of ours, waiting would be in vain: then
//! the task is also free for everybody, and for its racks first.
//!
//! A host that is held from now on makes tasks unfree by that alone: nobody goes through its queue. Who looks for a free
//! task looks at its hosts, and what is free no more goes when it gets to the head of its queue.

use crate::bits::Bits;
use crate::hosts::Hosts;
use crate::ids::{HostId, RackId, TaskId};
use crate::jobs::Jobs;
use crate::queue::Queue;

/// The lists. All are ordered by task number: old jobs first, and neighbours in a file one after the other.
#[derive(Debug, Default)]
pub(crate) struct ReadyTasks {
    by_host: Vec<HostQueue>,
    /// Every free task is here. So may be others, whose hosts are held.
    free: Queue,
    /// Likewise, for each rack.
    free_by_rack: Vec<Queue>,
    /// The tasks that are in the rows of their queues; the others came out of order.
    in_row: Bits,
    /// All tasks from this number on would come in order.
    next: u32,
    count: usize,
    /// Heads of the free tasks' queues may not be free.
    doubtful: bool,
}

/// The tasks of one host.
#[derive(Debug, Default)]
struct HostQueue {
    tasks: Queue,
    count: usize,
}

/// The tasks that are listed at one host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    row: Option<&'a HostQueue>,
    in_row: &'a Bits,
}

impl<'a> At<'a> {
    /// How many there are.
    pub fn len(self) -> usize {
        self.row.map_or(0, |row| row.count)
    }

    /// The tasks, the first one first.
    pub fn iter(self) -> impl Iterator<Item = TaskId> + 'a {
        self.row.into_iter().flat_map(move |row| row.tasks.iter(|task| self.in_row.contains(task.0)))
    }

    /// The tasks, the last one first.
    pub fn rev(self) -> impl Iterator<Item = TaskId> + 'a {
        self.row.into_iter().flat_map(move |row| row.tasks.rev(|task| self.in_row.contains(task.0)))
    }
}

impl ReadyTasks {
    /// List a task that is not listed. True if it is free for everybody.
    pub fn insert(&mut self, task: TaskId, places: &[HostId], hosts: &Hosts) -> bool {
        let in_order = task.0 >= self.next;
        if in_order {
            self.next = task.0.saturating_add(1);
            self.in_row.insert(task.0);
        }
        self.count += 1;
        for host in distinct(places) {
            let row = row(&mut self.by_host, host.index());
            row.count += 1;
            put(&mut row.tasks, task, in_order);
        }
        let free = is_free(places, hosts);
        if free {
            put(&mut self.free, task, in_order);
            for rack in racks(places, hosts) {
                put(row(&mut self.free_by_rack, rack), task, in_order);
            }
        }
        free
    }

    /// Take a listed task out of all lists.
    pub fn remove(&mut self, task: TaskId, jobs: &Jobs, hosts: &Hosts) {
        let places = jobs.places_now(task);
        let in_row = self.in_row.remove(task.0);
        self.count -= 1;
        for host in distinct(places) {
            let row = row(&mut self.by_host, host.index());
            row.count -= 1;
            if !in_row {
                row.tasks.remove(task);
            }
            row.tasks.tidy_if_long(row.count, |task| self.in_row.contains(task.0));
        }
        if !self.free.is_bare() {
            self.remove_free(task, places, jobs, hosts);
        }
    }

    fn remove_free(&mut self, task: TaskId, places: &[HostId], jobs: &Jobs, hosts: &Hosts) {
        let is_in = |task: TaskId| self.in_row.contains(task.0);
        let suits = |task: TaskId| is_free(jobs.places_now(task), hosts);
        self.free.remove(task);
        self.free.tidy(self.count, is_in);
        self.free.tidy_head(is_in, suits);
        if self.free.is_bare() {
            return self.free_by_rack.clear();
        }
        for rack in racks(places, hosts) {
            let row = row(&mut self.free_by_rack, rack);
            row.remove(task);
            row.tidy(self.count, is_in);
            row.tidy_head(is_in, suits);
        }
    }

    /// Clear out what is free no more from the heads of the free tasks' queues, after hosts were held.
    pub fn settle_free(&mut self, jobs: &Jobs, hosts: &Hosts) {
        if !std::mem::take(&mut self.doubtful) {
            return;
        }
        let is_in = |task: TaskId| self.in_row.contains(task.0);
        let suits = |task: TaskId| is_free(jobs.places_now(task), hosts);
        self.free.tidy_head(is_in, suits);
        if self.free.is_bare() {
            return self.free_by_rack.clear();
        }
        for row in &mut self.free_by_rack {
            row.tidy_head(is_in, suits);
        }
    }

    /// Clear out what has left from the head of a host's queue: for who is about to look there.
    pub fn tidy_head(&mut self, host: HostId) {
        if let Some(row) = self.by_host.get_mut(host.index()) {
            row.tasks.tidy_head(|task| self.in_row.contains(task.0), |_| true);
        }
    }

    /// Clear out what has left from both ends of a host's queue.
    pub fn tidy(&mut self, host: HostId) {
        if let Some(row) = self.by_host.get_mut(host.index()) {
            row.tasks.tidy(row.count, |task| self.in_row.contains(task.0));
        }
    }

    /// This host holds a container of ours now: its tasks wait for it.
    pub fn host_held(&mut self) {
        self.doubtful = true;
    }

    /// This host holds no container of ours any more: its tasks may be free. True if one is.
    pub fn host_unheld(&mut self, host: HostId, jobs: &Jobs, hosts: &Hosts) -> bool {
        let freed = |&task: &TaskId| is_free(jobs.places_now(task), hosts);
        let freed: Vec<TaskId> = self.at(host).iter().filter(freed).collect();
        for &task in &freed {
            let in_row = self.in_row.contains(task.0);
            put_back(&mut self.free, task, in_row);
            for rack in racks(jobs.places_now(task), hosts) {
                put_back(row(&mut self.free_by_rack, rack), task, in_row);
            }
        }
        !freed.is_empty()
    }

    /// The tasks listed at this host.
    pub fn at(&self, host: HostId) -> At<'_> {
        At { row: self.by_host.get(host.index()), in_row: &self.in_row }
    }

    /// The tasks that are free for everybody, the first one first.
    pub fn free<'a>(&'a self, jobs: &'a Jobs, hosts: &'a Hosts) -> impl Iterator<Item = TaskId> + 'a {
        self.free_in(&self.free, jobs, hosts)
    }

    /// The free tasks that have places in the rack of this host.
    pub fn free_near<'a>(
        &'a self,
        host: HostId,
        jobs: &'a Jobs,
        hosts: &'a Hosts,
    ) -> impl Iterator<Item = TaskId> + 'a {
        let row = hosts[host].rack.and_then(|rack| self.free_by_rack.get(rack.index()));
        row.into_iter().flat_map(move |row| self.free_in(row, jobs, hosts))
    }

    fn free_in<'a>(&'a self, queue: &'a Queue, jobs: &'a Jobs, hosts: &'a Hosts) -> impl Iterator<Item = TaskId> + 'a {
        let listed = queue.iter(|task| self.in_row.contains(task.0));
        listed.filter(|&task| is_free(jobs.places_now(task), hosts))
    }

    /// Is no task free for everybody?
    pub fn is_none_free(&self, jobs: &Jobs, hosts: &Hosts) -> bool {
        self.free.is_bare() || self.free(jobs, hosts).next().is_none()
    }

    /// How many tasks could run.
    #[cfg(any(test, feature = "invariants"))]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Could none run?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

fn row<T: Default>(rows: &mut Vec<T>, index: usize) -> &mut T {
    if rows.len() <= index {
        rows.resize_with(index + 1, T::default);
    }
    &mut rows[index]
}

/// Does nobody of ours hold one of these hosts?
fn is_free(places: &[HostId], hosts: &Hosts) -> bool {
    !places.iter().any(|&host| hosts.is_held(host))
}

/// Each host once.
fn distinct(places: &[HostId]) -> impl Iterator<Item = HostId> {
    let is_first = |&(position, host): &(usize, &HostId)| !places[..position].contains(host);
    places.iter().enumerate().filter(is_first).map(|(_, &host)| host)
}

/// The racks of these hosts, each once.
fn racks(places: &[HostId], hosts: &Hosts) -> impl Iterator<Item = usize> {
    let rack = |host: HostId| hosts[host].rack;
    let is_first =
        move |&(position, &host): &(usize, &HostId)| !places[..position].iter().any(|&other| rack(other) == rack(host));
    places.iter().enumerate().filter(is_first).filter_map(move |(_, &host)| rack(host)).map(RackId::index)
}

fn put(queue: &mut Queue, task: TaskId, in_order: bool) {
    if in_order { queue.push(task) } else { queue.insert(task) }
}

/// The task may still be there, if it came in order.
fn put_back(queue: &mut Queue, task: TaskId, in_row: bool) {
    if !in_row || !queue.has_in_row(task) {
        queue.insert(task);
    }
}

#[cfg(any(test, feature = "invariants"))]
impl ReadyTasks {
    /// Panic if a queue is not in order, longer than it should be, or slow to look at.
    pub fn check(&self, jobs: &Jobs, hosts: &Hosts) {
        for (host, HostQueue { tasks, count }) in self.by_host.iter().enumerate() {
            let (row, _) = tasks.parts();
            self.check_queue(tasks);
            assert!(Queue::is_short(row.len(), *count), "rows_are_short: {} for {count} at host {host}", row.len());
        }
        for queue in self.free_by_rack.iter().chain([&self.free]) {
            self.check_queue(queue);
            let (row, late) = queue.parts();
            let heads = [row.front(), late.first()].into_iter().flatten();
            let free = heads.into_iter().all(|&task| is_free(jobs.places_now(task), hosts));
            assert!(free || self.doubtful, "free_queues_begin_with_free_tasks");
        }
        let length = self.free.parts().0.len();
        assert!(Queue::is_short(length, self.count), "rows_are_short: {length} for {} free or not", self.count);
    }

    /// May the head of a queue be no free task?
    pub fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    fn check_queue(&self, queue: &Queue) {
        let (row, late) = queue.parts();
        assert!(row.iter().is_sorted_by(|one, other| one < other), "rows_are_in_order");
        assert!(row.back().is_none_or(|task| task.0 < self.next), "rows_are_in_order: the last is not known");
        let twice = late.iter().find(|&&task| queue.has_in_row(task) && self.in_row.contains(task.0));
        assert_eq!(twice, None, "nobody_is_listed_twice");
    }
}
