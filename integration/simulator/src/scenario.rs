//! The scenarios: a cluster, work, and what goes wrong.

use std::time::Duration;

use bobbin_core::{ClusterConfig, Config, InputRange};

use crate::Random;

use super::clock::{MILLI, Micros, SECOND};
use super::faults::{Fault, Faults};
use super::machine::{forget_peak, thread_time};
use super::manager::SIZE;
use super::network::Speeds;
use super::placement::{Racks, Replicas};
use super::plan::{Block, Cost, Plan};

/// Every scenario, and what it shows.
pub const NAMES: [(&str, &str); 12] = [
    ("scan", "blocks, many for each thread"),
    ("groupby", "blocks, then merges of 50 in a tree"),
    ("shuffle", "every reducer reads its part of every map's result"),
    ("hot", "one file: every block is on the same three hosts"),
    ("skewed", "half of the blocks are on a tenth of the hosts, few are large"),
    ("small", "a stream of jobs of 1 to 25 blocks and a merge"),
    ("few", "containers on a tenth of the hosts"),
    ("stragglers", "one host in a hundred is ten times slower"),
    ("stale", "a tenth of the blocks have moved"),
    ("churn", "groupby, of whose workers 1 % die each minute"),
    ("restart", "groupby, whose application master is killed on the way"),
    ("random", "small random graphs while everything goes wrong"),
];

/// How large a scenario is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A fraction of a second, every invariant after every event.
    Small,
    /// Seconds.
    Usual,
    /// Minutes, and gigabytes: up to 10,000 workers and 10,000,000 tasks.
    Full,
    /// So many hosts and tasks that read blocks (or jobs, where these are many).
    Exactly {
        /// Hosts.
        hosts: usize,
        /// Tasks that read blocks.
        tasks: u32,
    },
}

/// The cluster.
#[derive(Clone, Copy, Debug)]
pub struct Hardware {
    /// Hosts.
    pub hosts: usize,
    /// Racks.
    pub racks: usize,
    /// Containers that a host can hold.
    pub slots: u32,
    /// Tasks that a worker runs at the same time.
    pub threads: usize,
    /// Speeds.
    pub speeds: Speeds,
}

/// A cluster, work, and what goes wrong.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(super) name: &'static str,
    pub(super) hardware: Hardware,
    /// Workers that are asked for.
    pub(super) workers: usize,
    pub(super) config: Config,
    pub(super) plans: Vec<Plan>,
    pub(super) faults: Faults,
    /// Hosts on which everything takes so many times longer.
    pub(super) slow_hosts: Vec<(usize, f64)>,
    /// Do results have values that are compared with a sequential run's?
    pub(super) checked: bool,
    /// The thread's CPU time when the scenario was made.
    pub(super) began: Duration,
}

const BLOCK: u64 = 128 << 20;
/// A scan's CPU time, microseconds.
const SCAN: f64 = 0.6e6;
/// A long one's.
const LONG_SCAN: f64 = 10e6;
/// Tasks that a worker runs at the same time.
const THREADS: usize = 4;

/// Makes the parts of a scenario from chance.
struct Maker {
    random: Random,
    racks: Racks,
    seed: u64,
}

impl Scenario {
    /// The scenario of this name, with what chance makes of the seed.
    pub fn new(name: &str, scale: Scale, seed: u64) -> Option<Scenario> {
        let &(name, _) = NAMES.iter().find(|known| known.0 == name)?;
        let began = thread_time();
        forget_peak();
        let (hosts, tasks) = size(name, scale);
        let workers = if name == "few" { hosts.div_ceil(10) } else { hosts };
        let racks = hosts.div_ceil(40).max(3);
        let mut maker = Maker { random: Random::new(seed), racks: Racks { hosts, racks }, seed };
        let plans = maker.plans(name, tasks);
        let faults = maker.faults(name, hosts, tasks);
        let mut config = config(workers);
        if name == "random" {
            // Chance may hit one task again and again; nobody is to blame.
            (config.task_attempts, config.worker_deaths, config.input_losses) = (1000, 1000, 1000);
        }
        let slow = hosts.div_ceil(100);
        let slow_hosts = if name == "stragglers" { (0..slow).map(|host| (host, 10.0)).collect() } else { Vec::new() };
        Some(Scenario {
            name,
            hardware: hardware(hosts, racks),
            workers,
            config,
            plans,
            faults,
            slow_hosts,
            began,
            checked: tasks <= if name == "shuffle" { 2_000 } else { 300_000 },
        })
    }
}

/// Hosts and blocks.
fn size(name: &str, scale: Scale) -> (usize, u32) {
    match (name, scale) {
        (_, Scale::Exactly { hosts, tasks }) => (hosts.max(1), tasks.max(1)),
        ("random", Scale::Small) => (8, 60),
        ("random", _) => (24, 200),
        (_, Scale::Small) => (12, 120),
        ("scan", Scale::Usual) => (400, 160_000),
        ("scan", Scale::Full) => (10_000, 10_000_000),
        ("shuffle", Scale::Usual) => (250, 1_000),
        ("shuffle", Scale::Full) => (2_500, 10_000),
        ("small", Scale::Usual) => (100, 300),
        ("small", Scale::Full) => (1_000, 3_000),
        ("few", Scale::Usual) => (1_000, 20_000),
        ("churn", Scale::Usual) => (200, 40_000),
        (_, Scale::Usual) => (100, 10_000),
        (_, Scale::Full) => (1_000, 1_000_000),
    }
}

fn hardware(hosts: usize, racks: usize) -> Hardware {
    let card = 1.25e9;
    // Uplinks carry a quarter of what the hosts of a rack can send.
    let uplink = card * hosts.div_ceil(racks) as f64 / 4.0;
    Hardware { hosts, racks, slots: 2, threads: THREADS, speeds: Speeds { disk: 1e9, card, uplink } }
}

/// As the application master sets it for so many workers.
fn config(workers: usize) -> Config {
    let count = workers as u32;
    let cluster = ClusterConfig {
        worker: SIZE,
        worker_threads: 4,
        workers: Some(count),
        default_limit: count,
        keep_workers: count,
        ..ClusterConfig::default()
    };
    Config { cluster: Some(cluster), ..Config::default() }
}

/// These consecutive results, the same part of each.
fn range(first: u32, count: u32, part: u32) -> InputRange {
    InputRange { job: None, first, count, part }
}

impl Maker {
    fn plans(&mut self, name: &str, tasks: u32) -> Vec<Plan> {
        match name {
            "groupby" => vec![self.tree(tasks, Cost { cpu: SCAN, result_bytes: 1 << 20, ..Cost::default() })],
            // Long tasks: minutes have to pass.
            "churn" | "restart" => {
                vec![self.tree(tasks, Cost { cpu: LONG_SCAN, result_bytes: 1 << 20, ..Cost::default() })]
            }
            "shuffle" => vec![self.shuffle(tasks)],
            "small" => self.small_jobs(tasks),
            "random" => self.random_jobs(tasks),
            _ => {
                let mut plan = Plan::new(0, self.seed);
                let blocks = (0..tasks).map(|_| self.block(name));
                plan.scans(blocks, Cost { cpu: SCAN, ..Cost::default() });
                vec![plan]
            }
        }
    }

    fn block(&mut self, name: &str) -> Block {
        let tenth = (self.racks.hosts / 10).max(3) as u64;
        let replicas = match name {
            "hot" => Replicas::of(&[0, 1, 2]),
            "skewed" if self.random.once_in(2) => {
                let first = self.random.below(tenth);
                Replicas::of(&[0, 1, 2].map(|next| ((first + next) % tenth) as u32))
            }
            _ => self.racks.replicas(&mut self.random, None),
        };
        let bytes = if name == "skewed" { BLOCK >> self.random.below(6) } else { BLOCK };
        let moved = name == "stale" && self.random.once_in(10);
        let told = moved.then(|| self.racks.replicas(&mut self.random, None));
        Block { bytes, replicas, told }
    }

    fn tree(&mut self, tasks: u32, scan: Cost) -> Plan {
        let mut plan = Plan::new(0, self.seed);
        let blocks = (0..tasks).map(|_| self.block(""));
        plan.scans(blocks, scan);
        let (mut first, mut count) = (0, tasks);
        while count > 1 {
            let next = plan.len();
            let starts = (first..first + count).step_by(50);
            let inputs = starts.map(|start| vec![range(start, 50.min(first + count - start), 0)]).collect();
            let merge = Cost { cpu: 0.2e6, result_bytes: 1 << 20, ..Cost::default() };
            plan.stage("merge", inputs, merge);
            (first, count) = (next, plan.len() - next);
        }
        plan.want_last(1);
        plan
    }

    fn shuffle(&mut self, tasks: u32) -> Plan {
        let mut plan = Plan::new(0, self.seed);
        let blocks = (0..tasks).map(|_| self.block(""));
        plan.scans(blocks, Cost { cpu: SCAN, result_bytes: BLOCK, parts: tasks, ..Cost::default() });
        let inputs = (0..tasks).map(|part| vec![range(0, tasks, part)]).collect();
        plan.stage("reduce", inputs, Cost { cpu: SCAN, ..Cost::default() });
        plan.want_last(tasks);
        plan
    }

    fn small_jobs(&mut self, jobs: u32) -> Vec<Plan> {
        let mut at = 0.0;
        let mut plans = Vec::new();
        for job in 0..jobs.min(3_000) {
            at += self.random.exponential(0.4e6);
            let count = self.random.between(1, 25) as u32;
            let mut plan = Plan::new(at as Micros, self.seed + u64::from(job));
            let blocks = (0..count).map(|_| self.block(""));
            plan.scans(blocks, Cost { cpu: SCAN, ..Cost::default() });
            plan.stage("merge", vec![vec![range(0, count, 0)]], Cost { cpu: 0.1e6, ..Cost::default() });
            plan.want_last(1);
            plans.push(plan);
        }
        plans
    }

    fn random_jobs(&mut self, tasks: u32) -> Vec<Plan> {
        let jobs = 3 + self.random.below(4);
        (0..jobs).map(|job| self.random_job(job, u64::from(tasks))).collect()
    }

    /// Scans, then stages that read single results and ranges of all that came before.
    fn random_job(&mut self, number: u64, tasks: u64) -> Plan {
        let at = self.random.below(20 * SECOND);
        let mut plan = Plan::new(at, self.seed ^ (number << 20));
        let scans = 1 + self.random.below(tasks);
        let name = ["", "hot", "skewed", "stale"][self.random.below(4) as usize];
        let blocks: Vec<Block> = (0..scans).map(|_| self.block(name)).collect();
        let cost = Cost { cpu: 1e6 + self.random.fraction() * 4e6, spread: 1.0, ..Cost::default() };
        plan.scans(blocks.into_iter(), cost);
        if self.random.once_in(3) {
            plan.enough(1 + self.random.below(scans));
        }
        for _ in 0..self.random.below(4) {
            self.random_stage(&mut plan);
        }
        plan.want_last_stage();
        plan
    }

    fn random_stage(&mut self, plan: &mut Plan) {
        let before = plan.len();
        let size = 1 + self.random.below(12) as u32;
        let all = self.random.once_in(2);
        let inputs = |part: u32, random: &mut Random| {
            let first = random.below(u64::from(before)) as u32;
            let mut ranges = vec![range(first, 1 + random.below(u64::from(before - first)) as u32, 0)];
            ranges.extend((0..random.below(4)).map(|_| range(random.below(u64::from(before)) as u32, 1, 0)));
            if all { vec![range(0, before, part)] } else { ranges }
        };
        let inputs = (0..size).map(|part| inputs(part, &mut self.random)).collect();
        let parts = if all { size } else { 1 };
        let result_bytes = 1 << self.random.below(26);
        plan.stage(
            "stage",
            inputs,
            Cost { cpu: 1e6, spread: 1.0, result_bytes, parts: parts.max(1), ..Cost::default() },
        );
    }

    fn faults(&mut self, name: &str, hosts: usize, tasks: u32) -> Faults {
        match name {
            "restart" => {
                let (begin, span) = (5.0, LONG_SCAN * 1e-6 * f64::from(tasks) / (hosts * THREADS) as f64);
                let moment = begin + span * (0.1 + 0.8 * self.random.fraction());
                let at = (moment * SECOND as f64) as Micros;
                Faults { once: vec![(Fault::MasterDies, at)], ..Faults::default() }
            }
            "churn" => Faults {
                every: vec![(Fault::WorkerDies, 60 * SECOND * 100 / hosts as u64)],
                until: 3600 * SECOND,
                ..Faults::default()
            },
            "random" => Faults {
                every: vec![
                    (Fault::WorkerDies, 15 * SECOND),
                    (Fault::NodeDies, 60 * SECOND),
                    (Fault::Pause(2 * SECOND + self.random.below(30 * SECOND)), 20 * SECOND),
                    (Fault::Partition(2 * SECOND + self.random.below(30 * SECOND)), 20 * SECOND),
                    (Fault::Preemption, 20 * SECOND),
                    (Fault::Delay(3 * SECOND), 3 * SECOND),
                    (Fault::MasterDies, 40 * SECOND),
                ],
                until: 60 * SECOND + self.random.below(60_000) * MILLI,
                repeated: 5,
                transient: 3,
                launch: 5,
                ..Faults::default()
            },
            _ => Faults::default(),
        }
    }
}
