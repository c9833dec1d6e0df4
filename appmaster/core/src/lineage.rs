//! How the states of a job's tasks follow from each other: what a finished task frees, what a lost result costs.

use crate::failing::Failure;
use crate::ids::{Time, WorkerId};
use crate::job::{Job, State};

/// What else has to happen after tasks changed their states.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    /// Tasks whose inputs are all there now: they are in no list yet and their state is still `Waiting`.
    pub ready: Vec<u32>,
    /// Tasks that were `Ready` and are not any more.
    pub unready: Vec<u32>,
    /// Results that nobody wants any more.
    pub dropped: Vec<(WorkerId, u32)>,
    /// Tasks that a worker has and nobody wants any more.
    pub cancelled: Vec<(WorkerId, u32)>,
    /// Tasks whose results came or went, if other jobs read this one.
    pub moved: Vec<u32>,
    /// Rows of other jobs' tasks that the first reader began, or the last one ceased, to need.
    pub imports: Vec<u32>,
    /// Tasks that failed alone and of which the driver is to be told.
    pub failed: Vec<u32>,
    /// Tasks that have no result and, as far as one can see, never will: they failed, or were skipped, or nobody needs them.
    pub barren: Vec<u32>,
    /// Results of former application masters that their workers are to be asked for.
    pub adopted: Vec<(WorkerId, u32)>,
    /// The job may be over by this: tasks failed, or are not wanted any more.
    pub settled: bool,
    /// A task of another job failed, and this job cannot do without it.
    pub fatal: Option<Failure>,
}

impl Job {
    /// Start: everything that a root needs.
    pub fn start(&mut self, effects: &mut Effects) {
        for index in 0..self.len() {
            if self.task(index).root {
                self.need(index, effects);
            }
        }
    }

    /// The result of this task is needed: see that it is computed, and so on for its inputs.
    pub fn need(&mut self, index: u32, effects: &mut Effects) {
        // Most tasks read nothing.
        let task = self.task(index);
        if task.state == State::Idle && task.root && self.formerly.is_none() && self.groups.reads(index).is_empty() {
            return self.wait_for(index, 0, effects);
        }
        self.need_all(vec![index], effects);
    }

    fn need_all(&mut self, mut stack: Vec<u32>, effects: &mut Effects) {
        while let Some(index) = stack.pop() {
            // Who put it there may have failed in the meantime.
            let task = self.task(index);
            if task.state != State::Idle || task.uses == 0 && !task.root {
                continue;
            }
            if self.seek(index, effects) {
                continue;
            }
            if let Some(failure) = self.inherited_failure(index) {
                self.fail(index, failure, effects);
                continue;
            }
            let mut missing = 0;
            for position in 0..self.groups.reads(index).len() {
                let group = self.groups.reads(index)[position].group;
                missing += u32::from(self.begin_read(group, &mut stack, effects));
            }
            self.wait_for(index, missing, effects);
        }
    }

    /// One more task waits for this group; members that nobody has made go on the stack. True if any is missing.
    fn begin_read(&mut self, group: u32, stack: &mut Vec<u32>, effects: &mut Effects) -> bool {
        let row = self.groups.row_mut(group);
        row.uses += 1;
        let missing = row.missing > 0;
        if row.uses > 1 {
            stack.extend(std::mem::take(&mut row.left));
            return missing;
        }
        for member in row.members() {
            let task = self.task_mut(member);
            task.uses += 1;
            let (idle, first) = (task.state == State::Idle, task.uses == 1);
            if idle {
                stack.push(member);
            }
            if first && self.is_import(member) {
                effects.imports.push(member);
            }
        }
        missing
    }

    fn wait_for(&mut self, index: u32, missing: u32, effects: &mut Effects) {
        self.task_mut(index).state = State::Waiting { missing };
        if missing == 0 {
            effects.ready.push(index);
        }
    }

    /// A worker gets the task, whose inputs are all there.
    pub fn assign(&mut self, index: u32, worker: WorkerId) {
        self.task_mut(index).state = State::Assigned { worker };
        for position in 0..self.groups.reads(index).len() {
            let group = self.groups.reads(index)[position].group;
            self.groups.row_mut(group).assigned += 1;
        }
    }

    /// The task is on no worker any more.
    pub fn unassign(&mut self, index: u32) {
        for position in 0..self.groups.reads(index).len() {
            let group = self.groups.reads(index)[position].group;
            self.groups.row_mut(group).assigned -= 1;
        }
    }

    /// An assigned task came back without a result: it waits for its inputs again, if anybody still wants it.
    pub fn requeue(&mut self, index: u32, effects: &mut Effects) {
        self.unassign(index);
        if self.task(index).uses == 0 && !self.task(index).root {
            self.task_mut(index).state = State::Idle;
            effects.barren.push(index);
            self.count_done(index);
            self.give_up_inputs(vec![index], effects);
            return;
        }
        if let Some(failure) = self.inherited_failure(index) {
            self.task_mut(index).state = State::Waiting { missing: 0 };
            return self.fail(index, failure, effects);
        }
        let mut missing = 0;
        let mut left = Vec::new();
        for position in 0..self.groups.reads(index).len() {
            let group = self.groups.reads(index)[position].group;
            let row = self.groups.row_mut(group);
            missing += u32::from(row.missing > 0);
            left.extend(std::mem::take(&mut row.left));
        }
        self.wait_for(index, missing, effects);
        self.need_all(left, effects);
    }

    /// The task left this result on this worker.
    pub fn complete(&mut self, index: u32, worker: WorkerId, bytes: u64, now: Time, effects: &mut Effects) {
        self.unassign(index);
        self.done(index, (worker, bytes), now, effects);
        if !self.groups.reads(index).is_empty() {
            self.give_up_inputs(vec![index], effects);
        }
    }

    /// The result of this task is on this worker, whoever made it.
    pub fn done(&mut self, index: u32, (worker, bytes): (WorkerId, u64), now: Time, effects: &mut Effects) {
        let task = self.task_mut(index);
        task.state = State::Done { worker, bytes };
        let needless = task.uses == 0 && !task.wanted;
        self.count_done(index);
        self.counts.last_task = Some(now);
        self.forgive(index);
        self.feed_readers(index, effects);
        if needless {
            self.drop_result(index, effects);
        } else {
            self.note_move(index, effects);
        }
    }

    /// What went wrong is over, but for fetching, which may go wrong again with the result of the next attempt.
    fn forgive(&mut self, index: u32) {
        match self.troubles.get_mut(&index) {
            Some(trouble) if trouble.input_losses > 0 => {
                trouble.transient.clear();
                trouble.deaths.clear();
                trouble.isolated = None;
            }
            Some(_) => drop(self.troubles.remove(&index)),
            None => {}
        }
    }

    /// Other jobs that read this task are to hear of it.
    pub fn note_move(&self, index: u32, effects: &mut Effects) {
        if !self.dependents.is_empty() {
            effects.moved.push(index);
        }
    }

    /// The task is done, or nobody wants it any more, which is as good.
    pub fn count_done(&mut self, index: u32) {
        let task = self.task_mut(index);
        if !std::mem::replace(&mut task.done, true) {
            let root = task.root;
            self.counts.done += 1;
            self.roots_left -= u32::from(root);
        }
    }

    /// A member of its groups is there, or skipped: those of their readers that lack no other are ready.
    pub fn feed_readers(&mut self, index: u32, effects: &mut Effects) {
        for position in 0..self.groups.memberships(index).len() {
            let group = self.groups.memberships(index)[position];
            let row = self.groups.row_mut(group);
            row.missing -= 1;
            if row.missing > 0 {
                continue;
            }
            for &reader in self.groups.readers(group) {
                if let State::Waiting { missing } = &mut self.tasks[reader as usize].state {
                    *missing = missing.saturating_sub(1);
                    if *missing == 0 {
                        effects.ready.push(reader);
                    }
                }
            }
        }
    }

    /// These tasks read their inputs no more. Whatever nobody else reads is dropped, or not computed in the first place.
    pub fn give_up_inputs(&mut self, mut stack: Vec<u32>, effects: &mut Effects) {
        while let Some(index) = stack.pop() {
            for position in 0..self.groups.reads(index).len() {
                let group = self.groups.reads(index)[position].group;
                let row = self.groups.row_mut(group);
                row.uses -= 1;
                if row.uses > 0 {
                    continue;
                }
                row.left.clear();
                for member in row.members() {
                    let task = self.task_mut(member);
                    task.uses = task.uses.saturating_sub(1);
                    if task.uses > 0 {
                        continue;
                    }
                    if !task.wanted {
                        self.give_up(member, &mut stack, effects);
                    } else if self.is_import(member) {
                        effects.imports.push(member);
                    }
                }
            }
        }
    }

    /// Nobody reads this task's result any more. If its own inputs are thereby given up too, it goes on the stack.
    pub fn give_up(&mut self, index: u32, stack: &mut Vec<u32>, effects: &mut Effects) {
        match self.task(index).state {
            State::Done { .. } => return self.drop_result(index, effects),
            // It comes back, or its result is dropped when it comes.
            State::Assigned { worker } => return effects.cancelled.push((worker, index)),
            State::Skipped | State::Away | State::Failed => return,
            // Its result is dropped when it comes.
            State::Sought { asked: Some(_) } => return,
            State::Idle | State::Sought { asked: None } => {}
            State::Ready { .. } => {
                effects.unready.push(index);
                stack.push(index);
            }
            State::Waiting { .. } | State::Delayed { .. } => stack.push(index),
        }
        self.task_mut(index).state = State::Idle;
        effects.barren.push(index);
        self.count_done(index);
    }

    /// Nobody is left who reads it: its groups have no readers to tell.
    fn drop_result(&mut self, index: u32, effects: &mut Effects) {
        let State::Done { worker, .. } = self.task(index).state else { return };
        effects.dropped.push((worker, index));
        self.note_move(index, effects);
        let missed = self.take_result(index, effects);
        for position in 0..self.groups.memberships(index).len() {
            let group = self.groups.memberships(index)[position];
            let row = self.groups.row_mut(group);
            row.missing += u32::from(missed);
            row.holders = None;
        }
    }

    /// The result is not there any more. False if that is as good as being there: enough rows are.
    fn take_result(&mut self, index: u32, effects: &mut Effects) -> bool {
        if self.limits.is_needless(index) {
            self.mark_skipped(index, effects);
            return false;
        }
        self.task_mut(index).state = State::Idle;
        effects.barren.push(index);
        true
    }

    /// The result of a done task is gone. It is computed again if the driver wants it, or a task that waits.
    pub fn lose(&mut self, index: u32, effects: &mut Effects) {
        if self.result(index).is_none() {
            return;
        }
        self.note_move(index, effects);
        if !self.take_result(index, effects) {
            return self.forget_holders(index);
        }
        let task = self.task_mut(index);
        let mut needed = task.wanted;
        let (root, was_done) = (task.root, std::mem::replace(&mut task.done, false));
        if was_done {
            self.counts.done -= 1;
            self.roots_left += u32::from(root);
        }
        self.counts.retries += 1;
        needed |= self.lose_memberships(index, effects);
        if needed {
            self.need(index, effects);
        }
    }

    /// The result of a done task is on this worker from now on.
    pub fn relocate(&mut self, index: u32, worker: WorkerId, bytes: u64) {
        self.task_mut(index).state = State::Done { worker, bytes };
        self.forget_holders(index);
    }

    fn forget_holders(&mut self, index: u32) {
        for position in 0..self.groups.memberships(index).len() {
            let group = self.groups.memberships(index)[position];
            self.groups.row_mut(group).holders = None;
        }
    }

    /// The result of a row is gone. True if somebody waits for it.
    pub fn lose_memberships(&mut self, index: u32, effects: &mut Effects) -> bool {
        let mut awaited = false;
        for position in 0..self.groups.memberships(index).len() {
            let group = self.groups.memberships(index)[position];
            awaited |= self.lose_member(group, index, effects);
        }
        awaited
    }

    /// A member's result is gone. True if somebody waits for the group.
    fn lose_member(&mut self, group: u32, member: u32, effects: &mut Effects) -> bool {
        let row = self.groups.row_mut(group);
        row.missing += 1;
        row.holders = None;
        if !row.is_awaited() {
            // Those that read it now may have read this result already; if not, they will say so.
            if row.uses > 0 {
                row.left.insert(member);
            }
            return false;
        }
        if row.missing == 1 {
            for &reader in self.groups.readers(group) {
                starve(&mut self.tasks[reader as usize].state, reader, effects);
            }
        }
        true
    }
}

/// One read of this task lacks a result again.
fn starve(state: &mut State, reader: u32, effects: &mut Effects) {
    match state {
        State::Waiting { missing } => *missing += 1,
        State::Ready { .. } => {
            effects.unready.push(reader);
            *state = State::Waiting { missing: 1 };
        }
        State::Delayed { .. } => *state = State::Waiting { missing: 1 },
        // It may have read the input already; if not, it will say so.
        State::Assigned { .. } => {}
        // It reads nothing.
        State::Idle | State::Sought { .. } | State::Done { .. } | State::Skipped | State::Away | State::Failed => {}
    }
}

#[cfg(test)]
mod tests;
