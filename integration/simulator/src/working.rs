//! What a worker does: it queues tasks, reads blocks and results, computes, and answers.

use std::collections::{BTreeMap, BTreeSet};

use bobbin_core::{Assignment, CopyId, Event, FailureKind, TaskFailure, TaskId, WorkerId};

use super::acting::row_of;
use super::clock::{Happening, Letter, MILLI, Micros, Run, SECOND};
use super::network::{FlowId, Source, Transfer};
use super::oracle;
use super::world::{Held, Running, World};

/// Results of more hosts than this are fetched as two flows: those of the rack, and the others.
const SINGLE_HOSTS: usize = 8;

/// Blocks that a worker reads at once for tasks that wait for a thread, and those that it keeps for them.
const READS_AHEAD: u32 = 1;
const BLOCKS_AHEAD: usize = 4;

/// Bytes of a copy that come in a microsecond: copies are few, and take nothing of what tasks read.
const COPIED_PER_MICRO: u64 = 100;

/// Inputs of a task: bytes by host, the workers that hold them, and those that are not there.
#[derive(Debug, Default)]
struct Inputs {
    bytes: BTreeMap<usize, u64>,
    holders: BTreeSet<usize>,
    missing: Vec<TaskId>,
    value: u64,
}

impl World {
    /// A message reaches a worker.
    pub(super) fn letter(&mut self, worker: usize) {
        if !self.workers[worker].alive || self.workers[worker].closed {
            return;
        }
        if let Some(later) = self.stuck_until(self.workers[worker].host) {
            return self.queue.at(later, Happening::Letter(worker));
        }
        match self.workers[worker].letters.pop_front().expect("each message has its moment") {
            Letter::Assign(row) => {
                self.workers[worker].queue.push_back(row);
                self.start_next(worker);
            }
            Letter::Cancel { task, attempt } => self.cancel(Run { worker, task, attempt }),
            Letter::Drop(tasks) => {
                for task in &tasks {
                    let known = self.workers[worker].results.remove(task);
                    self.tally.kept -= known.map_or(0, |held| held.bytes);
                    assert!(known.is_some(), "only_results_are_dropped: {task} on worker {worker}");
                }
                crate::Counting::inside(|| drop(tasks));
            }
            Letter::Copy { task, copy, from } => {
                let (job, index) = self.job_of(worker, task);
                let span = self.jobs[job].plan.cost(index).result_bytes / COPIED_PER_MICRO;
                self.queue.after(span, Happening::Copied { worker, task, copy, from });
            }
            Letter::Adopt { master, results } => {
                for &(former, task) in &results {
                    self.keep_former(worker, (master, TaskId(former)), task);
                }
                crate::Counting::inside(|| drop(results));
            }
            Letter::DropFormer => {
                let dropped = std::mem::take(&mut self.workers[worker].former);
                self.tally.kept -= dropped.values().map(|held| held.bytes).sum::<u64>();
            }
            Letter::Stop => {
                self.workers[worker].closed = true;
                self.kill(worker, Some(0));
            }
        }
    }

    fn cancel(&mut self, run: Run) {
        let queue = &mut self.workers[run.worker].queue;
        let before = queue.len();
        queue.retain(|row| (row.task, row.attempt) != (run.task, run.attempt));
        let was_queued = queue.len() < before;
        if self.end_run(run).is_some() || was_queued {
            self.answer_failure(run, FailureKind::Cancelled);
            self.start_next(run.worker);
        }
    }

    fn answer_failure(&mut self, run: Run, kind: FailureKind) {
        let failure = TaskFailure { kind, message: "simulated".to_owned(), exit_code: 0 };
        let worker = WorkerId(run.worker as u32 + 1);
        self.say(run.worker, Event::TaskFailed { worker, task: run.task, attempt: run.attempt, failure });
    }

    fn start_next(&mut self, worker: usize) {
        while self.workers[worker].busy() < self.workers[worker].threads {
            let Some(row) = self.workers[worker].queue.pop_front() else { break };
            self.start(worker, &row);
            crate::Counting::inside(|| drop(row));
        }
        self.read_ahead(worker);
        let row = &self.workers[worker];
        assert!(row.busy() <= row.threads, "no_worker_above_its_threads: {worker}");
    }

    /// While tasks wait for a thread, their blocks are read, one after the other.
    fn read_ahead(&mut self, worker: usize) {
        let row = &self.workers[worker];
        let read = row.running.iter().filter(|row| row.since.is_none());
        let (mut count, mut reads) = (0, 0);
        read.for_each(|row| (count, reads) = (count + 1, reads + row.flows));
        if reads >= READS_AHEAD || count >= BLOCKS_AHEAD {
            return;
        }
        let is_read = |next: &Assignment| {
            row.running.iter().any(|row| (row.run.task, row.run.attempt) == (next.task, next.attempt))
        };
        let Some(row) = row.queue.iter().take(BLOCKS_AHEAD).find(|next| !is_read(next)) else { return };
        let (run, job, index) = (Run { worker, task: row.task, attempt: row.attempt }, row.job, row.index);
        if self.jobs[job.0 as usize].plan.replicas(index).is_empty() {
            return;
        }
        let running = Running { run, since: None, flows: 0, reads_from: BTreeSet::new(), value: 0 };
        self.workers[worker].running.push(running);
        self.read_block(run);
    }

    fn start(&mut self, worker: usize, row: &Assignment) {
        let run = Run { worker, task: row.task, attempt: row.attempt };
        let inputs = self.look_for_inputs(worker, row);
        let since = Some(self.queue.now());
        let was_read = match self.running(run) {
            Some(row) => {
                (row.since, row.reads_from, row.value) = (since, inputs.holders, inputs.value);
                true
            }
            None => {
                let (reads_from, value) = (inputs.holders, inputs.value);
                self.workers[worker].running.push(Running { run, since, flows: 0, reads_from, value });
                false
            }
        };
        if !inputs.missing.is_empty() {
            return self.queue.after(100 * MILLI, Happening::Unreadable(run, inputs.missing));
        }
        if !was_read && !self.jobs[row.job.0 as usize].plan.replicas(row.index).is_empty() {
            self.read_block(run);
        }
        self.fetch(run, &inputs.bytes);
        if self.running(run).is_some_and(|row| row.flows == 0) {
            self.compute(run);
        }
    }

    fn look_for_inputs(&self, worker: usize, row: &Assignment) -> Inputs {
        let job = &self.jobs[row.job.0 as usize];
        let first = row.task.0 - row.index;
        let mut inputs = Inputs { value: oracle::begin(row.index), ..Inputs::default() };
        for (wanted, given) in job.plan.inputs(row.index).iter().zip(&row.inputs) {
            let mut range = Vec::new();
            for (task, holder) in (wanted.first..).zip(given.holders.iter()) {
                let Some(holder) = holder else { continue };
                let id = TaskId(first + task);
                let there = &self.workers[row_of(*holder)];
                let reachable =
                    row_of(*holder) == worker || there.alive && self.hosts[there.host].is_reachable(self.queue.now());
                let Some(held) = there.results.get(&id).filter(|_| reachable) else {
                    inputs.missing.push(id);
                    continue;
                };
                if self.checked && !job.answers.needless[task as usize] {
                    range.push(held.value);
                }
                let cost = job.plan.cost(task);
                *inputs.bytes.entry(there.host).or_default() += cost.result_bytes / u64::from(cost.parts);
                inputs.holders.insert(row_of(*holder));
            }
            inputs.value = oracle::read(inputs.value, wanted, oracle::fold(range.into_iter()));
        }
        if !inputs.missing.is_empty() {
            let cancelled = self.is_cancelled(row.task, row.attempt);
            assert!(cancelled || !self.faults.none(), "fetched_results_are_there: {:?}", inputs.missing);
        }
        inputs
    }

    pub(super) fn running(&mut self, run: Run) -> Option<&mut Running> {
        self.workers[run.worker].running.iter_mut().find(|row| row.run == run)
    }

    /// Read the task's block from the nearest replica that can be read, as soon as there is one.
    pub(super) fn read_block(&mut self, run: Run) {
        let to = self.workers[run.worker].host;
        let (job, index) = self.job_of(run.worker, run.task);
        let plan = &self.jobs[job].plan;
        let now = self.queue.now();
        let distance = |host: usize| match host {
            _ if host == to => 0,
            _ if self.network.rack_of(host) == self.network.rack_of(to) => 1,
            _ => 2,
        };
        let readable = |&host: &usize| !self.hosts[host].down && (host == to || self.hosts[host].cut_until <= now);
        let cut_off = self.hosts[to].cut_until > now;
        let replicas = plan.replicas(index).iter().map(|&host| host as usize).filter(readable);
        let spread = |host: usize| super::plan::mix(u64::from(run.task.0), host as u64);
        let nearest =
            replicas.filter(|&host| host == to || !cut_off).min_by_key(|&host| (distance(host), spread(host)));
        let bytes = plan.input_bytes(index);
        let Some(from) = nearest else {
            // As HDFS's clients do.
            if let Some(row) = self.running(run) {
                row.flows += 1;
                self.queue.after(SECOND, Happening::ReadAgain(run));
            }
            return;
        };
        self.tally.reads.count(distance(from), bytes);
        self.flow(Transfer { run, from: Source::Host(from), to, bytes, disk: true });
    }

    pub(super) fn read_again(&mut self, run: Run) {
        if let Some(row) = self.running(run) {
            row.flows = row.flows.saturating_sub(1);
            self.read_block(run);
        }
    }

    fn fetch(&mut self, run: Run, bytes: &BTreeMap<usize, u64>) {
        let to = self.workers[run.worker].host;
        let mine = self.network.rack_of(to);
        let others = || bytes.iter().filter(|&(&host, &bytes)| host != to && bytes > 0);
        let (mut near, mut far) = (0, 0);
        for (&host, &bytes) in others() {
            let sum = if self.network.rack_of(host) == mine { &mut near } else { &mut far };
            *sum += bytes;
        }
        self.tally.fetches.count(0, bytes.get(&to).copied().unwrap_or(0));
        self.tally.fetches.count(1, near);
        self.tally.fetches.count(2, far);
        if others().count() <= SINGLE_HOSTS {
            for (&host, &bytes) in others() {
                self.flow(Transfer { run, from: Source::Host(host), to, bytes, disk: false });
            }
            return;
        }
        for (from, bytes) in [(Source::Rack, near), (Source::Far, far)] {
            if bytes > 0 {
                self.flow(Transfer { run, from, to, bytes, disk: false });
            }
        }
    }

    fn flow(&mut self, transfer: Transfer) {
        if let Some(row) = self.running(transfer.run) {
            row.flows += 1;
            let due = self.network.begin(self.queue.now(), transfer);
            self.expect_ends(due);
        }
    }

    pub(super) fn flow_ends(&mut self, flow: FlowId) {
        let (ended, due) = self.network.look(self.queue.now(), flow);
        self.expect_ends(due);
        let Some(transfer) = ended else { return };
        let Some(row) = self.running(transfer.run) else { return };
        row.flows -= 1;
        if row.flows == 0 && row.since.is_some() {
            self.compute(transfer.run);
        }
        self.read_ahead(transfer.run.worker);
    }

    fn compute(&mut self, run: Run) {
        let (job, index) = self.job_of(run.worker, run.task);
        let slow = self.hosts[self.workers[run.worker].host].slow;
        let span = self.jobs[job].plan.cpu(index) * slow;
        self.queue.after(span as Micros, Happening::Computed(run));
    }

    /// A task is done: its result stays here.
    pub(super) fn computed(&mut self, run: Run) {
        if self.running(run).is_none() {
            return;
        }
        if let Some(later) = self.stuck_until(self.workers[run.worker].host).filter(|_| self.is_paused(run.worker)) {
            return self.queue.at(later, Happening::Computed(run));
        }
        let value = self.end_run(run).map_or(0, |row| row.value);
        if self.chance(self.faults.transient) {
            self.answer_failure(run, FailureKind::Transient);
            return self.start_next(run.worker);
        }
        let (job, index) = self.job_of(run.worker, run.task);
        let plan = &self.jobs[job].plan;
        let (result_bytes, result_rows) = (plan.cost(index).result_bytes, plan.rows(index));
        self.keep(run.worker, run.task, Held { value, bytes: result_bytes });
        let runs = &mut self.jobs[job].runs[index as usize];
        *runs = runs.saturating_add(1);
        self.tally.runs += 1;
        let (worker, Run { task, attempt, .. }) = (WorkerId(run.worker as u32 + 1), run);
        self.say(run.worker, Event::TaskFinished { worker, task, attempt, result_bytes, result_rows });
        self.start_next(run.worker);
    }

    /// A worker has fetched a copy, or finds that it cannot.
    pub(super) fn copied(&mut self, worker: usize, (task, copy, from): (TaskId, CopyId, usize)) {
        if !self.workers[worker].alive || self.workers[worker].closed {
            return;
        }
        let there = &self.workers[from];
        let reachable = there.alive && self.hosts[there.host].is_reachable(self.queue.now());
        let id = WorkerId(worker as u32 + 1);
        match there.results.get(&task).copied().filter(|_| reachable) {
            Some(held) => {
                self.keep(worker, task, held);
                self.say(worker, Event::ResultCopied { worker: id, copy });
            }
            None => {
                let why = format!("worker {from} does not give it");
                self.say(worker, Event::CopyFailed { worker: id, copy, why });
            }
        }
    }

    fn is_paused(&self, worker: usize) -> bool {
        self.hosts[self.workers[worker].host].paused_until > self.queue.now()
    }

    fn end_run(&mut self, run: Run) -> Option<Running> {
        let running = &mut self.workers[run.worker].running;
        let position = running.iter().position(|row| row.run == run)?;
        let row = running.remove(position);
        self.tally.held += row.since.map_or(0, |since| self.queue.now() - since);
        if row.flows > 0 {
            self.stop_flows(run);
        }
        Some(row)
    }

    pub(super) fn stop_flows(&mut self, run: Run) {
        for slot in self.network.of_run(run, self.workers[run.worker].host) {
            if let Some((_, due)) = self.network.cut(self.queue.now(), slot) {
                self.expect_ends(due);
            }
        }
    }

    /// What this task reads is not to be had any more; it finds out later.
    pub(super) fn cannot_fetch(&mut self, run: Run, after: Micros) {
        let now = self.queue.now();
        let lost: BTreeSet<usize> = {
            let Some(row) = self.running(run) else { return };
            row.flows = 0;
            row.reads_from.clone()
        };
        self.stop_flows(run);
        let is_lost =
            |&holder: &usize| !self.workers[holder].alive || !self.hosts[self.workers[holder].host].is_reachable(now);
        let lost: BTreeSet<usize> = lost.into_iter().filter(is_lost).collect();
        self.queue.after(after, Happening::Unreadable(run, self.results_of(run, &lost)));
    }

    /// Inputs of a task that these workers held. Which those were, the dead do not say: all that are not elsewhere.
    fn results_of(&self, run: Run, holders: &BTreeSet<usize>) -> Vec<TaskId> {
        let (job, index) = self.job_of(run.worker, run.task);
        let first = run.task.0 - index;
        let inputs = self.jobs[job].plan.inputs(index).iter().flat_map(|input| input.first..input.first + input.count);
        let ids: BTreeSet<TaskId> = inputs.map(|input| TaskId(first + input)).collect();
        let same_master = |row: &super::world::Worker| row.master == self.workers[run.worker].master;
        let elsewhere = |id: &TaskId| {
            self.workers
                .iter()
                .enumerate()
                .any(|(other, row)| same_master(row) && !holders.contains(&other) && row.results.contains_key(id))
        };
        ids.into_iter().filter(|id| !elsewhere(id)).collect()
    }

    pub(super) fn unreadable(&mut self, run: Run, tasks: Vec<TaskId>) {
        if self.end_run(run).is_some() {
            let kind = if tasks.is_empty() { FailureKind::Transient } else { FailureKind::InputLost(tasks) };
            self.answer_failure(run, kind);
            self.start_next(run.worker);
        }
    }

    /// The job of a task that a worker has, and the task's number in it.
    pub(super) fn job_of(&self, worker: usize, task: TaskId) -> (usize, u32) {
        self.job_with(self.workers[worker].master, task)
    }

    /// The job of a task by the number that an application master gave it, and the task's number in it.
    pub(super) fn job_with(&self, master: u32, task: TaskId) -> (usize, u32) {
        let accepted = self.firsts.range((master, 0)..=(master, task.0)).next_back();
        let (&(_, first), &job) = accepted.expect("tasks_are_of_accepted_jobs");
        (job, task.0 - first)
    }
}
