//! What is fuzzed: one function for each format, which takes any bytes as an archive. Unpacking must not panic, must
//! leave nothing behind when it fails, and nothing that leads out when it does not. The targets of cargo-fuzz beside this
//! file call them, and so does `tests/garbage.rs`, on the stable compiler, in every test run.

use std::fs;
use std::path::{Component, Path};
use std::sync::atomic::AtomicBool;

use bobbin_packager::{ArchiveError, Limits, UnpackOptions, inspect, unpack};

/// A format at work.
pub type Entry = fn(&[u8]);

/// All of them, under the names of their targets.
pub const ALL: [(&str, Entry); 5] =
    [("manifest", manifest), ("tar", tar), ("tar_gz", tar_gz), ("tar_zst", tar_zst), ("zip", zip)];

/// The list of files that unpacking puts right.
pub fn manifest(data: &[u8]) {
    let mut builder = tar::Builder::new(Vec::new());
    let text = b"/opt/bobbin-prefix-placeholder/lib\0/opt/bobbin-prefix-placeholder".repeat(3);
    for (path, content) in [("a/file", &text[..]), (".bobbin-fixups.json", data)] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content).expect("memory takes everything");
    }
    check("e.tar", &builder.into_inner().expect("memory takes everything"));
}

/// Tar files.
pub fn tar(data: &[u8]) {
    check("e.tar", data);
}

/// Tar files inside gzip members.
pub fn tar_gz(data: &[u8]) {
    check("e.tar.gz", data);
}

/// Tar files inside Zstandard frames.
pub fn tar_zst(data: &[u8]) {
    check("e.tar.zst", data);
}

/// Zip archives.
pub fn zip(data: &[u8]) {
    check("e.zip", data);
}

fn check(name: &str, data: &[u8]) {
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("there is room");
    let (archive, out) = (directory.path().join(name), directory.path().join("out"));
    fs::write(&archive, data).expect("there is room");
    let limits = Limits { bytes: 4 << 20, entries: 1000, ratio: 300 };
    let options = UnpackOptions { limits, threads: 1, ..UnpackOptions::default() };
    let names = || fs::read_dir(directory.path()).map_or(0, Iterator::count);
    match unpack(&archive, &out, &options, &AtomicBool::new(false)) {
        Ok(unpacked) => {
            assert_eq!(unpacked.path.file_name(), out.file_name());
            assert_eq!(names(), 2, "beside the directory");
            links_stay_inside(&out, 0);
            // What is unpacked can be read through, but is not always fit for a node.
            let inspected = inspect(&archive);
            assert!(matches!(inspected, Ok(_) | Err(ArchiveError::Entry { .. })), "{inspected:?}");
        }
        Err(_) => assert_eq!(names(), 1, "left behind"),
    }
}

fn links_stay_inside(directory: &Path, depth: usize) {
    for child in fs::read_dir(directory).expect("it was unpacked") {
        let child = child.expect("it was unpacked");
        let kind = child.file_type().expect("it was unpacked");
        if kind.is_dir() {
            links_stay_inside(&child.path(), depth + 1);
        } else if kind.is_symlink() {
            let target = fs::read_link(child.path()).expect("it is a link");
            target.components().fold(depth, |depth, part| match part {
                Component::ParentDir => depth.checked_sub(1).expect("a link leads out"),
                Component::CurDir => depth,
                Component::Normal(_) => depth + 1,
                Component::RootDir | Component::Prefix(_) => panic!("a link leads out"),
            });
        } else {
            assert!(kind.is_file(), "neither file nor directory nor link");
        }
    }
}
