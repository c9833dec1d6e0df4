//! A compressed file from its begin, or from that of a frame, chunk after chunk.

use bytes::{Buf, Bytes, BytesMut};

use super::Compression;
use super::codec::{Codec, Fault, Step, codec};
use super::error::DecompressError;
use super::frames::Frame;
use crate::open::OpenFile;

/// Most bytes of a chunk.
pub(super) const CHUNK: usize = 1 << 20;

/// Chunks below this are copied, so that a few bytes do not keep a whole buffer.
const SMALL: usize = CHUNK / 4;

/// Bytes of the file that are asked for at once.
const WINDOW: usize = 1 << 20;

/// Decompressed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How many decompressed bytes lie before it, from where the decompressor began.
    pub offset: u64,
    /// Where in the compressed file the frame begins (gzip member, bzip2 stream) that its first byte is from; behind
    /// [`super::Decompressor::at_block`], the block.
    pub source: u64,
    /// The bytes, at least one.
    pub bytes: Bytes,
}

/// A decoder, its input and its output.
pub(super) struct Stream {
    file: OpenFile,
    compression: Compression,
    /// None where the file is not compressed.
    codec: Option<Box<dyn Codec>>,
    /// Bytes of the file that are still to be decoded, and where they are in it.
    input: Bytes,
    at: u64,
    /// The file holds nothing behind `input`.
    is_last: bool,
    /// Where the frame begins that `at` lies in.
    frame: u64,
    /// Ends chunks where frames end.
    cut: bool,
    /// The chunk that is being filled.
    output: BytesMut,
    filled: usize,
    offset: u64,
    source: u64,
}

impl Stream {
    /// The whole file; one that is not compressed comes out as it is.
    pub(super) fn new(file: OpenFile, compression: Compression) -> Stream {
        Stream {
            file,
            compression,
            codec: codec(compression),
            input: Bytes::new(),
            at: 0,
            is_last: false,
            frame: 0,
            cut: false,
            output: BytesMut::new(),
            filled: 0,
            offset: 0,
            source: 0,
        }
    }

    /// From a frame of a zstd file to the end of the file.
    pub(super) fn at_frame(file: OpenFile, frame: &Frame) -> Stream {
        let begin = frame.compressed.start;
        let offset = frame.decompressed.as_ref().map_or(0, |range| range.start);
        Stream { at: begin, frame: begin, cut: true, offset, ..Stream::new(file, Compression::Zstd) }
    }

    /// The file.
    pub(super) fn file(&self) -> &OpenFile {
        &self.file
    }

    /// How far the compressed file has been read.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    /// The next bytes; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>, DecompressError> {
        while self.filled < CHUNK {
            if self.input.is_empty() && !self.is_last {
                self.input = self.file.window(self.at, WINDOW).await?;
                self.is_last = self.input.is_empty();
            }
            let Some(codec) = &mut self.codec else { return Ok(self.pass()) };
            if self.output.is_empty() {
                self.output.resize(CHUNK, 0);
            }
            if self.filled == 0 {
                self.source = self.frame;
            }
            let step = codec.step(&self.input, &mut self.output[self.filled..]);
            if self.took(step)? {
                break;
            }
        }
        Ok(self.give())
    }

    /// Keeps account of a step; true when the chunk shall not grow further.
    fn took(&mut self, step: Result<Step, Fault>) -> Result<bool, DecompressError> {
        let step = step.map_err(|fault| self.error(fault))?;
        self.input.advance(step.read);
        self.at += step.read as u64;
        self.filled += step.written;
        if step.border {
            self.frame = self.at;
        }
        if step.read > 0 || step.written > 0 {
            return Ok(step.border && self.cut && self.filled > 0);
        }
        if !self.is_last {
            // The step wanted input, and there was some: nothing that a sound file leads to.
            let reason = "the decoder cannot go on".to_owned();
            return Err(self.error(Fault::Corrupt { read: 0, reason }));
        }
        if !self.codec.as_ref().is_none_or(|codec| codec.may_end()) {
            let (url, format) = (self.file.file().url.clone(), self.compression);
            return Err(DecompressError::Truncated { url, format, offset: self.at });
        }
        Ok(true)
    }

    /// The chunk as it is.
    fn give(&mut self) -> Option<Chunk> {
        if self.filled == 0 {
            return None;
        }
        let filled = std::mem::take(&mut self.filled);
        if filled < SMALL {
            let bytes = Bytes::copy_from_slice(&self.output[..filled]);
            return Some(self.chunk(bytes));
        }
        let bytes = self.output.split_to(filled).freeze();
        // The rest of the buffer is too small for another chunk; the whole comes back when these bytes are dropped.
        self.output.clear();
        Some(self.chunk(bytes))
    }

    /// The bytes of a file that is not compressed.
    fn pass(&mut self) -> Option<Chunk> {
        let bytes = self.input.split_to(self.input.len().min(CHUNK));
        self.at += bytes.len() as u64;
        (!bytes.is_empty()).then(|| self.chunk(bytes))
    }

    fn chunk(&mut self, bytes: Bytes) -> Chunk {
        let chunk = Chunk { offset: self.offset, source: self.source, bytes };
        self.offset += chunk.bytes.len() as u64;
        chunk
    }

    fn error(&self, fault: Fault) -> DecompressError {
        let url = self.file.file().url.clone();
        match fault {
            Fault::WindowTooLarge => DecompressError::WindowTooLarge { url, offset: self.frame },
            Fault::Corrupt { read, reason } => {
                DecompressError::Corrupt { url, format: self.compression, offset: self.at + read as u64, reason }
            }
        }
    }
}
