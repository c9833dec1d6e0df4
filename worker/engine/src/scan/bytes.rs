//! The bytes of a split as its decoder wants them: windows of a file, or what they unpack to.

use std::ops::Range;
use std::sync::Arc;

use bobbin_blocks::compression::{Compression, Decompressor};
use bobbin_blocks::{BlockReader, FileRef, OpenFile, ReadCounters};
use bytes::Bytes;
use datafusion::common::{Result, internal_err};

use crate::fault::Fault;
use crate::scan::reader::ScanSource;
use crate::scan::splits::Split;

/// Where a split's bytes come from.
pub(crate) struct ByteSource {
    reader: BlockReader,
    counters: Arc<ReadCounters>,
    file: FileRef,
    compression: Compression,
    state: State,
}

enum State {
    Closed,
    Plain(OpenFile),
    Packed(Box<Decompressor>),
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
            file: split.file.clone(),
            compression: split.facts.compression,
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
                        return internal_err!("no bytes at {} of {}", wanted.start, self.file.url);
                    }
                    return Ok(Piece::Bytes(bytes));
                }
                State::Packed(unpacked) => {
                    let chunk = unpacked.next().await.map_err(Fault::Unpack)?;
                    return Ok(chunk.map_or(Piece::End, |chunk| Piece::Bytes(chunk.bytes)));
                }
            }
        }
    }

    async fn open(&mut self) -> Result<()> {
        let file = self.reader.open(&self.file, Arc::clone(&self.counters)).await.map_err(Fault::Read)?;
        self.state = match self.compression {
            Compression::None => State::Plain(file),
            packed @ (Compression::Gzip | Compression::Zstd | Compression::Bzip2) => {
                State::Packed(Box::new(Decompressor::new(file, packed)))
            }
        };
        Ok(())
    }
}
