//! The bytes of tasks: what all tasks of a stage share, what each adds, and our own nodes inside DataFusion's plan.
//!
//! Driver and workers run the same build; the version is there to say so when they do not.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use bytes::Bytes;
use datafusion_proto::protobuf;
use prost::{Enumeration, Message, Oneof};

use crate::fault::Fault;
use crate::scan::Split;

mod scan;
mod split;
mod write;

pub(crate) use scan::{ReadingMessage, ScanMessage};
use split::SplitMessage;
pub(crate) use write::WriteMessage;

/// Changes whenever a message below changes its meaning.
const VERSION: u32 = 3;

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
    /// Each looks where records begin in one split; instead of a plan there is a [`ReadingMessage`].
    Borders = 3,
}

/// What one task adds: the splits of its scan.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Body {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(message, repeated, tag = "2")]
    splits: Vec<SplitMessage>,
    /// The task's number in its stage.
    #[prost(uint32, tag = "3")]
    number: u32,
}

/// One of our nodes inside a plan.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Node {
    #[prost(oneof = "NodeKind", tags = "1, 2, 3, 4, 5")]
    pub kind: Option<NodeKind>,
}

/// Which of our nodes.
#[expect(clippy::large_enum_variant, reason = "there is one of them in memory, while a plan is encoded or decoded")]
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
    /// Part files of the child's rows.
    #[prost(message, tag = "5")]
    Write(WriteMessage),
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

impl Shared {
    /// The shared part of a stage.
    pub fn new(plan: Bytes, batch_rows: usize, notes_borders: bool) -> Self {
        let role = if notes_borders { Role::Scan } else { Role::Last };
        Self { version: VERSION, plan, batch_rows: batch_rows as u64, role: role.into() }
    }

    /// The shared part of tasks that look where records begin.
    pub fn of_borders(reading: &ReadingMessage) -> Self {
        let plan = reading.encode_to_vec().into();
        Self { version: VERSION, plan, batch_rows: 1, role: Role::Borders.into() }
    }

    /// Its tasks only look where records begin.
    pub fn is_of_borders(&self) -> bool {
        self.role() == Role::Borders
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
    /// The body of the task with this number, which reads these splits.
    pub fn new(number: u32, splits: &[Split]) -> Self {
        let splits = splits.iter().map(SplitMessage::new);
        Self { version: VERSION, splits: splits.collect(), number }
    }

    /// The task's number and the splits that these bytes name.
    pub fn from_bytes(bytes: &Bytes) -> Result<(u32, Vec<Split>), Fault> {
        let body = Self::decode(bytes.clone()).map_err(|error| Fault::Task(error.to_string()))?;
        check_version(body.version)?;
        let splits = body.splits.into_iter().map(SplitMessage::into_split).collect::<Result<_, _>>()?;
        Ok((body.number, splits))
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

/// A length as this machine counts.
pub(crate) fn length(value: u64) -> Result<usize, Fault> {
    usize::try_from(value).map_err(|_| Fault::Task(format!("{value} is too long for this machine")))
}

#[cfg(test)]
mod tests {
    use bobbin_blocks::FileRef;
    use bobbin_blocks::compression::Compression;

    use crate::scan::FileFacts;

    use super::*;

    fn split(start: u64, end: u64) -> Split {
        let file = FileRef { url: "file:///a".into(), len: 10, modified_ms: -1 };
        let (compression, values, columns) = (Compression::Gzip, vec![None, Some("x".into())], vec![1, 0]);
        let facts = FileFacts { compression, values, columns, frames: Vec::new() };
        Split { file, facts: Arc::new(facts), start, end, first_record: Some(3), stored: start..end }
    }

    #[test]
    fn bodies_come_back() {
        let splits = [split(0, 4), split(4, 10), Split { stored: 2..9, ..split(40, u64::MAX) }];
        let bytes: Bytes = Body::new(7, &splits).encode_to_vec().into();
        assert_eq!(Body::from_bytes(&bytes).unwrap(), (7, splits.to_vec()));
    }

    #[test]
    fn other_builds_and_nonsense_are_refused() {
        let other = Body { version: 99, splits: vec![], number: 0 };
        let message = Body::from_bytes(&other.encode_to_vec().into()).unwrap_err().to_string();
        assert!(message.contains("same build"), "{message}");
        assert!(Body::from_bytes(&Bytes::from_static(b"\xff\xff")).is_err());
        assert!(Shared::from_bytes(&Bytes::new()).is_err());
        for (start, end) in [(5, 4), (0, 11)] {
            assert!(Body::from_bytes(&Body::new(0, &[split(start, end)]).encode_to_vec().into()).is_err());
        }
    }
}
