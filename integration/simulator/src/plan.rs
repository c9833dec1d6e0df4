//! Work to bring: graphs of tasks, what each task costs, and where its block really is.

use std::ops::Range;

use bobbin_core::{Graph, HostNames, InputRange, TaskOptions, TaskRequest, TaskSet};

use crate::Random;

use super::clock::Micros;
use super::placement::Replicas;

/// What the tasks of a set cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    /// CPU time of a task on a whole host, on average, microseconds.
    pub(super) cpu: f64,
    /// Its logarithm's deviation.
    pub(super) spread: f64,
    /// Size of a result.
    pub(super) result_bytes: u64,
    /// Parts of a result; a reader fetches one of them.
    pub(super) parts: u32,
    /// Rows of a result are below this.
    pub(super) rows: u64,
}

impl Default for Cost {
    fn default() -> Cost {
        Cost { cpu: 1e6, spread: 0.3, result_bytes: 1000, parts: 1, rows: 4 }
    }
}

/// One job, when it comes, and what nobody tells the core. Nothing of it is on the heap for each task that reads a block:
/// there are millions of them.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) at: Micros,
    /// Numbers of the tasks whose results the driver wants.
    pub(super) wanted: Range<u32>,
    sets: Vec<Set>,
    seed: u64,
}

/// Alike tasks.
#[derive(Clone, Debug)]
struct Set {
    name: String,
    tasks: Tasks,
    /// Numbers of the first, and of the one after the last.
    numbers: Range<u32>,
    rows_wanted: Option<u64>,
    cost: Cost,
}

#[derive(Clone, Debug)]
enum Tasks {
    /// A block each.
    Scans(Vec<Block>),
    /// Ranges of results each.
    Stage(Vec<Vec<InputRange>>),
}

/// A block of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) bytes: u64,
    pub(super) replicas: Replicas,
    /// Where the NameNode said that it is, if that is not so any more.
    pub(super) told: Option<Replicas>,
}

impl Set {
    fn len(&self) -> usize {
        self.numbers.len()
    }

    fn request(&self, position: usize, hosts: &mut HostNames) -> TaskRequest {
        match &self.tasks {
            Tasks::Scans(blocks) => {
                let block = &blocks[position];
                let told = block.told.as_ref().unwrap_or(&block.replicas);
                let places = told.hosts().iter().map(|&host| hosts.number(&host_name(host as usize))).collect();
                TaskRequest { places, input_bytes: block.bytes, inputs: Vec::new() }
            }
            Tasks::Stage(inputs) => TaskRequest { inputs: inputs[position].clone(), ..TaskRequest::default() },
        }
    }
}

impl Plan {
    pub(super) fn new(at: Micros, seed: u64) -> Plan {
        Plan { at, wanted: 0..0, sets: Vec::new(), seed }
    }

    /// How many tasks there are.
    pub(super) fn len(&self) -> u32 {
        self.sets.last().map_or(0, |set| set.numbers.end)
    }

    /// Tasks that read a block each.
    pub(super) fn scans(&mut self, blocks: impl Iterator<Item = Block>, cost: Cost) -> &mut Plan {
        let blocks: Vec<Block> = blocks.collect();
        self.push("scan", blocks.len(), Tasks::Scans(blocks), cost)
    }

    /// Tasks that read results, each these ranges.
    pub(super) fn stage(&mut self, name: &str, inputs: Vec<Vec<InputRange>>, cost: Cost) -> &mut Plan {
        self.push(name, inputs.len(), Tasks::Stage(inputs), cost)
    }

    /// The last set ends early.
    pub(super) fn enough(&mut self, rows: u64) {
        if let Some(set) = self.sets.last_mut() {
            set.rows_wanted = Some(rows);
        }
    }

    /// The driver wants the results of the last so many tasks.
    pub(super) fn want_last(&mut self, count: u32) {
        self.wanted = self.len().saturating_sub(count)..self.len();
    }

    /// The driver wants the results of the last stage, if there is one.
    pub(super) fn want_last_stage(&mut self) {
        let last =
            self.sets.last().filter(|_| self.sets.len() > 1).map_or(0, |set| set.numbers.end - set.numbers.start);
        self.want_last(last);
    }

    fn push(&mut self, name: &str, count: usize, tasks: Tasks, cost: Cost) -> &mut Plan {
        let numbers = self.len()..self.len() + count as u32;
        self.sets.push(Set { name: name.to_owned(), tasks, numbers, rows_wanted: None, cost });
        self
    }

    /// What the driver submits.
    pub(super) fn graph(&self, number: u32) -> Graph {
        let mut hosts = HostNames::default();
        let mut task_set = |set: &Set| TaskSet {
            name: set.name.clone(),
            tasks: (0..set.len()).map(|position| set.request(position, &mut hosts)).collect(),
            rows_wanted: set.rows_wanted,
            options: TaskOptions::default(),
        };
        let sets = self.sets.iter().map(&mut task_set).collect();
        Graph { number, hosts, sets, wanted: self.wanted.clone().collect(), ..Graph::default() }
    }

    fn set(&self, task: u32) -> &Set {
        &self.sets[self.sets.partition_point(|set| set.numbers.end <= task)]
    }

    /// The tasks of each set, and how many rows are enough of it.
    pub(super) fn sets(&self) -> impl Iterator<Item = (Range<u32>, Option<u64>)> {
        self.sets.iter().map(|set| (set.numbers.clone(), set.rows_wanted))
    }

    pub(super) fn cost(&self, task: u32) -> &Cost {
        &self.set(task).cost
    }

    /// Results that a task reads.
    pub(super) fn inputs(&self, task: u32) -> &[InputRange] {
        let set = self.set(task);
        match &set.tasks {
            Tasks::Scans(_) => &[],
            Tasks::Stage(inputs) => &inputs[(task - set.numbers.start) as usize],
        }
    }

    fn block(&self, task: u32) -> Option<&Block> {
        let set = self.set(task);
        match &set.tasks {
            Tasks::Scans(blocks) => blocks.get((task - set.numbers.start) as usize),
            Tasks::Stage(_) => None,
        }
    }

    /// Size of the task's block.
    pub(super) fn input_bytes(&self, task: u32) -> u64 {
        self.block(task).map_or(0, |block| block.bytes)
    }

    /// Does the task's set stop when it has rows enough?
    pub(super) fn may_be_skipped(&self, task: u32) -> bool {
        self.set(task).rows_wanted.is_some()
    }

    /// Hosts that really hold the task's block.
    pub(super) fn replicas(&self, task: u32) -> &[u32] {
        self.block(task).map_or(&[], |block| block.replicas.hosts())
    }

    /// CPU time of a task, the same at every attempt.
    pub(super) fn cpu(&self, task: u32) -> f64 {
        let cost = self.cost(task);
        let mut random = Random::new(mix(self.seed, u64::from(task)));
        let normal = (0..12).map(|_| random.fraction()).sum::<f64>() - 6.0;
        cost.cpu * (cost.spread * normal - cost.spread * cost.spread / 2.0).exp()
    }

    /// Rows of a task's result, the same at every attempt.
    pub(super) fn rows(&self, task: u32) -> u64 {
        mix(self.seed ^ 7, u64::from(task)) % self.cost(task).rows.max(1)
    }
}

/// A host as YARN and HDFS name it.
pub(super) fn host_name(host: usize) -> String {
    format!("h{host}")
}

/// Two numbers as one that looks like neither.
pub(super) fn mix(one: u64, other: u64) -> u64 {
    let mixed = (one ^ other.rotate_left(32)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
