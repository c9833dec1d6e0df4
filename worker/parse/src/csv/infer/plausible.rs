//! Whether a sample can be CSV at all, and what is odd about it.

use super::InferError;

/// First bytes of formats that people take for CSV, and what to do about each.
const FOREIGN: [(&[u8], &str); 9] = [
    (b"\x1f\x8b", "it is gzip-compressed; unpack it first"),
    (b"BZh", "it is bzip2-compressed; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "it is zstd-compressed; unpack it first"),
    (b"\xfd7zXZ", "it is xz-compressed; unpack it first"),
    (b"PK\x03\x04", "it is a zip archive or a spreadsheet; export the table as CSV"),
    (b"PAR1", "it is a Parquet file"),
    (b"Obj\x01", "it is an Avro file"),
    (b"\xff\xfe", "it is UTF-16 text; convert it to UTF-8"),
    (b"\xfe\xff", "it is UTF-16 text; convert it to UTF-8"),
];

/// A NUL byte among so many others may be a fault in one record; more of them are no text.
const MANY_NULS: usize = 32;

/// Refuses what is empty or binary, and lines that end with a carriage return alone.
pub(super) fn check(sample: &[u8]) -> Result<(), InferError> {
    if sample.is_empty() {
        return Err(InferError::Empty);
    }
    if let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| sample.starts_with(magic)) {
        return Err(InferError::NotCsv((*what).to_owned()));
    }
    let nuls = memchr::memchr_iter(0, sample).count();
    if nuls > 1 && nuls * MANY_NULS > sample.len() {
        return Err(InferError::NotCsv(format!("{nuls} of its first {} bytes are NUL: it is binary", sample.len())));
    }
    if memchr::memchr(b'\n', sample).is_none() && has_inner_return(sample) {
        return Err(InferError::CarriageReturnOnly);
    }
    Ok(())
}

/// A carriage return that is not the sample's last byte.
fn has_inner_return(sample: &[u8]) -> bool {
    memchr::memchr(b'\r', sample).is_some_and(|at| at + 1 < sample.len())
}

/// Nothing but empty lines.
pub(super) fn is_blank(sample: &[u8]) -> bool {
    sample[mark_len(sample)..].iter().all(|byte| *byte == b'\n' || *byte == b'\r')
}

/// Length of the byte order mark.
pub(super) fn mark_len(sample: &[u8]) -> usize {
    if sample.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

/// What a user should know about a readable sample.
pub(super) fn warnings(sample: &[u8]) -> Vec<String> {
    let lone = memchr::memchr_iter(b'\r', sample).filter(|at| sample.get(at + 1).is_some_and(|next| *next != b'\n'));
    let counts = [
        (lone.count(), "carriage returns that end no line are read as part of their field"),
        (memchr::memchr_iter(0, sample).count(), "NUL bytes are read as part of their field"),
    ];
    counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
}
