//! The bytes of a split as its decoder wants them: windows of a file, or what they unpack to.

use std::ops::Range;
use std::sync::Arc;

use bobbin_blocks::compression::{Chunk, Compression, Decompressor};
use bobbin_blocks::{BlockReader, OpenFile, ReadCounters};
use bytes::Bytes;
use datafusion::common::{Result, internal_err};

use crate::fault::Fault;
use crate::scan::reader::ScanSource;
use crate::scan::splits::Split;

/// Where a split's bytes come from.
pub(crate) struct ByteSource {
    reader: BlockReader,
    counters: Arc<ReadCounters>,
    split: Split,
    state: State,
}

enum State {
    Closed,
    Plain(OpenFile),
    /// The chunk has been unpacked and perhaps read in part.
    Packed(Box<Decompressor>, Option<Chunk>),
}

/// What comes next.
pub(crate) enum Piece {
    /// Bytes from where they are wanted on.
    Bytes(Bytes),
    /// There are no more.
    End,
}

impl ByteSource {
    /// A source that opens its file when it is first read.
    pub fn new(split: &Split, source: &ScanSource) -> Self {
        Self {
            reader: source.reader.clone(),
            counters: Arc::clone(&source.counters),
            split: split.clone(),
            state: State::Closed,
        }
    }

    /// The bytes at the start of `wanted`, as many as are easily had.
    pub async fn read(&mut self, wanted: Range<u64>) -> Result<Piece> {
        loop {
            match &mut self.state {
                State::Closed => self.open().await?,
                State::Plain(file) => {
                    let length = usize::try_from(wanted.end.saturating_sub(wanted.start)).unwrap_or(usize::MAX);
                    let bytes = file.window(wanted.start, length).await.map_err(Fault::Read)?;
                    if bytes.is_empty() {
                        return internal_err!("no bytes at {} of {}", wanted.start, self.split.file.url);
                    }
                    return Ok(Piece::Bytes(bytes));
                }
                State::Packed(unpacked, chunk) => {
                    if let Some(bytes) = chunk.as_ref().and_then(|chunk| part(chunk, &wanted)) {
                        return Ok(Piece::Bytes(bytes));
                    }
                    *chunk = unpacked.next().await.map_err(Fault::Unpack)?;
                    if chunk.is_none() {
                        return Ok(Piece::End);
                    }
                }
            }
        }
    }

    async fn open(&mut self) -> Result<()> {
        let opened = self.reader.open(&self.split.file, Arc::clone(&self.counters)).await;
        let file = opened.map_err(Fault::Read)?;
        self.state = match self.split.facts.compression {
            Compression::None => State::Plain(file),
            Compression::Zstd => {
                let (begin, next) = self.split.frames();
                State::Packed(Box::new(Decompressor::at_frame(file, begin, next)), None)
            }
            packed @ (Compression::Gzip | Compression::Bzip2) => {
                State::Packed(Box::new(Decompressor::new(file, packed)), None)
            }
        };
        Ok(())
    }
}

/// The bytes of a chunk from the first wanted one on, if it has that.
fn part(chunk: &Chunk, wanted: &Range<u64>) -> Option<Bytes> {
    let within = |offset: u64| usize::try_from(offset.checked_sub(chunk.offset)?).ok();
    let start = within(wanted.start).filter(|start| *start < chunk.bytes.len())?;
    let end = within(wanted.end).map_or(chunk.bytes.len(), |end| end.min(chunk.bytes.len()));
    Some(chunk.bytes.slice(start..end))
}
