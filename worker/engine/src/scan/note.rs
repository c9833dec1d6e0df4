//! The note of a scan task: where records begin at its split's two ends, or why the split could not be read.

use bobbin_parse::BadRecords;
use bobbin_parse::csv::StateMap;
use bytes::Bytes;
use prost::Message;

/// Changes whenever the note changes its meaning. It is never 0, so that no note is without bytes.
const VERSION: u32 = 2;

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
    /// Records that were left out or changed.
    #[prost(message, repeated, tag = "5")]
    pub bad: Vec<BadNote>,
    /// What the split makes of each state in which it may begin, where that was asked for.
    #[prost(message, repeated, tag = "6")]
    state_map: Vec<StateNote>,
    /// What the task took.
    #[prost(message, optional, tag = "7")]
    pub cost: Option<Cost>,
    /// The task looked at its split's records.
    #[prost(bool, tag = "8")]
    has_scanned: bool,
}

/// What a task took and gave.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Cost {
    /// Rows of its result.
    #[prost(uint64, tag = "1")]
    pub rows: u64,
    /// Bytes that it read from files.
    #[prost(uint64, tag = "2")]
    pub bytes: u64,
    /// Time from its start to its end.
    #[prost(uint64, tag = "3")]
    pub micros: u64,
}

/// What a split makes of one state in which it may begin.
#[derive(Clone, PartialEq, Message)]
struct StateNote {
    /// The state at its end.
    #[prost(uint32, tag = "1")]
    end: u32,
    /// Offset of the first line that begins in it.
    #[prost(uint64, optional, tag = "2")]
    first: Option<u64>,
}

/// Bad records of one kind.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BadNote {
    /// What is wrong with them.
    #[prost(string, tag = "1")]
    pub kind: String,
    /// How many there are.
    #[prost(uint64, tag = "2")]
    pub count: u64,
    /// The first of them, for people.
    #[prost(string, repeated, tag = "3")]
    pub samples: Vec<String>,
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
        let nothing = Self::default();
        Self { first_record, next_record, version: VERSION, has_scanned: true, ..nothing }
    }

    /// The note of a split that could not be read to its end.
    pub fn failed(first_record: u64, failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::new(first_record, None) }
    }

    /// The note of a task that only looks at its split's borders.
    pub fn of_borders(map: &StateMap) -> Self {
        let state_map = map.0.iter().map(|&(end, first)| StateNote { end: end.into(), first }).collect();
        Self { state_map, ..Self::new(0, None) }
    }

    /// What the split makes of each state in which it may begin, if that was asked for.
    pub fn state_map(&self) -> Option<StateMap> {
        let state = |note: &StateNote| Some((u8::try_from(note.end).ok()?, note.first));
        let states: Vec<_> = self.state_map.iter().map(state).collect::<Option<_>>()?;
        (!states.is_empty()).then_some(StateMap(states))
    }

    /// The note of a task that read no split.
    pub fn without_scan() -> Self {
        Self { has_scanned: false, ..Self::new(0, None) }
    }

    /// The note in these bytes, if they are one of this build and of a task that looked at its split's records.
    pub fn of_scan(bytes: &Bytes) -> Option<Self> {
        Self::from_bytes(bytes).filter(|note| note.has_scanned)
    }

    /// The note with what the task took.
    pub fn with_cost(self, cost: Cost) -> Self {
        Self { cost: Some(cost), ..self }
    }

    /// The note with these bad records of a file, and those of earlier ones.
    pub fn with_bad(mut self, earlier: &[BadNote], found: &BadRecords, url: &str) -> Self {
        self.bad = earlier.to_vec();
        for (kind, count) in &found.counts {
            let samples = found.samples.iter().filter(|sample| sample.reason.kind() == *kind);
            let samples = samples.map(|sample| format!("{url}: {sample}")).collect();
            merge(&mut self.bad, BadNote { kind: (*kind).to_owned(), count: *count, samples });
        }
        self
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

/// Adds bad records to those of the same kind.
pub(crate) fn merge(all: &mut Vec<BadNote>, more: BadNote) {
    let Some(known) = all.iter_mut().find(|known| known.kind == more.kind) else {
        all.push(more);
        return;
    };
    known.count += more.count;
    let room = (BadRecords::SAMPLES as usize).saturating_sub(known.samples.len());
    known.samples.extend(more.samples.into_iter().take(room));
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
