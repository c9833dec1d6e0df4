//! When there is nothing to do, nothing to hope for, or nothing left.

use crate::action::Action;
use crate::event::Event;
use crate::former::Former;
use crate::ids::WorkerId;

use super::Core;

impl Core {
    /// End the application: everybody is told, everything is given back.
    pub(super) fn finish(&mut self, succeeded: bool, unregister: bool, diagnostics: &str) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let reason = if diagnostics.is_empty() { "the application was ended" } else { diagnostics };
        self.end_jobs(reason);
        self.close_everything(unregister);
        self.act(Action::Finish { succeeded, unregister, diagnostics: diagnostics.to_owned() });
    }

    /// Jobs that are not done, or have tasks to run for themselves, fail; the others are merely forgotten.
    fn end_jobs(&mut self, reason: &str) {
        for job in self.jobs.ids().into_iter().rev() {
            if self.jobs.get(job).is_some_and(|row| row.finished) && self.errands_of(job).is_empty() {
                self.job_released(job);
            } else {
                self.fail_job(job, reason.to_owned(), 1);
            }
        }
    }

    /// What an attempt leaves that the ResourceManager has given up is YARN's to end, or the next attempt's.
    fn close_everything(&mut self, is_ours: bool) {
        let requests: Vec<_> = self.fleet.requests.iter().map(|(id, _)| id).collect();
        for request in requests {
            self.close_request(request);
        }
        self.tell_requests();
        for worker in self.workers.iter().map(|(worker, _)| worker).collect::<Vec<_>>() {
            if is_ours {
                self.act(Action::StopWorker { worker });
            }
        }
        self.workers.clear();
        self.copies = crate::copies::Copies::default();
        self.twins = super::speculation::Twins::default();
        self.former = Former::default();
        self.taken_back.clear();
        self.held_back.clear();
        for container in self.fleet.iter().map(|(container, _)| container).collect::<Vec<_>>() {
            if self.fleet.remove(container).is_some_and(|row| !row.is_leaving()) && is_ours {
                self.act(Action::Release { container });
            }
        }
    }

    /// The ResourceManager gave this attempt up: there is nothing to unregister.
    pub(super) fn shut_down(&mut self) {
        self.finish(false, false, "the ResourceManager ended this attempt of the application");
    }

    /// Whatever still comes is sent away.
    pub(super) fn after_the_end(&mut self, event: Event) {
        match event {
            Event::ContainersGranted { grants } => {
                self.out.extend(grants.into_iter().map(|grant| Action::Release { container: grant.container }));
            }
            Event::WorkerConnected { worker, .. } => self.act(Action::StopWorker { worker }),
            Event::JobSubmitted { job, .. } => {
                self.act(Action::JobFailed { job, message: "the application is ending".into(), exit_code: 1 });
                self.act(Action::ForgetJob { job });
            }
            Event::NodesKnown { .. }
            | Event::Registered { .. }
            | Event::WorkExpected { .. }
            | Event::HeadroomKnown { .. }
            | Event::Resync
            | Event::ShutdownByResourceManager
            | Event::ContainersKept { .. }
            | Event::ContainerLaunchFailed { .. }
            | Event::ContainerCompleted { .. }
            | Event::DriverConnected { .. }
            | Event::DriverDisconnected { .. }
            | Event::JobCancelled { .. }
            | Event::JobReleased { .. }
            | Event::ResultsReleased { .. }
            | Event::TasksCancelled { .. }
            | Event::ResultUnreadable { .. }
            | Event::Asked { .. }
            | Event::QuestionWithdrawn { .. }
            | Event::SharesReleased { .. }
            | Event::FinishRequested { .. }
            | Event::ResultsClaimed { .. }
            | Event::ResultAdopted { .. }
            | Event::WorkerGone { .. }
            | Event::TaskFinished { .. }
            | Event::TaskFailed { .. }
            | Event::WorkerPressed { .. }
            | Event::ResultCopied { .. }
            | Event::CopyFailed { .. }
            | Event::TaskWaits { .. }
            | Event::Tick => {}
        }
    }

    /// Neither driver nor job for long enough: the end.
    pub(super) fn check_idle(&mut self) {
        if !self.drivers.is_empty() || !self.jobs.is_empty() {
            self.idle_since = None;
            return;
        }
        let since = *self.idle_since.get_or_insert(self.now);
        if let Some(limit) = self.config.idle_limit.filter(|&limit| self.now.since(since) >= limit) {
            self.finish(true, true, &format!("nobody had work for {} s (--idle-timeout)", limit.as_secs()));
        }
    }

    /// Jobs for which no worker can ever come do not wait for ever. A full queue is worth waiting for.
    pub(super) fn check_hope(&mut self) {
        let Some(reason) = self.why_hopeless() else {
            self.fleet.hopeless_since = None;
            return;
        };
        let since = *self.fleet.hopeless_since.get_or_insert(self.now);
        let limit = self.config.starvation_limit;
        if self.now.since(since) >= limit {
            self.fleet.hopeless_since = None;
            self.fail_all_jobs(&format!("{reason}, and none came within {} s", limit.as_secs()), 1);
        }
    }

    /// Why there is no worker for waiting tasks and none will come, as things are.
    pub(super) fn why_hopeless(&self) -> Option<String> {
        if self.runnable() == 0 || !self.workers.is_empty() || self.fleet.live() > 0 {
            return None;
        }
        let Some(cluster) = &self.config.cluster else { return Some("no worker is connected".into()) };
        if !self.hosts.nodes_known() {
            return None;
        }
        let nodes = self.hosts.iter().filter(|(_, row)| row.offers.is_some()).count();
        let fitting = self.hosts.iter().filter(|&(host, _)| self.hosts.room(host, cluster.worker) > 0).count();
        match (nodes, fitting) {
            (0, _) => Some("the cluster has no live node (yarn node -list -all shows why)".into()),
            (_, 0) => Some(format!(
                "none of the {nodes} live nodes can hold a worker of {} MiB (yarn.nodemanager.resource.memory-mb; ask \
                 for less with --worker-memory)",
                cluster.worker.memory_mb
            )),
            (_, _) => None,
        }
    }

    /// Of workers that are too many and have nothing to do but to keep results, the one with the fewest leaves: others take
    /// them over. One at a time.
    fn release_one_with_results(&mut self, surplus: usize, after: std::time::Duration) {
        let idle = |row: &crate::worker::Worker| row.assigned.is_empty() && self.now.since(row.idle_since) >= after;
        let keeps = self.workers.iter().filter(|(_, row)| !row.leaving && row.results > 0 && idle(row));
        let fewest = keeps.map(|(worker, row)| (row.results, worker)).min();
        let staying = self.workers.iter().filter(|(_, row)| !row.leaving).count();
        let one_leaves = staying < self.workers.len();
        if let Some((_, worker)) = fewest.filter(|_| surplus > 0 && !one_leaves && staying > 1) {
            self.let_leave(worker, &format!("it has had nothing to do for {} s", after.as_secs()));
        }
    }

    /// Workers that have had nothing to do for a while are given back, except those that are to stay.
    pub(super) fn release_idle_workers(&mut self) {
        let Some(cluster) = &self.config.cluster else { return };
        // One in the wrong place makes room for one without which a task never runs.
        let is_full = self.fleet.live() >= cluster.most_workers();
        let wrong = usize::from(self.classes.len() > 0 && is_full && !self.missing_hosts().is_empty());
        let keep = cluster.keep_workers.max(cluster.warm());
        let spare = (self.fleet.live() as usize).saturating_sub(keep as usize);
        let surplus = if self.ready_count() > 0 { wrong } else { spare };
        if surplus == 0 {
            return;
        }
        let after = cluster.release_idle_after;
        let idle = |row: &crate::worker::Worker| {
            row.assigned.is_empty() && row.results == 0 && self.now.since(row.idle_since) >= after
        };
        let idle = |worker, row| idle(row) && !self.former.has(worker);
        let rows = self.workers.iter().rev().filter(|&(worker, row)| idle(worker, row));
        let idle: Vec<WorkerId> = rows.map(|(worker, _)| worker).take(surplus).collect();
        let released = idle.len();
        for worker in idle {
            self.note(format!("{worker} has had nothing to do for {} s: it is given back", after.as_secs()));
            self.dismiss_worker(worker);
        }
        self.release_one_with_results(surplus.saturating_sub(released), after);
    }
}
