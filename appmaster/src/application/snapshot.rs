//! The state of an application at one moment, for pages and messages.

use serde::Serialize;

/// The application at a glance.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    /// YARN's id, or "local".
    pub id: String,
    /// Connected drivers.
    pub drivers: u32,
    /// When it began, Unix milliseconds.
    pub started_ms: u64,
    /// Since when there has been neither driver nor job, Unix milliseconds; 0 when there is one.
    pub idle_since_ms: u64,
    /// Containers asked for, granted but not connected, and failed by their own fault.
    pub containers_asked: u32,
    /// Granted containers whose worker is not connected yet.
    pub containers_starting: u32,
    /// Containers that failed by their own fault.
    pub containers_failed: u32,
    /// Why nothing runs, while nothing runs; else empty.
    pub waiting_for: String,
    /// Connected workers.
    pub workers: Vec<WorkerView>,
    /// Containers of this attempt, the application master's own first; of those that are over, the last ones.
    pub containers: Vec<ContainerView>,
    /// Jobs that are not forgotten.
    pub jobs: Vec<JobView>,
    /// Last things that happened, newest last.
    pub events: Vec<String>,
}

/// One worker.
#[derive(Clone, Debug, Serialize)]
pub struct WorkerView {
    /// Its number.
    pub id: u32,
    /// Its host.
    pub host: String,
    /// Its container.
    pub container: String,
    /// Tasks that it runs at the same time.
    pub threads: u32,
    /// Tasks that it has finished.
    pub finished: u64,
}

/// One container.
#[derive(Clone, Debug, Serialize)]
pub struct ContainerView {
    /// YARN's id of it.
    pub id: String,
    /// Its host.
    pub host: String,
    /// What it does, in words.
    pub state: String,
    /// Whether it ended by a fault.
    pub failed: bool,
    /// The page of its logs at its NodeManager.
    pub logs: String,
}

/// One job.
#[derive(Clone, Debug, Default, Serialize)]
pub struct JobView {
    /// Its number.
    pub id: u32,
    /// Names of its task sets.
    pub name: String,
    /// Tasks that it needs.
    pub tasks: u32,
    /// Of these, done or skipped.
    pub done: u32,
    /// Of these, skipped: enough rows were there without them.
    pub skipped: u32,
    /// Of these, with a worker.
    pub running: u32,
    /// Attempts that had to be repeated.
    pub retries: u32,
    /// Finished tasks that ran on the host of their data.
    pub node_local: u32,
    /// Finished tasks that ran in its rack.
    pub rack_local: u32,
    /// Finished tasks that ran elsewhere.
    pub remote: u32,
    /// Bytes read through descriptors of the DataNode's files.
    pub bytes_short_circuit: u64,
    /// Bytes read from the local DataNode's socket.
    pub bytes_local_socket: u64,
    /// Bytes read from other hosts.
    pub bytes_remote: u64,
    /// Why nothing of it runs, while nothing runs; else empty.
    pub waiting_for: String,
}
