//! The operator that writes the rows of its child to part files, and gives one row a file: path, temporary name, bytes,
//! rows.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bobbin_blocks::BlockReader;
use bobbin_blocks::output::{Part, PartName, PartWriter, Staging};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::future::try_join_all;
use futures::{StreamExt, stream};

use super::partition::Partitioner;
use super::{OutputCompression, RowFormat, RowWriter, encoder};
use crate::fault::Fault;
use crate::leaf;

/// Part files that one task writes at the same time; each needs a buffer.
const OPEN_FILES: usize = 64;

/// What to write.
#[derive(Clone, Debug)]
pub(crate) struct WriteShape {
    /// Where parts go.
    pub staging: Staging,
    /// The files' format.
    pub format: RowFormat,
    /// How they are compressed.
    pub compression: OutputCompression,
    /// The extension of their names.
    pub extension: String,
    /// Columns that become directories.
    pub partition_by: Vec<usize>,
}

/// Who writes.
#[derive(Clone, Debug)]
pub(crate) struct WriteSource {
    /// Opens files.
    pub reader: BlockReader,
    /// The task's number in its stage, which names its files.
    pub number: u32,
}

/// Writes the rows of its child.
#[derive(Clone, Debug)]
pub(crate) struct WriteExec {
    child: Arc<dyn ExecutionPlan>,
    shape: WriteShape,
    /// Absent while planning.
    source: Option<WriteSource>,
    properties: Arc<PlanProperties>,
}

impl WriteExec {
    /// Writes the rows of a plan of one partition.
    pub fn new(child: Arc<dyn ExecutionPlan>, shape: WriteShape, source: Option<WriteSource>) -> Self {
        let properties = leaf::properties(EquivalenceProperties::new(schema()), Partitioning::UnknownPartitioning(1));
        Self { child, shape, source, properties }
    }

    /// What to write.
    pub fn shape(&self) -> &WriteShape {
        &self.shape
    }
}

/// The columns of what is given in place of rows.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("temporary", DataType::Utf8, false),
        Field::new("bytes", DataType::UInt64, false),
        Field::new("rows", DataType::UInt64, false),
    ]))
}

impl DisplayAs for WriteExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "WriteExec: {} parts", self.shape.format.name())
    }
}

impl ExecutionPlan for WriteExec {
    fn name(&self) -> &str {
        "WriteExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.child]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 1]>::try_from(children) {
            Ok([child]) => Ok(Arc::new(Self::new(child, self.shape.clone(), self.source.clone()))),
            Err(_) => internal_err!("what writes rows has one child"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(source) = self.source.clone() else {
            return internal_err!("rows cannot be written here");
        };
        let rows = self.child.execute(partition, context)?;
        let files = Files::new(self.child.schema(), self.shape.clone(), source);
        let written = stream::once(write_all(rows, files));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema(), written)))
    }
}

async fn write_all(mut rows: SendableRecordBatchStream, mut files: Files) -> Result<RecordBatch> {
    while let Some(batch) = rows.next().await {
        files.write(&batch?).await?;
    }
    files.finish().await
}

/// The files of one task.
struct Files {
    partitioner: Partitioner,
    shape: WriteShape,
    source: WriteSource,
    open: BTreeMap<String, OpenPart>,
    /// Files that were begun in each directory.
    begun: BTreeMap<String, u32>,
    done: Vec<Part>,
}

/// A file that is being written.
struct OpenPart {
    rows: u64,
    encoder: Box<dyn RowWriter>,
    buffer: Shared,
    file: PartWriter,
}

impl Files {
    fn new(schema: SchemaRef, shape: WriteShape, source: WriteSource) -> Self {
        let partitioner = Partitioner::new(&schema, &shape.partition_by);
        Self { partitioner, shape, source, open: BTreeMap::new(), begun: BTreeMap::new(), done: Vec::new() }
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        for (directory, rows) in self.partitioner.divide(batch)? {
            let mut part = match self.open.remove(&directory) {
                Some(part) => part,
                None => self.begin(&directory).await?,
            };
            part.encoder.write(&rows).map_err(Fault::Encode)?;
            part.rows += rows.num_rows() as u64;
            let bytes = part.buffer.take();
            if !bytes.is_empty() {
                part.file.write(bytes.into()).await.map_err(Fault::Write)?;
            }
            self.open.insert(directory, part);
        }
        Ok(())
    }

    async fn begin(&mut self, directory: &str) -> Result<OpenPart> {
        if self.open.len() >= OPEN_FILES
            && let Some((_, longest)) = self
                .open
                .iter()
                .map(|(name, part)| (part.rows, name.clone()))
                .max()
                .and_then(|(_, name)| self.open.remove_entry(&name))
        {
            self.done.push(end(longest).await?);
        }
        let begun = self.begun.entry(directory.to_owned()).or_default();
        let stem = match *begun {
            0 => format!("part-{:05}", self.source.number),
            more => format!("part-{:05}-{more}", self.source.number),
        };
        *begun += 1;
        let name = PartName { directory, stem: &stem, extension: &self.shape.extension };
        let file = PartWriter::create(&self.source.reader, &self.shape.staging, name, "task").await;
        let buffer = Shared::default();
        let (format, compression) = (self.shape.format, self.shape.compression);
        let encoder = encoder(format, compression, &self.partitioner.schema, Box::new(buffer.clone()));
        Ok(OpenPart { rows: 0, encoder: encoder.map_err(Fault::Encode)?, buffer, file: file.map_err(Fault::Write)? })
    }

    /// Ends all files; a task without rows writes one without partitions, which tells the columns.
    async fn finish(mut self) -> Result<RecordBatch> {
        if self.begun.is_empty() && self.shape.partition_by.is_empty() && self.source.number == 0 {
            let part = self.begin("").await?;
            self.open.insert(String::new(), part);
        }
        // HDFS may let each file wait for its last block's report: they wait together.
        self.done.extend(try_join_all(std::mem::take(&mut self.open).into_values().map(end)).await?);
        let text = |part: fn(&Part) -> &str| StringArray::from_iter_values(self.done.iter().map(part));
        let number = |part: fn(&Part) -> u64| UInt64Array::from_iter_values(self.done.iter().map(part));
        Ok(RecordBatch::try_new(
            schema(),
            vec![
                Arc::new(text(|part| &part.path)),
                Arc::new(text(|part| &part.temporary)),
                Arc::new(number(|part| part.bytes)),
                Arc::new(number(|part| part.rows)),
            ],
        )?)
    }
}

/// Ends a file.
async fn end(mut part: OpenPart) -> Result<Part> {
    part.encoder.finish().map_err(Fault::Encode)?;
    let bytes = part.buffer.take();
    if !bytes.is_empty() {
        part.file.write(bytes.into()).await.map_err(Fault::Write)?;
    }
    Ok(part.file.finish(part.rows).await.map_err(Fault::Write)?)
}

/// Bytes that an encoder writes and a file takes.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
