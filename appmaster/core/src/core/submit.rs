//! Jobs and drivers come and go. How a released job lives on for others is in `sharing`.

use crate::action::Action;
use crate::event::Graph;
use crate::expected::Expected;
use crate::failing::Failure;
use crate::ids::{DriverId, JobId, TaskId, Time, WorkerId};
use crate::imports::Import;
use crate::job::{Job, Names};
use crate::lineage::Effects;

use super::Core;

/// Exit codes of design: usage, internal, interrupted.
pub(super) const EXIT_USAGE: u32 = 64;
pub(super) const EXIT_INTERNAL: u32 = 70;
pub(super) const EXIT_INTERRUPTED: u32 = 130;

impl Core {
    /// A driver submitted a graph.
    pub(super) fn job_submitted(&mut self, driver: DriverId, job: JobId, graph: Graph) {
        if self.jobs.get(job).is_some() {
            return self.note(format!("{job} was submitted twice: the second one is ignored"));
        }
        if let Some(message) = self.why_no_container() {
            return self.refuse_job(job, message, EXIT_USAGE);
        }
        if !self.jobs.is_any_open() {
            // What failed while nobody waited for it is not this job's trouble.
            self.fleet.failures.since_job = 0;
            self.fleet.not_before = Time::default();
        }
        let formerly = graph.formerly;
        let resources = &self.config.resources;
        let names =
            &mut Names { hosts: &mut self.hosts, classes: &mut self.classes, resources, paces: &mut self.paces };
        let accepted = match self.jobs.add((driver, job), graph, names) {
            Ok(accepted) => accepted,
            Err(error) => return self.refuse_job(job, format!("the job cannot be run: {error}"), EXIT_INTERNAL),
        };
        let first_task = TaskId(accepted.first);
        // What was announced is here, or never comes.
        self.expected = None;
        if let Some(formerly) = formerly {
            self.job_was(job, formerly);
        }
        let Some(accepted) = self.jobs.get_mut(job) else { return };
        let mut effects = Effects::default();
        accepted.start(&mut effects);
        for (tasks, why) in std::mem::take(&mut accepted.refused) {
            let failure = Failure::new(&why, EXIT_USAGE);
            tasks.for_each(|index| accepted.fail(index, failure.clone(), &mut effects));
        }
        let empty = accepted.roots_left == 0;
        self.act(Action::JobAccepted { job, first_task });
        self.carry_out(job, effects);
        self.wishes.containers = true;
        if empty {
            self.job_done(job);
        }
    }

    /// The submission says what will come.
    pub(super) fn work_expected(&mut self, tasks: u32, places: &[(String, u32)]) {
        if tasks == 0 || self.jobs.was_any() || self.why_no_container().is_some() {
            return;
        }
        let places = places.iter().map(|(name, count)| (self.hosts.intern(name), *count)).collect();
        self.expected = Some(Expected::new(self.now + self.config.expectation_limit, tasks, places));
        self.wishes.containers = true;
    }

    /// Announced work that nobody brings is not waited for for ever.
    pub(super) fn check_expected(&mut self) {
        if self.expected.as_ref().is_some_and(|expected| expected.until <= self.now) {
            self.expected = None;
            self.note("the work that was announced has not come: no containers are asked for on its behalf".into());
            self.wishes.containers = true;
        }
    }

    fn refuse_job(&mut self, job: JobId, message: String, exit_code: u32) {
        self.act(Action::JobFailed { job, message, exit_code });
        self.act(Action::ForgetJob { job });
    }

    /// All roots are done: say so once.
    pub(super) fn job_done(&mut self, job: JobId) {
        let Some(row) = self.jobs.get_mut(job) else { return };
        if !std::mem::replace(&mut row.finished, true) {
            self.act(Action::JobFinished { job });
        }
        self.fleet.failures.since_job = 0;
        self.wishes.containers = true;
    }

    /// The job is over without success, and with it those that need its results: these first.
    pub(super) fn fail_job(&mut self, job: JobId, message: String, exit_code: u32) {
        for (failed, source) in self.with_dependents(job).into_iter().rev() {
            let message = match self.jobs.get(source).filter(|_| failed != job) {
                Some(source) => format!("job {}, whose results this one reads, failed: {message}", source.number),
                None => message.clone(),
            };
            self.fail_one(failed, message, exit_code.max(1));
        }
    }

    fn fail_one(&mut self, job: JobId, message: String, exit_code: u32) {
        self.give_up_errands(job, &message);
        let Some(row) = self.jobs.get(job) else { return };
        if !row.released {
            self.act(Action::JobFailed { job, message, exit_code });
        }
        self.fleet.failures.since_job = 0;
        self.forget_job(job);
    }

    /// Fail every job for one reason.
    pub(super) fn fail_all_jobs(&mut self, message: &str, exit_code: u32) {
        for job in self.jobs.ids().into_iter().rev() {
            self.fail_job(job, message.to_owned(), exit_code);
        }
    }

    /// A job that was released is none of its driver's any more.
    pub(super) fn job_cancelled(&mut self, job: JobId) {
        if self.jobs.get(job).is_some_and(|row| !row.released) {
            self.fail_job(job, "cancelled by its driver".into(), EXIT_INTERRUPTED);
        }
    }

    pub(super) fn driver_disconnected(&mut self, driver: DriverId) {
        self.drivers.remove(&driver);
        let orphans: Vec<_> = self.jobs.iter().filter(|job| job.driver == driver).map(|job| job.id).collect();
        // Nobody is left to be told that one is over because another one is.
        for job in &orphans {
            if let Some(row) = self.jobs.get_mut(*job) {
                row.finished = true;
            }
        }
        // Latest first: nobody needs what they read any more.
        for job in orphans.into_iter().rev() {
            self.job_released(job);
        }
        self.sharer_gone(driver);
        self.placer_gone(driver);
        self.ready.driver_gone(driver);
        self.workers.forget_drivers(|driver| self.drivers.contains(&driver));
    }

    /// Stop what runs of the job, drop its results, and forget it. So with released jobs that lived for it only.
    pub(super) fn forget_job(&mut self, job: JobId) {
        let mut needless = vec![job];
        while let Some(job) = needless.pop() {
            let imports = self.forget_one(job);
            needless.extend(self.leave_sources(job, &imports));
        }
    }

    /// Returns what it read of other jobs.
    fn forget_one(&mut self, job: JobId) -> Vec<Import> {
        let progress = self.progress(self.now, job);
        self.ended.extend(progress.map(|progress| (job, progress)));
        let Some(row) = self.jobs.get(job) else { return Vec::new() };
        let ready: Vec<TaskId> = row.ready_tasks().map(|index| row.task_id(index)).collect();
        ready.into_iter().for_each(|task| self.unlist(task));
        self.forget_holders(job);
        let Some(row) = self.jobs.remove(job) else { return Vec::new() };
        if let Some(formerly) = &row.formerly {
            self.former.forget_job(job, formerly.job);
        }
        self.cancel_tasks_of(&row);
        self.drop_everywhere(results_of(&row));
        self.end_copies(&row);
        self.twins.end(&row);
        self.act(Action::ForgetJob { job });
        self.wishes.containers = true;
        row.imports.iter().cloned().collect()
    }

    /// The workers' answers find no job any more, and free their threads.
    fn cancel_tasks_of(&mut self, job: &Job) {
        for (worker, row) in self.workers.iter_mut() {
            for assigned in &mut row.assigned {
                let ours = assigned.task.0.checked_sub(job.first).is_some_and(|index| index < job.len());
                if ours && !std::mem::replace(&mut assigned.cancelled, true) {
                    self.out.push(Action::CancelTask { worker, task: assigned.task, attempt: assigned.attempt });
                }
            }
        }
    }
}

fn results_of(job: &Job) -> Vec<(WorkerId, TaskId)> {
    let held = |index| job.result(index).map(|(worker, _)| (worker, job.task_id(index)));
    (0..job.len()).filter_map(held).collect()
}
