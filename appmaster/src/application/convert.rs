//! Between the wire's messages and the core's events.

use bobbin_core::{FailureKind, Graph, TaskFailure, TaskId, TaskRequest, TaskSet};
use bobbin_proto as wire;

/// A job whose inputs or wanted results make no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadJob {
    #[error("task {task} reads task {input}, which does not come before it")]
    Input { task: u32, input: u32 },
    #[error("the result of task {0} is wanted, but there is no such task")]
    Wanted(u32),
    #[error("the job has no tasks")]
    Empty,
    #[error("the job has more tasks than can be counted")]
    TooLarge,
}

/// The shape of a submitted job; the bodies are left behind.
pub(super) fn graph(job: &wire::SubmitJob) -> Result<Graph, BadJob> {
    let mut number = 0_u32;
    let mut sets = Vec::with_capacity(job.task_sets.len());
    for set in &job.task_sets {
        let mut tasks = Vec::with_capacity(set.tasks.len());
        for task in &set.tasks {
            if let Some(&input) = task.inputs.iter().find(|input| **input >= number) {
                return Err(BadJob::Input { task: number, input });
            }
            tasks.push(TaskRequest {
                places: task.places.clone(),
                input_bytes: task.input_bytes,
                inputs: task.inputs.clone(),
            });
            number = number.checked_add(1).ok_or(BadJob::TooLarge)?;
        }
        sets.push(TaskSet { name: set.name.clone(), tasks });
    }
    if number == 0 {
        return Err(BadJob::Empty);
    }
    match job.wanted.iter().find(|wanted| **wanted >= number) {
        Some(&wanted) => Err(BadJob::Wanted(wanted)),
        None => Ok(Graph { sets, wanted: job.wanted.clone() }),
    }
}

/// Why a task failed, in the core's terms.
pub(super) fn failure(failed: &wire::TaskFailed) -> TaskFailure {
    let kind = match failed.kind() {
        wire::FailureKind::Permanent => FailureKind::Permanent,
        wire::FailureKind::InputLost => {
            FailureKind::InputLost(failed.lost_inputs.iter().copied().map(TaskId).collect())
        }
        wire::FailureKind::Cancelled => FailureKind::Cancelled,
        // An unknown kind comes from a worker that knows more than we do; trying again is safe.
        wire::FailureKind::Transient | wire::FailureKind::Unspecified => FailureKind::Transient,
    };
    TaskFailure { kind, message: failed.message.clone(), exit_code: failed.exit_code }
}

/// Adds what one task read to a sum.
pub(super) fn add_metrics(sum: &mut wire::TaskMetrics, more: &wire::TaskMetrics) {
    sum.bytes_short_circuit += more.bytes_short_circuit;
    sum.bytes_local_socket += more.bytes_local_socket;
    sum.bytes_remote += more.bytes_remote;
    sum.bytes_local_file += more.bytes_local_file;
    sum.bytes_fetched += more.bytes_fetched;
    sum.rows += more.rows;
    sum.bytes_skipped += more.bytes_skipped;
    sum.records_skipped += more.records_skipped;
    sum.wall_micros += more.wall_micros;
    sum.cpu_micros += more.cpu_micros;
    for reason in &more.fallbacks {
        if sum.fallbacks.len() < MOST_FALLBACKS && !sum.fallbacks.contains(reason) {
            sum.fallbacks.push(reason.clone());
        }
    }
}

/// Different reasons that are kept for one job.
const MOST_FALLBACKS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn job(inputs: &[&[u32]], wanted: &[u32]) -> wire::SubmitJob {
        let tasks = inputs.iter().map(|inputs| wire::TaskSpec { inputs: inputs.to_vec(), ..Default::default() });
        let sets = vec![wire::TaskSet { name: "set".into(), tasks: tasks.collect(), ..Default::default() }];
        wire::SubmitJob { job: 1, task_sets: sets, wanted: wanted.to_vec() }
    }

    #[test]
    fn only_jobs_that_make_sense_pass() {
        assert!(graph(&job(&[&[], &[], &[0, 1]], &[2])).is_ok());
        assert_eq!(graph(&job(&[], &[])), Err(BadJob::Empty));
        assert_eq!(graph(&job(&[&[0]], &[])), Err(BadJob::Input { task: 0, input: 0 }));
        assert_eq!(graph(&job(&[&[], &[2], &[]], &[])), Err(BadJob::Input { task: 1, input: 2 }));
        assert_eq!(graph(&job(&[&[]], &[1])), Err(BadJob::Wanted(1)));
    }

    #[test]
    fn an_unknown_failure_is_tried_again() {
        let failed = wire::TaskFailed { kind: 77, ..Default::default() };
        assert_eq!(failure(&failed).kind, FailureKind::Transient);
    }
}
