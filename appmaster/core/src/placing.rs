//! Where a job's tasks should run, and where what they read is.

use std::collections::BTreeMap;

use crate::action::Input;
use crate::ids::{HostId, WorkerId};
use crate::job::{Job, State};

impl Job {
    /// Settle where a task that is about to be ready should run: where its data is, or else most of its inputs; never
    /// on a host where it failed.
    pub fn settle_places(&mut self, index: u32, host_of: impl Fn(WorkerId) -> Option<HostId>) {
        let follows = self.places.of(index as usize).is_empty() && !self.inputs.of(index as usize).is_empty();
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

    /// The host whose workers hold most bytes of the task's inputs.
    fn richest_host(&self, index: u32, host_of: impl Fn(WorkerId) -> Option<HostId>) -> Option<HostId> {
        let mut bytes: BTreeMap<HostId, u64> = BTreeMap::new();
        for input in self.input_holders(index) {
            if let Some(host) = host_of(input.holder) {
                let sum = bytes.entry(host).or_default();
                *sum = sum.saturating_add(input.bytes.max(1));
            }
        }
        bytes.into_iter().max_by_key(|&(host, bytes)| (bytes, std::cmp::Reverse(host))).map(|(host, _)| host)
    }

    /// The inputs of a task that are there, and where.
    pub fn input_holders(&self, index: u32) -> Vec<Input> {
        let holder = |&input: &u32| match self.task(input).state {
            State::Done { worker, bytes } => Some(Input { task: self.task_id(input), bytes, holder: worker }),
            State::Idle
            | State::Waiting { .. }
            | State::Ready { .. }
            | State::Delayed { .. }
            | State::Assigned { .. } => None,
        };
        self.inputs.of(index as usize).iter().filter_map(holder).collect()
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
