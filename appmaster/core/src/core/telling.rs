//! The story of a task, and the state of everything, for people who want to know why.

use std::fmt::Write;

use crate::ids::{JobId, TaskId, Time, WorkerId};
use crate::job::{Job, State};
use crate::story::Step;

use super::Core;

/// Bytes of a dump, at most: more is cut off, and said to be.
const LONGEST: usize = 16 << 20;
/// Lines of all tasks' stories in a dump.
const LATEST: usize = 1000;

impl Core {
    /// Something happened to a task.
    pub(super) fn tell(&mut self, task: TaskId, step: Step) {
        self.story.note(self.now, task, step);
    }

    /// What has happened to a task, as far as it is kept, and what it does now.
    pub(super) fn story_of(&self, job: JobId, index: u32) -> Option<String> {
        let row = self.jobs.get(job).filter(|row| index < row.len())?;
        let task = row.task_id(index);
        let mut text = format!("{} ({task} of the application)\n", row.task_name(index));
        for line in self.story.of(task) {
            let _ = writeln!(text, "{line}");
        }
        if self.story.forgotten() > 0 {
            let _ = writeln!(text, "{} earlier lines of all tasks are not kept", self.story.forgotten());
        }
        let _ = write!(text, "now: {}", self.explain(self.now, task));
        Some(text)
    }

    /// The state of everything, for people: containers, workers, jobs, and what has happened lately.
    pub fn dump(&self, now: Time) -> String {
        let mut text = format!("at {}.{:03} s of the application: {:?}\n", now.0 / 1000, now.0 % 1000, self.summary());
        self.dump_containers(&mut text);
        self.dump_workers(&mut text);
        for job in self.jobs.iter() {
            if text.len() > LONGEST {
                break;
            }
            self.dump_job(job, &mut text);
        }
        self.dump_shared(&mut text);
        let _ = writeln!(text, "\nlately ({} earlier lines are not kept):", self.story.forgotten());
        for line in self.story.latest(LATEST) {
            let _ = writeln!(text, "{line} ({})", line.task);
        }
        if text.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|&end| text.is_char_boundary(end)).unwrap_or_default();
            text.truncate(end);
            text.push_str("\n... cut off here\n");
        }
        text
    }

    fn dump_containers(&self, text: &mut String) {
        let waits = self.waiting_for(self.now);
        if !waits.is_empty() {
            let _ = writeln!(text, "{waits}");
        }
        let _ = writeln!(text, "\ncontainers:");
        for (container, row) in self.fleet.iter() {
            let _ = writeln!(text, "  {container} on {}: {:?}", self.hosts[row.host].name, row.stage);
        }
        for (request, row) in self.fleet.requests.iter() {
            let host = row.host.map_or_else(|| "anywhere".into(), |host| self.hosts[host].name.to_string());
            let _ = writeln!(text, "  {request} for {host}, since {} ms: {:?}", row.since.0, row.level);
        }
    }

    fn dump_workers(&self, text: &mut String) {
        let _ = writeln!(text, "\nworkers:");
        for (worker, row) in self.workers.iter() {
            let leaving = match (row.leaving, row.pressed) {
                (true, _) => ", leaving",
                (false, true) => ", short of memory",
                (false, false) => "",
            };
            let (host, threads, results) = (&self.hosts[row.host].name, row.threads, row.results);
            let _ = writeln!(text, "  {worker} on {host}: {threads} threads, {results} results{leaving}");
            for assigned in &row.assigned {
                let state = match (assigned.cancelled, assigned.waits, assigned.started) {
                    (true, _, _) => "told to stop",
                    (false, true, _) => "waits for tasks of its own",
                    (false, false, Some(_)) => "runs",
                    (false, false, None) => "queued",
                };
                let since = assigned.started.unwrap_or(assigned.sent);
                let name = self.jobs.find(assigned.task).map(|(job, index)| job.task_name(index)).unwrap_or_default();
                let _ = writeln!(
                    text,
                    "    {} attempt {}: {state} for {} ms: {name}",
                    assigned.task,
                    assigned.attempt,
                    self.now.since(since).as_millis()
                );
            }
        }
    }

    /// Tasks one after the other in the same state are one line.
    fn dump_job(&self, job: &Job, text: &mut String) {
        let about = match (job.released, job.finished) {
            (true, _) => "released",
            (false, true) => "finished",
            (false, false) => "open",
        };
        let (id, number, driver) = (job.id, job.number, job.driver);
        let _ = writeln!(text, "\n{id}, number {number} of {driver}, {about}: {} tasks {:?}", job.len(), job.counts);
        let mut first = 0;
        while first < job.len() {
            let state = self.state_words(job, first);
            let alike = (first..job.len()).take_while(|&index| self.state_words(job, index) == state).count() as u32;
            let last = first + alike - 1;
            let range = if alike == 1 { first.to_string() } else { format!("{first} to {last}") };
            let _ = writeln!(text, "  {range} (from {}): {state}", job.task_id(first));
            first += alike;
            if text.len() > LONGEST {
                return;
            }
        }
        for (&index, trouble) in &job.troubles {
            let _ = writeln!(text, "  {index} had trouble: {trouble:?}");
        }
    }

    fn state_words(&self, job: &Job, index: u32) -> String {
        let task = job.task(index);
        let class = job.class_of(index).map(|class| format!(", {class:?}")).unwrap_or_default();
        let wanted = if task.wanted { ", wanted" } else { "" };
        let state = match task.state {
            State::Idle if task.done => "done, result used up".to_owned(),
            State::Idle => "not needed".to_owned(),
            State::Sought { asked: Some(worker) } => format!("{worker} is asked for its result from before"),
            State::Sought { asked: None } => "looked for on workers that are expected".to_owned(),
            State::Waiting { missing } => format!("waits for {missing} inputs"),
            State::Ready { since } => format!("could run since {} ms", since.0),
            State::Delayed { until } => format!("tried again at {} ms", until.0),
            State::Assigned { worker } => format!("on {worker}"),
            State::Done { .. } => {
                let holders = self.all_holders(job.task_id(index)).iter().map(WorkerId::to_string).collect::<Vec<_>>();
                format!("done, on {}", holders.join(", "))
            }
            State::Skipped => "skipped".to_owned(),
            State::Away => "of another job".to_owned(),
            State::Failed => format!("failed: {}", job.failures.get(&index).map_or_else(String::new, |row| row.text())),
        };
        format!("{state}{class}{wanted}")
    }

    fn dump_shared(&self, text: &mut String) {
        let drivers: Vec<String> = self.drivers.iter().map(|driver| driver.to_string()).collect();
        let _ = writeln!(text, "\ndrivers: {}", drivers.join(", "));
        let _ = writeln!(text, "datasets: {}", self.datasets.names().join(", "));
        for (task, row) in self.copies.iter() {
            let _ = writeln!(text, "copies of the result of {task}: {row:?}");
        }
    }
}
