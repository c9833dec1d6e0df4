//! The leaf that reads results of earlier tasks, always in the order of their splits.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamDecoder;
use bytes::Bytes;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{AcrossPartitions, ConstExpr, EquivalenceProperties, LexOrdering, PhysicalExpr};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};

use crate::fault::Fault;
use crate::ipc::{guarded, under_schema};
use crate::leaf::{self, leaf_methods};
use bobbin_task::{CancelFlag, Inputs, LostInput, Piece};

/// Which results, and in how many streams.
#[derive(Clone, Debug)]
pub(crate) struct InputsShape {
    /// Columns of the results.
    pub schema: SchemaRef,
    /// The stages whose tasks leave the results. Known while planning only.
    pub stages: Range<usize>,
    /// The inputs, counted within the task's own.
    pub inputs: Range<usize>,
    /// In how many streams.
    pub reading: Reading,
    /// Columns that have one value in all rows.
    pub constants: Vec<usize>,
}

/// In how many streams results are read.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    /// In one, one result after the other.
    InOrder,
    /// Each result in a stream of its own, in which its rows are sorted so.
    Sorted(LexOrdering),
    /// While planning a partition for each part of the results, divided by the hash of these keys. A task reads one
    /// part of them, one after the other.
    Hashed {
        /// What rows are divided by.
        keys: Vec<Arc<dyn PhysicalExpr>>,
        /// Parts of each result.
        buckets: usize,
        /// How each part is sorted, if there is one result only.
        order: Option<LexOrdering>,
    },
}

impl Reading {
    /// How each stream is sorted, if it is.
    pub fn order(&self) -> Option<&LexOrdering> {
        match self {
            Reading::InOrder => None,
            Reading::Sorted(order) => Some(order),
            Reading::Hashed { order, .. } => order.as_ref(),
        }
    }
}

impl InputsShape {
    /// What is known of the rows.
    fn equivalences(&self) -> EquivalenceProperties {
        let schema = Arc::clone(&self.schema);
        let order = self.reading.order().cloned();
        let mut known = EquivalenceProperties::new_with_orderings(schema, order);
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

    fn partitioning(&self) -> Partitioning {
        match &self.reading {
            Reading::InOrder => Partitioning::UnknownPartitioning(1),
            Reading::Sorted(_) => Partitioning::UnknownPartitioning(self.inputs.len()),
            Reading::Hashed { keys, buckets, .. } => Partitioning::Hash(keys.clone(), *buckets),
        }
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
        let properties = leaf::properties(shape.equivalences(), shape.partitioning());
        Self { shape, source, properties }
    }

    /// Which results, and in how many streams.
    pub fn shape(&self) -> &InputsShape {
        &self.shape
    }

    /// The inputs of one partition.
    fn inputs_of(&self, partition: usize) -> Range<usize> {
        let first = self.shape.inputs.start;
        match self.shape.reading {
            Reading::Sorted(_) => first + partition..first + partition + 1,
            Reading::InOrder | Reading::Hashed { .. } => self.shape.inputs.clone(),
        }
    }
}

impl DisplayAs for InputsExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "InputsExec: {} results of {}, ", self.shape.inputs.len(), stage_names(&self.shape.stages))?;
        match &self.shape.reading {
            Reading::InOrder => formatter.write_str("in split order"),
            Reading::Sorted(_) => formatter.write_str("sorted"),
            Reading::Hashed { keys, buckets, .. } => {
                let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
                write!(formatter, "by hash of [{}] in {buckets} buckets", keys.join(", "))
            }
        }
    }
}

/// "stage 3", "stages 3 to 5".
pub(crate) fn stage_names(stages: &Range<usize>) -> String {
    match stages.len() {
        0 | 1 => format!("stage {}", stages.start),
        _ => format!("stages {} to {}", stages.start, stages.end - 1),
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
    let pieces = source.inputs.fetch(inputs);
    let decoding =
        Decoding { pieces, decoder: None, pending: Buffer::from(Bytes::new()), schema, cancel: source.cancel };
    stream::try_unfold(decoding, |mut decoding| async move {
        let batch = decoding.next().await?;
        Ok(batch.map(|batch| (batch, decoding)))
    })
}

/// Inputs on their way from bytes to batches.
struct Decoding {
    pieces: BoxStream<'static, Result<Piece, LostInput>>,
    /// The decoder of the input that is being read, which begins with its first bytes.
    decoder: Option<(usize, StreamDecoder)>,
    /// Bytes that the decoder has not taken yet.
    pending: Buffer,
    schema: SchemaRef,
    cancel: CancelFlag,
}

impl Decoding {
    async fn next(&mut self) -> Result<Option<RecordBatch>, Fault> {
        loop {
            if self.cancel.is_cancelled() {
                return Err(Fault::Cancelled);
            }
            if let Some(batch) = self.decode()? {
                return Ok(Some(batch));
            }
            match self.pieces.next().await {
                Some(piece) => self.take(piece?)?,
                None => {
                    self.end()?;
                    return Ok(None);
                }
            }
        }
    }

    /// The next batch in the bytes that are here.
    fn decode(&mut self) -> Result<Option<RecordBatch>, Fault> {
        let Some((index, decoder)) = &mut self.decoder else { return Ok(None) };
        let garbled = |source| Fault::Garbled { index: *index, source };
        while !self.pending.is_empty() {
            let pending = &mut self.pending;
            if let Some(batch) = guarded(|| decoder.decode(pending)).map_err(garbled)? {
                return under_schema(batch, &self.schema).map(Some).map_err(garbled);
            }
        }
        Ok(None)
    }

    /// More bytes, of the same input or of the next one.
    fn take(&mut self, piece: Piece) -> Result<(), Fault> {
        if self.decoder.as_ref().is_none_or(|(index, _)| *index != piece.index) {
            self.end()?;
            self.decoder = Some((piece.index, StreamDecoder::new()));
        }
        self.pending = Buffer::from(piece.bytes);
        Ok(())
    }

    /// The input that was read is over: it has to be complete.
    fn end(&mut self) -> Result<(), Fault> {
        match self.decoder.take() {
            Some((index, mut decoder)) => decoder.finish().map_err(|source| Fault::Garbled { index, source }),
            None => Ok(()),
        }
    }
}
