//! Nothing that a peer sends may panic us: every decoder takes random bytes, and damaged copies of real ones.
#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../fuzz/entries.rs"]
mod entries;

use hadoop_wire::Message;
use hadoop_wire::credentials::Token;
use hadoop_wire::datatransfer::Chunks;
use hadoop_wire::messages::datatransfer;
use hadoop_wire::rpc::{Authentication, ClientId, Handshake};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

/// Damaged copies that each decoder is given in a run; the same ones in every run.
const COPIES: u32 = 6000;

const CHALLENGE: &[u8] =
    b"realm=\"default\",nonce=\"/vdNV0BrMwSF85Ugd8EJhKMEIaQnWV8Q4rSsYBqb\",qop=\"auth\",charset=utf-8,algorithm=md5-sess";
const SITE: &[u8] =
    b"<?xml version=\"1.0\"?><configuration><property><name>fs.defaultFS</name><value>hdfs://${h}:8020</value>\
    <final>true</final></property><property><name>h</name><value>${env.H:-nn}</value></property>\
    <xi:include href=\"a.xml\"><xi:fallback/></xi:include></configuration>";
const CONTAINER: &[u8] = b"container_e17_1700000000000_0007_01_000002";

/// Real bytes for the decoder of this name.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let files: &[&[u8]] = match name {
        "aggregated_logs" => &[
            include_bytes!("golden/logs/indexed-gz-3.4.3"),
            include_bytes!("golden/logs/indexed-none-3.5.0"),
            include_bytes!("golden/logs/tfile-gz-3.4.3"),
            include_bytes!("golden/logs/tfile-none-3.5.0"),
        ],
        "configuration" => &[SITE],
        "credentials" => &[
            include_bytes!("golden/container_tokens"),
            include_bytes!("golden/container_tokens.pb"),
            include_bytes!("golden/container_tokens_am"),
        ],
        "datatransfer" => &[
            include_bytes!("golden/dn-op81-response.bin"),
            include_bytes!("golden/dn-op81-range-response.bin"),
            include_bytes!("golden/dn-op87-response.bin"),
            include_bytes!("golden/dn-block.meta"),
        ],
        "digest" => &[CHALLENGE],
        "messages" => &[include_bytes!("golden/hdfs-located_blocks.pb")],
        "names" => &[CONTAINER, b"application_1700000000000_0007", b"appattempt_1700000000000_0007_000001"],
        "rpc" => return frames(include_str!("golden/rpc-am.txt")),
        other => panic!("the decoder {other} has no corpus"),
    };
    files.iter().map(|file| file.to_vec()).collect()
}

/// What the server sent in a recorded connection: each frame, and all of them in a row.
fn frames(recording: &str) -> Vec<Vec<u8>> {
    let hex = recording.lines().filter_map(|line| line.strip_prefix("S ")?.split(' ').next());
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let mut frames: Vec<Vec<u8>> = hex.map(|text| text.as_bytes().chunks(2).map(byte).collect()).collect();
    frames.push(frames.concat());
    frames
}

/// What can happen to bytes on their way.
#[derive(Clone, Debug)]
enum Damage {
    Overwritten(Index, u8),
    Inserted(Index, Vec<u8>),
    Repeated(Index, Index),
    Cut(Index),
    Shortened(Index),
}

impl Damage {
    fn any() -> impl Strategy<Value = Damage> {
        let byte = prop_oneof![any::<u8>(), Just(0), Just(0x7f), Just(0x80), Just(0xff)];
        prop_oneof![
            4 => (any::<Index>(), byte).prop_map(|(at, value)| Damage::Overwritten(at, value)),
            1 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Damage::Inserted(at, bytes)),
            1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Damage::Repeated(from, to)),
            1 => any::<Index>().prop_map(Damage::Cut),
            1 => any::<Index>().prop_map(Damage::Shortened),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        let place = |index: &Index| index.index(length + 1);
        match self {
            Damage::Overwritten(at, value) => {
                if let Some(byte) = bytes.get_mut(place(at)) {
                    *byte = *value;
                }
            }
            Damage::Inserted(at, more) => drop(bytes.splice(place(at)..place(at), more.iter().copied())),
            Damage::Repeated(from, to) => {
                let (from, to) = (place(from).min(place(to)), place(from).max(place(to)));
                bytes.extend_from_within(from..to.min(from + 64));
            }
            Damage::Cut(at) => bytes.truncate(place(at)),
            Damage::Shortened(at) => drop(bytes.drain(..place(at))),
        }
    }
}

/// A runner that does the same in every run.
fn runner(cases: u32) -> TestRunner {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn damaged_bytes() {
    for (name, entry) in entries::ALL {
        let corpus = corpus(name);
        corpus.iter().for_each(|bytes| entry(bytes));
        let damaged = (any::<Index>(), prop::collection::vec(Damage::any(), 1..5));
        let ran = runner(COPIES).run(&damaged, |(which, damages)| {
            let mut bytes = which.get(&corpus).clone();
            damages.iter().for_each(|damage| damage.apply(&mut bytes));
            entry(&bytes);
            Ok(())
        });
        ran.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
}

#[test]
fn every_fuzz_target_is_one_of_these() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let targets = std::fs::read_dir(folder.join("fuzz_targets")).unwrap().map(|entry| entry.unwrap().path());
    let mut stems: Vec<_> = targets.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    stems.sort();
    assert_eq!(stems, entries::ALL.map(|(name, _)| name));
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for name in stems {
        let target = std::fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("fuzz_target!(|data: &[u8]| entries::{name}(data));")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}

fn handshake() -> Handshake {
    let authentication = Authentication::Token(Token::default());
    let mut handshake = Handshake::new(authentication, "protocol", ClientId::new([0; 16]), "nonce".to_owned());
    handshake.start();
    handshake
}

proptest! {
    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        entries::ALL.iter().for_each(|(_, entry)| entry(&bytes));
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
