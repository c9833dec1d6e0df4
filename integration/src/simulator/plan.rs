//! Work to bring: graphs of tasks, what each task costs, and where its block really is.

use bobbin_core::{Graph, InputRange, TaskRequest, TaskSet};

use crate::data::Random;

use super::clock::Micros;

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

/// One job, when it comes, and what nobody tells the core.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) at: Micros,
    pub(super) graph: Graph,
    /// One for each set.
    costs: Vec<Cost>,
    /// Where each set ends.
    ends: Vec<u32>,
    /// Hosts that really hold a task's block.
    blocks: Vec<Vec<u32>>,
    seed: u64,
}

/// A block of a file.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) bytes: u64,
    pub(super) replicas: Vec<u32>,
    /// Where the NameNode said that it is.
    pub(super) told: Vec<u32>,
}

impl Plan {
    pub(super) fn new(at: Micros, seed: u64) -> Plan {
        let (graph, costs, ends, blocks) = Default::default();
        Plan { at, graph, costs, ends, blocks, seed }
    }

    /// How many tasks there are.
    pub(super) fn len(&self) -> u32 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Tasks that read a block each.
    pub(super) fn scans(&mut self, blocks: Vec<Block>, cost: Cost) -> &mut Plan {
        let name = |host: &u32| host_name(*host as usize);
        let request = |block: &Block| TaskRequest {
            places: block.told.iter().map(name).collect(),
            input_bytes: block.bytes,
            inputs: Vec::new(),
        };
        let tasks = blocks.iter().map(request).collect();
        self.blocks.extend(blocks.into_iter().map(|block| block.replicas));
        self.push("scan", tasks, cost)
    }

    /// Tasks that read results, each these ranges.
    pub(super) fn stage(&mut self, name: &str, inputs: Vec<Vec<InputRange>>, cost: Cost) -> &mut Plan {
        let request = |inputs| TaskRequest { inputs, ..TaskRequest::default() };
        self.push(name, inputs.into_iter().map(request).collect(), cost)
    }

    /// The last set ends early.
    pub(super) fn enough(&mut self, rows: u64) {
        if let Some(set) = self.graph.sets.last_mut() {
            set.rows_wanted = Some(rows);
        }
    }

    /// The driver wants the results of the last so many tasks.
    pub(super) fn want_last(&mut self, count: u32) {
        self.graph.wanted = (self.len().saturating_sub(count)..self.len()).collect();
    }

    fn push(&mut self, name: &str, tasks: Vec<TaskRequest>, cost: Cost) -> &mut Plan {
        self.ends.push(self.len() + tasks.len() as u32);
        self.costs.push(cost);
        self.graph.sets.push(TaskSet { name: name.to_owned(), tasks, rows_wanted: None });
        self
    }

    pub(super) fn cost(&self, task: u32) -> &Cost {
        &self.costs[self.ends.partition_point(|&end| end <= task)]
    }

    pub(super) fn request(&self, task: u32) -> &TaskRequest {
        let set = self.ends.partition_point(|&end| end <= task);
        let start = set.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.graph.sets[set].tasks[(task - start) as usize]
    }

    /// Does the task's set stop when it has rows enough?
    pub(super) fn may_be_skipped(&self, task: u32) -> bool {
        self.graph.sets[self.ends.partition_point(|&end| end <= task)].rows_wanted.is_some()
    }

    /// Hosts that really hold the task's block.
    pub(super) fn replicas(&self, task: u32) -> &[u32] {
        self.blocks.get(task as usize).map_or(&[], Vec::as_slice)
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
