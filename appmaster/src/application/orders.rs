//! What is to be sent to workers after the inputs at hand. Results that nobody wants any more are not worth a message of
//! their own: they are named before the next order to their worker, or when time passes.

use std::collections::BTreeMap;

use bobbin_core::{TaskId, WorkerId};
use bobbin_proto as wire;
use wire::to_worker::Message;

/// Orders in the order in which they were given.
#[derive(Default)]
pub(super) struct Orders {
    queue: Vec<(WorkerId, Message)>,
    needless: BTreeMap<WorkerId, Vec<u32>>,
}

impl Orders {
    /// Tell a worker something.
    pub fn push(&mut self, worker: WorkerId, message: Message) {
        self.queue.push((worker, message));
    }

    /// Let a worker drop these results, soon.
    pub fn drop_results(&mut self, worker: WorkerId, tasks: Vec<TaskId>) {
        self.needless.entry(worker).or_default().extend(tasks.into_iter().map(|task| task.0));
    }

    /// Let all workers drop their needless results now.
    pub fn drop_now(&mut self) {
        for (worker, tasks) in std::mem::take(&mut self.needless) {
            self.queue.push((worker, drop_message(tasks)));
        }
    }

    /// A worker is gone, and its results with it.
    pub fn forget(&mut self, worker: WorkerId) {
        self.needless.remove(&worker);
    }

    /// Takes out what is to be sent now. What a worker may drop comes before what it is told else: no order that it has not
    /// yet can need it.
    pub fn take(&mut self) -> Vec<(WorkerId, Message)> {
        let queue = std::mem::take(&mut self.queue);
        if self.needless.is_empty() {
            return queue;
        }
        let mut all = Vec::with_capacity(queue.len() + self.needless.len());
        for (worker, message) in queue {
            let needless = self.needless.remove(&worker);
            all.extend(needless.map(|tasks| (worker, drop_message(tasks))));
            all.push((worker, message));
        }
        all
    }
}

fn drop_message(tasks: Vec<u32>) -> Message {
    Message::DropResults(wire::DropResults { tasks })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: WorkerId = WorkerId(1);
    const OTHER: WorkerId = WorkerId(2);

    fn run(task: u32) -> Message {
        Message::RunTask(wire::RunTask { task, ..Default::default() })
    }

    #[test]
    fn results_are_dropped_with_the_next_order() {
        let mut orders = Orders::default();
        orders.drop_results(ONE, vec![TaskId(1)]);
        orders.drop_results(OTHER, vec![TaskId(2)]);
        assert!(orders.take().is_empty(), "nobody is woken for that");
        orders.push(ONE, run(5));
        orders.drop_results(ONE, vec![TaskId(3)]);
        orders.push(ONE, run(6));
        let expected = [(ONE, drop_message(vec![1, 3])), (ONE, run(5)), (ONE, run(6))];
        assert_eq!(orders.take(), expected);
        assert!(orders.take().is_empty());
    }

    #[test]
    fn results_are_dropped_when_time_passes() {
        let mut orders = Orders::default();
        orders.push(ONE, run(5));
        orders.drop_results(OTHER, vec![TaskId(2)]);
        orders.drop_results(ONE, vec![TaskId(1)]);
        orders.forget(ONE);
        orders.drop_now();
        assert_eq!(orders.take(), [(ONE, run(5)), (OTHER, drop_message(vec![2]))]);
    }
}
