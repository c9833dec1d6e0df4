//! One connected worker, and what it was given to do.

use crate::ids::{ContainerId, HostId, TaskId, Time};

/// Threads of a worker beyond which we do not believe it.
const MOST_THREADS: u32 = 1024;

/// A task that a worker has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assigned {
    pub task: TaskId,
    pub attempt: u32,
    /// When it was sent.
    pub sent: Time,
    /// When a thread was free for it.
    pub started: Option<Time>,
    /// Did we tell the worker to stop it?
    pub cancelled: bool,
}

/// One worker. It runs tasks in the order in which it got them: the first `threads` run, the others are queued.
#[derive(Debug)]
pub(crate) struct Worker {
    /// `None` in local mode.
    pub container: Option<ContainerId>,
    pub host: HostId,
    pub threads: u32,
    pub assigned: Vec<Assigned>,
    /// Results that it keeps for us.
    pub results: u32,
    /// Transient failures since its last success.
    pub failures_in_row: u32,
    /// Since when it has had nothing to do.
    pub idle_since: Time,
}

impl Worker {
    /// A worker that just connected.
    pub fn new(container: Option<ContainerId>, host: HostId, threads: u32, now: Time) -> Worker {
        Worker {
            container,
            host,
            threads: threads.clamp(1, MOST_THREADS),
            assigned: Vec::new(),
            results: 0,
            failures_in_row: 0,
            idle_since: now,
        }
    }

    /// How many more tasks it may have if each thread gets one, and so many are queued.
    pub fn room(&self, queued: u32) -> usize {
        (self.threads.saturating_add(queued) as usize).saturating_sub(self.assigned.len())
    }

    /// Note a task that is being sent.
    pub fn push(&mut self, task: TaskId, attempt: u32, now: Time) {
        let started = (self.room(0) > 0).then_some(now);
        self.assigned.push(Assigned { task, attempt, sent: now, started, cancelled: false });
    }

    /// Take out this attempt, if the worker has it. The first queued task gets its thread.
    pub fn take(&mut self, task: TaskId, attempt: u32, now: Time) -> Option<Assigned> {
        let position = self.assigned.iter().position(|row| row.task == task && row.attempt == attempt)?;
        let taken = self.assigned.remove(position);
        for row in self.assigned.iter_mut().take(self.threads as usize) {
            row.started.get_or_insert(now);
        }
        if self.assigned.is_empty() {
            self.idle_since = now;
        }
        Some(taken)
    }

    /// The tasks that it has and has no thread for.
    pub fn queued(&self) -> &[Assigned] {
        self.assigned.get(self.threads as usize..).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queued_task_starts_when_a_thread_is_free() {
        let mut worker = Worker::new(None, HostId(0), 1, Time(0));
        worker.push(TaskId(1), 1, Time(1));
        worker.push(TaskId(2), 1, Time(2));
        assert_eq!(worker.room(1), 0);
        assert_eq!(worker.queued().len(), 1);
        assert_eq!(worker.take(TaskId(1), 2, Time(3)), None);
        assert!(worker.take(TaskId(1), 1, Time(5)).is_some());
        assert_eq!(worker.assigned[0].started, Some(Time(5)));
    }

    #[test]
    fn threads_are_believed_within_reason() {
        assert_eq!(Worker::new(None, HostId(0), 0, Time(0)).threads, 1);
        assert_eq!(Worker::new(None, HostId(0), u32::MAX, Time(0)).threads, MOST_THREADS);
    }
}
