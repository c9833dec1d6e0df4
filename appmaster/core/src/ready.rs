//! The tasks that could run now, in the order in which each host should take them.
//!
//! A task is listed at each of its hosts. If none of these holds a container of ours, waiting would be in vain: then
//! the task is also free for everybody, and for its racks first.

use std::collections::BTreeSet;

use crate::hosts::Hosts;
use crate::ids::{HostId, TaskId};
use crate::jobs::Jobs;

/// The lists. All are ordered by task number: old jobs first, and neighbours in a file one after the other.
#[derive(Debug, Default)]
pub(crate) struct ReadyTasks {
    by_host: Vec<BTreeSet<TaskId>>,
    free: BTreeSet<TaskId>,
    free_by_rack: Vec<BTreeSet<TaskId>>,
    count: usize,
}

static NONE: BTreeSet<TaskId> = BTreeSet::new();

impl ReadyTasks {
    /// List a task that is not listed. True if it is free for everybody.
    pub fn insert(&mut self, task: TaskId, places: &[HostId], hosts: &Hosts) -> bool {
        self.count += 1;
        for &host in places {
            row(&mut self.by_host, host.index()).insert(task);
        }
        let free = !places.iter().any(|&host| hosts.is_held(host));
        if free {
            self.set_free(task, places, hosts);
        }
        free
    }

    /// Take a listed task out of all lists.
    pub fn remove(&mut self, task: TaskId, places: &[HostId], hosts: &Hosts) {
        self.count -= 1;
        for &host in places {
            row(&mut self.by_host, host.index()).remove(&task);
        }
        self.set_bound(task, places, hosts);
    }

    fn set_free(&mut self, task: TaskId, places: &[HostId], hosts: &Hosts) {
        self.free.insert(task);
        for rack in places.iter().filter_map(|&host| hosts[host].rack) {
            row(&mut self.free_by_rack, rack.index()).insert(task);
        }
    }

    fn set_bound(&mut self, task: TaskId, places: &[HostId], hosts: &Hosts) {
        if self.free.remove(&task) {
            for rack in places.iter().filter_map(|&host| hosts[host].rack) {
                row(&mut self.free_by_rack, rack.index()).remove(&task);
            }
        }
    }

    /// This host holds a container of ours now: its tasks wait for it.
    pub fn host_held(&mut self, host: HostId, jobs: &Jobs, hosts: &Hosts) {
        for task in self.at(host).clone() {
            self.set_bound(task, jobs.places_now(task), hosts);
        }
    }

    /// This host holds no container of ours any more: its tasks may be free. True if one is.
    pub fn host_unheld(&mut self, host: HostId, jobs: &Jobs, hosts: &Hosts) -> bool {
        let mut any = false;
        for task in self.at(host).clone() {
            let places = jobs.places_now(task);
            if !places.iter().any(|&host| hosts.is_held(host)) {
                self.set_free(task, places, hosts);
                any = true;
            }
        }
        any
    }

    /// The tasks listed at this host.
    pub fn at(&self, host: HostId) -> &BTreeSet<TaskId> {
        self.by_host.get(host.index()).unwrap_or(&NONE)
    }

    /// The tasks that are free for everybody.
    pub fn free(&self) -> &BTreeSet<TaskId> {
        &self.free
    }

    /// The free tasks that have places in the rack of this host.
    pub fn free_near(&self, host: HostId, hosts: &Hosts) -> &BTreeSet<TaskId> {
        hosts[host].rack.and_then(|rack| self.free_by_rack.get(rack.index())).unwrap_or(&NONE)
    }

    /// How many tasks could run.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Could none run?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

fn row(rows: &mut Vec<BTreeSet<TaskId>>, index: usize) -> &mut BTreeSet<TaskId> {
    if rows.len() <= index {
        rows.resize_with(index + 1, BTreeSet::new);
    }
    &mut rows[index]
}
