//! Rows to bytes: one writer a format, all used alike, for standard output and for `--output`.

mod table;
mod target;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use bobbin_engine::output::{self, Destination, OutputCompression, RowFormat, RowWriter};

use crate::args::Format;

pub use target::{Target, TargetError};

/// Rows could not be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Whoever reads our output has gone: no fault, but the end.
    #[error("whoever read the rows has gone")]
    Gone,
    /// The destination failed, or a value has no representation in the format.
    #[error(transparent)]
    Failed(#[from] output::OutputError),
}

/// The rows of one answer on their way to their destination.
pub struct Rows {
    writer: Box<dyn RowWriter>,
    gone: Arc<AtomicBool>,
}

impl Rows {
    /// Writes the rows of a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        let written = self.writer.write(batch);
        written.map_err(|error| unless_gone(error.into(), &self.gone))
    }

    /// Writes what is left.
    pub fn finish(self) -> Result<(), OutputError> {
        let Rows { writer, gone } = self;
        writer.finish().map_err(|error| unless_gone(error.into(), &gone))
    }
}

/// Encoders hide what their destination said; the destination remembers it.
fn unless_gone(error: OutputError, gone: &AtomicBool) -> OutputError {
    if gone.load(Ordering::Relaxed) { OutputError::Gone } else { error }
}

/// A destination that remembers that its reader has gone.
struct Watched {
    inner: Destination,
    gone: Arc<AtomicBool>,
}

impl Watched {
    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.gone.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        self.note(flushed)
    }
}

/// A writer of `format` for rows of `schema`. `width` is the terminal's, where there is one.
pub fn open(
    format: Format,
    schema: &SchemaRef,
    destination: Destination,
    width: Option<u16>,
) -> Result<Rows, OutputError> {
    let gone = Arc::new(AtomicBool::new(false));
    let destination = Box::new(Watched { inner: destination, gone: gone.clone() });
    let writer = encoder(format, schema, destination, width).map_err(|error| unless_gone(error.into(), &gone))?;
    Ok(Rows { writer, gone })
}

/// The format of files of rows that this is; `None` for tables for people.
pub fn row_format(format: Format) -> Option<RowFormat> {
    match format {
        Format::Table => None,
        Format::Csv => Some(RowFormat::Csv),
        Format::Json => Some(RowFormat::Json),
        Format::Arrow => Some(RowFormat::Arrow),
        Format::Parquet => Some(RowFormat::Parquet),
    }
}

fn encoder(
    format: Format,
    schema: &SchemaRef,
    destination: Destination,
    width: Option<u16>,
) -> Result<Box<dyn RowWriter>, output::OutputError> {
    let Some(format) = row_format(format) else {
        return Ok(Box::new(table::Table::new(schema, destination, width)));
    };
    let compression = if format == RowFormat::Parquet { OutputCompression::Snappy } else { OutputCompression::None };
    output::encoder(format, compression, schema, destination)
}

#[cfg(test)]
mod tests;
