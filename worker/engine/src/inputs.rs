//! The leaf that reads results of earlier tasks, always in the order of their splits.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use bytes::Bytes;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{AcrossPartitions, ConstExpr, EquivalenceProperties, LexOrdering};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};

use crate::fault::Fault;
use crate::ipc::{guarded, under_schema};
use crate::leaf::{self, leaf_methods};
use crate::task::{CancelFlag, InputError, Inputs};

/// Inputs that are asked for before they are read, so that the questions' round trips overlap.
const ASKED_AHEAD: usize = 8;

/// Which results, and in how many streams.
#[derive(Clone, Debug)]
pub(crate) struct InputsShape {
    /// Columns of the results.
    pub schema: SchemaRef,
    /// The inputs, counted within the task's own.
    pub inputs: Range<usize>,
    /// Every input is sorted so and a partition of its own; otherwise one partition holds all, one after the other.
    pub sorted: Option<LexOrdering>,
    /// Columns that have one value in all rows.
    pub constants: Vec<usize>,
}

impl InputsShape {
    /// What is known of the rows.
    fn equivalences(&self) -> EquivalenceProperties {
        let schema = Arc::clone(&self.schema);
        let mut known = EquivalenceProperties::new_with_orderings(schema, self.sorted.clone());
        let columns = self.constants.iter().filter_map(|&at| Some((at, self.schema.fields().get(at)?)));
        let constants = columns.map(|(at, field)| {
            let column = Arc::new(Column::new(field.name(), at));
            ConstExpr::new(column, AcrossPartitions::Uniform(None))
        });
        if let Err(error) = known.add_constants(constants) {
            tracing::debug!(%error, "constant columns are taken for any");
        }
        known
    }
}

/// Where inputs come from.
#[derive(Clone)]
pub(crate) struct InputSource {
    /// Fetches them.
    pub inputs: Arc<dyn Inputs>,
    /// Raised when nobody wants the task any more.
    pub cancel: CancelFlag,
}

impl fmt::Debug for InputSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InputSource").finish_non_exhaustive()
    }
}

/// Reads results of earlier tasks.
#[derive(Clone, Debug)]
pub(crate) struct InputsExec {
    shape: InputsShape,
    /// Where inputs come from; absent while planning.
    source: Option<InputSource>,
    properties: Arc<PlanProperties>,
}

impl InputsExec {
    /// A leaf that can run only when it has a source.
    pub fn new(shape: InputsShape, source: Option<InputSource>) -> Self {
        let partitions = if shape.sorted.is_some() { shape.inputs.len() } else { 1 };
        let equivalences = shape.equivalences();
        Self { shape, source, properties: leaf::properties(equivalences, partitions) }
    }

    /// Which results, and in how many streams.
    pub fn shape(&self) -> &InputsShape {
        &self.shape
    }

    /// The inputs of one partition.
    fn inputs_of(&self, partition: usize) -> Range<usize> {
        match self.shape.sorted {
            Some(_) => self.shape.inputs.start + partition..self.shape.inputs.start + partition + 1,
            None => self.shape.inputs.clone(),
        }
    }
}

impl DisplayAs for InputsExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter) -> fmt::Result {
        let order = if self.shape.sorted.is_some() { "sorted" } else { "in split order" };
        write!(formatter, "InputsExec: {} results, {order}", self.shape.inputs.len())
    }
}

impl ExecutionPlan for InputsExec {
    leaf_methods!("InputsExec");

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(source) = self.source.clone() else {
            return internal_err!("inputs cannot be read here");
        };
        let schema = self.schema();
        let batches = read_all(source, self.inputs_of(partition), Arc::clone(&schema));
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(schema, batches))))
    }
}

/// The batches of several inputs, one after the other.
fn read_all(
    source: InputSource,
    inputs: Range<usize>,
    schema: SchemaRef,
) -> impl Stream<Item = Result<RecordBatch>> + Send + 'static {
    let cancel = source.cancel.clone();
    stream::iter(inputs)
        .map(move |index| {
            let inputs = Arc::clone(&source.inputs);
            async move {
                let bytes = inputs.fetch(index).await;
                (index, bytes)
            }
        })
        .buffered(ASKED_AHEAD)
        .map(move |(index, bytes)| {
            let bytes = bytes.map_err(|source| DataFusionError::from(Fault::Input { index, source }))?;
            Ok::<_, DataFusionError>(decode(index, bytes, Arc::clone(&schema), cancel.clone()))
        })
        .try_flatten()
}

/// One input on its way from bytes to batches.
struct Decoding {
    index: usize,
    bytes: BoxStream<'static, Result<Bytes, InputError>>,
    decoder: StreamDecoder,
    /// Bytes that the decoder has not taken yet.
    pending: Buffer,
    schema: SchemaRef,
    cancel: CancelFlag,
}

fn decode(
    index: usize,
    bytes: BoxStream<'static, Result<Bytes, InputError>>,
    schema: SchemaRef,
    cancel: CancelFlag,
) -> impl Stream<Item = Result<RecordBatch>> + Send + 'static {
    let decoding =
        Decoding { index, bytes, decoder: StreamDecoder::new(), pending: Buffer::from(Bytes::new()), schema, cancel };
    stream::try_unfold(decoding, |mut decoding| async move {
        let batch = decoding.next().await?;
        Ok(batch.map(|batch| (batch, decoding)))
    })
}

impl Decoding {
    async fn next(&mut self) -> Result<Option<RecordBatch>, Fault> {
        loop {
            if self.cancel.is_cancelled() {
                return Err(Fault::Cancelled);
            }
            if !self.pending.is_empty() {
                let (decoder, pending) = (&mut self.decoder, &mut self.pending);
                let decoded = guarded(|| decoder.decode(pending)).map_err(|error| self.garbled(error))?;
                if let Some(batch) = decoded {
                    return under_schema(batch, &self.schema).map(Some).map_err(|error| self.garbled(error));
                }
                continue;
            }
            match self.bytes.next().await {
                Some(Ok(bytes)) => self.pending = Buffer::from(bytes),
                Some(Err(source)) => return Err(Fault::Input { index: self.index, source }),
                None => {
                    self.decoder.finish().map_err(|error| self.garbled(error))?;
                    return Ok(None);
                }
            }
        }
    }

    fn garbled(&self, source: ArrowError) -> Fault {
        Fault::Garbled { index: self.index, source }
    }
}
