//! What the core wants is done, each action checked against what the world would see of it.

use bobbin_core::{Action, Assignment, ContainerId, JobId, MOST_AHEAD, TaskId, WorkerId};

use super::clock::{Happening, Letter, MILLI};
use super::manager::Stage;
use super::world::World;

/// Notes that a failure shows.
const NOTES: usize = 12;

/// The number of a worker's row.
pub(super) fn row_of(worker: WorkerId) -> usize {
    worker.0 as usize - 1
}

impl World {
    /// Do one action. `ended` if the application was over before the event.
    pub(super) fn act(&mut self, action: Action, ended: bool) {
        if ended {
            let allowed = matches!(
                action,
                Action::Release { .. }
                    | Action::StopWorker { .. }
                    | Action::JobFailed { .. }
                    | Action::ForgetJob { .. }
            );
            assert!(allowed, "silence_after_the_end: {action:?}");
        }
        match action {
            Action::Ask { rows } => self.ask(rows),
            Action::Blacklist { hosts } => self.manager.refuse(&hosts),
            Action::Release { container } => self.give_back(container),
            Action::Launch { container } => self.launch(container),
            Action::StopWorker { worker } => {
                self.core_loses(row_of(worker));
                self.post(row_of(worker), Letter::Stop);
            }
            Action::JobAccepted { job, first_task } => {
                let row = &mut self.jobs[job.0 as usize];
                (row.first, row.accepted) = (first_task.0, true);
                self.firsts.insert((self.master, first_task.0), job.0 as usize);
            }
            Action::Assign(row) => self.assign(row),
            Action::CancelTask { worker, task, attempt } => {
                let row = &mut self.tasks[task.0 as usize];
                assert!(row.attempt >= attempt, "only_what_was_assigned_is_cancelled: {task}");
                if row.attempt == attempt {
                    row.cancelled = true;
                } else if let Some((_, cancelled)) = self.others.get_mut(&(task, attempt)) {
                    *cancelled = true;
                }
                self.post(row_of(worker), Letter::Cancel { task, attempt });
            }
            Action::Copy { worker, task, copy, from } => {
                let from = row_of(from);
                self.post(row_of(worker), Letter::Copy { task, copy, from });
            }
            Action::AdoptResults { worker, master, results } => self.adopt(row_of(worker), master, results),
            Action::DropFormer { worker } => self.post(row_of(worker), Letter::DropFormer),
            Action::DropResults { worker, tasks } => self.post(row_of(worker), Letter::Drop(tasks)),
            Action::ResultReady { job, index, holder, .. } => self.result_ready(job, index, holder),
            Action::ResultLost { job, index, .. } => {
                let known = self.jobs[job.0 as usize].announced.remove(&index);
                assert!(known.is_some(), "only_announced_results_are_lost: {index} of {job}");
            }
            Action::ResultFailed { job, index, message, .. } => {
                panic!("no job of the simulator is independent, and task {index} of {job} failed alone: {message}")
            }
            Action::Answer { driver, answer, .. } => {
                panic!("nobody in the simulator asks, and {driver} got {answer:?}")
            }
            Action::JobFinished { job } => self.job_finished(job),
            Action::JobFailed { job, message, .. } => {
                panic!("every_job_succeeds: {job} failed: {message}; {:#?}", self.notes)
            }
            Action::ForgetJob { job } => self.jobs[job.0 as usize].over = true,
            Action::Finish { succeeded, diagnostics, .. } => {
                assert!(succeeded, "the_application_succeeds: {diagnostics}; {:#?}", self.notes);
                self.ended = true;
            }
            Action::Note(text) => {
                self.tally.notes += 1;
                self.notes.push_back(format!("{} ms: {text}", self.queue.now() / MILLI));
                if self.notes.len() > NOTES {
                    self.notes.pop_front();
                }
            }
        }
    }

    /// A process is there after a while, later where the node has yet to fetch our files.
    fn launch(&mut self, container: ContainerId) {
        self.manager.launched(container);
        let row = self.manager.container(container);
        if self.chance(self.faults.launch) {
            self.manager.end(container, -1000);
            let why = "simulated".to_owned();
            return self.tell_core(bobbin_core::Event::ContainerLaunchFailed { container, why });
        }
        if row.stage != Stage::Over {
            let delay = (250 + self.random.below(400)) * MILLI;
            self.queue.after(delay, Happening::ProcessStarts(container));
        }
    }

    fn assign(&mut self, row: Assignment) {
        let (task, worker) = (row.task, row_of(row.worker));
        let job = &self.jobs[row.job.0 as usize];
        assert!(job.accepted && !job.over, "nothing_of_a_job_that_is_over: {task}");
        assert_eq!(job.first + row.index, task.0, "numbers_agree: {task}");
        assert!(self.workers[worker].known, "tasks_go_to_connected_workers: {task} to {}", row.worker);
        if self.checked {
            self.check_inputs(&row);
        }
        let seen = &mut self.tasks[task.0 as usize];
        assert!(row.attempt > seen.attempt, "one_attempt_one_worker: {task} again as {}", row.attempt);
        // One that takes long has a second attempt; those that were told to stop may be under way, too.
        if let Some(worker) = seen.worker {
            self.others.insert((task, seen.attempt), (worker, seen.cancelled));
        }
        let others = self.others.range((task, 0)..=(task, u32::MAX));
        let running = others.filter(|(_, (_, cancelled))| !cancelled).count();
        assert!(running <= 1, "no_task_on_many_workers: {task} on {running} others");
        (seen.attempt, seen.worker, seen.cancelled) = (row.attempt, Some(row.worker.0), false);
        let given = &mut self.workers[worker].given;
        given.push(task);
        // What it was sent when it was faster, it still has.
        let ahead = if self.prefetch == 0 { 0 } else { self.prefetch.max(MOST_AHEAD as usize) };
        let most = self.threads + ahead;
        assert!(given.len() <= most, "no_worker_above_its_slots: {} has {}", row.worker, given.len());
        self.tally.assigned += 1;
        self.tally.first_task.get_or_insert(self.queue.now());
        self.note_progress();
        self.post(worker, Letter::Assign(row));
    }

    /// What a task is told to read is what its request says, and is where it is said to be.
    fn check_inputs(&self, row: &Assignment) {
        let job = &self.jobs[row.job.0 as usize];
        let wanted = job.plan.inputs(row.index);
        assert_eq!(wanted.len(), row.inputs.len(), "inputs_are_those_of_the_request: {}", row.task);
        for (wanted, given) in wanted.iter().zip(&row.inputs) {
            let told = (given.first.0 - job.first, given.holders.len() as u32, given.part);
            let asked = (wanted.first, wanted.count, wanted.part);
            assert_eq!(told, asked, "inputs_are_those_of_the_request: {}", row.task);
            for (input, holder) in (wanted.first..).zip(given.holders.iter()) {
                let Some(holder) = holder else {
                    let needless = job.answers.needless[input as usize];
                    assert!(needless, "only_needless_results_are_missing: {input} of {}", row.job);
                    continue;
                };
                let holder_row = &self.workers[row_of(*holder)];
                let there = holder_row.results.contains_key(&TaskId(job.first + input));
                let lost = !holder_row.alive;
                assert!(holder_row.known && (there || lost), "inputs_have_live_holders: {input} on {holder}");
            }
        }
    }

    fn result_ready(&mut self, job: JobId, index: u32, holder: WorkerId) {
        let row = &mut self.jobs[job.0 as usize];
        assert!(!row.released, "nothing_is_said_of_released_jobs: {job}");
        assert!(row.plan.wanted.contains(&index), "only_wanted_results_are_announced: {index}");
        row.announced.insert(index, holder);
        row.complained.remove(&index);
    }

    fn job_finished(&mut self, job: JobId) {
        let number = job.0 as usize;
        let row = &mut self.jobs[number];
        assert!(!row.finished, "jobs_finish_once: {job}");
        (row.finished, row.done_at) = (true, self.queue.now());
        assert_eq!(row.announced.len(), row.plan.wanted.len(), "finished_means_all_results: {job}");
        self.queue.after(MILLI, Happening::Collect(number));
    }

    /// The core has no such worker any more: its tasks are nobody's.
    pub(super) fn core_loses(&mut self, worker: usize) {
        self.workers[worker].known = false;
        let lost = worker as u32 + 1;
        for task in std::mem::take(&mut self.workers[worker].given) {
            let row = &mut self.tasks[task.0 as usize];
            if row.worker == Some(lost) {
                row.worker = None;
            }
        }
        self.others.retain(|_, (worker, _)| *worker != lost);
    }
}
