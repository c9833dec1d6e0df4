//! Jobs whose tasks fail alone: what a failure means for those that read its task.
//!
//! A failed task has no result and never will. Whoever waits for it fails with it, in its own job and in others; a task
//! that has its inputs already goes on. Rows of other jobs' tasks fail with these.

use std::sync::Arc;

use crate::job::{Job, State};
use crate::lineage::Effects;

/// Why a task has no result, and never will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The name of the task that failed by itself, if it is another one, which this one needed.
    pub origin: Option<Arc<str>>,
    /// What the user should read.
    pub message: Arc<str>,
    /// The exit code that it deserves, or 0.
    pub exit_code: u32,
}

impl Failure {
    /// Of a task that failed by itself.
    pub fn new(message: &str, exit_code: u32) -> Failure {
        Failure { origin: None, message: message.into(), exit_code }
    }

    /// The failure of a task that reads the result of this one, whose name is `name`.
    pub fn of_reader(&self, name: impl FnOnce() -> String) -> Failure {
        Failure { origin: Some(self.origin.clone().unwrap_or_else(|| name().into())), ..self.clone() }
    }

    /// What the driver is told.
    pub fn text(&self) -> String {
        match &self.origin {
            Some(origin) => format!("{origin}, whose result is needed here, failed: {}", self.message),
            None => self.message.to_string(),
        }
    }
}

impl Job {
    /// The task comes back from its worker, and will not be sent again as it is.
    pub fn come_back(&mut self, index: u32) {
        self.unassign(index);
        self.task_mut(index).state = State::Waiting { missing: 0 };
    }

    /// This task will never have a result, and neither will those that wait for it. What is done stays done.
    pub fn fail(&mut self, index: u32, failure: Failure, effects: &mut Effects) {
        let mut stack = vec![(index, failure)];
        while let Some((index, failure)) = stack.pop() {
            let reads = match self.task(index).state {
                State::Done { .. } | State::Skipped | State::Failed => continue,
                State::Idle | State::Sought { .. } | State::Away => false,
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
            self.mark_failed(index, failure.clone(), effects);
            if reads {
                self.give_up_inputs(vec![index], effects);
            }
            let failure = failure.of_reader(|| self.task_name(index));
            stack.extend(self.waiting_readers(index).map(|reader| (reader, failure.clone())));
        }
    }

    fn mark_failed(&mut self, index: u32, failure: Failure, effects: &mut Effects) {
        self.task_mut(index).state = State::Failed;
        self.troubles.remove(&index);
        self.failures.insert(index, failure);
        effects.settled = true;
        for position in 0..self.groups.memberships(index).len() {
            let group = self.groups.memberships(index)[position];
            self.groups.row_mut(group).failed += 1;
        }
        if self.is_import(index) {
            return;
        }
        self.count_done(index);
        self.note_move(index, effects);
        effects.barren.push(index);
        if self.is_announced(index) || self.is_held(index) {
            effects.failed.push(index);
        }
    }

    /// Tasks that wait for this one.
    fn waiting_readers(&self, index: u32) -> impl Iterator<Item = u32> {
        let readers = self.groups.memberships(index).iter().flat_map(|&group| self.groups.readers(group));
        readers.copied().filter(|&reader| matches!(self.task(reader).state, State::Waiting { .. }))
    }

    /// The failure of a task that this one reads, in the words of this one.
    pub fn inherited_failure(&self, index: u32) -> Option<Failure> {
        if self.failures.is_empty() {
            return None;
        }
        let reads = self.groups.reads(index).iter();
        let group = reads.map(|read| self.groups.row(read.group)).find(|group| group.failed > 0)?;
        let member = group.members().find(|member| self.failures.contains_key(member))?;
        Some(self.failures.get(&member)?.of_reader(|| self.task_name(member)))
    }
}
