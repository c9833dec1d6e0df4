//! Runs tasks on a worker.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use arrow::array::RecordBatch;
use bobbin_blocks::{BlockReader, ReadCounters};
use bytes::Bytes;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionState;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, Partitioning};
use datafusion_proto::bytes::physical_plan_from_bytes_with_extension_codec;
use futures::future::LocalBoxFuture;
use futures::{FutureExt, StreamExt};
use prost::Message;

use crate::borders;
use crate::codec::PlanCodec;
use crate::divide::DividedWriter;
use crate::fault::{self, Fault};
use crate::inputs::InputSource;
use crate::ipc::{ResultWriter, WriteFault};
use crate::output::WriteSource;
use crate::payload::{Body, ReadingMessage, Shared};
use crate::scan::{ByteSource, Cost, Failure, Piece, ScanExec, ScanSource, Split, SplitNote};
use crate::settings;
use bobbin_task::{CancelFlag, Execute, Inputs, Output, Task, TaskError, TaskErrorKind, TaskReport};

/// The part of a task's memory that a sort keeps back for merging what it spilled.
const MERGE_SHARE: usize = 8;

/// Runs tasks; shared by all task threads of a worker.
pub struct Executor {
    reader: BlockReader,
    /// Memory of one task, bytes.
    share: usize,
    spill_directory: PathBuf,
    /// Made when the first task runs.
    session: OnceLock<Result<SessionState, String>>,
}

impl Execute for Executor {
    fn run<'a>(
        &'a self,
        task: Task<'a>,
        inputs: Arc<dyn Inputs>,
        output: &'a mut dyn Output,
    ) -> LocalBoxFuture<'a, Result<TaskReport, TaskError>> {
        self.run_task(task, inputs, output).boxed_local()
    }
}

impl Executor {
    /// An executor whose `threads` tasks have equal shares of `memory_bytes` and spill to `spill_directory`.
    pub fn new(reader: BlockReader, memory_bytes: usize, threads: usize, spill_directory: PathBuf) -> Self {
        Self { reader, share: memory_bytes / threads.max(1), spill_directory, session: OnceLock::new() }
    }

    async fn run_task(
        &self,
        task: Task<'_>,
        inputs: Arc<dyn Inputs>,
        output: &mut dyn Output,
    ) -> Result<TaskReport, TaskError> {
        let counters = Arc::new(ReadCounters::default());
        let shared = Shared::from_bytes(task.shared).map_err(|fault| fault::task_error(&fault.into()))?;
        if shared.is_of_borders() {
            let searched = self.search_borders(&shared, &task, Arc::clone(&counters)).await;
            let note = searched.map_err(|error| fault::task_error(&error))?.to_bytes();
            return Ok(TaskReport { rows: 0, note, counters: counters.snapshot() });
        }
        let prepared = self.prepare(&task, inputs, Arc::clone(&counters)).map_err(|error| fault::task_error(&error))?;
        let began = Instant::now();
        let (rows, note) = prepared.run(output, &task.cancel).await?;
        let counters = counters.snapshot();
        let bytes = counters.short_circuit + counters.local_socket + counters.remote + counters.local_file;
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let note = note.unwrap_or_else(SplitNote::without_scan).with_cost(Cost { rows, bytes, micros });
        Ok(TaskReport { rows, note: note.to_bytes(), counters })
    }

    /// Looks at what one split makes of every state in which it may begin.
    async fn search_borders(&self, shared: &Shared, task: &Task<'_>, counters: Arc<ReadCounters>) -> Result<SplitNote> {
        let decoded = ReadingMessage::decode(shared.plan.clone()).map_err(|error| Fault::Task(error.to_string()))?;
        let reading = decoded.into_reading()?;
        let (_, splits) = Body::from_bytes(task.body)?;
        let split = splits.first().ok_or_else(|| Fault::Task("it has no split".into()))?;
        let source = self.source(task, counters);
        let mut bytes = ByteSource::new(split, &source);
        let mut scanner = borders::scanner(&reading, split);
        while let Some(wanted) = scanner.wants() {
            if task.cancel.is_cancelled() {
                return Err(Fault::Cancelled.into());
            }
            let offset = wanted.start;
            let broken = |source| Fault::Record { url: split.file.url.clone(), source };
            match bytes.read(wanted).await? {
                Piece::Bytes(bytes) => scanner.feed(offset, &bytes).map_err(broken)?,
                Piece::End => scanner.end_of_file(),
            }
        }
        let map = scanner.finish().map_err(|source| Fault::Record { url: split.file.url.clone(), source })?;
        Ok(SplitNote::of_borders(&map))
    }

    fn source(&self, task: &Task<'_>, counters: Arc<ReadCounters>) -> Arc<ScanSource> {
        let (reader, cancel) = (self.reader.clone(), task.cancel.clone());
        Arc::new(ScanSource { reader, counters, cancel, note: Mutex::new(None) })
    }

    /// Decodes the task's plan.
    fn prepare(&self, task: &Task<'_>, inputs: Arc<dyn Inputs>, counters: Arc<ReadCounters>) -> Result<Prepared> {
        let shared = Shared::from_bytes(task.shared)?;
        let (number, splits) = Body::from_bytes(task.body)?;
        let splits: Arc<[Split]> = splits.into();
        let cancel = task.cancel.clone();
        let source = self.source(task, counters);
        let codec = PlanCodec {
            splits: Arc::clone(&splits),
            scan: Some(Arc::clone(&source)),
            inputs: Some(InputSource { inputs, cancel }),
            writer: Some(WriteSource { reader: self.reader.clone(), number }),
        };
        let context = self.context(&shared)?;
        let plan = decode(&shared.plan, &context, &codec)?;
        let body = plan.downcast_ref::<RepartitionExec>().map_or(&plan, RepartitionExec::input);
        if body.output_partitioning().partition_count() != 1 {
            return Err(Fault::Task("its plan does not have one partition".into()).into());
        }
        let trusted = !shared.notes_borders() || starts_are_certain(&plan, &splits)?;
        let notes_borders = shared.notes_borders();
        let split = splits.first().filter(|_| notes_borders).cloned();
        Ok(Prepared { plan: in_input_order(plan)?, context, source, notes_borders, trusted, split })
    }

    /// The context in which a task runs, with a share of the memory that no other task takes from: what spills, and so
    /// the order in which numbers are added up, does not depend on what runs beside it.
    fn context(&self, shared: &Shared) -> Result<Arc<TaskContext>> {
        let made =
            self.session.get_or_init(|| session(&self.spill_directory).map_err(|error| crate::error::text(&error)));
        let session = made.as_ref().map_err(|reason| Fault::Task(reason.clone()))?;
        let mut runtime = RuntimeEnv::clone(session.runtime_env());
        runtime.memory_pool = Arc::new(FairSpillPool::new(self.share));
        let context = TaskContext::from(session).with_runtime(Arc::new(runtime));
        let mut config = context.session_config().clone().with_batch_size(shared.batch_rows()?);
        let execution = &mut config.options_mut().execution;
        execution.sort_spill_reservation_bytes = execution.sort_spill_reservation_bytes.min(self.share / MERGE_SHARE);
        Ok(Arc::new(context.with_session_config(config)))
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Executor")
            .field("share", &self.share)
            .field("spill_directory", &self.spill_directory)
            .finish_non_exhaustive()
    }
}

/// What the contexts of all tasks have in common.
fn session(spill_directory: &Path) -> Result<SessionState> {
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spill_directory.to_owned()]));
    let runtime = RuntimeEnvBuilder::new().with_disk_manager_builder(disk).build()?;
    // The number of rows is replaced by each task's own.
    settings::session(1, Arc::new(runtime))
}

/// A task that is ready to run.
struct Prepared {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    source: Arc<ScanSource>,
    notes_borders: bool,
    /// The split surely starts outside quotes: its errors are the file's.
    trusted: bool,
    /// The only split that the task reads.
    split: Option<Split>,
}

impl Prepared {
    /// Runs the plan; returns the number of rows and the note.
    async fn run(self, output: &mut dyn Output, cancel: &CancelFlag) -> Result<(u64, Option<SplitNote>), TaskError> {
        let outcome = self.write(output, cancel).await;
        let note = self.source.take_note().filter(|note| self.notes_borders || !note.bad.is_empty());
        match outcome {
            (rows, Ok(())) => Ok((rows, note)),
            (rows, Err(error)) => {
                let excusable = !self.trusted && fault::is_about_data(&error);
                let error = fault::task_error_in(&error, self.split.as_ref());
                match note.filter(|_| excusable && error.kind == TaskErrorKind::Permanent) {
                    Some(note) => Ok((rows, Some(excused(note, error)))),
                    None => Err(error),
                }
            }
        }
    }

    /// Writes all batches; the stream is complete even after an error, because an excused task's result is read.
    async fn write(&self, output: &mut dyn Output, cancel: &CancelFlag) -> (u64, Result<()>) {
        let mut writer = match self.writer(output) {
            Ok(writer) => writer,
            Err(error) => return (0, Err(error)),
        };
        let outcome = match self.body().execute(0, Arc::clone(&self.context)) {
            Ok(stream) => pump(stream, &mut writer, cancel).await,
            Err(error) => Err(error),
        };
        match writer.finish() {
            Ok(rows) => (rows, outcome),
            Err(error) => (0, outcome.and(Err(error))),
        }
    }

    /// The plan without the division of its rows.
    fn body(&self) -> &Arc<dyn ExecutionPlan> {
        self.plan.downcast_ref::<RepartitionExec>().map_or(&self.plan, RepartitionExec::input)
    }

    fn writer<'a>(&self, output: &'a mut dyn Output) -> Result<Writer<'a>> {
        let schema = self.plan.schema();
        let division = self.plan.downcast_ref::<RepartitionExec>().map(RepartitionExec::partitioning);
        let Some(Partitioning::Hash(keys, buckets)) = division else {
            return Ok(Writer::Whole(Box::new(ResultWriter::new(schema, output)?)));
        };
        let batch_rows = self.context.session_config().batch_size();
        let writer = DividedWriter::new(keys.clone(), *buckets, schema, output)?.with_batch_rows(batch_rows);
        Ok(Writer::Divided(Box::new(writer)))
    }
}

/// Where batches go.
enum Writer<'a> {
    Whole(Box<ResultWriter<'a>>),
    Divided(Box<DividedWriter<'a>>),
}

impl Writer<'_> {
    fn write(&mut self, batch: RecordBatch) -> Result<()> {
        match self {
            Writer::Whole(writer) => Ok(writer.write(batch)?),
            Writer::Divided(writer) => writer.write(batch),
        }
    }

    fn finish(self) -> Result<u64> {
        match self {
            Writer::Whole(writer) => Ok(writer.finish()?),
            Writer::Divided(writer) => writer.finish(),
        }
    }
}

async fn pump(mut stream: SendableRecordBatchStream, writer: &mut Writer<'_>, cancel: &CancelFlag) -> Result<()> {
    while let Some(batch) = stream.next().await {
        if cancel.is_cancelled() {
            return Err(Fault::Cancelled.into());
        }
        writer.write(batch?)?;
    }
    Ok(())
}

/// The plan in these bytes. DataFusion panics on some plans that do not fit together.
fn decode(bytes: &Bytes, context: &TaskContext, codec: &PlanCodec) -> Result<Arc<dyn ExecutionPlan>> {
    let decode = || physical_plan_from_bytes_with_extension_codec(bytes, context, codec);
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Ok(plan)) => Ok(plan),
        Ok(Err(error)) => Err(Fault::Task(crate::error::text(&error)).into()),
        Err(_) => Err(Fault::Task("its plan is damaged".into()).into()),
    }
}

/// Whether a task's splits surely begin where records do.
fn starts_are_certain(plan: &Arc<dyn ExecutionPlan>, splits: &[Split]) -> Result<bool> {
    let may_start_wrong = plan.exists(|node| {
        let scan = node.downcast_ref::<ScanExec>();
        Ok(scan.is_some_and(|scan| scan.shape().reading.may_start_wrong()))
    })?;
    Ok(!may_start_wrong || splits.iter().all(Split::is_certain))
}

/// The note of a task whose error waits for the proof that its split starts right.
fn excused(note: SplitNote, error: TaskError) -> SplitNote {
    SplitNote::failed(note.first_record, Failure { message: error.message, exit_code: error.exit_code.into() })
}

/// Merges take rows that compare equal in the order of their inputs. The switch does not travel with a plan.
fn in_input_order(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let changed = plan.transform_up(|node| {
        Ok(match node.downcast_ref::<SortPreservingMergeExec>() {
            Some(merge) => Transformed::yes(Arc::new(merge.clone().with_round_robin_repartition(false)) as _),
            None => Transformed::no(node),
        })
    })?;
    Ok(changed.data)
}

impl From<WriteFault> for datafusion::error::DataFusionError {
    fn from(fault: WriteFault) -> Self {
        match fault {
            WriteFault::Encode(error) => error.into(),
            WriteFault::Keep(fault) => fault.into(),
        }
    }
}
