//! Nothing that a peer sends may panic us: every decoder takes random bytes, and damaged copies of real ones.
#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::Bytes;
use hadoop_wire::Message;
use hadoop_wire::credentials::{Credentials, Token, get_vint};
use hadoop_wire::datatransfer::{
    Chunks, MetaHeader, PACKET_PREFIX, Packet, PacketPrefix, decode_block_response, delimited_needed,
};
use hadoop_wire::messages::{datatransfer, hdfs, yarn};
use hadoop_wire::rpc::{Authentication, ClientId, FrameSplitter, Handshake, decode_response};
use hadoop_wire::sasl::digest::respond;
use proptest::prelude::*;
use proptest::sample::Index;

const REAL: [&[u8]; 7] = [
    include_bytes!("golden/container_tokens"),
    include_bytes!("golden/container_tokens.pb"),
    include_bytes!("golden/hdfs-located_blocks.pb"),
    include_bytes!("golden/dn-op81-response.bin"),
    include_bytes!("golden/dn-op81-range-response.bin"),
    include_bytes!("golden/dn-op87-response.bin"),
    include_bytes!("golden/dn-block.meta"),
];

/// Gives bytes to every decoder.
fn exercise(bytes: &[u8]) {
    let shared = Bytes::copy_from_slice(bytes);
    let _ = Credentials::decode(shared.clone());
    let _ = Credentials::decode([b"HDTS\0", bytes].concat());
    let _ = Credentials::decode([b"HDTS\x01", bytes].concat());
    let _ = get_vint(&mut shared.clone(), "a number");
    let _ = hdfs::LocatedBlocks::decode(shared.clone());
    let _ = yarn::AllocateResponse::decode(shared.clone());
    let _ = respond(bytes, &Token::default(), "/default", "nonce");
    rpc(&shared);
    data_transfer(&shared);
}

fn rpc(bytes: &Bytes) {
    let mut splitter = FrameSplitter::with_limit(1 << 20);
    splitter.push(bytes);
    while let Ok(Some(frame)) = splitter.next_frame() {
        let _ = decode_response(frame);
    }
    let _ = decode_response(bytes.clone());
    let mut handshake = handshake();
    let _ = handshake.receive(bytes.clone());
    let _ = handshake.receive(bytes.clone());
}

fn handshake() -> Handshake {
    let authentication = Authentication::Token(Token::default());
    let mut handshake = Handshake::new(authentication, "protocol", ClientId::new([0; 16]), "nonce".to_owned());
    handshake.start();
    handshake
}

fn data_transfer(bytes: &Bytes) {
    let _ = delimited_needed(bytes);
    if let Ok(response) = decode_block_response(bytes)
        && let Some(info) = response.read_op_checksum_info
    {
        let _ = Chunks::from_message(&info.checksum);
    }
    if let Some(prefix) = bytes.first_chunk::<PACKET_PREFIX>()
        && let Ok(prefix) = PacketPrefix::parse(*prefix)
    {
        let rest = bytes.slice(PACKET_PREFIX..);
        let end = rest.len().min(prefix.remaining());
        if let Ok(packet) = Packet::parse(prefix, rest.slice(..end)) {
            let _ = packet.chunks(512);
        }
    }
    if let Some(header) = bytes.first_chunk::<{ MetaHeader::LENGTH }>()
        && let Ok(header) = MetaHeader::parse(*header)
    {
        let _ = header.chunks.cover(u64::MAX - 5..u64::MAX, u64::MAX);
    }
}

proptest! {
    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        exercise(&bytes);
    }

    #[test]
    fn damaged_bytes(which: Index, place: Index, value: u8, cut: Index) {
        let mut bytes = which.get(&REAL).to_vec();
        let at = place.index(bytes.len());
        bytes[at] = value;
        exercise(&bytes);
        exercise(&bytes[cut.index(bytes.len())..]);
    }

    #[test]
    fn offers_of_a_strange_server(state in -1i32..7, mechanism in "(DIGEST-MD5)?", challenge in "[a-z0-9=,\"\\\\]*", proof: bool) {
        use hadoop_wire::messages::common::{RpcResponseHeader, RpcSasl, SaslAuth};
        let auth = SaslAuth {
            method: "TOKEN".to_owned(),
            mechanism,
            challenge: Some(challenge.clone().into()),
            ..SaslAuth::default()
        };
        let token = proof.then(|| challenge.into());
        let message = RpcSasl { state, token, auths: vec![auth], ..RpcSasl::default() };
        let header = RpcResponseHeader { call_id: (-33i32).cast_unsigned(), ..RpcResponseHeader::default() };
        let frame = [header.encode_length_delimited_to_vec(), message.encode_length_delimited_to_vec()].concat();
        let mut handshake = handshake();
        let _ = handshake.receive(frame.clone().into());
        let _ = handshake.receive(frame.into());
    }

    #[test]
    fn checksums_cover_what_is_wanted(start in 0u64..5000, length in 0u64..5000, size in 1u32..1000, block in 0u64..10_000) {
        let end = (start + length).min(block);
        let start = start.min(end);
        let checksum = datatransfer::Checksum { r#type: 2, bytes_per_checksum: size };
        let cover = Chunks::from_message(&checksum).unwrap().cover(start..end, block);
        prop_assert!(cover.data.start <= start && end <= cover.data.end && cover.data.end <= block.max(cover.data.start));
        prop_assert_eq!(cover.data.start % u64::from(size), 0);
        let chunks = (cover.data.end - cover.data.start).div_ceil(u64::from(size));
        prop_assert!(cover.checksums.end - cover.checksums.start >= chunks * 4);
    }
}
