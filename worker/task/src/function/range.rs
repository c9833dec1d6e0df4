//! Bytes of files as arguments.

use std::sync::Arc;

use bobbin_blocks::{BlockReader, FileRef, OpenFile, ReadCounters, ReadError};
use bobbin_proto as wire;
use bytes::{Bytes, BytesMut};
use memchr::memchr;

use crate::task::CancelFlag;

/// Bytes that are looked through at once for the end of a line.
const STEP: usize = 64 << 10;

/// Why a range has no bytes.
#[derive(Debug, thiserror::Error)]
pub enum RangeError {
    /// It lies beyond the end of its file.
    #[error("{url}: bytes {start} to {end} are no range of its {length} bytes")]
    Beyond {
        /// The file.
        url: String,
        /// Where it begins.
        start: u64,
        /// Where it ends.
        end: u64,
        /// Bytes of the file.
        length: u64,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Nobody wants them any more.
    #[error("the task was cancelled")]
    Cancelled,
}

/// Reads a range, whole lines of it if that is wanted.
pub async fn read(
    reader: &BlockReader,
    range: wire::FileRange,
    counters: Arc<ReadCounters>,
    cancel: &CancelFlag,
) -> Result<Bytes, RangeError> {
    let wire::FileRange { url, start, end, file_length, modified_ms, whole_lines } = range;
    if start > end || end > file_length {
        return Err(RangeError::Beyond { url, start, end, length: file_length });
    }
    let file = reader.open(&FileRef { url, len: file_length, modified_ms }, counters).await?;
    let mut reading = Reading { file, length: file_length, cancel };
    if !whole_lines {
        return Ok(reading.exactly(start, end, BytesMut::new()).await?.freeze());
    }
    let first = if start == 0 { 0 } else { reading.line_after(start - 1).await? };
    if first >= end {
        return Ok(Bytes::new());
    }
    let last = reading.line_after(end - 1).await?;
    Ok(reading.exactly(first, last, BytesMut::new()).await?.freeze())
}

struct Reading<'a> {
    file: OpenFile,
    length: u64,
    cancel: &'a CancelFlag,
}

impl Reading<'_> {
    async fn window(&mut self, offset: u64, length: u64) -> Result<Bytes, RangeError> {
        if self.cancel.is_cancelled() {
            return Err(RangeError::Cancelled);
        }
        Ok(self.file.window(offset, usize::try_from(length).unwrap_or(usize::MAX)).await?)
    }

    /// The bytes of a range, behind those that are there.
    async fn exactly(&mut self, start: u64, end: u64, mut bytes: BytesMut) -> Result<BytesMut, RangeError> {
        bytes.reserve(usize::try_from(end - start).unwrap_or(usize::MAX).min(1 << 30));
        let mut offset = start;
        while offset < end {
            let window = self.window(offset, end - offset).await?;
            offset += window.len() as u64;
            bytes.extend_from_slice(&window);
        }
        Ok(bytes)
    }

    /// Where the line behind the first newline at or after this offset begins; the end of the file if there is none.
    async fn line_after(&mut self, mut offset: u64) -> Result<u64, RangeError> {
        while offset < self.length {
            let window = self.window(offset, STEP as u64).await?;
            if let Some(at) = memchr(b'\n', &window) {
                return Ok(offset + at as u64 + 1);
            }
            offset += window.len() as u64;
        }
        Ok(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pieces(text: &str, cuts: &[u64]) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("text");
        std::fs::write(&path, text).unwrap();
        let reader = BlockReader::local();
        let file = reader.list(path.to_str().unwrap()).await.unwrap().remove(0);
        let mut pieces = Vec::new();
        for pair in cuts.windows(2) {
            let range = wire::FileRange {
                url: file.url.clone(),
                start: pair[0],
                end: pair[1],
                file_length: file.len,
                modified_ms: file.modified_ms,
                whole_lines: true,
            };
            let bytes = read(&reader, range, Arc::default(), &CancelFlag::default()).await.unwrap();
            pieces.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        pieces
    }

    #[tokio::test]
    async fn every_line_is_in_the_piece_where_it_begins() {
        for text in ["one\ntwo\r\n\nthree", "one\n", "\n\n", "no end of line", "a\nb\nc\n"] {
            let length = text.len() as u64;
            for first in 0..=length {
                for second in first..=length {
                    let cuts = [0, first, second, length];
                    let pieces = pieces(text, &cuts).await;
                    assert_eq!(pieces.concat(), text, "cut at {cuts:?}");
                    let mut start = 0;
                    for line in text.split_inclusive('\n') {
                        let piece = cuts.windows(2).position(|pair| pair[0] <= start && start < pair[1]).unwrap();
                        assert!(
                            pieces[piece].contains(line),
                            "{line:?} of {text:?} is not in piece {piece} of {cuts:?}"
                        );
                        start += line.len() as u64;
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn a_range_that_is_none_is_refused() {
        let range = wire::FileRange { url: "file:///x".into(), start: 5, end: 9, file_length: 7, ..Default::default() };
        let read = read(&BlockReader::local(), range, Arc::default(), &CancelFlag::default()).await;
        assert!(matches!(read, Err(RangeError::Beyond { .. })));
    }
}
