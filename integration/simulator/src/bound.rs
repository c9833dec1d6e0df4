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

/// The latest of: what all tasks need of a thread / threads; what the disks of some hosts must read, see [`disks`]; and for each
/// job its arrival and its longest chain. A task needs a thread for its CPU time alone, as blocks are read ahead; from beginning to
/// end it takes that and its block's bytes / one disk. Time to get containers and to move results is not in it. Of a set that may
/// stop early nothing counts but in chains.
///
/// No schedule needs to reach it: a thread waits where its block was not read before. That it never does is possible all the same.
pub(super) fn lower_bounds(plans: &[Plan], machines: Machines) -> Bounds {
    let Machines { threads, speeds } = machines;
    let mut sum = Sum::default();
    let chains: Vec<f64> = plans.iter().map(|plan| chain(plan, speeds, &mut sum)).collect();
    let latest = plans.iter().zip(&chains).map(|(plan, chain)| plan.at as f64 + chain).fold(0.0, f64::max);
    let reading = disks(plans, speeds);
    let all = [sum.work / threads.max(1) as f64, reading, latest].into_iter().fold(0.0, f64::max) as Micros;
    Bounds { all, chains }
}

/// What all tasks need together.
#[derive(Debug, Default)]
struct Sum {
    /// Of threads, microseconds.
    work: f64,
}

/// How long the busiest disks read, microseconds. A block is read from a disk that has it. So whatever hosts one looks at: the
/// blocks that no other host has are read from their disks, and these need bytes / disks for it. Of all sets of hosts those are
/// looked at that are the first so many when each block is shared out evenly among the hosts that have it.
fn disks(plans: &[Plan], speeds: Speeds) -> f64 {
    let count = blocks(plans).flat_map(|(_, hosts)| hosts).max().map_or(0, |&last| last as usize + 1);
    let mut loads: Vec<(f64, usize)> = (0..count).map(|host| (0.0, host)).collect();
    for (bytes, hosts) in blocks(plans) {
        hosts.iter().for_each(|&host| loads[host as usize].0 += bytes / hosts.len() as f64);
    }
    loads.sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    let mut position = vec![0; count];
    loads.iter().enumerate().for_each(|(place, &(_, host))| position[host] = place);
    // Bytes of the blocks of which nobody after this host has a replica.
    let mut complete = vec![0.0; count];
    for (bytes, hosts) in blocks(plans) {
        let last = hosts.iter().map(|&host| position[host as usize]).max();
        last.into_iter().for_each(|last| complete[last] += bytes);
    }
    let (mut bytes, mut longest) = (0.0, 0.0_f64);
    for (place, more) in complete.into_iter().enumerate() {
        bytes += more;
        longest = longest.max(bytes / ((place + 1) as f64 * speeds.disk));
    }
    longest * 1e6
}

/// The blocks that must be read: their bytes and hosts.
fn blocks(plans: &[Plan]) -> impl Iterator<Item = (f64, &[u32])> {
    let tasks = plans.iter().flat_map(|plan| (0..plan.len()).map(move |task| (plan, task)));
    let read = tasks.filter(|(plan, task)| !plan.may_be_skipped(*task));
    let blocks = read.map(|(plan, task)| (plan.input_bytes(task) as f64, plan.replicas(task)));
    blocks.filter(|(_, hosts)| !hosts.is_empty())
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
        sum.work += plan.cpu(task);
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
    fn blocks_that_no_other_host_has_bound_their_disks() {
        let block = |hosts: &[u32]| Block { bytes: 1_000_000_000, replicas: Replicas::of(hosts), told: None };
        let busy = [[0, 1]; 6].map(|hosts| block(&hosts));
        let others = [[1, 2], [2, 3], [3, 4], [4, 5]].map(|hosts| block(&hosts));
        let mut plan = Plan::new(0, 1);
        plan.scans(busy.into_iter().chain(others), Cost { cpu: 1.0, spread: 0.0, ..Cost::default() });
        assert_eq!(disks(&[plan], SPEEDS), 3e6, "six gigabytes are on two disks, ten on six");
    }

    #[test]
    fn threads_disks_or_the_longest_task_bound() {
        assert_eq!(bound(&[0, 1, 2, 3], 2), 4_000_000, "eight tasks of a second on two threads, which read ahead");
        assert_eq!(bound(&[0], 8), 8_000_000, "eight gigabytes from one disk");
        assert_eq!(bound(&[0, 1, 2, 3, 4, 5, 6, 7], 100), 2_000_000, "one task");
    }
}
