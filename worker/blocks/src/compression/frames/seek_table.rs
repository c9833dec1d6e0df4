//! The table of all frames that the seekable format has at the end of a file, in a frame that decoders skip.

use super::{FrameStart, number, read};
use crate::compression::error::DecompressError;
use crate::open::OpenFile;

/// Magic number of the skippable frame that holds a seek table.
const TABLE_MAGIC: u64 = 0x184d_2a5e;
/// Last four bytes of a file with a seek table.
const SEEKABLE_MAGIC: u64 = 0x8f92_eab1;

const SKIPPABLE_HEADER: u64 = 8;
const FOOTER: u64 = 9;
const HAS_CHECKSUMS: u8 = 0x80;
const RESERVED: u8 = 0x7c;

/// Most frames of a seek table that is read: it has 12 MiB then.
const MOST_FRAMES: u64 = 1 << 20;

/// The frames with content that a seek table names; none if there is no table, or one that does not fit the file.
pub(super) async fn read_seek_table(file: &mut OpenFile) -> Result<Option<Vec<FrameStart>>, DecompressError> {
    let len = file.file().len;
    let Some(footer_at) = len.checked_sub(FOOTER) else { return Ok(None) };
    let Some(footer) = Footer::parse(&read(file, footer_at, FOOTER).await?) else { return Ok(None) };
    let Some(begin) = len.checked_sub(footer.table_len()) else { return Ok(None) };
    let table = read(file, begin, len - begin).await?;
    let (header, entries) = table.split_at(SKIPPABLE_HEADER as usize);
    if number(&header[..4]) != TABLE_MAGIC || number(&header[4..]) != footer.table_len() - SKIPPABLE_HEADER {
        return Ok(None);
    }
    Ok(footer.starts(entries, begin))
}

struct Footer {
    count: u64,
    entry_len: usize,
}

impl Footer {
    fn parse(bytes: &[u8]) -> Option<Footer> {
        let (count, descriptor) = (number(&bytes[..4]), bytes[4]);
        let known = number(&bytes[5..]) == SEEKABLE_MAGIC && descriptor & RESERVED == 0 && count <= MOST_FRAMES;
        known.then_some(Footer { count, entry_len: if descriptor & HAS_CHECKSUMS == 0 { 8 } else { 12 } })
    }

    /// Length of the whole skippable frame.
    fn table_len(&self) -> u64 {
        SKIPPABLE_HEADER + self.count * self.entry_len as u64 + FOOTER
    }

    /// Frames one after the other up to `end`, where the table begins.
    fn starts(&self, entries: &[u8], end: u64) -> Option<Vec<FrameStart>> {
        let mut starts = Vec::new();
        let mut next = FrameStart::default();
        for entry in entries.chunks_exact(self.entry_len).take(self.count as usize) {
            let (compressed, decompressed) = (number(&entry[..4]), number(&entry[4..8]));
            if decompressed > 0 {
                starts.push(next);
            }
            next.compressed += compressed;
            next.decompressed += decompressed;
        }
        (next.compressed == end).then_some(starts)
    }
}
