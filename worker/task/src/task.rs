//! What a worker gives to a task and what the task gives back.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bobbin_blocks::ReadSnapshot;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::running::Pauses;

/// What was read for a task while it waited for a thread. Only the executor that has read it knows what it is.
pub struct Ready(Box<dyn Any + Send>);

impl Ready {
    /// This was read.
    pub fn new(read: impl Any + Send) -> Ready {
        Ready(Box::new(read))
    }

    /// What was read, if it is of this type.
    pub fn take<T: Any>(self) -> Option<T> {
        self.0.downcast().ok().map(|read| *read)
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ready")
    }
}

/// One task: the bytes that its task set shares, its own bytes, and the flag that stops it.
#[derive(Debug)]
pub struct Task<'a> {
    /// What all tasks of the task set share: a plan, a function.
    pub shared: &'a Bytes,
    /// What this task reads.
    pub body: &'a Bytes,
    /// Raised when nobody wants the task any more.
    pub cancel: CancelFlag,
    /// How deep it is nested in tasks that submit tasks: 0 of a driver's.
    pub generation: u32,
    /// Tells the worker when the task waits for others and needs no thread.
    pub pauses: Pauses,
    /// Where it runs, if it is the call of a function.
    pub isolation: Isolation,
    /// Bytes of memory that a process of its own may have for itself; 0 for what is usual.
    pub memory_bytes: u64,
    /// What [`Execute::read_ahead`](crate::Execute::read_ahead) has read for it.
    pub ready: Option<Ready>,
}

/// Where a function runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// In a thread of its worker.
    #[default]
    Thread,
    /// In a process of its own: whatever it does, its worker and other tasks live on, and it can be ended at once.
    Process,
}

impl<'a> Task<'a> {
    /// A driver's task that tells nobody when it waits.
    pub fn new(shared: &'a Bytes, body: &'a Bytes, cancel: CancelFlag) -> Task<'a> {
        let (pauses, isolation) = (Pauses::default(), Isolation::default());
        Task { shared, body, cancel, generation: 0, pauses, isolation, memory_bytes: 0, ready: None }
    }
}

/// Asks a running task to stop; checked before every batch.
#[derive(Clone, Debug, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Asks the task to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the task was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Where a task finds the results of the tasks that it depends on.
pub trait Inputs: Send + Sync {
    /// The bytes of these inputs (of queries Arrow IPC streams), one input after the other; inputs are counted within the
    /// task's own, through all of its ranges. An input without rows may have no bytes at all.
    fn fetch(&self, inputs: Range<usize>) -> BoxStream<'static, Result<Piece, LostInput>>;
}

/// Bytes of an input.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Which input.
    pub index: usize,
    /// Its next bytes.
    pub bytes: Bytes,
}

/// An input that could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("fetch input {index} of the task")]
pub struct LostInput {
    /// Which, within the task's own inputs.
    pub index: usize,
    /// What happened.
    #[source]
    pub source: InputError,
}

/// Where a task leaves its result.
pub trait Output: Send {
    /// The result has so many parts. Said before the first bytes, by tasks whose results have more than one.
    fn divide(&mut self, parts: usize);

    /// Appends bytes of one part (of queries an Arrow IPC stream).
    fn write(&mut self, part: usize, bytes: Bytes) -> Result<(), std::io::Error>;
}

/// Why an input could not be read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InputError {
    /// No worker holds the result any more: the task that made it has to run again.
    #[error("{0}")]
    Lost(String),
    /// The task has so many inputs, and this is none of them: what is to be run and its inputs do not belong together.
    #[error("it has {0} in all, counted from 0")]
    NotGiven(usize),
}

/// What a finished task tells, beside its result.
#[derive(Clone, Debug, Default)]
pub struct TaskReport {
    /// Rows in the result.
    pub rows: u64,
    /// What the driver is to know beside the result; only the two understand it.
    pub note: Bytes,
    /// Bytes read, by way of reading.
    pub counters: ReadSnapshot,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TaskError {
    /// Who has to act.
    pub kind: TaskErrorKind,
    /// The whole chain of reasons, for people.
    pub message: String,
    /// The exit code of a command that fails because of this.
    pub exit_code: u8,
}

/// Who has to act on a failed task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskErrorKind {
    /// The task fails wherever it runs: bad data, a missing file, a plan that cannot run.
    Permanent,
    /// Another attempt may succeed.
    Transient,
    /// These inputs, counted within the task's own, are gone and have to be made again.
    InputLost(Vec<usize>),
    /// The task was asked to stop.
    Cancelled,
}

impl fmt::Display for TaskErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Permanent => "permanent",
            Self::Transient => "transient",
            Self::InputLost(_) => "input lost",
            Self::Cancelled => "cancelled",
        })
    }
}
