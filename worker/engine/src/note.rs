//! The note of a scan task: where records begin at its split's two ends, or why the split could not be read.

use bytes::Bytes;
use prost::Message;

/// What a split found at its ends.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SplitNote {
    /// Offset of the first line that begins in the split or after it.
    #[prost(uint64, tag = "1")]
    pub first_record: u64,
    /// Offset of the first line after the split; absent when the task stopped before its end.
    #[prost(uint64, optional, tag = "2")]
    pub next_record: Option<u64>,
    /// Why the task stopped, if that is an error.
    #[prost(message, optional, tag = "3")]
    pub failure: Option<Failure>,
}

/// An error that may come from a wrong start.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Failure {
    /// The whole chain of reasons, for people.
    #[prost(string, tag = "1")]
    pub message: String,
    /// The exit code of a command that fails because of this.
    #[prost(uint32, tag = "2")]
    pub exit_code: u32,
}

impl SplitNote {
    /// The note as bytes.
    pub fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// The note in these bytes, if they are one. No bytes are no note.
    pub fn from_bytes(bytes: &Bytes) -> Option<Self> {
        if bytes.is_empty() { None } else { Self::decode(bytes.clone()).ok() }
    }
}
