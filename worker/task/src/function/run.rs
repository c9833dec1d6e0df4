//! Calls of functions as tasks.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::sync::Arc;

use bobbin_blocks::{BlockReader, ReadCounters, ReadError};
use bobbin_proto::{self as wire, Message as _};
use bytes::{Bytes, BytesMut};
use futures::future::{BoxFuture, LocalBoxFuture};
use futures::{FutureExt, StreamExt};
use tracing::warn;
use wire::argument::Argument as Kind;

use super::call::{Outcome, call};
use super::range::{self, RangeError};
use super::registry::{ArgumentBytes, CallFailure, NoFunction, Registered, Registry};
use crate::execute::Execute;
use crate::process::{Call, ProcessError, Processes};
use crate::profile;
use crate::running::Running;
use crate::task::{
    CancelFlag, InputError, Inputs, Isolation, LostInput, Output, Ready, Task, TaskError, TaskErrorKind, TaskReport,
};

/// Runs calls of the functions of this executable.
pub struct Functions {
    reader: BlockReader,
    registry: &'static Registry,
    home: Option<Arc<dyn Any + Send + Sync>>,
    processes: Option<Processes>,
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("read the call: {0}")]
    Garbled(String),
    #[error(transparent)]
    NoFunction(#[from] NoFunction),
    #[error(
        "function '{name}' has version {ours} in this program, and the driver calls version {theirs}: driver and workers were built \
         from different sources"
    )]
    Version { name: String, ours: u32, theirs: u32 },
    #[error(
        "function '{name}' is {ours} in this program, and the driver calls {theirs}: driver and workers were built from different \
         sources"
    )]
    Signature { name: String, ours: String, theirs: String },
    #[error("function '{name}'")]
    Failed {
        name: String,
        #[source]
        source: CallFailure,
    },
    #[error("function '{name}' {what}")]
    Panicked { name: String, what: String },
    #[error("function '{name}'")]
    Process {
        name: String,
        #[source]
        source: ProcessError,
    },
    #[error(transparent)]
    Range(#[from] RangeError),
    #[error(transparent)]
    Input(#[from] LostInput),
    #[error("keep the result")]
    Output(#[source] std::io::Error),
    #[error("the task was cancelled")]
    Cancelled,
}

impl Functions {
    /// Of this executable; they read files through `reader`.
    pub fn new(reader: BlockReader) -> Functions {
        Functions { reader, registry: Registry::of_this_program(), home: None, processes: None }
    }

    /// They find this in [`crate::running`]: the program's way to the application, for tasks that submit tasks.
    #[must_use]
    pub fn with_home(self, home: Arc<dyn Any + Send + Sync>) -> Functions {
        Functions { home: Some(home), ..self }
    }

    /// Those of tasks with isolation by process run in these.
    #[must_use]
    pub fn with_processes(self, processes: Processes) -> Functions {
        Functions { processes: Some(processes), ..self }
    }

    async fn call(
        &self,
        task: &Task<'_>,
        inputs: &dyn Inputs,
        output: &mut dyn Output,
        ranges: &mut Ranges,
    ) -> Result<(), CallError> {
        let garbled = |error: wire::DecodeError| CallError::Garbled(error.to_string());
        let called = wire::Function::decode(task.shared.clone()).map_err(garbled)?;
        let call = wire::Call::decode(task.body.clone()).map_err(garbled)?;
        let function = self.registry.find(&called.name)?;
        check(function, &called)?;
        let work = self.call_found(function, call, task, (inputs, output, ranges));
        profile::under(&function.name, work).await
    }

    async fn call_found(
        &self,
        function: &'static Registered,
        call: wire::Call,
        task: &Task<'_>,
        (inputs, output, ranges): (&dyn Inputs, &mut dyn Output, &mut Ranges),
    ) -> Result<(), CallError> {
        let results = fetch(&call, inputs).await?;
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in call.arguments {
            arguments.push(self.argument(argument, &results, task, ranges).await?);
        }
        drop(results);
        let result = self.run_function(function, arguments, task).await?;
        if result.is_empty() {
            return Ok(());
        }
        output.write(0, result).map_err(CallError::Output)
    }

    /// The call itself, where the task is to run. A panic in it is its failure, never the worker's.
    async fn run_function(
        &self,
        function: &'static Registered,
        arguments: Vec<ArgumentBytes>,
        task: &Task<'_>,
    ) -> Result<Bytes, CallError> {
        if task.cancel.is_cancelled() {
            return Err(CallError::Cancelled);
        }
        let name = || function.name.to_owned();
        let outcome = if task.isolation == Isolation::Process {
            let call = Call {
                function: function.name,
                arguments,
                generation: task.generation,
                pauses: &task.pauses,
                memory: task.memory_bytes,
            };
            let called = match &self.processes {
                Some(processes) => processes.call(call).await,
                None => Err(ProcessError::Unavailable),
            };
            called.map_err(|source| CallError::Process { name: name(), source })?
        } else {
            let running = Running {
                cancel: task.cancel.clone(),
                generation: task.generation,
                pauses: task.pauses.clone(),
                home: self.home.clone(),
                isolated: false,
            };
            call(function, arguments, running).await
        };
        match outcome {
            Outcome::Result(result) => Ok(result),
            Outcome::Failed(source) => Err(CallError::Failed { name: name(), source }),
            Outcome::Panicked { what, backtrace } => {
                warn!(function = function.name, what, "a function panicked\n{backtrace}");
                Err(CallError::Panicked { name: name(), what })
            }
        }
    }

    async fn argument(
        &self,
        argument: wire::Argument,
        results: &BTreeMap<usize, Bytes>,
        task: &Task<'_>,
        ranges: &mut Ranges,
    ) -> Result<ArgumentBytes, CallError> {
        let result = |number: u32| {
            let missing = || CallError::Garbled(format!("it has no input {number}"));
            results.get(&(number as usize)).cloned().ok_or_else(missing)
        };
        Ok(match argument.argument {
            Some(Kind::Value(bytes)) => ArgumentBytes::One(bytes),
            Some(Kind::Result(number)) => ArgumentBytes::One(result(number)?),
            Some(Kind::Results(list)) => {
                ArgumentBytes::List(list.results.into_iter().map(result).collect::<Result<_, _>>()?)
            }
            Some(Kind::Range(range)) => ArgumentBytes::One(match ranges.read.pop_front().flatten() {
                Some(bytes) => bytes,
                None => range::read(&self.reader, range, Arc::clone(&ranges.counters), &task.cancel).await?,
            }),
            None => return Err(CallError::Garbled("an argument is empty".to_owned())),
        })
    }
}

impl Execute for Functions {
    fn run<'a>(
        &'a self,
        mut task: Task<'a>,
        inputs: Arc<dyn Inputs>,
        output: &'a mut dyn Output,
    ) -> LocalBoxFuture<'a, Result<TaskReport, TaskError>> {
        async move {
            let mut ranges: Ranges = task.ready.take().and_then(Ready::take).unwrap_or_default();
            match self.call(&task, inputs.as_ref(), output, &mut ranges).await {
                Ok(()) => Ok(TaskReport { rows: 1, note: Bytes::new(), counters: ranges.counters.snapshot() }),
                // Whoever was asked to stop and stops with an error did as it was told.
                Err(_) if task.cancel.is_cancelled() => Err(task_error(&CallError::Cancelled)),
                Err(error) => Err(task_error(&error)),
            }
        }
        .boxed_local()
    }

    fn read_ahead(&self, _: &Bytes, body: &Bytes, cancel: &CancelFlag) -> Option<BoxFuture<'static, Ready>> {
        let call = wire::Call::decode(body.clone()).ok()?;
        let range = |argument: wire::Argument| match argument.argument {
            Some(Kind::Range(range)) => Some(range),
            Some(Kind::Value(_) | Kind::Result(_) | Kind::Results(_)) | None => None,
        };
        let wanted: Vec<wire::FileRange> = call.arguments.into_iter().filter_map(range).collect();
        if wanted.is_empty() {
            return None;
        }
        let (reader, cancel) = (self.reader.clone(), cancel.clone());
        Some(
            async move {
                let mut ranges = Ranges::default();
                for range in wanted {
                    let bytes = range::read(&reader, range, Arc::clone(&ranges.counters), &cancel).await;
                    ranges.read.push_back(bytes.ok());
                }
                Ready::new(ranges)
            }
            .boxed(),
        )
    }
}

/// Ranges of files that a call reads, in the order of its arguments.
#[derive(Default)]
struct Ranges {
    /// Those that were read ahead; `None` if one could not be.
    read: VecDeque<Option<Bytes>>,
    counters: Arc<ReadCounters>,
}

fn check(function: &Registered, called: &wire::Function) -> Result<(), CallError> {
    let name = || called.name.clone();
    if function.version != called.version {
        return Err(CallError::Version { name: name(), ours: function.version, theirs: called.version });
    }
    let ours = (function.signature)();
    if !called.signature.is_empty() && called.signature != ours {
        return Err(CallError::Signature { name: name(), ours, theirs: called.signature.clone() });
    }
    Ok(())
}

/// All results that the call names.
async fn fetch(call: &wire::Call, inputs: &dyn Inputs) -> Result<BTreeMap<usize, Bytes>, CallError> {
    let named = call.arguments.iter().flat_map(|argument| match &argument.argument {
        Some(Kind::Result(number)) => std::slice::from_ref(number),
        Some(Kind::Results(list)) => &list.results,
        Some(Kind::Value(_) | Kind::Range(_)) | None => &[],
    });
    // A call may name any number: room is made for what comes.
    let mut results: BTreeMap<usize, Gathered> = named.map(|&number| (number as usize, Gathered::default())).collect();
    let Some(last) = results.keys().next_back().copied() else { return Ok(BTreeMap::new()) };
    let mut pieces = inputs.fetch(0..last + 1);
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if let Some(gathered) = results.get_mut(&piece.index) {
            gathered.push(piece.bytes);
        }
    }
    Ok(results.into_iter().map(|(number, gathered)| (number, gathered.bytes())).collect())
}

/// Pieces of one result; a single one is not copied.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    all: Option<BytesMut>,
}

impl Gathered {
    fn push(&mut self, piece: Bytes) {
        match &mut self.all {
            Some(all) => all.extend_from_slice(&piece),
            None if self.first.is_empty() => self.first = piece,
            None => {
                let mut all = BytesMut::with_capacity(self.first.len() + piece.len());
                all.extend_from_slice(&self.first);
                all.extend_from_slice(&piece);
                self.all = Some(all);
            }
        }
    }

    fn bytes(self) -> Bytes {
        self.all.map_or(self.first, BytesMut::freeze)
    }
}

fn task_error(error: &CallError) -> TaskError {
    let (kind, exit_code) = match error {
        CallError::Cancelled | CallError::Range(RangeError::Cancelled) => (TaskErrorKind::Cancelled, 130),
        CallError::Failed { .. } | CallError::Panicked { .. } => (TaskErrorKind::Permanent, 1),
        CallError::Garbled(_)
        | CallError::NoFunction(_)
        | CallError::Version { .. }
        | CallError::Signature { .. }
        | CallError::Input(LostInput { source: InputError::NotGiven(_), .. }) => (TaskErrorKind::Permanent, 70),
        CallError::Range(RangeError::Beyond { .. }) => (TaskErrorKind::Permanent, 66),
        CallError::Range(RangeError::Read(error)) => (read_kind(error), error.exit_code()),
        CallError::Input(LostInput { index, source: InputError::Lost(_) }) => {
            (TaskErrorKind::InputLost(vec![*index]), 1)
        }
        CallError::Output(_) => (TaskErrorKind::Transient, 1),
        CallError::Process { source: ProcessError::Unavailable, .. } => (TaskErrorKind::Permanent, 64),
        CallError::Process { source, .. } if source.may_pass() => (TaskErrorKind::Transient, 1),
        CallError::Process { .. } => (TaskErrorKind::Permanent, 1),
    };
    TaskError { kind, message: chain(error), exit_code }
}

fn read_kind(error: &ReadError) -> TaskErrorKind {
    if error.may_pass() { TaskErrorKind::Transient } else { TaskErrorKind::Permanent }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (**cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
