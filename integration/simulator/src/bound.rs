//! No schedule is faster than this.

use super::clock::Micros;
use super::network::Speeds;
use super::plan::Plan;

/// What there is to run on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machines {
    /// Threads of all workers.
    pub(super) threads: usize,
    pub(super) speeds: Speeds,
}

/// What no schedule can be faster than.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds {
    /// For all jobs together, from the beginning.
    pub(super) all: Micros,
    /// For each job, from its arrival.
    pub(super) chains: Vec<f64>,
}

/// The latest of: what all tasks need of a thread / threads; bytes of all blocks / disks of the hosts that hold any; and
/// for each job its arrival and its longest chain. A task needs its CPU time and its block's bytes / one disk. Time to get
/// containers and to move results is not in it. Of a set that may stop early nothing counts but in chains.
pub(super) fn lower_bounds(plans: &[Plan], machines: Machines) -> Bounds {
    let Machines { threads, speeds } = machines;
    let mut sum = Sum::default();
    let chains: Vec<f64> = plans.iter().map(|plan| chain(plan, speeds, &mut sum)).collect();
    let latest = plans.iter().zip(&chains).map(|(plan, chain)| plan.at as f64 + chain).fold(0.0, f64::max);
    let hosts = sum.hosts.iter().filter(|&&holds| holds).count();
    let reading = sum.bytes / (hosts.max(1) as f64 * speeds.disk) * 1e6;
    let all = [sum.work / threads.max(1) as f64, reading, latest].into_iter().fold(0.0, f64::max) as Micros;
    Bounds { all, chains }
}

/// What all tasks need together.
#[derive(Debug, Default)]
struct Sum {
    /// Of threads, microseconds.
    work: f64,
    /// Of disks.
    bytes: f64,
    /// The hosts that hold a block.
    hosts: Vec<bool>,
}

impl Sum {
    fn add(&mut self, plan: &Plan, task: u32, needs: f64) {
        self.work += needs;
        self.bytes += plan.input_bytes(task) as f64;
        for &host in plan.replicas(task) {
            let host = host as usize;
            self.hosts.resize(self.hosts.len().max(host + 1), false);
            self.hosts[host] = true;
        }
    }
}

/// The longest chain of a job's tasks; of a range of inputs the first thousand are looked at. Tasks that may be skipped
/// take no time.
fn chain(plan: &Plan, speeds: Speeds, sum: &mut Sum) -> f64 {
    let mut ends: Vec<f64> = Vec::with_capacity(plan.len() as usize);
    for task in 0..plan.len() {
        let inputs = plan.inputs(task);
        let inputs = inputs.iter().flat_map(|input| input.first..input.first + input.count.min(1000));
        let begin = inputs.map(|input| ends[input as usize]).fold(0.0, f64::max);
        if plan.may_be_skipped(task) {
            ends.push(begin);
            continue;
        }
        let needs = plan.cpu(task) + plan.input_bytes(task) as f64 / speeds.disk * 1e6;
        sum.add(plan, task, needs);
        ends.push(begin + needs);
    }
    ends.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::placement::Replicas;
    use super::super::plan::{Block, Cost};
    use super::*;

    const SPEEDS: Speeds = Speeds { disk: 1e9, card: 1e9, uplink: 1e9 };

    /// Eight blocks, in turn on these hosts.
    fn bound(hosts: &[u32], threads: usize) -> Micros {
        let host = |task: usize| Replicas::of(&[hosts[task % hosts.len()]]);
        let block = |task| Block { bytes: 1_000_000_000, replicas: host(task), told: None };
        let mut plan = Plan::new(0, 1);
        plan.scans((0..8).map(block), Cost { cpu: 1e6, spread: 0.0, ..Cost::default() });
        lower_bounds(&[plan], Machines { threads, speeds: SPEEDS }).all
    }

    #[test]
    fn threads_disks_or_the_longest_task_bound() {
        assert_eq!(bound(&[0, 1, 2, 3], 4), 4_000_000, "eight tasks of two seconds on four threads");
        assert_eq!(bound(&[0], 8), 8_000_000, "eight gigabytes from one disk");
        assert_eq!(bound(&[0, 1, 2, 3, 4, 5, 6, 7], 100), 2_000_000, "one task");
    }
}
