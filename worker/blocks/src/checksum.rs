//! Compares bytes with the checksums that HDFS keeps beside them.

use crc_fast::CrcAlgorithm;
use hadoop_wire::datatransfer::{ChecksumKind, Chunks};

/// Bytes of one stored checksum.
pub(crate) const CHECKSUM_BYTES: usize = 4;

/// Why bytes are not trusted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChecksumError {
    /// A chunk differs from its checksum.
    #[error("the chunk at byte {at} of the block does not fit its checksum")]
    Mismatch {
        /// Where the chunk begins.
        at: u64,
    },
    /// There are more or fewer checksums than chunks.
    #[error("{chunks} chunks came with {checksums} checksums")]
    Number {
        /// How many chunks.
        chunks: usize,
        /// How many checksums.
        checksums: usize,
    },
}

/// Compares `data`, whole chunks from byte `start` of a block, with `stored`: four bytes for each, big-endian.
pub(crate) fn verify(chunks: Chunks, start: u64, data: &[u8], stored: &[u8]) -> Result<(), ChecksumError> {
    let algorithm = match chunks.kind {
        ChecksumKind::None => return Ok(()),
        ChecksumKind::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        ChecksumKind::Crc32c => CrcAlgorithm::Crc32Iscsi,
    };
    let size = chunks.size as usize;
    let (expected, rest) = stored.as_chunks::<CHECKSUM_BYTES>();
    if !rest.is_empty() || expected.len() != data.len().div_ceil(size) {
        return Err(ChecksumError::Number { chunks: data.len().div_ceil(size), checksums: expected.len() });
    }
    for (index, (chunk, expected)) in data.chunks(size).zip(expected).enumerate() {
        // A checksum of 32 bits fills the lower half.
        let crc = crc_fast::checksum(algorithm, chunk) as u32;
        if crc.to_be_bytes() != *expected {
            return Err(ChecksumError::Mismatch { at: start + (index * size) as u64 });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hadoop_wire::datatransfer::MetaHeader;

    use super::*;

    /// A block of 1300 bytes and its meta file, as a DataNode wrote them.
    const BLOCK: &[u8] = include_bytes!("../tests/golden/dn-block.bin");
    const META: &[u8] = include_bytes!("../tests/golden/dn-block.meta");

    fn recorded() -> (Chunks, &'static [u8]) {
        let (header, stored) = META.split_first_chunk::<{ MetaHeader::LENGTH }>().unwrap();
        (MetaHeader::parse(*header).unwrap().chunks, stored)
    }

    #[test]
    fn a_real_block_fits_its_checksums() {
        let (chunks, stored) = recorded();
        assert_eq!((chunks.kind, chunks.size), (ChecksumKind::Crc32c, 512));
        assert_eq!(verify(chunks, 0, BLOCK, stored), Ok(()));
        assert_eq!(verify(chunks, 512, &BLOCK[512..], &stored[4..]), Ok(()));
    }

    #[test]
    fn every_flipped_byte_is_found() {
        let (chunks, stored) = recorded();
        let mut bytes = BLOCK.to_vec();
        for at in 0..bytes.len() {
            bytes[at] ^= 0x10;
            let expected = ChecksumError::Mismatch { at: at as u64 / 512 * 512 };
            assert_eq!(verify(chunks, 0, &bytes, stored), Err(expected));
            bytes[at] ^= 0x10;
        }
    }

    #[test]
    fn missing_checksums_are_found() {
        let (chunks, stored) = recorded();
        assert_eq!(verify(chunks, 0, BLOCK, &stored[..8]), Err(ChecksumError::Number { chunks: 3, checksums: 2 }));
        assert_eq!(verify(chunks, 0, BLOCK, &stored[..11]), Err(ChecksumError::Number { chunks: 3, checksums: 2 }));
    }

    #[test]
    fn known_values() {
        // The check values of both polynomials: the CRC of "123456789".
        for (kind, value) in [(ChecksumKind::Crc32, 0xcbf4_3926_u32), (ChecksumKind::Crc32c, 0xe306_9283)] {
            let chunks = Chunks { kind, size: 512 };
            assert_eq!(verify(chunks, 0, b"123456789", &value.to_be_bytes()), Ok(()));
            assert!(verify(chunks, 0, b"123456780", &value.to_be_bytes()).is_err());
        }
    }
}
