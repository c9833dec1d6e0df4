//! The driver: it submits jobs, fetches what it wants of each, and ends the application.

use bobbin_core::{Event, Graph, JobId, TaskId};

use super::acting::row_of;
use super::clock::{Happening, MILLI};
use super::world::{DRIVER, World};

impl World {
    pub(super) fn submit(&mut self, number: usize) {
        let formerly = self.jobs[number].former;
        let graph = crate::Counting::inside(|| Graph { formerly, ..self.jobs[number].plan.graph(number as u32) });
        self.note_progress();
        self.tell_core(Event::JobSubmitted { driver: DRIVER, job: JobId(number as u32), graph });
        assert!(self.jobs[number].accepted, "every_job_is_accepted: {number}");
    }

    /// Fetch every wanted result, or say which cannot be.
    pub(super) fn collect(&mut self, number: usize) {
        let job = JobId(number as u32);
        // It may have been asked for before the application master died, or there is more to come.
        if self.jobs[number].released || !self.jobs[number].finished {
            return;
        }
        if self.jobs[number].announced.len() < self.jobs[number].plan.wanted.len() {
            return self.queue.after(200 * MILLI, Happening::Collect(number));
        }
        let mut missing = Vec::new();
        for (&index, &holder) in &self.jobs[number].announced {
            let row = &self.jobs[number];
            let worker = &self.workers[row_of(holder)];
            let reachable = worker.alive && self.hosts[worker.host].is_reachable(self.queue.now());
            match worker.results.get(&TaskId(row.first + index)).filter(|_| reachable) {
                None => missing.push((index, holder)),
                Some(held) if self.checked => {
                    let right = row.answers.value(index);
                    assert_eq!(held.value, right, "answers_are_those_of_a_sequential_run: {index} of {job}");
                }
                Some(_) => {}
            }
        }
        if missing.is_empty() {
            return self.delivered(number);
        }
        assert!(!self.faults.none(), "finished_results_are_there: {missing:?} of {job}");
        for (index, holder) in missing {
            if self.jobs[number].complained.insert(index) {
                let why = "simulated".to_owned();
                self.tell_core(Event::ResultUnreadable { job, index, workers: vec![holder], why });
            }
        }
        self.queue.after(200 * MILLI, Happening::Collect(number));
    }

    /// The driver has all that it wants of a job; after the last one it ends the application.
    fn delivered(&mut self, number: usize) {
        let job = &mut self.jobs[number];
        job.released = true;
        let count = job.plan.len();
        self.tally.makespan = self.tally.makespan.max(self.queue.now());
        for task in 0..count {
            let runs = self.jobs[number].runs[task as usize];
            let needless = self.checked && self.jobs[number].answers.needless[task as usize];
            assert!(runs > 0 || needless, "every_needed_task_runs: {task} of job {number}");
            assert!(runs <= 1 || !self.faults.none(), "no_task_runs_twice_for_nothing: {task} of job {number}");
        }
        self.tell_core(Event::JobReleased { job: JobId(number as u32) });
        assert!(self.jobs[number].over, "released_jobs_are_forgotten: {number}");
        self.note_progress();
        if self.jobs.iter().all(|job| job.released) {
            let diagnostics = "the driver is done".to_owned();
            self.tell_core(Event::FinishRequested { succeeded: true, diagnostics });
        }
    }
}
