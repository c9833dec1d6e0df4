//! What becomes of a task that a worker says is over.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::action::Action;
use crate::event::{FailureKind, TaskFailure};
use crate::ids::{JobId, TaskId, Time, WorkerId};
use crate::job::{Job, State};
use crate::lineage::Effects;
use crate::story::Step;
use crate::worker::Assigned;

use super::Core;
use super::speculation::Standing;

/// Tasks that fail one after the other on a worker before it is replaced.
const BAD_WORKER: u32 = 5;

/// A task that just came back from a worker.
#[derive(Clone, Copy)]
struct Returned {
    job: JobId,
    index: u32,
    worker: WorkerId,
    /// When it was sent there.
    sent: Time,
}

impl Core {
    pub(super) fn task_finished(&mut self, worker: WorkerId, (task, attempt): (TaskId, u32), bytes: u64, rows: u64) {
        let Some(assigned) = self.take_back_from(worker, task, attempt) else { return };
        if let Some(row) = self.workers.get_mut(worker) {
            row.failures_in_row = 0;
        }
        self.keeps(worker, task);
        let now = self.now;
        self.tell(task, Step::Done { worker, bytes });
        if assigned.vain {
            return self.drop_stray(worker, task);
        }
        self.twin_finished(worker, task);
        let Some((job, index)) = self.returned(worker, task).map(|(job, index)| (job.id, index)) else {
            return self.drop_stray(worker, task);
        };
        let Some(job) = self.jobs.get_mut(job) else { return };
        if let Some(started) = assigned.started {
            job.learn_duration(index, now.since(started).as_secs_f64() * 1000.0, &mut self.paces);
        }
        job.learn_size(bytes);
        let mut effects = Effects::default();
        job.complete(index, worker, bytes, now, &mut effects);
        let skipped = job.count_rows(index, rows, &mut effects);
        let id = job.id;
        self.wishes.containers |= skipped;
        self.count_locality(worker, task);
        self.result_is_there((id, index), worker, bytes, effects);
    }

    /// The result of a task is on a worker: tell those who want it, and carry out what else follows.
    pub(super) fn result_is_there(
        &mut self,
        (id, index): (JobId, u32),
        holder: WorkerId,
        bytes: u64,
        effects: Effects,
    ) {
        let Some(job) = self.jobs.get(id) else { return };
        let (task, audience, done) = (job.task_id(index), job.audience(index), job.roots_left == 0);
        for to in audience {
            self.act(Action::ResultReady { to, job: id, index, task, bytes, holder });
        }
        self.carry_out(id, effects);
        self.task_is_over(id, index);
        if done {
            self.job_done(id);
        }
        self.result_came(task, holder);
    }

    /// A result that nobody waits for; unless the worker has fetched the same one in the meantime.
    pub(super) fn drop_stray(&mut self, worker: WorkerId, task: TaskId) {
        if !self.all_holders(task).contains(&worker) {
            return self.drop_results(vec![(worker, task)]);
        }
        if let Some(row) = self.workers.get_mut(worker) {
            row.results -= 1;
        }
    }

    /// Free the worker's thread. Nothing if the worker does not have this attempt: a peer may say anything.
    fn take_back_from(&mut self, worker: WorkerId, task: TaskId, attempt: u32) -> Option<Assigned> {
        let assigned = self.workers.take(worker, (task, attempt), self.now)?;
        self.wishes.workers.push(worker);
        self.taken_back.remove(&(worker, task));
        Some(assigned)
    }

    /// The job of a task that this worker does not have any more. Nothing if nobody waits for it: its job is over, or
    /// the task was skipped.
    pub(super) fn returned(&mut self, worker: WorkerId, task: TaskId) -> Option<(&mut Job, u32)> {
        let (job, index) = self.jobs.find_mut(task)?;
        if job.task(index).state != (State::Assigned { worker }) {
            return None;
        }
        job.counts.running -= 1;
        Some((job, index))
    }

    fn count_locality(&mut self, worker: WorkerId, task: TaskId) {
        let Some(host) = self.workers.get(worker).map(|row| row.host) else { return };
        let Some((job, index)) = self.jobs.find_mut(task) else { return };
        let places = job.places.of(index as usize);
        if places.is_empty() {
            return;
        }
        if places.contains(&host) {
            job.counts.node_local += 1;
        } else if places.iter().any(|&place| self.hosts.same_rack(place, host)) {
            job.counts.rack_local += 1;
        } else {
            job.counts.remote += 1;
        }
    }

    pub(super) fn task_failed(&mut self, worker: WorkerId, attempt: (TaskId, u32), failure: TaskFailure) {
        let Some(assigned) = self.take_back_from(worker, attempt.0, attempt.1) else { return };
        self.tell(attempt.0, Step::Failed { worker, why: failure.message.as_str().into() });
        let is_final = failure.kind == FailureKind::Permanent;
        if assigned.vain || self.twin_failed(worker, attempt.0, is_final) == Standing::OtherRuns {
            return;
        }
        let Some((job, index)) = self.returned(worker, attempt.0) else { return };
        let returned = Returned { job: job.id, index, worker, sent: assigned.sent };
        match &failure.kind {
            FailureKind::Cancelled if assigned.cancelled => self.task_taken_back(returned, &assigned),
            FailureKind::Cancelled | FailureKind::Transient => self.task_failed_transiently(returned, &failure),
            FailureKind::InputLost(lost) => self.inputs_lost(returned, lost, &failure),
            FailureKind::Permanent => self.task_failed_for_good(returned, failure),
        }
    }

    /// It would fail again, unless its driver thinks otherwise.
    fn task_failed_for_good(&mut self, returned: Returned, failure: TaskFailure) {
        let Returned { job: id, index, worker, .. } = returned;
        let Some(job) = self.jobs.get_mut(id) else { return };
        let retries = job.set_of(index).map_or(0, |set| set.retries);
        let forgiven = job.troubles.get(&index).map_or(0, |trouble| trouble.forgiven);
        if forgiven >= retries {
            let TaskFailure { message, exit_code, .. } = failure;
            let message = job.troubles.get(&index).map_or(message.clone(), |trouble| trouble.told(message));
            let message = if retries == 0 { message } else { format!("{message} (attempt {})", forgiven + 1) };
            return self.give_up_returned(id, index, message, exit_code);
        }
        job.troubles.entry(index).or_default().forgiven += 1;
        job.counts.retries += 1;
        let text = format!("{} failed on {worker} ({}): tried again", job.task_name(index), failure.message);
        self.note(text);
        self.requeue(id, index);
    }

    /// Nobody is to blame; the task has waited since it was sent.
    fn task_taken_back(&mut self, returned: Returned, assigned: &Assigned) {
        self.requeue(returned.job, returned.index);
        if let Some((job, index)) = self.jobs.find_mut(assigned.task)
            && let State::Ready { since } = &mut job.task_mut(index).state
        {
            *since = assigned.sent;
            self.note_leaver();
        }
    }

    /// Try again elsewhere, later, and not for ever.
    fn task_failed_transiently(&mut self, returned: Returned, failure: &TaskFailure) {
        let Returned { job: id, index, worker, .. } = returned;
        let Some(job) = self.jobs.get_mut(id) else { return };
        let name = job.task_name(index);
        let trouble = job.troubles.entry(index).or_default();
        trouble.avoid(worker);
        trouble.transient.push(failure.message.clone());
        let failed = trouble.transient.len() as u32;
        if failed >= self.config.task_attempts {
            let message = format!("{name} failed {failed} times, each on its own: {}", trouble.transient.join("; "));
            let message = trouble.told(message);
            return self.give_up_returned(id, index, message, failure.exit_code);
        }
        job.counts.retries += 1;
        let until = self.now + backoff(self.config.retry_delay, failed);
        self.note(format!("{name} failed on {worker} ({}): tried again elsewhere", failure.message));
        self.blame_worker(worker);
        self.requeue_later(id, index, until);
    }

    /// The inputs that a task could not fetch are computed again, away from where they were.
    fn inputs_lost(&mut self, returned: Returned, lost: &[TaskId], failure: &TaskFailure) {
        let Some(job) = self.jobs.get_mut(returned.job) else { return };
        let lost = job.inputs_among(returned.index, lost);
        let lost: Vec<(JobId, u32)> = lost.into_iter().map(|row| job.whose(row)).collect();
        if lost.is_empty() {
            return self.task_failed_transiently(returned, failure);
        }
        let name = job.task_name(returned.index);
        let trouble = job.troubles.entry(returned.index).or_default();
        trouble.input_losses += 1;
        if trouble.input_losses > self.config.input_losses {
            let times = trouble.input_losses;
            let message = format!("{name} could not fetch its inputs {times} times: {}", failure.message);
            return self.give_up_returned(returned.job, returned.index, message, failure.exit_code);
        }
        self.note(format!("{name} could not fetch its inputs ({}): they are computed again", failure.message));
        for (job, input) in lost {
            if !self.has_copy_for(&returned, (job, input)) {
                self.lose_result(job, input);
            }
        }
        self.requeue(returned.job, returned.index);
    }

    /// Has a worker the result of which this task does not know? The one that it knows does not have it any more.
    fn has_copy_for(&mut self, reader: &Returned, (job, input): (JobId, u32)) -> bool {
        let Some(task) = self.jobs.get(job).map(|row| row.task_id(input)) else { return false };
        self.copies.has_moved_since(task, reader.sent) || self.give_up_copy(task, reader.worker)
    }

    /// The driver cannot fetch a result that it was told of.
    pub(super) fn result_unreadable(&mut self, (id, index): (JobId, u32), workers: &[WorkerId], why: &str) {
        let limit = self.config.input_losses;
        let Some(job) = self.jobs.get_mut(id).filter(|job| index < job.len()) else { return };
        let State::Done { worker, .. } = job.task(index).state else { return };
        if job.audience(index).is_empty() || !workers.contains(&worker) {
            return;
        }
        let name = job.task_name(index);
        let trouble = job.troubles.entry(index).or_default();
        trouble.input_losses += 1;
        let times = trouble.input_losses;
        if times > limit {
            let message = format!("the result of {name} could not be fetched {times} times: {why}");
            return self.give_result_up(id, index, message);
        }
        self.note(format!("the result of {name} on {worker} cannot be fetched ({why}): it is computed again"));
        self.lose_result(id, index);
    }

    /// The result of a done task cannot be read where it is.
    pub(super) fn lose_result(&mut self, id: JobId, index: u32) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let State::Done { worker, .. } = job.task(index).state else { return };
        let (task, audience) = (job.task_id(index), job.audience(index));
        if self.use_copy(task) {
            return self.drop_results(vec![(worker, task)]);
        }
        let Some(job) = self.jobs.get_mut(id) else { return };
        let mut effects = Effects::default();
        self.story.note(self.now, task, Step::Lost { worker });
        job.troubles.entry(index).or_default().avoid(worker);
        job.lose(index, &mut effects);
        self.drop_results(vec![(worker, task)]);
        for to in audience {
            self.act(Action::ResultLost { to, job: id, index });
        }
        self.carry_out(id, effects);
    }

    /// An assigned task came back: it waits for inputs, or is ready.
    pub(super) fn requeue(&mut self, id: JobId, index: u32) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let mut effects = Effects::default();
        job.requeue(index, &mut effects);
        self.carry_out(id, effects);
        self.wishes.containers = true;
    }

    fn requeue_later(&mut self, id: JobId, index: u32, until: Time) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let mut effects = Effects::default();
        job.requeue(index, &mut effects);
        if effects.ready.contains(&index) {
            effects.ready.retain(|&ready| ready != index);
            job.task_mut(index).state = State::Delayed { until };
            self.delayed.insert((until, job.task_id(index)));
        }
        self.carry_out(id, effects);
    }

    /// A worker on which one task after the other fails is replaced, if it is one of several.
    fn blame_worker(&mut self, worker: WorkerId) {
        let several = self.workers.len() > 1;
        let Some(row) = self.workers.get_mut(worker) else { return };
        row.failures_in_row += 1;
        if row.failures_in_row >= BAD_WORKER && several && row.container.is_some() {
            self.replace_worker(worker);
        }
    }
}

impl Job {
    /// The job of a row, and the number of its task there.
    fn whose(&self, row: u32) -> (JobId, u32) {
        match self.imports.source(row) {
            Some((import, task)) => (import.job, task),
            None => (self.id, row),
        }
    }

    /// The rows of those of `tasks` that this task reads, each once.
    fn inputs_among(&self, index: u32, tasks: &[TaskId]) -> Vec<u32> {
        let reads = self.groups.reads(index);
        let is_read = |task: &u32| reads.iter().any(|read| self.groups.row(read.group).members().contains(task));
        let lost: BTreeSet<u32> = tasks.iter().filter_map(|&task| self.row_of(task)).collect();
        lost.into_iter().filter(is_read).collect()
    }
}

fn backoff(first: Duration, failed: u32) -> Duration {
    first.saturating_mul(4u32.saturating_pow(failed.saturating_sub(1)))
}
