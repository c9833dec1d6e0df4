//! Rows to files: one encoder a format, all used alike, for an answer's single file and for the part files that tasks
//! write; and the operator that writes those.

mod arrow_stream;
mod csv;
mod exec;
mod json;
mod packed;
mod parquet;
mod partition;
mod spec;

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

pub(crate) use exec::{WriteExec, WriteShape, WriteSource, schema as written_schema};
pub use spec::{OutputCompression, OutputSpec, RowFormat, parts_of};

/// Where encoded rows go.
pub type Destination = Box<dyn Write + Send>;

/// Writes batches of rows in one format.
pub trait RowWriter: Send {
    /// Writes the rows of a batch, which has the schema that the writer was opened with.
    ///
    /// # Errors
    /// A value has no representation in the format, or the destination failed.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError>;

    /// Writes what the format has at its end, and everything that is still buffered.
    ///
    /// # Errors
    /// The destination failed.
    fn finish(self: Box<Self>) -> Result<(), OutputError>;
}

/// Rows could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The destination failed.
    #[error("write rows")]
    Io(#[from] std::io::Error),
    /// A value has no representation in the format, or the destination failed below it.
    #[error("encode rows")]
    Arrow(#[from] ArrowError),
    /// The same for Parquet.
    #[error("encode rows as parquet")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

/// A writer of `format` for rows of `schema`.
///
/// # Errors
/// The format cannot hold a column's type, or the destination failed.
pub fn encoder(
    format: RowFormat,
    compression: OutputCompression,
    schema: &SchemaRef,
    destination: Destination,
) -> Result<Box<dyn RowWriter>, OutputError> {
    Ok(match format {
        RowFormat::Csv => Box::new(csv::Csv::new(schema, packed::pack(compression, destination)?)?),
        RowFormat::Json => Box::new(json::JsonLines::new(packed::pack(compression, destination)?)),
        RowFormat::Arrow => Box::new(arrow_stream::ArrowStream::new(schema, destination)?),
        RowFormat::Parquet => Box::new(parquet::Parquet::new(schema, compression, destination)?),
    })
}
