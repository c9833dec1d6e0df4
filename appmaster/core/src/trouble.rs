//! What went wrong with one task so far. Most tasks have none.

use crate::ids::WorkerId;

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
    /// Times that an input, or its own result, could not be fetched.
    pub input_losses: u32,
}

impl Trouble {
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
