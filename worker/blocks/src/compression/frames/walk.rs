//! From frame to frame, by what their headers and those of their blocks say.

use bytes::Bytes;

use super::FrameStart;
use super::header::{self, BlockHeader, FrameHeader};
use crate::compression::error::DecompressError;
use crate::open::OpenFile;

/// Most reads of one file. A block holds at most 128 KiB of content, so this is enough for 1 GiB of it.
const MOST_READS: u32 = 8192;

/// Bytes of a read: the headers of small frames come many at once, and a DataNode sends no less than this.
const READ: usize = 16 << 10;

/// The frames with content, up to one whose end is not found.
pub(super) async fn walk(file: &mut OpenFile) -> Result<Vec<FrameStart>, DecompressError> {
    let len = file.file().len;
    let mut headers = Headers { file, window: Bytes::new(), at: 0, reads: 0 };
    let mut starts = Vec::new();
    let mut next = FrameStart::default();
    while let Some(bytes) = headers.at(next.compressed, header::LONGEST).await? {
        match FrameHeader::parse(&bytes) {
            Some(FrameHeader::Skippable { len }) => next.compressed += len,
            Some(FrameHeader::Blocks { len: header, content: Some(content), trailer }) => {
                // To find the end of a file's only frame is dear, and in vain.
                if starts.is_empty() && !is_short(content, len - next.compressed) {
                    break;
                }
                if content > 0 {
                    starts.push(next);
                }
                let Some(end) = headers.end_of_blocks(next.compressed + header).await? else { break };
                next.compressed = end + trailer;
                next.decompressed = next.decompressed.saturating_add(content);
            }
            Some(FrameHeader::Blocks { content: None, .. }) | None => break,
        }
    }
    Ok(starts)
}

/// Whether a frame of so much content surely ends before `len` bytes do: compression makes nothing longer, but for
/// headers.
fn is_short(content: u64, len: u64) -> bool {
    content.saturating_add(content / 1024).saturating_add(64) < len
}

/// The bytes of a file where headers are.
struct Headers<'a> {
    file: &'a mut OpenFile,
    /// What was read last, and where it is in the file.
    window: Bytes,
    at: u64,
    reads: u32,
}

impl Headers<'_> {
    /// `len` bytes from `offset`, or as many as the file has; none at its end, or when enough has been read.
    async fn at(&mut self, offset: u64, len: u64) -> Result<Option<Bytes>, DecompressError> {
        let end = offset.saturating_add(len).min(self.file.file().len);
        if offset >= end {
            return Ok(None);
        }
        if offset < self.at || end > self.at + self.window.len() as u64 {
            if self.reads == MOST_READS {
                return Ok(None);
            }
            self.reads += 1;
            self.window = super::read(self.file, offset, READ as u64).await?.into();
            self.at = offset;
        }
        let from = (offset - self.at) as usize;
        Ok(Some(self.window.slice(from..from + (end - offset) as usize)))
    }

    /// Where the blocks end of which the first is at `at`, if that can be told.
    async fn end_of_blocks(&mut self, mut at: u64) -> Result<Option<u64>, DecompressError> {
        while let Some(bytes) = self.at(at, header::BLOCK).await? {
            let Some(block) = BlockHeader::parse(&bytes) else { break };
            at += block.len;
            if block.is_last {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}
