//! Local files through the public interface: listings, ranges, files that change under the reader.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::future::Future;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bobbin_blocks::{BlockReader, FileRef, ListError, ReadCounters, ReadError, TableFile, WriteError};

/// Local reads never wait, so that one poll is enough.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a local operation waited"),
    }
}

fn list(path: &str) -> Result<Vec<FileRef>, ListError> {
    now(BlockReader::local().list(path))
}

/// The names of what `pattern`, in `dir`, lists.
fn names(dir: &Path, pattern: &str) -> Vec<String> {
    let prefix = format!("file://{}/", dir.display());
    let files = list(&format!("{}/{pattern}", dir.display())).unwrap();
    files.iter().map(|file| file.url.strip_prefix(&prefix).unwrap().to_owned()).collect()
}

#[test]
fn listings() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for name in ["a.csv", "b.csv", "c.txt", "_SUCCESS", ".hidden", "odd[1].csv", "sub/d.csv", "sub/deep/e.csv"] {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    assert_eq!(names(dir, "a.csv"), ["a.csv"]);
    assert_eq!(names(dir, ""), ["a.csv", "b.csv", "c.txt", "odd[1].csv"]);
    assert_eq!(names(dir, "*.csv"), ["a.csv", "b.csv", "odd[1].csv"]);
    assert_eq!(names(dir, "{b,a}.csv"), ["a.csv", "b.csv"]);
    assert_eq!(names(dir, "*/d.csv"), ["sub/d.csv"]);
    assert_eq!(names(dir, "s*"), ["sub/d.csv"]);
    assert_eq!(names(dir, "_*"), ["_SUCCESS"]);
    assert_eq!(names(dir, "odd[1].csv"), ["odd[1].csv"], "a file with the exact name wins over the pattern");
    let file = list(dir.join("a.csv").to_str().unwrap()).unwrap().remove(0);
    assert_eq!(file.len, 5);
    assert!(file.modified_ms > 1_600_000_000_000);
}

/// `name: column=value, …` of what `pattern`, in `dir`, lists as a table.
fn table(dir: &Path, pattern: &str) -> Vec<String> {
    let prefix = format!("file://{}/", dir.display());
    let files = now(BlockReader::local().list_table(&format!("{}/{pattern}", dir.display()))).unwrap();
    let text = |file: &TableFile| {
        let value =
            |(column, value): &(String, Option<String>)| format!("{column}={}", value.as_deref().unwrap_or("NULL"));
        let values: Vec<String> = file.partitions.iter().map(value).collect();
        format!("{}: {}", file.file.url.strip_prefix(&prefix).unwrap(), values.join(", "))
    };
    files.iter().map(text).collect()
}

#[test]
fn partitioned_tables() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for name in [
        "t/top.csv",
        "t/_SUCCESS",
        "t/y=2015/m=1/a.csv",
        "t/y=2015/m=1/_SUCCESS",
        "t/y=2015/plain/no.csv",
        "t/y=2016/m=__HIVE_DEFAULT_PARTITION__/b.csv",
        "t/y=2016/.m=3/no.csv",
        "t/_temporary/no.csv",
        "t/.t.bobbin-1/attempts/no.csv",
        "t/_y=a%3Ab/c.csv",
        "t/plain/no.csv",
        "odd[1]/y=1/d.csv",
    ] {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    let all = [
        "t/_y=a%3Ab/c.csv: _y=a:b",
        "t/top.csv: ",
        "t/y=2015/m=1/a.csv: y=2015, m=1",
        "t/y=2016/m=__HIVE_DEFAULT_PARTITION__/b.csv: y=2016, m=NULL",
    ];
    assert_eq!(table(dir, "t"), all);
    assert_eq!(table(dir, "t/y=*"), all[2..]);
    assert_eq!(table(dir, "t/y=2015"), ["t/y=2015/m=1/a.csv: m=1"], "a root names no value of its own");
    assert_eq!(table(dir, "t/y=*/m=1/*.csv"), all[2..3]);
    assert_eq!(table(dir, "t/top.csv"), all[1..2]);
    assert_eq!(table(dir, "odd[1]"), ["odd[1]/y=1/d.csv: y=1"]);
    assert_eq!(table(dir, "odd[1]/y=1"), ["odd[1]/y=1/d.csv: "]);
    assert_eq!(names(dir, "t"), ["t/top.csv"], "a flat listing stays flat");
}

#[test]
fn listings_that_fail() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    assert!(matches!(list(&format!("{path}/none")), Err(ListError::NotFound { .. })));
    assert!(matches!(list(&format!("{path}/*.csv")), Err(ListError::EmptyGlob { .. })));
    assert!(matches!(list(&format!("{path}/[")), Err(ListError::BadGlob { .. })));
    assert!(matches!(list(path), Err(ListError::EmptyDirectory { .. })));
    assert!(matches!(list("/dev/null"), Err(ListError::NotRegular { .. })));
    assert!(matches!(list("s3://bucket/a"), Err(ListError::UnknownScheme { .. })));
    assert!(matches!(list("hdfs:///a"), Err(ListError::NoHdfs { .. })));
    assert_eq!(list("hdfs:///a").unwrap_err().exit_code(), 69);
    assert_eq!(list("/none").unwrap_err().exit_code(), 66);
    assert!(list("/none").unwrap_err().to_string().contains("/none"));
}

#[test]
fn any_range_equals_the_file() {
    let content: Vec<u8> = (0..20_000_001u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    fs::write(&path, &content).unwrap();
    let file = list(path.to_str().unwrap()).unwrap().remove(0);
    let counters = Arc::new(ReadCounters::default());
    let mut open = now(BlockReader::local().open(&file, counters.clone())).unwrap();
    let mut read = 0;
    for (offset, len) in
        [(0, 10), (0, usize::MAX), (8_388_600, 100), (8_388_608, 8_388_608), (20_000_000, 5), (65_535, 70_000)]
    {
        let seen = now(open.window(offset, len)).unwrap();
        assert!(!seen.is_empty() && seen.len() <= len && seen.len() <= 8 << 20);
        assert_eq!(seen, content[offset as usize..offset as usize + seen.len()]);
        read += seen.len() as u64;
    }
    assert!(now(open.window(20_000_001, 10)).unwrap().is_empty());
    assert!(now(open.window(u64::MAX, 10)).unwrap().is_empty());
    assert!(now(open.window(0, 0)).unwrap().is_empty());
    assert_eq!(counters.snapshot().local_file, read);
}

#[test]
fn a_file_that_changed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    fs::write(&path, vec![7; 100_000]).unwrap();
    let file = list(path.to_str().unwrap()).unwrap().remove(0);
    let mut open = now(BlockReader::local().open(&file, Arc::default())).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(50_000).unwrap();
    assert!(matches!(now(open.window(0, 100_000)), Err(ReadError::Changed { .. })));
    assert!(matches!(now(open.window(60_000, 10)), Err(ReadError::Changed { .. })));
    assert!(matches!(now(BlockReader::local().open(&file, Arc::default())), Err(ReadError::Changed { .. })));
    fs::remove_file(&path).unwrap();
    assert!(matches!(now(BlockReader::local().open(&file, Arc::default())), Err(ReadError::NotFound { .. })));
}

const SHRINKING_FILE: &str = "BOBBIN_TEST_SHRINKING_FILE";

/// The child of the test below: reads a window whose file has become shorter. Does nothing when run by itself.
#[test]
fn child_reads_a_file_that_shrinks() {
    let Ok(path) = std::env::var(SHRINKING_FILE) else { return };
    let file = list(&path).unwrap().remove(0);
    let mut open = now(BlockReader::local().open(&file, Arc::default())).unwrap();
    let window = now(open.window(0, 1 << 20)).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(10).unwrap();
    let sum: u64 = window.iter().map(|byte| u64::from(*byte)).sum();
    panic!("read {sum} from pages that are gone");
}

#[test]
fn a_shrinking_file_ends_the_process_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shrinking.csv");
    fs::write(&path, vec![7; 1 << 20]).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_reads_a_file_that_shrinks", "--nocapture"])
        .env(SHRINKING_FILE, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert_eq!(child.status.code(), Some(66), "{:?}: {said}", child.status);
    assert!(said.contains(&format!("bobbin: {} became shorter", path.display())), "{said}");
}

#[test]
fn writing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let url = format!("file://{}", path.display());
    let write = |parts: Vec<Result<&'static str, &'static str>>, overwrite| {
        let parts = parts.into_iter().map(|part| part.map(Into::into).map_err(Into::into));
        now(BlockReader::local().write_file(&url, futures::stream::iter(parts), overwrite))
    };
    assert!(matches!(write(vec![Ok("a"), Err("broken")], false), Err(WriteError::Producer { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left of a failed write");
    assert_eq!(write(vec![Ok("one"), Ok(" two")], false).unwrap(), 7);
    assert_eq!(fs::read_to_string(&path).unwrap(), "one two");
    assert!(matches!(write(vec![Ok("x")], false), Err(WriteError::Exists { .. })));
    assert_eq!(write(vec![Ok("three")], true).unwrap(), 5);
    assert_eq!(fs::read_to_string(&path).unwrap(), "three");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
