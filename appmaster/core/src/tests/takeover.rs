//! The application master dies, and another one takes its place: containers stay, workers find their way to it, and drivers
//! submit again what they need, in any order.

use std::collections::{BTreeMap, BTreeSet};

use super::manager::SimStage;
use super::watch::SimJob;
use super::world::{SimWorker, World};
use crate::{Capability, ContainerId, Core, DriverId, Event, FormerJob, FormerResults, JobId, SHARED_JOBS, TaskId};

/// A task's number with a former application master.
pub type FormerTask = (u32, u32);

/// What the world knows of former application masters.
#[derive(Debug, Default)]
pub struct Former {
    /// The number of the one at hand, from 1.
    pub master: u32,
    /// What their numbers meant: whose task, and which.
    pub tasks: BTreeMap<FormerTask, (JobId, u32)>,
    /// Workers without an application master.
    pub lost: Vec<SimWorker>,
    /// Drivers without one.
    pub drivers: BTreeSet<DriverId>,
    /// Kept containers that the application master has yet to hear of.
    pub late: Vec<ContainerId>,
}

impl Former {
    /// Has somebody yet to find the application master, or it to hear of a container?
    pub fn is_anybody_away(&self) -> bool {
        !self.lost.is_empty() || !self.drivers.is_empty() || !self.late.is_empty()
    }
}

impl SimJob {
    /// Jobs of the same driver that it reads.
    fn sources(&self) -> impl Iterator<Item = JobId> {
        let inputs = self.graph.sets.iter().flat_map(|set| &set.tasks).flat_map(|task| &task.inputs);
        inputs.filter_map(|input| input.job).filter(|number| *number < SHARED_JOBS).map(JobId)
    }
}

impl World {
    /// Another application master, which knows nothing.
    pub fn restart(&mut self) {
        self.note("restart");
        self.core = Core::new(self.config.clone());
        for (&id, job) in self.jobs.iter().filter(|(_, job)| job.accepted) {
            let numbers = (job.first..job.first + job.len()).zip(0..);
            let master = self.former.master;
            self.former.tasks.extend(numbers.map(|(task, index)| ((master, task), (id, index))));
        }
        self.lose_workers();
        self.lose_drivers();
        self.former.master += 1;
        self.attempts.clear();
        // Who was under suspicion is forgotten.
        self.deaths = super::deaths::Deaths::default();
        self.resynced = false;
        if self.local {
            return;
        }
        let kept = self.keep_containers();
        let nodes = self.manager.node_report();
        self.send(nodes);
        self.send_kept(kept);
        self.send(Event::Registered { maximum: Capability { memory_mb: 4096, cores: 4 } });
    }

    fn lose_workers(&mut self) {
        let master = self.former.master;
        for (_, mut row) in std::mem::take(&mut self.workers).into_iter().filter(|(_, row)| !row.dead) {
            row.tasks.clear();
            row.adopting.clear();
            row.copies.clear();
            row.former.extend(std::mem::take(&mut row.results).into_iter().map(|task| (master, task.0)));
            self.former.lost.push(row);
        }
    }

    fn lose_drivers(&mut self) {
        self.former.drivers.extend(std::mem::take(&mut self.drivers));
        self.shared.clear();
        // Whoever still wants them says so again; that is not played here.
        self.errands.clear();
        for job in self.jobs.values_mut() {
            // What nobody had accepted means nothing to the next one.
            let number = FormerJob { master: self.former.master, first: job.first };
            if std::mem::replace(&mut job.accepted, false) {
                job.former = Some(number);
            }
            job.over |= job.driver.is_none_or(|driver| !self.former.drivers.contains(&driver));
            job.announced.clear();
            job.failed.clear();
            job.done.clear();
            job.finished = false;
            job.away = !job.over;
        }
    }

    /// Containers that run workers stay; the others do not.
    fn keep_containers(&mut self) -> Vec<ContainerId> {
        self.manager.forget();
        self.manager.refused.clear();
        for stage in [SimStage::Granted, SimStage::Launched] {
            self.manager.in_stage(stage).into_iter().for_each(|container| self.manager.end(container, -100));
        }
        let containers = &self.manager.containers;
        let mut kept = self.manager.in_stage(SimStage::Connected);
        kept.retain(|container| !containers[container].released);
        let late: Vec<ContainerId> = kept.iter().copied().filter(|_| self.rng.chance(10)).collect();
        kept.retain(|container| !late.contains(container));
        self.former.late = late;
        kept
    }

    fn send_kept(&mut self, kept: Vec<ContainerId>) {
        let host = |id: &ContainerId| self.manager.nodes[self.manager.containers[id].node].host.clone();
        let containers: Vec<_> = kept.iter().map(|id| (*id, host(id))).collect();
        if !containers.is_empty() {
            self.send(Event::ContainersKept { containers });
        }
    }

    /// The application master hears of the other kept containers.
    pub fn show_late_containers(&mut self) {
        let late = std::mem::take(&mut self.former.late);
        let containers = &self.manager.containers;
        let there = |id: &ContainerId| containers[id].stage == SimStage::Connected && !containers[id].released;
        self.send_kept(late.into_iter().filter(there).collect());
    }

    /// A worker finds the application master.
    pub fn return_worker(&mut self) {
        if self.former.lost.is_empty() {
            return;
        }
        let position = self.rng.below(self.former.lost.len() as u64) as usize;
        let row = self.former.lost.remove(position);
        let mut by_master: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        row.former.iter().for_each(|&(master, task)| by_master.entry(master).or_default().push(task));
        let worker = self.join_worker(row);
        let results: Vec<_> = by_master.into_iter().map(|(master, tasks)| FormerResults { master, tasks }).collect();
        if !results.is_empty() && self.workers.contains_key(&worker) {
            self.send(Event::ResultsClaimed { worker, results });
        }
    }

    /// A worker answers what it was asked for; now and then it has it no more.
    pub fn answer_adoption(&mut self, worker: crate::WorkerId, faults: u64) {
        let Some(row) = self.workers.get_mut(&worker).filter(|row| !row.adopting.is_empty()) else { return };
        let (former, task) = row.adopting.remove(0);
        let has = row.former.remove(&former);
        if !has || self.rng.chance(faults) {
            return self.send(Event::ResultAdopted { worker, task, found: None });
        }
        row.results.insert(task);
        let bytes = self.rng.below(1000);
        let rows = self.note_done(task);
        self.send(Event::ResultAdopted { worker, task, found: Some((bytes, rows)) });
    }

    /// A driver finds the application master, and submits again what it needs: then it gives up what it had given up.
    pub fn return_driver(&mut self) {
        let away: Vec<DriverId> = self.former.drivers.iter().copied().collect();
        let Some(old) = self.rng.pick(&away) else { return };
        self.former.drivers.remove(&old);
        let driver = self.join_driver();
        let mut needed: BTreeSet<JobId> = BTreeSet::new();
        let open = |job: &SimJob| job.driver == Some(old) && job.away && !job.released;
        let mut stack: Vec<JobId> = self.jobs.iter().filter(|(_, job)| open(job)).map(|(&id, _)| id).collect();
        while let Some(id) = stack.pop() {
            if let Some(job) = self.jobs.get(&id).filter(|job| job.driver == Some(old))
                && needed.insert(id)
            {
                stack.extend(job.sources());
            }
        }
        for job in self.jobs.values_mut().filter(|job| job.driver == Some(old)) {
            job.driver = Some(driver);
            job.over |= job.away;
            job.away = false;
        }
        for &id in &needed {
            self.submit_again(driver, id);
        }
        for id in needed {
            if self.jobs[&id].wants_nothing && !self.jobs[&id].over {
                self.release(id);
            }
        }
    }

    fn submit_again(&mut self, driver: DriverId, id: JobId) {
        let job = self.job(id);
        job.wants_nothing = job.released || job.wants_nothing;
        (job.over, job.released) = (false, false);
        let nothing = job.wants_nothing && job.graph.independent;
        let given_up = |index: &u32| nothing || job.given_up.contains(index);
        let (readable, wanted) = job.original.wanted.iter().copied().partition(given_up);
        job.graph.readable = readable;
        job.graph.wanted = wanted;
        job.graph.formerly = job.former;
        let graph = job.graph.clone();
        self.send(Event::JobSubmitted { driver, job: id, graph });
    }

    /// A worker is asked to keep old results as new ones: only what it has, and only as what it is.
    pub fn watch_adopt(&mut self, worker: crate::WorkerId, master: u32, results: &[(u32, TaskId)]) {
        for &(former, task) in results {
            let meant = self.former.tasks.get(&(master, former)).copied();
            let found = self.jobs.iter().find(|(_, job)| job.accepted && !job.over && job.has(task));
            let found = found.map(|(&id, job)| (id, task.0 - job.first));
            assert_eq!(found, meant, "adopted_results_are_of_the_same_task: {master}:{former} as {task}");
            let row = self.workers.get_mut(&worker).expect("workers_are_connected: adopt");
            let has = row.former.contains(&(master, former));
            assert!(has, "adopted_results_were_claimed: {master}:{former} on {worker}");
            row.adopting.push(((master, former), task));
        }
    }

    /// What nobody asked for goes.
    pub fn watch_drop_former(&mut self, worker: crate::WorkerId) {
        let row = self.workers.get_mut(&worker).expect("workers_are_connected: drop former");
        let asked: BTreeSet<FormerTask> = row.adopting.iter().map(|&(former, _)| former).collect();
        row.former.retain(|former| asked.contains(former));
    }
}
