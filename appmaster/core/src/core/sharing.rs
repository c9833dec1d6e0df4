//! Jobs that read results of others: who must hear of what, and how long a released job lives on.
//!
//! ```text
//!   earlier job  --moved: results came or went-->   later job
//!   earlier job  <--imports: needed, or not any more--  later job   (heard once the earlier one is released)
//! ```
//!
//! A released job keeps the results that tasks of its dependents have yet to read, and can compute the others again,
//! until it has no dependent left. Failure goes the other way: without the earlier job the later one fails.

use std::collections::{BTreeSet, VecDeque};

use crate::ids::JobId;
use crate::imports::{Import, Outcome};
use crate::lineage::Effects;

use super::Core;

/// What other jobs' tasks became meanwhile, to be carried out in this order.
pub(super) type Echoes = VecDeque<(JobId, Effects)>;

impl Core {
    /// See that other jobs know what these effects mean for them.
    pub(super) fn echo(&mut self, job: JobId, effects: &Effects, echoes: &mut Echoes) {
        if !effects.moved.is_empty() {
            self.tell_dependents(job, &effects.moved, echoes);
        }
        if !effects.imports.is_empty() {
            self.tell_sources(job, &effects.imports, echoes);
        }
    }

    fn tell_dependents(&mut self, id: JobId, moved: &[u32], echoes: &mut Echoes) {
        let Some(job) = self.jobs.get(id) else { return };
        let results: Vec<(u32, Outcome)> = moved.iter().map(|&index| (index, job.outcome(index))).collect();
        for dependent in job.dependents.clone() {
            let Some(row) = self.jobs.get_mut(dependent) else { continue };
            let Some(import) = row.imports.of(id).cloned() else { continue };
            let mut effects = Effects::default();
            for (index, result) in results.iter().filter(|(index, _)| import.tasks.contains(index)) {
                row.follow(import.row(*index), result.clone(), &mut effects);
            }
            echoes.push_back((dependent, effects));
        }
    }

    fn tell_sources(&mut self, id: JobId, rows: &[u32], echoes: &mut Echoes) {
        let Some(job) = self.jobs.get(id) else { return };
        let source = |&row: &u32| job.imports.source(row).map(|(import, task)| (import.job, task));
        let sources: BTreeSet<(JobId, u32)> = rows.iter().filter_map(source).collect();
        for source in job.imports.iter().map(|import| import.job).collect::<Vec<_>>() {
            let tasks = sources.range((source, 0)..=(source, u32::MAX)).map(|&(_, task)| task);
            if let Some(effects) = self.keep_what_is_read(source, tasks) {
                echoes.push_back((source, effects));
            }
        }
    }

    /// Bring what a released job, or an unreleased one of released results, keeps of these tasks in line with what its
    /// dependents need.
    pub(super) fn keep_what_is_read(&mut self, id: JobId, tasks: impl Iterator<Item = u32>) -> Option<Effects> {
        let job = self.jobs.get(id)?;
        let dependents: Vec<_> = job.dependents.iter().filter_map(|&other| self.jobs.get(other)).collect();
        let is_read = |task| dependents.iter().any(|dependent| dependent.needs_import(id, task));
        let tasks = tasks.filter(|&task| job.released || job.task(task).released);
        let kept: Vec<(u32, bool)> = tasks.map(|task| (task, job.is_held(task) || is_read(task))).collect();
        // What nobody needs any more need not be done for the job to be over.
        let mut effects = Effects { settled: true, ..Effects::default() };
        let job = self.jobs.get_mut(id)?;
        kept.into_iter().for_each(|(task, kept)| job.keep(task, kept, &mut effects));
        Some(effects)
    }

    /// The driver wants no more of the job. What others read of it lives on.
    pub(super) fn job_released(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(id).filter(|job| !job.released) else { return };
        if job.dependents.is_empty() && job.holders.is_empty() {
            return self.forget_job(id);
        }
        job.released = true;
        job.finished = true;
        let roots: Vec<u32> = (0..job.len()).filter(|&index| job.task(index).root).collect();
        if let Some(effects) = self.keep_what_is_read(id, roots.into_iter()) {
            self.carry_out(id, effects);
        }
        self.wishes.containers = true;
    }

    /// A job is gone: those whose results it read need them no more on its behalf. Returns those that lived for it only.
    pub(super) fn leave_sources(&mut self, id: JobId, imports: &[Import]) -> Vec<JobId> {
        let mut needless = Vec::new();
        for import in imports {
            let Some(source) = self.jobs.get_mut(import.job) else { continue };
            source.dependents.remove(&id);
            if source.released && source.dependents.is_empty() && source.holders.is_empty() {
                needless.push(import.job);
            } else if let Some(effects) = self.keep_what_is_read(import.job, import.tasks.clone()) {
                self.carry_out(import.job, effects);
            }
        }
        needless
    }

    /// The job, then those that read it, directly or not, each with one that it reads of them; oldest first.
    pub(super) fn with_dependents(&self, id: JobId) -> Vec<(JobId, JobId)> {
        let mut found = vec![(id, id)];
        let mut seen = BTreeSet::from([id]);
        let mut position = 0;
        while let Some(&(job, _)) = found.get(position) {
            let dependents = self.jobs.get(job).map(|row| &row.dependents).into_iter().flatten();
            found.extend(dependents.filter(|&&other| seen.insert(other)).map(|&other| (other, job)));
            position += 1;
        }
        found.sort_unstable();
        found
    }
}
