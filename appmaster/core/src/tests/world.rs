//! A simulated world round the core: YARN, workers that finish, fail and die, drivers that come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::deaths::Deaths;
use super::manager::{Manager, SimStage};
use super::rng::Rng;
use super::takeover::{Former, FormerTask};
use super::watch::SimJob;
use super::{script, show};
use crate::core::invariants;
use crate::{
    Answer, Capability, ClusterConfig, Config, ContainerId, CopyId, Core, DatasetEntry, DriverId, Event, FailureKind,
    Graph, HostNames, InputRange, JobId, Placing, Question, SHARED_JOBS, Speculation, TaskFailure, TaskId, TaskOptions,
    TaskRequest, TaskSet, Time, WorkerId,
};

/// A task on a worker.
#[derive(Clone, Copy, Debug)]
pub struct SimTask {
    pub task: TaskId,
    pub attempt: u32,
    pub cancelled: bool,
    /// Has it waited for others, and so perhaps let one more in?
    pub has_waited: bool,
}

/// A worker, or what the core still takes for one.
#[derive(Debug)]
pub struct SimWorker {
    pub container: Option<ContainerId>,
    pub threads: u32,
    pub tasks: Vec<SimTask>,
    pub results: BTreeSet<TaskId>,
    /// What it is to fetch, and from whom.
    pub copies: Vec<(CopyId, TaskId, WorkerId)>,
    /// Results of former application masters, and those of them that it was asked for.
    pub former: BTreeSet<FormerTask>,
    pub adopting: Vec<(FormerTask, TaskId)>,
    pub dead: bool,
    /// Has the core yet to hear of its death?
    pub gone_pending: bool,
}

/// The world.
#[derive(Debug)]
pub struct World {
    pub rng: Rng,
    pub core: Core,
    pub config: Config,
    pub former: Former,
    pub manager: Manager,
    pub workers: BTreeMap<WorkerId, SimWorker>,
    pub jobs: BTreeMap<JobId, SimJob>,
    pub drivers: BTreeSet<DriverId>,
    /// Results of others that drivers have.
    pub shared: BTreeSet<(DriverId, JobId, u32)>,
    /// Datasets that were asked for.
    pub datasets: BTreeSet<String>,
    /// Tasks that were to be run to their end, and how many failures of such were noted.
    pub errands: BTreeSet<(JobId, u32)>,
    pub failed_errands: usize,
    /// The last answer.
    pub answered: Option<Answer>,
    pub questions: u32,
    pub attempts: BTreeSet<(TaskId, u32)>,
    pub deaths: Deaths,
    pub finished: bool,
    pub resynced: bool,
    pub prefetch: u32,
    pub most_workers: u32,
    pub warm_workers: u32,
    pub local: bool,
    pub now: u64,
    next_worker: u32,
    next_driver: u32,
    script: Vec<String>,
    seed: u64,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!(
                "# seed {} failed; as a file of src/tests/scripts this replays it:\n{}",
                self.seed,
                self.script.join("\n")
            );
        }
    }
}

fn settings(rng: &mut Rng, local: bool) -> Config {
    let workers = if rng.chance(50) { Some(1 + rng.below(5) as u32) } else { None };
    let cluster = ClusterConfig {
        worker: Capability { memory_mb: 2048, cores: 2 },
        workers,
        default_limit: 4,
        name_hosts: !rng.chance(10),
        adaptive: workers.is_some() && rng.chance(50),
        keep_workers: rng.below(4) as u32,
        warm_workers: rng.below(6).saturating_sub(3) as u32,
        release_idle_after: Duration::from_millis(rng.below(3000)),
        connect_limit: Duration::from_secs(5),
        ..ClusterConfig::default()
    };
    Config {
        cluster: (!local).then_some(cluster),
        prefetch: rng.below(3) as u32,
        resources: vec![("GPU".into(), 2000)],
        speculation: rng
            .chance(60)
            .then(|| Speculation { factor: 0.5 + rng.below(3) as f64, least: Duration::from_millis(rng.below(600)) }),
        idle_limit: Some(Duration::from_secs(60)),
        former_wait: Duration::from_millis(rng.below(4000)),
        former_workers: rng.below(3) as u32,
        former_limit: Duration::from_millis(rng.below(8000)),
        kept_limit: Duration::from_millis(500 + rng.below(5000)),
        ..Config::default()
    }
}

/// Single results and ranges of them, in any order, some of them twice.
fn inputs(rng: &mut Rng, before: u32) -> Vec<InputRange> {
    let one = |first| InputRange { first, count: 1, ..InputRange::default() };
    let mut inputs: Vec<_> = (0..before).filter(|_| rng.chance(25)).map(one).collect();
    if before > 0 && rng.chance(40) {
        let first = rng.below(u64::from(before)) as u32;
        let count = rng.below(u64::from(before - first) + 1) as u32;
        inputs.push(InputRange { first, count, part: rng.below(3) as u32, job: None });
    }
    inputs
}

/// Results of earlier jobs, one by one and all that come one after the other.
fn inputs_of_others(rng: &mut Rng, others: &[Other]) -> Vec<InputRange> {
    let mut inputs = Vec::new();
    for (job, tasks) in others {
        if let Some(first) = rng.pick(tasks).filter(|_| rng.chance(40)) {
            let following = || (first..).take_while(|task| tasks.contains(task)).count() as u32;
            let count = if rng.chance(50) { following() } else { 1 };
            inputs.push(InputRange { job: Some(*job), first, count, part: rng.below(2) as u32 });
        }
    }
    inputs
}

/// The number of an earlier job, and those of its tasks that may be read.
type Other = (u32, Vec<u32>);

impl World {
    /// The world of this seed, with nothing begun.
    pub fn new(seed: u64) -> World {
        let mut rng = Rng::new(seed);
        let local = rng.chance(15);
        let config = settings(&mut rng, local);
        let most_workers = config.cluster.as_ref().map_or(0, ClusterConfig::most_workers);
        let warm_workers = config.cluster.as_ref().map_or(0, |cluster| cluster.warm_workers.min(most_workers));
        let mut world = World {
            manager: Manager::new(1 + rng.below(5)),
            rng,
            prefetch: config.prefetch,
            script: vec![script::show_settings(&config)],
            core: Core::new(config.clone()),
            config,
            former: Former { master: 1, ..Former::default() },
            workers: BTreeMap::new(),
            jobs: BTreeMap::new(),
            drivers: BTreeSet::new(),
            shared: BTreeSet::new(),
            datasets: BTreeSet::new(),
            errands: BTreeSet::new(),
            failed_errands: 0,
            answered: None,
            questions: 0,
            attempts: BTreeSet::new(),
            deaths: Deaths::default(),
            finished: false,
            resynced: false,
            most_workers,
            warm_workers,
            local,
            now: 0,
            next_worker: 0,
            next_driver: 0,
            seed,
        };
        if !local {
            let nodes = world.manager.node_report();
            world.send(nodes);
            if world.rng.chance(50) {
                let places = (0..world.rng.below(4)).map(|host| (format!("w{host}"), 1 + host as u32)).collect();
                let tasks = world.rng.below(9) as u32;
                world.send(Event::WorkExpected { tasks, places });
            }
            world.send(Event::Registered { maximum: Capability { memory_mb: 4096, cores: 4 } });
        }
        world
    }

    /// Let something happen, and see what the core does.
    pub fn send(&mut self, event: Event) {
        self.note(&show::event(&event));
        let tick = event == Event::Tick;
        self.deaths.hear(&event);
        let mut actions = Vec::new();
        self.core.handle(Time(self.now), event, &mut actions);
        for action in &actions {
            self.watch(action);
        }
        invariants::check(&self.core);
        self.check();
        if tick {
            self.check_need();
        }
    }

    /// A line of the script.
    pub fn note(&mut self, line: &str) {
        self.script.push(format!("{} {line}", self.now));
    }

    /// What the driver knows of a job.
    pub fn job(&mut self, job: JobId) -> &mut SimJob {
        self.jobs.get_mut(&job).expect("jobs_are_known")
    }

    /// So much time passes.
    pub fn pass(&mut self, millis: u64) {
        self.now += millis;
        self.send(Event::Tick);
    }

    pub fn connect_driver(&mut self) {
        self.join_driver();
    }

    /// A driver connects, be it a new one or not.
    pub fn join_driver(&mut self) -> DriverId {
        self.next_driver += 1;
        let driver = DriverId(self.next_driver);
        self.drivers.insert(driver);
        self.send(Event::DriverConnected { driver });
        driver
    }

    pub fn disconnect_driver(&mut self, driver: DriverId) {
        self.drivers.remove(&driver);
        self.shared.retain(|&(other, _, _)| other != driver);
        for job in self.jobs.values_mut().filter(|job| job.driver == Some(driver)) {
            job.released = true;
            job.announced.clear();
        }
        self.send(Event::DriverDisconnected { driver });
    }

    /// A driver publishes some results, its own or not, opens a dataset, gives up what it has opened, or ends a dataset.
    pub fn share(&mut self, driver: DriverId) {
        self.questions += 1;
        let (request, name) = (self.questions, format!("set{}", self.rng.below(3)));
        let question = match self.rng.below(12) {
            0..4 => {
                let jobs: Vec<JobId> = self.jobs.keys().copied().collect();
                let Some(job) = self.rng.pick(&jobs) else { return };
                let entry = |index| DatasetEntry { job, index, key: Default::default() };
                let entries = self.some_of(job).into_iter().map(entry).collect();
                self.datasets.insert(name.clone());
                Question::Publish { name, kind: "sim".into(), entries }
            }
            4..7 => Question::Open { name },
            7 => Question::Unpublish { name },
            8..10 => return self.detach(driver, request),
            _ => {
                let shared: Vec<_> = self.shared.iter().filter(|(other, _, _)| *other == driver).copied().collect();
                if let Some((_, job, index)) = self.rng.pick(&shared) {
                    self.shared.remove(&(driver, job, index));
                    self.send(Event::SharesReleased { driver, job, indexes: vec![index] });
                }
                return;
            }
        };
        self.send(Event::Asked { driver, request, question });
    }

    /// A driver wants some tasks, its own or not, to be run to their end.
    fn detach(&mut self, driver: DriverId, request: u32) {
        let jobs: Vec<JobId> = self.jobs.keys().copied().collect();
        let Some(job) = self.rng.pick(&jobs) else { return };
        let tasks: Vec<_> = self.some_of(job).into_iter().map(|index| (job, index)).collect();
        let failed = &self.jobs[&job].failed;
        let open: Vec<_> = tasks.iter().filter(|(_, index)| !failed.contains(index)).copied().collect();
        self.answered = None;
        self.send(Event::Asked { driver, request, question: Question::Detach { tasks } });
        if self.answered == Some(Answer::Done) {
            self.errands.extend(open);
        }
    }

    /// Tasks that were to be run to their end, and are not done.
    pub fn undone_errands(&self) -> Vec<(JobId, u32)> {
        let undone = self.errands.iter().filter(|(job, index)| !self.jobs[job].done.contains(index));
        undone.copied().collect()
    }

    pub fn submit(&mut self, driver: DriverId) {
        let job = JobId(self.jobs.len() as u32 + 1);
        let graph = Graph { number: job.0, ..self.graph(driver) };
        let (original, driver_of_it) = (graph.clone(), Some(driver));
        self.jobs.insert(job, SimJob { driver: driver_of_it, graph: graph.clone(), original, ..SimJob::default() });
        self.send(Event::JobSubmitted { driver, job, graph });
    }

    /// The driver has all that it wants of a job.
    pub fn release(&mut self, job: JobId) {
        let row = self.job(job);
        row.released = true;
        row.announced.clear();
        self.send(Event::JobReleased { job });
    }

    /// The driver wants some results of an independent job no more.
    pub fn release_some(&mut self, job: JobId) {
        let indexes = self.some_of(job);
        let row = self.job(job);
        if row.graph.independent {
            row.given_up.extend(&indexes);
            row.announced.retain(|index, _| !indexes.contains(index));
        }
        self.send(Event::ResultsReleased { job, indexes });
    }

    /// The driver wants some tasks of an independent job to end; now and then of another one.
    pub fn cancel_some(&mut self, job: JobId) {
        let indexes = self.some_of(job);
        self.send(Event::TasksCancelled { job, indexes });
    }

    fn some_of(&mut self, job: JobId) -> Vec<u32> {
        let wanted = self.jobs[&job].original.wanted.clone();
        wanted.into_iter().filter(|_| self.rng.chance(40)).collect()
    }

    /// The driver cannot fetch one of the results that it was told of; now and then it asked somebody else.
    pub fn cannot_read(&mut self, job: JobId) {
        let announced: Vec<_> =
            self.jobs[&job].announced.iter().map(|(&index, &(_, holder))| (index, holder)).collect();
        let Some((index, holder)) = self.rng.pick(&announced) else { return };
        let holder = if self.rng.chance(80) { holder } else { WorkerId(holder.0 + 1) };
        self.send(Event::ResultUnreadable { job, index, workers: vec![holder], why: "sim".into() });
    }

    /// Scans with places, and sometimes stages above them.
    fn graph(&mut self, driver: DriverId) -> Graph {
        let others = self.others(driver);
        let scans = self.rng.below(12) as u32;
        let independent = self.rng.chance(35);
        let mut hosts = HostNames::default();
        let first = self.task_set("scan", (scans, 0), &[], &mut hosts);
        let mut graph = Graph { sets: vec![first], independent, ..Graph::default() };
        let mut count = scans;
        for _ in 0..self.rng.below(3) {
            let size = 1 + self.rng.below(3) as u32;
            let set = self.task_set("stage", (size, count), &others, &mut hosts);
            graph.sets.push(set);
            count += size;
        }
        graph.hosts = hosts;
        // Now and then it asks for both, and is refused.
        if independent && !self.rng.chance(3) {
            graph.sets.iter_mut().for_each(|set| set.rows_wanted = None);
        }
        // Now and then the driver wants what may be skipped, and is refused.
        let strict = !self.rng.chance(5);
        let may_be_skipped = |task| {
            strict && graph.sets_with_tasks().any(|(set, tasks)| set.rows_wanted > Some(0) && tasks.contains(&task))
        };
        graph.wanted = (0..count).filter(|&task| !may_be_skipped(task) && self.rng.chance(30)).collect();
        graph
    }

    /// What a job of this driver may read of others. Now and then it reads what it may not.
    fn others(&mut self, driver: DriverId) -> Vec<Other> {
        if self.rng.chance(4) {
            let any = self.rng.below(self.jobs.len() as u64 + 2) as u32;
            return vec![(any, vec![0, self.rng.below(6) as u32])];
        }
        let readable = |job: &&SimJob| job.driver == Some(driver) && !job.over && !job.released;
        let mut shared: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for &(_, job, index) in self.shared.iter().filter(|(other, _, _)| *other == driver) {
            shared.entry(SHARED_JOBS + job.0).or_default().push(index);
        }
        let rows = self.jobs.iter().filter(|(_, job)| readable(job));
        let wanted = |job: &SimJob| {
            job.graph.wanted.iter().copied().filter(|index| !job.given_up.contains(index)).collect::<Vec<_>>()
        };
        rows.map(|(id, job)| (id.0, wanted(job))).chain(shared).collect()
    }

    /// So many tasks, after so many others.
    fn task_set(&mut self, name: &str, (size, before): (u32, u32), others: &[Other], hosts: &mut HostNames) -> TaskSet {
        let nodes = self.manager.nodes.len() as u64 + 1;
        let mut task = |rng: &mut Rng| TaskRequest {
            places: (0..rng.below(4))
                .map(|_| hosts.number(&format!("{}{}", ["w", "10.0.0."][rng.below(2) as usize], rng.below(nodes))))
                .collect(),
            input_bytes: rng.below(1000),
            inputs: [inputs_of_others(rng, others), inputs(rng, before)].concat(),
        };
        let mut tasks: Vec<TaskRequest> = (0..size).map(|_| task(&mut self.rng)).collect();
        if before > 0 && self.rng.chance(50) {
            let first = self.rng.below(u64::from(before)) as u32;
            let shuffled = InputRange { first, count: before - first, part: 0, job: None };
            for (part, task) in (0..).zip(&mut tasks) {
                task.inputs.push(InputRange { part, ..shuffled });
            }
        }
        let rows_wanted = self.rng.chance(35).then(|| self.rng.below(7));
        TaskSet { name: name.into(), tasks, rows_wanted, options: self.options() }
    }

    /// Most tasks are usual ones.
    fn options(&mut self) -> TaskOptions {
        let mut options = TaskOptions::default();
        if self.rng.chance(70) {
            return options;
        }
        options.priority = self.rng.below(4) as i32 - 1;
        options.generation = self.rng.below(2) as u32;
        options.retries = self.rng.below(3) as u32;
        options.no_speculation = self.rng.chance(30);
        options.isolatable = self.rng.chance(60);
        if self.rng.chance(30) {
            options.resources.push(("GPU".into(), self.rng.below(2200)));
        }
        if self.rng.chance(30) {
            // Now and then what cannot be.
            options.expected_time = Some(Duration::from_micros(self.rng.below(40) * self.rng.below(100_000)));
            options.expected_size = self.rng.chance(50).then(|| 1 + (1 << self.rng.below(40)));
        }
        if self.rng.chance(30) {
            let hosts = if self.local { vec!["localhost".into(), "w9".into()] } else { self.some_hosts() };
            options.only_on = hosts;
        }
        options
    }

    fn some_hosts(&mut self) -> Vec<String> {
        let nodes = self.manager.nodes.len() as u64 + 1;
        (0..1 + self.rng.below(2)).map(|_| format!("w{}", self.rng.below(nodes))).collect()
    }

    /// One of a worker's running tasks begins to wait for others, or goes on.
    pub fn turn_waiting(&mut self, worker: WorkerId) {
        let Some(row) = self.workers.get(&worker) else { return };
        let running = &row.tasks[..row.tasks.len().min(row.threads as usize)];
        let Some(SimTask { task, attempt, .. }) = self.rng.pick(running) else { return };
        let waits = self.rng.chance(50);
        let rows = self.workers.get_mut(&worker).map(|row| &mut row.tasks);
        rows.into_iter().flatten().filter(|row| row.task == task).for_each(|row| row.has_waited = true);
        self.send(Event::TaskWaits { worker, task, attempt, waits });
    }

    /// A process starts in a container (or, in local mode, just so) and connects.
    pub fn connect_worker(&mut self, container: Option<ContainerId>) {
        let threads = 1 + self.rng.below(3) as u32;
        let row = SimWorker {
            container,
            threads,
            tasks: Vec::new(),
            results: BTreeSet::new(),
            former: BTreeSet::new(),
            adopting: Vec::new(),
            copies: Vec::new(),
            dead: false,
            gone_pending: false,
        };
        self.join_worker(row);
    }

    /// A process connects, be it a new one or not.
    pub fn join_worker(&mut self, row: SimWorker) -> WorkerId {
        self.next_worker += 1;
        let worker = WorkerId(self.next_worker);
        let (container, threads) = (row.container, row.threads);
        let host = match container.and_then(|id| self.manager.containers.get_mut(&id)) {
            Some(row) => {
                row.stage = SimStage::Connected;
                self.manager.nodes[row.node].host.clone()
            }
            None => "localhost".into(),
        };
        self.workers.insert(worker, row);
        self.send(Event::WorkerConnected { worker, container, host, threads });
        worker
    }

    /// Workers that answer.
    pub fn live_workers(&self) -> Vec<WorkerId> {
        self.workers.iter().filter(|(_, row)| !row.dead).map(|(&id, _)| id).collect()
    }

    /// A worker answers for one of its running tasks.
    pub fn answer(&mut self, worker: WorkerId, faults: u64) {
        let Some(row) = self.workers.get_mut(&worker) else { return };
        let threads = row.threads as usize;
        let position = match row.tasks.iter().position(|task| task.cancelled) {
            Some(position) => position,
            None if row.tasks.is_empty() => return,
            None => self.rng.below(row.tasks.len().min(threads) as u64) as usize,
        };
        let SimTask { task, attempt, cancelled, .. } = row.tasks.remove(position);
        if cancelled && self.rng.chance(80) {
            let failure = TaskFailure { kind: FailureKind::Cancelled, message: "cancelled".into(), exit_code: 0 };
            self.send(Event::TaskFailed { worker, task, attempt, failure });
        } else if self.rng.chance(faults) {
            let failure = TaskFailure { kind: self.fault(task), message: "sim".into(), exit_code: 0 };
            self.send(Event::TaskFailed { worker, task, attempt, failure });
        } else {
            row.results.insert(task);
            let result_bytes = self.rng.below(1000);
            let result_rows = self.note_done(task);
            self.send(Event::TaskFinished { worker, task, attempt, result_bytes, result_rows });
        }
    }

    fn fault(&mut self, task: TaskId) -> FailureKind {
        match self.rng.below(20) {
            0 => FailureKind::Permanent,
            1..12 => FailureKind::Transient,
            _ => {
                // Some of them are inputs, most are not: a peer may say anything.
                let lost = (0..task.0 + 2).filter(|_| self.rng.chance(30)).map(TaskId).collect();
                FailureKind::InputLost(lost)
            }
        }
    }

    /// A worker has fetched a result that it was told to fetch, or cannot.
    pub fn answer_copy(&mut self, worker: WorkerId, faults: u64) {
        let Some(row) = self.workers.get_mut(&worker) else { return };
        if row.copies.is_empty() {
            return;
        }
        let position = self.rng.below(row.copies.len() as u64) as usize;
        let (copy, task, from) = row.copies.remove(position);
        let there = self.workers.get(&from).is_some_and(|row| !row.dead && row.results.contains(&task));
        if !there || self.rng.chance(faults) {
            return self.send(Event::CopyFailed { worker, copy, why: "sim".into() });
        }
        self.workers.get_mut(&worker).expect("a worker").results.insert(task);
        self.send(Event::ResultCopied { worker, copy });
    }

    /// A driver wants results elsewhere, or workers gone.
    pub fn place(&mut self, driver: DriverId) {
        self.questions += 1;
        let request = self.questions;
        let jobs: Vec<JobId> = self.jobs.keys().copied().collect();
        let workers: Vec<WorkerId> = self.workers.keys().copied().collect();
        let placing = match (self.rng.below(12), self.rng.pick(&jobs)) {
            (0..7, Some(job)) => {
                let results = self.some_of(job).into_iter().map(|index| (job, index)).collect();
                Placing::Replicate { results, copies: self.rng.below(5) as u32 }
            }
            (7, Some(job)) => Placing::Holders { results: vec![(job, 0), (job, 1)] },
            (8, _) => Placing::Rebalance,
            (9, _) => {
                let request = 1 + self.rng.below(u64::from(request)) as u32;
                return self.send(Event::QuestionWithdrawn { driver, request });
            }
            _ => Placing::Retire { workers: self.rng.pick(&workers).into_iter().collect() },
        };
        self.send(Event::Asked { driver, request, question: Question::Place(placing) });
    }
}
