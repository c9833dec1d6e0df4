//! Compressed local files through the public interface.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bobbin_blocks::compression::{Chunk, Compression, DecompressError, Decompressor, FrameStart, frame_starts};
use bobbin_blocks::{BlockReader, OpenFile, ReadCounters};

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

/// A frame whose header says how long its content is.
fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(content, 1).unwrap()
}

/// The same with a checksum behind it, as the command `zstd` writes.
fn zstd_with_checksum(content: &[u8]) -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(1).unwrap();
    compressor.include_checksum(true).unwrap();
    compressor.compress(content).unwrap()
}

/// A frame whose header does not.
fn of_unknown_length(content: &[u8]) -> Vec<u8> {
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

fn starts_in(dir: &Path, file: &[u8]) -> Vec<FrameStart> {
    now(frame_starts(&mut open(dir, "a.zst", file))).unwrap()
}

/// Finds the frames with these contents, at these places, and reads from each to the end of the file.
fn check_starts(dir: &Path, file: &[u8], frames: &[(u64, &[u8])]) {
    let content: Vec<u8> = frames.iter().flat_map(|(_, content)| *content).copied().collect();
    let mut expected = Vec::new();
    let mut decompressed = 0;
    for (compressed, content) in frames {
        if !content.is_empty() {
            expected.push(FrameStart { compressed: *compressed, decompressed });
        }
        decompressed += content.len() as u64;
    }
    let found = starts_in(dir, file);
    assert_eq!(found, expected);
    for (number, begin) in found.iter().enumerate() {
        for next in [None, found.get(number + 1).copied(), found[number..].last().copied().filter(|last| last != begin)]
        {
            let unpacked = chunks(Decompressor::at_frame(open(dir, "a.zst", file), *begin, next)).unwrap();
            assert_eq!(unpacked.first().unwrap().offset, begin.decompressed);
            let bytes: Vec<u8> = unpacked.iter().flat_map(|chunk| chunk.bytes.iter().copied()).collect();
            assert!(bytes == content[begin.decompressed as usize..], "from frame {number}: {} bytes", bytes.len());
        }
    }
}

/// The frames one after the other, and where each begins.
fn joined<'a>(frames: &[(Vec<u8>, &'a [u8])]) -> (Vec<u8>, Vec<(u64, &'a [u8])>) {
    let (mut file, mut places) = (Vec::new(), Vec::new());
    for (frame, content) in frames {
        places.push((file.len() as u64, *content));
        file.extend_from_slice(frame);
    }
    (file, places)
}

#[test]
fn frames_are_found_and_read_by_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let content = csv(150_000);
    let (small, rest) = content.split_at(100);
    let (large, last) = rest.split_at(2_500_000);
    let noise: Vec<u8> =
        (0..400_000_u64).flat_map(|at| (at * at).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).collect();
    let frames: Vec<(Vec<u8>, &[u8])> =
        [small, large, b"", &[b'x'; 300_000], &noise, last].map(|content| (zstd(content), content)).to_vec();
    let (file, places) = joined(&frames);
    check_starts(dir.path(), &file, &places);
    let with_len: Vec<_> = frames.iter().map(|(frame, content)| (frame.clone(), content.len())).collect();
    for checksums in [false, true] {
        check_starts(dir.path(), &seekable(&with_len, checksums), &places);
    }
}

#[test]
fn frames_between_frames_that_decoders_skip_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let content = csv(3_000);
    let (one, two) = content.split_at(1_000);
    let between = [skippable(3, &[7; 40_000]), skippable(0, b"")].concat();
    let (first, second) = (between.len() as u64, 2 * between.len() as u64 + zstd_with_checksum(one).len() as u64);
    let file = [&between, &zstd_with_checksum(one), &between, &zstd(two), &between].map(Vec::as_slice).concat();
    check_starts(dir.path(), &file, &[(first, one), (second, two)]);
}

#[test]
fn frames_behind_one_of_unknown_length_are_not_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let content = csv(1_000);
    let known = [zstd(b"one"), zstd(b"two")].concat();
    let file = [known.as_slice(), &of_unknown_length(&content), &zstd(b"three")].concat();
    let begin = |compressed, decompressed| FrameStart { compressed, decompressed };
    assert_eq!(starts_in(dir.path(), &file), [begin(0, 0), begin(zstd(b"one").len() as u64, 3)]);
    assert_eq!(starts_in(dir.path(), &[of_unknown_length(&content), known].concat()), []);
}

#[test]
fn a_file_that_seems_to_be_one_frame_is_not_walked() {
    let dir = tempfile::tempdir().unwrap();
    let content = csv(50_000);
    let counters = Arc::new(ReadCounters::default());
    fs::write(dir.path().join("one.zst"), [zstd(&content), zstd(b"more")].concat()).unwrap();
    let reader = BlockReader::local();
    let file = now(reader.list(dir.path().join("one.zst").to_str().unwrap())).unwrap().remove(0);
    assert_eq!(now(frame_starts(&mut now(reader.open(&file, Arc::clone(&counters))).unwrap())).unwrap(), []);
    assert!(counters.snapshot().local_file < 20_000, "{:?}", counters.snapshot());
}

#[test]
fn thousands_of_small_frames_cost_few_reads_and_many_large_ones_are_not_all_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let small = zstd(b"1,2,3\n").repeat(200_000);
    assert_eq!(starts_in(dir.path(), &small).len(), 200_000);
    // Each header, and the block behind it, is a read of its own.
    let large = zstd_stored(&[1; 20_000]);
    let found = starts_in(dir.path(), &large.repeat(9_000));
    assert_eq!(found.len(), 8192);
    assert_eq!(found[8191], FrameStart { compressed: 8191 * large.len() as u64, decompressed: 8191 * 20_000 });
}

/// A frame with one block as it is.
fn zstd_stored(content: &[u8]) -> Vec<u8> {
    let header = [0x28, 0xb5, 0x2f, 0xfd, 0xa0].into_iter().chain((content.len() as u32).to_le_bytes());
    let block = ((content.len() as u32) << 3 | 1).to_le_bytes();
    header.chain(block[..3].iter().copied()).chain(content.iter().copied()).collect()
}

#[test]
fn seek_tables_that_do_not_fit_are_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (zstd_stored(b"one"), zstd_stored(&[b'2'; 200]));
    let walked = starts_in(dir.path(), &[one.clone(), two.clone()].concat());
    let table = seekable(&[(one.clone(), 1), (two.clone(), 1)], false);
    assert_ne!(starts_in(dir.path(), &table), walked);
    let count = table.len() - 9;
    for (what, at, value) in
        [("longer than the file", count, 200), ("reserved bits", count + 4, 4), ("length", count - 8, 9)]
    {
        let mut wrong = table.clone();
        wrong[at] = value;
        assert_eq!(starts_in(dir.path(), &wrong), walked, "{what}");
    }
    assert_eq!(starts_in(dir.path(), b""), []);
    assert_eq!(starts_in(dir.path(), &[1; 5]), []);
}

#[test]
fn a_reader_that_passes_its_end_proves_where_the_next_begins() {
    let dir = tempfile::tempdir().unwrap();
    let file = [zstd(b"one"), zstd(b"two"), zstd(b"three")].concat();
    let len = zstd(b"one").len() as u64;
    let read = |compressed, decompressed| {
        let next = FrameStart { compressed, decompressed };
        chunks(Decompressor::at_frame(open(dir.path(), "a.zst", &file), FrameStart::default(), Some(next)))
    };
    read(len, 3).unwrap();
    read(2 * len, 6).unwrap();
    for (compressed, decompressed) in
        [(len, 2), (len, 4), (len - 1, 3), (len + 1, 3), (file.len() as u64 + 1, 20), (len, 0)]
    {
        let error = read(compressed, decompressed).unwrap_err().to_string();
        assert!(error.contains("a.zst") && error.contains("end otherwise than the file says"), "{error}");
    }
}

#[test]
fn decompressors_go_to_any_thread() {
    fn check<T: Send>(_: &T) {}
    let dir = tempfile::tempdir().unwrap();
    let mut stream = Decompressor::new(open(dir.path(), "a.gz", &gzip(b"x")), Compression::Gzip);
    check(&stream);
    check(&stream.next());
    let mut file = open(dir.path(), "a.zst", &zstd(b"x"));
    check(&frame_starts(&mut file));
}
