//! What drivers share: questions of the wire in the core's terms, and its answers.

use std::sync::Arc;
use std::time::Duration;

use bobbin_core::{Answer, DatasetEntry, JobId, Placing, Question, SHARED_JOBS, WorkerId, WorkerStatus};
use bobbin_proto as wire;
use wire::answer::Answer as Said;
use wire::ask::Question as Asked;

/// The application's number of a driver's job; one that it shares names itself.
pub(super) type Find<'a> = &'a dyn Fn(u32) -> Option<JobId>;

/// The job of a number that stands for others' jobs.
pub(super) fn shared_job(number: u32) -> Option<JobId> {
    number.checked_sub(SHARED_JOBS).map(JobId)
}

/// A question in the core's terms; nothing of one that is none.
pub(super) fn question(ask: wire::Ask, find: Find<'_>) -> Result<Question, String> {
    let wait = ask.wait_ms.map(Duration::from_millis);
    let shared = |value: bytes::Bytes| Arc::from(&value[..]);
    Ok(match ask.question.ok_or("the question is empty, or one of a later protocol")? {
        Asked::Set(wire::Named { name, value }) => Question::Set { name, value: shared(value) },
        Asked::Get(name) => Question::Get { name, wait },
        Asked::Delete(name) => Question::Delete { name },
        Asked::Push(wire::Push { name, value, limit }) => Question::Push { name, value: shared(value), limit, wait },
        Asked::Pop(name) => Question::Pop { name, wait },
        Asked::PutBack(wire::Named { name, value }) => Question::PutBack { name, value: shared(value) },
        Asked::Count(name) => Question::Count { name },
        Asked::Acquire(wire::Acquire { name, limit }) => Question::Acquire { name, limit, wait },
        Asked::Release(wire::Release { name, lease }) => Question::Release { name, lease },
        Asked::Publish(wire::Publish { name, dataset }) => {
            let wire::Dataset { kind, entries } = dataset.unwrap_or_default();
            let entries = entries.into_iter().map(|entry| published(&entry, find)).collect::<Result<_, _>>()?;
            Question::Publish { name, kind, entries }
        }
        Asked::Unpublish(name) => Question::Unpublish { name },
        Asked::Open(name) => Question::Open { name },
        Asked::List(wire::ListDatasets {}) => Question::List,
        Asked::Explain(task) => {
            let (job, index) = task_of(&task, find)?;
            Question::Explain { job, index }
        }
        Asked::Story(task) => {
            let (job, index) = task_of(&task, find)?;
            Question::Story { job, index }
        }
        Asked::Dump(wire::DumpState {}) => Question::Dump,
        Asked::Workers(wire::ListWorkers {}) => Question::Workers,
        Asked::Replicate(wire::Replicate { results: named, copies }) => {
            let results = results(&named.unwrap_or_default(), find)?;
            Question::Place(Placing::Replicate { results, copies })
        }
        Asked::Holders(named) => Question::Place(Placing::Holders { results: results(&named, find)? }),
        Asked::Rebalance(wire::Rebalance {}) => Question::Place(Placing::Rebalance),
        Asked::Retire(wire::Retire { workers }) => {
            Question::Place(Placing::Retire { workers: workers.into_iter().map(WorkerId).collect() })
        }
        Asked::Detach(wire::Detach { tasks }) => {
            let tasks = tasks.iter().map(|task| task_of(task, find)).collect::<Result<_, _>>()?;
            Question::Detach { tasks }
        }
    })
}

/// A task by the application's number of its job.
fn task_of(named: &wire::Task, find: Find<'_>) -> Result<(JobId, u32), String> {
    let wire::Task { job, task } = *named;
    let found = shared_job(job).or_else(|| find(job));
    found.map(|job| (job, task)).ok_or_else(|| format!("job {job} is not known: it is over, or was released"))
}

fn results(named: &wire::Results, find: Find<'_>) -> Result<Vec<(JobId, u32)>, String> {
    named.results.iter().map(|task| task_of(task, find)).collect()
}

fn published(entry: &wire::DatasetEntry, find: Find<'_>) -> Result<DatasetEntry, String> {
    let wire::DatasetEntry { job, task, key } = entry;
    let found = shared_job(*job).or_else(|| find(*job));
    let job = found.ok_or_else(|| format!("job {job} is not there to be published: it was released, or has failed"))?;
    Ok(DatasetEntry { job, index: *task, key: Arc::from(&key[..]) })
}

/// The core's answer on the wire; `address` knows where a worker serves.
pub(super) fn answer(request: u32, answer: Answer, address: &dyn Fn(WorkerId) -> String) -> wire::Answer {
    let answer = match answer {
        Answer::Done => Said::Done(wire::Done {}),
        Answer::Refused(why) => Said::Refused(why),
        Answer::TimedOut => Said::TimedOut(wire::TimedOut {}),
        Answer::Value(value) => Said::Value(bytes::Bytes::copy_from_slice(&value)),
        Answer::Count(count) => Said::Count(count),
        Answer::Names(names) => Said::Names(wire::Names { names }),
        Answer::Text(text) => Said::Text(text),
        Answer::Workers(workers) => {
            let status = |row: WorkerStatus| wire::WorkerStatus {
                worker: row.worker.0,
                host: row.host,
                threads: row.threads,
                tasks: row.tasks,
                results: row.results,
                leaving: row.leaving,
                fetch_address: address(row.worker),
            };
            Said::Workers(wire::Workers { workers: workers.into_iter().map(status).collect() })
        }
        Answer::Holders(results) => {
            let workers =
                |row: Vec<WorkerId>| wire::WorkerNumbers { workers: row.into_iter().map(|id| id.0).collect() };
            Said::Holders(wire::Holders { results: results.into_iter().map(workers).collect() })
        }
        Answer::Dataset { kind, entries } => {
            let entry = |entry: DatasetEntry| wire::DatasetEntry {
                job: SHARED_JOBS + entry.job.0,
                task: entry.index,
                key: bytes::Bytes::copy_from_slice(&entry.key),
            };
            Said::Dataset(wire::Dataset { kind, entries: entries.into_iter().map(entry).collect() })
        }
    };
    wire::Answer { request, answer: Some(answer) }
}
