//! A Parquet file.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{Destination, OutputCompression, OutputError, RowWriter};

pub(super) struct Parquet {
    rows: ArrowWriter<Destination>,
}

impl Parquet {
    pub(super) fn new(
        schema: &SchemaRef,
        compression: OutputCompression,
        destination: Destination,
    ) -> Result<Self, OutputError> {
        let compression = match compression {
            OutputCompression::None | OutputCompression::Gzip => Compression::UNCOMPRESSED,
            OutputCompression::Snappy => Compression::SNAPPY,
            OutputCompression::Zstd => Compression::ZSTD(ZstdLevel::default()),
        };
        let properties = WriterProperties::builder().set_compression(compression).build();
        Ok(Parquet { rows: ArrowWriter::try_new(destination, schema.clone(), Some(properties))? })
    }
}

impl RowWriter for Parquet {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        Ok(self.rows.write(batch)?)
    }

    fn finish(self: Box<Self>) -> Result<(), OutputError> {
        Ok(self.rows.into_inner()?.flush()?)
    }
}
