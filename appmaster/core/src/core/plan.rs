//! How many containers we want, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::action::Action;
use crate::config::ClusterConfig;
use crate::cover::{Candidate, Waiting, choose};
use crate::expected::Expected;
use crate::ids::HostId;
use crate::job::State;
use crate::requests::Nodes;

use super::Core;

/// A container that starts sooner is the exception, and others after it will not.
const LEAST_START: Duration = Duration::from_millis(1500);

/// The part of a worker's memory that can keep results.
const RESULTS: f64 = 0.5;

/// What is wanted beyond the containers that run or start.
#[derive(Debug, Default)]
struct Need {
    /// Containers to ask for.
    containers: u32,
    /// Of these, those that the queue may be too full for: opened only if it has room, but not closed for its sake.
    optional: u32,
}

impl Core {
    /// Bring the requests in line with the need, and say what changed.
    pub(super) fn plan_containers(&mut self) {
        if self.fleet.maximum.is_none() || self.finished {
            return;
        }
        let Some(cluster) = self.config.cluster.clone() else { return };
        self.relax_requests();
        let need = self.need(&cluster);
        let open = self.fleet.requests.len() as u32;
        if open > need.containers {
            self.close_requests(open - need.containers);
        }
        let target = need.containers.saturating_sub(need.optional).max(open.min(need.containers));
        if open < target && self.now >= self.fleet.not_before {
            self.open_requests(&cluster, target - open);
        }
        self.fleet.widest = self.fleet.widest.max(self.fleet.live() + self.fleet.requests.len() as u32);
        self.tell_requests();
    }

    pub(super) fn tell_requests(&mut self) {
        let nodes = Nodes { hosts: &self.hosts, size: self.worker_size() };
        let rows = self.fleet.requests.changed_rows(&nodes);
        if !rows.is_empty() {
            self.act(Action::Ask { rows });
        }
    }

    fn relax_requests(&mut self) {
        let required = self.classes.required_hosts();
        // One that may be served from elsewhere stands in the way of one that insists.
        let is_stale = |row: &crate::requests::Request| {
            let refused = |host| self.hosts[host].blacklisted;
            row.insists_on().is_none() && row.host.is_some_and(|host| required.contains(&host) && !refused(host))
        };
        let stale: Vec<_> = self.fleet.requests.iter().filter(|(_, row)| is_stale(row)).map(|(id, _)| id).collect();
        for request in stale {
            self.close_request(request);
        }
        for (id, before) in self.fleet.requests.relax(self.now, (self.config.locality, &required), &self.hosts) {
            if let Some(host) = before.insists_on() {
                self.unhold(host);
            }
            if let Some(host) = before.host {
                let name = self.hosts[host].name.clone();
                let place = if self.fleet.requests.is_within_rack(id) { "its rack" } else { "anywhere" };
                self.note(format!("{id} for a container on {name} may be served from {place} now"));
            }
        }
    }

    fn need(&self, cluster: &ClusterConfig) -> Need {
        let live = self.fleet.live();
        let warm = cluster.warm().saturating_sub(live);
        let need = self.need_for_tasks(cluster, live);
        let containers = need.containers.max(warm);
        Need { containers, optional: need.optional.min(containers - warm) }
    }

    fn need_for_tasks(&self, cluster: &ClusterConfig, live: u32) -> Need {
        match cluster.workers {
            Some(workers) => {
                let missing = self.required_count();
                let wanted = if cluster.adaptive { self.adapted(cluster) } else { self.runnable() };
                let containers = wanted.min(workers).saturating_sub(live);
                Need { containers: containers.max(missing.min(workers.saturating_sub(live))), optional: 0 }
            }
            None => self.default_need(cluster, live),
        }
    }

    /// Tasks that could run if there were enough workers, those that do, and those that are announced.
    pub(crate) fn runnable(&self) -> u32 {
        ((self.ready_count() + self.delayed_count() + self.workers.assigned()) as u32)
            .saturating_add(self.expected_tasks())
    }

    /// Workers that are worth having for the tasks that could run: more would start when these are almost done. While nobody
    /// knows how long a task takes, a thread for each. And so many that they can keep the results, where their driver has said
    /// how large these are.
    fn adapted(&self, cluster: &ClusterConfig) -> u32 {
        let (tasks, threads) = (u64::from(self.runnable()), u64::from(cluster.worker_threads.max(1)));
        if tasks == 0 {
            return 0;
        }
        let start = self.fleet.slowest_start.max(LEAST_START).as_secs_f64() * 1000.0;
        let open = || self.jobs.iter().filter(|job| !job.finished);
        let worth = match open().filter_map(|job| job.mean_task.get()).reduce(f64::max) {
            Some(mean) => (tasks as f64 * mean / (threads as f64 * 2.0 * start)).ceil() as u64,
            None => tasks.div_ceil(threads),
        };
        let room = (cluster.worker.memory_mb << 20).max(1) as f64 * RESULTS;
        let size = open().filter_map(|job| job.mean_size.get()).reduce(f64::max);
        let worth = worth.max(size.map_or(0, |size| (tasks as f64 * size / room).ceil() as u64));
        u32::try_from(worth.clamp(1, tasks)).unwrap_or(u32::MAX)
    }

    /// Containers without which ready tasks never run, asked for or to be asked for: those that there are may be in the
    /// wrong places.
    fn required_count(&self) -> u32 {
        if self.classes.len() == 0 {
            return 0;
        }
        let live: BTreeSet<HostId> =
            self.fleet.iter().filter(|(_, row)| row.is_live()).map(|(_, row)| row.host).collect();
        self.required_where(|host| live.contains(&host)).len() as u32
    }

    /// Tasks that a worker could begin with.
    pub(super) fn ready_count(&self) -> usize {
        self.ready.len() + self.classes.len()
    }

    fn expected_tasks(&self) -> u32 {
        self.expected.as_ref().map_or(0, |expected| expected.tasks)
    }

    /// The hosts of announced tasks, and how many at each.
    fn expected_places(&self) -> &[(HostId, u32)] {
        self.expected.as_ref().map_or(&[], Expected::places)
    }

    fn delayed_count(&self) -> usize {
        let is_delayed = |&&(until, task): &&(_, _)| {
            self.jobs.find(task).is_some_and(|(job, index)| job.task(index).state == State::Delayed { until })
        };
        self.delayed.iter().filter(is_delayed).count()
    }

    /// A container on each host that holds waiting tasks, or in its stead; for tasks that no node holds, as many as
    /// have threads for them.
    fn default_need(&self, cluster: &ClusterConfig, live: u32) -> Need {
        let queued: usize =
            self.workers.queuing().filter_map(|worker| self.workers.get(worker)).map(|row| row.queued().count()).sum();
        let unmet = ((self.ready_count() + self.delayed_count() + queued) as u32).saturating_add(self.expected_tasks());
        let (usable, strange) = self.waiting_hosts(cluster);
        let serving = |row: &&crate::fleet::Container| {
            row.is_live() && (usable.contains(&row.host) || row.intended.is_some_and(|host| usable.contains(&host)))
        };
        let serving = self.fleet.iter().map(|(_, row)| row).filter(serving).count() as u32;
        let homeless =
            if usable.is_empty() && strange == 0 { unmet.div_ceil(cluster.worker_threads.max(1)) } else { 0 };
        let elsewhere = strange.max(homeless).saturating_sub(live - serving);
        let wanted = (usable.len() as u32).saturating_sub(serving) + elsewhere;
        let containers = wanted.max(self.required_count()).min(unmet).min(cluster.default_limit.saturating_sub(live));
        let room = self.queue_room(cluster).max(u32::from(live == 0));
        Need { containers, optional: containers.saturating_sub(room) }
    }

    /// Hosts with waiting tasks: those whose nodes can take a container, and the number of others.
    fn waiting_hosts(&self, cluster: &ClusterConfig) -> (BTreeSet<HostId>, u32) {
        let mut usable = BTreeSet::new();
        let mut strange = 0;
        let ready = self.hosts.iter().map(|(host, _)| host).filter(|&host| self.ready.count_at(host) > 0);
        let expected: BTreeSet<HostId> = self.expected_places().iter().map(|&(host, _)| host).collect();
        for host in ready.chain(expected).chain(self.classes.hosts()).collect::<BTreeSet<_>>() {
            if cluster.name_hosts && self.hosts.room(host, cluster.worker) > 0 {
                usable.insert(host);
            } else {
                strange += 1;
            }
        }
        (usable, strange)
    }

    /// Containers that the queue could still give us, as far as it said.
    fn queue_room(&self, cluster: &ClusterConfig) -> u32 {
        let Some(headroom) = self.fleet.headroom else { return u32::MAX };
        u32::try_from(headroom.memory_mb / cluster.worker.memory_mb.max(1)).unwrap_or(u32::MAX)
    }

    /// Close so many requests, the latest first.
    fn close_requests(&mut self, count: u32) {
        let latest: Vec<_> = self.fleet.requests.iter().rev().map(|(id, _)| id).take(count as usize).collect();
        for request in latest {
            self.close_request(request);
        }
    }

    fn open_requests(&mut self, cluster: &ClusterConfig, count: u32) {
        let chosen = if cluster.name_hosts { self.choose_hosts(cluster, count) } else { Vec::new() };
        for position in 0..count as usize {
            let host = chosen.get(position).copied();
            self.fleet.requests.open(host, self.now);
            if let Some(host) = host {
                self.hold(host);
            }
        }
    }

    fn choose_hosts(&self, cluster: &ClusterConfig, count: u32) -> Vec<HostId> {
        let ready = self.jobs.iter().flat_map(|job| {
            let placed = job.ready_tasks().filter(|&index| !job.places_now(index).is_empty());
            placed.map(|index| Waiting { places: job.places_now(index), bytes: job.task(index).input_bytes })
        });
        let expected = self.expected_places().iter();
        let expected =
            expected.map(|(host, count)| Waiting { places: std::slice::from_ref(host), bytes: u64::from(*count) });
        let mut chosen = self.missing_hosts();
        chosen.truncate(count as usize);
        let left = count - chosen.len() as u32;
        let mut candidates = self.candidates(cluster);
        candidates.retain(|host, _| !chosen.contains(host));
        chosen.extend(choose(ready.chain(expected), &mut candidates, left));
        chosen
    }

    /// The hosts that could take containers. By default one each; a number of workers may mean more.
    fn candidates(&self, cluster: &ClusterConfig) -> BTreeMap<HostId, Candidate> {
        let (usable, _) = self.waiting_hosts(cluster);
        let room = |host| if cluster.workers.is_some() { self.hosts.room(host, cluster.worker) } else { 1 };
        let mut candidates: BTreeMap<_, _> =
            usable.into_iter().map(|host| (host, Candidate { taken: 0, room: room(host) })).collect();
        let containers = self.fleet.iter().map(|(_, row)| row).filter(|row| row.is_live());
        let held = containers.map(|row| (row.host, row.intended)).flat_map(|(host, intended)| {
            // A container that came elsewhere stands for the host that it was asked for, too.
            [Some(host), intended.filter(|&other| other != host)]
        });
        let asked = self.fleet.requests.iter().map(|(_, request)| request.host);
        for host in held.chain(asked).flatten() {
            if let Some(candidate) = candidates.get_mut(&host) {
                candidate.taken += 1;
            }
        }
        candidates
    }
}
