//! The state machine's front: one event in, actions out. The decisions are in the modules below it, each an
//! `impl Core` with one subject.

mod adopting;
mod asking;
mod containers;
mod copying;
mod datasets;
mod dispatch;
mod ending;
mod errands;
mod explain;
mod independent;
#[cfg(any(test, feature = "invariants"))]
pub(crate) mod invariants;
mod leavers;
mod leaving;
mod loss;
mod order;
mod placements;
mod plan;
mod sharing;
mod special;
mod speculation;
mod submit;
mod tasks;
mod telling;

use std::collections::{BTreeMap, BTreeSet};

use crate::action::Action;
use crate::classes::Classes;
use crate::commons::Commons;
use crate::config::Config;
use crate::copies::Copies;
use crate::event::{Capability, Event, Node};
use crate::expected::Expected;
use crate::fleet::Fleet;
use crate::former::Former;
use crate::hosts::{Hosts, Learned};
use crate::ids::{DriverId, HostId, JobId, TaskId, Time, WorkerId};
use crate::jobs::Jobs;
use crate::lineage::Effects;
use crate::pace::Paces;
use crate::progress::Progress;
use crate::questions::DatasetEntry;
use crate::story::{Step, Story};
use crate::turns::Turns;
use crate::worker::Workers;

use datasets::Datasets;
use leaving::Reaches;
use placements::Placements;
use sharing::Echoes;
use special::list;
use speculation::Twins;

/// Every decision of one application. See the crate's documentation.
#[derive(Debug)]
pub struct Core {
    config: Config,
    now: Time,
    out: Vec<Action>,
    hosts: Hosts,
    jobs: Jobs,
    /// The ready tasks that simply take their turn, and the others.
    ready: Turns,
    classes: Classes,
    /// Work that was announced; nothing once there was a job.
    expected: Option<Expected>,
    /// Tasks that may be tried again from a moment on. Entries may be stale: the task's state decides.
    delayed: BTreeSet<(Time, TaskId)>,
    workers: Workers,
    /// Workers that got nothing more than they have, for the sake of tasks that go before what they could get.
    held_back: BTreeSet<WorkerId>,
    /// Queued tasks that workers were told to give back for others, and have yet to answer.
    taken_back: BTreeSet<(WorkerId, TaskId)>,
    reaches: Reaches,
    copies: Copies,
    twins: Twins,
    /// How long calls take, by what they are called.
    paces: Paces,
    story: Story,
    placements: Placements,
    fleet: Fleet,
    drivers: BTreeSet<DriverId>,
    /// What drivers share.
    commons: Commons,
    datasets: Datasets,
    /// What workers have of application masters before us.
    former: Former,
    /// When the first event came.
    began: Option<Time>,
    wishes: Wishes,
    /// Since when there has been neither driver nor job.
    idle_since: Option<Time>,
    /// How far the jobs were that the event at hand made us forget.
    ended: BTreeMap<JobId, Progress>,
    finished: bool,
}

/// What the event at hand makes worth looking at.
#[derive(Debug, Default)]
struct Wishes {
    /// Workers that may take a task, in any order, some of them twice.
    workers: Vec<WorkerId>,
    /// Every worker may.
    all_workers: bool,
    /// There may be a task for whoever has a free thread.
    anybody: bool,
    /// Tasks of classes that have become ready.
    special: BTreeSet<TaskId>,
    /// The need for containers may have changed.
    containers: bool,
    /// Tasks that held themselves, and are over.
    errands: Vec<DatasetEntry>,
}

impl Core {
    /// A core at the start of its application.
    pub fn new(config: Config) -> Core {
        Core {
            now: Time::default(),
            out: Vec::new(),
            hosts: Hosts::default(),
            jobs: Jobs::default(),
            ready: Turns::default(),
            classes: Classes::default(),
            expected: None,
            delayed: BTreeSet::new(),
            workers: Workers::new(config.prefetch),
            held_back: BTreeSet::new(),
            taken_back: BTreeSet::new(),
            reaches: Reaches::default(),
            copies: Copies::default(),
            twins: Twins::default(),
            paces: Paces::default(),
            story: Story::default(),
            placements: Placements::default(),
            fleet: Fleet::default(),
            drivers: BTreeSet::new(),
            commons: Commons::default(),
            datasets: Datasets::default(),
            former: Former::default(),
            began: None,
            wishes: Wishes::default(),
            idle_since: None,
            ended: BTreeMap::new(),
            finished: false,
            config,
        }
    }

    /// Take one event at this moment and append what is to be done, in order.
    pub fn handle(&mut self, now: Time, event: Event, actions: &mut Vec<Action>) {
        self.now = self.now.max(now);
        self.began.get_or_insert(self.now);
        self.ended.clear();
        std::mem::swap(&mut self.out, actions);
        if self.finished {
            self.after_the_end(event);
        } else {
            self.apply(event);
            self.settle();
        }
        std::mem::swap(&mut self.out, actions);
    }

    /// Panic, with the invariant's name, if the core contradicts itself. Looks at every task: slow.
    #[cfg(feature = "invariants")]
    pub fn check_invariants(&self) {
        invariants::check(self);
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::NodesKnown { nodes } => self.nodes_known(&nodes),
            Event::Registered { maximum } => self.registered(maximum),
            Event::WorkExpected { tasks, places } => self.work_expected(tasks, &places),
            Event::HeadroomKnown { headroom } => self.headroom_known(headroom),
            Event::Resync => self.resync(),
            Event::ShutdownByResourceManager => self.shut_down(),
            Event::ContainersKept { containers } => self.containers_kept(containers),
            Event::ContainersGranted { grants } => self.containers_granted(grants),
            Event::ContainerLaunchFailed { container, why } => self.launch_failed(container, &why),
            Event::ContainerCompleted { container, exit_status, diagnostics } => {
                self.container_completed(container, exit_status, &diagnostics);
            }
            Event::DriverConnected { driver } => {
                self.drivers.insert(driver);
            }
            Event::DriverDisconnected { driver } => self.driver_disconnected(driver),
            Event::JobSubmitted { driver, job, graph } => self.job_submitted(driver, job, graph),
            Event::JobCancelled { job } => self.job_cancelled(job),
            Event::JobReleased { job } => self.job_released(job),
            Event::ResultsReleased { job, indexes } => self.results_released(job, &indexes),
            Event::TasksCancelled { job, indexes } => self.tasks_cancelled(job, &indexes),
            Event::ResultUnreadable { job, index, workers, why } => {
                self.result_unreadable((job, index), &workers, &why)
            }
            Event::Asked { driver, request, question } => self.asked((driver, request), question),
            Event::QuestionWithdrawn { driver, request } => self.question_withdrawn((driver, request)),
            Event::SharesReleased { driver, job, indexes } => self.shares_released(driver, job, &indexes),
            Event::FinishRequested { succeeded, diagnostics } => self.finish(succeeded, true, &diagnostics),
            Event::WorkerConnected { worker, container, host, threads } => {
                self.worker_connected((worker, container), &host, threads);
            }
            Event::ResultsClaimed { worker, results } => self.results_claimed(worker, &results),
            Event::ResultAdopted { worker, task, found } => self.result_adopted(worker, task, found),
            Event::WorkerGone { worker, why } => self.worker_gone(worker, &why),
            Event::TaskFinished { worker, task, attempt, result_bytes, result_rows } => {
                self.task_finished(worker, (task, attempt), result_bytes, result_rows);
            }
            Event::TaskFailed { worker, task, attempt, failure } => self.task_failed(worker, (task, attempt), failure),
            Event::WorkerPressed { worker, pressed, bytes } => self.worker_pressed(worker, pressed, bytes),
            Event::ResultCopied { worker, copy } => self.result_copied(worker, copy),
            Event::CopyFailed { worker, copy, why } => self.copy_failed(worker, copy, &why),
            Event::TaskWaits { worker, task, attempt, waits } => self.task_waits(worker, (task, attempt), waits),
            Event::Tick => self.tick(),
        }
    }

    fn tick(&mut self) {
        self.wishes.all_workers = true;
        self.wishes.containers = true;
        self.check_containers();
        self.check_hope();
        self.check_special_hope();
        self.check_questions();
        self.check_expected();
        self.check_former();
        self.release_idle_workers();
        self.let_go_of_leavers();
        self.speculate();
        self.check_idle();
    }

    /// Do what the event made worth looking at.
    fn settle(&mut self) {
        if self.finished {
            return;
        }
        self.release_errands();
        self.wake_delayed();
        self.settle_copies();
        self.dispatch();
        if std::mem::take(&mut self.wishes.containers) {
            self.plan_containers();
            self.dispatch();
        }
    }

    fn act(&mut self, action: Action) {
        self.out.push(action);
    }

    fn note(&mut self, text: String) {
        self.act(Action::Note(text));
    }

    fn nodes_known(&mut self, nodes: &[Node]) {
        let mut learned = Learned::default();
        for node in nodes {
            self.hosts.learn(node, &mut learned);
        }
        self.leave_unusable(nodes);
        if learned.moved || !learned.merged.is_empty() {
            for job in self.jobs.iter_mut() {
                job.merge_places(&learned.merged);
            }
            if let Some(expected) = &mut self.expected {
                expected.merge_places(&learned.merged);
            }
            self.classes.merge_hosts(&learned.merged);
            self.list_ready_again();
        }
        self.fleet.requests.look_again();
        self.wishes.containers = true;
    }

    /// Hosts got other numbers or racks: every list of ready tasks is made anew.
    fn list_ready_again(&mut self) {
        self.ready = Turns::default();
        self.classes.clear();
        for job in self.jobs.iter() {
            for index in job.ready_tasks() {
                list(job, index, (&mut self.ready, &mut self.classes), &self.hosts);
            }
        }
        self.wishes.all_workers = true;
    }

    fn headroom_known(&mut self, headroom: Capability) {
        let first = !std::mem::replace(&mut self.fleet.headroom_heard, true);
        if first && headroom.memory_mb == 0 {
            return;
        }
        if self.fleet.headroom.replace(headroom) != Some(headroom) {
            self.wishes.containers = true;
        }
    }

    /// Count one more container, or insisting request, on this host.
    fn hold(&mut self, host: HostId) {
        self.hosts.row_mut(host).last_news = self.now;
        if self.hosts.hold(host) {
            self.ready.host_held();
        }
    }

    /// Count one less; its tasks may become everybody's.
    fn unhold(&mut self, host: HostId) {
        if self.hosts.unhold(host) {
            self.wishes.anybody |= self.ready.host_unheld(host, &self.jobs, &self.hosts);
        }
    }

    /// Bring the lists in line with what a job's tasks became, and tell workers what to drop.
    fn carry_out(&mut self, job: JobId, effects: Effects) {
        let mut echoes = Echoes::new();
        let mut next = Some((job, effects));
        let (mut fatal, mut settled) = (Vec::new(), BTreeSet::new());
        while let Some((job, mut effects)) = next {
            self.echo(job, &effects, &mut echoes);
            fatal.extend(effects.fatal.take().map(|failure| (job, failure)));
            settled.extend(effects.settled.then_some(job));
            self.carry_out_here(job, effects);
            next = echoes.pop_front();
        }
        // Not before: a job's tasks may have become something that is yet to be said.
        for job in settled {
            self.end_if_settled(job);
        }
        // Last: what else became of their tasks is not said again when jobs are forgotten.
        for (job, failure) in fatal {
            self.fail_job(job, failure.text(), failure.exit_code);
        }
    }

    fn carry_out_here(&mut self, job: JobId, mut effects: Effects) {
        self.announce_failures(job, &effects);
        let Some(row) = self.jobs.get(job) else { return };
        let unready: Vec<TaskId> = effects.unready.iter().map(|&index| row.task_id(index)).collect();
        unready.into_iter().for_each(|task| self.unlist(task));
        let Some(row) = self.jobs.get(job) else { return };
        let dropped: Vec<_> = effects.dropped.iter().map(|&(worker, index)| (worker, row.task_id(index))).collect();
        let cancelled = effects.cancelled.iter().map(|&(worker, index)| (worker, row.task_id(index)));
        for (worker, task) in cancelled.collect::<Vec<_>>() {
            self.cancel_task(worker, task);
        }
        for &(_, index) in &effects.cancelled {
            self.cancel_twin(job, index);
        }
        // They are listed in order where that is cheapest.
        effects.ready.sort_unstable();
        // Many tasks at once are worth a look at everybody, rather than at the workers of each one's hosts.
        self.wishes.all_workers |= effects.ready.len() > self.workers.len();
        for index in effects.ready {
            self.make_ready(job, index);
        }
        self.adopt(job, &effects.adopted);
        self.drop_everywhere(dropped);
        self.no_copies_of_barren(job, &effects.barren);
    }

    /// Nobody wants these results any more, here or elsewhere.
    fn drop_everywhere(&mut self, mut dropped: Vec<(WorkerId, TaskId)>) {
        self.drop_copies_too(&mut dropped);
        self.drop_results(dropped);
    }

    /// Tell workers to drop these results, one message for each worker.
    fn drop_results(&mut self, mut dropped: Vec<(WorkerId, TaskId)>) {
        // Those of a worker stay in their order.
        dropped.sort_by_key(|&(worker, _)| worker);
        for &(worker, task) in &dropped {
            self.tell(task, Step::Dropped { worker });
        }
        for of_worker in dropped.chunk_by(|one, other| one.0 == other.0) {
            let worker = of_worker[0].0;
            if let Some(row) = self.workers.get_mut(worker) {
                row.results = row.results.saturating_sub(of_worker.len() as u32);
                let tasks = of_worker.iter().map(|&(_, task)| task).collect();
                self.act(Action::DropResults { worker, tasks });
            }
        }
    }
}
