//! The note of a scan task: where records begin at its split's two ends, or why the split could not be read.

use bytes::Bytes;
use prost::Message;

/// Changes whenever the note changes its meaning. It is never 0, so that no note is without bytes.
const VERSION: u32 = 1;

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
    #[prost(uint32, tag = "4")]
    version: u32,
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
    /// A note of a split that was read.
    pub fn new(first_record: u64, next_record: Option<u64>) -> Self {
        Self { first_record, next_record, failure: None, version: VERSION }
    }

    /// The note of a split that could not be read to its end.
    pub fn failed(first_record: u64, failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::new(first_record, None) }
    }

    /// The note as bytes; never none.
    pub fn to_bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// The note in these bytes, if they are one of this build.
    pub fn from_bytes(bytes: &Bytes) -> Option<Self> {
        Self::decode(bytes.clone()).ok().filter(|note| note.version == VERSION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_note_has_bytes_and_comes_back() {
        for note in [SplitNote::new(0, None), SplitNote::new(3, Some(0)), SplitNote::failed(0, Failure::default())] {
            let bytes = note.to_bytes();
            assert!(!bytes.is_empty());
            assert_eq!(SplitNote::from_bytes(&bytes), Some(note));
        }
        assert_eq!(SplitNote::from_bytes(&Bytes::new()), None);
        assert_eq!(SplitNote::from_bytes(&Bytes::from_static(b"\xff")), None);
    }
}
