//! Containers from their grant to their end.

use crate::action::Action;
use crate::event::{Capability, Grant};
use crate::exit::{ExitCause, ExitKind};
use crate::fleet::{Container, Stage};
use crate::ids::{ContainerId, HostId, RequestId, Time, WorkerId};

use super::Core;

impl Core {
    pub(super) fn registered(&mut self, maximum: Capability) {
        self.fleet.maximum = Some(maximum);
        self.wishes.containers = true;
        if let Some(message) = self.why_no_container() {
            self.fail_all_jobs(&message, super::submit::EXIT_USAGE);
        }
    }

    /// Why the cluster can never give us a container of our size.
    pub(super) fn why_no_container(&self) -> Option<String> {
        let (maximum, size) = (self.fleet.maximum?, self.config.cluster.as_ref()?.worker);
        if size.memory_mb > maximum.memory_mb {
            return Some(format!(
                "--worker-memory {} is more than the cluster's maximum container of {}: ask for less, or raise \
                 yarn.scheduler.maximum-allocation-mb and yarn.nodemanager.resource.memory-mb",
                mebibytes(size.memory_mb),
                mebibytes(maximum.memory_mb)
            ));
        }
        (size.cores > maximum.cores).then(|| {
            format!(
                "--worker-cores {} is more than the cluster's maximum container of {} cores: ask for less, or raise \
                 yarn.scheduler.maximum-allocation-vcores and yarn.nodemanager.resource.cpu-vcores",
                size.cores, maximum.cores
            )
        })
    }

    /// Say everything again that the ResourceManager may have forgotten.
    pub(super) fn resync(&mut self) {
        self.fleet.requests.tell_all_again();
        let leaving = |(container, row): (ContainerId, &Container)| row.is_leaving().then_some(container);
        for container in self.fleet.iter().filter_map(leaving).collect::<Vec<_>>() {
            self.act(Action::Release { container });
        }
        let refused: Vec<_> =
            self.hosts.iter().filter(|(_, row)| row.blacklisted).map(|(_, row)| row.name.clone()).collect();
        if !refused.is_empty() {
            self.act(Action::Blacklist { hosts: refused });
        }
        self.wishes.containers = true;
    }

    pub(super) fn containers_granted(&mut self, grants: Vec<Grant>) {
        for grant in grants {
            if self.fleet.get(grant.container).is_some() {
                continue;
            }
            let host = self.hosts.intern(&grant.host);
            match self.match_request(grant.request, host) {
                Some(request) if !self.hosts[host].blacklisted => {
                    self.take_container(grant.container, host, request);
                }
                refused => {
                    // The ResourceManager takes the request for answered: if need be, another one is opened.
                    refused.and_then(|request| self.close_request(request));
                    self.add_container(grant.container, host, None, Stage::Leaving { since: self.now });
                    self.act(Action::Release { container: grant.container });
                }
            }
        }
        self.wishes.containers = true;
    }

    /// The request that a grant answers: one for its host, else the one that it names, else the one that it fits best.
    /// The ResourceManager has counted down the one that it names, or one that we cannot know.
    fn match_request(&mut self, named: Option<RequestId>, host: HostId) -> Option<RequestId> {
        let requests = &mut self.fleet.requests;
        let Some(named) = named.filter(|&request| requests.was_given(request)) else {
            requests.tell_all_again();
            return requests.match_host(host, &self.hosts);
        };
        let answered = match requests.best_for(host, named) {
            Some(exact) => exact,
            None if requests.contains(named) => named,
            None => requests.match_host(host, &self.hosts)?,
        };
        if answered != named {
            requests.tell_again(named);
        }
        Some(answered)
    }

    fn take_container(&mut self, container: ContainerId, host: HostId, request: RequestId) {
        // Before the request lets go of its host: else its tasks were everybody's for a moment.
        self.hold(host);
        let intended = self.close_request(request);
        self.fleet.first_container.get_or_insert(self.now);
        self.add_container(container, host, intended, Stage::Starting { since: self.now });
        self.act(Action::Launch { container });
    }

    fn add_container(&mut self, container: ContainerId, host: HostId, intended: Option<HostId>, stage: Stage) {
        self.fleet.insert(container, Container { host, intended, stage });
    }

    /// Close a request; the host that it was for.
    pub(super) fn close_request(&mut self, request: RequestId) -> Option<HostId> {
        let request = self.fleet.requests.close(request)?;
        if let Some(host) = request.insists_on() {
            self.unhold(host);
        }
        request.host
    }

    pub(super) fn launch_failed(&mut self, container: ContainerId, why: &str) {
        let starting = |row: &&Container| matches!(row.stage, Stage::Starting { .. });
        if let Some(host) = self.fleet.get(container).filter(starting).map(|row| row.host) {
            self.give_back(container);
            let text = format!("it could not be started ({why})");
            self.container_failed(container, host, &ExitCause { kind: ExitKind::NotStarted, text });
        }
    }

    /// A container stops serving us and becomes this.
    pub(super) fn container_leaves_service(&mut self, container: ContainerId, stage: Stage) {
        let Some(row) = self.fleet.get(container) else { return };
        let (was_live, host) = (row.is_live(), row.host);
        self.fleet.set_stage(container, stage);
        if was_live {
            self.unhold(host);
        }
        self.wishes.containers = true;
    }

    /// Release a container. Its worker, if any, was taken out before.
    fn give_back(&mut self, container: ContainerId) {
        self.container_leaves_service(container, Stage::Leaving { since: self.now });
        self.act(Action::Release { container });
    }

    /// Stop a worker and give its container back; its tasks go to others. Returns its host.
    pub(super) fn dismiss_worker(&mut self, worker: WorkerId) -> Option<(ContainerId, HostId)> {
        let row = self.remove_worker(worker)?;
        self.act(Action::StopWorker { worker });
        let container = row.container?;
        self.give_back(container);
        Some((container, row.host))
    }

    /// A worker on which everything fails is dismissed, and its container counted as failed.
    pub(super) fn replace_worker(&mut self, worker: WorkerId) {
        if let Some((container, host)) = self.dismiss_worker(worker) {
            let text = "one task after the other failed on its worker".to_owned();
            self.container_failed(container, host, &ExitCause { kind: ExitKind::Failed(1), text });
        }
    }

    pub(super) fn container_completed(&mut self, container: ContainerId, exit_status: i32, diagnostics: &str) {
        let Some(row) = self.fleet.get(container) else { return };
        let (host, stage) = (row.host, row.stage.clone());
        let cause = ExitCause::new(exit_status, diagnostics, self.worker_size());
        let left = match stage {
            Stage::Leaving { .. } => {
                self.fleet.remove(container);
                return;
            }
            Stage::Starting { .. } | Stage::Kept { .. } => None,
            Stage::Running { worker } => self.bury_worker(worker).map(|(_, left)| left),
            Stage::Gone { left, .. } => Some(left),
        };
        self.container_leaves_service(container, Stage::Leaving { since: self.now });
        self.fleet.remove(container);
        match left {
            Some(left) if cause.kind.is_counted() => {
                let text = format!("{container} on {}: {cause}", self.hosts[host].name);
                self.judge_deaths(&left.suspects, &text);
            }
            Some(left) => self.acquit(&left),
            None => {}
        }
        self.container_failed(container, host, &cause);
    }

    /// Kept containers whose workers do not come.
    fn check_kept(&mut self) {
        let limit = self.config.kept_limit;
        let is_silent = |row: &Container| matches!(row.stage, Stage::Kept { since } if self.now.since(since) >= limit);
        let rows = self.fleet.iter().filter(|(_, row)| is_silent(row));
        for (container, host) in rows.map(|(container, row)| (container, row.host)).collect::<Vec<_>>() {
            let (host, limit) = (self.hosts[host].name.clone(), limit.as_secs());
            self.note(format!(
                "{container} on {host} is of an attempt before, and its worker has not come within {limit} s: it is given back"
            ));
            self.give_back(container);
        }
    }

    /// Containers that take too long: to start, or to say why they ended.
    pub(super) fn check_containers(&mut self) {
        let Some((connect, exit)) = self.config.cluster.as_ref().map(|row| (row.connect_limit, row.exit_limit)) else {
            return;
        };
        self.check_kept();
        let late = |since: Time, limit| self.now.since(since) >= limit;
        // Should YARN never say that a container given back is over, it is forgotten all the same.
        let forgotten = |row: &Container| matches!(row.stage, Stage::Leaving { since } if late(since, connect));
        let rows = self.fleet.iter().filter(|(_, row)| forgotten(row));
        for container in rows.map(|(container, _)| container).collect::<Vec<_>>() {
            self.fleet.remove(container);
        }
        let overdue = |(container, row): (ContainerId, &Container)| match &row.stage {
            Stage::Starting { since } if late(*since, connect) => {
                let text = format!("its worker did not connect within {} s of its launch", connect.as_secs());
                Some((container, row.host, Vec::new(), text))
            }
            Stage::Gone { since, why, left } if late(*since, exit) => {
                Some((container, row.host, left.suspects.clone(), why.clone()))
            }
            Stage::Starting { .. }
            | Stage::Kept { .. }
            | Stage::Gone { .. }
            | Stage::Running { .. }
            | Stage::Leaving { .. } => None,
        };
        for (container, host, tasks, text) in self.fleet.iter().filter_map(overdue).collect::<Vec<_>>() {
            if self.finished {
                return;
            }
            self.give_back(container);
            self.judge_deaths(&tasks, &format!("{container} on {}: {text}", self.hosts[host].name));
            self.container_failed(container, host, &ExitCause { kind: ExitKind::NotStarted, text });
        }
    }
}

/// "9 GiB", or "9300 MiB" where it does not come out even.
fn mebibytes(count: u64) -> String {
    if count >= 1024 && count.is_multiple_of(1024) { format!("{} GiB", count / 1024) } else { format!("{count} MiB") }
}
