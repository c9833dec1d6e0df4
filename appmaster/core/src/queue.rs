//! A queue of ready tasks in the order of their numbers.
//!
//! Nearly all tasks become ready in this order and leave near the queue's head, so the queue is a row to which tasks are
//! appended, and a task that leaves the row is merely not ready any more: whoever walks the row passes over it. It goes when
//! it is at an end of a row that somebody is about to look at, or when most of the row has left. Tasks that come out of
//! order are in a small set.

use std::collections::{BTreeSet, VecDeque};

use crate::ids::TaskId;

/// A row may have so many entries for each task in it.
const SLACK: usize = 2;
/// And so many more, before those that left are cleared out; few in tests, where queues are short.
const MORE: usize = if cfg!(test) { 2 } else { 32 };

/// The queue. It does not know which tasks of its row have left: whoever asks does, and says so with `is_in`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    row: VecDeque<TaskId>,
    late: BTreeSet<TaskId>,
}

impl Queue {
    /// Append a task whose number is higher than that of all before.
    pub fn push(&mut self, task: TaskId) {
        self.row.push_back(task);
    }

    /// Put in a task that comes out of order.
    pub fn insert(&mut self, task: TaskId) {
        self.late.insert(task);
    }

    /// Take out a task that came out of order. Nothing if it did not.
    pub fn remove(&mut self, task: TaskId) {
        if !self.late.is_empty() {
            self.late.remove(&task);
        }
    }

    /// Clear out what has left: from both ends, and everywhere if the row is much longer than the `count` tasks that there
    /// are at most.
    pub fn tidy(&mut self, count: usize, is_in: impl Fn(TaskId) -> bool) {
        while self.row.front().is_some_and(|&task| !is_in(task)) {
            self.row.pop_front();
        }
        while self.row.back().is_some_and(|&task| !is_in(task)) {
            self.row.pop_back();
        }
        if !Queue::is_short(self.row.len(), count) {
            self.row.retain(|&task| is_in(task));
            self.row.shrink_to_fit();
        }
        self.free_memory();
    }

    /// Clear out what has left if the row is much longer than the `count` tasks that there are at most. Else it is not even
    /// looked at.
    pub fn tidy_if_long(&mut self, count: usize, is_in: impl Fn(TaskId) -> bool) {
        if !Queue::is_short(self.row.len(), count) {
            self.tidy(count, is_in);
        }
    }

    /// Clear out what has left, and whatever else does not suit, from the head.
    pub fn tidy_head(&mut self, is_in: impl Fn(TaskId) -> bool, suits: impl Fn(TaskId) -> bool) {
        while self.row.front().is_some_and(|&task| !is_in(task) || !suits(task)) {
            self.row.pop_front();
        }
        while self.late.first().is_some_and(|&task| !suits(task)) {
            self.late.pop_first();
        }
        self.free_memory();
    }

    /// Is that no more than a row should keep for so many tasks?
    pub fn is_short(length: usize, count: usize) -> bool {
        length <= SLACK * count + MORE
    }

    fn free_memory(&mut self) {
        if self.row.is_empty() && self.row.capacity() > MORE {
            self.row = VecDeque::new();
        }
    }

    /// Is there neither a task nor a trace of one?
    pub fn is_bare(&self) -> bool {
        self.row.is_empty() && self.late.is_empty()
    }

    /// Was the task appended, and its trace not yet cleared out?
    pub fn has_in_row(&self, task: TaskId) -> bool {
        self.row.binary_search(&task).is_ok()
    }

    /// The tasks of the row, those that left as well, and those that came out of order.
    #[cfg(any(test, feature = "invariants"))]
    pub fn parts(&self) -> (&VecDeque<TaskId>, &BTreeSet<TaskId>) {
        (&self.row, &self.late)
    }

    /// The tasks, the first one first.
    pub fn iter<'a>(&'a self, is_in: impl Fn(TaskId) -> bool + 'a) -> impl Iterator<Item = TaskId> + 'a {
        let row = self.row.iter().copied().filter(move |&task| is_in(task));
        merged(row, self.late.iter().copied(), |one, other| one < other)
    }

    /// The tasks, the last one first.
    pub fn rev<'a>(&'a self, is_in: impl Fn(TaskId) -> bool + 'a) -> impl Iterator<Item = TaskId> + 'a {
        let row = self.row.iter().rev().copied().filter(move |&task| is_in(task));
        merged(row, self.late.iter().rev().copied(), |one, other| one > other)
    }
}

/// Two ordered rows as one.
fn merged(
    one: impl Iterator<Item = TaskId>,
    other: impl Iterator<Item = TaskId>,
    comes_before: impl Fn(TaskId, TaskId) -> bool,
) -> impl Iterator<Item = TaskId> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(&first), Some(&second)) if comes_before(second, first) => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(row: &[u32], late: &[u32]) -> Queue {
        let mut queue = Queue::default();
        row.iter().for_each(|&task| queue.push(TaskId(task)));
        late.iter().for_each(|&task| queue.insert(TaskId(task)));
        queue
    }

    fn numbers(tasks: impl Iterator<Item = TaskId>) -> Vec<u32> {
        tasks.map(|task| task.0).collect()
    }

    #[test]
    fn both_kinds_are_walked_in_order() {
        let queue = queue(&[2, 5, 6, 9], &[1, 7, 12]);
        let is_in = |task: TaskId| task.0 != 5;
        assert_eq!(numbers(queue.iter(is_in)), [1, 2, 6, 7, 9, 12]);
        assert_eq!(numbers(queue.rev(is_in)), [12, 9, 7, 6, 2, 1]);
    }

    #[test]
    fn the_row_is_never_much_longer_than_its_tasks() {
        let mut queue = queue(&(0..1000).collect::<Vec<_>>(), &[]);
        queue.tidy(990, |task| task.0 >= 10);
        assert_eq!(queue.parts().0.len(), 990);
        queue.tidy(100, |task| task.0 % 10 == 0);
        assert_eq!(queue.parts().0.len(), 99, "the first ten left for good");
        queue.tidy(0, |_| false);
        assert!(queue.is_bare());
    }
}
