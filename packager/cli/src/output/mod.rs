//! Rows to bytes: one writer a format, all used alike, for standard output and for `--output`.

mod arrow_stream;
mod csv;
mod json;
mod parquet;
mod table;
mod target;

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::args::Format;

pub use target::{Target, TargetError};

/// Where encoded rows go.
pub type Destination = Box<dyn Write + Send>;

/// Writes batches of rows in one format.
pub trait RowWriter: Send {
    /// Writes the rows of a batch, which has the schema that the writer was opened with.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError>;

    /// Writes what the format has at its end, and everything that is still buffered.
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

impl OutputError {
    /// Whether whoever reads our output has gone: no error, but the end.
    pub fn is_broken_pipe(&self) -> bool {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if error.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe) {
                return true;
            }
            if let Some(ArrowError::IoError(_, io)) = error.downcast_ref::<ArrowError>() {
                return io.kind() == std::io::ErrorKind::BrokenPipe;
            }
            cause = error.source();
        }
        false
    }
}

/// A writer of `format` for rows of `schema`. `width` is the terminal's, where there is one.
pub fn open(
    format: Format,
    schema: &SchemaRef,
    destination: Destination,
    width: Option<u16>,
) -> Result<Box<dyn RowWriter>, OutputError> {
    Ok(match format {
        Format::Table => Box::new(table::Table::new(schema, destination, width)),
        Format::Csv => Box::new(csv::Csv::new(schema, destination)?),
        Format::Json => Box::new(json::JsonLines::new(destination)),
        Format::Arrow => Box::new(arrow_stream::ArrowStream::new(schema, destination)?),
        Format::Parquet => Box::new(parquet::Parquet::new(schema, destination)?),
    })
}

#[cfg(test)]
mod tests;
