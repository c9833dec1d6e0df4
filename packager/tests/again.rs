//! Packing again, packing while something happens, and what must not be packed.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bobbin_packager::{PackError, PackOptions, Packed, pack, preview};
use support::{Place, noise};

/// A directory of so many files of noise.
fn tree(root: &Path, files: usize) {
    fs::create_dir_all(root.join("lib")).unwrap();
    for number in 0..files {
        fs::write(root.join(format!("lib/file{number:04}")), noise(20_000, number as u64 + 1)).unwrap();
    }
    fs::write(root.join("lib/large"), noise(5 << 20, 99)).unwrap();
}

fn options(place: &Place) -> PackOptions {
    let mut options = PackOptions::new(place.path("env"), place.path("env.tar.gz"));
    options.memory = Some(place.path("memory"));
    options
}

fn packed(options: &PackOptions) -> Packed {
    pack(options, &AtomicBool::new(false), &mut |_| ()).unwrap()
}

fn failure(options: &PackOptions) -> PackError {
    pack(options, &AtomicBool::new(false), &mut |_| ()).unwrap_err()
}

/// What is beside the environment.
fn names(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.path("")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_has_not_changed_is_noticed_and_what_has_is_packed_anew() {
    let place = Place::new();
    tree(&place.path("env"), 1000);
    let options = options(&place);
    let first = packed(&options);
    assert!(!first.is_unchanged && first.reused == 0);
    let second = packed(&options);
    assert!(second.is_unchanged);
    assert_eq!((second.hash.as_str(), second.bytes), (first.hash.as_str(), first.bytes));

    fs::write(place.path("env/lib/file0500"), b"other").unwrap();
    let third = packed(&options);
    assert!(!third.is_unchanged && third.hash != first.hash);
    assert!(third.reused * 10 > third.bytes * 8, "{} of {} bytes as they were", third.reused, third.bytes);

    // The same bytes as if nothing had been known.
    let mut fresh = PackOptions::new(place.path("env"), place.path("fresh.tar.gz"));
    fresh.threads = 1;
    assert_eq!(packed(&fresh).hash, third.hash);
}

#[test]
fn an_archive_that_somebody_changed_is_not_believed() {
    let place = Place::new();
    tree(&place.path("env"), 10);
    let mut options = options(&place);
    packed(&options);
    fs::write(place.path("env.tar.gz"), b"something of mine").unwrap();
    assert!(matches!(failure(&options), PackError::Exists(_)));
    assert_eq!(fs::read(place.path("env.tar.gz")).unwrap(), b"something of mine");
    options.force = true;
    assert!(!packed(&options).is_unchanged);
}

#[test]
fn a_file_that_changes_or_vanishes_is_named() {
    let place = Place::new();
    tree(&place.path("env"), 300);
    let mut options = options(&place);
    options.threads = 1;
    let changing = |act: &mut dyn FnMut()| {
        let mut watch = |progress: bobbin_packager::Progress| {
            if progress.files < 250 {
                act();
            }
        };
        pack(&options, &AtomicBool::new(false), &mut watch).unwrap_err()
    };
    let last = place.path("env/lib/large");
    let error = changing(&mut || fs::write(&last, b"grown or shrunk").unwrap());
    assert!(
        matches!(&error, PackError::Changed { path, what: "changed" } if *path == fs::canonicalize(&last).unwrap()),
        "{error}"
    );
    let gone = fs::canonicalize(&last).unwrap();
    fs::write(&last, noise(5 << 20, 3)).unwrap();
    let error = changing(&mut || drop(fs::remove_file(&last)));
    assert!(matches!(&error, PackError::Changed { path, what: "vanished" } if *path == gone), "{error}");
    assert_eq!(names(&place), ["env"]);
}

#[test]
fn an_interrupt_leaves_the_old_archive() {
    let place = Place::new();
    tree(&place.path("env"), 300);
    let options = options(&place);
    let first = packed(&options);
    fs::write(place.path("env/lib/more"), b"more").unwrap();
    let stop = AtomicBool::new(false);
    let error = pack(&options, &stop, &mut |_| stop.store(true, Ordering::Relaxed)).unwrap_err();
    assert!(matches!(error, PackError::Interrupted));
    assert_eq!(fs::metadata(place.path("env.tar.gz")).unwrap().len(), first.bytes);
    assert_eq!(names(&place), ["env", "env.tar.gz", "memory"]);
}

#[test]
fn a_full_disk_leaves_the_old_archive() {
    let place = Place::new();
    tree(&place.path("env"), 10);
    fs::write(place.path("old"), b"old").unwrap();
    // The device is always full; no temporary file can be made beside it, and it is not replaced.
    let options = PackOptions { force: true, ..PackOptions::new(place.path("env"), "/dev/full/env.tar.gz") };
    assert!(matches!(failure(&options), PackError::Write { .. }));
}

#[test]
fn what_is_no_environment_is_refused() {
    let place = Place::new();
    let check = |options: &PackOptions, part: &str| {
        let error = failure(options);
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let error = format!("{error}: {source}");
        assert!(error.contains(part), "{error}");
    };
    check(&options(&place), "no such directory; name the environment with --prefix");
    fs::create_dir(place.path("env")).unwrap();
    check(&options(&place), "the directory is empty");
    tree(&place.path("env"), 3);
    let inside = PackOptions::new(place.path("env"), place.path("env/out.tar.gz"));
    check(&inside, "would be inside of the environment");
    let unknown = PackOptions::new(place.path("env"), place.path("env.rar"));
    check(&unknown, "end the name in .tar.gz");
    check(&PackOptions::new(place.path("env"), place.path("nowhere/env.tar.gz")), "nowhere/env.tar.gz");
    let directory = place.path("d.tar.gz");
    fs::create_dir(&directory).unwrap();
    check(&PackOptions::new(place.path("env"), directory), "is a directory; name a file");
    let _listener = UnixListener::bind(place.path("env/socket")).unwrap();
    check(&options(&place), "is a socket");
    let mut without = options(&place);
    without.patterns.exclude("socket").unwrap();
    assert_eq!(preview(&without).unwrap().files, 4);
}
