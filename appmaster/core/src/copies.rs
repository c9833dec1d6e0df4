//! Results that several workers have, or are to have: which, who has them, and who is fetching them from whom. Usual
//! results have one holder, which their task's state names, and no row here.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{CopyId, TaskId, Time, WorkerId};

/// Fetches of one result from one worker at a time: copies spread as a tree, because each one that has come serves others.
const FAN_OUT: usize = 2;

/// Copies that one worker fetches at a time.
const INCOMING: u32 = 4;

/// Copies of one result that may fail before no more are made.
const FAILURES: u32 = 4;

/// All results with rows.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    rows: BTreeMap<TaskId, Copied>,
    /// Rows for which there may be something to do.
    unsettled: BTreeSet<TaskId>,
    /// Has something happened since they were looked at?
    stirred: bool,
    /// Rows for which nobody had room: they are looked at, a few at a time, when there may be some.
    waiting: BTreeSet<TaskId>,
    roomy: bool,
    /// How many each worker fetches.
    incoming: BTreeMap<WorkerId, u32>,
    /// Who fetches what. A row that is gone may still have some.
    flights: BTreeMap<CopyId, (WorkerId, TaskId)>,
    next: u32,
    /// When results last came to be elsewhere: whoever was sent to them before may have been sent in vain.
    moved: BTreeMap<TaskId, Time>,
}

/// A result with more than one holder, or that is to have more, or another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    /// So many workers are to have it.
    pub wanted: u32,
    /// Who has it, beside the worker that the task's state names.
    pub others: BTreeSet<WorkerId>,
    /// Who fetches it, and from whom.
    pub coming: BTreeMap<WorkerId, (WorkerId, CopyId)>,
    /// Who is to give it up as soon as others have it, and who is to have it instead.
    pub moving: Option<(WorkerId, WorkerId)>,
    /// Fetches that failed.
    failures: u32,
}

impl Copied {
    /// Of these holders, one that may serve another fetch: the one that serves fewest.
    pub fn source(&self, holders: &[WorkerId]) -> Option<WorkerId> {
        let serves = |holder: WorkerId| self.coming.values().filter(|(from, _)| *from == holder).count();
        let free = holders.iter().map(|&holder| (serves(holder), holder)).filter(|&(count, _)| count < FAN_OUT);
        free.min().map(|(_, holder)| holder)
    }
}

impl Copies {
    /// Does no result have a row?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The row of a result.
    pub fn get(&self, task: TaskId) -> Option<&Copied> {
        self.rows.get(&task)
    }

    /// The row of a result, made if need be; it is looked at soon.
    pub fn row(&mut self, task: TaskId) -> &mut Copied {
        self.unsettled.insert(task);
        self.stirred = true;
        self.rows.entry(task).or_default()
    }

    /// The rows of consecutive tasks.
    pub fn range(&self, first: TaskId, count: u32) -> impl Iterator<Item = (TaskId, &Copied)> {
        let end = TaskId(first.0.saturating_add(count));
        self.rows.range(first..end).map(|(&task, row)| (task, row))
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = (TaskId, &Copied)> {
        self.rows.iter().map(|(&task, row)| (task, row))
    }

    /// Something of this result has changed, if it has a row.
    pub fn stir(&mut self, task: TaskId) {
        if self.rows.contains_key(&task) {
            self.unsettled.insert(task);
            self.stirred = true;
        }
    }

    /// Workers came, or were told to leave: every row may have something to do.
    pub fn stir_all(&mut self) {
        self.unsettled.extend(self.rows.keys());
        self.stirred = !self.unsettled.is_empty();
        self.roomy = true;
    }

    /// What is to be looked at now.
    pub fn take_unsettled(&mut self) -> BTreeSet<TaskId> {
        if std::mem::take(&mut self.stirred) { std::mem::take(&mut self.unsettled) } else { BTreeSet::new() }
    }

    /// Nobody has room for this one now.
    pub fn wait_for_room(&mut self, task: TaskId) {
        self.waiting.insert(task);
    }

    /// Those that wait for room, if there may be some since they were last asked for.
    pub fn take_waiting(&mut self) -> BTreeSet<TaskId> {
        if std::mem::take(&mut self.roomy) { std::mem::take(&mut self.waiting) } else { BTreeSet::new() }
    }

    /// They still wait.
    pub fn wait_on(&mut self, mut rest: BTreeSet<TaskId>) {
        self.waiting.append(&mut rest);
    }

    /// Does this one wait for room?
    pub fn is_waiting(&self, task: TaskId) -> bool {
        self.waiting.contains(&task)
    }

    /// May this worker fetch one more?
    pub fn has_room(&self, worker: WorkerId) -> bool {
        self.incoming.get(&worker).is_none_or(|count| *count < INCOMING)
    }

    /// A worker begins to fetch a result.
    pub fn begin(&mut self, task: TaskId, to: WorkerId, from: WorkerId) -> CopyId {
        self.next += 1;
        let copy = CopyId(self.next);
        self.flights.insert(copy, (to, task));
        *self.incoming.entry(to).or_default() += 1;
        self.rows.entry(task).or_default().coming.insert(to, (from, copy));
        copy
    }

    /// A worker says that a fetch is over. Its result, if it did fetch it; nobody may wait for it any more.
    pub fn land(&mut self, worker: WorkerId, copy: CopyId) -> Option<TaskId> {
        let &(to, task) = self.flights.get(&copy)?;
        if to != worker {
            return None;
        }
        self.flights.remove(&copy);
        if let Some(count) = self.incoming.get_mut(&worker) {
            *count -= 1;
        }
        self.roomy = true;
        Some(task)
    }

    /// Was this fetch still waited for? Then it is not any more.
    pub fn arrived(&mut self, task: TaskId, worker: WorkerId, copy: CopyId) -> bool {
        let Some(row) = self.rows.get_mut(&task) else { return false };
        let awaited = row.coming.get(&worker).is_some_and(|(_, known)| *known == copy);
        if awaited {
            row.coming.remove(&worker);
            self.stir(task);
        }
        awaited
    }

    /// A fetch failed. True if no more should be tried.
    pub fn failed(&mut self, task: TaskId) -> bool {
        let Some(row) = self.rows.get_mut(&task) else { return false };
        row.failures += 1;
        row.failures >= FAILURES
    }

    /// Be content with what there is of a result.
    pub fn be_content(&mut self, task: TaskId) {
        if let Some(row) = self.rows.get_mut(&task) {
            (row.wanted, row.moving, row.failures) = (0, None, 0);
            self.stir(task);
        }
    }

    /// Another holder takes the place of the one that a task's state names, which is gone: the first of these that has it.
    pub fn promote(&mut self, task: TaskId, is_better: impl Fn(WorkerId) -> bool) -> Option<WorkerId> {
        let row = self.rows.get_mut(&task)?;
        let next = row.others.iter().copied().min_by_key(|&worker| (!is_better(worker), worker))?;
        row.others.remove(&next);
        self.stir(task);
        Some(next)
    }

    /// The worker that a task's state names has changed.
    pub fn note_move(&mut self, task: TaskId, now: Time) {
        self.moved.insert(task, now);
    }

    /// Has it changed since then?
    pub fn has_moved_since(&self, task: TaskId, then: Time) -> bool {
        self.moved.get(&task).is_some_and(|&moved| moved >= then)
    }

    /// The result is not there any more. What was asked for holds for the next one.
    pub fn lost(&mut self, task: TaskId) {
        if let Some(row) = self.rows.get_mut(&task) {
            row.coming.clear();
            row.moving = None;
        }
    }

    /// A worker is gone, with all that it had and fetched.
    pub fn worker_gone(&mut self, worker: WorkerId) {
        self.flights.retain(|_, (to, _)| *to != worker);
        self.incoming.remove(&worker);
        self.roomy = true;
        for (task, row) in &mut self.rows {
            let had = row.others.remove(&worker) | row.coming.remove(&worker).is_some();
            let moved = row.moving.is_some_and(|(from, to)| from == worker || to == worker);
            if moved {
                row.moving = None;
            }
            if had || moved {
                self.unsettled.insert(*task);
            }
        }
        self.stirred = !self.unsettled.is_empty();
    }

    /// Nothing will be asked of these tasks any more. Those with rows.
    pub fn end(&mut self, first: TaskId, count: u32) -> Vec<TaskId> {
        let end = TaskId(first.0.saturating_add(count));
        for task in self.moved.range(first..end).map(|(&task, _)| task).collect::<Vec<_>>() {
            self.moved.remove(&task);
        }
        self.rows.range(first..end).map(|(&task, _)| task).collect()
    }

    /// As many have the result as wanted: what was to be done is done.
    pub fn is_settled(&mut self, task: TaskId) {
        let Some(row) = self.rows.get_mut(&task) else { return };
        row.moving = None;
        if row.wanted <= 1 && row.coming.is_empty() && row.others.is_empty() {
            self.rows.remove(&task);
        }
    }

    /// The row is not needed any more. Who had the result, beside the worker that the task's state names.
    pub fn forget(&mut self, task: TaskId) -> BTreeSet<WorkerId> {
        self.unsettled.remove(&task);
        self.waiting.remove(&task);
        self.rows.remove(&task).map(|row| row.others).unwrap_or_default()
    }

    /// Fetches that workers have yet to answer, for checks.
    #[cfg(any(test, feature = "invariants"))]
    pub fn flights(&self) -> impl Iterator<Item = (CopyId, WorkerId, TaskId)> {
        self.flights.iter().map(|(&copy, &(worker, task))| (copy, worker, task))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: TaskId = TaskId(7);

    fn worker(number: u32) -> WorkerId {
        WorkerId(number)
    }

    #[test]
    fn each_holder_serves_few_at_a_time() {
        let mut copies = Copies::default();
        copies.row(TASK).wanted = 5;
        let holders = [worker(1), worker(2)];
        let mut sources = Vec::new();
        for to in 3..9 {
            let Some(from) = copies.get(TASK).and_then(|row| row.source(&holders)) else { break };
            copies.begin(TASK, worker(to), from);
            sources.push(from.0);
        }
        assert_eq!(sources, [1, 2, 1, 2]);
    }

    #[test]
    fn only_who_fetches_may_say_that_it_has() {
        let mut copies = Copies::default();
        copies.row(TASK).wanted = 2;
        let copy = copies.begin(TASK, worker(2), worker(1));
        assert_eq!(copies.land(worker(3), copy), None);
        assert_eq!(copies.land(worker(2), copy), Some(TASK));
        assert!(copies.arrived(TASK, worker(2), copy));
        assert!(!copies.arrived(TASK, worker(2), copy), "once");
        assert_eq!(copies.land(worker(2), copy), None);
    }

    #[test]
    fn a_worker_takes_its_copies_with_it() {
        let mut copies = Copies::default();
        copies.row(TASK).others = BTreeSet::from([worker(2), worker(3)]);
        copies.begin(TASK, worker(4), worker(2));
        copies.worker_gone(worker(2));
        copies.worker_gone(worker(4));
        assert_eq!(copies.get(TASK).map(|row| row.coming.len()), Some(0));
        assert_eq!(copies.promote(TASK, |_| true), Some(worker(3)));
        assert_eq!(copies.promote(TASK, |_| true), None);
    }
}
