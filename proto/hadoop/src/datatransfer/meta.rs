//! Checksums of a block: the header of its meta file, and which bytes of both files a read touches.

use std::ops::Range;

use super::DataTransferError;
use crate::messages::datatransfer::{Checksum, ChecksumType};

const META_VERSION: i16 = 1;
const CHECKSUM_BYTES: u64 = 4;
/// Largest chunk that is accepted; the usual size is 512.
const MAX_CHUNK: u32 = 64 * 1024 * 1024;

/// How chunks are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksumKind {
    /// Not at all.
    None,
    /// The polynomial of zip.
    Crc32,
    /// Castagnoli's, which processors compute; Hadoop's default.
    Crc32c,
}

/// How a block is cut into chunks, and how each is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// How each chunk is summed.
    pub kind: ChecksumKind,
    /// Bytes of a chunk; the block's last may be shorter. Never 0.
    pub size: u32,
}

/// The first bytes of a meta file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetaHeader {
    /// What the rest of the file is.
    pub chunks: Chunks,
}

/// The whole chunks that cover a byte range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkRange {
    /// In the block.
    pub data: Range<u64>,
    /// In the meta file: four bytes, big-endian, for each chunk of `data`.
    pub checksums: Range<u64>,
}

impl Chunks {
    /// What a DataNode says of the chunks that it is about to send.
    pub fn from_message(message: &Checksum) -> Result<Self, DataTransferError> {
        Self::new(message.r#type, message.bytes_per_checksum, "a DataNode's answer")
    }

    fn new(kind: i32, size: u32, what: &'static str) -> Result<Self, DataTransferError> {
        let inconsistent = |reason| Err(DataTransferError::Inconsistent { what, reason });
        let kind = match ChecksumType::try_from(kind) {
            Ok(ChecksumType::Null) => ChecksumKind::None,
            Ok(ChecksumType::Crc32) => ChecksumKind::Crc32,
            Ok(ChecksumType::Crc32c) => ChecksumKind::Crc32c,
            Err(_) => return inconsistent("its checksum type is unknown"),
        };
        if size == 0 || size > MAX_CHUNK {
            return inconsistent("its chunk size is absurd");
        }
        Ok(Self { kind, size })
    }

    /// The chunks that cover `wanted`, which lies inside a block of `block_length` bytes.
    pub fn cover(&self, wanted: Range<u64>, block_length: u64) -> ChunkRange {
        let size = u64::from(self.size);
        let first = wanted.start / size;
        let end = wanted.end.max(wanted.start).div_ceil(size);
        let checksum = |chunk: u64| chunk.saturating_mul(CHECKSUM_BYTES).saturating_add(MetaHeader::LENGTH as u64);
        ChunkRange {
            data: first * size..end.saturating_mul(size).min(block_length.max(first * size)),
            checksums: checksum(first)..checksum(end),
        }
    }
}

impl MetaHeader {
    /// Bytes of the header.
    pub const LENGTH: usize = 7;

    /// Reads the header.
    pub fn parse(bytes: [u8; Self::LENGTH]) -> Result<Self, DataTransferError> {
        let what = "a block's meta file";
        let [version_high, version_low, kind, size @ ..] = bytes;
        if i16::from_be_bytes([version_high, version_low]) != META_VERSION {
            return Err(DataTransferError::Inconsistent { what, reason: "its version is not 1" });
        }
        Ok(Self { chunks: Chunks::new(kind.into(), u32::from_be_bytes(size), what)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: Range<u64>, data: Range<u64>, checksums: Range<u64>) {
        let chunks = Chunks { kind: ChecksumKind::Crc32c, size: 512 };
        assert_eq!(chunks.cover(wanted, 1300), ChunkRange { data, checksums });
    }

    #[test]
    fn ranges_grow_to_whole_chunks() {
        check(0..1, 0..512, 7..11);
        check(0..512, 0..512, 7..11);
        check(511..513, 0..1024, 7..15);
        check(700..800, 512..1024, 11..15);
        check(1100..1300, 1024..1300, 15..19);
        check(600..600, 512..1024, 11..15);
    }

    #[test]
    fn other_meta_files_are_refused() {
        let good = [0, 1, 2, 0, 0, 2, 0];
        assert_eq!(MetaHeader::parse(good).unwrap().chunks, Chunks { kind: ChecksumKind::Crc32c, size: 512 });
        for (place, value) in [(0, 1), (1, 2), (2, 3), (5, 0), (3, 255)] {
            let mut bytes = good;
            bytes[place] = value;
            assert!(MetaHeader::parse(bytes).is_err(), "byte {place} = {value}");
        }
    }
}
