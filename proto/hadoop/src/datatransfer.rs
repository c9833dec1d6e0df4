//! A DataNode's data port and domain socket: requests, answers, packets, and the meta file that holds a block's
//! checksums.
//!
//! The answer to a short-circuit request is followed by a byte that carries file descriptors, which a buffered read
//! would lose. Hence [`delimited_needed`]: it says how many more bytes may be read without reading too far.

mod meta;
mod packet;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

use crate::credentials::Token;
use crate::messages::{datatransfer, hdfs};

pub use meta::{ChecksumKind, ChunkRange, Chunks, MetaHeader};
pub use packet::{PACKET_PREFIX, Packet, PacketPrefix};

/// Version of the data transfer protocol; a DataNode closes the connection on any other without a word.
pub const VERSION: u16 = 28;

const OPERATION_READ_BLOCK: u8 = 81;
const OPERATION_SHORT_CIRCUIT: u8 = 87;
/// Version of short-circuit access that we understand.
const SHORT_CIRCUIT_VERSION: u32 = 1;
/// Longest answer that is accepted. Real ones have some ten bytes, or one message's text.
const MAX_RESPONSE: u64 = 1024 * 1024;
/// No length of at most [`MAX_RESPONSE`] takes more bytes.
const MAX_VARINT: usize = 5;

/// Why bytes of a DataNode make no sense.
#[derive(Debug, thiserror::Error)]
pub enum DataTransferError {
    /// A length is absurd.
    #[error("{what} announces {length} bytes, over the limit of {limit}")]
    TooLong {
        /// What was being read.
        what: &'static str,
        /// Announced length.
        length: u64,
        /// What we accept.
        limit: u64,
    },
    /// It ends too early, or its parts do not add up.
    #[error("{what} is inconsistent: {reason}")]
    Inconsistent {
        /// What was being read.
        what: &'static str,
        /// What does not fit.
        reason: &'static str,
    },
    /// Not the message that belongs there.
    #[error("decode {what}")]
    Malformed {
        /// Which message.
        what: &'static str,
        /// What the decoder said.
        #[source]
        source: prost::DecodeError,
    },
}

/// A read of a byte range of one block.
#[derive(Clone, Copy, Debug)]
pub struct ReadBlock<'a> {
    /// Pool, id and generation stamp.
    pub block: &'a hdfs::ExtendedBlock,
    /// The block's token; empty where the cluster wants none.
    pub token: &'a Token,
    /// Shows in the DataNode's log.
    pub client_name: &'a str,
    /// First byte, in the block. What is served begins at the chunk that holds it.
    pub offset: u64,
    /// How many bytes; not beyond the block's end.
    pub length: u64,
}

impl ReadBlock<'_> {
    /// The bytes of the request.
    pub fn encode(&self) -> Bytes {
        let message = datatransfer::OpReadBlock {
            header: datatransfer::ClientOperationHeader {
                base_header: base_header(self.block, self.token),
                client_name: self.client_name.to_owned(),
            },
            offset: self.offset,
            len: self.length,
            send_checksums: Some(true),
            caching_strategy: None,
        };
        operation(OPERATION_READ_BLOCK, &message)
    }
}

/// The request for the file descriptors of a block and its meta file.
pub fn encode_short_circuit(block: &hdfs::ExtendedBlock, token: &Token) -> Bytes {
    let message = datatransfer::OpRequestShortCircuitAccess {
        header: base_header(block, token),
        max_version: SHORT_CIRCUIT_VERSION,
        slot_id: None,
        supports_receipt_verification: None,
    };
    operation(OPERATION_SHORT_CIRCUIT, &message)
}

/// What ends a read: without it the DataNode drops the connection. `verified` says whether checksums were compared.
pub fn encode_read_status(verified: bool) -> Bytes {
    let status = if verified { datatransfer::Status::ChecksumOk } else { datatransfer::Status::Success };
    let message = datatransfer::ClientReadStatus { status: status as i32 };
    message.encode_length_delimited_to_vec().into()
}

/// How many more bytes belong to the delimited message that `received` begins, as far as that is known: read exactly
/// that many and ask again. 0 means that it is complete.
pub fn delimited_needed(received: &[u8]) -> Result<usize, DataTransferError> {
    let what = "a DataNode's answer";
    let Some(end) = received.iter().position(|byte| byte & 0x80 == 0) else {
        if received.len() >= MAX_VARINT {
            return Err(DataTransferError::Inconsistent { what, reason: "its length has no end" });
        }
        return Ok(1);
    };
    let length = prost::encoding::decode_varint(&mut &received[..=end])
        .map_err(|source| DataTransferError::Malformed { what, source })?;
    if length > MAX_RESPONSE {
        return Err(DataTransferError::TooLong { what, length, limit: MAX_RESPONSE });
    }
    Ok((length as usize + end + 1).saturating_sub(received.len()))
}

/// Decodes a DataNode's answer; `received` is complete by [`delimited_needed`].
pub fn decode_block_response(received: &[u8]) -> Result<datatransfer::BlockOpResponse, DataTransferError> {
    datatransfer::BlockOpResponse::decode_length_delimited(received)
        .map_err(|source| DataTransferError::Malformed { what: "a DataNode's answer", source })
}

fn base_header(block: &hdfs::ExtendedBlock, token: &Token) -> datatransfer::BaseHeader {
    datatransfer::BaseHeader { block: block.clone(), token: Some(token.clone().into()) }
}

fn operation(code: u8, message: &impl Message) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u16(VERSION);
    bytes.put_u8(code);
    message.encode_length_delimited(&mut bytes).expect("a growing buffer has room for every message");
    bytes.freeze()
}
