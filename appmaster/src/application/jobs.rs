//! What the shell keeps of each job: its bodies, whose it is, and what its tasks reported.

use std::collections::{BTreeMap, HashMap};

use bobbin_core::{DriverId, JobId, TaskId};
use bobbin_proto as wire;
use bytes::Bytes;

/// Bytes of a call's result, at most, that its driver is told rather than has to fetch: no more than a future takes anyway.
const INLINE_LIMIT: u32 = 1024;

/// One job that is not forgotten.
pub(super) struct Job {
    pub driver: DriverId,
    /// The driver's own number of it.
    pub number: u32,
    /// The driver has given it up, and may use its number again; it lives for jobs that read it.
    pub released: bool,
    /// All that its driver wants of it is there, or failed: nothing changes until a result is lost.
    pub settled: bool,
    /// The application's number of its first task, once the core has accepted it.
    first: Option<TaskId>,
    sets: Vec<wire::TaskSet>,
    /// Number of the first task of each set.
    firsts: Vec<u32>,
    /// How many tasks there are.
    tasks: u32,
    /// Of each task, whether its driver wants the result.
    wanted: Vec<bool>,
    pub notes: HashMap<u32, Bytes>,
    pub metrics: wire::TaskMetrics,
    /// Last progress that the driver was told, so that it is told changes only.
    pub told: Option<wire::Progress>,
}

/// All jobs, found by their number or by a task of theirs.
#[derive(Default)]
pub(super) struct Jobs {
    jobs: BTreeMap<JobId, Job>,
    by_first_task: BTreeMap<TaskId, JobId>,
    /// Those that their drivers have not given up.
    by_number: HashMap<(DriverId, u32), JobId>,
}

impl Job {
    pub fn new(driver: DriverId, submitted: wire::SubmitJob) -> Self {
        let mut tasks = 0_u32;
        let mut firsts = Vec::with_capacity(submitted.task_sets.len());
        for set in &submitted.task_sets {
            firsts.push(tasks);
            // The graph was counted before: it fits.
            tasks = tasks.saturating_add(u32::try_from(set.tasks.len()).unwrap_or(u32::MAX));
        }
        let mut wanted = vec![false; tasks as usize];
        for &task in &submitted.wanted {
            // One that is not there is refused by the core.
            if let Some(wanted) = wanted.get_mut(task as usize) {
                *wanted = true;
            }
        }
        Job {
            driver,
            number: submitted.job,
            released: false,
            settled: false,
            first: None,
            firsts,
            tasks,
            wanted,
            sets: submitted.task_sets,
            notes: HashMap::new(),
            metrics: wire::TaskMetrics::default(),
            told: None,
        }
    }

    /// What task `index` is to do; the order lacks numbers and inputs.
    pub fn order(&self, index: u32) -> Option<wire::RunTask> {
        let set = self.firsts.partition_point(|first| *first <= index).checked_sub(1)?;
        let task = self.sets[set].tasks.get((index - self.firsts[set]) as usize)?;
        let (set, body) = (&self.sets[set], task.body.clone());
        let options = set.options.as_ref();
        // Queries have few results, and keep some for long.
        let is_call = set.kind == i32::from(wire::TaskKind::Function);
        Some(wire::RunTask {
            shared: set.shared.clone(),
            body,
            input_bytes: task.input_bytes,
            kind: set.kind,
            time_limit_ms: options.map_or(0, |options| options.time_limit_ms),
            generation: options.map_or(0, |options| options.generation),
            isolation: options.map_or(0, |options| options.isolation),
            memory_bytes: options.map_or(0, |options| options.memory_bytes),
            inline_limit: if self.wanted[index as usize] && is_call { INLINE_LIMIT } else { 0 },
            ..wire::RunTask::default()
        })
    }

    /// Names of the task sets, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().map(|set| set.name.as_str())
    }
}

impl Jobs {
    pub fn insert(&mut self, id: JobId, job: Job) {
        self.by_number.insert((job.driver, job.number), id);
        self.jobs.insert(id, job);
    }

    /// Remembers where the tasks of a job begin.
    pub fn number_tasks(&mut self, id: JobId, first: TaskId) {
        self.by_first_task.insert(first, id);
        if let Some(job) = self.jobs.get_mut(&id) {
            job.first = Some(first);
        }
    }

    pub fn forget(&mut self, id: JobId) {
        let Some(job) = self.jobs.remove(&id) else { return };
        if let Some(first) = job.first {
            self.by_first_task.remove(&first);
        }
        if !job.released {
            self.by_number.remove(&(job.driver, job.number));
        }
    }

    /// What the tasks of a job reported, which is said once.
    pub fn take_notes(&mut self, id: JobId) -> HashMap<u32, Bytes> {
        self.jobs.get_mut(&id).map(|job| std::mem::take(&mut job.notes)).unwrap_or_default()
    }

    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    pub fn get_mut(&mut self, id: JobId) -> Option<&mut Job> {
        self.jobs.get_mut(&id)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (JobId, &mut Job)> {
        self.jobs.iter_mut().map(|(id, job)| (*id, job))
    }

    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The driver's job `number`, unless it has given it up.
    pub fn find(&self, driver: DriverId, number: u32) -> Option<JobId> {
        self.by_number.get(&(driver, number)).copied()
    }

    /// The driver gives up its job `number`.
    pub fn release(&mut self, driver: DriverId, number: u32) -> Option<JobId> {
        let id = self.by_number.remove(&(driver, number))?;
        self.jobs.get_mut(&id)?.released = true;
        Some(id)
    }

    /// The job that `task` belongs to, and the task's number in it.
    pub fn of_task(&mut self, task: TaskId) -> Option<(&mut Job, u32)> {
        let (first, id) = self.by_first_task.range(..=task).next_back()?;
        let index = task.0 - first.0;
        // A number beyond its last task is of a job that was forgotten.
        self.jobs.get_mut(id).filter(|job| index < job.tasks).map(|job| (job, index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_found_by_number() {
        let task =
            |body: &'static str| wire::TaskSpec { body: Bytes::from_static(body.as_bytes()), ..Default::default() };
        let set = |shared: &'static str, tasks: Vec<wire::TaskSpec>| wire::TaskSet {
            shared: Bytes::from_static(shared.as_bytes()),
            tasks,
            ..Default::default()
        };
        let sets = vec![set("s", vec![task("a"), task("b")]), set("empty", vec![]), set("t", vec![task("c")])];
        let job = Job::new(DriverId(1), wire::SubmitJob { job: 9, task_sets: sets, ..Default::default() });
        let body = |index| job.order(index).map(|order| [order.shared, order.body].concat());
        assert_eq!(body(0).unwrap(), b"sa");
        assert_eq!(body(1).unwrap(), b"sb");
        assert_eq!(body(2).unwrap(), b"tc");
        assert_eq!(body(3), None);
        let mut jobs = Jobs::default();
        jobs.insert(JobId(4), job);
        jobs.number_tasks(JobId(4), TaskId(100));
        assert_eq!(jobs.of_task(TaskId(102)).map(|(job, index)| (job.number, index)), Some((9, 2)));
        assert!(jobs.of_task(TaskId(99)).is_none());
        assert_eq!(jobs.find(DriverId(1), 9), Some(JobId(4)));
        assert_eq!(jobs.release(DriverId(1), 9), Some(JobId(4)));
        assert_eq!(jobs.find(DriverId(1), 9), None, "its number is free again");
        assert!(jobs.of_task(TaskId(102)).is_some(), "others may read it");
        jobs.forget(JobId(4));
        assert!(jobs.of_task(TaskId(102)).is_none());
    }
}
