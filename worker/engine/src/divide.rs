//! Writes a result in parts, by the hash of keys: what the tasks of the next stage read one part each of.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use datafusion::common::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::Time;
use datafusion::physical_plan::repartition::BatchPartitioner;

use crate::fault::Fault;
use crate::ipc::{WriteFault, compact, under_schema};
use bobbin_task::Output;

/// Bytes of rows that wait until a batch of their part is full. A constant: what is in a batch must not depend on the
/// memory of the machine.
const WAITING_BYTES: usize = 16 << 20;

/// Writes batches to the parts of a task's output. A part without rows has no bytes.
pub(crate) struct DividedWriter<'a> {
    partitioner: BatchPartitioner,
    parts: Vec<Part>,
    sink: Sink<'a>,
    batch_rows: usize,
    waiting_bytes: usize,
    rows: u64,
}

/// Rows of one part that are not written yet, and the stream that they go to.
#[derive(Default)]
struct Part {
    waiting: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
    stream: Option<StreamWriter<Vec<u8>>>,
}

struct Sink<'a> {
    schema: SchemaRef,
    output: &'a mut dyn Output,
}

impl<'a> DividedWriter<'a> {
    /// Divides rows of this schema into `buckets` parts by the hash of `keys`.
    pub fn new(
        keys: Vec<Arc<dyn PhysicalExpr>>,
        buckets: usize,
        schema: SchemaRef,
        output: &'a mut dyn Output,
    ) -> Result<Self> {
        output.divide(buckets);
        let mut parts = Vec::new();
        parts.resize_with(buckets, Part::default);
        Ok(Self {
            partitioner: BatchPartitioner::new_hash_partitioner(keys, buckets, Time::default())?,
            parts,
            sink: Sink { schema, output },
            batch_rows: 1,
            waiting_bytes: 0,
            rows: 0,
        })
    }

    /// The same with batches of so many rows.
    pub fn with_batch_rows(self, batch_rows: usize) -> Self {
        Self { batch_rows, ..self }
    }

    /// Appends the rows of a batch to their parts.
    pub fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        for piece in self.partitioner.partition_iter(batch)? {
            let (number, piece) = piece?;
            let part = &mut self.parts[number];
            let before = part.bytes;
            part.push(compact(piece, 0)?);
            self.waiting_bytes += part.bytes - before;
            if part.rows >= self.batch_rows {
                self.waiting_bytes -= part.bytes;
                part.flush(number, &mut self.sink)?;
            }
        }
        if self.waiting_bytes >= WAITING_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        for (number, part) in self.parts.iter_mut().enumerate() {
            part.flush(number, &mut self.sink)?;
        }
        self.waiting_bytes = 0;
        Ok(())
    }

    /// Ends all streams; returns the number of rows.
    pub fn finish(mut self) -> Result<u64> {
        self.flush()?;
        for (number, part) in self.parts.into_iter().enumerate() {
            if let Some(mut stream) = part.stream {
                stream.finish()?;
                self.sink.write(number, &mut stream)?;
            }
        }
        Ok(self.rows)
    }
}

impl Part {
    fn push(&mut self, piece: RecordBatch) {
        self.rows += piece.num_rows();
        self.bytes += piece.get_array_memory_size();
        self.waiting.push(piece);
    }

    fn flush(&mut self, number: usize, sink: &mut Sink<'_>) -> Result<(), WriteFault> {
        let waiting = std::mem::take(&mut self.waiting);
        (self.rows, self.bytes) = (0, 0);
        let Some(first) = waiting.first() else { return Ok(()) };
        let batch = under_schema(concat_batches(&first.schema(), &waiting)?, &sink.schema)?;
        if self.stream.is_none() {
            self.stream = Some(StreamWriter::try_new(Vec::new(), &sink.schema)?);
        }
        let Some(stream) = &mut self.stream else { return Ok(()) };
        stream.write(&batch)?;
        sink.write(number, stream)
    }
}

impl Sink<'_> {
    fn write(&mut self, part: usize, stream: &mut StreamWriter<Vec<u8>>) -> Result<(), WriteFault> {
        let bytes = std::mem::take(stream.get_mut());
        Ok(self.output.write(part, bytes.into()).map_err(Fault::Output)?)
    }
}
