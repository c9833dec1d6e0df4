//! One job: its tasks, who reads whose result, and how far it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::Graph;
use crate::groups::Groups;
use crate::hosts::Hosts;
use crate::ids::{DriverId, HostId, JobId, TaskId, Time, WorkerId};
use crate::lists::Lists;
use crate::trouble::Trouble;

/// What a task does now.
///
/// ```text
/// Idle -> Waiting -> Ready -> Assigned -> Done
///  ^        ^         |  ^       |         |
///  |        +---------+  +-Delayed  (failed: again, at once or later)
///  +------- result used up or lost --------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody needs its result.
    Idle,
    /// So many of its reads lack results.
    Waiting { missing: u32 },
    /// Waits for a worker, since then.
    Ready { since: Time },
    /// May be tried again from then on.
    Delayed { until: Time },
    /// A worker has it.
    Assigned { worker: WorkerId },
    /// Its result is on this worker.
    Done { worker: WorkerId, bytes: u64 },
}

/// One task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub state: State,
    /// Assignments so far.
    pub attempt: u32,
    /// Groups to which it belongs and which tasks read that are neither idle nor done.
    pub uses: u32,
    pub input_bytes: u64,
    /// Does the driver fetch its result?
    pub wanted: bool,
    /// Is the job over only when it is done?
    pub root: bool,
    /// Was it done, and its result not lost before its use?
    pub done: bool,
}

/// Counters for people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub done: u32,
    pub running: u32,
    pub retries: u32,
    pub node_local: u32,
    pub rack_local: u32,
    pub remote: u32,
    pub first_task: Option<Time>,
    pub last_task: Option<Time>,
}

/// One job.
#[derive(Debug)]
pub(crate) struct Job {
    pub id: JobId,
    pub driver: DriverId,
    /// Number of its first task.
    pub first: u32,
    pub tasks: Vec<Task>,
    /// Each task set's name and where it ends.
    sets: Vec<(String, u32)>,
    pub places: Lists<HostId>,
    pub groups: Groups,
    /// Places that replace those of `places`: the hosts of its inputs, or what its failures leave.
    pub moved: BTreeMap<u32, Vec<HostId>>,
    pub troubles: BTreeMap<u32, Trouble>,
    pub counts: Counts,
    /// Roots that are not done.
    pub roots_left: u32,
    /// Was its end announced?
    pub finished: bool,
    /// How long its tasks take, in milliseconds, the latest weighing most.
    pub mean_task: Option<f64>,
}

/// Why a graph of tasks cannot be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GraphError {
    /// An input must come before its reader.
    #[error(
        "task {task} reads the result of task {input}, which does not come before it: number tasks in the order of their inputs"
    )]
    InputNotEarlier { task: u32, input: u32 },
    /// The driver wants what is not there.
    #[error("task {task} is wanted, but the job has only {count} tasks")]
    WantedMissing { task: u32, count: u32 },
    /// More than `u32` can number.
    #[error("the job has more tasks, places or inputs than can be numbered: split it into several jobs")]
    TooLarge,
}

impl Job {
    /// The job of this graph, with nothing begun. Task numbers start at `first`.
    pub fn build(owner: (DriverId, JobId), first: u32, graph: Graph, hosts: &mut Hosts) -> Result<Job, GraphError> {
        let (driver, id) = owner;
        let mut job = Job {
            id,
            driver,
            first,
            tasks: Vec::new(),
            sets: Vec::new(),
            places: Lists::default(),
            groups: Groups::default(),
            moved: BTreeMap::new(),
            troubles: BTreeMap::new(),
            counts: Counts::default(),
            roots_left: 0,
            finished: false,
            mean_task: None,
        };
        for set in graph.sets {
            for request in set.tasks {
                job.push(request, hosts)?;
            }
            job.sets.push((set.name, job.len()));
        }
        job.groups.close(job.len())?;
        job.mark_roots(&graph.wanted)?;
        Ok(job)
    }

    fn push(&mut self, request: crate::event::TaskRequest, hosts: &mut Hosts) -> Result<(), GraphError> {
        let task = u32::try_from(self.tasks.len()).map_err(|_| GraphError::TooLarge)?;
        self.groups.push(task, &request.inputs)?;
        let mut seen = BTreeSet::new();
        let places = request.places.iter().map(|name| hosts.intern(name)).filter(|&host| seen.insert(host));
        if self.first.checked_add(task + 1).is_none() || !self.places.push(places) {
            return Err(GraphError::TooLarge);
        }
        self.tasks.push(Task {
            state: State::Idle,
            attempt: 0,
            uses: 0,
            input_bytes: request.input_bytes,
            wanted: false,
            root: false,
            done: false,
        });
        Ok(())
    }

    fn mark_roots(&mut self, wanted: &[u32]) -> Result<(), GraphError> {
        let count = self.len();
        for &task in wanted {
            let Some(row) = self.tasks.get_mut(task as usize) else {
                return Err(GraphError::WantedMissing { task, count });
            };
            row.wanted = true;
        }
        for (index, task) in self.tasks.iter_mut().enumerate() {
            task.root = task.wanted || self.groups.memberships(index as u32).is_empty();
            self.roots_left += u32::from(task.root);
        }
        Ok(())
    }

    /// How many tasks it has.
    pub fn len(&self) -> u32 {
        self.tasks.len() as u32
    }

    /// The application's number of a task.
    pub fn task_id(&self, index: u32) -> TaskId {
        TaskId(self.first + index)
    }

    /// The task with this number in the graph.
    pub fn task(&self, index: u32) -> &Task {
        &self.tasks[index as usize]
    }

    /// The task with this number in the graph, to change it.
    pub fn task_mut(&mut self, index: u32) -> &mut Task {
        &mut self.tasks[index as usize]
    }

    /// Where the task should run now.
    pub fn places_now(&self, index: u32) -> &[HostId] {
        match self.moved.get(&index) {
            Some(places) => places,
            None => self.places.of(index as usize),
        }
    }

    /// What to call a task: its set and its number in it.
    pub fn task_name(&self, index: u32) -> String {
        let mut start = 0;
        for (name, end) in &self.sets {
            if index < *end {
                return format!("{name}, task {} of {}", index - start + 1, end - start);
            }
            start = *end;
        }
        format!("task {index}")
    }

    /// Take in how long a task took.
    pub fn learn_duration(&mut self, millis: f64) {
        self.mean_task = Some(match self.mean_task {
            Some(mean) => mean + (millis - mean) / 8.0,
            None => millis,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{InputRange, TaskRequest, TaskSet};

    fn each(inputs: &[u32]) -> Vec<InputRange> {
        inputs.iter().map(|&first| InputRange { first, count: 1, part: 0 }).collect()
    }

    fn build(inputs: &[&[u32]], wanted: &[u32]) -> Result<Job, GraphError> {
        let task = |&inputs: &&[u32]| TaskRequest { inputs: each(inputs), ..TaskRequest::default() };
        let set = TaskSet { name: "set".into(), tasks: inputs.iter().map(task).collect() };
        let graph = Graph { sets: vec![set], wanted: wanted.to_vec() };
        Job::build((DriverId(1), JobId(1)), 10, graph, &mut Hosts::default())
    }

    #[test]
    fn graphs_that_cannot_run_are_refused() {
        assert_eq!(build(&[&[0]], &[]).err(), Some(GraphError::InputNotEarlier { task: 0, input: 0 }));
        assert_eq!(build(&[&[], &[7]], &[]).err(), Some(GraphError::InputNotEarlier { task: 1, input: 7 }));
        assert_eq!(build(&[&[]], &[1]).err(), Some(GraphError::WantedMissing { task: 1, count: 1 }));
    }

    #[test]
    fn roots_are_the_wanted_and_the_last() {
        let job = build(&[&[], &[], &[0, 1]], &[0]).expect("a good graph");
        assert_eq!(job.tasks.iter().map(|task| task.root).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(job.roots_left, 2);
        assert_eq!(job.task_name(2), "set, task 3 of 3");
    }
}
