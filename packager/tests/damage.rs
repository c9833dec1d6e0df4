//! Archives that are cut off or changed: all of it is there or nothing is.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeMap;

use bobbin_packager::{Format, UnpackOptions};
use support::{Entry, FORMATS, Node, Place, archive, directory, entry, file, hard, link};
use tar::EntryType;

fn entries(format: Format) -> Vec<Entry> {
    let tool = entry("bin/tool", EntryType::Regular, "", 0o755, b"#!/bin/sh\n");
    match format {
        // Few, for they are long.
        Format::Tar => vec![tool, hard("bin/same", "bin/tool")],
        Format::TarGz | Format::Tgz | Format::TarZst => {
            vec![directory("bin"), tool, link("bin/link", "tool"), hard("bin/same", "bin/tool"), directory("empty")]
        }
        Format::Zip => vec![directory("bin"), tool, link("bin/link", "tool"), file("lib/x"), directory("empty")],
    }
}

type Tree = BTreeMap<Vec<u8>, Node>;

/// What is unpacked, if anything is; nothing is left when nothing is.
fn unpacked(place: &Place, name: &str, bytes: &[u8]) -> Option<Tree> {
    let options = UnpackOptions { threads: 1, ..UnpackOptions::default() };
    let unpacked = place.unpack(name, bytes, &options).is_ok();
    let tree = unpacked.then(|| place.tree());
    place.remove();
    tree
}

#[test]
fn every_cut_is_noticed() {
    for (format, name) in FORMATS {
        let place = Place::quick();
        let bytes = archive(format, &entries(format));
        let whole = unpacked(&place, name, &bytes).unwrap();
        for length in 0..bytes.len() {
            let tree = unpacked(&place, name, &bytes[..length]);
            // A tar file is whole when the first block of zeros is there; there is a second one.
            let is_whole = format == Format::Tar && length >= bytes.len() - 512;
            assert!(tree.is_none() || (is_whole && tree.as_ref() == Some(&whole)), "{name} cut after {length} bytes");
        }
    }
}

#[test]
fn archives_in_pieces_are_not_whole_between_them() {
    // The same, where each entry is a member or a frame of its own.
    for (format, name) in FORMATS.into_iter().filter(|(format, _)| matches!(format, Format::TarGz | Format::TarZst)) {
        let tar = archive(Format::Tar, &entries(format));
        let pack = if format == Format::TarGz { support::gzip } else { support::zstd };
        let pieces: Vec<Vec<u8>> = tar.chunks(512).map(pack).collect();
        let place = Place::quick();
        assert!(unpacked(&place, name, &pieces.concat()).is_some());
        for count in 0..pieces.len() - 2 {
            assert!(unpacked(&place, name, &pieces[..count].concat()).is_none(), "{name}: {count} pieces");
        }
    }
}

/// Bytes that nothing guards: in a tar file all but its headers, in a zip archive times and modes.
fn is_unguarded(format: Format, bytes: &[u8], position: usize) -> bool {
    let in_header = |signature: &[u8], fields: &[std::ops::Range<usize>]| {
        let mut headers = bytes.windows(4).enumerate().filter(|(_, window)| *window == signature);
        headers
            .any(|(start, _)| fields.iter().any(|field| (start + field.start..start + field.end).contains(&position)))
    };
    match format {
        Format::Tar => true,
        Format::Zip => in_header(b"PK\x01\x02", &[4..6, 12..16, 38..42]),
        Format::TarGz | Format::Tgz | Format::TarZst => false,
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    for (format, name) in FORMATS {
        let place = Place::quick();
        let bytes = archive(format, &entries(format));
        let whole = unpacked(&place, name, &bytes).unwrap();
        for position in 0..bytes.len() {
            let patterns: &[u8] = if format == Format::Tar { &[0x10] } else { &[0x01, 0x10, 0x80, 0xff] };
            for pattern in patterns {
                let mut changed = bytes.clone();
                changed[position] ^= pattern;
                let tree = unpacked(&place, name, &changed);
                let is_right = tree.is_none() || tree.as_ref() == Some(&whole);
                assert!(is_right || is_unguarded(format, &bytes, position), "{name}: byte {position} ^ {pattern:#x}");
            }
        }
    }
}
