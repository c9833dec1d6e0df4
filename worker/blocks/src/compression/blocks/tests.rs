//! Splits of bzip2 files against decompression of the whole.

use std::fs;
use std::future::Future;
use std::io::Write;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crc_fast::CrcAlgorithm;
use proptest::prelude::*;

use super::super::bits::BLOCK;
use super::*;
use crate::reader::BlockReader;

/// Local reads never wait, so that one poll is enough.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a local operation waited"),
    }
}

/// A bzip2 file on disk.
struct Stored {
    dir: tempfile::TempDir,
    len: u64,
}

impl Stored {
    fn new(content: &[u8]) -> Stored {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file.bz2"), content).unwrap();
        Stored { dir, len: content.len() as u64 }
    }

    /// What the reader of `[start, end)` owns.
    fn read(&self, start: u64, end: u64) -> Result<Vec<u8>, DecompressError> {
        let reader = BlockReader::local();
        let path = self.dir.path().join("file.bz2");
        let file = now(reader.list(path.to_str().unwrap())).unwrap().remove(0);
        let mut blocks = Blocks::new(now(reader.open(&file, Arc::default())).unwrap(), start);
        let mut own = Vec::new();
        while let Some(chunk) = now(blocks.next())? {
            assert_eq!(chunk.offset, own.len() as u64);
            if chunk.source >= end {
                break;
            }
            own.extend_from_slice(&chunk.bytes);
        }
        Ok(own)
    }

    /// What all readers own together, when the file is cut here.
    fn read_split(&self, cuts: &[u64]) -> Result<Vec<u8>, DecompressError> {
        let mut borders = [&[0, self.len], cuts].concat();
        borders.sort_unstable();
        let pieces: Result<Vec<_>, _> = borders.windows(2).map(|pair| self.read(pair[0], pair[1])).collect();
        Ok(pieces?.concat())
    }
}

/// One stream; `level` is the block size in 100 kB.
fn stream(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn content(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    match seed % 3 {
        0 => (0..len).map(|_| next() as u8).collect(),
        1 => (0..len).map(|_| b"0123456789,\n"[next() as usize % 12]).collect(),
        _ => (0..len).map(|at| (at / 70_000) as u8).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn any_split_gives_the_whole(
        streams in prop::collection::vec((any::<u32>(), 0..250_000_usize, 1..3_u32), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let contents: Vec<_> = streams.iter().map(|(seed, len, _)| content(*seed, *len)).collect();
        let compressed = streams.iter().zip(&contents).flat_map(|((_, _, level), content)| stream(content, *level));
        let file: Vec<u8> = compressed.collect();
        let cuts: Vec<u64> = cuts.iter().map(|cut| cut.index(file.len() + 1) as u64).collect();
        let whole = contents.concat();
        let split = Stored::new(&file).read_split(&cuts).unwrap();
        prop_assert!(split == whole, "{} bytes, {} expected, cut at {cuts:?}", split.len(), whole.len());
    }
}

#[test]
fn a_damaged_block_is_an_error_for_its_owner() {
    let content = content(1, 400_000);
    let mut file = stream(&content, 1);
    let middle = file.len() / 2;
    file[middle] ^= 1;
    let stored = Stored::new(&file);
    let error = stored.read(0, stored.len).unwrap_err();
    assert!(matches!(error, DecompressError::Corrupt { .. }), "{error}");
    assert!(stored.read(middle as u64 + 1, stored.len).is_ok(), "blocks behind it are sound");
    let mut begin = 0;
    while let Some((_, mark)) = find_mark(&file, begin * 8 + 1).filter(|(_, mark)| *mark < middle as u64 * 8) {
        begin = mark.div_ceil(8);
    }
    // Also for those who seek it, and have nothing before it to tell that it is true.
    for start in (100..begin).step_by(11_000).chain([begin - 1]) {
        assert!(stored.read(start, stored.len).is_err(), "from {start}");
    }
}

#[test]
fn truncated_files() {
    let file = stream(&content(1, 250_000), 1);
    for cut in [file.len() - 1, file.len() - 5, file.len() - 12, file.len() / 2, 50, 12, 8, 2] {
        let stored = Stored::new(&file[..cut]);
        let error = stored.read(0, stored.len).unwrap_err();
        assert!(matches!(error, DecompressError::Truncated { offset, .. } if offset == cut as u64), "{cut}: {error}");
    }
    assert!(Stored::new(b"").read(0, 0).unwrap().is_empty());
    let garbage = Stored::new(&[file.as_slice(), b"rubbish"].concat());
    assert!(matches!(garbage.read(0, garbage.len), Err(DecompressError::Corrupt { .. })));
}

/// A stream whose one block has these symbols as they are, a byte each: a code of 256 symbols of 8 bits. The last one
/// must be 255, which ends the block, and no other.
fn stream_of_symbols(symbols: &[u8], checksum: u64) -> Vec<u8> {
    let mut writer = Writer::new(b"BZh9");
    writer.push(BLOCK, MARK_BITS);
    writer.push(checksum, CHECKSUM_BITS);
    // Not randomized; where the original begins.
    writer.push(0, 1);
    writer.push(3, 24);
    // All bytes occur but the last two.
    writer.push(0xffff, 16);
    for row in 0..16 {
        writer.push(if row == 15 { 0xfffc } else { 0xffff }, 16);
    }
    // Two tables, of which each group of 50 symbols uses the first.
    let groups = symbols.len().div_ceil(50) as u64;
    writer.push(2, 3);
    writer.push(groups, 15);
    (0..groups).for_each(|_| writer.push(0, 1));
    for _ in 0..2 {
        writer.push(8, 5);
        (0..256).for_each(|_| writer.push(0, 1));
    }
    symbols.iter().for_each(|symbol| writer.push(u64::from(*symbol), 8));
    writer.push(END, MARK_BITS);
    writer.push(checksum, CHECKSUM_BITS);
    writer.finish()
}

/// A stream with marks inside its block: the stream and what it holds.
fn stream_with_false_marks(marks: &[u64]) -> (Vec<u8>, Vec<u8>) {
    let mut symbols: Vec<u8> = (0..700_u32).map(|at| 2 + (at * 7919 % 251) as u8).collect();
    for (number, mark) in marks.iter().enumerate() {
        symbols[100 + 50 * number..][..6].copy_from_slice(&mark.to_be_bytes()[2..]);
    }
    symbols.push(255);
    let mut decoder = bzip2::Decompress::new(false);
    let mut plain = vec![0; 1 << 20];
    assert!(decoder.decompress(&stream_of_symbols(&symbols, 0), &mut plain).is_err(), "the checksum is wrong");
    plain.truncate(decoder.total_out() as usize);
    let checksum = crc_fast::checksum(CrcAlgorithm::Crc32Bzip2, &plain);
    (stream_of_symbols(&symbols, checksum), plain)
}

#[test]
fn marks_in_the_data_deceive_nobody() {
    for marks in [&[BLOCK][..], &[END], &[BLOCK, END], &[END, BLOCK, BLOCK]] {
        let (odd, plain) = stream_with_false_marks(marks);
        assert!(find_mark(&odd, 33).is_some_and(|(_, at)| at < odd.len() as u64 * 8 - 80), "a false mark is in it");
        let (before, behind) = (content(1, 3000), content(1, 2000));
        let file = [stream(&before, 1), odd, stream(&behind, 1)].concat();
        let stored = Stored::new(&file);
        let whole = [before, plain, behind].concat();
        for cut in (0..=stored.len).step_by(11) {
            let split = stored.read_split(&[cut]).unwrap();
            assert!(split == whole, "{marks:x?} cut at {cut}: {} bytes, {} expected", split.len(), whole.len());
        }
    }
}

#[test]
fn a_long_run_comes_in_pieces() {
    let file = stream(&vec![b'x'; 5_000_000], 1);
    let stored = Stored::new(&file);
    assert_eq!(stored.read(0, stored.len).unwrap().len(), 5_000_000);
    assert!(stored.read(5, stored.len).unwrap().is_empty());
}
