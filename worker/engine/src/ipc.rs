//! Results as Arrow IPC streams.

#![allow(clippy::wildcard_enum_match_arm, reason = "Arrow's types are foreign and grow")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericByteViewArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{BinaryViewType, ByteViewType, DataType, Schema, SchemaRef, StringViewType};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;

use crate::error::DecodeError;
use crate::fault::Fault;
use bobbin_task::Output;

/// Text of a column that may be kept although no value needs it, beside once the text that values need.
const SLACK_BYTES: usize = 64 << 10;

/// Writes batches to a task's output.
pub(crate) struct ResultWriter<'a> {
    schema: SchemaRef,
    writer: StreamWriter<Vec<u8>>,
    output: &'a mut dyn Output,
    rows: u64,
}

impl<'a> ResultWriter<'a> {
    /// Begins a stream: even a result without rows tells its columns.
    pub fn new(schema: SchemaRef, output: &'a mut dyn Output) -> Result<Self, ArrowError> {
        let writer = StreamWriter::try_new(Vec::new(), &schema)?;
        Ok(Self { schema, writer, output, rows: 0 })
    }

    /// Appends one batch.
    pub fn write(&mut self, batch: RecordBatch) -> Result<(), WriteFault> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.rows += batch.num_rows() as u64;
        self.writer.write(&under_schema(compact(batch, SLACK_BYTES)?, &self.schema)?)?;
        self.flush()
    }

    /// Ends the stream; returns the number of rows.
    pub fn finish(mut self) -> Result<u64, WriteFault> {
        self.writer.finish()?;
        self.flush()?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<(), WriteFault> {
        let bytes = std::mem::take(self.writer.get_mut());
        Ok(self.output.write(0, bytes.into()).map_err(Fault::Output)?)
    }
}

/// Why a batch could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteFault {
    /// It cannot be encoded.
    #[error(transparent)]
    Encode(#[from] ArrowError),
    /// It cannot be kept.
    #[error(transparent)]
    Keep(#[from] Fault),
}

/// The batches of one task's result. A result without rows is one empty batch, so that the columns are known.
pub fn decode_result(bytes: Bytes) -> Result<Vec<RecordBatch>, DecodeError> {
    let (schema, mut batches) = guarded(|| {
        let reader = StreamReader::try_new(std::io::Cursor::new(bytes), None)?;
        let schema = reader.schema();
        Ok((schema, reader.collect::<Result<Vec<_>, _>>()?))
    })?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    Ok(batches)
}

/// Runs a step of Arrow's reader, which panics on some streams that are not well-formed.
pub(crate) fn guarded<T>(step: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, ArrowError> {
    let malformed = |_| Err(ArrowError::IpcError("the stream is malformed".into()));
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(malformed)
}

/// The same columns under another schema, whose types have to be the same.
pub(crate) fn under_schema(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if Arc::ptr_eq(batch.schema_ref(), schema) {
        return Ok(batch);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options)
}

/// Drops text that no value needs, if it is more than `slack` bytes: views keep whole buffers alive, and a stream would
/// carry them.
pub(crate) fn compact(batch: RecordBatch, slack: usize) -> Result<RecordBatch, ArrowError> {
    let is_view = |data_type: &DataType| matches!(data_type, DataType::Utf8View | DataType::BinaryView);
    let schema: &Schema = batch.schema_ref();
    if !schema.fields().iter().any(|field| is_view(field.data_type())) {
        return Ok(batch);
    }
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Utf8View => compact_views::<StringViewType>(column, slack),
        DataType::BinaryView => compact_views::<BinaryViewType>(column, slack),
        _ => Arc::clone(column),
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns.collect(), &options)
}

fn compact_views<T: ByteViewType>(column: &ArrayRef, slack: usize) -> ArrayRef {
    let views: &GenericByteViewArray<T> = column.as_byte_view();
    let kept: usize = views.data_buffers().iter().map(|buffer| buffer.len()).sum();
    let needed = views.total_buffer_bytes_used();
    if kept > needed.saturating_mul(2).saturating_add(slack) { Arc::new(views.gc()) } else { Arc::clone(column) }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringViewArray};
    use arrow::datatypes::Field;

    use super::*;

    struct Collected(Vec<u8>);

    impl Output for Collected {
        fn divide(&mut self, _: usize) {}

        fn write(&mut self, _: usize, bytes: Bytes) -> Result<(), std::io::Error> {
            self.0.extend_from_slice(&bytes);
            Ok(())
        }
    }

    fn written(schema: SchemaRef, batches: Vec<RecordBatch>) -> Bytes {
        let mut output = Collected(Vec::new());
        let mut writer = ResultWriter::new(schema, &mut output).unwrap();
        for batch in batches {
            writer.write(batch).unwrap();
        }
        writer.finish().unwrap();
        output.0.into()
    }

    #[test]
    fn results_come_back() {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(vec![1, 2]))]).unwrap();
        assert_eq!(decode_result(written(schema.clone(), vec![batch.clone()])).unwrap(), [batch]);
        let empty = decode_result(written(schema.clone(), vec![])).unwrap();
        assert_eq!((empty[0].num_rows(), empty[0].schema()), (0, schema));
        assert!(decode_result(Bytes::from_static(b"nonsense")).is_err());
        assert!(decode_result(Bytes::new()).is_err());
    }

    #[test]
    fn rows_without_columns_are_counted() {
        let schema = Arc::new(Schema::empty());
        let options = RecordBatchOptions::new().with_row_count(Some(7));
        let batch = RecordBatch::try_new_with_options(schema.clone(), vec![], &options).unwrap();
        assert_eq!(decode_result(written(schema, vec![batch])).unwrap()[0].num_rows(), 7);
    }

    #[test]
    fn text_that_no_value_needs_is_not_written() {
        let schema = Arc::new(Schema::new(vec![Field::new("t", DataType::Utf8View, true)]));
        let long: Vec<String> = (0..10_000).map(|number| format!("a long text with number {number}")).collect();
        let array: StringViewArray = long.iter().map(|text| Some(text.as_str())).collect();
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(array)]).unwrap().slice(5_000, 3);
        let bytes = written(schema, vec![batch.clone()]);
        assert!(bytes.len() < 4_000, "{} bytes", bytes.len());
        assert_eq!(decode_result(bytes).unwrap()[0], batch);
    }
}
