//! No schedule is faster than this.

use super::clock::Micros;
use super::network::Speeds;
use super::plan::Plan;

/// What there is to run on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machines {
    pub(super) hosts: usize,
    /// Threads of all workers.
    pub(super) threads: usize,
    pub(super) speeds: Speeds,
}

/// The latest of: CPU time of all tasks / threads; bytes of all blocks / disks; and for each job its arrival and the
/// longest chain of its tasks, each with its own CPU time and its block's bytes / one disk. Time to get containers and
/// time to move results are not in it; of a range of inputs the first thousand are looked at. Of a set that may stop early
/// nothing counts.
pub(super) fn lower_bound(plans: &[Plan], machines: Machines) -> Micros {
    let Machines { hosts, threads, speeds } = machines;
    let (mut cpu, mut bytes, mut chain) = (0.0, 0.0, 0.0_f64);
    for plan in plans {
        let mut ends: Vec<f64> = Vec::with_capacity(plan.len() as usize);
        for task in 0..plan.len() {
            let (request, own) = (plan.request(task), plan.cpu(task));
            let reading = request.input_bytes as f64;
            cpu += own;
            bytes += reading;
            let inputs = request.inputs.iter().flat_map(|input| input.first..input.first + input.count.min(1000));
            let begin = inputs.map(|input| ends[input as usize]).fold(0.0, f64::max);
            ends.push(begin + own + reading / speeds.disk * 1e6);
        }
        let longest = ends.iter().copied().fold(0.0, f64::max);
        chain = chain.max(plan.at as f64 + longest);
    }
    let all = [cpu / threads.max(1) as f64, bytes / (hosts as f64 * speeds.disk) * 1e6, chain];
    all.into_iter().fold(0.0, f64::max) as Micros
}
