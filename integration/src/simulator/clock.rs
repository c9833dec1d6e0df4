//! Virtual time: what will happen, in order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use bobbin_core::{Assignment, ContainerId, TaskId};

use super::network::FlowId;

/// Microseconds since the simulation began.
pub(super) type Micros = u64;

pub(super) const MILLI: Micros = 1000;
pub(super) const SECOND: Micros = 1_000_000;

/// A task of a worker, this attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    pub(super) worker: usize,
    pub(super) task: TaskId,
    pub(super) attempt: u32,
}

/// What the application master tells a worker.
#[derive(Clone, Debug)]
pub(super) enum Letter {
    Assign(Box<Assignment>),
    Cancel { task: TaskId, attempt: u32 },
    Drop(Vec<TaskId>),
    Stop,
}

/// Something that is to happen.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// The application master's clock.
    Tick,
    /// The application master calls the ResourceManager.
    Allocate,
    /// A node calls the ResourceManager.
    NodeCalls(usize),
    /// The driver submits a job.
    Submit(usize),
    /// The driver fetches what it wants of a finished job.
    Collect(usize),
    /// The next message reaches a worker.
    Letter(usize),
    /// The next message of a worker reaches the application master.
    Said(usize),
    /// The process in a container runs.
    ProcessStarts(ContainerId),
    /// All bytes are there, unless the flow's rate has changed since.
    FlowEnds(FlowId),
    /// No replica of a task's block could be read: it looks again.
    ReadAgain(Run),
    /// A task is done computing.
    Computed(Run),
    /// A task finds that it cannot read these inputs.
    Unreadable(Run, Vec<TaskId>),
    /// The application master has heard nothing of a worker for too long, unless its host came back in time.
    Silent(usize),
    /// A fault of this number in the scenario's list.
    Fault(usize),
    /// A node is whole again, and whether it was down.
    Heals(usize),
    /// The ResourceManager gives a node up.
    NodeExpires(usize),
}

#[derive(Debug)]
struct Entry {
    at: Micros,
    sequence: u64,
    what: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// The earliest is the greatest; of those at the same moment, the one that was thought of first.
    fn cmp(&self, other: &Entry) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

/// What will happen.
#[derive(Debug, Default)]
pub(super) struct Queue {
    now: Micros,
    sequence: u64,
    heap: BinaryHeap<Entry>,
}

impl Queue {
    pub(super) fn now(&self) -> Micros {
        self.now
    }

    /// So many things happened or will.
    pub(super) fn count(&self) -> u64 {
        self.sequence
    }

    pub(super) fn at(&mut self, at: Micros, what: Happening) {
        assert!(at >= self.now, "nothing_happens_in_the_past: {what:?} at {at}, it is {}", self.now);
        self.sequence += 1;
        self.heap.push(Entry { at, sequence: self.sequence, what });
    }

    pub(super) fn after(&mut self, delay: Micros, what: Happening) {
        self.at(self.now + delay, what);
    }

    /// The next thing; time passes until then.
    pub(super) fn next(&mut self) -> Option<Happening> {
        let entry = self.heap.pop()?;
        assert!(entry.at >= self.now, "nothing_happens_in_the_past: {:?}", entry.what);
        self.now = entry.at;
        Some(entry.what)
    }
}
