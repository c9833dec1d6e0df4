//! What went wrong with one task so far. Most tasks have none.

use crate::ids::{TaskId, WorkerId};

/// What a worker leaves behind that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub worker: WorkerId,
    /// Tasks that ran there and may be to blame: those that had no process of their own, if there were any.
    pub suspects: Vec<TaskId>,
    /// Tasks that run in processes of their own since then.
    pub isolated: Vec<TaskId>,
}

/// The failures of one task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble {
    /// Workers that it should not meet again.
    pub failed_on: Vec<WorkerId>,
    /// Failures of its own that were forgiven.
    pub forgiven: u32,
    /// Transient failures: what each said.
    pub transient: Vec<String>,
    /// Why the workers died that had it running, where the task may be to blame.
    pub deaths: Vec<String>,
    /// This worker, the last one of several, had it and has died: it runs in a process of its own, so that only this one can die of it.
    pub isolated: Option<WorkerId>,
    /// Times that an input, or its own result, could not be fetched.
    pub input_losses: u32,
}

impl Trouble {
    /// What is said of its end, after what is said of its last failure.
    pub fn told(&self, message: String) -> String {
        match self.deaths.as_slice() {
            [] => message,
            [cause] => format!("{message}; before, it was running in a worker that died: {cause}"),
            causes => format!(
                "{message}; before, it was running in {} workers that died: {}",
                causes.len(),
                causes.join("; ")
            ),
        }
    }

    /// Should the task stay away from this worker?
    pub fn avoids(&self, worker: WorkerId) -> bool {
        self.failed_on.contains(&worker)
    }

    /// Keep the task away from this worker.
    pub fn avoid(&mut self, worker: WorkerId) {
        if !self.avoids(worker) {
            self.failed_on.push(worker);
        }
    }
}
