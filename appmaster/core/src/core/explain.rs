//! What people may ask: how far a job is, and why nothing runs.

use crate::failing::Failure;
use crate::fleet::Stage;
use crate::ids::{JobId, TaskId, Time, WorkerId};
use crate::job::{Job, State};
use crate::progress::{Pace, Progress, Summary};
use crate::questions::WorkerStatus;
use crate::requests::Level;
use crate::worker::Worker;

use super::Core;

impl Core {
    /// How often the ResourceManager should be called now.
    pub fn pace(&self) -> Pace {
        let changing = self.fleet.requests.len() > 0
            || self.fleet.starting() > 0
            || self.fleet.iter().any(|(_, row)| matches!(row.stage, Stage::Gone { .. }));
        if changing { Pace::Fast } else { Pace::Slow }
    }

    /// Share of all tasks that are done, 0 to 1: what the ResourceManager shows.
    pub fn fraction_done(&self) -> f32 {
        let (done, all) = self
            .jobs
            .iter()
            .fold((0u64, 0u64), |(done, all), job| (done + u64::from(job.counts.done), all + u64::from(job.len())));
        if all == 0 { 0.0 } else { done as f32 / all as f32 }
    }

    /// The state of a job; for one that is forgotten, its last state until the next event.
    pub fn progress(&self, now: Time, job: JobId) -> Option<Progress> {
        let Some(job) = self.jobs.get(job) else { return self.ended.get(&job).cloned() };
        let counts = &job.counts;
        Some(Progress {
            tasks: job.len(),
            tasks_done: counts.done,
            tasks_skipped: counts.skipped,
            tasks_running: counts.running,
            retries: counts.retries,
            node_local: counts.node_local,
            rack_local: counts.rack_local,
            remote: counts.remote,
            first_task: counts.first_task,
            last_task: counts.last_task,
            containers_wanted: self.fleet.live() + self.fleet.requests.len() as u32,
            containers_running: self.fleet.live() - self.fleet.starting(),
            first_container: self.fleet.first_container,
            waiting_for: if counts.running > 0 || job.finished { String::new() } else { self.job_waits_for(now) },
        })
    }

    /// Why nothing of a job runs.
    fn job_waits_for(&self, now: Time) -> String {
        match self.waiting_for(now) {
            nothing if nothing.is_empty() => "waiting for the workers, which are busy with other jobs".into(),
            reason => reason,
        }
    }

    /// The application at a glance.
    pub fn summary(&self) -> Summary {
        Summary {
            jobs: self.jobs.len() as u32,
            drivers: self.drivers.len() as u32,
            workers: self.workers.len() as u32,
            containers_asked: self.fleet.requests.len() as u32,
            containers_starting: self.fleet.starting(),
            containers_failed: self.fleet.failures.total,
            idle_since: self.idle_since,
        }
    }

    /// Has the application ended? After [`crate::Action::Finish`] only stops and releases follow.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Why nothing runs, while nothing runs; else empty.
    pub fn waiting_for(&self, now: Time) -> String {
        if self.runnable() == 0 || self.workers.assigned() > 0 {
            return String::new();
        }
        if let Some(reason) = self.why_hopeless() {
            return format!("waiting for a worker: {reason}");
        }
        if !self.workers.is_empty() {
            return self.waiting_for_turn();
        }
        self.waiting_for_containers(now)
    }

    /// There are workers, and yet nothing runs.
    fn waiting_for_turn(&self) -> String {
        if self.ready_count() == 0 {
            "waiting to try failed tasks again".into()
        } else {
            format!("waiting for workers on the hosts that hold the data of {} tasks", self.ready_count())
        }
    }

    fn waiting_for_containers(&self, now: Time) -> String {
        if self.fleet.maximum.is_none() {
            return "waiting for the ResourceManager to register the application master".into();
        }
        match (self.fleet.starting(), self.fleet.requests.len()) {
            (0, 0) => "about to ask for containers".into(),
            (0, asked) => {
                let since = self.fleet.requests.iter().next().map_or(now, |(_, request)| request.since);
                let (count, seconds) = (containers(asked), now.since(since).as_secs());
                format!("waiting for {count} ({}) for {seconds} s{}", self.asked_where(), self.queue_words())
            }
            (starting, _) => format!("waiting for {} to start", containers(starting as usize)),
        }
    }

    fn asked_where(&self) -> String {
        let host_name = |request: &crate::requests::Request| match (request.host, request.level) {
            (None, _) => "anywhere".into(),
            (Some(host), Level::Host) => format!("on {}", self.hosts[host].name),
            (Some(host), Level::Rack) => format!("in the rack of {}", self.hosts[host].name),
            (Some(host), Level::Any) => format!("near {} or anywhere", self.hosts[host].name),
        };
        let mut places: Vec<String> = self.fleet.requests.iter().map(|(_, request)| host_name(request)).collect();
        places.dedup();
        if places.len() > 3 {
            places.truncate(3);
            places.push("...".into());
        }
        places.join(", ")
    }

    fn queue_words(&self) -> &'static str {
        match self.fleet.headroom {
            Some(headroom) if headroom.memory_mb < self.worker_size().memory_mb => {
                ": the queue has no room for one now (yarn queue -status shows its use)"
            }
            Some(_) | None => "",
        }
    }

    /// Was this task skipped? Then nothing that is said of it counts any more.
    pub fn is_skipped(&self, task: TaskId) -> bool {
        self.jobs.find(task).is_some_and(|(job, index)| job.task(index).state == State::Skipped)
    }

    /// What this task does now, and why it does not run if it does not.
    pub fn explain(&self, now: Time, task: TaskId) -> String {
        let Some((job, index)) = self.jobs.find(task) else { return format!("{task} belongs to no job that is known") };
        let name = job.task_name(index);
        let state = match job.task(index).state {
            State::Idle if job.task(index).done => "was done, and its result was used up".into(),
            State::Idle => "is not needed".into(),
            State::Sought { asked: Some(worker) } => format!("was done before: {worker} is asked for its result"),
            State::Sought { asked: None } => "may have been done before: workers are expected that may know".into(),
            State::Waiting { missing } => {
                format!("waits for {missing} of its inputs{}", first_missing(job, index))
            }
            State::Ready { since } => self.explain_ready(now, since, job, index),
            State::Delayed { until } => format!("failed and is tried again in {} ms", until.since(now).as_millis()),
            State::Assigned { worker } => {
                let twin = self.twins.of(task).map(|other| format!(" and {other}")).unwrap_or_default();
                format!("is on {worker}{twin}, attempt {}", job.task(index).attempt)
            }
            State::Done { bytes, .. } => {
                let holders = self.all_holders(task).iter().map(WorkerId::to_string).collect::<Vec<_>>();
                let verb = if holders.len() == 1 { "holds" } else { "hold" };
                format!("is done: {} {verb} its result of {bytes} bytes", holders.join(" and "))
            }
            State::Skipped => "is skipped: the tasks before it have enough rows".into(),
            State::Away => "belongs to another job".into(),
            State::Failed => format!("failed: {}", job.failures.get(&index).map_or_else(String::new, Failure::text)),
        };
        format!("{name} {state}")
    }

    /// What the workers have to do.
    pub(super) fn worker_statuses(&self) -> Vec<WorkerStatus> {
        let status = |(worker, row): (WorkerId, &Worker)| WorkerStatus {
            worker,
            host: self.hosts[row.host].name.to_string(),
            threads: row.threads,
            tasks: row.assigned.len() as u32,
            results: row.results,
            leaving: row.leaving,
        };
        self.workers.iter().map(status).collect()
    }

    fn explain_ready(&self, now: Time, since: Time, job: &Job, index: u32) -> String {
        let waited = now.since(since).as_millis();
        if let Some(why) = self.why_special_waits(job, index) {
            return format!("has waited {waited} ms for {why}");
        }
        let held: Vec<_> = job.places_now(index).iter().filter(|&&host| self.hosts.is_held(host)).collect();
        let names: Vec<_> = held.iter().map(|&&host| self.hosts[host].name.to_string()).collect();
        match (self.workers.is_empty(), names.is_empty()) {
            (true, _) => format!("has waited {waited} ms for a worker: {}", self.waiting_for(now)),
            (false, true) => format!("has waited {waited} ms for any free thread"),
            (false, false) => format!("has waited {waited} ms for a free thread on {}", names.join(" or ")),
        }
    }
}

/// What a waiting task lacks: how much of it, and which result comes first.
fn first_missing(job: &Job, index: u32) -> String {
    let lacking = |group: &u32| job.groups.row(*group).missing > 0;
    let Some(group) = job.groups.reads(index).iter().map(|read| read.group).find(lacking) else {
        return String::new();
    };
    let row = job.groups.row(group);
    let is_there = |member: u32| matches!(job.task(member).state, State::Done { .. } | State::Skipped);
    let Some(member) = row.members().find(|&member| !is_there(member)) else { return String::new() };
    match row.members().len() {
        1 => format!(", first for {}", job.task_name(member)),
        all => format!(", first for {} of {all} results, one of them of {}", row.missing, job.task_name(member)),
    }
}

fn containers(count: usize) -> String {
    if count == 1 { "1 container".into() } else { format!("{count} containers") }
}

#[cfg(test)]
impl Core {
    /// The open requests, for the tests' world.
    pub(crate) fn requests_open(&self) -> impl Iterator<Item = crate::ids::RequestId> {
        self.fleet.requests.iter().map(|(id, _)| id)
    }

    /// From when on containers are asked for, for the tests' world; `None` while we are not registered.
    pub(crate) fn asks_from(&self) -> Option<crate::ids::Time> {
        self.fleet.maximum.map(|_| self.fleet.not_before)
    }
}
