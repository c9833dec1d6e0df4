//! The task that owns the core: translates inputs into events and carries actions out. It decides nothing.

mod workers;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bobbin_core::{
    Action, Answer, Audience, ContainerId, Core, DriverId, Event, JobId, Pace, SHARED_JOBS, TaskId, Time, WorkerId,
};
use bobbin_proto as wire;
use bytes::Bytes;
use hadoop_wire::names;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tracing::{debug, info, warn};

use super::containers::Containers;
use super::jobs::{Job, Jobs};
use super::orders::Orders;
use super::peers::{DriverPeer, WorkerPeer};
use super::snapshot::{JobView, Snapshot, WorkerView};
use super::{Input, Mailbox, Options, Outcome, TO_DRIVER, TO_WORKER, convert, questions};

/// Progress is told, and time passes for the core, this often while there is work.
const TICK: Duration = Duration::from_millis(100);

/// Inputs that are taken before what follows from them is sent: one wake-up and one write for all that goes to one peer.
const BATCH: usize = 64;

/// A driver that has so many messages to read is told no results: a bounded number of them waits for whoever does not read.
const BEHIND: usize = 4096;

/// Lines that the page shows.
const EVENTS: usize = 50;

pub(super) struct Actor {
    id: Arc<str>,
    master: u32,
    core: Core,
    mailbox: Option<Mailbox>,
    started: Instant,
    started_ms: u64,
    submitted_ms: u64,
    registered_ms: u64,
    workers: BTreeMap<WorkerId, WorkerPeer>,
    drivers: BTreeMap<DriverId, DriverPeer>,
    containers: Containers,
    jobs: Jobs,
    /// Numbers given so far to workers, drivers and jobs.
    numbered: (u32, u32, u32),
    /// What follows from the current inputs, in order, and is sent after them.
    orders: Orders,
    news: Vec<(DriverId, wire::ToDriver)>,
    /// What drivers need not know before the next thing that they are told, or the next tick.
    unhurried: BTreeMap<DriverId, Vec<wire::ToDriver>>,
    /// The small result of the task that is just said to be finished.
    inline: (TaskId, Bytes),
    /// Peers that broke a rule or whose queue was full: they are declared gone after the current inputs.
    stuck: Vec<Input>,
    outcome: Option<Outcome>,
    events: VecDeque<String>,
}

impl Actor {
    pub fn new(options: Options) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Actor {
            id: options.id,
            master: options.master,
            core: Core::new(options.core),
            mailbox: options.mailbox,
            started: Instant::now(),
            started_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            submitted_ms: options.submitted_ms,
            registered_ms: 0,
            workers: BTreeMap::new(),
            drivers: BTreeMap::new(),
            containers: Containers::default(),
            jobs: Jobs::default(),
            numbered: (0, 0, 0),
            orders: Orders::default(),
            news: Vec::new(),
            unhurried: BTreeMap::new(),
            inline: (TaskId(0), Bytes::new()),
            stuck: Vec::new(),
            outcome: None,
            events: VecDeque::new(),
        }
    }

    /// Runs until the core says that the application is over, or nobody can say anything to it any more.
    pub async fn run(mut self, mut inputs: mpsc::Receiver<Input>) -> Outcome {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                count = inputs.recv_many(&mut batch, BATCH) => if count == 0 {
                    return Outcome {
                        succeeded: true, unregister: true, diagnostics: "nobody needs the application any more".to_owned(),
                    };
                },
                _ = ticks.tick() => self.tick(),
            }
            for input in batch.drain(..) {
                self.take(input);
                if self.outcome.is_some() {
                    break;
                }
            }
            self.settle();
            if let Some(outcome) = self.outcome.take() {
                return self.end(outcome);
            }
        }
    }

    /// Sends what is to be sent. Whoever does not take it is declared gone, and what follows from that is sent too.
    fn settle(&mut self) {
        loop {
            self.send();
            let Some(input) = self.stuck.pop() else { return };
            self.take(input);
        }
    }

    fn send(&mut self) {
        for (worker, message) in self.orders.take() {
            let Some(peer) = self.workers.get(&worker) else { continue };
            let message = wire::ToWorker { message: Some(message) };
            // A closed queue means that its connection has ended; that is reported by whoever ran it.
            if let Err(mpsc::error::TrySendError::Full(_)) = peer.orders.try_send(message) {
                self.stuck.push(Input::WorkerLeaves(worker, "it does not take its orders".to_owned()));
            }
        }
        for (driver, mut message) in self.news.drain(..) {
            let Some(peer) = self.drivers.get(&driver) else { continue };
            if let Some(wire::to_driver::Message::ResultReady(ready)) = &mut message.message
                && peer.news.max_capacity() - peer.news.capacity() > BEHIND
            {
                ready.inline.clear();
            }
            if let Err(mpsc::error::TrySendError::Full(_)) = peer.news.try_send(message) {
                self.stuck.push(Input::DriverLeaves(driver, "it does not read its messages".to_owned()));
            }
        }
    }

    fn now(&self) -> Time {
        Time(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn tick(&mut self) {
        self.handle(Event::Tick);
        self.orders.drop_now();
        for (driver, messages) in std::mem::take(&mut self.unhurried) {
            self.news.extend(messages.into_iter().map(|message| (driver, message)));
        }
        self.tell_progress();
        if let Some(mailbox) = &self.mailbox {
            mailbox.state(self.core.pace(), self.core.fraction_done());
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Event(event) => self.handle(event),
            Input::Sighted(sightings) => sightings.into_iter().for_each(|sighting| self.containers.see(sighting)),
            Input::Registered => self.registered_ms = self.unix(self.now()),
            Input::WorkerJoins { hello, seat } => {
                let id = WorkerId(next(&mut self.numbered.0));
                let (orders, receiver) = mpsc::channel(TO_WORKER);
                // Whoever asked may have gone away meanwhile; then its connection ends and it leaves.
                let _ = seat.send((id, receiver));
                self.worker_joins(id, hello, orders);
            }
            Input::Worker(id, message) => self.hear_worker(id, message),
            Input::WorkerLeaves(id, why) => {
                self.orders.forget(id);
                if self.workers.remove(&id).is_some() {
                    self.handle(Event::WorkerGone { worker: id, why });
                }
            }
            Input::DriverJoins { hello, seat } => {
                let id = DriverId(next(&mut self.numbered.1));
                let (news, receiver) = mpsc::channel(TO_DRIVER);
                let _ = seat.send((id, receiver));
                info!(driver = id.0, name = hello.name, "driver connected");
                self.drivers.insert(id, DriverPeer::new(hello.name, news));
                self.handle(Event::DriverConnected { driver: id });
            }
            Input::Driver(id, message) => self.hear_driver(id, message),
            Input::DriverLeaves(id, why) => self.driver_leaves(id, &why),
            Input::Snapshot(reply) => {
                // Whoever asked may have gone away meanwhile.
                let _ = reply.send(self.snapshot());
            }
        }
    }

    fn driver_leaves(&mut self, id: DriverId, why: &str) {
        self.unhurried.remove(&id);
        if let Some(driver) = self.drivers.remove(&id) {
            info!(driver = id.0, name = driver.name, why, "driver left");
            self.handle(Event::DriverDisconnected { driver: id });
        }
    }

    fn hear_driver(&mut self, driver: DriverId, message: wire::FromDriver) {
        match message.message {
            Some(wire::from_driver::Message::Heartbeat(_)) => {}
            Some(wire::from_driver::Message::SubmitJob(job)) => self.submit(driver, job),
            Some(wire::from_driver::Message::CancelJob(cancel)) => {
                if let Some(job) = self.jobs.find(driver, cancel.job) {
                    self.handle(Event::JobCancelled { job });
                }
            }
            Some(wire::from_driver::Message::ReleaseJob(release)) => {
                if let Some(job) = self.jobs.release(driver, release.job) {
                    self.handle(Event::JobReleased { job });
                }
            }
            Some(wire::from_driver::Message::Ask(ask)) => self.ask(driver, ask),
            Some(wire::from_driver::Message::Withdraw(request)) => {
                self.handle(Event::QuestionWithdrawn { driver, request });
            }
            Some(wire::from_driver::Message::ReleaseResults(release)) => {
                if let Some(job) = questions::shared_job(release.job) {
                    self.handle(Event::SharesReleased { driver, job, indexes: release.tasks });
                } else if let Some(job) = self.jobs.find(driver, release.job) {
                    self.handle(Event::ResultsReleased { job, indexes: release.tasks });
                }
            }
            Some(wire::from_driver::Message::CancelTasks(cancel)) => {
                if let Some(job) = self.jobs.find(driver, cancel.job) {
                    self.handle(Event::TasksCancelled { job, indexes: cancel.tasks });
                }
            }
            Some(wire::from_driver::Message::ResultUnreadable(unreadable)) => {
                let shared = questions::shared_job(unreadable.job);
                // What could not be read of a former application master's result says nothing of ours.
                let is_ours = unreadable.master == self.master;
                if let Some(job) = shared.or_else(|| self.jobs.find(driver, unreadable.job)).filter(|_| is_ours) {
                    let workers = unreadable.workers.into_iter().map(WorkerId).collect();
                    let (index, why) = (unreadable.task, unreadable.reason);
                    self.handle(Event::ResultUnreadable { job, index, workers, why });
                }
            }
            Some(wire::from_driver::Message::Finish(finish)) => {
                let (succeeded, diagnostics) = (finish.succeeded, finish.diagnostics);
                self.handle(Event::FinishRequested { succeeded, diagnostics });
            }
            None => self.stuck.push(Input::DriverLeaves(driver, "it sent an empty message".to_owned())),
        }
    }

    fn ask(&mut self, driver: DriverId, ask: wire::Ask) {
        let request = ask.request;
        match questions::question(ask, &|number| self.jobs.find(driver, number)) {
            Ok(question) => self.handle(Event::Asked { driver, request, question }),
            Err(why) => self.answer(driver, request, Answer::Refused(why)),
        }
    }

    fn answer(&mut self, driver: DriverId, request: u32, answer: Answer) {
        let workers = &self.workers;
        let address = |worker| workers.get(&worker).map(|peer| peer.fetch_address.clone()).unwrap_or_default();
        let answer = questions::answer(request, answer, &address);
        self.tell(driver, wire::to_driver::Message::Answer(answer));
    }

    fn submit(&mut self, driver: DriverId, submitted: wire::SubmitJob) {
        let number = submitted.job;
        let refusal = if self.jobs.find(driver, number).is_some() {
            Some(format!("job {number} was submitted twice"))
        } else if number >= SHARED_JOBS {
            Some(format!("job {number} has a number of others' jobs: those from {SHARED_JOBS} on are"))
        } else {
            None
        };
        match (refusal, convert::graph(&submitted)) {
            (None, Ok(graph)) => {
                let job = JobId(next(&mut self.numbered.2));
                debug!(
                    driver = driver.0,
                    job = job.0,
                    tasks = graph.sets.iter().map(|set| set.tasks.len()).sum::<usize>(),
                    "job submitted"
                );
                self.jobs.insert(job, Job::new(driver, submitted));
                self.handle(Event::JobSubmitted { driver, job, graph });
            }
            (Some(message), _) => self.refuse(driver, number, message),
            (None, Err(error)) => self.refuse(driver, number, format!("job {number}: {error}")),
        }
    }

    fn refuse(&mut self, driver: DriverId, job: u32, message: String) {
        let failed = wire::JobFailed { job, message, exit_code: 70, summary: None, notes: HashMap::new() };
        self.tell(driver, wire::to_driver::Message::JobFailed(failed));
    }

    fn handle(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.containers.hear(&event);
        self.core.handle(self.now(), event, &mut actions);
        for action in actions {
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Ask { rows } => self.mail(|mailbox| mailbox.ask(rows)),
            Action::Blacklist { hosts } => self.mail(|mailbox| mailbox.blacklist(hosts)),
            Action::Release { container } => {
                self.containers.release(container);
                self.mail(|mailbox| mailbox.release(container));
            }
            Action::Launch { container } => self.mail(|mailbox| mailbox.launch(container)),
            Action::StopWorker { worker } => self.orders.push(worker, wire::to_worker::Message::Stop(wire::Stop {})),
            Action::JobAccepted { job, first_task } => {
                self.jobs.number_tasks(job, first_task);
                self.job_accepted(job, first_task);
            }
            Action::Assign(assignment) => self.assign(assignment),
            Action::CancelTask { worker, task, attempt } => {
                let cancel = wire::CancelTask { task: task.0, attempt };
                self.orders.push(worker, wire::to_worker::Message::CancelTask(cancel));
            }
            Action::Copy { worker, task, copy, from } => {
                let holder = self.holder(from);
                let order = wire::CopyResult { task: task.0, copy: copy.0, holder };
                self.orders.push(worker, wire::to_worker::Message::CopyResult(order));
            }
            Action::AdoptResults { worker, master, results } => {
                let (former, tasks) = results.into_iter().map(|(former, task)| (former, task.0)).unzip();
                let adopt = wire::AdoptResults { master, former, tasks };
                self.orders.push(worker, wire::to_worker::Message::AdoptResults(adopt));
            }
            Action::DropFormer { worker } => {
                self.orders.push(worker, wire::to_worker::Message::DropFormer(wire::DropFormer {}));
            }
            Action::DropResults { worker, tasks } => self.orders.drop_results(worker, tasks),
            Action::Answer { driver, request, answer } => self.answer(driver, request, answer),
            Action::ResultReady { to, job, index, task, bytes, holder } => {
                let (holders, master) = (self.holder(holder).into_iter().collect(), self.master);
                let inline = if self.inline.0 == task { self.inline.1.clone() } else { Bytes::new() };
                self.about_result(to, job, |number| {
                    let (job, result) = (number, task.0);
                    let ready = wire::ResultReady { job, task: index, bytes, result, holders, inline, master };
                    wire::to_driver::Message::ResultReady(ready)
                });
            }
            Action::ResultLost { to, job, index } => {
                if let Some(job) = self.jobs.get_mut(job) {
                    job.settled = false;
                }
                self.about_result(to, job, |number| {
                    wire::to_driver::Message::ResultLost(wire::ResultLost { job: number, task: index })
                });
            }
            Action::ResultFailed { to, job, index, message, exit_code } => self.about_result(to, job, |number| {
                let failed = wire::ResultFailed { job: number, task: index, message, exit_code };
                wire::to_driver::Message::ResultFailed(failed)
            }),
            Action::JobFinished { job } => self.job_finished(job),
            Action::JobFailed { job, message, exit_code } => self.job_failed(job, message, exit_code),
            Action::ForgetJob { job } => self.jobs.forget(job),
            Action::Finish { succeeded, unregister, diagnostics } => {
                self.outcome = Some(Outcome { succeeded, unregister, diagnostics });
            }
            Action::Note(line) => self.note(line),
        }
    }

    fn job_failed(&mut self, job: JobId, message: String, exit_code: u32) {
        let (summary, notes) = (self.progress(job), self.jobs.take_notes(job));
        self.about_job(job, |number| {
            wire::to_driver::Message::JobFailed(wire::JobFailed { job: number, message, exit_code, summary, notes })
        });
    }

    fn job_finished(&mut self, job: JobId) {
        if let Some(row) = self.jobs.get_mut(job) {
            row.settled = true;
        }
        let (summary, notes) = (self.progress(job), self.jobs.take_notes(job));
        self.about_job(job, |number| {
            wire::to_driver::Message::JobFinished(wire::JobFinished { job: number, summary, notes })
        });
    }

    /// It only matters when this application master dies: to say it alone would wake the driver for nothing.
    fn job_accepted(&mut self, job: JobId, first_task: TaskId) {
        let Some((driver, number)) = self.jobs.get(job).map(|job| (job.driver, job.number)) else { return };
        let accepted = wire::JobAccepted { job: number, master: self.master, first_result: first_task.0 };
        let message = wire::ToDriver { message: Some(wire::to_driver::Message::JobAccepted(accepted)) };
        self.unhurried.entry(driver).or_default().push(message);
    }

    fn tell(&mut self, driver: DriverId, message: wire::to_driver::Message) {
        if let Some(before) = self.unhurried.get_mut(&driver) {
            self.news.extend(before.drain(..).map(|message| (driver, message)));
        }
        self.news.push((driver, wire::ToDriver { message: Some(message) }));
    }

    fn about_job(&mut self, job: JobId, message: impl FnOnce(u32) -> wire::to_driver::Message) {
        let Some((driver, number)) = self.jobs.get(job).map(|job| (job.driver, job.number)) else { return };
        self.tell(driver, message(number));
    }

    fn about_result(&mut self, to: Audience, job: JobId, message: impl FnOnce(u32) -> wire::to_driver::Message) {
        match to {
            Audience::Owner => self.about_job(job, message),
            Audience::Sharer(driver) => self.tell(driver, message(SHARED_JOBS + job.0)),
        }
    }

    fn mail(&self, put: impl FnOnce(&Mailbox)) {
        match &self.mailbox {
            Some(mailbox) => {
                put(mailbox);
                mailbox.state(Pace::Fast, self.core.fraction_done());
            }
            None => warn!("the core wants containers where there are none"),
        }
    }

    fn note(&mut self, line: String) {
        info!("{line}");
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(line);
    }

    fn unix(&self, time: Time) -> u64 {
        self.started_ms.saturating_add(time.0)
    }

    fn progress(&self, job: JobId) -> Option<wire::Progress> {
        let progress = self.core.progress(self.now(), job)?;
        let record = self.jobs.get(job)?;
        let unix = |time: Option<Time>| time.map(|time| self.unix(time)).unwrap_or_default();
        Some(wire::Progress {
            job: record.number,
            tasks: progress.tasks,
            tasks_done: progress.tasks_done,
            tasks_skipped: progress.tasks_skipped,
            tasks_running: progress.tasks_running,
            retries: progress.retries,
            node_local: progress.node_local,
            rack_local: progress.rack_local,
            remote: progress.remote,
            containers_wanted: progress.containers_wanted,
            containers_running: progress.containers_running,
            metrics: Some(record.metrics.clone()),
            application_submitted_ms: self.submitted_ms,
            registered_ms: self.registered_ms,
            first_container_ms: unix(progress.first_container),
            first_task_ms: unix(progress.first_task),
            last_task_ms: unix(progress.last_task),
            waiting_for: progress.waiting_for,
        })
    }

    fn tell_progress(&mut self) {
        if self.jobs.is_empty() {
            return;
        }
        let told = self.jobs.iter_mut().filter(|(_, job)| !job.released && !job.settled);
        for id in told.map(|(id, _)| id).collect::<Vec<_>>() {
            let progress = self.progress(id);
            let changed = self.jobs.get_mut(id).is_some_and(|job| {
                let changed = progress.is_some() && job.told != progress;
                job.told.clone_from(&progress);
                changed
            });
            if let (true, Some(progress)) = (changed, progress) {
                self.about_job(id, |_| wire::to_driver::Message::Progress(progress));
            }
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        let (now, summary) = (self.now(), self.core.summary());
        let idle_since_ms = summary.idle_since.map(|since| self.unix(since)).unwrap_or_default();
        let core = &self.core;
        let jobs = self.jobs.iter_mut().map(|(id, job)| {
            let progress = core.progress(now, id).unwrap_or_default();
            JobView {
                id: id.0,
                name: job.names().collect::<Vec<_>>().join(", "),
                tasks: progress.tasks,
                done: progress.tasks_done,
                skipped: progress.tasks_skipped,
                running: progress.tasks_running,
                retries: progress.retries,
                node_local: progress.node_local,
                rack_local: progress.rack_local,
                remote: progress.remote,
                bytes_short_circuit: job.metrics.bytes_short_circuit,
                bytes_local_socket: job.metrics.bytes_local_socket,
                bytes_remote: job.metrics.bytes_remote,
                waiting_for: progress.waiting_for,
            }
        });
        Snapshot {
            id: self.id.to_string(),
            drivers: summary.drivers,
            started_ms: self.started_ms,
            idle_since_ms,
            containers_asked: summary.containers_asked,
            containers_starting: summary.containers_starting,
            containers_failed: summary.containers_failed,
            waiting_for: core.waiting_for(now),
            containers: self.containers.view(),
            jobs: jobs.collect(),
            workers: self.workers.iter().map(|(id, worker)| worker.view(*id)).collect::<Vec<WorkerView>>(),
            events: self.events.iter().cloned().collect(),
        }
    }

    /// Says goodbye to everybody: their queues close when the actor is dropped.
    fn end(mut self, outcome: Outcome) -> Outcome {
        info!(outcome.succeeded, outcome.diagnostics, "the application ends");
        let ids: Vec<DriverId> = self.drivers.keys().copied().collect();
        for id in ids {
            let ending = wire::ApplicationEnding { reason: outcome.diagnostics.clone() };
            self.tell(id, wire::to_driver::Message::Ending(ending));
        }
        // Of an attempt that the ResourceManager has given up, workers may be the next one's.
        let ids: Vec<WorkerId> = self.workers.keys().copied().filter(|_| outcome.unregister).collect();
        for id in ids {
            self.orders.push(id, wire::to_worker::Message::Stop(wire::Stop {}));
        }
        self.send();
        outcome
    }
}

/// The core's name of a container: YARN's own number, epoch and sequence, and the attempt, since each counts from 1.
pub(crate) fn container_number(id: &names::ContainerId) -> ContainerId {
    let attempt = u64::from(id.attempt.attempt.saturating_sub(1)) << 56;
    ContainerId(attempt | (u64::from(id.epoch) << 40 & !(0xff << 56)) | id.sequence)
}

fn next(counter: &mut u32) -> u32 {
    *counter += 1;
    *counter
}
