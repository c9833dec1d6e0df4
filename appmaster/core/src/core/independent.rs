//! Tasks of independent jobs, one by one: they fail alone, and their driver releases and cancels them alone.

use crate::action::Action;
use crate::failing::Failure;
use crate::ids::JobId;
use crate::job::State;
use crate::lineage::Effects;
use crate::story::Step;

use super::Core;
use super::submit::EXIT_INTERRUPTED;

impl Core {
    /// A task that just came back from a worker is not tried again. Its job fails, unless its tasks fail alone.
    pub(super) fn give_up_returned(&mut self, id: JobId, index: u32, message: String, exit_code: u32) {
        match self.jobs.get_mut(id) {
            Some(job) if job.independent => job.come_back(index),
            Some(_) | None => {}
        }
        self.give_task_up(id, index, message, exit_code);
    }

    /// A task is not tried again. Its job fails, unless its tasks fail alone.
    pub(super) fn give_task_up(&mut self, id: JobId, index: u32, message: String, exit_code: u32) {
        if let Some(job) = self.jobs.get(id) {
            self.story.note(self.now, job.task_id(index), Step::GivenUp { why: message.as_str().into() });
        }
        match self.jobs.get(id) {
            Some(job) if job.independent => self.fail_tasks(id, &[index], &Failure::new(&message, exit_code.max(1))),
            Some(_) | None => self.fail_job(id, message, exit_code),
        }
    }

    /// A result is not made again. Its job fails, unless its tasks fail alone.
    pub(super) fn give_result_up(&mut self, id: JobId, index: u32, message: String) {
        if self.jobs.get(id).is_some_and(|job| job.independent) {
            self.lose_result(id, index);
        }
        self.give_task_up(id, index, message, 0);
    }

    fn fail_tasks(&mut self, id: JobId, indexes: &[u32], failure: &Failure) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let mut effects = Effects::default();
        for &index in indexes {
            job.fail(index, failure.clone(), &mut effects);
        }
        self.carry_out(id, effects);
        self.wishes.containers = true;
    }

    /// The driver wants these tasks to end now.
    pub(super) fn tasks_cancelled(&mut self, id: JobId, indexes: &[u32]) {
        let Some(job) = self.jobs.get(id).filter(|job| job.independent && !job.released) else { return };
        let known: Vec<u32> = indexes.iter().copied().filter(|&index| index < job.len()).collect();
        self.fail_tasks(id, &known, &Failure::new("it was cancelled", EXIT_INTERRUPTED));
    }

    /// The driver wants these results no more, and reads them in no later job. What others read is kept for them.
    pub(super) fn results_released(&mut self, id: JobId, indexes: &[u32]) {
        let Some(job) = self.jobs.get_mut(id).filter(|job| job.independent && !job.released) else { return };
        let mut released = Vec::new();
        let count = job.len();
        for &index in indexes.iter().filter(|&&index| index < count) {
            let task = job.task_mut(index);
            if task.wanted && !std::mem::replace(&mut task.released, true) {
                released.push(index);
            }
        }
        if let Some(effects) = self.keep_what_is_read(id, released.into_iter()) {
            self.carry_out(id, effects);
        }
        self.wishes.containers = true;
    }

    /// Tell those who want the results of tasks that failed.
    pub(super) fn announce_failures(&mut self, id: JobId, effects: &Effects) {
        let Some(job) = self.jobs.get(id) else { return };
        let failed = effects.failed.iter().filter(|&&index| job.task(index).state == State::Failed);
        let mut failures: Vec<(u32, Failure)> =
            failed.filter_map(|&index| Some((index, job.failures.get(&index)?.clone()))).collect();
        // What was read comes before those that read it.
        failures.sort_unstable_by_key(|&(index, _)| index);
        self.errands_failed(id, &failures);
        for (index, failure) in failures {
            self.no_copies_of_failed(id, index);
            let (message, exit_code) = (failure.text(), failure.exit_code);
            for to in self.jobs.get(id).map(|job| job.audience(index)).unwrap_or_default() {
                self.act(Action::ResultFailed { to, job: id, index, message: message.clone(), exit_code });
            }
        }
    }

    /// With what its tasks became, the job may be over.
    pub(super) fn end_if_settled(&mut self, id: JobId) {
        if self.jobs.get(id).is_some_and(|job| job.roots_left == 0 && !job.finished) {
            self.job_done(id);
        }
    }
}
