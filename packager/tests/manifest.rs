//! The list of files that unpacking puts right: it is part of an archive that nobody vouches for.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::error::Error;
use std::fs;

use bobbin_packager::{UnpackError, UnpackOptions};
use support::{Entry, FORMATS, Node, Place, archive, directory, entry, file, hard, link};
use tar::EntryType;

const MANIFEST: &str = ".bobbin-fixups.json";
const PLACEHOLDER: &str = "/opt/bobbin-prefix-placeholder";

fn list(files: &[(&str, &str, &str)]) -> Entry {
    let files: Vec<String> = (files.iter())
        .map(|(path, placeholder, mode)| {
            format!(r#"{{"path":"{path}","placeholder":"{placeholder}","mode":"{mode}"}}"#)
        })
        .collect();
    let text = format!(r#"{{"version":1,"files":[{}]}}"#, files.join(","));
    entry(MANIFEST, EntryType::Regular, "", 0o644, text.as_bytes())
}

fn named(path: &str) -> Entry {
    list(&[(path, PLACEHOLDER, "text")])
}

fn script(path: &str) -> Entry {
    entry(path, EntryType::Regular, "", 0o555, format!("#!{PLACEHOLDER}/bin/python\n").as_bytes())
}

/// Unpacking fails, and its message says `reason`; what is beside the destination is as it was.
fn check(entries: &[Entry], reason: &str) {
    for (format, name) in FORMATS {
        let place = Place::new();
        let outside = place.write("x", PLACEHOLDER.as_bytes());
        let error = place.unpack(name, &archive(format, entries), &UnpackOptions::default()).unwrap_err();
        assert!(matches!(error, UnpackError::Fixups { .. }), "{name}: {error}");
        let source = error.source().unwrap().to_string();
        assert!(source.contains(reason), "{name}: {source}");
        assert_eq!(fs::read(outside).unwrap(), PLACEHOLDER.as_bytes());
    }
}

#[test]
fn files_are_put_right() {
    for (format, name) in FORMATS {
        for manifest in [MANIFEST, "./.bobbin-fixups.json"] {
            let place = Place::new();
            let list = Entry { path: manifest.into(), ..list(&[("./bin/a", PLACEHOLDER, "text")]) };
            let bytes = archive(format, &[list, script("bin/a"), link("b", "bin/a")]);
            let unpacked = place.unpack(name, &bytes, &UnpackOptions::default()).unwrap();
            assert_eq!((unpacked.fixed, unpacked.entries), (1, 2));
            let content = format!("#!{}/bin/python\n", unpacked.path.display()).into_bytes();
            let tree = place.tree();
            assert_eq!(tree[&b"bin/a"[..]], Node::File { mode: 0o555, content });
            assert!(!tree.contains_key(MANIFEST.as_bytes()));
        }
    }
}

#[test]
fn paths_that_are_no_files_of_the_archive() {
    check(&[file("a"), named("../x")], "leads out");
    check(&[file("a"), named("a/../../x")], "leads out");
    check(&[file("a"), named("/etc/hostname")], "is an absolute path");
    check(&[file("a"), named("missing")], "is no file of the archive");
    check(&[file("a"), named("a/b")], "is no file of the archive");
    check(&[file("a"), named("")], "is no file of the archive");
    check(&[directory("d"), named("d")], "is no file of the archive");
    check(&[script("a"), link("l", "a"), named("l")], "is no file of the archive");
    check(&[directory("d"), script("d/a"), link("l", "d"), named("l/a")], "is no file of the archive");
    check(&[file("a"), named(MANIFEST)], "is no file of the archive");
}

#[test]
fn lists_that_would_fill_the_disk() {
    let twice = list(&[("a", PLACEHOLDER, "text"), ("./a", PLACEHOLDER, "text")]);
    check(&[script("a"), twice], "is there twice");
    check(&[script("a"), list(&[("a", "/", "text")])], "too short");
    check(&[script("a"), list(&[("a", "", "binary")])], "too short");
}

#[test]
fn lists_that_are_none() {
    for text in [&b""[..], b"{}", b"[", b"\xff", &b"[".repeat(100_000)] {
        check(&[file("a"), entry(MANIFEST, EntryType::Regular, "", 0o644, text)], "");
    }
}

#[test]
fn a_list_that_is_a_link_is_a_link() {
    let place = Place::new();
    let bytes = archive(FORMATS[0].0, &[file("a"), link(MANIFEST, "a")]);
    let unpacked = place.unpack(FORMATS[0].1, &bytes, &UnpackOptions::default()).unwrap();
    assert_eq!((unpacked.fixed, unpacked.entries), (0, 2));
}

#[test]
fn hard_links_see_what_was_put_right() {
    let place = Place::new();
    let bytes = archive(FORMATS[0].0, &[script("a"), hard("b", "a"), named("a")]);
    let unpacked = place.unpack(FORMATS[0].1, &bytes, &UnpackOptions::default()).unwrap();
    let content = format!("#!{}/bin/python\n", unpacked.path.display());
    assert_eq!(fs::read_to_string(place.path("out/b")).unwrap(), content);
}
