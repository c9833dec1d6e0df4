//! Where the frames of a zstd file begin, without reading all of it: from a seek table at its end, or from the lengths
//! that `pzstd` puts before each frame.

use std::ops::Range;

use super::error::DecompressError;
use crate::open::OpenFile;

/// A frame that can be decompressed by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where it is in the compressed file.
    pub compressed: Range<u64>,
    /// Where its bytes are in the decompressed file, as far as the file tells.
    pub decompressed: Option<Range<u64>>,
}

/// Magic number of the first kind of frames that decoders skip; pzstd's.
const PZSTD_MAGIC: u32 = 0x184d_2a50;
/// Magic number of the skippable frame that holds a seek table.
const TABLE_MAGIC: u32 = 0x184d_2a5e;
/// Last four bytes of a file with a seek table.
const SEEKABLE_MAGIC: u32 = 0x8f92_eab1;
/// Magic number of a frame with data.
const FRAME_MAGIC: u32 = 0xfd2f_b528;

const SKIPPABLE_HEADER: u64 = 8;
const TABLE_FOOTER: u64 = 9;
const HAS_CHECKSUMS: u8 = 0x80;
const RESERVED: u8 = 0x7c;

/// Most frames of a seek table that we keep; a file with more is read from its begin.
const MOST_FRAMES: u32 = 1 << 20;

/// The independent frames of a zstd file, in order and without gaps but for frames that decoders skip. None when the
/// file does not say where they are, or says what cannot be: it is then read from its begin. A file of one frame has
/// nothing to split either.
///
/// # Errors
/// The file cannot be read.
pub async fn frames(file: &mut OpenFile) -> Result<Option<Vec<Frame>>, DecompressError> {
    let found = match seek_table(file).await? {
        Some(frames) => Some(frames),
        None => pzstd_frames(file).await?,
    };
    Ok(found.filter(|frames| frames.len() > 1))
}

/// The frames that a seek table at the end of the file names.
async fn seek_table(file: &mut OpenFile) -> Result<Option<Vec<Frame>>, DecompressError> {
    let len = file.file().len;
    let Some(footer_at) = len.checked_sub(TABLE_FOOTER) else { return Ok(None) };
    let footer = read(file, footer_at, TABLE_FOOTER).await?;
    let Some(footer) = Footer::parse(&footer) else { return Ok(None) };
    let Some(begin) = len.checked_sub(footer.table_len()) else { return Ok(None) };
    let table = read(file, begin, len - begin).await?;
    let (header, entries) = table.split_at(SKIPPABLE_HEADER as usize);
    if number(header, 0) != TABLE_MAGIC || u64::from(number(header, 4)) != footer.table_len() - SKIPPABLE_HEADER {
        return Ok(None);
    }
    Ok(footer.frames(entries).filter(|frames| frames.last().is_none_or(|last| last.compressed.end == begin)))
}

struct Footer {
    count: u32,
    entry_len: usize,
}

impl Footer {
    fn parse(bytes: &[u8]) -> Option<Footer> {
        let (count, descriptor) = (number(bytes, 0), bytes[4]);
        let known = number(bytes, 5) == SEEKABLE_MAGIC && descriptor & RESERVED == 0 && count <= MOST_FRAMES;
        known.then_some(Footer { count, entry_len: if descriptor & HAS_CHECKSUMS == 0 { 8 } else { 12 } })
    }

    /// Length of the whole skippable frame.
    fn table_len(&self) -> u64 {
        SKIPPABLE_HEADER + u64::from(self.count) * self.entry_len as u64 + TABLE_FOOTER
    }

    fn frames(&self, entries: &[u8]) -> Option<Vec<Frame>> {
        let mut frames = Vec::with_capacity(self.count as usize);
        let (mut at, mut plain) = (0_u64, 0_u64);
        for entry in entries.chunks_exact(self.entry_len).take(self.count as usize) {
            let (end, plain_end) = (at + u64::from(number(entry, 0)), plain + u64::from(number(entry, 4)));
            if end == at {
                return None;
            }
            frames.push(Frame { compressed: at..end, decompressed: Some(plain..plain_end) });
            (at, plain) = (end, plain_end);
        }
        Some(frames)
    }
}

/// The frames of pzstd: before each, a frame that decoders skip holds its length.
async fn pzstd_frames(file: &mut OpenFile) -> Result<Option<Vec<Frame>>, DecompressError> {
    /// The skippable frame and the magic number of the frame behind it.
    const HEAD: u64 = 16;
    let len = file.file().len;
    let (mut frames, mut at) = (Vec::new(), 0_u64);
    while at < len {
        if len - at < HEAD {
            return Ok(None);
        }
        let head = read(file, at, HEAD).await?;
        let begin = at + SKIPPABLE_HEADER + 4;
        let end = begin + u64::from(number(&head, 8));
        let sound = number(&head, 0) == PZSTD_MAGIC && number(&head, 4) == 4 && number(&head, 12) == FRAME_MAGIC;
        if !sound || end <= begin || end > len {
            return Ok(None);
        }
        frames.push(Frame { compressed: begin..end, decompressed: None });
        at = end;
    }
    Ok(Some(frames))
}

/// Exactly `len` bytes that are in the file.
async fn read(file: &mut OpenFile, offset: u64, len: u64) -> Result<Vec<u8>, DecompressError> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < len {
        let missing = usize::try_from(len - bytes.len() as u64).unwrap_or(usize::MAX);
        let window = file.window(offset + bytes.len() as u64, missing).await?;
        debug_assert!(!window.is_empty(), "a window before the end of the file holds something");
        bytes.extend_from_slice(&window);
    }
    Ok(bytes)
}

/// The four bytes from `at`, the lowest first.
fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
