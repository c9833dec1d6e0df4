//! A simulated cluster round the scheduler's core: it measures what the core decides, and checks it.
//!
//! Virtual time, chance by seed: hosts in racks with disks, network cards and uplinks ([`Speeds`]); blocks where HDFS
//! puts them; YARN, which grants containers when a node calls; workers that read, fetch, compute and answer; a driver.
//! Things go wrong by seed, too. The core is the one that serves: it hears [`bobbin_core::Event`]s, and its actions are done.
//!
//! ```text
//!   scenario, seed --> plan (graphs, costs, blocks), faults
//!   clock ----------> world -- events --> core (metered: CPU, memory)
//!   network <-------- working, driver, manager, faults <-- acting <-- actions --+
//!                     watch (invariants), oracle (a sequential run)
//! ```
//!
//! Not simulated: jobs that read earlier jobs' results, and several drivers. The core's own random worlds (`appmaster/core/src/tests`) are about rare orders of events;
//! this one is about time.

mod acting;
mod bound;
mod clock;
mod driver;
mod faults;
mod machine;
mod manager;
mod meter;
mod network;
mod oracle;
mod outcome;
mod placement;
mod plan;
mod random;
mod restart;
mod scenario;
mod sys;
mod watch;
mod working;
mod world;

pub use network::Speeds;
pub use outcome::{Distances, Outcome};
pub use random::Random;
pub use scenario::{NAMES, Scale, Scenario};
pub use sys::Counting;

use bound::{Bounds, Machines, lower_bounds};
use outcome::span;
use world::World;

/// Runs a scenario from the start of its application to its end.
///
/// # Panics
/// With the name of an invariant that does not hold.
pub fn run(scenario: Scenario, seed: u64) -> Outcome {
    let (name, began) = (scenario.name.to_owned(), scenario.began);
    let hardware = scenario.hardware;
    let threads = scenario.workers * hardware.threads;
    let Bounds { all: bound, chains } = lower_bounds(&scenario.plans, Machines { threads, speeds: hardware.speeds });
    let tasks = scenario.plans.iter().map(|plan| u64::from(plan.len())).sum();
    let begins = scenario.plans.iter().map(|plan| plan.at).min().unwrap_or(0);
    let mut world = World::new(scenario, seed);
    world.run();
    // A job of which everything may be skipped has no chain.
    let real = world.jobs.iter().zip(&chains).filter(|&(_, &chain)| chain > 0.0);
    let slower: Vec<f64> = real.map(|(job, chain)| (job.done_at - job.plan.at) as f64 / chain).collect();
    let slowdown = slower.iter().sum::<f64>() / slower.len().max(1) as f64;
    let (tally, metered) = (world.tally, &world.metered);
    Outcome {
        name,
        tasks,
        threads: threads as u64,
        makespan: span(tally.makespan - begins),
        bound: span(bound - begins),
        held: span(tally.held / threads.max(1) as u64),
        there: span(world.thread_time() / threads.max(1) as u64),
        jobs: chains.len() as u64,
        slowdown,
        first_task: span(tally.first_task.unwrap_or(0).saturating_sub(begins)),
        reads: tally.reads,
        fetches: tally.fetches,
        kept: tally.most_kept,
        repeated: tally.assigned.saturating_sub(tasks),
        twice: world.jobs.iter().flat_map(|job| &job.runs).map(|&runs| u64::from(runs.saturating_sub(1))).sum(),
        containers: world.manager.granted() as u64,
        faults: tally.faults,
        memory: crate::Counting::peak(),
        events: metered.events,
        decisions: tally.assigned,
        whole_cpu: machine::thread_time().saturating_sub(began),
        whole_memory: machine::peak(),
        cpu: metered.cpu,
        slowest: metered.slowest,
        digest: metered.digest,
    }
}
