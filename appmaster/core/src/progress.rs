//! What people may know about a running application.

use crate::ids::Time;

/// The state of one job and of the containers under it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tasks that the job needs.
    pub tasks: u32,
    /// Of these, done or skipped.
    pub tasks_done: u32,
    /// Of these, skipped: enough rows were there without them.
    pub tasks_skipped: u32,
    /// Of these, sent to a worker.
    pub tasks_running: u32,
    /// Attempts that had to be repeated.
    pub retries: u32,
    /// Finished tasks with places that ran on one of them.
    pub node_local: u32,
    /// Finished tasks with places that ran in the rack of one of them.
    pub rack_local: u32,
    /// Finished tasks with places that ran elsewhere.
    pub remote: u32,
    /// When the first of its tasks was sent to a worker.
    pub first_task: Option<Time>,
    /// When the last of its tasks so far was done.
    pub last_task: Option<Time>,
    /// Containers that are asked for, starting or running.
    pub containers_wanted: u32,
    /// Containers whose worker is connected.
    pub containers_running: u32,
    /// When the first container was granted.
    pub first_container: Option<Time>,
    /// Why nothing runs, while nothing runs; else empty.
    pub waiting_for: String,
}

/// The application at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Jobs that are not forgotten.
    pub jobs: u32,
    /// Connected drivers.
    pub drivers: u32,
    /// Connected workers.
    pub workers: u32,
    /// Containers asked for.
    pub containers_asked: u32,
    /// Containers granted whose worker is not connected yet.
    pub containers_starting: u32,
    /// Containers that failed, by their own fault.
    pub containers_failed: u32,
    /// Since when there has been neither driver nor job, while there is none.
    pub idle_since: Option<Time>,
}

/// How often to call the ResourceManager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Something is asked for or about to change.
    Fast,
    /// All is quiet.
    Slow,
}
