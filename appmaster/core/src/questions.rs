//! What drivers may ask of the core, and what they are answered.

use std::sync::Arc;
use std::time::Duration;

use crate::ids::{JobId, WorkerId};

/// What a driver asks for or wants changed. Names of different kinds of things do not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Keep these results under this name, whatever becomes of us.
    Publish {
        /// The dataset's name.
        name: String,
        /// What the results are, for those who open it; not looked at.
        kind: String,
        /// The results, of independent jobs.
        entries: Vec<DatasetEntry>,
    },
    /// Keep them no more. Who has opened the dataset still has them.
    Unpublish {
        /// The dataset's name.
        name: String,
    },
    /// Give us the results of this name.
    Open {
        /// The dataset's name.
        name: String,
    },
    /// The names of all datasets.
    List,
    /// What a task does, and why it does not run if it does not, for people.
    Explain {
        /// Whose.
        job: JobId,
        /// Number of the task in the job.
        index: u32,
    },
    /// What has happened to a task, for people.
    Story {
        /// Whose.
        job: JobId,
        /// Number of the task in the job.
        index: u32,
    },
    /// The state of everything, for people.
    Dump,
    /// The workers, for people and programs.
    Workers,
    /// Run these tasks, by their jobs and their numbers there, to their end, whoever gives them up: they are done for their
    /// effects.
    Detach {
        /// The tasks.
        tasks: Vec<(JobId, u32)>,
    },
    /// Where results are, or are to be.
    Place(Placing),
    /// Let a variable have this value.
    Set {
        /// The variable's name.
        name: String,
        /// Its value.
        value: Arc<[u8]>,
    },
    /// The value of a variable, as soon as it has one, within this time.
    Get {
        /// The variable's name.
        name: String,
        /// How long to wait for it; nothing for as long as it takes.
        wait: Option<Duration>,
    },
    /// Let a variable have no value.
    Delete {
        /// The variable's name.
        name: String,
    },
    /// Put a value at the end of a queue, as soon as there are fewer than `limit` in it, within this time.
    Push {
        /// The queue's name.
        name: String,
        /// The value.
        value: Arc<[u8]>,
        /// As many as the queue may hold; nothing for any number.
        limit: Option<u32>,
        /// How long to wait for room; nothing for as long as it takes.
        wait: Option<Duration>,
    },
    /// The first value of a queue, which leaves it, as soon as there is one, within this time.
    Pop {
        /// The queue's name.
        name: String,
        /// How long to wait for it; nothing for as long as it takes.
        wait: Option<Duration>,
    },
    /// Put a value back that was taken from the queue, as its first.
    PutBack {
        /// The queue's name.
        name: String,
        /// The value.
        value: Arc<[u8]>,
    },
    /// How many values a queue holds.
    Count {
        /// The queue's name.
        name: String,
    },
    /// One of `limit` leases of a semaphore, as soon as one is free, within this time.
    Acquire {
        /// The semaphore's name.
        name: String,
        /// How many leases there are.
        limit: u32,
        /// How long to wait for it; nothing for as long as it takes.
        wait: Option<Duration>,
    },
    /// Give back the lease that this question was answered with.
    Release {
        /// The semaphore's name.
        name: String,
        /// The number of the question that acquired it.
        lease: u32,
    },
}

/// What a driver wants of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placing {
    /// Let so many workers have each of these results, of independent jobs: the one that made it counts. Answered when they
    /// have. Where there are fewer workers all of them get one, also those that come later.
    Replicate {
        /// Whose: jobs, and numbers of tasks in them.
        results: Vec<(JobId, u32)>,
        /// How many workers.
        copies: u32,
    },
    /// Who has each of these results.
    Holders {
        /// Whose: jobs, and numbers of tasks in them.
        results: Vec<(JobId, u32)>,
    },
    /// Let results move until all workers keep about as many bytes. Answered when they have.
    Rebalance,
    /// Let these workers leave, as soon as they have ended what they run and others have their results. Answered when they are
    /// gone; unknown ones are.
    Retire {
        /// Which.
        workers: Vec<WorkerId>,
    },
}

impl Question {
    /// How long it may wait.
    pub(crate) fn wait(&self) -> Option<Duration> {
        match self {
            Question::Get { wait, .. }
            | Question::Push { wait, .. }
            | Question::Pop { wait, .. }
            | Question::Acquire { wait, .. } => *wait,
            Question::Publish { .. }
            | Question::Unpublish { .. }
            | Question::Open { .. }
            | Question::List
            | Question::Explain { .. }
            | Question::Story { .. }
            | Question::Dump
            | Question::Place(_)
            | Question::Workers
            | Question::Detach { .. }
            | Question::Set { .. }
            | Question::Delete { .. }
            | Question::PutBack { .. }
            | Question::Count { .. }
            | Question::Release { .. } => None,
        }
    }

    /// The name that it is about.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Question::Publish { name, .. }
            | Question::Unpublish { name }
            | Question::Open { name }
            | Question::Set { name, .. }
            | Question::Get { name, .. }
            | Question::Delete { name }
            | Question::Push { name, .. }
            | Question::Pop { name, .. }
            | Question::PutBack { name, .. }
            | Question::Count { name }
            | Question::Acquire { name, .. }
            | Question::Release { name, .. } => Some(name),
            Question::List
            | Question::Explain { .. }
            | Question::Story { .. }
            | Question::Dump
            | Question::Place(_)
            | Question::Workers
            | Question::Detach { .. } => None,
        }
    }
}

/// One result of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetEntry {
    /// Whose.
    pub job: JobId,
    /// Number of the task in the job.
    pub index: u32,
    /// What the driver calls it; not looked at.
    pub key: Arc<[u8]>,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// It cannot be, for this reason.
    Refused(String),
    /// It could not be within its time.
    TimedOut,
    /// A value.
    Value(Arc<[u8]>),
    /// A number.
    Count(u32),
    /// Names, in order.
    Names(Vec<String>),
    /// Words for people.
    Text(String),
    /// The workers.
    Workers(Vec<WorkerStatus>),
    /// Of each result, who has it; nobody while it is not there.
    Holders(Vec<Vec<WorkerId>>),
    /// A dataset. What becomes of its results is told from now on, as of our own.
    Dataset {
        /// What the results are.
        kind: String,
        /// The results.
        entries: Vec<DatasetEntry>,
    },
}

/// A worker at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerStatus {
    /// Which.
    pub worker: WorkerId,
    /// Its host, as the ResourceManager names it.
    pub host: String,
    /// Tasks that it runs at the same time.
    pub threads: u32,
    /// Tasks that it has, and those of them that wait for others.
    pub tasks: u32,
    /// Results that it keeps.
    pub results: u32,
    /// Is it to leave?
    pub leaving: bool,
}
