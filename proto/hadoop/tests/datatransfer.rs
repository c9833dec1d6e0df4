//! A DataNode's bytes, recorded from Hadoop 3.5.0.
#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::Bytes;
use hadoop_wire::Message;
use hadoop_wire::credentials::Token;
use hadoop_wire::datatransfer::{
    ChecksumKind, Chunks, MetaHeader, PACKET_PREFIX, Packet, PacketPrefix, ReadBlock, decode_block_response,
    delimited_needed, encode_read_status, encode_short_circuit,
};
use hadoop_wire::messages::datatransfer::{BlockOpResponse, OpReadBlock, Status};
use hadoop_wire::messages::hdfs::{ExtendedBlock, LocatedBlocks};

const BLOCK: &[u8] = include_bytes!("golden/dn-block.bin");

fn located_blocks() -> LocatedBlocks {
    LocatedBlocks::decode(&include_bytes!("golden/hdfs-located_blocks.pb")[..]).unwrap()
}

/// Reads one answer as a careful client does, and says what is left.
fn take_response(stream: &mut Bytes) -> BlockOpResponse {
    let mut received = Vec::new();
    loop {
        let needed = delimited_needed(&received).unwrap();
        if needed == 0 {
            return decode_block_response(&received).unwrap();
        }
        received.extend_from_slice(&stream.split_to(needed));
    }
}

fn take_packet(stream: &mut Bytes) -> Packet {
    let prefix: [u8; PACKET_PREFIX] = stream.split_to(PACKET_PREFIX)[..].try_into().unwrap();
    let prefix = PacketPrefix::parse(prefix).unwrap();
    Packet::parse(prefix, stream.split_to(prefix.remaining())).unwrap()
}

#[test]
fn block_locations() {
    let located = located_blocks();
    assert_eq!((located.file_length, located.blocks.len()), (1300, 1));
    let block = &located.blocks[0];
    assert_eq!((block.block.block_id, block.block.generation_stamp), (1_073_741_835, 1011));
    assert_eq!(block.locations[0].location.as_deref(), Some("/rackA"));
    assert_eq!(block.locations[0].id.transfer_port, 9866);
}

#[test]
fn a_whole_read() {
    let located = located_blocks();
    let token = Token::default();
    let read = ReadBlock { block: &request_block(), token: &token, client_name: "bobbin_1", offset: 0, length: 1300 };
    assert_eq!(read.encode(), include_bytes!("golden/dn-op81-request.bin")[..]);
    assert_eq!(request_block().block_id, located.blocks[0].block.block_id);

    let mut stream = Bytes::from_static(include_bytes!("golden/dn-op81-response.bin"));
    let response = take_response(&mut stream);
    assert_eq!(response.status, Status::Success as i32);
    let info = response.read_op_checksum_info.unwrap();
    let chunks = Chunks::from_message(&info.checksum).unwrap();
    assert_eq!(chunks, Chunks { kind: ChecksumKind::Crc32c, size: 512 });
    let packet = take_packet(&mut stream);
    assert_eq!((packet.offset, packet.last, &packet.data[..]), (0, false, BLOCK));
    let sums: Vec<_> = packet.chunks(512).unwrap().into_iter().map(|(sum, chunk)| (sum, chunk.len())).collect();
    assert_eq!(sums, [(0x4278_c241, 512), (0xffb7_167c, 512), (0xcb43_a1c4, 276)]);
    assert!(take_packet(&mut stream).last);
    assert!(stream.is_empty());
    assert_eq!(encode_read_status(true), [2, 8, 6][..]);
}

#[test]
fn a_range_is_served_in_whole_chunks() {
    let request = Bytes::from_static(include_bytes!("golden/dn-op81-range-request.bin"));
    let decoded = OpReadBlock::decode_length_delimited(request.slice(3..)).unwrap();
    let header = decoded.header.base_header;
    let token = Token::from(header.token.unwrap());
    assert_eq!(token.kind, "HDFS_BLOCK_TOKEN");
    let read = ReadBlock {
        block: &header.block,
        token: &token,
        client_name: &decoded.header.client_name,
        offset: decoded.offset,
        length: decoded.len,
    };
    assert_eq!(read.encode(), request);

    let mut stream = Bytes::from_static(include_bytes!("golden/dn-op81-range-response.bin"));
    let info = take_response(&mut stream).read_op_checksum_info.unwrap();
    assert_eq!(info.chunk_offset, 512);
    let packet = take_packet(&mut stream);
    assert_eq!((packet.offset, &packet.data[..]), (512, &BLOCK[512..1024]));
    let meta = MetaHeader::parse(include_bytes!("golden/dn-block.meta")[..7].try_into().unwrap()).unwrap();
    let cover = meta.chunks.cover(700..800, 1300);
    assert_eq!(cover.data, 512..1024);
    let stored = &include_bytes!("golden/dn-block.meta")[cover.checksums.start as usize..cover.checksums.end as usize];
    assert_eq!(packet.checksums, stored);
}

#[test]
fn short_circuit() {
    let recorded = include_bytes!("golden/dn-op87-request.bin");
    let ours = encode_short_circuit(&request_block(), &Token::default());
    // The recorded client also asked for receipts: two bytes more, counted in the length.
    assert_eq!(ours[4..], recorded[4..recorded.len() - 2]);
    assert_eq!(u16::from(ours[3]) + 2, u16::from(recorded[3]));
    let mut stream = Bytes::from_static(b"\x04\x08\x00\x30\x01the byte with the descriptors");
    let response = take_response(&mut stream);
    assert_eq!((response.status, response.short_circuit_access_version), (0, Some(1)));
    assert_eq!(&stream[..8], b"the byte", "not a byte too many was read");
    assert_eq!(include_bytes!("golden/dn-op87-response.bin")[..], [4, 8, 0, 48, 1]);
}

#[test]
fn packets_that_do_not_add_up_are_refused() {
    let mut stream = Bytes::from_static(include_bytes!("golden/dn-op81-response.bin"));
    take_response(&mut stream);
    let good = take_packet(&mut stream);
    assert!(good.chunks(0).is_err() && good.chunks(400).is_err());
    assert!(PacketPrefix::parse([0, 0, 0, 3, 0, 25]).is_err());
    assert!(PacketPrefix::parse([255, 0, 0, 0, 0, 25]).is_err());
    let prefix = PacketPrefix::parse([0, 0, 0, 4, 0, 25]).unwrap();
    assert!(Packet::parse(prefix, Bytes::from_static(b"short")).is_err());
}

fn request_block() -> ExtendedBlock {
    let request = &include_bytes!("golden/dn-op81-request.bin")[3..];
    OpReadBlock::decode_length_delimited(request).unwrap().header.base_header.block
}
