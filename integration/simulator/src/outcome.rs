//! What a simulation measured.

use std::fmt;
use std::time::Duration;

use super::clock::{Micros, SECOND};

/// How much came from near and how much from far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distances {
    /// How often: from the host itself, from its rack, from other racks.
    pub times: [u64; 3],
    /// Bytes, likewise.
    pub bytes: [u64; 3],
}

impl Distances {
    pub(super) fn count(&mut self, distance: usize, bytes: u64) {
        self.times[distance] += 1;
        self.bytes[distance] += bytes;
    }

    /// The shares of the three distances, in percent of how often.
    pub fn percent(&self) -> [f64; 3] {
        let all = self.times.iter().sum::<u64>().max(1) as f64;
        self.times.map(|times| times as f64 / all * 100.0)
    }
}

/// What the world counts while it runs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) reads: Distances,
    pub(super) fetches: Distances,
    pub(super) assigned: u64,
    pub(super) runs: u64,
    pub(super) notes: u64,
    pub(super) faults: u64,
    pub(super) happenings: u64,
    pub(super) first_task: Option<Micros>,
    pub(super) makespan: Micros,
    /// Time that tasks held threads, whatever became of them.
    pub(super) held: Micros,
    /// Bytes of results on workers, and the most at once.
    pub(super) kept: u64,
    pub(super) most_kept: u64,
}

/// What one simulation gave. Times of the cluster are virtual, those of the core are this machine's.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The scenario.
    pub name: String,
    /// Tasks of all jobs.
    pub tasks: u64,
    /// Threads of all workers that were asked for.
    pub threads: u64,
    /// From the first submission to the last result.
    pub makespan: Duration,
    /// What no schedule can be faster than: the latest of what all tasks need of a thread / threads, what the disks of some
    /// hosts read because nobody else can, and each job's arrival and longest chain of tasks. A task needs its CPU time and
    /// its block's bytes / one disk. Containers come for nothing in it, and results move in no time.
    pub bound: Duration,
    /// The time for which tasks held threads / threads: as long as it takes if no thread ever waits for a task. What this is above
    /// `bound`, tasks waited for disks and links that they shared, or were run twice.
    pub held: Duration,
    /// The time for which threads were there / threads. What the makespan is above this, containers were not there.
    pub there: Duration,
    /// Jobs.
    pub jobs: u64,
    /// The mean over all jobs of the time from its submission to its end / its longest chain of tasks.
    pub slowdown: f64,
    /// When the first task was sent.
    pub first_task: Duration,
    /// Reads of blocks.
    pub reads: Distances,
    /// Fetches of results, one for each task and distance.
    pub fetches: Distances,
    /// The most bytes of results that all workers kept at once.
    pub kept: u64,
    /// Assignments beyond one a task.
    pub repeated: u64,
    /// Results that were computed again.
    pub twice: u64,
    /// Containers that were granted.
    pub containers: u64,
    /// Faults that happened.
    pub faults: u64,
    /// The most memory of the core, with the events and actions that pass it, where the program counts it.
    pub memory: u64,
    /// Events that the core handled.
    pub events: u64,
    /// Tasks that it gave to workers.
    pub decisions: u64,
    /// CPU time of all: of making the scenario, the core and the world round it.
    pub whole_cpu: Duration,
    /// The most memory of the process meanwhile.
    pub whole_memory: u64,
    /// CPU time that the core took for the events.
    pub cpu: Duration,
    /// CPU time of the slowest event, and which it was.
    pub slowest: (Duration, &'static str),
    /// Equal for equal decisions.
    pub digest: u64,
}

impl Outcome {
    /// The heading of the table.
    pub const TITLE: &'static str = "scenario       tasks  threads  makespan   bound  ratio    held  idle  job/chain   first  node/rack/far %  blocks, far  results, far     kept \
         again  twice  core memory  B/task  events/s us/task  decisions/s  whole: CPU   memory  slowest event";

    /// Makespan / bound.
    pub fn ratio(&self) -> f64 {
        self.makespan.as_secs_f64() / self.bound.as_secs_f64().max(1e-9)
    }

    /// Percent of the time in which threads were there and had no task.
    pub fn idle(&self) -> f64 {
        (1.0 - self.held.as_secs_f64() / self.there.as_secs_f64().max(1e-9)) * 100.0
    }

    /// CPU time of the core for each task, microseconds.
    pub fn cpu_per_task(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.tasks.max(1) as f64
    }
}

/// A line of the table.
impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [node, rack, far] = self.reads.percent();
        let giga = |bytes: u64| bytes as f64 / 1e9;
        let seconds = |span: Duration| span.as_secs_f64();
        write!(out, "{:<11} {:>8} {:>8} ", self.name, self.tasks, self.threads)?;
        write!(out, "{:>7.1} s {:>5.1} s {:>6.2} ", seconds(self.makespan), seconds(self.bound), self.ratio())?;
        write!(out, "{:>5.1} s {:>4.1}% {:>10.2} ", seconds(self.held), self.idle(), self.slowdown)?;
        write!(out, "{:>5.1} s  {node:>5.1}/{rack:>4.1}/{far:>4.1}  ", seconds(self.first_task))?;
        write!(out, "{:>8.1} GB ", giga(self.reads.bytes[2]))?;
        write!(
            out,
            "{:>10.1} GB {:>5.1} GB {:>6} {:>6} ",
            giga(self.fetches.bytes[2]),
            giga(self.kept),
            self.repeated,
            self.twice
        )?;
        write!(out, "{:>9.1} MB {:>7} ", self.memory as f64 / 1e6, self.memory / self.tasks.max(1))?;
        write!(out, "{:>9.0} {:>7.2} ", self.events as f64 / seconds(self.cpu).max(1e-9), self.cpu_per_task())?;
        write!(out, "{:>12.0} ", self.decisions as f64 / seconds(self.cpu).max(1e-9))?;
        write!(out, "{:>9.1} s {:>5.0} MB ", seconds(self.whole_cpu), self.whole_memory as f64 / 1e6)?;
        let (slowest, event) = self.slowest;
        write!(out, "{:>8.2} ms {event}", seconds(slowest) * 1e3)
    }
}

pub(super) fn span(micros: Micros) -> Duration {
    Duration::from_secs(micros / SECOND) + Duration::from_micros(micros % SECOND)
}
