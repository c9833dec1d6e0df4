//! The headers in a zstd file: of frames with data, of frames that decoders skip, of blocks.

use super::number;

/// Most bytes of a frame's header.
pub(super) const LONGEST: u64 = 18;
/// Bytes of a block's header.
pub(super) const BLOCK: u64 = 3;

const FRAME_MAGIC: u64 = 0xfd2f_b528;
/// Magic numbers of frames that decoders skip, but for their last four bits.
const SKIPPABLE_MAGIC: u64 = 0x184d_2a50;
const SKIPPABLE_HEADER: u64 = 8;
const CHECKSUM: u64 = 4;

/// What begins at a place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameHeader {
    /// A frame of so many bytes that holds nothing.
    Skippable { len: u64 },
    /// A frame with blocks behind its header.
    Blocks {
        /// Bytes of the header.
        len: u64,
        /// Bytes that the blocks decompress to, if the header says so.
        content: Option<u64>,
        /// Bytes behind the last block.
        trailer: u64,
    },
}

impl FrameHeader {
    /// The header at the start of `bytes`, which may be longer; none if there is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<FrameHeader> {
        let magic = number(bytes.get(..4)?);
        if magic & !0xf == SKIPPABLE_MAGIC {
            return Some(FrameHeader::Skippable { len: SKIPPABLE_HEADER + number(bytes.get(4..8)?) });
        }
        let descriptor = Some(*bytes.get(4)?).filter(|_| magic == FRAME_MAGIC)?;
        let is_single_segment = descriptor & 0x20 != 0;
        let window_len = usize::from(!is_single_segment);
        let dictionary_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let size_len = match descriptor >> 6 {
            0 => usize::from(is_single_segment),
            exponent => 1 << exponent,
        };
        let at = 5 + window_len + dictionary_len;
        let size = number(bytes.get(at..at + size_len)?);
        let content = match size_len {
            0 => None,
            2 => Some(size + 256),
            _ => Some(size),
        };
        let trailer = if descriptor & 4 == 0 { 0 } else { CHECKSUM };
        Some(FrameHeader::Blocks { len: (at + size_len) as u64, content, trailer })
    }
}

/// A block of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    /// Bytes with the header.
    pub(super) len: u64,
    /// The frame ends with it.
    pub(super) is_last: bool,
}

impl BlockHeader {
    /// The header at the start of `bytes`; none if there is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<BlockHeader> {
        const REPEATED: u64 = 1;
        const RESERVED: u64 = 3;
        let header = number(bytes.get(..BLOCK as usize)?);
        let stored = match header >> 1 & 3 {
            RESERVED => return None,
            REPEATED => 1,
            _ => header >> 3,
        };
        Some(BlockHeader { len: BLOCK + stored, is_last: header & 1 != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_form() {
        let check = |descriptor: u8, rest: &[u8], expected: (u64, Option<u64>, u64)| {
            let bytes = [&[0x28, 0xb5, 0x2f, 0xfd, descriptor], rest, &[9; 3]].concat();
            let (len, content, trailer) = expected;
            let header = FrameHeader::Blocks { len, content, trailer };
            assert_eq!(FrameHeader::parse(&bytes), Some(header), "{descriptor:x}");
            assert_eq!(FrameHeader::parse(&bytes[..len as usize - 1]), None, "{descriptor:x}, cut");
        };
        check(0x00, &[1], (6, None, 0));
        check(0x04, &[1], (6, None, 4));
        check(0x20, &[200], (6, Some(200), 0));
        check(0x40, &[1, 3, 2], (8, Some(256 + 0x203), 0));
        check(0x80, &[1, 4, 3, 2, 1], (10, Some(0x0102_0304), 0));
        check(0xe4, &[0, 0, 0, 0, 1, 0, 0, 0], (13, Some(1 << 32), 4));
        check(0x21, &[7, 200], (7, Some(200), 0));
        check(0x03, &[1, 7, 7, 7, 7], (10, None, 0));
        check(0xc3, &[1, 7, 7, 7, 7, 5, 0, 0, 0, 0, 0, 0, 0], (LONGEST, Some(5), 0));
    }

    #[test]
    fn what_is_no_frame_is_none() {
        let skippable = [0x5f, 0x2a, 0x4d, 0x18, 3, 1, 0, 0];
        assert_eq!(FrameHeader::parse(&skippable), Some(FrameHeader::Skippable { len: 8 + 259 }));
        assert_eq!(FrameHeader::parse(&skippable[..7]), None);
        assert_eq!(FrameHeader::parse(&[0x27, 0xb5, 0x2f, 0xfd, 0x20, 1]), None);
        assert_eq!(FrameHeader::parse(b""), None);
    }

    #[test]
    fn blocks_of_every_kind() {
        let check = |kind: u32, expected| {
            let bytes = (1000 << 3 | kind << 1 | 1_u32).to_le_bytes();
            assert_eq!(BlockHeader::parse(&bytes), expected, "{kind}");
        };
        check(0, Some(BlockHeader { len: 1003, is_last: true }));
        check(1, Some(BlockHeader { len: 4, is_last: true }));
        check(2, Some(BlockHeader { len: 1003, is_last: true }));
        check(3, None);
        assert_eq!(BlockHeader::parse(&[8, 0, 0]), Some(BlockHeader { len: 4, is_last: false }));
        assert_eq!(BlockHeader::parse(&[8, 0]), None);
    }
}
