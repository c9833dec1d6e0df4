//! Packets of a block that is being served: two lengths, a header, checksums, data.

use bytes::{Buf, Bytes};
use prost::Message;

use super::DataTransferError;
use crate::messages::datatransfer::PacketHeader;

/// Bytes of the two lengths that a packet begins with.
pub const PACKET_PREFIX: usize = 6;

/// Bytes of the first length, which it counts as part of the payload.
const PAYLOAD_LENGTH_BYTES: u32 = 4;
/// Longest payload that is accepted. DataNodes send 64 KiB; Hadoop's own client accepts 16 MiB.
const MAX_PAYLOAD: u32 = 16 * 1024 * 1024;
/// Longest header that is accepted; real ones have 25 or 27 bytes.
const MAX_HEADER: u16 = 1024;
const CHECKSUM_BYTES: usize = 4;

/// The two lengths: how many bytes follow them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketPrefix {
    header_length: usize,
    content_length: usize,
}

impl PacketPrefix {
    /// Reads the two lengths.
    pub fn parse(prefix: [u8; PACKET_PREFIX]) -> Result<Self, DataTransferError> {
        let what = "a packet";
        let [a, b, c, d, e, f] = prefix;
        let payload = u32::from_be_bytes([a, b, c, d]);
        let header = u16::from_be_bytes([e, f]);
        if payload < PAYLOAD_LENGTH_BYTES {
            return Err(DataTransferError::Inconsistent { what, reason: "its length is below 4" });
        }
        for (length, limit) in [(payload, MAX_PAYLOAD), (u32::from(header), u32::from(MAX_HEADER))] {
            if length > limit {
                return Err(DataTransferError::TooLong { what, length: length.into(), limit: limit.into() });
            }
        }
        Ok(Self { header_length: header.into(), content_length: (payload - PAYLOAD_LENGTH_BYTES) as usize })
    }

    /// How many bytes of the packet follow the prefix.
    pub fn remaining(self) -> usize {
        self.header_length + self.content_length
    }
}

/// One packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    /// Offset in the block of the first byte of `data`.
    pub offset: u64,
    /// True for the empty packet that ends the read.
    pub last: bool,
    /// One big-endian checksum a chunk.
    pub checksums: Bytes,
    /// Whole chunks; only the block's last may be short.
    pub data: Bytes,
}

impl Packet {
    /// Reads what follows the prefix: exactly [`PacketPrefix::remaining`] bytes.
    pub fn parse(prefix: PacketPrefix, mut content: Bytes) -> Result<Self, DataTransferError> {
        let what = "a packet";
        if content.len() != prefix.remaining() {
            return Err(DataTransferError::Inconsistent { what, reason: "it is not as long as it announced" });
        }
        let header = PacketHeader::decode(content.split_to(prefix.header_length))
            .map_err(|source| DataTransferError::Malformed { what: "packet header", source })?;
        let inconsistent = |reason| DataTransferError::Inconsistent { what, reason };
        let offset = u64::try_from(header.offset_in_block).map_err(|_| inconsistent("its offset is negative"))?;
        let length = usize::try_from(header.data_length).map_err(|_| inconsistent("its data length is negative"))?;
        let Some(checksum_bytes) = content.len().checked_sub(length) else {
            return Err(inconsistent("its data is longer than its payload"));
        };
        if checksum_bytes % CHECKSUM_BYTES != 0 {
            return Err(inconsistent("its checksums are no multiple of 4 bytes"));
        }
        let checksums = content.split_to(checksum_bytes);
        Ok(Self { offset, last: header.last_packet_in_block, checksums, data: content })
    }

    /// The chunks with the checksum that belongs to each; an error when their numbers differ. Empty when the DataNode
    /// was asked for no checksums, or keeps none.
    pub fn chunks(&self, bytes_per_checksum: usize) -> Result<Vec<(u32, Bytes)>, DataTransferError> {
        let what = "a packet";
        if self.checksums.is_empty() {
            return Ok(Vec::new());
        }
        let size = bytes_per_checksum;
        if size == 0 || self.data.len().div_ceil(size) != self.checksums.len() / CHECKSUM_BYTES {
            return Err(DataTransferError::Inconsistent { what, reason: "chunks and checksums differ in number" });
        }
        let mut checksums = self.checksums.clone();
        let chunks = (0..self.data.len()).step_by(size).map(|start| {
            let end = self.data.len().min(start + size);
            (checksums.get_u32(), self.data.slice(start..end))
        });
        Ok(chunks.collect())
    }
}
