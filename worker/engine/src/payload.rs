//! The bytes of tasks: what all tasks of a stage share, what each adds, and our own nodes inside DataFusion's plan.
//!
//! Driver and workers run the same build; the version is there to say so when they do not.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use bobbin_blocks::FileRef;
use bobbin_parse::csv::CsvOptions;
use bytes::Bytes;
use datafusion_proto::protobuf;
use prost::{Enumeration, Message, Oneof};

use crate::fault::Fault;
use crate::scan::ScanShape;
use crate::splits::Split;

/// Changes whenever a message below changes its meaning.
const VERSION: u32 = 2;

/// What all tasks of a stage share.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Shared {
    #[prost(uint32, tag = "1")]
    version: u32,
    /// DataFusion's plan, in which our leaves are nodes of [`Node`].
    #[prost(bytes = "bytes", tag = "2")]
    pub plan: Bytes,
    /// Rows of a batch.
    #[prost(uint64, tag = "3")]
    batch_rows: u64,
    #[prost(enumeration = "Role", tag = "4")]
    role: i32,
}

/// What the tasks of a stage do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
enum Role {
    /// Not said.
    Unspecified = 0,
    /// Each reads one split, and notes its borders.
    Scan = 1,
    /// The only one reads what it is told to.
    Last = 2,
}

/// What one task adds: the splits of its scan.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Body {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(message, repeated, tag = "2")]
    splits: Vec<SplitMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct SplitMessage {
    #[prost(string, tag = "1")]
    url: String,
    #[prost(uint64, tag = "2")]
    file_len: u64,
    #[prost(sint64, tag = "3")]
    modified_ms: i64,
    #[prost(uint64, tag = "4")]
    start: u64,
    #[prost(uint64, tag = "5")]
    end: u64,
}

/// One of our nodes inside a plan.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Node {
    #[prost(oneof = "NodeKind", tags = "1, 2, 3, 4")]
    pub kind: Option<NodeKind>,
}

/// Which of our nodes.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum NodeKind {
    /// The scan, whose splits are in the task's body.
    #[prost(message, tag = "1")]
    Scan(ScanMessage),
    /// Results of earlier tasks.
    #[prost(message, tag = "2")]
    Inputs(InputsMessage),
    /// All partitions of the child, in order.
    #[prost(message, tag = "3")]
    Concat(ConcatMessage),
    /// The same partition of every child, one after the other.
    #[prost(message, tag = "4")]
    SideBySide(SideBySideMessage),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SideBySideMessage {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ConcatMessage {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InputsMessage {
    #[prost(message, optional, tag = "1")]
    pub schema: Option<protobuf::Schema>,
    #[prost(uint64, tag = "2")]
    pub first: u64,
    #[prost(uint64, tag = "3")]
    pub count: u64,
    /// How each input is sorted; none: it is not.
    #[prost(message, repeated, tag = "4")]
    pub order: Vec<protobuf::PhysicalSortExprNode>,
    /// Columns that have one value in all rows.
    #[prost(uint32, repeated, tag = "5")]
    pub constants: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ScanMessage {
    #[prost(string, tag = "1")]
    table: String,
    #[prost(message, optional, tag = "2")]
    schema: Option<protobuf::Schema>,
    #[prost(uint32, repeated, tag = "3")]
    projection: Vec<u32>,
    #[prost(uint64, optional, tag = "4")]
    fetch: Option<u64>,
    #[prost(uint64, tag = "5")]
    record_bytes: u64,
    #[prost(uint32, tag = "6")]
    separator: u32,
    #[prost(uint32, optional, tag = "7")]
    quote: Option<u32>,
    #[prost(bool, tag = "8")]
    header: bool,
    #[prost(string, repeated, tag = "9")]
    null_tokens: Vec<String>,
    #[prost(uint64, tag = "10")]
    max_record_bytes: u64,
}

impl Shared {
    /// The shared part of a stage.
    pub fn new(plan: Bytes, batch_rows: usize, notes_borders: bool) -> Self {
        let role = if notes_borders { Role::Scan } else { Role::Last };
        Self { version: VERSION, plan, batch_rows: batch_rows as u64, role: role.into() }
    }

    /// The shared part in these bytes.
    pub fn from_bytes(bytes: &Bytes) -> Result<Self, Fault> {
        let shared = Self::decode(bytes.clone()).map_err(|error| Fault::Task(error.to_string()))?;
        check_version(shared.version)?;
        if shared.role() == Role::Unspecified || shared.batch_rows == 0 {
            return Err(Fault::Task("it is not complete".into()));
        }
        Ok(shared)
    }

    /// Each task reads one split, and notes its borders.
    pub fn notes_borders(&self) -> bool {
        self.role() == Role::Scan
    }

    /// Rows of a batch.
    pub fn batch_rows(&self) -> Result<usize, Fault> {
        length(self.batch_rows)
    }
}

impl Body {
    /// The body of a task that reads these splits.
    pub fn new(splits: &[Split]) -> Self {
        let splits = splits.iter().map(|split| SplitMessage {
            url: split.file.url.clone(),
            file_len: split.file.len,
            modified_ms: split.file.modified_ms,
            start: split.start,
            end: split.end,
        });
        Self { version: VERSION, splits: splits.collect() }
    }

    /// The splits that these bytes name.
    pub fn splits_from_bytes(bytes: &Bytes) -> Result<Vec<Split>, Fault> {
        let body = Self::decode(bytes.clone()).map_err(|error| Fault::Task(error.to_string()))?;
        check_version(body.version)?;
        body.splits.into_iter().map(SplitMessage::into_split).collect()
    }
}

impl SplitMessage {
    fn into_split(self) -> Result<Split, Fault> {
        if self.start > self.end || self.end > self.file_len {
            let (start, end, len) = (self.start, self.end, self.file_len);
            return Err(Fault::Task(format!("split {start}..{end} is not inside {} with {len} bytes", self.url)));
        }
        let file = FileRef { url: self.url, len: self.file_len, modified_ms: self.modified_ms };
        Ok(Split { file, start: self.start, end: self.end })
    }
}

fn check_version(version: u32) -> Result<(), Fault> {
    if version == VERSION {
        return Ok(());
    }
    Err(Fault::Task(format!(
        "it has version {version}, this worker understands {VERSION}; driver and workers must be the same build"
    )))
}

/// A schema as a message.
pub(crate) fn schema_message(schema: &SchemaRef) -> Result<protobuf::Schema, Fault> {
    schema.as_ref().try_into().map_err(|error| Fault::Task(format!("encode its columns: {error}")))
}

/// The schema in a message.
pub(crate) fn schema_from(message: Option<&protobuf::Schema>) -> Result<SchemaRef, Fault> {
    let message = message.ok_or_else(|| Fault::Task("its columns are missing".into()))?;
    let schema = Schema::try_from(message).map_err(|error| Fault::Task(format!("decode its columns: {error}")))?;
    Ok(Arc::new(schema))
}

impl ScanMessage {
    /// The shape as a message.
    pub fn new(shape: &ScanShape) -> Result<Self, Fault> {
        let options = &shape.options;
        Ok(Self {
            table: shape.table.to_string(),
            schema: Some(schema_message(&shape.file_schema)?),
            projection: shape.projection.iter().map(|&column| column as u32).collect(),
            fetch: shape.fetch.map(|fetch| fetch as u64),
            record_bytes: shape.record_bytes,
            separator: options.separator.into(),
            quote: options.quote.map(u32::from),
            header: options.header,
            null_tokens: options.null_tokens.clone(),
            max_record_bytes: options.max_record_bytes as u64,
        })
    }

    /// The shape in a message.
    pub fn into_shape(self) -> Result<ScanShape, Fault> {
        let file_schema = schema_from(self.schema.as_ref())?;
        let projection: Vec<usize> = self.projection.iter().map(|&column| column as usize).collect();
        if projection.iter().any(|&column| column >= file_schema.fields().len()) {
            return Err(Fault::Task(format!("table {} has fewer columns than it reads", self.table)));
        }
        let options = CsvOptions {
            separator: one_byte(self.separator)?,
            quote: self.quote.map(one_byte).transpose()?,
            header: self.header,
            null_tokens: self.null_tokens,
            max_record_bytes: length(self.max_record_bytes)?,
            ..CsvOptions::default()
        };
        options.check().map_err(|error| Fault::Task(error.to_string()))?;
        Ok(ScanShape {
            table: self.table.into(),
            file_schema,
            projection: projection.into(),
            options: Arc::new(options),
            fetch: self.fetch.map(length).transpose()?,
            record_bytes: self.record_bytes.max(1),
        })
    }
}

fn one_byte(value: u32) -> Result<u8, Fault> {
    u8::try_from(value).map_err(|_| Fault::Task(format!("{value} is not a byte")))
}

/// A length as this machine counts.
pub(crate) fn length(value: u64) -> Result<usize, Fault> {
    usize::try_from(value).map_err(|_| Fault::Task(format!("{value} is too long for this machine")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(start: u64, end: u64) -> Split {
        Split { file: FileRef { url: "file:///a".into(), len: 10, modified_ms: -1 }, start, end }
    }

    #[test]
    fn bodies_come_back() {
        let splits = [split(0, 4), split(4, 10)];
        let bytes: Bytes = Body::new(&splits).encode_to_vec().into();
        assert_eq!(Body::splits_from_bytes(&bytes).unwrap(), splits);
    }

    #[test]
    fn other_builds_and_nonsense_are_refused() {
        let other = Body { version: 99, splits: vec![] };
        let message = Body::splits_from_bytes(&other.encode_to_vec().into()).unwrap_err().to_string();
        assert!(message.contains("same build"), "{message}");
        assert!(Body::splits_from_bytes(&Bytes::from_static(b"\xff\xff")).is_err());
        assert!(Shared::from_bytes(&Bytes::new()).is_err());
        for (start, end) in [(5, 4), (0, 11)] {
            assert!(Body::splits_from_bytes(&Body::new(&[split(start, end)]).encode_to_vec().into()).is_err());
        }
    }
}
