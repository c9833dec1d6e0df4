//! Splits as messages.

use std::sync::Arc;

use bobbin_blocks::FileRef;
use bobbin_blocks::compression::Compression;
use prost::Message;

use crate::fault::Fault;
use crate::payload::length;
use crate::scan::{FileFacts, Split};

#[derive(Clone, PartialEq, Message)]
pub(super) struct SplitMessage {
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
    #[prost(uint64, optional, tag = "6")]
    first_record: Option<u64>,
    /// 0: none, then gzip, zstd, bzip2.
    #[prost(uint32, tag = "7")]
    compression: u32,
    #[prost(message, repeated, tag = "8")]
    values: Vec<ValueMessage>,
    #[prost(uint32, repeated, tag = "9")]
    columns: Vec<u32>,
    /// Absent: from start to end.
    #[prost(message, optional, tag = "10")]
    stored: Option<StoredMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredMessage {
    #[prost(uint64, tag = "1")]
    start: u64,
    #[prost(uint64, tag = "2")]
    end: u64,
}

#[derive(Clone, PartialEq, Message)]
struct ValueMessage {
    #[prost(string, optional, tag = "1")]
    value: Option<String>,
}

impl SplitMessage {
    pub(super) fn new(split: &Split) -> Self {
        let Split { facts, stored, .. } = split;
        let is_text = *stored == (split.start..split.end);
        Self {
            url: split.file.url.clone(),
            file_len: split.file.len,
            modified_ms: split.file.modified_ms,
            start: split.start,
            end: split.end,
            first_record: split.first_record,
            compression: match facts.compression {
                Compression::None => 0,
                Compression::Gzip => 1,
                Compression::Zstd => 2,
                Compression::Bzip2 => 3,
            },
            values: facts.values.iter().map(|value| ValueMessage { value: value.clone() }).collect(),
            columns: facts.columns.iter().map(|&column| column as u32).collect(),
            stored: (!is_text).then_some(StoredMessage { start: stored.start, end: stored.end }),
        }
    }

    pub(super) fn into_split(self) -> Result<Split, Fault> {
        let stored = self.stored.map_or(self.start..self.end, |stored| stored.start..stored.end);
        if self.start > self.end || stored.start > stored.end || stored.end > self.file_len {
            let (start, end, len) = (stored.start, stored.end, self.file_len);
            return Err(Fault::Task(format!("split {start}..{end} is not inside {} with {len} bytes", self.url)));
        }
        let compression = match self.compression {
            0 => Compression::None,
            1 => Compression::Gzip,
            2 => Compression::Zstd,
            3 => Compression::Bzip2,
            other => return Err(Fault::Task(format!("compression {other} is not known"))),
        };
        let columns = self.columns.into_iter().map(|column| length(column.into())).collect::<Result<_, _>>()?;
        let values = self.values.into_iter().map(|message| message.value).collect();
        let facts = Arc::new(FileFacts { compression, values, columns, frames: Vec::new() });
        let file = FileRef { url: self.url, len: self.file_len, modified_ms: self.modified_ms };
        let Self { start, end, first_record, .. } = self;
        if end > facts.text_len(&file) {
            return Err(Fault::Task(format!("split {start}..{end} is not inside {}", file.url)));
        }
        Ok(Split { file, facts, start, end, first_record, stored })
    }
}
