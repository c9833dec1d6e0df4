//! Ready tasks of several drivers: each has lists of its own, and who has the fewest tasks on workers goes first; of those with
//! equally many, who has waited longest.
//!
//! A driver with a million tasks so holds up nobody: as soon as another one has something to run, threads that become free are
//! its, until both have about as many. Within a driver, tasks go first that are the only ones to read some results: memory is
//! free when they are done, where others would only fill it. Then the oldest job does.

use std::collections::BTreeMap;

use crate::hosts::Hosts;
use crate::ids::{DriverId, HostId, TaskId};
use crate::job::Job;
use crate::jobs::Jobs;
use crate::ready::ReadyTasks;
use crate::worker::Share;

/// Which of a driver's lists a task is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// It is the only one to read some results.
    Frees,
    Usual,
}

impl Lane {
    /// That of this task, as long as there is its job.
    pub fn of(job: &Job, index: u32) -> Lane {
        if job.gathers(index) { Lane::Frees } else { Lane::Usual }
    }
}

/// The ready tasks of all drivers, but those of classes.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    rows: BTreeMap<(DriverId, Lane), ReadyTasks>,
    count: usize,
}

impl Turns {
    /// List a task that is not listed. True if it is free for everybody.
    pub fn insert(&mut self, job: &Job, index: u32, hosts: &Hosts) -> bool {
        self.count += 1;
        let row = self.rows.entry((job.driver, Lane::of(job, index))).or_default();
        row.insert(job.task_id(index), job.places_now(index), hosts)
    }

    /// Take a listed task out of all lists.
    pub fn remove(&mut self, task: TaskId, jobs: &Jobs, hosts: &Hosts) {
        let Some((job, index)) = jobs.find(task) else { return };
        if let Some(row) = self.rows.get_mut(&(job.driver, Lane::of(job, index))) {
            row.remove(task, jobs, hosts);
            self.count -= 1;
        }
    }

    /// A driver is gone, and so is what it wanted. Its lists go when they are empty.
    pub fn driver_gone(&mut self, driver: DriverId) {
        self.rows.retain(|(other, _), row| *other != driver || !row.is_empty());
    }

    /// How many tasks could run.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The lists of all drivers that have ready tasks, the one with the smallest share of the workers first.
    pub fn in_turn(&self, share_of: impl Fn(DriverId) -> Share) -> impl Iterator<Item = &ReadyTasks> {
        let waiting = || self.rows.iter().filter(|(_, row)| !row.is_empty());
        let mut order: Vec<(Share, (DriverId, Lane))> = Vec::new();
        // Mostly there is one.
        let first = waiting().next().map(|(_, row)| row);
        if waiting().nth(1).is_some() {
            order = waiting().map(|(&lists, _)| (share_of(lists.0), lists)).collect();
            order.sort_unstable();
        }
        let alone = first.filter(|_| order.is_empty());
        alone.into_iter().chain(order.into_iter().filter_map(|(_, lists)| self.rows.get(&lists)))
    }

    /// The lists of all drivers, for checks.
    #[cfg(any(test, feature = "invariants"))]
    pub fn iter(&self) -> impl Iterator<Item = ((DriverId, Lane), &ReadyTasks)> {
        self.rows.iter().map(|(&lists, row)| (lists, row))
    }

    /// How many tasks are listed at this host.
    pub fn count_at(&self, host: HostId) -> usize {
        self.rows.values().map(|row| row.at(host).len()).sum()
    }

    /// Clear out what is free no more from the heads of the free tasks' queues, after hosts were held.
    pub fn settle_free(&mut self, jobs: &Jobs, hosts: &Hosts) {
        self.rows.values_mut().for_each(|row| row.settle_free(jobs, hosts));
    }

    /// Clear out what has left from the head of a host's queues: for who is about to look there.
    pub fn tidy_head(&mut self, host: HostId) {
        self.rows.values_mut().for_each(|row| row.tidy_head(host));
    }

    /// Clear out what has left from both ends of a host's queues.
    pub fn tidy(&mut self, host: HostId) {
        self.rows.values_mut().for_each(|row| row.tidy(host));
    }

    /// This host holds a container of ours now: its tasks wait for it.
    pub fn host_held(&mut self) {
        self.rows.values_mut().for_each(ReadyTasks::host_held);
    }

    /// This host holds no container of ours any more: its tasks may be free. True if one is.
    pub fn host_unheld(&mut self, host: HostId, jobs: &Jobs, hosts: &Hosts) -> bool {
        self.rows.values_mut().fold(false, |free, row| row.host_unheld(host, jobs, hosts) | free)
    }

    /// Is no task free for everybody?
    pub fn is_none_free(&self, jobs: &Jobs, hosts: &Hosts) -> bool {
        self.rows.values().all(|row| row.is_none_free(jobs, hosts))
    }
}
