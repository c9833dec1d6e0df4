//! Tasks that are run for their effects, whatever becomes of whoever submitted them.
//!
//! Such a task holds itself until it is done or has failed, and with it what it reads. Nobody may be left to hear how it
//! ended, so a failure is noted.

use crate::action::Action;
use crate::failing::Failure;
use crate::ids::{DriverId, JobId};
use crate::job::{Holder, State};
use crate::questions::{Answer, DatasetEntry};

use super::Core;

impl Core {
    /// A driver wants these tasks to be run to their end, whoever gives them up.
    pub(super) fn detach(&mut self, driver: DriverId, tasks: Vec<(JobId, u32)>) -> Answer {
        if let Some((job, index)) = tasks.iter().find(|(job, index)| !self.has_result(driver, *job, *index)) {
            return Answer::Refused(format!(
                "task {index} of job {} is not there to be run by itself: it was released, or it is no future's",
                self.number_of(*job)
            ));
        }
        for (job, index) in tasks {
            let state = self.jobs.get(job).map(|job| job.task(index).state);
            if !matches!(state, None | Some(State::Done { .. } | State::Failed | State::Skipped)) {
                self.hold_result(&entry(job, index), Holder::Errand);
            }
        }
        Answer::Done
    }

    /// The task is done or has failed: if it held itself, it does no longer, as soon as the event is dealt with.
    pub(super) fn task_is_over(&mut self, job: JobId, index: u32) {
        if self.is_errand(job, index) {
            self.wishes.errands.push(entry(job, index));
        }
    }

    fn is_errand(&self, job: JobId, index: u32) -> bool {
        let holders = self.jobs.get(job).and_then(|job| job.holders.get(&index));
        holders.is_some_and(|holders| holders.contains(&Holder::Errand))
    }

    /// Tasks failed for good.
    pub(super) fn errands_failed(&mut self, id: JobId, failures: &[(u32, Failure)]) {
        for (index, failure) in failures {
            if self.is_errand(id, *index) {
                self.note_failed_errand(id, *index, &failure.text());
                self.task_is_over(id, *index);
            }
        }
    }

    /// The job ends, with all that it should still have done.
    pub(super) fn give_up_errands(&mut self, id: JobId, why: &str) {
        for index in self.errands_of(id) {
            self.note_failed_errand(id, index, why);
        }
    }

    /// Tasks that hold themselves, and are not over.
    pub(super) fn errands_of(&self, id: JobId) -> Vec<u32> {
        let holders = self.jobs.get(id).into_iter().flat_map(|job| &job.holders);
        let errands = holders.filter(|(_, holders)| holders.contains(&Holder::Errand)).map(|(&index, _)| index);
        let is_over = |index: &u32| self.wishes.errands.iter().any(|over| (over.job, over.index) == (id, *index));
        errands.filter(|index| !is_over(index)).collect()
    }

    fn note_failed_errand(&mut self, id: JobId, index: u32, why: &str) {
        if let Some(name) = self.jobs.get(id).map(|job| job.task_name(index)) {
            self.act(Action::Note(format!("{name}, which runs by itself, failed: {why}")));
        }
    }

    /// What was over by this event is held by itself no longer.
    pub(super) fn release_errands(&mut self) {
        let over = std::mem::take(&mut self.wishes.errands);
        if !over.is_empty() {
            self.let_go(&over, Holder::Errand);
        }
    }
}

fn entry(job: JobId, index: u32) -> DatasetEntry {
    DatasetEntry { job, index, key: Default::default() }
}
