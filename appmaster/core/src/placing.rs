//! Where a job's tasks should run, and where what they read is.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::action::Input;
use crate::groups::Read;
use crate::ids::{HostId, WorkerId};
use crate::job::{Job, State};

impl Job {
    /// Settle where a task that is about to be ready should run: where its data is, or else most of its inputs; never
    /// on a host where it failed.
    pub fn settle_places(&mut self, index: u32, host_of: impl Fn(WorkerId) -> Option<HostId>) {
        let follows = self.places.of(index as usize).is_empty() && self.gathers(index);
        if !follows && !self.troubles.contains_key(&index) {
            self.moved.remove(&index);
            return;
        }
        let mut places = self.places.of(index as usize).to_vec();
        if follows {
            places.extend(self.richest_host(index, &host_of));
        }
        if let Some(trouble) = self.troubles.get(&index) {
            let bad: Vec<_> = trouble.failed_on.iter().filter_map(|&worker| host_of(worker)).collect();
            places.retain(|host| !bad.contains(host));
        }
        self.moved.insert(index, places);
    }

    /// Does it read results that nobody else reads? What many tasks read, each a part or all of it, is worth no wait:
    /// all of them would wait for the same host.
    pub fn gathers(&self, index: u32) -> bool {
        self.groups.reads(index).iter().any(|read| self.is_alone(read))
    }

    fn is_alone(&self, read: &Read) -> bool {
        self.groups.readers(read.group).len() == 1
    }

    /// The host whose workers hold most bytes of the results that only this task reads.
    fn richest_host(&self, index: u32, host_of: impl Fn(WorkerId) -> Option<HostId>) -> Option<HostId> {
        let mut bytes: BTreeMap<HostId, u64> = BTreeMap::new();
        let reads = self.groups.reads(index).iter().filter(|read| self.is_alone(read));
        for member in reads.flat_map(|read| self.groups.row(read.group).members()) {
            let Some((worker, length)) = self.result(member) else { continue };
            if let Some(host) = host_of(worker) {
                let sum = bytes.entry(host).or_default();
                *sum = sum.saturating_add(length.max(1));
            }
        }
        bytes.into_iter().max_by_key(|&(host, bytes)| (bytes, std::cmp::Reverse(host))).map(|(host, _)| host)
    }

    /// What a task whose inputs are all there reads, and who holds it.
    pub fn input_holders(&mut self, index: u32) -> Vec<Input> {
        let reads = self.groups.reads(index).to_vec();
        let input = |read: Read| {
            let first = self.task_id(self.groups.row(read.group).members().start);
            Input { first, part: read.part, holders: self.holders(read.group) }
        };
        reads.into_iter().map(input).collect()
    }

    /// The holders of a group's results: one list for all who read them.
    fn holders(&mut self, group: u32) -> Arc<[Option<WorkerId>]> {
        if let Some(holders) = &self.groups.row(group).holders {
            return Arc::clone(holders);
        }
        let members = self.groups.row(group).members();
        let holders: Arc<[Option<WorkerId>]> =
            members.map(|member| self.result(member).map(|(worker, _)| worker)).collect();
        self.groups.row_mut(group).holders = Some(Arc::clone(&holders));
        holders
    }

    /// The tasks that are ready.
    pub fn ready_tasks(&self) -> impl Iterator<Item = u32> {
        (0..self.len()).filter(|&index| matches!(self.task(index).state, State::Ready { .. }))
    }

    /// These hosts turned out to be others: (old, new).
    pub fn merge_places(&mut self, merged: &[(HostId, HostId)]) {
        for place in self.places.items_mut().iter_mut().chain(self.moved.values_mut().flatten()) {
            if let Some(&(_, new)) = merged.iter().find(|(old, _)| old == place) {
                *place = new;
            }
        }
    }
}
