//! Jobs of tasks that do nothing.

use bobbin_proto::{InputRange, SubmitJob, TaskSet, TaskSpec};
use bytes::Bytes;

/// One set of tasks that nobody reads. They share so many bytes.
pub fn alike(tasks: u32, shared: usize) -> SubmitJob {
    let shared = Bytes::from(vec![7; shared]);
    let tasks = vec![TaskSpec::default(); tasks as usize];
    SubmitJob { task_sets: vec![TaskSet { shared, tasks, ..Default::default() }], ..Default::default() }
}

/// One set of tasks whose results the driver is told of.
pub fn wanted(tasks: u32) -> SubmitJob {
    SubmitJob { wanted: (0..tasks).collect(), ..alike(tasks, 0) }
}

/// So many tasks, and as many that each read a part of all their results.
pub fn shuffle(side: u32) -> SubmitJob {
    let read = |part| InputRange { count: side, part, ..Default::default() };
    let reader = |part| TaskSpec { inputs: vec![read(part)], ..Default::default() };
    let readers = TaskSet { tasks: (0..side).map(reader).collect(), ..Default::default() };
    let mut job = SubmitJob { wanted: (side..2 * side).collect(), ..alike(side, 0) };
    job.task_sets.push(readers);
    job
}
