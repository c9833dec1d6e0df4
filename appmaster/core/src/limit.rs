//! Sets of tasks of which so many rows are enough: which of their tasks are still needed, and how the others are skipped.
//!
//! Rows count from the set's first task on without a gap, so that the answer is the same whatever finished first. A
//! skipped task stays skipped: the rows of a task never change, not even when its result is lost and made again.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::job::{Job, State};
use crate::lineage::Effects;

/// One such set.
#[derive(Debug)]
struct Limit {
    tasks: Range<u32>,
    wanted: u64,
    /// The first task that does not count: all before it have been done.
    counted: u32,
    /// Rows of those that count.
    rows: u64,
    /// Rows of tasks that have been done, but come after one that has not.
    ahead: BTreeMap<u32, u64>,
}

/// All of a job.
#[derive(Debug, Default)]
pub(crate) struct Limits(Vec<Limit>);

impl Limit {
    fn is_met(&self) -> bool {
        self.rows >= self.wanted
    }

    /// A task has been done. True if this was what was lacking.
    fn add(&mut self, task: u32, rows: u64) -> bool {
        if self.is_met() || task < self.counted {
            return false;
        }
        self.ahead.insert(task, rows);
        while let Some(rows) = self.ahead.remove(&self.counted) {
            self.counted += 1;
            self.rows = self.rows.saturating_add(rows);
            if self.is_met() {
                self.ahead.clear();
                return true;
            }
        }
        false
    }
}

impl Limits {
    /// So many rows of these tasks, which come after those of all sets before, are enough.
    pub fn push(&mut self, tasks: Range<u32>, wanted: u64) {
        let counted = tasks.start;
        self.0.push(Limit { tasks, wanted, counted, rows: 0, ahead: BTreeMap::new() });
    }

    fn position(&self, task: u32) -> Option<usize> {
        let position = self.0.partition_point(|limit| limit.tasks.end <= task);
        self.0.get(position)?.tasks.contains(&task).then_some(position)
    }

    /// A task has been done. The tasks that are needless now, and were not before.
    fn add(&mut self, task: u32, rows: u64) -> Option<Range<u32>> {
        let position = self.position(task)?;
        let limit = &mut self.0[position];
        limit.add(task, rows).then_some(limit.counted..limit.tasks.end)
    }

    /// Does the task belong to such a set?
    pub fn cover(&self, task: u32) -> bool {
        self.position(task).is_some()
    }

    /// Are there enough rows without the task?
    pub fn is_needless(&self, task: u32) -> bool {
        let limit = self.position(task).map(|position| &self.0[position]);
        limit.is_some_and(|limit| limit.is_met() && task >= limit.counted)
    }
}

impl Job {
    /// A task has been done, and its result has so many rows: skip what that makes needless. True if there was any.
    pub fn count_rows(&mut self, index: u32, rows: u64, effects: &mut Effects) -> bool {
        let Some(needless) = self.limits.add(index, rows) else { return false };
        needless.for_each(|task| self.skip(task, effects));
        true
    }

    /// The task need not run. If it is done, it stays so.
    fn skip(&mut self, index: u32, effects: &mut Effects) {
        let reads = match self.task(index).state {
            State::Done { .. } | State::Skipped | State::Away | State::Failed => return,
            State::Idle | State::Sought { .. } => false,
            State::Waiting { .. } | State::Delayed { .. } => true,
            State::Ready { .. } => {
                effects.unready.push(index);
                true
            }
            State::Assigned { worker } => {
                self.unassign(index);
                self.counts.running -= 1;
                effects.cancelled.push((worker, index));
                true
            }
        };
        self.mark_skipped(index, effects);
        self.troubles.remove(&index);
        self.count_done(index);
        self.feed_readers(index, effects);
        if reads {
            self.give_up_inputs(vec![index], effects);
        }
    }

    /// The task has no result any more, and no rows are missed for that.
    pub fn mark_skipped(&mut self, index: u32, effects: &mut Effects) {
        self.task_mut(index).state = State::Skipped;
        self.counts.skipped += 1;
        effects.barren.push(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let mut limits = Limits::default();
        limits.push(10..14, 5);
        limits.push(20..22, 1);
        limits
    }

    #[test]
    fn only_tasks_without_a_gap_before_them_count() {
        let mut limits = limits();
        assert_eq!(limits.add(11, 100), None);
        assert!(!limits.is_needless(13), "task 10 may have any number of rows");
        assert_eq!(limits.add(10, 2), Some(12..14));
        assert!(limits.is_needless(12) && limits.is_needless(13) && !limits.is_needless(11));
        assert_eq!(limits.add(12, 7), None, "said once");
    }

    #[test]
    fn a_task_counts_once_and_sets_are_apart() {
        let mut limits = limits();
        assert_eq!(limits.add(10, 3), None);
        assert_eq!(limits.add(10, 3), None);
        assert_eq!(limits.add(20, 1), Some(21..22));
        assert_eq!((limits.add(9, 50), limits.add(14, 50), limits.add(22, 50)), (None, None, None));
        assert!(!limits.is_needless(13) && limits.is_needless(21) && !limits.is_needless(14));
        assert!(limits.cover(13) && !limits.cover(14) && !limits.cover(22));
    }

    #[test]
    fn the_last_task_may_meet_it() {
        let mut limits = limits();
        (10..13).for_each(|task| assert_eq!(limits.add(task, 1), None));
        assert_eq!(limits.add(13, 9), Some(14..14));
        assert!(!limits.is_needless(14));
    }
}
