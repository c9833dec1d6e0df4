//! The one face of all ways to read a compressed file.

use super::Compression;
use super::blocks::Blocks;
use super::error::DecompressError;
use super::frames::FrameStart;
use super::stream::{Chunk, Stream};
use crate::open::OpenFile;

/// Decompresses an open file. Chunks hold at most 1 MiB; the buffer of a chunk is used again when its bytes are dropped.
///
/// A zstd file is shared among readers by the places of its frames ([`super::frame_starts`]). A bzip2 file can be cut at
/// bytes of the compressed file: the reader of `[a, b)` begins at the first block at `a` or behind it; the chunks whose
/// [`Chunk::source`] is below `b` are its own, and those behind them it may read to finish its last record. So each byte
/// belongs to one reader, and none knows where its bytes are in the decompressed file.
pub struct Decompressor {
    way: Way,
}

enum Way {
    Stream(Box<Stream>),
    Blocks(Box<Blocks>),
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Decompressor")
            .field("file", self.file().file())
            .field("position", &self.compressed_position())
            .finish_non_exhaustive()
    }
}

impl Decompressor {
    /// Reads the file from its begin. One that is not compressed comes out as it is.
    pub fn new(file: OpenFile, compression: Compression) -> Decompressor {
        Decompressor { way: Way::Stream(Box::new(Stream::new(file, compression))) }
    }

    /// Reads a zstd file from the frame at `begin` to the end of the file. On the way, a frame must begin at `next`: a
    /// reader that goes beyond it has proved that the next reader begins where it should.
    pub fn at_frame(file: OpenFile, begin: FrameStart, next: Option<FrameStart>) -> Decompressor {
        Decompressor { way: Way::Stream(Box::new(Stream::at_frame(file, begin, next))) }
    }

    /// Reads a bzip2 file from its first block at byte `start` of the compressed file or behind it, to the end of the
    /// file; chunks end where blocks end, and their offsets count from 0. A block is held in memory as a whole: usually
    /// 900 kB, at most 47 MB, where bytes repeat for very long.
    pub fn at_block(file: OpenFile, start: u64) -> Decompressor {
        Decompressor { way: Way::Blocks(Box::new(Blocks::new(file, start))) }
    }

    /// The file.
    pub fn file(&self) -> &OpenFile {
        match &self.way {
            Way::Stream(stream) => stream.file(),
            Way::Blocks(blocks) => blocks.file(),
        }
    }

    /// How far the compressed file has been read.
    pub fn compressed_position(&self) -> u64 {
        match &self.way {
            Way::Stream(stream) => stream.position(),
            Way::Blocks(blocks) => blocks.position(),
        }
    }

    /// The next bytes; none at the end. Nothing is lost when the future is dropped before it is ready.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or ends too early; what lies before the damage in the same chunk is not given.
    pub async fn next(&mut self) -> Result<Option<Chunk>, DecompressError> {
        match &mut self.way {
            Way::Stream(stream) => stream.next().await,
            Way::Blocks(blocks) => blocks.next().await,
        }
    }
}
