//! Everything that the core can want done.

use std::fmt;
use std::sync::Arc;

use crate::ids::{ContainerId, CopyId, DriverId, JobId, RequestId, TaskId, WorkerId};
use crate::questions::Answer;

/// One thing to do. The shell does them in order and decides nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Put these rows into the next allocate call. Only changed rows are given; counts are absolute totals.
    Ask {
        /// The changed rows.
        rows: Vec<AskRow>,
    },
    /// Tell the ResourceManager to place nothing on these hosts any more.
    Blacklist {
        /// Hosts as the ResourceManager names them.
        hosts: Vec<Arc<str>>,
    },
    /// Give this container back to the ResourceManager (which ends whatever runs in it).
    Release {
        /// Which.
        container: ContainerId,
    },
    /// Start a worker in this container.
    Launch {
        /// Which.
        container: ContainerId,
    },
    /// Tell this worker that it is no longer wanted: it exits with success. Nothing more is assigned to it.
    StopWorker {
        /// Which.
        worker: WorkerId,
    },

    /// The job's tasks are numbered from here on: task `n` of the graph is `TaskId(first_task.0 + n)`.
    JobAccepted {
        /// Which.
        job: JobId,
        /// The first of its range.
        first_task: TaskId,
    },
    /// Send this task to this worker.
    Assign(Assignment),
    /// Tell the worker to stop this task: it is for another worker, or for nobody any more. It answers with a failure of
    /// kind `Cancelled`, or whatever came first.
    CancelTask {
        /// Where.
        worker: WorkerId,
        /// Which task.
        task: TaskId,
        /// Which attempt.
        attempt: u32,
    },
    /// Ask a worker to keep results of a former application master as those of our tasks. It answers for each with
    /// [`crate::Event::ResultAdopted`].
    AdoptResults {
        /// Who.
        worker: WorkerId,
        /// Which application master numbered them.
        master: u32,
        /// Its numbers, and ours.
        results: Vec<(u32, TaskId)>,
    },
    /// Tell the worker that nobody will ask for what else it has of former application masters.
    DropFormer {
        /// Where.
        worker: WorkerId,
    },
    /// Tell the worker that nobody wants these results any more.
    DropResults {
        /// Where.
        worker: WorkerId,
        /// Whose results.
        tasks: Vec<TaskId>,
    },

    /// Let this worker fetch a result and keep a copy of it. It answers with [`crate::Event::ResultCopied`] or
    /// [`crate::Event::CopyFailed`].
    Copy {
        /// Who is to have it.
        worker: WorkerId,
        /// Whose result.
        task: TaskId,
        /// Which fetch: the answer has it, too.
        copy: CopyId,
        /// Who has it.
        from: WorkerId,
    },

    /// A wanted result is there.
    ResultReady {
        /// Who is told.
        to: Audience,
        /// Whose.
        job: JobId,
        /// The task's number in its graph.
        index: u32,
        /// The application's number of the task.
        task: TaskId,
        /// Size of the result.
        bytes: u64,
        /// Who has it.
        holder: WorkerId,
    },
    /// A result that was announced is gone; it is recomputed and announced again.
    ResultLost {
        /// Who is told.
        to: Audience,
        /// Whose.
        job: JobId,
        /// The task's number in its graph.
        index: u32,
    },
    /// A wanted result of an independent job will never be there, announced before or not.
    ResultFailed {
        /// Who is told.
        to: Audience,
        /// Whose.
        job: JobId,
        /// The task's number in its graph.
        index: u32,
        /// What the user should read.
        message: String,
        /// The exit code that this deserves.
        exit_code: u32,
    },
    /// All that the driver wanted of the job is there, or failed alone. Said once; the results stay until the job is
    /// released, and as long as others read them.
    JobFinished {
        /// Which.
        job: JobId,
    },
    /// The job is over without success. Said once.
    JobFailed {
        /// Which.
        job: JobId,
        /// What the user should read.
        message: String,
        /// The exit code that this end deserves.
        exit_code: u32,
    },
    /// Nothing will be said about this job any more: free its bodies.
    ForgetJob {
        /// Which.
        job: JobId,
    },

    /// What a driver has asked for.
    Answer {
        /// Who asked.
        driver: DriverId,
        /// Its number of the question.
        request: u32,
        /// The answer.
        answer: Answer,
    },

    /// End the application. Said once; whatever comes later is stopped or released.
    Finish {
        /// The outcome.
        succeeded: bool,
        /// False if the ResourceManager already gave this attempt up.
        unregister: bool,
        /// What people will read.
        diagnostics: String,
    },
    /// A line for the application master's log: what happened and what the core did about it.
    Note(String),
}

/// Who hears what becomes of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// The driver that submitted the job.
    Owner,
    /// A driver that has opened a dataset with this result.
    Sharer(DriverId),
}

/// One row of a container request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AskRow {
    /// The allocation request id.
    pub request: RequestId,
    /// Where.
    pub place: Place,
    /// How many containers, in all; 0 takes the request back.
    pub count: u32,
    /// May YARN leave this place for a wider one?
    pub relax_locality: bool,
}

/// The resource name of a request's row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A host as the ResourceManager names it.
    Host(Arc<str>),
    /// A rack as the ResourceManager names it.
    Rack(Arc<str>),
    /// Anywhere: `*`.
    Any,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Host(name) | Place::Rack(name) => formatter.write_str(name),
            Place::Any => formatter.write_str("*"),
        }
    }
}

/// A task for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Who runs it.
    pub worker: WorkerId,
    /// Whose it is.
    pub job: JobId,
    /// The task's number in its graph: where the shell finds its body.
    pub index: u32,
    /// The application's number of the task.
    pub task: TaskId,
    /// Counts up with every assignment of the task, from 1.
    pub attempt: u32,
    /// What it reads, in the order of its request.
    pub inputs: Vec<Input>,
    /// Others that have some of the results that it reads, too: a few of each.
    pub copies: Vec<(TaskId, WorkerId)>,
    /// Run it in a process of its own: a worker that had it has died, and it may be to blame.
    pub isolated: bool,
}

/// Results of consecutive tasks, of each the same part, and where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The first task.
    pub first: TaskId,
    /// Which part of each result.
    pub part: u32,
    /// Who has each task's result, in the order of their numbers; nobody that of a task that was skipped, which has no
    /// rows. Tasks that read the same results share the list.
    pub holders: Arc<[Option<WorkerId>]>,
}
