//! All jobs that are not forgotten, and the way from a task's number to its job.

use std::collections::BTreeMap;

use crate::event::Graph;
use crate::failing::Failure;
use crate::ids::{DriverId, HostId, JobId, SHARED_JOBS, TaskId};
use crate::imports::Imports;
use crate::job::{GraphError, Holder, Job, Names};
use crate::lineage::Effects;

/// The jobs by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    rows: BTreeMap<JobId, Job>,
    /// Number of each job's first task.
    starts: BTreeMap<u32, JobId>,
    /// The latest job of each driver's number. It may be over, or released.
    numbers: BTreeMap<(DriverId, u32), JobId>,
    next_task: u32,
}

impl Jobs {
    /// Take in a job. Its task numbers were never used before.
    pub fn add(
        &mut self,
        owner: (DriverId, JobId),
        graph: Graph,
        names: &mut Names<'_>,
    ) -> Result<&mut Job, GraphError> {
        let imports = Imports::resolve(&graph, |number| self.readable(owner.0, number))?;
        let mut job = Job::new(owner, self.next_task, imports).build(graph, names)?;
        if let Some(failure) = self.link(&mut job) {
            self.unlink(&job);
            return Err(GraphError::InputFailed { why: failure.text() });
        }
        self.next_task += job.len();
        // An empty job shares its first number with the next one.
        if job.len() > 0 {
            self.starts.insert(job.first, job.id);
        }
        self.numbers.insert((owner.0, job.number), job.id);
        Ok(self.rows.entry(owner.1).or_insert(job))
    }

    /// The driver's job of this number, if others may read it.
    fn readable(&self, driver: DriverId, number: u32) -> Option<&Job> {
        if let Some(shared) = number.checked_sub(SHARED_JOBS) {
            let has = |job: &&Job| job.holders.values().any(|holders| holders.contains(&Holder::Driver(driver)));
            return self.rows.get(&JobId(shared)).filter(has);
        }
        self.rows.get(self.numbers.get(&(driver, number))?).filter(|job| !job.released)
    }

    /// Make a new job known to those that it reads, and what they have known to it. A failure without which it cannot do.
    fn link(&mut self, job: &mut Job) -> Option<Failure> {
        let mut failed = None;
        for import in job.imports.clone().iter() {
            let Some(source) = self.rows.get_mut(&import.job) else { continue };
            source.dependents.insert(job.id);
            for task in import.tasks.clone() {
                // None of its tasks waits yet.
                let mut effects = Effects::default();
                job.follow(import.row(task), source.outcome(task), &mut effects);
                failed = failed.or(effects.fatal);
            }
        }
        failed
    }

    fn unlink(&mut self, job: &Job) {
        for import in job.imports.iter() {
            if let Some(source) = self.rows.get_mut(&import.job) {
                source.dependents.remove(&job.id);
            }
        }
    }

    /// Forget a job.
    pub fn remove(&mut self, job: JobId) -> Option<Job> {
        let job = self.rows.remove(&job)?;
        if job.len() > 0 {
            self.starts.remove(&job.first);
        }
        if self.numbers.get(&(job.driver, job.number)) == Some(&job.id) {
            self.numbers.remove(&(job.driver, job.number));
        }
        Some(job)
    }

    /// This job.
    pub fn get(&self, job: JobId) -> Option<&Job> {
        self.rows.get(&job)
    }

    /// This job, to change it.
    pub fn get_mut(&mut self, job: JobId) -> Option<&mut Job> {
        self.rows.get_mut(&job)
    }

    /// All jobs, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Job> {
        self.rows.values()
    }

    /// All jobs, oldest first, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Job> {
        self.rows.values_mut()
    }

    /// The jobs' numbers, oldest first.
    pub fn ids(&self) -> Vec<JobId> {
        self.rows.keys().copied().collect()
    }

    /// Was there ever a task?
    pub fn was_any(&self) -> bool {
        self.next_task > 0
    }

    /// Is there one that is not finished?
    pub fn is_any_open(&self) -> bool {
        self.rows.values().any(|job| !job.finished)
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    fn owner(&self, task: TaskId) -> Option<JobId> {
        self.starts.range(..=task.0).next_back().map(|(_, &job)| job)
    }

    /// The job of a task, and the task's number in it.
    pub fn find(&self, task: TaskId) -> Option<(&Job, u32)> {
        let job = self.rows.get(&self.owner(task)?)?;
        let index = task.0 - job.first;
        (index < job.len()).then_some((job, index))
    }

    /// The job of a task, to change it, and the task's number in it.
    pub fn find_mut(&mut self, task: TaskId) -> Option<(&mut Job, u32)> {
        let job = self.owner(task)?;
        let job = self.rows.get_mut(&job)?;
        let index = task.0 - job.first;
        (index < job.len()).then_some((job, index))
    }

    /// Where a task should run now; nowhere in particular if it is unknown.
    pub fn places_now(&self, task: TaskId) -> &[HostId] {
        self.find(task).map_or(&[], |(job, index)| job.places_now(index))
    }
}
