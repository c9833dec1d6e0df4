//! A compressed file from its begin, or from that of a frame, chunk after chunk.

use bytes::{Buf, Bytes, BytesMut};

use super::Compression;
use super::codec::{Codec, Fault, Step, codec};
use super::error::DecompressError;
use super::frames::FrameStart;
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
    /// Where it is in the decompressed file, as far as the decompressor knows where it began.
    pub offset: u64,
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
    /// Where in the file it began.
    begin: u64,
    /// Where a frame must begin, as the file says, that has not been reached yet.
    awaited: Option<FrameStart>,
    /// The chunk that is being filled.
    output: BytesMut,
    filled: usize,
    offset: u64,
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
            begin: 0,
            awaited: None,
            output: BytesMut::new(),
            filled: 0,
            offset: 0,
        }
    }

    /// From a frame of a zstd file to the end of the file; on the way, another must begin at `next`.
    pub(super) fn at_frame(file: OpenFile, begin: FrameStart, next: Option<FrameStart>) -> Stream {
        let FrameStart { compressed, decompressed } = begin;
        let whole = Stream::new(file, Compression::Zstd);
        Stream { at: compressed, frame: compressed, begin: compressed, offset: decompressed, awaited: next, ..whole }
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
        if self.misses_awaited(step.border) {
            return Err(self.misplaced());
        }
        if step.read > 0 || step.written > 0 {
            return Ok(false);
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
        if self.awaited.is_some() {
            return Err(self.misplaced());
        }
        Ok(true)
    }

    /// Looks whether the awaited frame begins here (frames do, at a border); true if it cannot any more.
    fn misses_awaited(&mut self, border: bool) -> bool {
        let Some(awaited) = self.awaited else { return false };
        let decompressed = self.offset + self.filled as u64;
        if border && self.at == awaited.compressed {
            self.awaited = None;
            return decompressed != awaited.decompressed;
        }
        self.at > awaited.compressed || decompressed > awaited.decompressed
    }

    fn misplaced(&self) -> DecompressError {
        let reason = "the frames from here on end otherwise than the file says".to_owned();
        let url = self.file.file().url.clone();
        DecompressError::Corrupt { url, format: self.compression, offset: self.begin, reason }
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
        let chunk = Chunk { offset: self.offset, bytes };
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
