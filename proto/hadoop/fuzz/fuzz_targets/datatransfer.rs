//! Answers, packets and meta files of a DataNode.
#![no_main]

use bytes::Bytes;
use hadoop_wire::datatransfer::{
    MetaHeader, PACKET_PREFIX, Packet, PacketPrefix, decode_block_response, delimited_needed,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if delimited_needed(data).is_ok_and(|needed| needed == 0) {
        let _ = decode_block_response(data);
    }
    if let Some(header) = data.first_chunk::<{ MetaHeader::LENGTH }>() {
        let _ = MetaHeader::parse(*header);
    }
    let Some((prefix, rest)) = data.split_first_chunk::<PACKET_PREFIX>() else { return };
    if let Ok(prefix) = PacketPrefix::parse(*prefix) {
        let content = &rest[..rest.len().min(prefix.remaining())];
        if let Ok(packet) = Packet::parse(prefix, Bytes::copy_from_slice(content)) {
            let _ = packet.chunks(512);
        }
    }
});
