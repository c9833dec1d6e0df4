//! Archives that attack: whatever is in them, nothing outside of the destination changes, and nothing is left behind.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::AtomicBool;

use bobbin_packager::{ArchiveError, Defect, Format, Limits, UnpackError, UnpackOptions, Unsupported, inspect, unpack};
use support::{Entry, FORMATS, Node, Place, archive, directory, entry, file, gzip, hard, inode, link, tar, zstd};
use tar::EntryType;

/// Unpacking and inspecting both refuse it, and name the entry.
fn check(format: (Format, &str), entries: &[Entry], expected: &(&str, Defect)) {
    let place = Place::new();
    let bytes = archive(format.0, entries);
    let error = place.unpack(format.1, &bytes, &UnpackOptions::default()).unwrap_err();
    let UnpackError::Archive(unpacked) = error else { panic!("{format:?} {expected:?}: {error}") };
    let inspected = inspect(&place.path(format.1)).unwrap_err();
    for error in [unpacked, inspected] {
        let ArchiveError::Entry { entry, defect, .. } = error else { panic!("{format:?} {expected:?}: {error}") };
        // For a node's sake, inspecting refuses every link in a zip archive.
        if defect != Defect::LinkInZip {
            assert_eq!((entry.as_str(), &defect), (expected.0, &expected.1), "{format:?}");
        }
    }
}

fn check_all(entries: &[Entry], entry: &str, defect: Defect) {
    FORMATS.iter().for_each(|format| check(*format, entries, &(entry, defect.clone())));
}

/// Where there are hard links.
fn check_tar(entries: &[Entry], entry: &str, defect: Defect) {
    FORMATS.iter().filter(|(format, _)| *format != Format::Zip).for_each(|format| {
        check(*format, entries, &(entry, defect.clone()));
    });
}

#[test]
fn paths_that_lead_out() {
    check_all(&[file("../evil")], "../evil", Defect::ParentPath);
    check_all(&[file("a/../../evil")], "a/../../evil", Defect::ParentPath);
    check_tar(&[directory("..")], "..", Defect::ParentPath);
    check_all(&[file("/etc/evil")], "/etc/evil", Defect::AbsolutePath);
    check_all(&[file("//evil")], "//evil", Defect::AbsolutePath);
    check_all(&[file(".")], ".", Defect::ParentPath);
}

#[test]
fn links_that_lead_out() {
    let target = |text: &str| text.to_owned();
    check_all(&[link("l", "../x")], "l", Defect::EscapingLink { target: target("../x") });
    check_all(&[link("a/l", "b/../../../x")], "a/l", Defect::EscapingLink { target: target("b/../../../x") });
    check_all(&[link("l", "/etc")], "l", Defect::AbsoluteLink { target: target("/etc") });
    check_all(&[link("l", "")], "l", Defect::Nul);
    let below = || Defect::BelowLink { parent: "l".to_owned() };
    check_all(&[directory("d"), link("l", "d"), file("l/x")], "l/x", below());
    check_all(&[directory("d"), link("l", "d"), link("l/x", "y")], "l/x", below());
    check_all(&[file("l"), file("l/x")], "l/x", below());
}

#[test]
fn hard_links_that_lead_out() {
    let dangling = |text: &str| Defect::DanglingHardLink { target: text.to_owned() };
    let escaping = |text: &str| Defect::EscapingLink { target: text.to_owned() };
    check_tar(&[file("a"), link("l", "a"), hard("h", "l")], "h", dangling("l"));
    check_tar(&[hard("h", "missing")], "h", dangling("missing"));
    check_tar(&[directory("d"), hard("h", "d")], "h", dangling("d"));
    check_tar(&[hard("h", "h")], "h", dangling("h"));
    check_tar(&[hard("h", "../x")], "h", escaping("../x"));
    check_tar(&[hard("h", "/etc/passwd")], "h", escaping("/etc/passwd"));
}

#[test]
fn what_is_neither_file_nor_directory_nor_link() {
    let special = |kind| Defect::Special { kind };
    check_all(&[entry("d", EntryType::Char, "", 0o666, b"")], "d", special("device"));
    check_all(&[entry("p", EntryType::Fifo, "", 0o666, b"")], "p", special("pipe"));
    check_tar(&[entry("b", EntryType::Block, "", 0o666, b"")], "b", special("device"));
    check_tar(&[entry("s", EntryType::new(b'V'), "", 0o666, b"")], "s", special("entry of an unknown kind"));
}

#[test]
fn the_same_path_twice() {
    check_all(&[file("a"), file("a")], "a", Defect::Twice);
    check_all(&[file("a"), file("./a")], "./a", Defect::Twice);
    check_all(&[file("a/b"), file("a//b")], "a//b", Defect::Twice);
    check_all(&[file("a/b"), file("./a/./b")], "./a/./b", Defect::Twice);
    check_all(&[link("a", "b"), link("a", "b")], "a", Defect::Twice);
    check_all(&[link("a", "b"), file("a")], "a", Defect::Twice);
    check_all(&[file("a"), link("a", "b")], "a", Defect::Twice);
    check_all(&[directory("a"), link("a", "b")], "a", Defect::Twice);
    check_all(&[directory("a"), file("a")], "a", Defect::Twice);
    check_all(&[file("a/b"), file("a")], "a", Defect::Twice);
    check_all(&[file("a"), directory("a/")], "a/", Defect::Twice);
    check_tar(&[file("a"), file("b"), hard("b", "a")], "b", Defect::Twice);
}

#[test]
fn names_that_no_file_system_takes() {
    let long = "n".repeat(256);
    let deep = "d/".repeat(2100);
    for (path, format) in [(&long, "e.tar"), (&deep, "e.tar"), (&long, "e.tar.zst"), (&deep, "e.tar.zst")] {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(0);
        builder.append_data(&mut header, path, &b""[..]).unwrap();
        let bytes = builder.into_inner().unwrap();
        let bytes = if format == "e.tar" { bytes } else { zstd(&bytes) };
        let error = Place::new().unpack(format, &bytes, &UnpackOptions::default()).unwrap_err();
        let UnpackError::Archive(ArchiveError::Entry { defect, .. }) = error else { panic!("{error}") };
        assert_eq!(defect, Defect::Nul);
    }
}

#[test]
fn bits_of_other_users_are_dropped() {
    for (format, name) in FORMATS {
        let place = Place::new();
        let bytes = archive(
            format,
            &[
                entry("d", EntryType::Directory, "", 0o3775, b""),
                entry("d/setuid", EntryType::Regular, "", 0o6755, b"x"),
                entry("none", EntryType::Regular, "", 0o000, b"x"),
            ],
        );
        place.unpack(name, &bytes, &UnpackOptions::default()).unwrap();
        let tree = place.tree();
        assert_eq!(tree[&b"d"[..]], Node::Directory { mode: 0o775 }, "{name}");
        assert_eq!(tree[&b"d/setuid"[..]], Node::File { mode: 0o755, content: b"x".to_vec() }, "{name}");
        assert_eq!(tree[&b"none"[..]], Node::File { mode: 0, content: b"x".to_vec() }, "{name}");
    }
}

#[test]
fn hard_links_share_their_file() {
    let place = Place::new();
    let bytes =
        tar(&[file("a/f"), hard("b", "./a//f"), hard("c", "b"), entry("d", EntryType::Link, "a/f", 0, b"junk")]);
    place.unpack("e.tar", &bytes, &UnpackOptions::default()).unwrap();
    let first = inode(&place.path("out/a/f"));
    for name in ["out/b", "out/c", "out/d"] {
        assert_eq!(inode(&place.path(name)), first);
    }
    assert_eq!(fs::read(place.path("out/a/f")).unwrap(), b"content");
}

fn with_limits(limits: Limits) -> UnpackOptions {
    UnpackOptions { limits, ..UnpackOptions::default() }
}

fn is_too_much(name: &str, bytes: &[u8], limits: Limits) -> bool {
    match Place::new().unpack(name, bytes, &with_limits(limits)) {
        Err(UnpackError::Archive(ArchiveError::TooMuch { .. })) => true,
        Err(error) => panic!("{name}: unexpected: {error}"),
        Ok(_) => false,
    }
}

#[test]
fn bombs_are_stopped_by_their_size() {
    let limits = Limits { bytes: 3 << 20, ..Limits::default() };
    for (format, name) in FORMATS {
        let one = [entry("bomb", EntryType::Regular, "", 0o644, &vec![b'x'; 30 << 20])];
        assert!(is_too_much(name, &archive(format, &one), limits), "{name}");
        let many: Vec<_> = (0..30)
            .map(|number| entry(format!("{number}"), EntryType::Regular, "", 0o644, &vec![b'x'; 1 << 20]))
            .collect();
        assert!(is_too_much(name, &archive(format, &many), limits), "{name}");
        // Small files of zeros are written as they are.
        let zeros: Vec<_> = (0..30)
            .map(|number| entry(format!("{number}"), EntryType::Regular, "", 0o644, &vec![0; 1 << 20]))
            .collect();
        assert!(is_too_much(name, &archive(format, &zeros), limits), "{name}");
        let hole = [entry("hole", EntryType::Regular, "", 0o644, &vec![0; 30 << 20])];
        assert!(!is_too_much(name, &archive(format, &hole), limits), "{name}");
    }
}

#[test]
fn a_byte_in_each_piece_counts_for_the_piece() {
    let limits = Limits { bytes: 3 << 20, ..Limits::default() };
    let mut content = vec![0; 30 << 20];
    content.iter_mut().step_by(256 << 10).for_each(|byte| *byte = 1);
    // One frame ends after the byte, the next one holds the zeros. Each says how long it is, and is decoded by itself.
    let raw = tar(&[entry("bomb", EntryType::Regular, "", 0o644, &content)]);
    let (head, mut rest) = raw.split_at(513);
    let mut frames = zstd::bulk::compress(head, 1).unwrap();
    while !rest.is_empty() {
        for length in [(256 << 10) - 1, 1] {
            let (part, after) = rest.split_at(rest.len().min(length));
            frames.extend(zstd::bulk::compress(part, 1).unwrap());
            rest = after;
        }
    }
    assert!(is_too_much("e.tar.zst", &frames, limits));
    assert!(is_too_much("e.tar", &raw, limits));
}

#[test]
fn too_many_entries() {
    let entries: Vec<_> = (0..20).map(|number| file(format!("{number}"))).collect();
    for (format, name) in FORMATS {
        let bytes = archive(format, &entries);
        assert!(is_too_much(name, &bytes, Limits { entries: 19, ..Limits::default() }));
        assert!(!is_too_much(name, &bytes, Limits { entries: 20, ..Limits::default() }));
    }
}

/// Zstandard says in four bytes that one byte comes 128 KiB times.
fn repeated(byte: u8, blocks: u32) -> Vec<u8> {
    // A frame without the length of its content, with a window of 128 KiB.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    for block in 0..blocks {
        let header = ((128 << 10) << 3 | 1 << 1 | u32::from(block + 1 == blocks)).to_le_bytes();
        frame.extend_from_slice(&header[..3]);
        frame.push(byte);
    }
    frame
}

#[test]
fn a_large_bomb_is_stopped_by_its_ratio() {
    let size: u64 = 4 << 30;
    let mut header = tar::Header::new_gnu();
    header.set_path("bomb").unwrap();
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    let bomb = [zstd(header.as_bytes()), repeated(b'x', (size / (128 << 10)) as u32)].concat();
    assert!(bomb.len() < 200_000);
    let place = Place::new();
    let path = place.write("e.tar.zst", &bomb);
    // Inspecting reads as unpacking does, and writes nothing.
    let error = inspect(&path).unwrap_err();
    assert!(matches!(error, ArchiveError::TooMuch { .. }), "{error}");
}

#[test]
fn a_name_without_end_does_not_fill_the_memory() {
    for kind in [b'L', b'K', b'x'] {
        let long = entry("././@LongLink", EntryType::new(kind), "", 0o644, &vec![b'n'; 8 << 20]);
        let bytes = gzip(&tar(&[long, file("x")]));
        let error = Place::new().unpack("e.tar.gz", &bytes, &UnpackOptions::default()).unwrap_err();
        assert!(matches!(error, UnpackError::Archive(ArchiveError::Corrupt { .. })), "{error}");
    }
}

#[test]
fn what_follows_the_end_is_counted() {
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    let tail = |byte: u8| gzip(&[tar(&[file("a")]), vec![byte; 5 << 20]].concat());
    assert!(is_too_much("e.tar.gz", &tail(1), limits));
    assert!(!is_too_much("e.tar.gz", &tail(0), limits));
}

#[test]
fn a_long_row_of_directories_in_a_short_name() {
    let place = Place::new();
    let entries: Vec<_> = (0..40).map(|number| file(format!("{number}/{}x", "d/".repeat(20)))).collect();
    for (format, name) in FORMATS {
        place.unpack(name, &archive(format, &entries), &UnpackOptions::default()).unwrap();
        place.remove();
    }
}

#[test]
fn names_that_lie_about_the_format() {
    let good = [file("a")];
    for (format, _) in FORMATS {
        for (other, name) in FORMATS {
            let result = Place::new().unpack(name, &archive(format, &good), &UnpackOptions::default());
            match result {
                Ok(_) => assert_eq!(format, other),
                Err(UnpackError::Archive(ArchiveError::Unsupported {
                    reason: Unsupported::Disguised { .. }, ..
                })) => {
                    assert_ne!(format, other);
                }
                Err(error) => panic!("{format:?} as {name}: {error}"),
            }
        }
    }
}

#[test]
fn files_without_anything_in_them() {
    for (format, name) in FORMATS {
        for bytes in [Vec::new(), archive(format, &[])] {
            let place = Place::new();
            let error = place.unpack(name, &bytes, &UnpackOptions::default()).unwrap_err();
            let is_known =
                matches!(error, UnpackError::Archive(ArchiveError::Corrupt { .. } | ArchiveError::Empty { .. }));
            assert!(is_known, "{name}: {error}");
            assert!(inspect(&place.path(name)).is_err());
        }
    }
}

#[test]
fn places_that_are_taken() {
    let place = Place::new();
    let archive = place.write("e.tar", &tar(&[file("a")]));
    let unpack_to =
        |name: &str| unpack(&archive, &place.path(name), &UnpackOptions::default(), &AtomicBool::new(false));
    let exists = |name: &str| assert!(matches!(unpack_to(name), Err(UnpackError::Exists(_))), "{name}");
    place.write("file", b"mine");
    exists("file");
    assert_eq!(fs::read(place.path("file")).unwrap(), b"mine");
    fs::create_dir(place.path("full")).unwrap();
    place.write("full/x", b"mine");
    exists("full");
    symlink("nowhere", place.path("dangling")).unwrap();
    exists("dangling");
    fs::create_dir(place.path("empty")).unwrap();
    symlink("empty", place.path("link")).unwrap();
    unpack_to("link").unwrap();
    assert_eq!(fs::read(place.path("empty/a")).unwrap(), b"content");
    exists("link");
    unpack_to("new/deep").unwrap();
    let stop = AtomicBool::new(true);
    let stopped = unpack(&archive, &place.path("stopped"), &UnpackOptions::default(), &stop);
    assert!(matches!(stopped, Err(UnpackError::Interrupted)));
    let left: Vec<_> = fs::read_dir(place.path("")).unwrap().map(|child| child.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".partial")), "{left:?}");
}
