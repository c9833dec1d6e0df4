//! bzip2 from the middle: blocks are found by the mark that begins them, and each is decoded as a stream of its own.
//!
//! A mark is 48 bits, and data may hold the same bits by chance. So nothing is believed before a block's checksum: a
//! block lies between two marks if it decodes to its end there. Where a block ends the next begins, or its stream ends;
//! only where reading begins is a mark uncertain, and if nothing can be decoded there, it must lie inside a block that
//! can be: else the file is damaged. No damaged block is skipped. (The checksum of a whole stream repeats those of its
//! blocks, and is not looked at.)

use std::cmp::Ordering;
use std::collections::VecDeque;

use bytes::Bytes;

use super::Compression;
use super::bits::{END, MARK_BITS, Mark, Writer, find_mark, mark_of, take};
use super::bzip2::step;
use super::codec::Step;
use super::error::DecompressError;
use super::stream::{CHUNK, Chunk};
use crate::open::OpenFile;

/// Bytes that are asked for at once.
const WINDOW: usize = 512 << 10;

/// No block is longer: 900,000 symbols of at most 20 bits, and its tables.
const LONGEST: u64 = 2_500_000;

const CHECKSUM_BITS: u64 = 32;
/// Bits of a stream's header: `BZh` and a digit.
const HEADER_BITS: u64 = 32;

/// Decodes block after block.
pub(super) struct Blocks {
    file: OpenFile,
    /// The file's bytes from `base` on, as far as they have been read and can be needed.
    held: Vec<u8>,
    base: u64,
    /// Where the next block is.
    next: Next,
    /// Decoded, not yet given.
    ready: VecDeque<Chunk>,
    offset: u64,
}

/// What is known about the place of the next block; places are bits of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The first true mark at this bit or behind it.
    Sought(u64),
    /// A block's mark is here.
    Block(u64),
    /// A stream begins here, or the file ends.
    Stream(u64),
    /// The file has ended.
    Nothing,
}

/// A decoded block: its bytes in pieces, and where the mark behind it is.
struct Decoded {
    pieces: Vec<Bytes>,
    mark: Mark,
    end: u64,
}

impl Blocks {
    /// Begins with the first block whose mark is at byte `start` or behind it.
    pub(super) fn new(file: OpenFile, start: u64) -> Blocks {
        let next = if start == 0 { Next::Stream(0) } else { Next::Sought(start.saturating_mul(8)) };
        Blocks { file, held: Vec::new(), base: start, next, ready: VecDeque::new(), offset: 0 }
    }

    pub(super) fn file(&self) -> &OpenFile {
        &self.file
    }

    /// How far the file has been read.
    pub(super) fn position(&self) -> u64 {
        self.base + self.held.len() as u64
    }

    /// The next bytes; those of one chunk are all from one block.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>, DecompressError> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            match self.next {
                Next::Nothing => return Ok(None),
                Next::Stream(at) => self.next = self.stream(at / 8).await?,
                Next::Sought(from) => self.seek(from).await?,
                Next::Block(at) => match self.decode(at).await? {
                    Some(decoded) => self.keep(at, decoded),
                    None => return Err(self.damaged(at, "a block contradicts its checksum, or cannot be decoded")),
                },
            }
        }
    }

    /// What begins at byte `at`, where a stream has ended.
    async fn stream(&mut self, at: u64) -> Result<Next, DecompressError> {
        match at.cmp(&self.file.file().len) {
            Ordering::Less => {}
            Ordering::Equal => return Ok(Next::Nothing),
            Ordering::Greater => return Err(self.truncated()),
        }
        self.forget_before(at);
        let Some(bits) = self.bits(at * 8, HEADER_BITS).await? else { return Err(self.truncated()) };
        let header = (bits as u32).to_be_bytes();
        if Compression::of_bytes(&header) != Compression::Bzip2 {
            return Err(self.damaged(at * 8, "no bzip2 stream begins here"));
        }
        let begin = at * 8 + HEADER_BITS;
        let Some(bits) = self.bits(begin, MARK_BITS).await? else { return Err(self.truncated()) };
        match mark_of(bits) {
            Some(mark) => Ok(after(mark, begin)),
            None => Err(self.damaged(begin, "no block begins here")),
        }
    }

    /// Finds the first block whose mark is at bit `from` or behind it.
    async fn seek(&mut self, from: u64) -> Result<(), DecompressError> {
        let mut from = from;
        loop {
            let found = self.mark(from, u64::MAX).await?;
            let Some((mark, at)) = found else {
                self.next = Next::Nothing;
                return Ok(());
            };
            // What is before it may be forgotten from here on, also when this future is dropped.
            self.next = Next::Sought(at);
            if mark == Mark::Block {
                if let Some(decoded) = self.decode(at).await? {
                    self.keep(at, decoded);
                    return Ok(());
                }
                if !self.is_inside_a_block(at).await? {
                    return Err(self.damaged(at, "a block contradicts its checksum, or cannot be decoded"));
                }
            }
            from = at + 1;
            self.next = Next::Sought(from);
            self.forget_before(from / 8);
        }
    }

    /// Whether the mark at bit `at` is data of a block that begins before it.
    async fn is_inside_a_block(&mut self, at: u64) -> Result<bool, DecompressError> {
        let mut from = at.saturating_sub(LONGEST * 8);
        let file = std::mem::take(&mut self.held);
        let base = std::mem::replace(&mut self.base, from / 8);
        let mut inside = false;
        while let (false, Some((mark, begin))) = (inside, self.mark(from, at).await?) {
            if mark == Mark::Block {
                inside = self.decode(begin).await?.is_some_and(|decoded| decoded.end > at);
            }
            from = begin + 1;
        }
        (self.held, self.base) = (file, base);
        Ok(inside)
    }

    /// Decodes the block at bit `at`; none when no mark behind it is its end.
    async fn decode(&mut self, at: u64) -> Result<Option<Decoded>, DecompressError> {
        self.forget_before(at / 8);
        let Some(checksum) = self.bits(at + MARK_BITS, CHECKSUM_BITS).await? else { return Err(self.truncated()) };
        let (mut from, mut ends) = (at + MARK_BITS, 0);
        while let Some((mark, end)) = self.mark(from, at + LONGEST * 8).await? {
            ends += 1;
            let stream = self.as_stream(at, end, checksum);
            if let Some(pieces) = decompress(&stream) {
                return Ok(Some(Decoded { pieces, mark, end }));
            }
            from = end + 1;
        }
        let read_to_end = self.position() >= self.file.file().len;
        if ends == 0 && read_to_end { Err(self.truncated()) } else { Ok(None) }
    }

    /// The bits `at..end` of the file as a stream of one block.
    fn as_stream(&self, at: u64, end: u64, checksum: u64) -> Vec<u8> {
        let mut writer = Writer::new(b"BZh9");
        writer.copy(&self.held, at - self.base * 8, end - self.base * 8);
        writer.push(END, MARK_BITS);
        // The checksum of a stream with one block is that block's.
        writer.push(checksum, CHECKSUM_BITS);
        writer.finish()
    }

    /// Makes chunks of a block, and knows what follows it.
    fn keep(&mut self, at: u64, decoded: Decoded) {
        let Decoded { pieces, mark, end } = decoded;
        for bytes in pieces {
            let offset = self.offset;
            self.offset += bytes.len() as u64;
            self.ready.push_back(Chunk { offset, source: at / 8, bytes });
        }
        self.next = after(mark, end);
    }

    /// The first mark that begins in `from..to` (bits).
    async fn mark(&mut self, from: u64, to: u64) -> Result<Option<(Mark, u64)>, DecompressError> {
        let mut from = from;
        loop {
            let base = self.base * 8;
            if let Some((mark, at)) = find_mark(&self.held, from - base) {
                return Ok(Some((mark, base + at)).filter(|(_, at)| *at < to));
            }
            // A mark that is not whole yet may begin in the last bits.
            from = from.max((base + self.held.len() as u64 * 8).saturating_sub(MARK_BITS - 1));
            if from >= to || !self.read().await? {
                return Ok(None);
            }
        }
    }

    /// `count` bits from bit `at`; none when the file ends before.
    async fn bits(&mut self, at: u64, count: u64) -> Result<Option<u64>, DecompressError> {
        loop {
            if let Some(bits) = take(&self.held, at - self.base * 8, count) {
                return Ok(Some(bits));
            }
            if !self.read().await? {
                return Ok(None);
            }
        }
    }

    /// Reads on; false at the end of the file.
    async fn read(&mut self) -> Result<bool, DecompressError> {
        let window = self.file.window(self.position(), WINDOW).await?;
        self.held.extend_from_slice(&window);
        Ok(!window.is_empty())
    }

    /// Lets bytes before byte `at` of the file go.
    fn forget_before(&mut self, at: u64) {
        let count = at.saturating_sub(self.base).min(self.held.len() as u64);
        // Not more than is held.
        self.held.drain(..count as usize);
        self.base += count;
    }

    fn truncated(&self) -> DecompressError {
        let file = self.file.file();
        DecompressError::Truncated { url: file.url.clone(), format: Compression::Bzip2, offset: file.len }
    }

    fn damaged(&self, at: u64, reason: &str) -> DecompressError {
        let (url, reason) = (self.file.file().url.clone(), reason.to_owned());
        DecompressError::Corrupt { url, format: Compression::Bzip2, offset: at / 8, reason }
    }
}

/// What follows the mark at bit `at`.
fn after(mark: Mark, at: u64) -> Next {
    match mark {
        Mark::Block => Next::Block(at),
        // Streams begin at whole bytes.
        Mark::End => Next::Stream((at + MARK_BITS + CHECKSUM_BITS).next_multiple_of(8)),
    }
}

/// All that a stream of one block holds, in pieces; none unless it is sound to its last bit.
fn decompress(stream: &[u8]) -> Option<Vec<Bytes>> {
    let mut decoder = bzip2::Decompress::new(false);
    let (mut pieces, mut at) = (Vec::new(), 0);
    loop {
        let (mut piece, mut filled, mut ended) = (vec![0; CHUNK], 0, false);
        while filled < piece.len() && !ended {
            let done = step(&mut decoder, &stream[at..], &mut piece[filled..]).ok()?;
            if done == Step::default() {
                return None;
            }
            at += done.read;
            filled += done.written;
            ended = done.border;
        }
        piece.truncate(filled);
        if filled > 0 {
            pieces.push(Bytes::from(piece));
        }
        if ended {
            return (at == stream.len()).then_some(pieces);
        }
    }
}

#[cfg(test)]
mod tests;
