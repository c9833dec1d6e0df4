//! Zip archives: what we write, other programs read; what others write, we read or refuse.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use bobbin_packager::{ArchiveError, Defect, Limits, UnpackError, UnpackOptions, inspect};
use rawzip::{CompressionMethod, ZipArchiveWriter};
use support::{Entry, Node, Place, chmod, directory, entry, file, inode, link, noise, os, pack_into, tree, zip};
use tar::EntryType;

/// A directory with everything that an environment can have.
fn make(root: &Path) {
    for (path, mode) in [("bin", 0o755), ("lib", 0o750), ("lib/empty", 0o700), ("empty", 0o755)] {
        fs::create_dir_all(root.join(path)).unwrap();
        chmod(&root.join(path), mode);
    }
    let large = [noise(3 << 20, 7), b"compressible ".repeat(300_000), noise(70_001, 8)].concat();
    let files: [(&[u8], u32, &[u8]); 8] = [
        (b"bin/tool", 0o755, b"#!/bin/sh\nexit 0\n"),
        (b"lib/large.bin", 0o640, &large),
        (b"lib/nothing", 0o400, b""),
        (b"lib/noise", 0o644, &noise(100_000, 9)),
        ("lib/n\u{e4}me".as_bytes(), 0o644, b"utf-8"),
        (b"lib/\xff\xfe", 0o644, b"no text"),
        (b"lib/back\\slash", 0o644, b"one name"),
        (b"lib/c:drive", 0o644, b"one name, too"),
    ];
    for (path, mode, content) in files {
        fs::write(root.join(os(path)), content).unwrap();
        chmod(&root.join(os(path)), mode);
    }
    symlink("tool", root.join("bin/link")).unwrap();
    symlink("../lib/empty", root.join("bin/directory")).unwrap();
    fs::hard_link(root.join("bin/tool"), root.join("bin/same")).unwrap();
    fs::hard_link(root.join("lib/large.bin"), root.join("lib/same.bin")).unwrap();
    chmod(root, 0o755);
}

#[test]
fn what_is_packed_comes_back() {
    let place = Place::new();
    let root = place.path("env");
    fs::create_dir(&root).unwrap();
    make(&root);
    let packed = pack_into(&root, &place.path("env.zip"), |options| options.threads = 4);
    let bytes = fs::read(&packed.path).unwrap();
    assert!(bytes.len() < 7 << 20, "two copies of large noise and little else: {}", bytes.len());
    place.unpack("again.zip", &bytes, &UnpackOptions::default()).unwrap();
    assert!(place.tree() == tree(&root));
    assert_ne!(inode(&place.path("out/bin/tool")), inode(&place.path("out/bin/same")));
    let other = pack_into(&root, &place.path("other.zip"), |options| options.threads = 1);
    assert!(fs::read(other.path).unwrap() == bytes, "the number of threads shows");
}

const PYTHON: &str = r#"
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None, archive.testzip()
    for info in archive.infolist():
        assert info.date_time == (1980, 1, 1, 0, 0, 0) and info.create_system == 3, info
        name = info.orig_filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
        print(name.hex(), oct(info.external_attr >> 16), info.file_size, format(info.CRC, "08x"))
"#;

const JAVA: &str = r#"
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.zip.*;

class List {
    public static void main(String[] args) throws IOException {
        try (ZipInputStream in = new ZipInputStream(new FileInputStream(args[0]), StandardCharsets.ISO_8859_1)) {
            for (ZipEntry entry; (entry = in.getNextEntry()) != null; ) {
                CheckedInputStream content = new CheckedInputStream(in, new CRC32());
                long size = content.transferTo(OutputStream.nullOutputStream());
                System.out.printf("%s %d %08x%n", entry.isDirectory(), size, content.getChecksum().getValue());
            }
        }
    }
}
"#;

fn run(command: &mut Command) -> Vec<String> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A line for each entry as Python's and Java's libraries should see it.
fn expected(root: &Path) -> (Vec<String>, Vec<String>) {
    let hex = |name: &[u8]| name.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let nodes = tree(root).into_iter().filter(|(name, _)| !name.is_empty());
    let lines = nodes.map(|(mut name, node)| {
        let (kind, content) = match node {
            Node::Directory { mode } => {
                name.push(b'/');
                (0o040_000 | mode, Vec::new())
            }
            Node::File { mode, content } => (0o100_000 | mode, content),
            Node::Link { target } => (0o120_777, target),
            Node::Other => panic!("{name:?}"),
        };
        let (size, crc) = (content.len(), libdeflater::crc32(&content));
        let java = format!("{} {size} {crc:08x}", name.ends_with(b"/"));
        (format!("{} 0o{kind:o} {size} {crc:08x}", hex(&name)), java)
    });
    lines.unzip()
}

#[test]
fn python_and_java_read_it() {
    let place = Place::new();
    let root = place.path("env");
    fs::create_dir(&root).unwrap();
    make(&root);
    let packed = pack_into(&root, &place.path("env.zip"), |options| options.level = Some(6));
    let (python, java) = expected(&root);
    assert_eq!(run(Command::new("/usr/bin/env").args(["python3", "-c", PYTHON]).arg(&packed.path)), python);
    let source = place.write("List.java", JAVA.as_bytes());
    assert_eq!(run(Command::new("java").arg(source).arg(&packed.path)), java);
}

#[test]
fn more_entries_than_fit_into_sixteen_bits() {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for number in 0..66_000 {
        archive.new_dir(format!("{number}/")).create().unwrap();
    }
    let place = Place::new();
    let path = place.write("env.zip", &archive.finish().unwrap());
    assert_eq!(inspect(&path).unwrap().entries, 66_000);
}

/// What unpacking says.
fn refusal(bytes: &[u8]) -> UnpackError {
    Place::new().unpack("env.zip", bytes, &UnpackOptions::default()).unwrap_err()
}

fn defect(entries: &[Entry]) -> (String, Defect) {
    named(refusal(&zip(entries)))
}

fn named(error: UnpackError) -> (String, Defect) {
    let UnpackError::Archive(ArchiveError::Entry { entry, defect, .. }) = error else { panic!("unexpected: {error}") };
    (entry, defect)
}

fn is_damaged(bytes: &[u8]) -> bool {
    let error = refusal(bytes);
    assert!(matches!(error, UnpackError::Archive(ArchiveError::Corrupt { .. })), "unexpected: {error}");
    true
}

/// Replaces bytes at `offset` of the header that begins with `signature`.
fn patch(bytes: &mut [u8], signature: &[u8; 4], offset: usize, new: &[u8]) {
    let found = bytes.windows(4).position(|window| window == signature).unwrap();
    bytes[found + offset..found + offset + new.len()].copy_from_slice(new);
}

const LOCAL: &[u8; 4] = b"PK\x03\x04";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";

#[test]
fn hostile_entries_are_named() {
    assert_eq!(defect(&[file("ok"), file("a\0b")]), ("a\0b".to_owned(), Defect::Nul));
    assert_eq!(defect(&[file("x"), file("./x")]), ("./x".to_owned(), Defect::Twice));
    let long = "x".repeat(5000);
    assert_eq!(defect(&[link("l", &long)]), ("l".to_owned(), Defect::Nul));
    assert_eq!(defect(&[file(&long)]).1, Defect::Nul);
    assert_eq!(defect(&[entry("p", EntryType::Fifo, "", 0o644, b"")]).1, Defect::Special { kind: "pipe" });
    assert_eq!(defect(&[entry("d", EntryType::Char, "", 0o644, b"")]).1, Defect::Special { kind: "device" });
}

#[test]
fn what_we_cannot_decode_is_named() {
    let entry_with = |encrypted: bool, method: CompressionMethod| {
        let mut archive = ZipArchiveWriter::new(Vec::new());
        archive.new_dir("d/").create().unwrap();
        let (file, config) = archive.new_file("f").encrypted(encrypted).compression_method(method).start().unwrap();
        let (_, descriptor) = config.wrap(Vec::new()).finish().unwrap();
        file.finish(descriptor).unwrap();
        named(refusal(&archive.finish().unwrap()))
    };
    assert_eq!(entry_with(true, CompressionMethod::STORE), ("f".to_owned(), Defect::Encrypted));
    assert_eq!(entry_with(false, CompressionMethod::ZSTD), ("f".to_owned(), Defect::ZipMethod(93)));
}

#[test]
fn sizes_and_sums_that_lie_are_noticed() {
    let good = zip(&[file("a"), file("b")]);
    let changed = |signature: &[u8; 4], offset: usize, new: &[u8]| {
        let mut bytes = good.clone();
        patch(&mut bytes, signature, offset, new);
        assert!(is_damaged(&bytes), "{offset}");
    };
    changed(CENTRAL, 16, b"\0\0\0\0"); // CRC
    changed(CENTRAL, 20, &[8, 0, 0, 0]); // packed size
    changed(CENTRAL, 20, &[10, 0, 0, 0]);
    changed(CENTRAL, 20, &[0xfe, 0xff, 0xff, 0xff]);
    changed(CENTRAL, 24, &[6, 0, 0, 0]); // size
    changed(CENTRAL, 24, &[8, 0, 0, 0]);
    changed(CENTRAL, 24, &[0xfe, 0xff, 0xff, 0xff]);
    changed(CENTRAL, 42, &[1, 0, 0, 0]); // offset
    changed(CENTRAL, 46, b"z"); // name
    changed(LOCAL, 30, b"z");
    changed(LOCAL, 8, &[0, 0]); // method
    changed(LOCAL, 6, &[9, 0]); // flags: encrypted
    changed(b"PK\x05\x06", 10, &[3, 0]); // entries
    changed(b"PK\x07\x08", 4, b"\0\0\0\0"); // CRC after the content
}

#[test]
fn bytes_that_are_no_content_are_noticed() {
    for (method, content) in [(CompressionMethod::DEFLATE, &b"\x03\x00"[..]), (CompressionMethod::STORE, b"")] {
        for junk in [&b""[..], b"junk"] {
            let mut archive = ZipArchiveWriter::new(Vec::new());
            let (mut file, _) = archive.new_file("f").compression_method(method).start().unwrap();
            std::io::Write::write_all(&mut file, &[content, junk].concat()).unwrap();
            file.finish(rawzip::DataDescriptorOutput::new(0, 0)).unwrap();
            let bytes = archive.finish().unwrap();
            if junk.is_empty() {
                Place::new().unpack("env.zip", &bytes, &UnpackOptions::default()).unwrap();
            } else {
                assert!(is_damaged(&bytes));
            }
        }
    }
}

#[test]
fn entries_do_not_share_bytes() {
    let mut bytes = zip(&[file("a"), file("a")]);
    let second = bytes.windows(4).rposition(|window| window == CENTRAL).unwrap();
    bytes[second + 42..second + 46].fill(0);
    // The first one is found before its name is found twice.
    assert!(is_damaged(&bytes));
}

#[test]
fn an_archive_in_an_archive_does_not_stand_for_it() {
    let inner = zip(&[file("inner")]);
    let mut archive = ZipArchiveWriter::new(Vec::new());
    let (mut stored, config) = archive.new_file("inner.zip").start().unwrap();
    let mut writer = config.wrap(&mut stored);
    std::io::Write::write_all(&mut writer, &inner).unwrap();
    let (_, descriptor) = writer.finish().unwrap();
    stored.finish(descriptor).unwrap();
    let outer = archive.finish().unwrap();
    let place = Place::new();
    place.unpack("env.zip", &outer, &UnpackOptions::default()).unwrap();
    let end = outer.windows(inner.len()).position(|window| window == inner).unwrap() + inner.len();
    assert!(is_damaged(&outer[..end]));
    assert!(is_damaged(&[outer.as_slice(), b"x"].concat()));
}

#[test]
fn names_of_other_systems_are_names() {
    let place = Place::new();
    let bytes = zip(&[file("a\\b"), file("c:\\d"), file(b"\xff"), directory("e")]);
    place.unpack("env.zip", &bytes, &UnpackOptions::default()).unwrap();
    let names: Vec<Vec<u8>> = place.tree().into_keys().collect();
    assert_eq!(names, [&b""[..], b"a\\b", b"c:\\d", b"e", b"\xff"]);
}

#[test]
fn modes_that_nobody_said_are_usual_ones() {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    archive.new_dir("d/").create().unwrap();
    let (file, config) = archive.new_file("d/f").start().unwrap();
    let (_, descriptor) = config.wrap(Vec::new()).finish().unwrap();
    file.finish(descriptor).unwrap();
    let place = Place::new();
    place.unpack("env.zip", &archive.finish().unwrap(), &UnpackOptions::default()).unwrap();
    let mut tree: BTreeMap<Vec<u8>, Node> = place.tree();
    assert_eq!(tree.remove(&b"d"[..]), Some(Node::Directory { mode: 0o755 }));
    assert_eq!(tree.remove(&b"d/f"[..]), Some(Node::File { mode: 0o644, content: Vec::new() }));
}

#[test]
fn a_bomb_stops_early() {
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    let bomb = zip(&[entry("bomb", EntryType::Regular, "", 0o644, &vec![b'x'; 40 << 20])]);
    let options = UnpackOptions { limits, ..UnpackOptions::default() };
    let error = Place::new().unpack("env.zip", &bomb, &options).unwrap_err();
    assert!(matches!(error, UnpackError::Archive(ArchiveError::TooMuch { .. })), "{error}");
}
