//! What workers have of former application masters: results that are found instead of computed again.
//!
//! A driver says what its job was; workers say whose results they have. Where both meet, the worker is asked to keep the
//! result as that of the new task, and the task is done with its answer, whatever became of its inputs:
//!
//! ```text
//! Idle -> Sought (nobody asked) -> Sought (a worker asked) -> Done
//!               |                          +-> it has none, or is gone: as if nobody had claimed it
//!               +-> nobody is expected any more: Waiting, as any other task
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::event::{FormerJob, FormerResults};
use crate::ids::{JobId, TaskId, Time, WorkerId};
use crate::job::{Job, State};
use crate::lineage::Effects;

/// The number of a task with a former application master: whose, and which.
pub(crate) type FormerTask = (u32, u32);

/// Who has what of former application masters, as far as no job has asked for it.
#[derive(Debug, Default)]
pub(crate) struct Former {
    /// Results, and a worker that has each.
    claims: BTreeMap<FormerTask, WorkerId>,
    /// Jobs by the former numbers of their first tasks.
    jobs: BTreeMap<FormerTask, JobId>,
    /// Workers that still have something of former application masters, and since when we know.
    workers: BTreeMap<WorkerId, Time>,
    /// Workers that were asked for a result, as that of a task, and have yet to answer.
    asked: BTreeSet<(WorkerId, TaskId)>,
}

impl Former {
    /// A worker has these, of which no job has asked for any yet.
    pub fn claim(&mut self, worker: WorkerId, claims: impl IntoIterator<Item = FormerTask>) {
        for claim in claims {
            self.claims.entry(claim).or_insert(worker);
        }
    }

    /// A worker has something.
    pub fn see(&mut self, worker: WorkerId, now: Time) {
        self.workers.insert(worker, now);
    }

    /// Does the worker have something that may yet be asked for?
    pub fn has(&self, worker: WorkerId) -> bool {
        self.workers.contains_key(&worker)
    }

    /// Workers that have had something since then or before.
    pub fn since(&self, is_long: impl Fn(Time) -> bool) -> Vec<WorkerId> {
        self.workers.iter().filter(|&(_, &since)| is_long(since)).map(|(&worker, _)| worker).collect()
    }

    /// The worker is gone, or is to drop what it has.
    pub fn forget_worker(&mut self, worker: WorkerId) {
        if self.workers.remove(&worker).is_some() {
            self.claims.retain(|_, &mut holder| holder != worker);
        }
    }

    /// The worker is gone, and answers no more.
    pub fn worker_gone(&mut self, worker: WorkerId) {
        self.forget_worker(worker);
        self.asked.retain(|&(other, _)| other != worker);
    }

    /// A worker is asked for the result of this task.
    pub fn ask(&mut self, worker: WorkerId, task: TaskId) {
        self.asked.insert((worker, task));
    }

    /// A worker answers. False if it was not asked, or has answered before.
    pub fn answered(&mut self, worker: WorkerId, task: TaskId) -> bool {
        self.asked.remove(&(worker, task))
    }

    /// A job says what it was. Who has what of its results, by its own numbers of the tasks.
    pub fn add_job(
        &mut self,
        id: JobId,
        FormerJob { master, first }: FormerJob,
        count: u32,
    ) -> BTreeMap<u32, WorkerId> {
        self.jobs.insert((master, first), id);
        let mut claimed = self.claims.split_off(&(master, first));
        if let Some(end) = first.checked_add(count) {
            self.claims.append(&mut claimed.split_off(&(master, end)));
        }
        claimed.into_iter().map(|((_, task), worker)| (task - first, worker)).collect()
    }

    /// A job is forgotten.
    pub fn forget_job(&mut self, id: JobId, FormerJob { master, first }: FormerJob) {
        if self.jobs.get(&(master, first)) == Some(&id) {
            self.jobs.remove(&(master, first));
        }
    }

    /// The job that had this task, if it is one of its tasks, and the former number of its first one.
    pub fn job_of(&self, (master, task): FormerTask) -> Option<(JobId, u32)> {
        let (&(_, first), &job) = self.jobs.range((master, 0)..=(master, task)).next_back()?;
        Some((job, first))
    }

    /// All that is claimed and was not asked for.
    #[cfg(any(test, feature = "invariants"))]
    pub fn claimants(&self) -> impl Iterator<Item = WorkerId> {
        self.claims.values().copied().chain(self.workers.keys().copied())
    }
}

/// What a job was, and who may have its results.
#[derive(Debug)]
pub(crate) struct Formerly {
    pub job: FormerJob,
    /// Of tasks by their numbers in the job.
    claims: BTreeMap<u32, WorkerId>,
    /// Are workers expected that may have more?
    pub seeking: bool,
}

#[cfg(any(test, feature = "invariants"))]
impl Formerly {
    pub fn claimants(&self) -> impl Iterator<Item = WorkerId> {
        self.claims.values().copied()
    }
}

impl FormerResults {
    /// Each with its master.
    pub(crate) fn each(&self) -> impl Iterator<Item = FormerTask> {
        self.tasks.iter().map(|&task| (self.master, task))
    }
}

impl Job {
    /// It was this job, and these workers have results of it; while `seeking`, others may turn up.
    pub fn was(&mut self, job: FormerJob, claims: BTreeMap<u32, WorkerId>, seeking: bool) {
        self.formerly = Some(Formerly { job, claims, seeking });
    }

    /// The former number of a task.
    pub fn former_task(&self, index: u32) -> Option<FormerTask> {
        let FormerJob { master, first } = self.formerly.as_ref()?.job;
        Some((master, first.checked_add(index)?))
    }

    /// How a task that is needed, and not begun, is looked for; nothing if it is not.
    pub fn search(&self, index: u32) -> Option<State> {
        let formerly = self.formerly.as_ref().filter(|_| !self.is_import(index))?;
        match formerly.claims.get(&index) {
            Some(&worker) => Some(State::Sought { asked: Some(worker) }),
            None => formerly.seeking.then_some(State::Sought { asked: None }),
        }
    }

    /// Look for a task that is needed and not begun, if it makes sense. False if it does not.
    pub fn seek(&mut self, index: u32, effects: &mut Effects) -> bool {
        let Some(state) = self.search(index) else { return false };
        self.task_mut(index).state = state;
        if let State::Sought { asked: Some(worker) } = state {
            effects.adopted.push((worker, index));
        }
        true
    }

    /// A worker has the result of this task. A task that waits to be run need not be any more.
    pub fn claimed(&mut self, index: u32, worker: WorkerId, effects: &mut Effects) {
        let Some(formerly) = self.formerly.as_mut() else { return };
        if formerly.claims.contains_key(&index) {
            return;
        }
        formerly.claims.insert(index, worker);
        let begun = match self.task(index).state {
            State::Sought { asked: None } => false,
            State::Waiting { .. } | State::Delayed { .. } => true,
            State::Ready { .. } => {
                effects.unready.push(index);
                true
            }
            State::Idle
            | State::Sought { asked: Some(_) }
            | State::Assigned { .. }
            | State::Done { .. }
            | State::Skipped
            | State::Away
            | State::Failed => return,
        };
        self.task_mut(index).state = State::Sought { asked: Some(worker) };
        effects.adopted.push((worker, index));
        if begun {
            self.give_up_inputs(vec![index], effects);
        }
    }

    /// A worker was asked for the result of this task, and has it.
    pub fn found(&mut self, index: u32, (worker, bytes): (WorkerId, u64), now: Time, effects: &mut Effects) {
        self.forget_claim(index);
        self.done(index, (worker, bytes), now, effects);
    }

    /// A worker was asked for the result of this task, and does not have it.
    pub fn missed(&mut self, index: u32, effects: &mut Effects) {
        self.forget_claim(index);
        self.task_mut(index).state = State::Idle;
        if self.task(index).uses == 0 && !self.task(index).root {
            effects.barren.push(index);
            return self.count_done(index);
        }
        self.need(index, effects);
    }

    fn forget_claim(&mut self, index: u32) {
        if let Some(formerly) = &mut self.formerly {
            formerly.claims.remove(&index);
        }
    }

    /// Nobody is expected any more: tasks that nobody has are run.
    pub fn stop_seeking(&mut self, effects: &mut Effects) {
        if let Some(formerly) = &mut self.formerly {
            formerly.seeking = false;
        }
        for index in self.sought(None) {
            self.task_mut(index).state = State::Idle;
            self.need(index, effects);
        }
    }

    /// This worker is gone, or drops what it was not asked for.
    pub fn forget_claims_of(&mut self, worker: WorkerId) {
        if let Some(formerly) = &mut self.formerly {
            formerly.claims.retain(|_, &mut holder| holder != worker);
        }
    }

    /// Tasks that are looked for, and for which this worker was asked.
    pub fn sought(&self, asked: Option<WorkerId>) -> Vec<u32> {
        if self.formerly.is_none() {
            return Vec::new();
        }
        let all: Range<u32> = 0..self.len();
        all.filter(|&index| self.task(index).state == State::Sought { asked }).collect()
    }
}
