//! Virtual time: what will happen, in order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use bobbin_core::{Assignment, ContainerId, CopyId, TaskId};

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
    Assign(Assignment),
    Cancel {
        task: TaskId,
        attempt: u32,
    },
    Drop(Vec<TaskId>),
    Copy {
        task: TaskId,
        copy: CopyId,
        from: usize,
    },
    /// Keep what this application master knew as these tasks' results as those of others of the one at hand.
    Adopt {
        master: u32,
        results: Vec<(u32, TaskId)>,
    },
    /// Drop what it has of former application masters.
    DropFormer,
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
    /// A worker has all bytes of a copy, if the worker that it fetches from still has the result.
    Copied { worker: usize, task: TaskId, copy: CopyId, from: usize },
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
    /// The next application master registers.
    MasterStarts,
    /// The driver has found the next application master.
    DriverReturns,
    /// A worker has found the next application master.
    WorkerReturns(usize),
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

/// A day of the calendar is so many microseconds long, as a power of two.
const DAY: u32 = 10;
/// Days ahead that have pages.
const PAGES: u64 = 4096;

/// What will happen: a calendar. Today is a small heap, each of the next days a page in no order, and what comes later than
/// these is in a heap of its own. Nearly everything is within the next days, so putting it down costs nothing.
#[derive(Debug)]
pub(super) struct Queue {
    now: Micros,
    sequence: u64,
    day: u64,
    today: BinaryHeap<Entry>,
    pages: Vec<Vec<Entry>>,
    /// Entries of all pages.
    on_pages: usize,
    later: BinaryHeap<Entry>,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue {
            now: 0,
            sequence: 0,
            day: 0,
            today: BinaryHeap::new(),
            pages: (0..PAGES).map(|_| Vec::new()).collect(),
            on_pages: 0,
            later: BinaryHeap::new(),
        }
    }
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
        let entry = Entry { at, sequence: self.sequence, what };
        let day = at >> DAY;
        if day <= self.day {
            self.today.push(entry);
        } else if day < self.day + PAGES {
            self.pages[(day % PAGES) as usize].push(entry);
            self.on_pages += 1;
        } else {
            self.later.push(entry);
        }
    }

    pub(super) fn after(&mut self, delay: Micros, what: Happening) {
        self.at(self.now + delay, what);
    }

    /// The next thing; time passes until then.
    pub(super) fn next(&mut self) -> Option<Happening> {
        while self.today.is_empty() {
            self.next_day()?;
        }
        let entry = self.today.pop()?;
        assert!(entry.at >= self.now, "nothing_happens_in_the_past: {:?}", entry.what);
        self.now = entry.at;
        Some(entry.what)
    }

    /// Turns the page. Nothing if all are empty.
    fn next_day(&mut self) -> Option<()> {
        self.day += 1;
        if self.on_pages == 0 {
            self.day = self.day.max(self.later.peek()?.at >> DAY);
        }
        let page = &mut self.pages[(self.day % PAGES) as usize];
        self.on_pages -= page.len();
        self.today.extend(page.drain(..));
        while self.later.peek().is_some_and(|entry| entry.at >> DAY <= self.day) {
            self.today.extend(self.later.pop());
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_happens_in_order() {
        let mut queue = Queue::default();
        let mut random = crate::Random::new(5);
        let mut expected = Vec::new();
        let mut number = 0;
        for round in 0..2000 {
            for _ in 0..random.below(4) {
                // Now, soon, within the pages, beyond them.
                let most = random.one_of(&[1, 900, 3_000_000, 40_000_000]);
                let delay = random.below(most);
                expected.push((queue.now() + delay, number));
                queue.after(delay, Happening::Letter(number));
                number += 1;
            }
            expected.sort_unstable();
            if round % 3 > 0 && !expected.is_empty() {
                check_next(&mut queue, expected.remove(0));
            }
        }
        expected.into_iter().for_each(|next| check_next(&mut queue, next));
        assert!(queue.next().is_none());
    }

    fn check_next(queue: &mut Queue, (at, number): (Micros, usize)) {
        let next = queue.next();
        assert!(matches!(next, Some(Happening::Letter(found)) if found == number), "{next:?} instead of {number}");
        assert_eq!(queue.now(), at);
    }
}
