//! Scans as messages: what all splits of one have in common.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use bobbin_parse::Yield;
use datafusion::common::DataFusionError;
use datafusion_proto::protobuf;
use prost::Message;

use crate::fault::Fault;
use crate::payload::{length, schema_from, schema_message};
use crate::scan::{ExtraColumn, ExtraKind, ScanFilter, ScanShape, TableColumns};
use crate::tables::{FileFormat, Reading};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ScanMessage {
    #[prost(string, tag = "1")]
    table: String,
    #[prost(message, optional, tag = "2")]
    file: Option<protobuf::Schema>,
    #[prost(message, optional, tag = "3")]
    partitions: Option<protobuf::Schema>,
    #[prost(message, repeated, tag = "4")]
    extras: Vec<ExtraMessage>,
    #[prost(bool, tag = "5")]
    rejects: bool,
    #[prost(uint32, repeated, tag = "6")]
    projection: Vec<u32>,
    #[prost(message, optional, tag = "7")]
    reading: Option<ReadingMessage>,
    #[prost(uint32, repeated, tag = "8")]
    filter_columns: Vec<u32>,
    #[prost(message, optional, tag = "9")]
    filter: Option<protobuf::PhysicalExprNode>,
    #[prost(uint64, optional, tag = "10")]
    fetch: Option<u64>,
    #[prost(uint64, tag = "11")]
    record_bytes: u64,
}

#[derive(Clone, PartialEq, Message)]
struct ExtraMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(enumeration = "ExtraKind", tag = "2")]
    kind: i32,
}

/// How records are read: the options as they were written.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReadingMessage {
    #[prost(enumeration = "FileFormat", tag = "1")]
    format: i32,
    /// Names and values, as JSON.
    #[prost(string, tag = "2")]
    written: String,
}

impl ReadingMessage {
    /// The reading as a message.
    pub fn new(reading: &Reading) -> Result<Self, Fault> {
        let written = serde_json::to_string(&reading.written);
        let written = written.map_err(|error| Fault::Task(format!("encode its options: {error}")))?;
        Ok(Self { format: reading.format.into(), written })
    }

    /// The reading in a message.
    pub fn into_reading(self) -> Result<Reading, Fault> {
        let format = FileFormat::try_from(self.format).map_err(|error| Fault::Task(error.to_string()))?;
        let written = serde_json::from_str(&self.written);
        let written = written.map_err(|error| Fault::Task(format!("decode its options: {error}")))?;
        Reading::new(format, written).map_err(|error| Fault::Task(error.to_string()))
    }
}

impl ScanMessage {
    /// The shape as a message; `encode` turns its condition into one.
    pub fn new(
        shape: &ScanShape,
        encode: impl Fn(&ScanFilter) -> Result<protobuf::PhysicalExprNode, DataFusionError>,
    ) -> Result<Self, DataFusionError> {
        let TableColumns { file, partitions, extras, yields } = &shape.columns;
        let partitions: SchemaRef = Arc::new(Schema::new(partitions.clone()));
        let number = |&column: &usize| column as u32;
        let extra = |extra: &ExtraColumn| ExtraMessage { name: extra.name.clone(), kind: extra.kind.into() };
        let filter = shape.filter.as_deref();
        Ok(Self {
            table: shape.table.to_string(),
            file: Some(schema_message(file)?),
            partitions: Some(schema_message(&partitions)?),
            extras: extras.iter().map(extra).collect(),
            rejects: *yields == Yield::Rejects,
            projection: shape.projection.iter().map(number).collect(),
            reading: Some(ReadingMessage::new(&shape.reading)?),
            filter_columns: filter.iter().flat_map(|filter| &filter.columns).map(number).collect(),
            filter: filter.map(encode).transpose()?,
            fetch: shape.fetch.map(|fetch| fetch as u64),
            record_bytes: shape.record_bytes,
        })
    }

    /// The shape in a message; `decode` finds its condition over columns of a schema.
    pub fn into_shape(
        self,
        decode: impl FnOnce(&protobuf::PhysicalExprNode, &Schema) -> Result<ScanFilter, DataFusionError>,
    ) -> Result<ScanShape, DataFusionError> {
        let partitions: Vec<FieldRef> = schema_from(self.partitions.as_ref())?.fields().iter().cloned().collect();
        let extra = |message: ExtraMessage| ExtraColumn { kind: message.kind(), name: message.name };
        let columns = TableColumns {
            file: schema_from(self.file.as_ref())?,
            partitions,
            extras: self.extras.into_iter().map(extra).collect(),
            yields: if self.rejects { Yield::Rejects } else { Yield::Rows },
        };
        let schema = columns.schema();
        let numbers = |numbers: Vec<u32>| numbers.into_iter().map(|column| column as usize).collect::<Vec<_>>();
        let (projection, filtered) = (numbers(self.projection), numbers(self.filter_columns));
        if projection.iter().chain(&filtered).any(|&column| column >= schema.fields().len()) {
            return Err(Fault::Task(format!("table {} has fewer columns than it reads", self.table)).into());
        }
        let filter = match &self.filter {
            Some(message) => Some(decode(message, &schema.project(&filtered)?)?),
            None => None,
        };
        let reading = self.reading.ok_or_else(|| Fault::Task("its options are missing".into()))?.into_reading()?;
        Ok(ScanShape {
            table: self.table.into(),
            columns,
            projection: projection.into(),
            reading: Arc::new(reading),
            filter: filter.map(|filter| Arc::new(ScanFilter { columns: filtered, ..filter })),
            fetch: self.fetch.map(length).transpose()?,
            record_bytes: self.record_bytes.max(1),
        })
    }
}
