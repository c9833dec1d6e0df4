//! How the states of a job's tasks follow from each other: what a finished task frees, what a lost result costs.

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
        let mut stack = vec![index];
        while let Some(index) = stack.pop() {
            if self.task(index).state != State::Idle {
                continue;
            }
            let mut missing = 0;
            for &input in self.inputs.of(index as usize) {
                let input_task = &mut self.tasks[input as usize];
                input_task.uses += 1;
                missing += u32::from(!matches!(input_task.state, State::Done { .. }));
                if input_task.state == State::Idle {
                    stack.push(input);
                }
            }
            self.wait_for(index, missing, effects);
        }
    }

    fn wait_for(&mut self, index: u32, missing: u32, effects: &mut Effects) {
        self.task_mut(index).state = State::Waiting { missing };
        if missing == 0 {
            effects.ready.push(index);
        }
    }

    /// An assigned task came back without a result: it waits for its inputs again, if anybody still wants it.
    pub fn requeue(&mut self, index: u32, effects: &mut Effects) {
        if self.task(index).uses == 0 && !self.task(index).root {
            self.task_mut(index).state = State::Idle;
            self.count_done(index);
            self.give_up_inputs(index, effects);
            return;
        }
        let mut missing = 0;
        let mut idle = Vec::new();
        for &input in self.inputs.of(index as usize) {
            match self.task(input).state {
                State::Done { .. } => {}
                State::Idle => {
                    missing += 1;
                    idle.push(input);
                }
                State::Waiting { .. } | State::Ready { .. } | State::Delayed { .. } | State::Assigned { .. } => {
                    missing += 1;
                }
            }
        }
        self.wait_for(index, missing, effects);
        for input in idle {
            self.need(input, effects);
        }
    }

    /// The task left this result on this worker.
    pub fn complete(&mut self, index: u32, worker: WorkerId, bytes: u64, now: Time, effects: &mut Effects) {
        let task = self.task_mut(index);
        task.state = State::Done { worker, bytes };
        let needless = task.uses == 0 && !task.wanted;
        self.count_done(index);
        self.counts.last_task = Some(now);
        self.troubles.remove(&index);
        self.feed_consumers(index, effects);
        self.give_up_inputs(index, effects);
        if needless {
            self.drop_result(index, effects);
        }
    }

    /// The task is done, or nobody wants it any more, which is as good.
    fn count_done(&mut self, index: u32) {
        let task = self.task_mut(index);
        if !std::mem::replace(&mut task.done, true) {
            let root = task.root;
            self.counts.done += 1;
            self.roots_left -= u32::from(root);
        }
    }

    fn feed_consumers(&mut self, index: u32, effects: &mut Effects) {
        for &consumer in self.consumers.of(index as usize) {
            if let State::Waiting { missing } = &mut self.tasks[consumer as usize].state {
                *missing = missing.saturating_sub(1);
                if *missing == 0 {
                    effects.ready.push(consumer);
                }
            }
        }
    }

    /// The task reads its inputs no more. Whatever nobody else reads is dropped, or not computed in the first place.
    fn give_up_inputs(&mut self, index: u32, effects: &mut Effects) {
        let mut stack = vec![index];
        while let Some(index) = stack.pop() {
            for position in 0..self.inputs.of(index as usize).len() {
                let input = self.inputs.of(index as usize)[position];
                let task = self.task_mut(input);
                task.uses = task.uses.saturating_sub(1);
                if task.uses > 0 || task.wanted {
                    continue;
                }
                self.give_up(input, &mut stack, effects);
            }
        }
    }

    /// Nobody reads this task's result any more. If its own inputs are thereby given up too, it goes on the stack.
    fn give_up(&mut self, index: u32, stack: &mut Vec<u32>, effects: &mut Effects) {
        match self.task(index).state {
            State::Done { .. } => return self.drop_result(index, effects),
            // Its result will be dropped when it comes.
            State::Assigned { .. } => return,
            State::Idle => {}
            State::Ready { .. } => {
                effects.unready.push(index);
                stack.push(index);
            }
            State::Waiting { .. } | State::Delayed { .. } => stack.push(index),
        }
        self.task_mut(index).state = State::Idle;
        self.count_done(index);
    }

    fn drop_result(&mut self, index: u32, effects: &mut Effects) {
        let task = self.task_mut(index);
        if let State::Done { worker, .. } = task.state {
            task.state = State::Idle;
            effects.dropped.push((worker, index));
        }
    }

    /// The result of a done task is gone. It is computed again if the driver wants it, or a task that waits.
    pub fn lose(&mut self, index: u32, effects: &mut Effects) {
        let task = self.task_mut(index);
        if !matches!(task.state, State::Done { .. }) {
            return;
        }
        task.state = State::Idle;
        let mut needed = task.wanted;
        let (root, was_done) = (task.root, std::mem::replace(&mut task.done, false));
        if was_done {
            self.counts.done -= 1;
            self.roots_left += u32::from(root);
        }
        self.counts.retries += 1;
        for &consumer in self.consumers.of(index as usize) {
            needed |= starve(&mut self.tasks[consumer as usize].state, consumer, effects);
        }
        if needed {
            self.need(index, effects);
        }
    }
}

/// One input of this consumer is gone. True if that matters to it.
fn starve(state: &mut State, consumer: u32, effects: &mut Effects) -> bool {
    match state {
        State::Waiting { missing } => *missing += 1,
        State::Ready { .. } => {
            effects.unready.push(consumer);
            *state = State::Waiting { missing: 1 };
        }
        State::Delayed { .. } => *state = State::Waiting { missing: 1 },
        // It may have read the input already; if not, it will say so.
        State::Assigned { .. } | State::Idle | State::Done { .. } => return false,
    }
    true
}

#[cfg(test)]
mod tests;
