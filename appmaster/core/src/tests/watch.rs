//! What is true of the world between any two events, whatever the core decided: each action is checked against what
//! workers, drivers and YARN would see of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::manager::SimStage;
use super::world::{SimTask, World};
use crate::tempo::MOST_AHEAD;
use crate::{
    Action, Answer, Assignment, Audience, ContainerId, DriverId, FormerJob, Graph, Input, InputRange, JobId,
    SHARED_JOBS, TaskId, TaskSet, WorkerId,
};

/// What a driver knows of a job.
#[derive(Debug, Default)]
pub struct SimJob {
    pub driver: Option<DriverId>,
    pub graph: Graph,
    /// As it was submitted at first.
    pub original: Graph,
    pub first: u32,
    /// What it was with a former application master.
    pub former: Option<FormerJob>,
    /// Is its driver yet to submit it to this application master?
    pub away: bool,
    /// It was released before this application master's time, and is there for others.
    pub wants_nothing: bool,
    /// The core said that it can run.
    pub accepted: bool,
    /// The driver wants no more of it.
    pub released: bool,
    /// Tasks that have been done.
    pub done: BTreeSet<u32>,
    pub finished: bool,
    pub over: bool,
    /// Wanted results that were announced, and their holders.
    pub announced: BTreeMap<u32, (TaskId, WorkerId)>,
    /// Wanted results that will never be there.
    pub failed: BTreeSet<u32>,
    /// Wanted results that the driver wants no more.
    pub given_up: BTreeSet<u32>,
}

impl SimJob {
    /// Are there enough rows without this task, as far as its workers told?
    fn is_needless(&self, index: u32) -> bool {
        let Some((set, tasks)) = self.graph.sets_with_tasks().find(|(_, tasks)| tasks.contains(&index)) else {
            return false;
        };
        let Some(wanted) = set.rows_wanted.filter(|&rows| rows > 0) else { return false };
        let before = (tasks.start..index).take_while(|task| self.done.contains(task));
        before.map(rows_of).sum::<u64>() >= wanted
    }

    /// How many tasks it has.
    pub fn len(&self) -> u32 {
        self.graph.sets.iter().map(|set| set.tasks.len() as u32).sum()
    }

    /// Is this one of its tasks?
    pub fn has(&self, task: TaskId) -> bool {
        task.0.checked_sub(self.first).is_some_and(|index| index < self.len())
    }

    fn reads(&self, job: JobId) -> bool {
        let inputs = self.graph.sets.iter().flat_map(|set| &set.tasks).flat_map(|task| &task.inputs);
        inputs.filter(|input| input.count > 0).any(|input| input.job.map(job_of) == Some(job))
    }
}

/// A job by its driver's number of it, or by that of a driver that shares it.
fn job_of(number: u32) -> JobId {
    JobId(number.checked_sub(SHARED_JOBS).unwrap_or(number))
}

/// The same task, the same rows.
fn rows_of(index: u32) -> u64 {
    u64::from(index * 7 % 4)
}

impl Graph {
    /// Each set with its tasks' numbers.
    pub fn sets_with_tasks(&self) -> impl Iterator<Item = (&TaskSet, Range<u32>)> {
        let mut end = 0;
        self.sets.iter().map(move |set| {
            let start = end;
            end += set.tasks.len() as u32;
            (set, start..end)
        })
    }
}

impl World {
    /// A task is done. Returns its rows.
    pub fn note_done(&mut self, task: TaskId) -> u64 {
        let found = self.jobs.values_mut().find(|job| job.accepted && job.has(task));
        let job = found.expect("a task of a job");
        let index = task.0 - job.first;
        job.done.insert(index);
        rows_of(index)
    }

    /// See one action done.
    pub fn watch(&mut self, action: &Action) {
        if self.finished {
            let allowed = matches!(
                action,
                Action::Release { .. }
                    | Action::StopWorker { .. }
                    | Action::JobFailed { .. }
                    | Action::ForgetJob { .. }
            );
            assert!(allowed, "silence_after_finish: {action:?}");
        }
        match action {
            Action::Ask { rows } => {
                assert!(rows.iter().all(|row| row.count <= 1), "absolute_totals: {rows:?}");
                self.manager.ask(rows);
            }
            Action::Blacklist { hosts } => self.manager.refused.extend(hosts.iter().map(|host| host.to_string())),
            Action::Release { container } => self.watch_release(*container),
            Action::Launch { container } => self.watch_launch(*container),
            Action::StopWorker { worker } => self.watch_stop(*worker),
            Action::JobAccepted { job, first_task } => {
                self.job(*job).first = first_task.0;
                self.job(*job).accepted = true;
            }
            Action::Assign(assignment) => self.watch_assign(assignment),
            Action::CancelTask { worker, task, attempt } => self.watch_cancel(*worker, *task, *attempt),
            Action::Copy { worker, task, copy, from } => {
                self.holds(*from, *task, "copies_are_made_of_what_is_there");
                let row = self.workers.get_mut(worker).expect("workers_are_connected: copy");
                assert!(!row.results.contains(task), "nobody_copies_what_it_has: {task} on {worker}");
                row.copies.push((*copy, *task, *from));
            }
            Action::AdoptResults { worker, master, results } => self.watch_adopt(*worker, *master, results),
            Action::DropFormer { worker } => self.watch_drop_former(*worker),
            Action::DropResults { worker, tasks } => self.watch_drop(*worker, tasks),
            Action::ResultReady { to: Audience::Sharer(driver), job, index, task, holder, .. } => {
                self.still_shared(*driver, (*job, *index), action);
                self.holds(*holder, *task, "shared_results_are_there");
            }
            Action::ResultLost { to: Audience::Sharer(driver), job, index } => {
                self.still_shared(*driver, (*job, *index), action);
            }
            Action::ResultFailed { to: Audience::Sharer(driver), job, index, .. } => {
                self.still_shared(*driver, (*job, *index), action);
            }
            Action::Answer { driver, answer, .. } => self.watch_answer(*driver, answer),
            Action::ResultReady { to: Audience::Owner, job, index, task, holder, .. } => {
                self.still_told(*job, action);
                self.still_wanted(*job, *index, action);
                self.job(*job).announced.insert(*index, (*task, *holder));
            }
            Action::ResultFailed { to: Audience::Owner, job, index, .. } => {
                assert!(self.job(*job).graph.independent, "only_independent_tasks_fail_alone: {action:?}");
                self.still_told(*job, action);
                self.still_wanted(*job, *index, action);
                assert!(!self.job(*job).announced.contains_key(index), "what_is_there_does_not_fail: {action:?}");
                self.job(*job).failed.insert(*index);
            }
            Action::ResultLost { to: Audience::Owner, job, index } => {
                let known = self.job(*job).announced.remove(index);
                assert!(known.is_some(), "only_announced_results_are_lost: {job} {index}");
            }
            Action::JobFinished { job } => self.watch_finished(*job),
            Action::JobFailed { job, .. } => {
                self.still_told(*job, action);
                self.job(*job).over = true;
            }
            Action::ForgetJob { job } => self.watch_forgotten(*job),
            Action::Finish { .. } => self.finished = true,
            Action::Note(text) => self.failed_errands += usize::from(text.contains(", which runs by itself, failed: ")),
        }
    }

    fn watch_answer(&mut self, driver: DriverId, answer: &Answer) {
        self.answered = Some(answer.clone());
        if let Answer::Dataset { entries, .. } = answer {
            self.shared.extend(entries.iter().map(|entry| (driver, entry.job, entry.index)));
        }
    }

    fn still_shared(&self, driver: DriverId, (job, index): (JobId, u32), action: &Action) {
        let known = self.shared.contains(&(driver, job, index));
        assert!(known, "only_shared_results_are_told_to_others: {action:?}");
    }

    fn still_told(&mut self, job: JobId, action: &Action) {
        assert!(!self.job(job).released, "nothing_is_said_of_released_jobs: {action:?}");
    }

    /// Of a result that is wanted, and is not known to have failed.
    fn still_wanted(&mut self, job: JobId, index: u32, action: &Action) {
        let row = self.job(job);
        assert!(row.graph.wanted.contains(&index), "only_wanted_results_are_announced: {action:?}");
        assert!(!row.failed.contains(&index), "failed_once_and_for_good: {action:?}");
        assert!(!row.given_up.contains(&index), "nothing_is_said_of_released_results: {action:?}");
    }

    fn watch_forgotten(&mut self, id: JobId) {
        self.job(id).over = true;
        let reader = self.jobs.iter().find(|(_, job)| !job.over && job.accepted && job.reads(id));
        assert!(reader.is_none(), "read_jobs_live: {id} is forgotten, but {reader:?} reads it");
    }

    fn watch_release(&mut self, container: ContainerId) {
        let row = self.manager.containers.get_mut(&container).expect("containers_are_ours: released");
        assert!(!row.released || self.resynced, "released_once: {container}");
        row.released = true;
        self.kill_workers_in(container);
        self.manager.end(container, -100);
    }

    fn watch_launch(&mut self, container: ContainerId) {
        let row = self.manager.containers.get_mut(&container).expect("containers_are_ours: launched");
        assert!(!row.released, "released_containers_are_never_launched: {container}");
        if row.stage != SimStage::Over {
            assert_eq!(row.stage, SimStage::Granted, "launched_once: {container}");
            row.stage = SimStage::Launched;
        }
    }

    fn watch_stop(&mut self, worker: WorkerId) {
        self.deaths.dismissed(worker);
        if let Some(container) = self.workers.remove(&worker).and_then(|row| row.container) {
            self.manager.end(container, 0);
        }
    }

    fn watch_assign(&mut self, row: &Assignment) {
        assert!(self.attempts.insert((row.task, row.attempt)), "one_attempt_one_worker: {row:?}");
        // One that takes long may be tried a second time; an attempt that was told to stop may be under way as well.
        let live = self.workers.iter().filter(|(_, other)| !other.dead).flat_map(|(_, other)| &other.tasks);
        let running = live.filter(|task| task.task == row.task && !task.cancelled).count();
        let job = self.job(row.job);
        let set = job.graph.sets_with_tasks().find(|(_, tasks)| tasks.contains(&row.index)).map(|(set, _)| set);
        let most = u32::from(set.is_some_and(|set| !set.options.no_speculation)) as usize;
        assert!(running <= most, "no_task_on_too_many_live_workers: {} besides {running}", row.task);
        assert!(!job.over, "nothing_of_a_job_that_is_over: {row:?}");
        assert_eq!(job.first + row.index, row.task.0, "numbers_agree: {row:?}");
        let set = job.graph.sets.iter().flat_map(|set| &set.tasks);
        let request = set.clone().nth(row.index as usize).expect("a task of the job");
        let set_of_it = job.graph.sets_with_tasks().find(|(_, tasks)| tasks.contains(&row.index));
        let can = set_of_it.is_some_and(|(set, _)| set.options.isolatable);
        assert!(!job.is_needless(row.index), "needless_tasks_are_not_launched: {row:?}");
        let (own, inputs) = (job.first, request.inputs.clone());
        let each = |input: &InputRange| {
            let InputRange { job, first, count, part } = *input;
            let base = job.map_or(own, |number| self.jobs[&job_of(number)].first);
            (first..first + count).map(move |task| (TaskId(base + task), part))
        };
        let inputs: Vec<(TaskId, u32)> = inputs.iter().flat_map(each).collect();
        let read = |input: &Input| {
            let (first, part) = (input.first.0, input.part);
            (first..).zip(input.holders.to_vec()).map(move |(task, holder)| ((TaskId(task), part), holder))
        };
        let given: Vec<((TaskId, u32), Option<WorkerId>)> = row.inputs.iter().flat_map(read).collect();
        let numbers: Vec<(TaskId, u32)> = given.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, inputs, "inputs_in_order: {row:?}");
        for ((input, _), holder) in given {
            match holder {
                Some(holder) => self.holds(holder, input, "inputs_have_live_holders"),
                None => {
                    assert!(self.jobs[&row.job].is_needless(input.0 - own), "only_needless_inputs_are_empty: {row:?}")
                }
            }
        }
        for &(input, holder) in &row.copies {
            self.holds(holder, input, "copies_have_live_holders");
            let nearest = row.inputs.iter().any(|read| {
                let place = input.0.checked_sub(read.first.0).map(|place| place as usize);
                place.and_then(|place| read.holders.get(place)).is_some_and(|given| *given != Some(holder))
            });
            assert!(nearest && holder != row.worker, "copies_are_of_inputs: {row:?}");
        }
        self.deaths.check(row, can);
        // What it was sent when it was faster, it still has.
        let ahead = if self.prefetch == 0 { 0 } else { self.prefetch.max(MOST_AHEAD) } as usize;
        let worker = self.workers.get_mut(&row.worker).expect("workers_are_connected: assigned");
        assert!(!worker.dead || worker.gone_pending, "workers_are_connected: {row:?}");
        worker.tasks.push(SimTask { task: row.task, attempt: row.attempt, cancelled: false, has_waited: false });
        let at_once = worker.tasks.iter().filter(|task| !task.has_waited).count();
        assert!(at_once <= worker.threads as usize + ahead, "no_worker_above_its_slots: {row:?}");
    }

    fn watch_cancel(&mut self, worker: WorkerId, task: TaskId, attempt: u32) {
        let Some(row) = self.workers.get_mut(&worker) else { return };
        let found = row.tasks.iter_mut().find(|row| row.task == task && row.attempt == attempt);
        found.expect("only_what_runs_is_cancelled").cancelled = true;
        self.deaths.cancelled(worker, task);
    }

    fn watch_drop(&mut self, worker: WorkerId, tasks: &[TaskId]) {
        let row = self.workers.get_mut(&worker).expect("workers_are_connected: drop");
        for task in tasks {
            assert!(row.results.remove(task), "only_results_are_dropped: {task} on {worker}");
        }
    }

    fn watch_finished(&mut self, id: JobId) {
        let job = self.job(id);
        assert!(!job.released, "nothing_is_said_of_released_jobs: {id} is finished");
        assert!(!job.finished, "finished_once: {id}");
        job.finished = true;
        let left = |index: &&u32| {
            !job.announced.contains_key(index) && !job.failed.contains(index) && !job.given_up.contains(index)
        };
        let left: Vec<&u32> = job.graph.wanted.iter().filter(left).collect();
        assert!(left.is_empty(), "finished_means_all_results: {id} lacks {left:?}");
    }

    fn holds(&self, worker: WorkerId, task: TaskId, invariant: &str) {
        let row = self.workers.get(&worker).unwrap_or_else(|| panic!("{invariant}: {task} on {worker}, which is gone"));
        assert!(row.results.contains(&task), "{invariant}: {task} on {worker}, which does not have it");
    }

    /// What must be true between any two events.
    pub fn check(&self) {
        for (id, job) in self.jobs.iter().filter(|(_, job)| !job.over) {
            for (task, holder) in job.announced.values() {
                self.holds(*holder, *task, "announced_results_are_held");
            }
            assert!(!self.finished, "every_job_ends_with_the_application: {id}");
        }
        self.needless_tasks_are_stopped();
        if self.finished {
            assert!(self.manager.asks.is_empty(), "nothing_is_asked_for_after_the_end: {:?}", self.manager.asks);
        } else {
            self.asks_agree();
        }
    }

    fn needless_tasks_are_stopped(&self) {
        let live = self.workers.values().filter(|row| !row.dead);
        let running = live.flat_map(|row| &row.tasks).filter(|task| !task.cancelled);
        for task in running {
            let mut jobs = self.jobs.values().filter(|job| job.accepted && !job.over);
            let needless = jobs.any(|job| task.task.0 >= job.first && job.is_needless(task.task.0 - job.first));
            assert!(!needless, "needless_tasks_are_stopped: {}", task.task);
        }
    }

    /// The ResourceManager has every request of the core, and no other.
    fn asks_agree(&self) {
        let open: BTreeSet<_> = self.core.requests_open().collect();
        for &request in &open {
            let known =
                self.manager.asked(request) > 0 || self.manager.granting.values().any(|&other| other == request);
            assert!(known, "asks_agree: {request} is not known to the ResourceManager");
        }
        for request in self.manager.asks.keys() {
            assert!(open.contains(request), "asks_agree: {request} is not wanted any more");
        }
    }

    /// What must be true after a tick, when the plan is fresh.
    pub fn check_need(&self) {
        let summary = self.core.summary();
        let all = summary.containers_asked + summary.containers_starting + summary.workers;
        if summary.containers_asked > 0 {
            assert!(all <= self.most_workers, "asks_never_exceed_need: {all} of {}", self.most_workers);
            let (asked, tasks) = (summary.containers_asked, self.core.runnable());
            assert!(
                asked <= tasks.max(self.warm_workers),
                "asks_never_exceed_need: {asked} for {tasks} tasks, and {} warm workers",
                self.warm_workers
            );
        }
        // What fails is asked for again later.
        let asks = !self.finished && self.core.asks_from().is_some_and(|from| from.0 <= self.now);
        assert!(!asks || all >= self.warm_workers, "warm_workers_are_asked_for: {all} of {}", self.warm_workers);
    }
}
