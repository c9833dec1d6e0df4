//! Everything that can happen to an application, as the core sees it.

use std::time::Duration;

use crate::ids::{ContainerId, CopyId, DriverId, JobId, RequestId, TaskId, WorkerId};
use crate::names::HostNames;
use crate::questions::Question;

/// One thing that happened. The shell translates what it hears into these and knows no policy.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// What the ResourceManager says of these nodes. A node that was known is replaced; others keep what was known.
    /// Say it before [`Event::Registered`]: what is asked for before the nodes are known is asked for anywhere.
    NodesKnown {
        /// The nodes; lost and unhealthy ones with `usable: false`.
        nodes: Vec<Node>,
    },
    /// The ResourceManager accepted the application master. Nothing is asked for before.
    Registered {
        /// The cluster's largest container.
        maximum: Capability,
    },
    /// The submission says which work a driver will bring: containers are asked for at once, and given up again when no
    /// job has come within [`crate::Config::expectation_limit`]. Ignored once there was a job.
    WorkExpected {
        /// Tasks that will come.
        tasks: u32,
        /// Hosts that hold their input, by any of their names, and for how many of the tasks each.
        places: Vec<(String, u32)>,
    },
    /// What the queue could still give us (the `limit` of an allocate response).
    HeadroomKnown {
        /// The headroom.
        headroom: Capability,
    },
    /// The ResourceManager had forgotten us, and the shell registered again: everything outstanding is said again.
    Resync,
    /// The ResourceManager says that this attempt is dead.
    ShutdownByResourceManager,

    /// YARN kept these containers of an attempt before this one: each with its host, as the ResourceManager names it. Those
    /// whose workers do not come are given back. Say it before workers connect.
    ContainersKept {
        /// The containers.
        containers: Vec<(ContainerId, String)>,
    },
    /// YARN granted containers.
    ContainersGranted {
        /// The grants.
        grants: Vec<Grant>,
    },
    /// The NodeManager refused to start a container, or could not be reached.
    ContainerLaunchFailed {
        /// Which.
        container: ContainerId,
        /// Why, for people.
        why: String,
    },
    /// YARN says that a container is over.
    ContainerCompleted {
        /// Which.
        container: ContainerId,
        /// YARN's exit status.
        exit_status: i32,
        /// YARN's words.
        diagnostics: String,
    },

    /// A driver proved the application's secret.
    DriverConnected {
        /// Its new number.
        driver: DriverId,
    },
    /// A driver is gone: its jobs are cancelled and forgotten.
    DriverDisconnected {
        /// Which.
        driver: DriverId,
    },
    /// A driver submitted a graph of tasks. Answered by [`crate::Action::JobAccepted`] or
    /// [`crate::Action::JobFailed`].
    JobSubmitted {
        /// Whose it is.
        driver: DriverId,
        /// The application's new number of the job.
        job: JobId,
        /// Its tasks; their bodies stay in the shell.
        graph: Graph,
    },
    /// The driver wants no more of this job.
    JobCancelled {
        /// Which.
        job: JobId,
    },
    /// The driver has all results that it wants. What other jobs read of it is kept for them.
    JobReleased {
        /// Which.
        job: JobId,
    },
    /// The driver wants these results of an independent job no more, and no later job will read them. What earlier ones
    /// read of them is kept for these.
    ResultsReleased {
        /// Whose results.
        job: JobId,
        /// Numbers of the tasks in the job.
        indexes: Vec<u32>,
    },
    /// These tasks of an independent job are to end now, and with them those that wait for them. What is done stays done.
    TasksCancelled {
        /// Whose tasks.
        job: JobId,
        /// Numbers of the tasks in the job.
        indexes: Vec<u32>,
    },
    /// The driver could not fetch an announced result. It is computed again elsewhere, within limits.
    ResultUnreadable {
        /// Whose result.
        job: JobId,
        /// Number of the task in the job.
        index: u32,
        /// Where it was looked for. A result that has moved on in the meantime is left alone.
        workers: Vec<WorkerId>,
        /// Why, for people.
        why: String,
    },
    /// A driver asks for, or changes, something that all drivers share. Answered once by [`crate::Action::Answer`], at once or
    /// when what it waits for has come.
    Asked {
        /// Who.
        driver: DriverId,
        /// Its number of the question.
        request: u32,
        /// What.
        question: Question,
    },
    /// A driver waits no more for the answer to a question, which is answered as timed out. If it was answered before, that is
    /// for the driver to undo.
    QuestionWithdrawn {
        /// Who.
        driver: DriverId,
        /// Its number of the question.
        request: u32,
    },
    /// A driver wants these results no more that it has of a dataset.
    SharesReleased {
        /// Who.
        driver: DriverId,
        /// Whose results.
        job: JobId,
        /// Numbers of the tasks in the job.
        indexes: Vec<u32>,
    },
    /// A driver (or the command in the application master's container) ends the application.
    FinishRequested {
        /// The outcome.
        succeeded: bool,
        /// What people will read.
        diagnostics: String,
    },

    /// A worker proved the application's secret and can take tasks.
    WorkerConnected {
        /// Its new number.
        worker: WorkerId,
        /// The container that it lives in; `None` in local mode.
        container: Option<ContainerId>,
        /// Its host, as the ResourceManager names it.
        host: String,
        /// Tasks that it runs at the same time.
        threads: u32,
    },
    /// A worker that has just connected has results of former application masters.
    ResultsClaimed {
        /// Who.
        worker: WorkerId,
        /// What.
        results: Vec<FormerResults>,
    },
    /// A worker answers [`crate::Action::AdoptResults`], for one of the tasks.
    ResultAdopted {
        /// Who.
        worker: WorkerId,
        /// Which task has the result now.
        task: TaskId,
        /// Bytes and rows of the result; nothing if the worker does not have it.
        found: Option<(u64, u64)>,
    },
    /// The connection to a worker is lost, or it was silent for too long. Nothing more is heard from it.
    WorkerGone {
        /// Which.
        worker: WorkerId,
        /// Why, for people.
        why: String,
    },
    /// A task is done and its result is on the worker.
    TaskFinished {
        /// Where.
        worker: WorkerId,
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// Size of the result.
        result_bytes: u64,
        /// Rows of the result.
        result_rows: u64,
    },
    /// A task ended without a result.
    TaskFailed {
        /// Where.
        worker: WorkerId,
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// What went wrong.
        failure: TaskFailure,
    },
    /// A worker has fetched a result as it was told to, and keeps a copy.
    ResultCopied {
        /// Where.
        worker: WorkerId,
        /// Which fetch.
        copy: CopyId,
    },
    /// A worker could not fetch a result, or has no room for it.
    CopyFailed {
        /// Where.
        worker: WorkerId,
        /// Which fetch.
        copy: CopyId,
        /// Why, for people.
        why: String,
    },
    /// A worker uses most of its memory, or not any more.
    WorkerPressed {
        /// Which.
        worker: WorkerId,
        /// False when it has enough again.
        pressed: bool,
        /// Bytes that its process uses.
        bytes: u64,
    },
    /// A task waits for others, which it has submitted itself, and holds no thread meanwhile; or it goes on.
    TaskWaits {
        /// Where.
        worker: WorkerId,
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
        /// False when it goes on.
        waits: bool,
    },
    /// Time passes. Sent at least five times a second while there is a job, and once a second otherwise.
    Tick,
}

/// Memory and cores of a container or a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capability {
    /// MiB, as YARN counts.
    pub memory_mb: u64,
    /// Virtual cores.
    pub cores: u32,
}

/// One node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its host as the ResourceManager names it (`NodeId.host`).
    pub host: String,
    /// Its rack as the ResourceManager names it.
    pub rack: String,
    /// Other names and addresses under which HDFS may know the host.
    pub aliases: Vec<String>,
    /// All that the node offers to containers.
    pub total: Capability,
    /// False if it is lost, unhealthy or being decommissioned.
    pub usable: bool,
}

/// One container that YARN granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The new container.
    pub container: ContainerId,
    /// Its node's host.
    pub host: String,
    /// The request that YARN says it answers, if it says.
    pub request: Option<RequestId>,
    /// What it really got; YARN rounds up.
    pub capability: Capability,
}

/// The tasks of a job, numbered 0.. in the order of `sets` and their `tasks`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// The driver's own number of the job: other jobs of this driver, and messages to it, name the job so.
    pub number: u32,
    /// The hosts that its tasks name.
    pub hosts: HostNames,
    /// The task sets.
    pub sets: Vec<TaskSet>,
    /// Numbers of the tasks whose results the driver will fetch, or later jobs of it will read. A task that is neither
    /// wanted nor anybody's input is run too, and its result dropped.
    pub wanted: Vec<u32>,
    /// A task that fails for good fails alone, with those that wait for its result; else the job fails with it. Such a job
    /// has no sets of which so many rows are enough.
    pub independent: bool,
    /// What the job was with a former application master: its results may be found on workers.
    pub formerly: Option<FormerJob>,
    /// Numbers of tasks, not among `wanted`, that later jobs may read. They are run only if somebody reads them.
    pub readable: Vec<u32>,
}

/// A job by its numbers with a former application master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormerJob {
    /// Which application master.
    pub master: u32,
    /// What that one called its first task; the others followed in order.
    pub first: u32,
}

/// Results by the numbers of a former application master.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerResults {
    /// Which application master.
    pub master: u32,
    /// Whose results.
    pub tasks: Vec<u32>,
}

/// Many alike tasks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskSet {
    /// What to call it: "scan trips.csv".
    pub name: String,
    /// Its tasks.
    pub tasks: Vec<TaskRequest>,
    /// So many rows are enough: once the first tasks of the set have them, the others are skipped, and whoever reads
    /// them sees no rows. Nothing, or 0, for all rows. None of the tasks may be wanted.
    pub rows_wanted: Option<u64>,
    /// How its tasks are to be run.
    pub options: TaskOptions,
}

/// How the tasks of a set are to be run; by default as soon as it is their turn, wherever there is room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskOptions {
    /// Higher goes first; 0 is usual.
    pub priority: i32,
    /// How deep the task is nested that submits them; 0 of a driver. Of the same priority, deeper ones go first, so that
    /// what waits for them ends soon.
    pub generation: u32,
    /// So many failures of its own are forgiven each task: it is tried again, at once.
    pub retries: u32,
    /// Must no two attempts of a task run at the same time, however long one takes?
    pub no_speculation: bool,
    /// The only hosts where they may run, by any of their names; none for all.
    pub only_on: Vec<String>,
    /// What each takes of its worker while it runs: names and thousandths. See [`crate::Config::resources`].
    pub resources: Vec<(String, u64)>,
    /// They can run in processes of their own, which die alone. Tasks whose worker died do so from then on, until they are done.
    pub isolatable: bool,
    /// How long one takes, as far as its driver knows, from a microsecond to a year: until tasks of the set have ended.
    pub expected_time: Option<Duration>,
    /// Bytes of the result of one, as far as its driver knows, from 1 to 2^50.
    pub expected_size: Option<u64>,
}

/// One task, without its body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskRequest {
    /// Hosts that hold its input, best first: numbers of [`Graph::hosts`], where they go by any of their names.
    pub places: Vec<u32>,
    /// Bytes that it reads there.
    pub input_bytes: u64,
    /// Tasks whose results it reads, in reading order: earlier ones of the graph, or wanted ones of earlier jobs.
    pub inputs: Vec<InputRange>,
}

/// Consecutive tasks of which somebody reads the same part of each result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputRange {
    /// The driver's number of the job whose tasks they are; `None` for this one. A job can be read until it is
    /// released.
    pub job: Option<u32>,
    /// Number of the first.
    pub first: u32,
    /// How many; none is nothing.
    pub count: u32,
    /// Which part of each result.
    pub part: u32,
}

/// Why a task ended without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// Whose fault it was.
    pub kind: FailureKind,
    /// What the user should read.
    pub message: String,
    /// The exit code that this error deserves, or 0.
    pub exit_code: u32,
}

/// Whose fault a failure was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The task's own: it would fail again.
    Permanent,
    /// Something around it: retried elsewhere, counted.
    Transient,
    /// These inputs could not be fetched: recomputed, then retried.
    InputLost(Vec<TaskId>),
    /// We cancelled it.
    Cancelled,
}
