//! Results that are read together: a shuffle, or all results of a stage, is one record however many tasks read it.
//!
//! A map stage of `m` tasks that `r` tasks read costs `m + r` entries and one [`Group`], never `m * r` edges: the group
//! counts what is missing, and its readers wait for the group.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::event::InputRange;
use crate::ids::WorkerId;
use crate::job::GraphError;
use crate::lists::Lists;

/// Entries in the lists of who belongs to which group, beyond which a graph is refused.
pub(crate) const MOST_MEMBERS: u64 = 1 << 24;

/// Consecutive rows of tasks whose results somebody reads.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    first: u32,
    count: u32,
    /// Members whose result is not there, and that are not skipped.
    pub missing: u32,
    /// Of these, the failed ones.
    pub failed: u32,
    /// Reads by tasks that are neither idle nor done.
    pub uses: u32,
    /// Those of them whose task a worker has: it may have read all of it already.
    pub assigned: u32,
    /// Members whose result was lost while nobody waited for it. Entries may be stale: the task's state decides.
    pub left: BTreeSet<u32>,
    /// Who holds each member's result, while none is missing and somebody asked.
    pub holders: Option<Arc<[Option<WorkerId>]>>,
}

/// One read of a group by a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// Which group.
    pub group: u32,
    /// Which part of each member's result.
    pub part: u32,
}

/// All groups of a job, and who reads and who makes them.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    rows: Vec<Group>,
    /// What each task reads.
    reads: Lists<Read>,
    /// The tasks that read each group, as often as they do.
    readers: Lists<u32>,
    /// The groups to which each task belongs.
    memberships: Lists<u32>,
    /// The number of each range's group; only while the graph is built.
    numbers: BTreeMap<(u32, u32), u32>,
}

impl Group {
    fn new(first: u32, count: u32) -> Group {
        Group { first, count, missing: count, failed: 0, uses: 0, assigned: 0, left: BTreeSet::new(), holders: None }
    }

    /// Its members.
    pub fn members(&self) -> Range<u32> {
        self.first..self.first + self.count
    }

    /// Does a task wait for it that may not have read it yet?
    pub fn is_awaited(&self) -> bool {
        self.uses > self.assigned
    }
}

impl Groups {
    /// Take in what the next task reads; `task` is its number. Results of other jobs are rows after those of all tasks.
    pub fn push(&mut self, task: u32, inputs: &[InputRange]) -> Result<(), GraphError> {
        let mut reads = Vec::with_capacity(inputs.len());
        for input in inputs.iter().filter(|input| input.count > 0) {
            match input.first.checked_add(input.count - 1) {
                Some(last) if last < task || input.job.is_some() => {}
                Some(_) | None => return Err(GraphError::InputNotEarlier { task, input: input.first.max(task) }),
            }
            reads.push(Read { group: self.number(input.first, input.count)?, part: input.part });
        }
        if self.reads.push(reads) { Ok(()) } else { Err(GraphError::TooLarge) }
    }

    fn number(&mut self, first: u32, count: u32) -> Result<u32, GraphError> {
        if let Some(&number) = self.numbers.get(&(first, count)) {
            return Ok(number);
        }
        let number = u32::try_from(self.rows.len()).map_err(|_| GraphError::TooLarge)?;
        self.rows.push(Group::new(first, count));
        self.numbers.insert((first, count), number);
        Ok(number)
    }

    /// All tasks are in: find who reads and who makes each group. `tasks` is how many there are.
    pub fn close(&mut self, tasks: u32) -> Result<(), GraphError> {
        self.numbers = BTreeMap::new();
        if self.rows.iter().map(|row| u64::from(row.count)).sum::<u64>() > MOST_MEMBERS {
            return Err(GraphError::TooLarge);
        }
        self.readers = self.reads.inverted(self.rows.len(), |read| read.group);
        self.memberships = Lists::covering(tasks as usize, self.rows.iter().map(Group::members));
        Ok(())
    }

    /// What a task reads, in order.
    pub fn reads(&self, task: u32) -> &[Read] {
        self.reads.of(task as usize)
    }

    /// The tasks that read a group, as often as they do.
    pub fn readers(&self, group: u32) -> &[u32] {
        self.readers.of(group as usize)
    }

    /// The groups to which a task belongs.
    pub fn memberships(&self, task: u32) -> &[u32] {
        self.memberships.of(task as usize)
    }

    /// This group.
    pub fn row(&self, group: u32) -> &Group {
        &self.rows[group as usize]
    }

    /// This group, to change it.
    pub fn row_mut(&mut self, group: u32) -> &mut Group {
        &mut self.rows[group as usize]
    }

    /// All groups.
    #[cfg(any(test, feature = "invariants"))]
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Group)> {
        (0..).zip(&self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: u32, count: u32, part: u32) -> InputRange {
        InputRange { first, count, part, job: None }
    }

    #[test]
    fn a_shuffle_is_one_group() {
        let mut groups = Groups::default();
        for task in 0..1000 {
            groups.push(task, &[]).unwrap();
        }
        for task in 1000..2000 {
            groups.push(task, &[range(0, 1000, task - 1000)]).unwrap();
        }
        groups.close(2000).unwrap();
        assert_eq!(groups.iter().count(), 1);
        assert_eq!(groups.readers(0).len(), 1000);
        assert_eq!(groups.memberships(999), [0]);
        assert_eq!(groups.memberships(1000), [0u32; 0]);
        assert_eq!(groups.reads(1007), [Read { group: 0, part: 7 }]);
    }

    #[test]
    fn ranges_may_overlap_and_be_read_twice() {
        let mut groups = Groups::default();
        for task in 0..3 {
            groups.push(task, &[]).unwrap();
        }
        groups.push(3, &[range(0, 2, 0), range(1, 2, 0), range(0, 2, 1), range(0, 0, 0)]).unwrap();
        groups.close(4).unwrap();
        assert_eq!(groups.readers(0), [3, 3]);
        assert_eq!(groups.memberships(1), [0, 1]);
        assert_eq!(groups.reads(3).len(), 3);
    }

    #[test]
    fn ranges_that_reach_beyond_the_task_are_refused() {
        let late = |first, count| Groups::default().push(5, &[range(first, count, 0)]).is_err();
        assert!(late(5, 1) && late(3, 3) && late(u32::MAX, 2) && late(1, u32::MAX));
        assert!(!late(0, 5));
    }
}
