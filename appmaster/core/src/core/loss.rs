//! Workers come and go, and what is lost with them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::action::Action;
use crate::event::Capability;
use crate::exit::{ExitCause, ExitKind};
use crate::fleet::Stage;
use crate::ids::{ContainerId, HostId, JobId, TaskId, WorkerId};
use crate::job::State;
use crate::lineage::Effects;
use crate::story::Step;
use crate::trouble::Left;
use crate::worker::Worker;

use super::Core;
use super::speculation::Standing;

/// A new worker, and its container unless this is local mode.
type Incoming = (WorkerId, Option<ContainerId>);

impl Core {
    /// A worker can take tasks, if it comes from a container that we want. There, the grant's host counts, whatever the
    /// peer says.
    pub(super) fn worker_connected(&mut self, (worker, container): Incoming, host: &str, threads: u32) {
        if self.workers.get(worker).is_some() {
            return;
        }
        let host = match container {
            None => self.config.cluster.is_none().then(|| self.hosts.intern(host)),
            Some(container) => self.container_connected(container, worker),
        };
        let Some(host) = host else {
            self.note(format!("{worker} comes from a container that we do not have: it is told to stop"));
            return self.act(Action::StopWorker { worker });
        };
        if container.is_none() {
            self.hold(host);
        }
        let worker_row = Worker::new(container, host, threads, self.now);
        let host_row = self.hosts.row_mut(host);
        host_row.threads += worker_row.threads;
        host_row.last_news = self.now;
        self.workers.insert(worker, worker_row);
        self.copies.stir_all();
        self.wishes.workers.push(worker);
        self.wishes.containers = true;
    }

    /// The container's host, if it is one of ours and waits for a worker. A process that connects again replaces
    /// itself.
    fn container_connected(&mut self, id: ContainerId, worker: WorkerId) -> Option<HostId> {
        if let Some(Stage::Running { worker: old }) = self.fleet.get(id).map(|row| row.stage.clone()) {
            self.worker_gone(old, "its process connected again");
        }
        let host = self.fleet.get(id)?.host;
        self.fleet.had_worker = true;
        match self.fleet.set_stage(id, Stage::Running { worker })? {
            Stage::Starting { since } => {
                self.fleet.slowest_start = self.fleet.slowest_start.max(self.now.since(since));
            }
            Stage::Kept { .. } | Stage::Running { .. } => {}
            Stage::Gone { why, left, .. } => {
                self.hold(host);
                let text = format!("{id} on {}: {why}", self.hosts[host].name);
                self.judge_deaths(&left.suspects, &text);
            }
            Stage::Leaving { since } => {
                self.fleet.set_stage(id, Stage::Leaving { since });
                return None;
            }
        }
        Some(host)
    }

    /// The connection to a worker is lost. In a container, YARN will say why; until then nobody is blamed.
    pub(super) fn worker_gone(&mut self, worker: WorkerId, why: &str) {
        let Some((row, left)) = self.bury_worker(worker) else { return };
        let host = self.hosts[row.host].name.clone();
        self.note(format!("{worker} on {host} is gone: {why}"));
        match row.container {
            None => {
                self.unhold(row.host);
                self.judge_deaths(&left.suspects, &format!("{worker} on {host}: {why}"));
            }
            Some(container) => {
                let stage = Stage::Gone { since: self.now, why: why.to_owned(), left };
                self.container_leaves_service(container, stage);
            }
        }
    }

    /// Take out a worker that has died: what it had is retried, each in a process of its own. Queued tasks as well, because
    /// the worker may have begun one before we heard that its thread was free.
    pub(super) fn bury_worker(&mut self, worker: WorkerId) -> Option<(Worker, Left)> {
        let (had, threads) = self.workers.get(worker).map(|row| (row.assigned.clone(), row.threads as usize))?;
        let (mut isolated, mut ran) = (Vec::new(), Vec::new());
        for (position, assigned) in had.iter().enumerate() {
            let twin = self.twins.of(assigned.task);
            let Some((job, index)) = self.jobs.find_mut(assigned.task) else { continue };
            let is_here = job.task(index).state == (State::Assigned { worker }) || twin == Some(worker);
            if assigned.vain || !is_here {
                continue;
            }
            // What was told to stop here may be innocent of this death, and suspected of another one all the same.
            if !assigned.cancelled || !job.is_isolated(index) {
                isolated.extend(job.isolate(index, worker).then_some(assigned.task));
            }
            ran.extend((position < threads).then_some((assigned, twin)));
        }
        // Where all were isolated, one of them did what its process should have kept from the worker.
        let all_isolated = ran.iter().all(|(assigned, _)| assigned.isolated);
        // A death is no news as long as another attempt runs.
        let suspects = ran.iter().filter(|(assigned, twin)| twin.is_none() && assigned.isolated == all_isolated);
        let suspects = suspects.map(|(assigned, _)| assigned.task).collect();
        Some((self.remove_worker(worker)?, Left { worker, suspects, isolated }))
    }

    /// No task was to blame for the death of this worker. Who is suspected of another one stays isolated.
    pub(super) fn acquit(&mut self, left: &Left) {
        for &task in &left.isolated {
            let Some((job, index)) = self.jobs.find_mut(task) else { continue };
            let trouble = job.troubles.get_mut(&index).filter(|trouble| trouble.deaths.is_empty());
            if let Some(trouble) = trouble {
                trouble.isolated.take_if(|worker| *worker == left.worker);
            }
        }
    }

    /// Take a worker out: its tasks go back, its results are lost.
    pub(super) fn remove_worker(&mut self, worker: WorkerId) -> Option<Worker> {
        let row = self.workers.remove(worker)?;
        self.taken_back.retain(|&(other, _)| other != worker);
        self.held_back.remove(&worker);
        // Tasks that stayed away from others may have nobody else now.
        self.wishes.all_workers = true;
        let threads = &mut self.hosts.row_mut(row.host).threads;
        *threads = threads.saturating_sub(row.threads);
        self.lose_claims_of(worker);
        self.lose_results_on(worker, &row.kept);
        for (position, assigned) in row.assigned.iter().enumerate() {
            self.tell(assigned.task, Step::WorkerGone { worker });
            if assigned.vain || self.twin_failed(worker, assigned.task, false) == Standing::OtherRuns {
                continue;
            }
            let Some((job, index)) = self.returned(worker, assigned.task) else { continue };
            if position < row.threads as usize {
                job.counts.retries += 1;
            }
            let job = job.id;
            self.requeue(job, index);
        }
        self.wishes.containers = true;
        Some(row)
    }

    /// The worker has the result of this task from now on.
    pub(super) fn keeps(&mut self, worker: WorkerId, task: TaskId) {
        let Some(row) = self.workers.get_mut(worker) else { return };
        if row.kept.len() > STALE + 2 * row.results as usize {
            let mut kept = std::mem::take(&mut row.kept);
            kept.retain(|&task| self.is_kept_on(task, worker));
            if let Some(row) = self.workers.get_mut(worker) {
                row.kept = kept;
            }
        }
        let Some(row) = self.workers.get_mut(worker) else { return };
        row.results += 1;
        row.kept.push(task);
    }

    /// Does the worker have the result of this task?
    pub(super) fn is_kept_on(&self, task: TaskId, worker: WorkerId) -> bool {
        let named = self.jobs.find(task).and_then(|(job, index)| job.result(index)).map(|(holder, _)| holder);
        named == Some(worker) || self.copies.get(task).is_some_and(|row| row.others.contains(&worker))
    }

    fn lose_results_on(&mut self, worker: WorkerId, kept: &[TaskId]) {
        let mut by_job: BTreeMap<JobId, BTreeSet<u32>> = BTreeMap::new();
        for &task in kept {
            if let Some((job, index)) = self.jobs.find(task) {
                by_job.entry(job.id).or_default().insert(index);
            }
        }
        self.copies.worker_gone(worker);
        for (id, indexes) in by_job {
            let Some(job) = self.jobs.get(id) else { continue };
            let held = |&index: &u32| job.result(index).is_some_and(|(holder, _)| holder == worker);
            let mut lost: Vec<u32> = indexes.into_iter().filter(held).collect();
            let task = |index| TaskId(job.first + index);
            if !self.copies.is_empty() {
                let tasks: Vec<(u32, TaskId)> = lost.iter().map(|&index| (index, task(index))).collect();
                lost = tasks.into_iter().filter(|&(_, task)| !self.use_copy(task)).map(|(index, _)| index).collect();
            }
            let first = self.jobs.get(id).map_or(0, |job| job.first);
            for &index in &lost {
                self.tell(TaskId(first + index), Step::Lost { worker });
            }
            self.lose_results_of(id, &lost);
        }
        self.leaver_gone(worker);
    }

    fn lose_results_of(&mut self, id: JobId, lost: &[u32]) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        let mut effects = Effects::default();
        let mut announced = Vec::new();
        for &index in lost {
            announced.extend(job.audience(index).into_iter().map(|to| (to, index)));
            job.lose(index, &mut effects);
        }
        self.out.extend(announced.into_iter().map(|(to, index)| Action::ResultLost { to, job: id, index }));
        self.carry_out(id, effects);
    }

    /// These tasks ran in a worker that died of something for which they may be to blame.
    pub(super) fn judge_deaths(&mut self, tasks: &[TaskId], cause: &str) {
        for &task in tasks {
            let Some((job, index)) = self.jobs.find_mut(task) else { continue };
            if job.task(index).done {
                continue;
            }
            let (id, name) = (job.id, job.task_name(index));
            let deaths = &mut job.troubles.entry(index).or_default().deaths;
            deaths.push(cause.to_owned());
            if deaths.len() as u32 >= self.config.worker_deaths {
                let message =
                    format!("{name} was running in {} workers that died: {}", deaths.len(), deaths.join("; "));
                self.give_task_up(id, index, message, 1);
            }
        }
    }

    /// Count a container's failure against its host and against the application.
    pub(super) fn container_failed(&mut self, container: ContainerId, host: HostId, cause: &ExitCause) {
        let text = format!("{container} on {}: {cause}", self.hosts[host].name);
        if cause.kind.blames_host() {
            self.blame_host(host);
        }
        if !cause.kind.is_counted() {
            return self.note(format!("{text}: it is replaced, and not counted"));
        }
        self.note(format!("{text}: it is replaced"));
        self.fleet.failures.add(text);
        let (failures, limit) = (self.fleet.failures.since_job, self.failure_limit());
        // Nobody waits for it, and it may succeed by the time that somebody does: it is tried on, now and then.
        let has_time = !self.jobs.is_any_open() && self.fleet.had_worker;
        if has_time && failures > limit {
            self.fleet.not_before = self.now + LEISURE;
        } else if cause.kind == ExitKind::NotStarted {
            self.fleet.not_before = self.now + start_pause(failures);
        }
        if failures > limit && !has_time {
            let causes = self.fleet.failures.last.iter().cloned().collect::<Vec<_>>().join("; ");
            let message = format!("more than {limit} containers failed, the last of them: {causes}");
            self.fail_all_jobs(&message, 1);
            self.finish(false, true, &message);
        }
    }

    fn failure_limit(&self) -> u32 {
        self.fleet.widest.saturating_mul(2).max(3)
    }

    /// After three failures ask for no more containers on a host, as long as most hosts are left.
    fn blame_host(&mut self, host: HostId) {
        const FAILURES: u32 = 3;
        let row = self.hosts.row_mut(host);
        row.failures += 1;
        if row.failures < FAILURES || row.blacklisted || !row.is_node {
            return;
        }
        let nodes = self.hosts.iter().filter(|(_, row)| row.is_node).count();
        let refused = self.hosts.iter().filter(|(_, row)| row.blacklisted).count();
        if (refused + 1) * 2 > nodes {
            return;
        }
        let row = self.hosts.row_mut(host);
        row.blacklisted = true;
        let name = row.name.clone();
        self.note(format!("{FAILURES} containers failed on {name}: no more are asked for there"));
        self.act(Action::Blacklist { hosts: vec![name] });
        self.fleet.requests.look_again();
        self.wishes.containers = true;
    }

    /// The size of our containers.
    pub(super) fn worker_size(&self) -> Capability {
        self.config.cluster.as_ref().map(|cluster| cluster.worker).unwrap_or_default()
    }
}

/// So many tasks whose results a worker keeps no more may be listed with those that it keeps, and as many as these.
const STALE: usize = 64;

/// How long to wait after each failure when there were many and nobody waits for the container.
const LEISURE: Duration = Duration::from_secs(60);

/// How long to wait after so many failures before the next container is asked for: a NameNode that restarts, say, lets no
/// container start meanwhile. The first one is replaced at once.
fn start_pause(failures: u32) -> Duration {
    match failures {
        0 | 1 => Duration::ZERO,
        _ => Duration::from_secs(1 << (failures - 1).min(3)),
    }
}
