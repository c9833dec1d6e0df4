//! What to write, as a message.

use bobbin_blocks::output::Staging;
use prost::Message;

use crate::fault::Fault;
use crate::output::{OutputCompression, RowFormat, WriteShape};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WriteMessage {
    #[prost(string, tag = "1")]
    staging_url: String,
    #[prost(string, tag = "2")]
    staging_id: String,
    #[prost(enumeration = "RowFormat", tag = "3")]
    format: i32,
    #[prost(enumeration = "OutputCompression", tag = "4")]
    compression: i32,
    #[prost(string, tag = "5")]
    extension: String,
    #[prost(uint32, repeated, tag = "6")]
    partition_by: Vec<u32>,
}

impl WriteMessage {
    /// The shape as a message.
    pub fn new(shape: &WriteShape) -> Self {
        Self {
            staging_url: shape.staging.url.clone(),
            staging_id: shape.staging.id.clone(),
            format: shape.format.into(),
            compression: shape.compression.into(),
            extension: shape.extension.clone(),
            partition_by: shape.partition_by.iter().map(|&column| column as u32).collect(),
        }
    }

    /// The shape in a message, for files whose rows have so many columns.
    pub fn into_shape(self, columns: usize) -> Result<WriteShape, Fault> {
        let wrong = |error: prost::UnknownEnumValue| Fault::Task(error.to_string());
        let partition_by: Vec<usize> = self.partition_by.iter().map(|&column| column as usize).collect();
        if partition_by.iter().any(|&column| column >= columns) {
            return Err(Fault::Task("it divides rows by a column that they do not have".into()));
        }
        Ok(WriteShape {
            format: RowFormat::try_from(self.format).map_err(wrong)?,
            compression: OutputCompression::try_from(self.compression).map_err(wrong)?,
            staging: Staging { url: self.staging_url, id: self.staging_id },
            extension: self.extension,
            partition_by,
        })
    }
}
