//! What is fuzzed: one function for each decoder, which takes any bytes and must not panic. The targets of cargo-fuzz
//! beside this file call them, and so does `tests/garbage.rs`, on the stable compiler, in every test run.

use bytes::Bytes;
use hadoop_wire::Message;
use hadoop_wire::aggregated_logs::{AggregatedLogs, Part};
use hadoop_wire::config::{Configuration, ResourceManagerService};
use hadoop_wire::credentials::{Credentials, Token, get_vint};
use hadoop_wire::datatransfer::{
    Chunks, MetaHeader, PACKET_PREFIX, Packet, PacketPrefix, decode_block_response, delimited_needed,
};
use hadoop_wire::messages::{hdfs, yarn};
use hadoop_wire::names::{ApplicationAttemptId, ApplicationId, ContainerId};
use hadoop_wire::rpc::{Authentication, ClientId, FrameSplitter, Handshake, decode_response};
use hadoop_wire::sasl::digest::respond;

/// A decoder at work.
pub type Entry = fn(&[u8]);

/// All of them, under the names of their targets.
pub const ALL: [(&str, Entry); 8] = [
    ("aggregated_logs", aggregated_logs),
    ("configuration", configuration),
    ("credentials", credentials),
    ("datatransfer", datatransfer),
    ("digest", digest),
    ("messages", messages),
    ("names", names),
    ("rpc", rpc),
];

/// Aggregated log files of both formats.
pub fn aggregated_logs(data: &[u8]) {
    let mut read = |offset: u64, length: usize| {
        let start = data.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        Ok(Bytes::copy_from_slice(&data[start..data.len().min(start.saturating_add(length))]))
    };
    let Ok(logs) = AggregatedLogs::open(data.len() as u64, &mut read) else { return };
    for log in logs.logs.iter().take(10) {
        let _ = log.read(Part::Tail(1 << 16), &mut read, &mut |_| Ok(()));
    }
}

/// Configuration files.
pub fn configuration(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut configuration = Configuration::default();
    let mut include = |_: &str, href: &str| Ok((href.to_owned(), text.clone().into_owned()));
    if configuration.add_file("fuzz", &text, &mut include).is_ok() {
        let _ = configuration.to_map();
        let _ = configuration.default_file_system();
        let _ = configuration.resource_managers(ResourceManagerService::Client);
    }
}

/// Token files: what is read can be written and read again.
pub fn credentials(data: &[u8]) {
    let versions: [&[u8]; 3] = [b"", b"HDTS\0", b"HDTS\x01"];
    for version in versions {
        if let Ok(credentials) = Credentials::decode([version, data].concat()) {
            assert_eq!(Credentials::decode(credentials.encode()).ok().as_ref(), Some(&credentials));
        }
    }
    let _ = get_vint(&mut Bytes::copy_from_slice(data), "a number");
}

/// Answers, packets and meta files of a DataNode.
pub fn datatransfer(data: &[u8]) {
    let _ = delimited_needed(data);
    if let Ok(response) = decode_block_response(data)
        && let Some(info) = response.read_op_checksum_info
    {
        let _ = Chunks::from_message(&info.checksum);
    }
    if let Some(header) = data.first_chunk::<{ MetaHeader::LENGTH }>()
        && let Ok(header) = MetaHeader::parse(*header)
    {
        let _ = header.chunks.cover(u64::MAX - 5..u64::MAX, u64::MAX);
    }
    let Some((prefix, rest)) = data.split_first_chunk::<PACKET_PREFIX>() else { return };
    if let Ok(prefix) = PacketPrefix::parse(*prefix) {
        let content = &rest[..rest.len().min(prefix.remaining())];
        if let Ok(packet) = Packet::parse(prefix, Bytes::copy_from_slice(content)) {
            let _ = packet.chunks(512);
        }
    }
}

/// Challenges of a server.
pub fn digest(data: &[u8]) {
    if let Ok(response) = respond(data, &Token::default(), "/default", "nonce") {
        let _ = response.exchange.verify(data);
    }
}

/// Messages with many levels: nothing is as deep as these.
pub fn messages(data: &[u8]) {
    let _ = hdfs::LocatedBlocks::decode(data);
    let _ = yarn::AllocateResponse::decode(data);
}

/// Identifiers: what is read comes back, up to zeros in front.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = (text.parse::<ApplicationId>(), text.parse::<ApplicationAttemptId>());
    if let Ok(id) = text.parse::<ContainerId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}

/// Frames of a server, during the handshake and after it.
pub fn rpc(data: &[u8]) {
    let _ = decode_response(Bytes::copy_from_slice(data));
    let mut frames = FrameSplitter::with_limit(1 << 20);
    frames.push(data);
    let authentication = Authentication::Token(Token::default());
    let mut handshake = Handshake::new(authentication, "protocol", ClientId::new([0; 16]), "nonce".to_owned());
    handshake.start();
    let _ = handshake.receive(Bytes::copy_from_slice(data));
    while let Ok(Some(frame)) = frames.next_frame() {
        let _ = decode_response(frame.clone());
        let _ = handshake.receive(frame);
    }
}
