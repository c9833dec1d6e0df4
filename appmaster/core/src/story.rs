//! What happened to tasks lately: one line for each step of each task, the latest of all tasks together.

use std::collections::VecDeque;
use std::fmt;

use crate::ids::{TaskId, Time, WorkerId};

/// Lines that are kept; few in tests, where stories are short.
const KEPT: usize = if cfg!(test) { 64 } else { 1 << 16 };

/// The latest lines of all tasks, in order.
#[derive(Debug, Default)]
pub(crate) struct Story {
    lines: VecDeque<Line>,
    /// Lines that were there once.
    forgotten: u64,
}

/// One thing that happened to one task.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub at: Time,
    pub task: TaskId,
    pub step: Step,
}

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// All of its inputs are there.
    Ready,
    /// A worker got it.
    Sent { worker: WorkerId, attempt: u32 },
    /// The worker was told to stop it.
    ToldToStop { worker: WorkerId },
    /// It left its result there.
    Done { worker: WorkerId, bytes: u64 },
    /// The worker had its result from an application master before ours.
    Found { worker: WorkerId, bytes: u64 },
    /// It ended there without a result.
    Failed { worker: WorkerId, why: Box<str> },
    /// The worker that had it is gone.
    WorkerGone { worker: WorkerId },
    /// Its result is gone.
    Lost { worker: WorkerId },
    /// A copy of its result is on one more worker.
    Copied { worker: WorkerId },
    /// Its result is known to be there from now on.
    Moved { worker: WorkerId },
    /// It is not tried again.
    GivenUp { why: Box<str> },
    /// Nobody wants its result any more.
    Dropped { worker: WorkerId },
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Ready => formatter.write_str("could run"),
            Step::Sent { worker, attempt } => write!(formatter, "was sent to {worker} as attempt {attempt}"),
            Step::ToldToStop { worker } => write!(formatter, "{worker} was told to stop it"),
            Step::Done { worker, bytes } => write!(formatter, "left its result of {bytes} bytes on {worker}"),
            Step::Found { worker, bytes } => write!(formatter, "{worker} has its result of {bytes} bytes from before"),
            Step::Failed { worker, why } => write!(formatter, "ended on {worker} without a result: {why}"),
            Step::WorkerGone { worker } => write!(formatter, "{worker}, which had it, is gone"),
            Step::Lost { worker } => write!(formatter, "its result on {worker} is lost"),
            Step::Copied { worker } => write!(formatter, "{worker} has a copy of its result"),
            Step::Moved { worker } => write!(formatter, "its result is on {worker} now"),
            Step::GivenUp { why } => write!(formatter, "was given up: {why}"),
            Step::Dropped { worker } => write!(formatter, "its result on {worker} is dropped"),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:>9}.{:03} s  {}", self.at.0 / 1000, self.at.0 % 1000, self.step)
    }
}

impl Story {
    /// Something happened.
    pub fn note(&mut self, at: Time, task: TaskId, step: Step) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
            self.forgotten += 1;
        }
        self.lines.push_back(Line { at, task, step });
    }

    /// What happened to one task, first to last.
    pub fn of(&self, task: TaskId) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.task == task)
    }

    /// The latest lines, first to last, at most so many.
    pub fn latest(&self, most: usize) -> impl Iterator<Item = &Line> {
        self.lines.iter().skip(self.lines.len().saturating_sub(most))
    }

    /// How many lines of all tasks are not kept any more.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_lines_are_kept() {
        let mut story = Story::default();
        for number in 0..100 {
            story.note(Time(number), TaskId(number as u32 % 10), Step::Ready);
        }
        assert_eq!(story.forgotten(), 36);
        assert_eq!(story.of(TaskId(3)).map(|line| line.at.0).collect::<Vec<_>>(), [43, 53, 63, 73, 83, 93]);
        assert_eq!(story.latest(2).map(|line| line.at.0).collect::<Vec<_>>(), [98, 99]);
        let line = story.latest(1).next().unwrap().to_string();
        assert_eq!(line, "        0.099 s  could run");
    }
}
