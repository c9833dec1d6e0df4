//! The one face of all ways to read a compressed file.

use super::Compression;
use super::error::DecompressError;
use super::frames::FrameStart;
use super::stream::{Chunk, Stream};
use crate::open::OpenFile;

/// Decompresses an open file. Chunks hold at most 1 MiB; the buffer of a chunk is used again when its bytes are dropped.
///
/// A zstd file is shared among readers by the places of its frames ([`super::frame_starts`]).
pub struct Decompressor(Box<Stream>);

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
        Decompressor(Box::new(Stream::new(file, compression)))
    }

    /// Reads a zstd file from the frame at `begin` to the end of the file. On the way, a frame must begin at `next`: a
    /// reader that goes beyond it has proved that the next reader begins where it should.
    pub fn at_frame(file: OpenFile, begin: FrameStart, next: Option<FrameStart>) -> Decompressor {
        Decompressor(Box::new(Stream::at_frame(file, begin, next)))
    }

    /// The file.
    pub fn file(&self) -> &OpenFile {
        self.0.file()
    }

    /// How far the compressed file has been read.
    pub fn compressed_position(&self) -> u64 {
        self.0.position()
    }

    /// The next bytes; none at the end. Nothing is lost when the future is dropped before it is ready.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or ends too early; what lies before the damage in the same chunk is not given.
    pub async fn next(&mut self) -> Result<Option<Chunk>, DecompressError> {
        self.0.next().await
    }
}
