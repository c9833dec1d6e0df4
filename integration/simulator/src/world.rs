//! The simulated cluster: what there is, and how time passes in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bobbin_core::{Action, Assignment, Config, ContainerId, DriverId, Event, FormerJob, TaskId, WorkerId};

use crate::Random;

use super::clock::{Happening, Letter, MILLI, Micros, Queue, Run, SECOND};
use super::faults::{Fault, Faults};
use super::manager::{Manager, SIZE};
use super::meter::Metered;
use super::network::{Due, Network};
use super::oracle::Answers;
use super::outcome::Tally;
use super::placement::Racks;
use super::plan::Plan;
use super::scenario::Scenario;

/// How often the application master's clock ticks.
const TICK: Micros = 100 * MILLI;
/// The application master calls the ResourceManager so often while something changes, and otherwise.
const FAST: Micros = 100 * MILLI;
const SLOW: Micros = SECOND;
/// A node calls the ResourceManager so often.
const NODE_CALLS: Micros = SECOND;
/// A message takes so long, and up to twice as long.
const LATENCY: Micros = 300;
/// With nothing running for so long, while there is a job, the core has forgotten something.
const PATIENCE: Micros = 240 * SECOND;
/// After the end of the application, YARN and the workers get so long to end what is left.
const LAST_WORDS: Micros = 300 * SECOND;
/// A small world is checked after every event; a large one after so many.
const SMALL: u32 = 800;

/// A host.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) down: bool,
    pub(super) cut_until: Micros,
    pub(super) paused_until: Micros,
    /// How many times longer everything takes.
    pub(super) slow: f64,
}

impl Host {
    pub(super) fn is_hurt(&self, now: Micros) -> bool {
        self.down || self.cut_until > now || self.paused_until > now
    }

    pub(super) fn is_reachable(&self, now: Micros) -> bool {
        !self.down && self.cut_until <= now
    }
}

/// A result on a worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) value: u64,
    pub(super) bytes: u64,
}

/// A task on a thread.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) run: Run,
    /// Since when it has a thread; `None` while its block is read ahead.
    pub(super) since: Option<Micros>,
    /// What is still flowing.
    pub(super) flows: u32,
    pub(super) reads_from: BTreeSet<usize>,
    pub(super) value: u64,
}

/// A worker process, dead or alive.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) container: ContainerId,
    pub(super) host: usize,
    pub(super) threads: usize,
    pub(super) alive: bool,
    /// When its process connected, and when it ended.
    pub(super) since: Micros,
    pub(super) until: Option<Micros>,
    /// Does the core take it for a worker?
    pub(super) known: bool,
    /// The application master hears nothing of it any more.
    pub(super) closed: bool,
    /// Has it lost its application master, and looks for the next one?
    pub(super) seeks: bool,
    /// The application master whose numbers its tasks and results have.
    pub(super) master: u32,
    /// Results by the numbers of those before.
    pub(super) former: BTreeMap<(u32, TaskId), Held>,
    pub(super) queue: VecDeque<Assignment>,
    pub(super) running: Vec<Running>,
    pub(super) results: BTreeMap<TaskId, Held>,
    /// Tasks that the core believes it has.
    pub(super) given: Vec<TaskId>,
    /// Messages on their way to it and from it, in order; none arrives before those that were sent before.
    pub(super) letters: VecDeque<Letter>,
    pub(super) said: VecDeque<Event>,
    pub(super) told_until: Micros,
    pub(super) heard_until: Micros,
}

impl Worker {
    /// Threads that have a task.
    pub(super) fn busy(&self) -> usize {
        self.running.iter().filter(|row| row.since.is_some()).count()
    }
}

/// A task, as seen from outside, and its latest attempt.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TaskRow {
    pub(super) attempt: u32,
    /// Who has it, as the core believes.
    pub(super) worker: Option<u32>,
    pub(super) cancelled: bool,
}

/// A job, as its driver sees it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) plan: Plan,
    pub(super) answers: Answers,
    pub(super) first: u32,
    /// How often each task has left a result.
    pub(super) runs: Vec<u8>,
    /// What it was with the application master that took it in last.
    pub(super) former: Option<FormerJob>,
    pub(super) accepted: bool,
    pub(super) finished: bool,
    pub(super) released: bool,
    pub(super) over: bool,
    pub(super) announced: BTreeMap<u32, WorkerId>,
    /// Announced results that could not be fetched; the core was told.
    pub(super) complained: BTreeSet<u32>,
    pub(super) done_at: Micros,
}

/// How far the application master is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is there, and so is the driver.
    Whole,
    /// The driver has yet to find it.
    WithoutDriver,
    /// There is none.
    Away,
}

/// The world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) queue: Queue,
    pub(super) random: Random,
    pub(super) metered: Metered,
    /// Nothing, between two events: the core's actions are put here.
    actions: Vec<Action>,
    pub(super) network: Network,
    pub(super) manager: Manager,
    pub(super) hosts: Vec<Host>,
    pub(super) workers: Vec<Worker>,
    pub(super) jobs: Vec<Job>,
    pub(super) tasks: Vec<TaskRow>,
    /// Attempts that workers have beside the latest one of their task: the worker, and whether it was told to stop.
    pub(super) others: BTreeMap<(TaskId, u32), (u32, bool)>,
    pub(super) faults: Faults,
    schedule: Vec<(Micros, Fault)>,
    pub(super) tally: Tally,
    pub(super) threads: usize,
    pub(super) prefetch: usize,
    /// Which application master is at hand, and whether it is there.
    pub(super) master: u32,
    pub(super) presence: Presence,
    pub(super) config: Config,
    /// Jobs by the application master that accepted them and by its number of their first task.
    pub(super) firsts: BTreeMap<(u32, u32), usize>,
    /// The latest process of each container.
    pub(super) processes: BTreeMap<ContainerId, usize>,
    /// Do results have values?
    pub(super) checked: bool,
    pub(super) ended: bool,
    over_since: Option<Micros>,
    pub(super) asked: Vec<bobbin_core::AskRow>,
    pub(super) released: Vec<ContainerId>,
    last_progress: Micros,
    pub(super) notes: VecDeque<String>,
    check_every: u64,
}

pub(super) const DRIVER: DriverId = DriverId(1);

impl World {
    pub(super) fn new(scenario: Scenario, seed: u64) -> World {
        let Scenario { hardware, config, plans, faults, slow_hosts, checked, .. } = scenario;
        let mut random = Random::new(seed ^ 0x5eed);
        let racks = Racks { hosts: hardware.hosts, racks: hardware.racks };
        let schedule = faults.schedule(&mut random);
        let mut network = Network::new(hardware.hosts, hardware.racks, hardware.speeds);
        let mut hosts = vec![Host { down: false, cut_until: 0, paused_until: 0, slow: 1.0 }; hardware.hosts];
        for (host, times) in slow_hosts {
            hosts[host].slow = times;
            network.slow_disk(host, times);
        }
        let tasks: u32 = plans.iter().map(Plan::len).sum();
        let small = tasks <= SMALL;
        World {
            queue: Queue::default(),
            random,
            prefetch: config.prefetch as usize,
            metered: Metered::new(config.clone()),
            master: 1,
            presence: Presence::Whole,
            config,
            actions: Vec::new(),
            network,
            manager: Manager::new(racks, hardware.slots),
            hosts,
            workers: Vec::new(),
            jobs: plans.into_iter().map(|plan| Job::new(plan, checked)).collect(),
            tasks: vec![TaskRow::default(); tasks as usize],
            others: BTreeMap::new(),
            faults,
            schedule,
            tally: Tally::default(),
            threads: hardware.threads,
            firsts: BTreeMap::new(),
            processes: BTreeMap::new(),
            checked,
            ended: false,
            over_since: None,
            asked: Vec::new(),
            released: Vec::new(),
            last_progress: 0,
            notes: VecDeque::new(),
            check_every: if small { 1 } else { u64::from(tasks) * 2 },
        }
    }

    /// From the start of the application to its end.
    pub(super) fn run(&mut self) {
        self.begin();
        let mut count = 0_u64;
        while let Some(happening) = self.queue.next() {
            let events = self.metered.events;
            self.happen(happening);
            count += 1;
            if self.metered.events > events && self.metered.events.is_multiple_of(self.check_every) {
                self.check();
            }
            if count.is_multiple_of(4096) {
                self.check_progress();
            }
            if self.over_since.is_some_and(|since| self.queue.now() > since + LAST_WORDS) {
                break;
            }
        }
        self.tally.happenings = self.queue.count();
        self.check_end();
    }

    fn begin(&mut self) {
        let report = self.manager.report(0..self.hosts.len());
        self.tell_core(report);
        self.tell_core(Event::Registered { maximum: SIZE });
        self.tell_core(Event::DriverConnected { driver: DRIVER });
        for job in 0..self.jobs.len() {
            self.queue.at(self.jobs[job].plan.at, Happening::Submit(job));
        }
        for host in 0..self.hosts.len() {
            let phase = self.random.below(NODE_CALLS);
            self.queue.at(phase, Happening::NodeCalls(host));
        }
        for (number, (at, _)) in self.schedule.clone().into_iter().enumerate() {
            self.queue.at(at, Happening::Fault(number));
        }
        self.queue.after(TICK, Happening::Tick);
        self.queue.after(FAST, Happening::Allocate);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Tick => {
                if self.presence != Presence::Away && !self.ended {
                    self.tell_core(Event::Tick);
                }
                if !self.ended {
                    self.queue.after(TICK, Happening::Tick);
                }
            }
            Happening::Allocate if self.presence == Presence::Away => self.queue.after(FAST, Happening::Allocate),
            Happening::Allocate => self.allocate(),
            Happening::NodeCalls(host) => self.node_calls(host),
            Happening::Submit(job) if self.presence == Presence::Whole => self.submit(job),
            Happening::Submit(job) => self.queue.after(FAST, Happening::Submit(job)),
            Happening::Collect(job) => self.collect(job),
            Happening::Letter(worker) => self.letter(worker),
            Happening::Said(worker) => self.said(worker),
            Happening::ProcessStarts(container) => self.process_starts(container),
            Happening::FlowEnds(flow) => self.flow_ends(flow),
            Happening::ReadAgain(run) => self.read_again(run),
            Happening::Computed(run) => self.computed(run),
            Happening::Unreadable(run, tasks) => self.unreadable(run, tasks),
            Happening::Copied { worker, task, copy, from } => self.copied(worker, (task, copy, from)),
            Happening::Silent(worker) => {
                // Back in time, or long gone.
                let (host, alive) = (self.workers[worker].host, self.workers[worker].alive);
                if !alive || self.hosts[host].is_hurt(self.queue.now()) {
                    self.silent(worker);
                }
            }
            Happening::Fault(number) => {
                if !self.ended {
                    self.fail(self.schedule[number].1);
                }
            }
            Happening::Heals(host) => self.heal(host),
            Happening::NodeExpires(host) => self.manager.lose(host),
            Happening::MasterStarts => self.master_starts(),
            Happening::DriverReturns => self.driver_returns(),
            Happening::WorkerReturns(worker) => self.worker_returns(worker),
        }
    }

    /// The application master's call: what it asks for and gives back, and what it hears.
    fn allocate(&mut self) {
        for container in std::mem::take(&mut self.released) {
            self.manager.release(container);
            if let Some(&worker) = self.processes.get(&container) {
                self.kill(worker, Some(-100));
            }
        }
        let asked = std::mem::take(&mut self.asked);
        self.manager.ask(&asked);
        for event in self.manager.allocate() {
            let again = matches!(event, Event::ContainerCompleted { .. }) && self.chance(self.faults.repeated);
            if again {
                self.tell_core(event.clone());
            }
            self.tell_core(event);
        }
        let fast = self.metered.core.pace() == bobbin_core::Pace::Fast;
        if !self.ended || !self.all_over() || !self.asked.is_empty() || !self.released.is_empty() {
            self.queue.after(if fast { FAST } else { SLOW }, Happening::Allocate);
        }
    }

    fn all_over(&self) -> bool {
        self.manager.is_quiet()
    }

    fn node_calls(&mut self, host: usize) {
        if !self.hosts[host].down && self.hosts[host].cut_until <= self.queue.now() {
            self.manager.node_calls(host);
        }
        if !self.ended || !self.all_over() {
            self.queue.after(NODE_CALLS, Happening::NodeCalls(host));
        }
    }

    /// True so many times out of a hundred.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        percent > 0 && self.random.below(100) < percent
    }

    /// Let the core take an event, and do what it wants.
    pub(super) fn tell_core(&mut self, event: Event) {
        self.heard(&event);
        let before = self.ended;
        // What is to be done may be heard of at once: that has actions of its own.
        let mut actions = std::mem::take(&mut self.actions);
        self.metered.handle(self.queue.now(), event, &mut actions);
        for action in actions.drain(..) {
            self.act(action, before);
        }
        self.actions = actions;
        if self.ended {
            self.over_since.get_or_insert(self.queue.now());
        }
    }

    /// For the next call of the ResourceManager.
    pub(super) fn ask(&mut self, rows: Vec<bobbin_core::AskRow>) {
        self.asked.extend(rows);
    }

    pub(super) fn give_back(&mut self, container: ContainerId) {
        self.released.push(container);
    }

    /// A message to a worker, behind those that were sent before.
    pub(super) fn post(&mut self, worker: usize, letter: Letter) {
        let at = (self.queue.now() + LATENCY + self.random.below(LATENCY)).max(self.workers[worker].told_until);
        self.workers[worker].told_until = at;
        self.workers[worker].letters.push_back(letter);
        self.queue.at(at, Happening::Letter(worker));
    }

    /// A message of a worker, behind those that were said before.
    pub(super) fn say(&mut self, worker: usize, event: Event) {
        let at = (self.queue.now() + LATENCY + self.random.below(LATENCY)).max(self.workers[worker].heard_until);
        self.workers[worker].heard_until = at;
        self.workers[worker].said.push_back(event);
        self.queue.at(at, Happening::Said(worker));
    }

    fn said(&mut self, worker: usize) {
        if self.workers[worker].closed {
            return;
        }
        if let Some(later) = self.stuck_until(self.workers[worker].host) {
            return self.queue.at(later, Happening::Said(worker));
        }
        let event = self.workers[worker].said.pop_front().expect("each message has its moment");
        if matches!(event, Event::WorkerGone { .. }) {
            self.workers[worker].closed = true;
        }
        if self.chance(self.faults.repeated) {
            self.tell_core(event.clone());
        }
        self.tell_core(event);
    }

    /// Until when nothing gets to or from this host, if so.
    pub(super) fn stuck_until(&self, host: usize) -> Option<Micros> {
        let until = self.hosts[host].cut_until.max(self.hosts[host].paused_until);
        (until > self.queue.now()).then_some(until)
    }

    /// A process runs, if its container still does, and connects.
    fn process_starts(&mut self, container: ContainerId) {
        let row = self.manager.container(container);
        if row.stage != super::manager::Stage::Over && !self.hosts[row.host].down {
            self.connect(container, row.host);
        }
    }

    /// A process connects; returns its row.
    pub(super) fn connect(&mut self, container: ContainerId, host: usize) -> usize {
        let worker = self.workers.len();
        self.processes.insert(container, worker);
        self.workers.push(Worker {
            container,
            host,
            threads: self.threads,
            alive: true,
            since: self.queue.now(),
            until: None,
            known: false,
            closed: false,
            seeks: false,
            master: self.master,
            former: BTreeMap::new(),
            queue: VecDeque::new(),
            running: Vec::new(),
            results: BTreeMap::new(),
            given: Vec::new(),
            letters: VecDeque::new(),
            said: VecDeque::new(),
            told_until: 0,
            heard_until: 0,
        });
        let event = Event::WorkerConnected {
            worker: WorkerId(worker as u32 + 1),
            container: Some(container),
            host: super::plan::host_name(host),
            threads: self.threads as u32,
        };
        self.say(worker, event);
        worker
    }

    /// Time that threads were there, until the last result was.
    pub(super) fn thread_time(&self) -> Micros {
        let end = self.tally.makespan;
        let span = |row: &Worker| row.until.unwrap_or(end).min(end).saturating_sub(row.since) * row.threads as u64;
        self.workers.iter().map(span).sum()
    }

    /// A worker keeps a result, or a copy of it.
    pub(super) fn keep(&mut self, worker: usize, task: TaskId, held: Held) {
        let before = self.workers[worker].results.insert(task, held);
        self.tally.kept += held.bytes;
        self.tally.kept -= before.map_or(0, |before| before.bytes);
        self.tally.most_kept = self.tally.most_kept.max(self.tally.kept);
    }

    pub(super) fn expect_ends(&mut self, due: Vec<Due>) {
        for (at, flow) in due {
            self.queue.at(at, Happening::FlowEnds(flow));
        }
    }

    /// Something of use was done.
    pub(super) fn note_progress(&mut self) {
        self.last_progress = self.queue.now();
    }

    fn check_progress(&self) {
        let waiting = self.jobs.iter().any(|job| job.accepted && !job.finished && !job.over);
        let since = self.queue.now() - self.last_progress;
        if waiting && !self.ended && since > PATIENCE {
            let why = self.metered.core.waiting_for(bobbin_core::Time(self.queue.now() / MILLI));
            panic!("every_job_gets_on: nothing was done for {} s; {why}; {:#?}", since / SECOND, self.notes);
        }
    }
}

impl Job {
    fn new(plan: Plan, checked: bool) -> Job {
        let answers = if checked { Answers::of(&plan) } else { Answers::default() };
        Job {
            runs: vec![0; plan.len() as usize],
            plan,
            answers,
            first: 0,
            former: None,
            accepted: false,
            finished: false,
            released: false,
            over: false,
            announced: BTreeMap::new(),
            complained: BTreeSet::new(),
            done_at: 0,
        }
    }
}
