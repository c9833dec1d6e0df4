//! Compressed local files through the public interface.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bobbin_blocks::compression::{Chunk, Compression, DecompressError, Decompressor, frames};
use bobbin_blocks::{BlockReader, OpenFile};

/// Local reads never wait, so that one poll is enough.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a local operation waited"),
    }
}

fn open(dir: &Path, name: &str, content: &[u8]) -> OpenFile {
    let path = dir.join(name);
    fs::write(&path, content).unwrap();
    let reader = BlockReader::local();
    let file = now(reader.list(path.to_str().unwrap())).unwrap().remove(0);
    now(reader.open(&file, Arc::default())).unwrap()
}

fn chunks(mut decompressor: Decompressor) -> Result<Vec<Chunk>, DecompressError> {
    let mut chunks = Vec::new();
    while let Some(chunk) = now(decompressor.next())? {
        chunks.push(chunk);
    }
    Ok(chunks)
}

fn csv(rows: u32) -> Vec<u8> {
    (0..rows)
        .flat_map(|row| format!("{row},{},name {}\n", row.wrapping_mul(2_654_435_761), row % 977).into_bytes())
        .collect()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(content, 1).unwrap()
}

/// Chunks follow one another, are neither empty nor too large, and their bytes are `expected`.
fn check(chunks: &[Chunk], expected: &[u8]) {
    let mut offset = 0;
    for chunk in chunks {
        assert_eq!(chunk.offset, offset);
        assert!((1..=1 << 20).contains(&chunk.bytes.len()));
        offset += chunk.bytes.len() as u64;
    }
    let bytes: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.iter().copied()).collect();
    assert!(bytes == expected, "{} bytes, {} expected", bytes.len(), expected.len());
}

#[test]
fn files_of_every_kind() {
    let dir = tempfile::tempdir().unwrap();
    let content = csv(150_000);
    let (one, two) = content.split_at(content.len() / 3);
    for (name, file) in [
        ("a.csv", content.clone()),
        ("a.csv.gz", [gzip(one), gzip(two), vec![0; 5000]].concat()),
        ("a.csv.zst", [zstd(one), zstd(two)].concat()),
        ("a.csv.bz2", [bzip2(one), bzip2(two)].concat()),
    ] {
        let mut file = open(dir.path(), name, &file);
        let compression = Compression::of(&file.file().url);
        now(compression.check(&mut file)).unwrap();
        check(&chunks(Decompressor::new(file, compression)).unwrap(), &content);
    }
}

#[test]
fn empty_files_hold_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for (name, file) in
        [("a.gz", vec![]), ("b.zst", vec![]), ("c.bz2", vec![]), ("d.gz", gzip(b"")), ("e.bz2", bzip2(b""))]
    {
        let mut file = open(dir.path(), name, &file);
        let compression = Compression::of(name);
        now(compression.check(&mut file)).unwrap();
        check(&chunks(Decompressor::new(file, compression)).unwrap(), b"");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let content = csv(100_000);
    let says = |name: &str, file: &[u8], expected: &[&str]| {
        let file = open(dir.path(), name, file);
        let error = chunks(Decompressor::new(file, Compression::of(name))).unwrap_err();
        assert_eq!(error.exit_code(), 66);
        for part in expected.iter().chain([&name]) {
            assert!(error.to_string().contains(part), "{error} lacks {part}");
        }
    };
    let whole = gzip(&content);
    says("a.gz", &whole[..700_000], &["the gzip data ends in the middle at byte 700000; the file is truncated"]);
    says("a.zst", &zstd(&content)[..400_000], &["the zstd data ends in the middle at byte 400000"]);
    says("a.bz2", &bzip2(&content)[..300_000], &["the bzip2 data ends in the middle at byte 300000"]);
    let mut damaged = whole.clone();
    damaged[whole.len() - 6] ^= 1;
    says("b.gz", &damaged, &["the gzip data at byte", "is damaged", "incorrect data check"]);
    says("c.gz", &[whole.as_slice(), b"rubbish"].concat(), &[&format!("byte {}", whole.len())[..8], "is damaged"]);
    says("d.zst", &[0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0], &["frame at byte 0", "--long"]);
}

#[test]
fn a_name_that_lies_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let says = |name: &str, file: &[u8], expected: &str| {
        let mut file = open(dir.path(), name, file);
        let error = now(Compression::of(name).check(&mut file)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    says("a.csv", &gzip(b"x"), "a.csv is gzip data");
    says("a.gz", b"a,b\n", "does not begin so");
    says("b.gz", b"a", "does not begin so");
    says("c.gz", &zstd(b"x"), "should be gzip data and is zstd data");
}

#[test]
fn a_buffer_is_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let content = csv(150_000);
    let mut decompressor = Decompressor::new(open(dir.path(), "a.gz", &gzip(&content)), Compression::Gzip);
    let mut addresses = std::collections::BTreeSet::new();
    while let Some(chunk) = now(decompressor.next()).unwrap() {
        if chunk.bytes.len() == 1 << 20 {
            addresses.insert(chunk.bytes.as_ptr());
        }
    }
    assert_eq!(addresses.len(), 1);
}

/// A skippable frame.
fn skippable(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[0x50 + kind, 0x2a, 0x4d, 0x18], (content.len() as u32).to_le_bytes().as_slice(), content].concat()
}

/// The frames as pzstd writes them.
fn like_pzstd(frames: &[Vec<u8>]) -> Vec<u8> {
    frames
        .iter()
        .flat_map(|frame| [skippable(0, &(frame.len() as u32).to_le_bytes()), frame.clone()].concat())
        .collect()
}

/// The frames, with a seek table behind them.
fn seekable(frames: &[(Vec<u8>, usize)], checksums: bool) -> Vec<u8> {
    let mut table = Vec::new();
    for (frame, len) in frames {
        table.extend((frame.len() as u32).to_le_bytes());
        table.extend((*len as u32).to_le_bytes());
        table.extend(if checksums { vec![1, 2, 3, 4] } else { vec![] });
    }
    table.extend((frames.len() as u32).to_le_bytes());
    table.push(if checksums { 0x80 } else { 0 });
    table.extend([0xb1, 0xea, 0x92, 0x8f]);
    let frames = frames.iter().flat_map(|(frame, _)| frame.clone());
    frames.chain(skippable(14, &table)).collect()
}

/// What each range of frames gives when it takes the chunks whose frame is its own.
fn check_frames(dir: &Path, name: &str, file: &[u8], content: &[u8], pieces: &[&[u8]]) {
    let found = now(frames(&mut open(dir, name, file))).unwrap().unwrap();
    assert_eq!(found.len(), pieces.len());
    for (frame, piece) in found.iter().zip(pieces) {
        let mut decompressor = Decompressor::at_frame(open(dir, name, file), frame);
        let mut own = Vec::new();
        while let Some(chunk) = now(decompressor.next()).unwrap() {
            if chunk.source >= frame.compressed.end {
                break;
            }
            let base = frame.decompressed.as_ref().map_or(0, |range| range.start);
            assert_eq!(chunk.offset, base + own.len() as u64);
            own.extend_from_slice(&chunk.bytes);
        }
        assert!(own == *piece, "{name}: {} bytes, {} expected", own.len(), piece.len());
    }
    check(&chunks(Decompressor::new(open(dir, name, file), Compression::Zstd)).unwrap(), content);
}

#[test]
fn frames_that_a_file_names_are_read_by_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let content = csv(150_000);
    let (small, rest) = content.split_at(100);
    let (large, last) = rest.split_at(2_500_000);
    let pieces = [small, large, last];
    let compressed: Vec<_> = pieces.iter().map(|piece| zstd(piece)).collect();
    check_frames(dir.path(), "p.zst", &like_pzstd(&compressed), &content, &pieces);
    let with_len: Vec<_> = compressed.into_iter().zip(pieces.map(<[u8]>::len)).collect();
    check_frames(dir.path(), "s.zst", &seekable(&with_len, false), &content, &pieces);
    check_frames(dir.path(), "c.zst", &seekable(&with_len, true), &content, &pieces);
}

#[test]
fn files_that_name_no_frames_or_wrong_ones() {
    let dir = tempfile::tempdir().unwrap();
    let none = |name: &str, file: Vec<u8>| {
        assert_eq!(now(frames(&mut open(dir.path(), name, &file))).unwrap(), None, "{name}");
    };
    let (one, two) = (zstd(b"one"), zstd(b"two"));
    none("empty", vec![]);
    none("tiny", vec![1; 5]);
    none("single", seekable(&[(one.clone(), 3)], false));
    none("two", [one.clone(), two.clone()].concat());
    let table = seekable(&[(one.clone(), 3), (two.clone(), 3)], false);
    let mut wrong = table.clone();
    wrong.insert(0, 0);
    none("table of another length", wrong);
    let mut wrong = table.clone();
    let count = table.len() - 9;
    wrong[count] = 200;
    none("table longer than the file", wrong);
    let mut wrong = table;
    wrong[count + 4] = 4;
    none("reserved bits", wrong);
    let whole = like_pzstd(&[one, two]);
    none("truncated", whole[..whole.len() - 1].to_vec());
    none("truncated header", [whole.as_slice(), &whole[..7]].concat());
}

#[test]
fn decompressors_go_to_any_thread() {
    fn check<T: Send>(_: &T) {}
    let dir = tempfile::tempdir().unwrap();
    let mut stream = Decompressor::new(open(dir.path(), "a.gz", &gzip(b"x")), Compression::Gzip);
    check(&stream);
    check(&stream.next());
    let mut file = open(dir.path(), "a.zst", &zstd(b"x"));
    check(&frames(&mut file));
}
