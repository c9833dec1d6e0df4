//! Trees with everything that a file system allows come back from every format.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::Path;

use bobbin_packager::{Format, UnpackOptions};
use support::{FORMATS, Place, chmod, inode, os, pack_into, tree};

/// Packs `env` and unpacks it as `out`.
fn round(place: &Place, name: &str) {
    pack_into(&place.path("env"), &place.path(name), |_| ());
    let bytes = fs::read(place.path(name)).unwrap();
    place.unpack(name, &bytes, &UnpackOptions::default()).unwrap();
}

fn check_all(make: impl Fn(&Path), also: impl Fn(&Place, Format)) {
    for (format, name) in FORMATS {
        let place = Place::new();
        let root = place.path("env");
        fs::create_dir(&root).unwrap();
        make(&root);
        chmod(&root, 0o755);
        round(&place, name);
        assert_eq!(place.tree(), tree(&root), "{name}");
        also(&place, format);
    }
}

#[test]
fn names_of_all_kinds() {
    let make = |root: &Path| {
        for name in
            [&b"\xff\xfe"[..], "\u{1f9f5}".as_bytes(), b"new\nline", b"back\\slash", b" ", b"...", b"-rf", b"c:x"]
        {
            fs::write(root.join(os(name)), name).unwrap();
            symlink(os(name), root.join(os(&[b"to-", name].concat()))).unwrap();
        }
    };
    check_all(make, |_, _| ());
}

#[test]
fn paths_of_more_than_a_thousand_bytes() {
    let make = |root: &Path| {
        let mut path = root.to_owned();
        for letter in ["a", "b", "c", "d", "e"] {
            path.push(letter.repeat(255));
            fs::create_dir(&path).unwrap();
            fs::write(path.join("f".repeat(255)), letter).unwrap();
            fs::write(path.join("x".repeat(150)), letter).unwrap();
            symlink("x".repeat(150), path.join("link")).unwrap();
        }
    };
    check_all(make, |_, _| ());
}

#[test]
fn modes_links_and_empty_directories() {
    // The tests may run as root, for whom these modes forbid nothing: that others cannot read is not seen here.
    let make = |root: &Path| {
        for mode in [0o755, 0o700, 0o555, 0o711] {
            let directory = root.join(format!("d{mode:o}"));
            fs::create_dir_all(directory.join("empty")).unwrap();
            fs::write(directory.join("file"), b"x").unwrap();
            chmod(&directory.join("file"), mode & 0o666);
            chmod(&directory.join("empty"), mode);
            chmod(&directory, mode);
        }
        fs::write(root.join("a"), b"content").unwrap();
        fs::hard_link(root.join("a"), root.join("b")).unwrap();
        fs::hard_link(root.join("a"), root.join("d755/c")).unwrap();
    };
    check_all(make, |place, format| {
        let [a, b, c] = ["out/a", "out/b", "out/d755/c"].map(|name| inode(&place.path(name)));
        // A zip archive has no hard links.
        let are_linked = format != Format::Zip;
        assert_eq!((a == b, a == c), (are_linked, are_linked), "{format:?}");
    });
}

#[test]
fn a_file_of_nine_gibibytes_with_holes() {
    let size: u64 = 9 << 30;
    let place = Place::new();
    let root = place.path("env");
    fs::create_dir(&root).unwrap();
    let file = File::create(root.join("sparse")).unwrap();
    file.set_len(size).unwrap();
    let parts = [(0, &b"begin"[..]), (5 << 30, b"middle"), (size - 3, b"end")];
    parts.iter().for_each(|(offset, part)| file.write_all_at(part, *offset).unwrap());
    round(&place, "e.tar.zst");
    let unpacked = File::open(place.path("out/sparse")).unwrap();
    let metadata = unpacked.metadata().unwrap();
    assert_eq!(metadata.len(), size);
    assert!(metadata.blocks() * 512 < 4 << 20, "{} bytes on disk", metadata.blocks() * 512);
    for (offset, part) in parts {
        let mut read = vec![0; part.len()];
        unpacked.read_exact_at(&mut read, offset).unwrap();
        assert_eq!(read, part);
    }
    let mut hole = vec![1; 1 << 20];
    unpacked.read_exact_at(&mut hole, 7 << 30).unwrap();
    assert_eq!(hole, vec![0; 1 << 20]);
}
