//! Results of former application masters: which workers are expected to have some, who is asked for which, and when what is
//! left is dropped.

use std::collections::BTreeMap;

use crate::action::Action;
use crate::event::{FormerJob, FormerResults};
use crate::fleet::{Container, Stage};
use crate::ids::{ContainerId, JobId, TaskId, Time, WorkerId};
use crate::job::{Job, State};
use crate::lineage::Effects;
use crate::story::Step;

use super::Core;

impl Core {
    /// These containers of an attempt before are ours now. Their workers look for us.
    pub(super) fn containers_kept(&mut self, containers: Vec<(ContainerId, String)>) {
        for (container, host) in containers {
            if self.fleet.get(container).is_some() {
                continue;
            }
            let host = self.hosts.intern(&host);
            self.hold(host);
            self.fleet.first_container.get_or_insert(self.now);
            self.fleet.insert(container, Container { host, intended: None, stage: Stage::Kept { since: self.now } });
        }
        self.wishes.containers = true;
    }

    /// Are workers expected that may have results of a former application master?
    fn is_seeking(&self) -> bool {
        let limit = self.config.former_wait;
        let is_awaited = |row: &Container| matches!(row.stage, Stage::Kept { since } if self.now.since(since) < limit);
        match &self.config.cluster {
            Some(_) => self.fleet.iter().any(|(_, row)| is_awaited(row)),
            None => {
                let began = self.began.unwrap_or(self.now);
                self.workers.len() < self.config.former_workers as usize && self.now.since(began) < limit
            }
        }
    }

    /// A driver submits again what an application master before us had. Before its tasks start.
    pub(super) fn job_was(&mut self, id: JobId, formerly: FormerJob) {
        let seeking = self.is_seeking();
        let Some(job) = self.jobs.get_mut(id) else { return };
        let claims = self.former.add_job(id, formerly, job.len());
        job.was(formerly, claims, seeking);
    }

    /// A worker has results of former application masters.
    pub(super) fn results_claimed(&mut self, worker: WorkerId, results: &[FormerResults]) {
        if self.workers.get(worker).is_none() {
            return;
        }
        let mut claims: BTreeMap<JobId, Vec<u32>> = BTreeMap::new();
        self.former.see(worker, self.now);
        for former in results.iter().flat_map(FormerResults::each) {
            let known = self
                .former
                .job_of(former)
                .filter(|&(job, first)| self.jobs.get(job).is_some_and(|row| former.1 - first < row.len()));
            match known {
                Some((job, first)) => claims.entry(job).or_default().push(former.1 - first),
                None => self.former.claim(worker, [former]),
            }
        }
        for (id, indexes) in claims {
            let Some(job) = self.jobs.get_mut(id) else { continue };
            let mut effects = Effects::default();
            indexes.into_iter().for_each(|index| job.claimed(index, worker, &mut effects));
            self.carry_out(id, effects);
        }
    }

    /// Ask workers for the results of these tasks.
    pub(super) fn adopt(&mut self, id: JobId, adopted: &[(WorkerId, u32)]) {
        let Some(job) = self.jobs.get(id) else { return };
        let mut asked: BTreeMap<(WorkerId, u32), Vec<(u32, TaskId)>> = BTreeMap::new();
        for &(worker, index) in adopted {
            let is_asked = job.task(index).state == State::Sought { asked: Some(worker) };
            if let Some((master, task)) = job.former_task(index).filter(|_| is_asked) {
                asked.entry((worker, master)).or_default().push((task, job.task_id(index)));
            }
        }
        for ((worker, master), results) in asked {
            results.iter().for_each(|&(_, task)| self.former.ask(worker, task));
            self.act(Action::AdoptResults { worker, master, results });
        }
    }

    /// A worker was asked for the former result of a task: its bytes and rows, or nothing.
    pub(super) fn result_adopted(&mut self, worker: WorkerId, task: TaskId, found: Option<(u64, u64)>) {
        if !self.former.answered(worker, task) {
            return;
        }
        if self.workers.get(worker).is_none() {
            return;
        }
        if found.is_some() {
            self.keeps(worker, task);
        }
        let is_asked = |job: &Job, index| job.task(index).state == State::Sought { asked: Some(worker) };
        let sought =
            self.jobs.find(task).filter(|&(job, index)| is_asked(job, index)).map(|(job, index)| (job.id, index));
        match (sought, found) {
            (Some((job, index)), Some(found)) => self.result_found((job, index), worker, found),
            (Some((job, index)), None) => self.result_missed(job, index),
            (None, Some(_)) => self.drop_stray(worker, task),
            (None, None) => {}
        }
    }

    fn result_found(&mut self, (id, index): (JobId, u32), worker: WorkerId, (bytes, rows): (u64, u64)) {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(id) else { return };
        let task = job.task_id(index);
        let mut effects = Effects::default();
        job.found(index, (worker, bytes), now, &mut effects);
        self.wishes.containers |= job.count_rows(index, rows, &mut effects);
        self.tell(task, Step::Found { worker, bytes });
        self.result_is_there((id, index), worker, bytes, effects);
    }

    fn result_missed(&mut self, id: JobId, index: u32) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let mut effects = Effects::default();
        job.missed(index, &mut effects);
        self.carry_out(id, effects);
        self.wishes.containers = true;
    }

    /// A worker is gone, and with it what nobody had asked for, and what it was asked for.
    pub(super) fn lose_claims_of(&mut self, worker: WorkerId) {
        self.former.worker_gone(worker);
        for id in self.jobs.ids() {
            let Some(job) = self.jobs.get_mut(id) else { continue };
            job.forget_claims_of(worker);
            let mut effects = Effects::default();
            job.sought(Some(worker)).into_iter().for_each(|index| job.missed(index, &mut effects));
            self.carry_out(id, effects);
        }
    }

    /// What nobody has, now that nobody is expected any more, is run; what nobody wants is dropped.
    pub(super) fn check_former(&mut self) {
        if !self.is_seeking() {
            self.stop_seeking();
        }
        let limit = self.config.former_limit;
        for worker in self.former.since(|since: Time| self.now.since(since) >= limit) {
            self.former.forget_worker(worker);
            self.jobs.iter_mut().for_each(|job| job.forget_claims_of(worker));
            self.act(Action::DropFormer { worker });
        }
    }

    fn stop_seeking(&mut self) {
        let seeking = |job: &&Job| job.formerly.as_ref().is_some_and(|formerly| formerly.seeking);
        for id in self.jobs.iter().filter(seeking).map(|job| job.id).collect::<Vec<_>>() {
            let Some(job) = self.jobs.get_mut(id) else { continue };
            let mut effects = Effects::default();
            job.stop_seeking(&mut effects);
            self.carry_out(id, effects);
            self.wishes.containers = true;
        }
    }
}
