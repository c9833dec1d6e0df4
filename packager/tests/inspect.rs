//! Archives as users bring them: good ones, cut ones, hostile ones.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write;
use std::path::{Path, PathBuf};

use bobbin_packager::{ArchiveError, Defect, Style, Unsupported, inspect};
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

struct Packer(Builder<Vec<u8>>);

impl Packer {
    fn new() -> Self {
        Packer(Builder::new(Vec::new()))
    }

    /// Writes the path's bytes as they are: the tar crate itself would refuse hostile ones.
    fn entry(mut self, path: &str, kind: EntryType, target: &str, mode: u32, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        let fields = header.as_gnu_mut().unwrap();
        fields.name[..path.len()].copy_from_slice(path.as_bytes());
        fields.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, path: &str, mode: u32) -> Self {
        self.entry(path, EntryType::Regular, "", mode, b"content")
    }

    fn link(self, path: &str, target: &str) -> Self {
        self.entry(path, EntryType::Symlink, target, 0o777, b"")
    }

    fn tar(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }

    fn gz(self) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&self.tar()).unwrap();
        encoder.finish().unwrap()
    }
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn inspect_bytes(name: &str, bytes: &[u8]) -> Result<bobbin_packager::Archive, ArchiveError> {
    let directory = tempfile::tempdir().unwrap();
    inspect(&write(directory.path(), name, bytes))
}

fn defect(packer: Packer) -> (String, Defect) {
    let error = inspect_bytes("env.tar.gz", &packer.gz()).unwrap_err();
    let ArchiveError::Entry { entry, defect, .. } = error else { panic!("unexpected: {error}") };
    (entry, defect)
}

fn venv() -> Packer {
    Packer::new().file("./pyvenv.cfg", 0o644).file("./bin/python3.11", 0o755).link("./bin/python", "python3.11")
}

#[test]
fn a_virtual_environment_is_recognized() {
    let bytes = venv().gz();
    let archive = inspect_bytes("env.tar.gz", &bytes).unwrap();
    assert_eq!((archive.style, archive.nested_in, archive.has_interpreter), (Style::Venv, None, true));
    assert_eq!((archive.entries, archive.unpacked_bytes, archive.packed_bytes), (3, 14, bytes.len() as u64));
    assert_eq!(inspect_bytes("env.tgz", &bytes).unwrap().entries, 3);
    assert_eq!(inspect_bytes("env.tar", &venv().tar()).unwrap().style, Style::Venv);
}

#[test]
fn a_conda_prefix_wins_over_its_activate_script() {
    let packer = Packer::new().file("bin/activate", 0o644).file("conda-meta/history", 0o644).file("bin/python", 0o755);
    assert_eq!(inspect_bytes("env.tar.gz", &packer.gz()).unwrap().style, Style::Conda);
}

#[test]
fn an_environment_packed_one_level_too_high_is_noticed() {
    let packer = Packer::new().file("env/pyvenv.cfg", 0o644).file("env/bin/python", 0o755);
    let archive = inspect_bytes("env.tar.gz", &packer.gz()).unwrap();
    assert_eq!((archive.style, archive.nested_in.as_deref()), (Style::Plain, Some("env")));
}

#[test]
fn concatenated_gzip_streams_are_one_archive() {
    let tar = venv().tar();
    let (first, second) = tar.split_at(700);
    let mut bytes = Vec::new();
    for part in [first, second] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(part).unwrap();
        bytes.extend(encoder.finish().unwrap());
    }
    assert_eq!(inspect_bytes("env.tar.gz", &bytes).unwrap().entries, 3);
}

#[test]
fn hostile_entries_are_named() {
    let check = |packer: Packer, entry: &str, expected: Defect| {
        assert_eq!(defect(packer), (entry.to_owned(), expected));
    };
    check(Packer::new().file("../evil", 0o644), "../evil", Defect::ParentPath);
    check(Packer::new().file("/etc/cron.d/evil", 0o644), "/etc/cron.d/evil", Defect::AbsolutePath);
    let target = || "/usr/bin/python3".to_owned();
    check(
        Packer::new().link("bin/python", "/usr/bin/python3"),
        "bin/python",
        Defect::AbsoluteLink { target: target() },
    );
    let target = || "../../x".to_owned();
    check(Packer::new().link("bin/x", "../../x"), "bin/x", Defect::EscapingLink { target: target() });
    let through = Packer::new().link("a", "b").file("a/x", 0o644);
    check(through, "a/x", Defect::BelowLink { parent: "a".to_owned() });
    let device = Packer::new().entry("dev/null", EntryType::Char, "", 0o666, b"");
    check(device, "dev/null", Defect::Special { kind: "device" });
    let hard = Packer::new().entry("b", EntryType::Link, "a", 0o644, b"");
    check(hard, "b", Defect::DanglingHardLink { target: "a".to_owned() });
    check(Packer::new().file("bin/python", 0o644), "bin/python", Defect::NotExecutable);
}

#[test]
fn hard_links_to_earlier_files_are_fine() {
    let packer =
        Packer::new().file("bin/python3", 0o755).entry("bin/python", EntryType::Link, "bin/python3", 0o755, b"");
    assert!(inspect_bytes("env.tar.gz", &packer.gz()).unwrap().has_interpreter);
}

#[test]
fn every_cut_is_noticed() {
    let bytes = venv().gz();
    for length in 1..bytes.len() {
        let result = inspect_bytes("env.tar.gz", &bytes[..length]);
        assert!(result.is_err(), "cut after {length} of {} bytes", bytes.len());
    }
    let tar = venv().tar();
    let error = inspect_bytes("env.tar", &tar[..1100]).unwrap_err();
    assert!(matches!(error, ArchiveError::Corrupt { entries: 1, .. }), "{error}");
}

#[test]
fn a_flipped_bit_is_noticed_where_it_changes_anything() {
    let bytes = venv().gz();
    let whole = inspect_bytes("env.tar.gz", &bytes).unwrap();
    for position in 0..bytes.len() {
        let mut broken = bytes.clone();
        broken[position] ^= 0x10;
        // A few bits of a gzip stream carry nothing: its header's time, and padding.
        if let Ok(archive) = inspect_bytes("env.tar.gz", &broken) {
            assert_eq!((archive.entries, archive.unpacked_bytes), (whole.entries, whole.unpacked_bytes));
        }
    }
}

#[test]
fn what_yarn_does_not_unpack_is_refused_with_advice() {
    let directory = tempfile::tempdir().unwrap();
    let error = inspect(directory.path()).unwrap_err().to_string();
    assert!(error.contains("yarn-submit pack --prefix"), "{error}");
    let error = inspect_bytes("env.tar.xz", b"x").unwrap_err();
    assert!(matches!(error, ArchiveError::Unsupported { reason: Unsupported::Compression(".tar.xz"), .. }));
    let error = inspect_bytes("env.tar.gz", b"PK not gzip").unwrap_err();
    assert!(matches!(error, ArchiveError::Unsupported { reason: Unsupported::Disguised { .. }, .. }));
    assert!(matches!(inspect_bytes("env.tar", &Packer::new().tar()).unwrap_err(), ArchiveError::Empty { .. }));
    assert!(matches!(inspect_bytes("env.tar.gz", b"").unwrap_err(), ArchiveError::Corrupt { .. }));
    assert!(matches!(inspect(Path::new("/nowhere/env.tar.gz")).unwrap_err(), ArchiveError::Open { .. }));
}
