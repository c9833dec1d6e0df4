//! Between the wire's messages and the core's events.

use std::collections::BTreeMap;
use std::time::Duration;

use bobbin_core::{
    FailureKind, FormerJob, FormerResults, Graph, HostNames, Input, InputRange, TaskFailure, TaskId, TaskOptions,
    TaskRequest, TaskSet, WorkerId,
};
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
    let mut hosts = HostNames::default();
    let mut sets = Vec::with_capacity(job.task_sets.len());
    for set in &job.task_sets {
        let mut tasks = Vec::with_capacity(set.tasks.len());
        for task in &set.tasks {
            let inputs = task.inputs.iter().map(|input| earlier(input, number)).collect::<Result<_, _>>()?;
            let places = task.places.iter().map(|name| hosts.number(name)).collect();
            tasks.push(TaskRequest { places, input_bytes: task.input_bytes, inputs });
            number = number.checked_add(1).ok_or(BadJob::TooLarge)?;
        }
        let (name, rows_wanted) = (set.name.clone(), set.rows_wanted);
        sets.push(TaskSet { name, tasks, rows_wanted, options: options(set) });
    }
    if number == 0 {
        return Err(BadJob::Empty);
    }
    match job.wanted.iter().chain(&job.readable).find(|wanted| **wanted >= number) {
        Some(&wanted) => Err(BadJob::Wanted(wanted)),
        None => Ok(Graph {
            number: job.job,
            hosts,
            sets,
            wanted: job.wanted.clone(),
            independent: job.independent,
            formerly: job.formerly.map(|former| FormerJob { master: former.master, first: former.first_result }),
            readable: job.readable.clone(),
        }),
    }
}

/// What a worker has of former application masters.
pub(super) fn former_results(former: wire::FormerResults) -> FormerResults {
    FormerResults { master: former.master, tasks: former.tasks }
}

/// How a set's tasks are to be run. Their limits of time and memory are the worker's.
fn options(set: &wire::TaskSet) -> TaskOptions {
    let isolatable = set.kind() == wire::TaskKind::Function;
    let Some(options) = &set.options else { return TaskOptions { isolatable, ..TaskOptions::default() } };
    let resources = options.resources.iter().map(|resource| (resource.name.clone(), resource.thousandths));
    TaskOptions {
        priority: options.priority,
        generation: options.generation,
        retries: options.retries,
        no_speculation: options.no_speculation,
        only_on: options.only_on.clone(),
        resources: resources.collect(),
        isolatable,
        expected_time: options.expected_time_us.map(Duration::from_micros),
        expected_size: options.expected_result_bytes,
    }
}

/// The workers that hold a task's inputs, each once: results name them by their places in this list.
#[derive(Default)]
pub(super) struct HolderTable {
    /// The list.
    pub workers: Vec<WorkerId>,
    places: BTreeMap<WorkerId, u32>,
}

impl HolderTable {
    /// One of a task's inputs, with places instead of workers.
    pub fn input(&mut self, input: &Input) -> wire::Input {
        let holders = input.holders.iter().map(|worker| worker.map_or(wire::NO_HOLDER, |worker| self.place(worker)));
        let holders = holders.collect();
        wire::Input { first: input.first.0, part: input.part, holders }
    }

    /// Another worker that has the result of a task.
    pub fn copy(&mut self, task: TaskId, worker: WorkerId) -> wire::Copy {
        wire::Copy { task: task.0, holder: self.place(worker) }
    }

    fn place(&mut self, worker: WorkerId) -> u32 {
        let HolderTable { workers, places } = self;
        *places.entry(worker).or_insert_with(|| {
            workers.push(worker);
            // There are fewer workers than numbers of workers.
            (workers.len() - 1) as u32
        })
    }
}

/// A range of tasks that come before the one that reads it, or of another job: the core knows which it has.
fn earlier(input: &wire::InputRange, task: u32) -> Result<InputRange, BadJob> {
    let wire::InputRange { first, count, part, job } = *input;
    match first.checked_add(count) {
        Some(end) if end <= task || job.is_some() => Ok(InputRange { job, first, count, part }),
        end => Err(BadJob::Input { task, input: end.map_or(u32::MAX, |end| end.saturating_sub(1)) }),
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
        let one = |&first: &u32| wire::InputRange { first, count: 1, ..Default::default() };
        let spec = |inputs: &&[u32]| wire::TaskSpec { inputs: inputs.iter().map(one).collect(), ..Default::default() };
        let tasks = inputs.iter().map(spec);
        let sets = vec![wire::TaskSet { name: "set".into(), tasks: tasks.collect(), ..Default::default() }];
        wire::SubmitJob { job: 1, task_sets: sets, wanted: wanted.to_vec(), ..Default::default() }
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
    fn ranges_end_before_their_reader() {
        let range = |first, count| earlier(&wire::InputRange { first, count, part: 9, job: None }, 5);
        assert_eq!(range(2, 3), Ok(InputRange { first: 2, count: 3, part: 9, job: None }));
        assert_eq!(range(2, 4), Err(BadJob::Input { task: 5, input: 5 }));
        assert!(range(u32::MAX, 2).is_err());
    }

    #[test]
    fn ranges_of_other_jobs_may_end_anywhere() {
        let range = |first, count| earlier(&wire::InputRange { first, count, part: 1, job: Some(0) }, 5);
        assert_eq!(range(20, 4), Ok(InputRange { first: 20, count: 4, part: 1, job: Some(0) }));
        assert!(range(u32::MAX, 2).is_err());
    }

    #[test]
    fn nobody_holds_the_result_of_a_skipped_task() {
        let holders = [Some(WorkerId(7)), None, Some(WorkerId(7))].into();
        let mut table = HolderTable::default();
        let input = table.input(&Input { first: TaskId(3), part: 0, holders });
        assert_eq!(input.holders, [0, wire::NO_HOLDER, 0]);
        assert_eq!(table.workers, [WorkerId(7)]);
    }

    #[test]
    fn ten_thousand_results_are_a_short_list() {
        use wire::Message;
        let holders = (0..10_000).map(|task| Some(WorkerId(1_000 + task * 7 % 100))).collect();
        let mut table = HolderTable::default();
        let input = table.input(&Input { first: TaskId(70_000), part: 5, holders });
        assert_eq!(table.workers.len(), 100);
        assert_eq!(table.workers[input.holders[3] as usize], WorkerId(1_021));
        assert!(input.encoded_len() < 10_100, "{} bytes", input.encoded_len());
    }

    #[test]
    fn an_unknown_failure_is_tried_again() {
        let failed = wire::TaskFailed { kind: 77, ..Default::default() };
        assert_eq!(failure(&failed).kind, FailureKind::Transient);
    }
}
