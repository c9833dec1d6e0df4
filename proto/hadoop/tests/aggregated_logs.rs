//! Aggregated log files that NodeManagers of Hadoop 3.4.3 and 3.5.0 wrote, in both formats, with and without
//! compression: the logs of an application master and of two containers that ran a small script.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::error::Error;

use bytes::Bytes;
use hadoop_wire::aggregated_logs::{AggregatedLogs, LogError, LogFile, Part, checksum_length};
use proptest::prelude::*;

const INDEXED: &[u8] = include_bytes!("golden/logs/indexed-gz-3.4.3");
const TFILE: &[u8] = include_bytes!("golden/logs/tfile-gz-3.4.3");
const INDEXED_PLAIN: &[u8] = include_bytes!("golden/logs/indexed-none-3.5.0");
const TFILE_PLAIN: &[u8] = include_bytes!("golden/logs/tfile-none-3.5.0");

/// Serves ranges of these bytes, at most `most` at once.
fn reader(bytes: &[u8], most: usize) -> impl FnMut(u64, usize) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
    move |offset, length| {
        let start = usize::try_from(offset)?.min(bytes.len());
        let end = bytes.len().min(start + length.min(most));
        Ok(Bytes::copy_from_slice(&bytes[start..end]))
    }
}

fn open(bytes: &[u8]) -> Result<AggregatedLogs, LogError> {
    AggregatedLogs::open(bytes.len() as u64, &mut reader(bytes, usize::MAX))
}

fn content(bytes: &[u8], log: &LogFile, part: Part) -> Result<Vec<u8>, LogError> {
    let mut content = Vec::new();
    log.read(part, &mut reader(bytes, 1000), &mut |piece| {
        content.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(content)
}

fn find<'a>(logs: &'a AggregatedLogs, container: &str, name: &str) -> &'a LogFile {
    logs.logs.iter().find(|log| log.container.ends_with(container) && log.name == name).unwrap()
}

/// The script's logs are what the script wrote.
fn check(bytes: &[u8], big: usize) {
    let logs = open(bytes).unwrap();
    assert_eq!(logs.owner.as_deref(), Some("root"));
    assert_eq!(logs.containers().len(), 3);
    for container in ["_000002", "_000003"] {
        let text = |name: &str, part| content(bytes, find(&logs, container, name), part).unwrap();
        let greeting = format!("hello from {}\n", find(&logs, container, "stdout").container);
        assert_eq!(text("stdout", Part::Whole), greeting.as_bytes());
        assert_eq!(text("stdout", Part::Tail(4)), greeting.as_bytes()[greeting.len() - 4..]);
        assert_eq!(text("stderr", Part::Whole), "grüße\n".as_bytes());
        assert_eq!(text("empty.log", Part::Whole), b"");
        let line = b"a line that compresses well\n";
        let written: Vec<u8> = line.iter().copied().cycle().take(big).collect();
        assert!(text("big.log", Part::Whole) == written, "big.log of {container}");
        assert!(text("big.log", Part::Tail(100_001)) == written[big.saturating_sub(100_001)..]);
        assert!(String::from_utf8(text("launch_container.sh", Part::Whole)).unwrap().starts_with("#!/bin/bash"));
    }
}

#[test]
fn compressed_files() {
    check(INDEXED, 3_000_000);
    check(TFILE, 3_000_000);
}

#[test]
fn uncompressed_files() {
    check(INDEXED_PLAIN, 5000);
    check(TFILE_PLAIN, 5000);
}

#[test]
fn every_log_has_the_size_that_is_announced() {
    for bytes in [INDEXED, TFILE, INDEXED_PLAIN, TFILE_PLAIN] {
        let logs = open(bytes).unwrap();
        assert_eq!(logs.logs.len(), 22);
        for log in &logs.logs {
            assert_eq!(content(bytes, log, Part::Whole).unwrap().len() as u64, log.size, "{}", log.name);
        }
    }
}

#[test]
fn only_the_indexed_format_knows_times() {
    assert!(open(INDEXED).unwrap().logs.iter().all(|log| log.modified_ms.is_some_and(|time| time > 1_700_000_000_000)));
    assert!(open(TFILE).unwrap().logs.iter().all(|log| log.modified_ms.is_none()));
}

#[test]
fn unfinished_files_say_so() {
    for bytes in [INDEXED, TFILE] {
        for end in [1, 20, 40, 100, bytes.len() - 1] {
            let told = open(&bytes[..end]).unwrap_err().to_string();
            assert!(told.starts_with("not an aggregated log file, or not a complete one"), "{told}");
        }
    }
    assert_eq!(checksum_length(&[0, 0, 0, 0, 0, 0, 1, 0]), Some(256));
    assert_eq!(checksum_length(b"short"), None);
}

#[test]
fn a_reader_that_fails_is_named_as_the_cause() {
    let error = AggregatedLogs::open(1000, &mut |_, _| Err("the DataNode is gone".into())).unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "the DataNode is gone");
}

/// Opens a file and reads all that it claims to hold, up to a limit: nothing may panic.
fn exercise(bytes: &[u8]) {
    let Ok(logs) = open(bytes) else { return };
    for log in logs.logs.iter().take(30) {
        let mut left = 1_000_000;
        let _ = log.read(Part::Tail(1 << 20), &mut reader(bytes, usize::MAX), &mut |piece| {
            left -= piece.len().min(left);
            if left == 0 { Err(std::io::ErrorKind::Other.into()) } else { Ok(()) }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damage_never_panics(indexed: bool, changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = if indexed { INDEXED } else { TFILE }.to_vec();
        for (place, value) in changes {
            // The index, where damage matters most, is at the end.
            let tail = bytes.len().min(2500);
            let at = bytes.len() - 1 - place.index(tail);
            bytes[at] = value;
        }
        exercise(&bytes);
    }

    #[test]
    fn garbage_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), tfile: bool) {
        if tfile && bytes.len() > 40 {
            bytes[..16].copy_from_slice(&TFILE[..16]);
            let end = bytes.len();
            bytes[end - 28..].copy_from_slice(&TFILE[TFILE.len() - 28..]);
            bytes[end - 28..end - 20].copy_from_slice(&16u64.to_be_bytes());
        } else if bytes.len() > 70 {
            let mark: [u8; 32] = bytes[..32].try_into().unwrap();
            let end = bytes.len();
            bytes[end - 32..].copy_from_slice(&mark);
            let index = (end - 70) as u32;
            bytes[end - 36..end - 32].copy_from_slice(&index.to_be_bytes());
            bytes[34..38].copy_from_slice(&[0xac, 0xed, 0, 5]);
        }
        exercise(&bytes);
    }
}
