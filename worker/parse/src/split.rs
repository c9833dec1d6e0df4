//! The part of a file that one task reads, and what the task found at its two ends.

/// A byte range of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitRange {
    /// First byte.
    pub start: u64,
    /// Byte after the last.
    pub end: u64,
    /// Length of the whole file, or [`SplitRange::UNKNOWN`].
    pub file_len: u64,
}

impl SplitRange {
    /// The length of a file that is known only when its end is reached: that of a compressed one.
    pub const UNKNOWN: u64 = u64::MAX;
}

/// Where records begin at a split's two ends, for the proof that splits fit together: a split with `start > 0` assumes
/// that it starts outside quotes. If `next_record` of every split equals `first_record` of the following one, the
/// assumption was right everywhere; a difference means that quotes span a border and the file must be read as one split.
///
/// Empty lines count as records here, so that the offsets do not depend on them. A split in which nothing begins
/// reports the same offset twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Borders {
    /// Offset of the first line at or after the split's start.
    pub first_record: u64,
    /// Offset of the first line at or after the split's end; the file's length when there is none.
    pub next_record: u64,
}
