//! Tasks of classes: those that go before others or after them, and those that few workers may run. How they are listed, and
//! what becomes of those that no worker may run; who goes first at a worker is in `order`.

use std::collections::BTreeSet;

use crate::classes::{ClassId, Classes, LineId};
use crate::hosts::Hosts;
use crate::ids::{HostId, TaskId, WorkerId};
use crate::job::Job;
use crate::turns::Turns;

use super::Core;

/// Where ready tasks are listed.
type ReadyLists<'a> = (&'a mut Turns, &'a mut Classes);

/// List a task that is ready. Of a usual one, whether it is free for everybody.
pub(super) fn list(job: &Job, index: u32, (ready, classes): ReadyLists<'_>, hosts: &Hosts) -> Option<bool> {
    match job.class_of(index) {
        None => Some(ready.insert(job, index, hosts)),
        Some(class) => {
            let line = LineId { class, driver: job.driver };
            classes.insert(line, job.task_id(index), job.places_now(index));
            None
        }
    }
}

impl Core {
    /// A task that was listed is not ready any more. If it was the last of its line, workers that were kept for it and its
    /// like may take others.
    pub(super) fn unlist(&mut self, task: TaskId) {
        let Some((job, index)) = self.jobs.find(task) else { return };
        let Some(class) = job.class_of(index) else { return self.ready.remove(task, &self.jobs, &self.hosts) };
        if self.classes.remove(LineId { class, driver: job.driver }, task, job.places_now(index)) {
            self.wishes.workers.extend(std::mem::take(&mut self.held_back));
        }
    }

    /// A task waits for others, or goes on.
    pub(super) fn task_waits(&mut self, worker: WorkerId, (task, attempt): (TaskId, u32), waits: bool) {
        if self.workers.set_waiting(worker, (task, attempt), waits, self.now) {
            self.wishes.workers.push(worker);
            self.wishes.containers = true;
        }
    }

    /// Tasks that may run on few hosts only do not wait for ever for a worker there.
    pub(super) fn check_special_hope(&mut self) {
        for class in self.classes.active().collect::<Vec<_>>() {
            let hope = self.is_hope_for(class);
            let since = self.classes.note_hope(class, hope, self.now);
            let limit = self.config.starvation_limit;
            if since.is_none_or(|since| self.now.since(since) < limit) {
                continue;
            }
            let (words, seconds) = (self.required_words(class), limit.as_secs());
            let why = format!("{words}, and none came within {seconds} s: name hosts that can take a worker");
            let tasks: Vec<TaskId> = self.classes.tasks(class).collect();
            for task in tasks {
                let Some((job, index)) = self.jobs.find(task) else { continue };
                let (id, name) = (job.id, job.task_name(index));
                self.give_task_up(id, index, format!("{name} waited for {why}"), 1);
            }
        }
    }

    /// Is there a worker where the tasks of this class may run, or can there be one?
    fn is_hope_for(&self, class: ClassId) -> bool {
        let only_on = &self.classes.get(class).only_on;
        let may_start = self.config.cluster.as_ref().is_some_and(|cluster| self.fleet.live() < cluster.most_workers());
        only_on.is_empty()
            || only_on.iter().any(|&host| {
                let may_come = may_start && self.may_ask_for(host);
                may_come || !self.workers.at(host).is_empty() || self.hosts.is_held(host)
            })
    }

    /// Can a container on this host be had, and asked for?
    fn may_ask_for(&self, host: HostId) -> bool {
        let size = self.worker_size();
        self.config.cluster.as_ref().is_some_and(|cluster| cluster.name_hosts) && self.hosts.room(host, size) > 0
    }

    /// Hosts without which ready tasks never run, and where there is neither container nor request of ours.
    pub(super) fn missing_hosts(&self) -> Vec<HostId> {
        self.required_where(|host| self.hosts.is_held(host)).into_iter().collect()
    }

    /// A host for each class whose tasks may run on few hosts only, none of which is served.
    pub(super) fn required_where(&self, is_served: impl Fn(HostId) -> bool) -> BTreeSet<HostId> {
        let missing = |class| {
            let only_on = &self.classes.get(class).only_on;
            if only_on.iter().any(|&host| is_served(host)) {
                return None;
            }
            only_on.iter().copied().find(|&host| self.may_ask_for(host))
        };
        self.classes.active().filter_map(missing).collect()
    }

    fn required_words(&self, class: ClassId) -> String {
        let names: Vec<&str> = self.classes.get(class).only_on.iter().map(|&host| &*self.hosts[host].name).collect();
        format!("a worker on {}, where alone it may run", names.join(" or "))
    }

    /// What a ready task of a class waits for, if there is more to say than of others.
    pub(super) fn why_special_waits(&self, job: &Job, index: u32) -> Option<String> {
        let class = job.class_of(index)?;
        let row = self.classes.get(class);
        if !row.only_on.is_empty() {
            return Some(self.required_words(class));
        }
        let resource = |&(number, _): &(usize, u64)| self.config.resources.get(number).map(|(name, _)| name.as_str());
        let names: Vec<&str> = row.takes.iter().filter_map(resource).collect();
        (!names.is_empty()).then(|| format!("a worker with a free thread and enough of {}", names.join(" and ")))
    }
}
