//! Nothing in an archive may panic us: every format takes random bytes, and damaged copies of good archives.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../fuzz/entries.rs"]
mod entries;
mod support;

use bobbin_packager::Format;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use support::{Entry, archive, directory, entry, file, hard, link};
use tar::EntryType;

/// Damaged copies that each format is given in a run; the same ones in every run.
const COPIES: u32 = 1000;

const MANIFEST: &[u8] =
    br#"{"version":1,"files":[{"path":"a/file","placeholder":"/opt/bobbin-prefix-placeholder","mode":"text"}]}"#;
const BINARY: &[u8] =
    br#"{"version":1,"files":[{"path":"./a/file","placeholder":"/opt/bobbin-prefix-placeholder","mode":"binary"}]}"#;

fn tree() -> Vec<Entry> {
    let content: Vec<u8> = (0..3000u32).map(|number| ((number * number) >> 5) as u8).collect();
    vec![
        directory("bin"),
        entry("bin/tool", EntryType::Regular, "", 0o755, &content),
        link("bin/link", "../lib/x"),
        file("lib/x"),
        directory("empty"),
    ]
}

/// Names that need entries of their own, and a file with holes.
fn described() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(1);
    builder.append_data(&mut header, "d/".repeat(100) + "f", &b"x"[..]).unwrap();
    builder.append_pax_extensions([("path", &b"pax/name"[..]), ("size", b"1")]).unwrap();
    builder.append(&header, &b"x"[..]).unwrap();
    let mut sparse = tar::Header::new_gnu();
    let fields = sparse.as_gnu_mut().unwrap();
    fields.name[..6].copy_from_slice(b"sparse");
    fields.sparse[0].offset.copy_from_slice(b"00000010000\0");
    fields.sparse[0].numbytes.copy_from_slice(b"00000001000\0");
    fields.realsize.copy_from_slice(b"00000011000\0");
    sparse.set_entry_type(EntryType::GNUSparse);
    sparse.set_mode(0o644);
    sparse.set_size(512);
    sparse.set_cksum();
    builder.append(&sparse, &[7; 512][..]).unwrap();
    builder.into_inner().unwrap()
}

/// Good bytes for the format of this name.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let linked = || [tree(), vec![hard("h", "lib/x")]].concat();
    match name {
        "manifest" => vec![MANIFEST.to_vec(), BINARY.to_vec()],
        "tar" => vec![archive(Format::Tar, &linked()), described()],
        "tar_gz" => {
            let pieces = archive(Format::Tar, &linked()).chunks(2000).map(support::gzip).collect::<Vec<_>>();
            vec![archive(Format::TarGz, &linked()), pieces.concat(), support::gzip(&described())]
        }
        "tar_zst" => {
            let raw = archive(Format::Tar, &linked());
            let pieces = raw.chunks(2000).map(|piece| zstd::bulk::compress(piece, 3).unwrap()).collect::<Vec<_>>();
            vec![archive(Format::TarZst, &linked()), pieces.concat(), support::zstd(&described())]
        }
        "zip" => vec![archive(Format::Zip, &tree())],
        other => panic!("the format {other} has no corpus"),
    }
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
            8 => (any::<Index>(), byte).prop_map(|(at, value)| Damage::Overwritten(at, value)),
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
                bytes.extend_from_within(from..to.min(from + 512));
            }
            Damage::Cut(at) => bytes.truncate(place(at)),
            // The first bytes say the format.
            Damage::Shortened(at) => drop(bytes.drain(place(at).min(4)..place(at))),
        }
    }
}

/// The sums of tar headers, made right again: what is behind them is reached.
fn mend(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(512).filter(|block| block.iter().any(|byte| *byte != 0)) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
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
            if name == "tar" {
                mend(&mut bytes);
                entry(&bytes);
            }
            Ok(())
        });
        ran.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
}

#[test]
fn damaged_bytes_behind_good_sums() {
    let corpus = corpus("tar");
    let damaged = (any::<Index>(), prop::collection::vec(Damage::any(), 1..5), any::<bool>());
    let ran = runner(COPIES / 2).run(&damaged, |(which, damages, gzip)| {
        let mut bytes = which.get(&corpus).clone();
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        mend(&mut bytes);
        if gzip {
            entries::tar_gz(&support::gzip(&bytes))
        } else {
            entries::tar_zst(&support::zstd(&bytes))
        }
        Ok(())
    });
    ran.unwrap_or_else(|failure| panic!("{failure}"));
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

proptest! {
    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        entries::ALL.iter().for_each(|(_, entry)| entry(&bytes));
    }
}
