//! What tests of archives have in common: archives of any bytes, and trees as they are on disk.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use bobbin_packager::{Format, PackOptions, UnpackError, UnpackOptions, Unpacked, pack, unpack};
use tar::EntryType;

/// All formats, by the suffixes of their names.
pub const FORMATS: [(Format, &str); 4] =
    [(Format::Tar, "e.tar"), (Format::TarGz, "e.tar.gz"), (Format::TarZst, "e.tar.zst"), (Format::Zip, "e.zip")];

/// An entry as an archive has it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub path: Vec<u8>,
    pub kind: EntryType,
    pub target: Vec<u8>,
    pub mode: u32,
    pub content: Vec<u8>,
}

pub fn entry(path: impl AsRef<[u8]>, kind: EntryType, target: &str, mode: u32, content: &[u8]) -> Entry {
    Entry { path: path.as_ref().to_vec(), kind, target: target.into(), mode, content: content.to_vec() }
}

pub fn file(path: impl AsRef<[u8]>) -> Entry {
    entry(path, EntryType::Regular, "", 0o644, b"content")
}

pub fn directory(path: impl AsRef<[u8]>) -> Entry {
    entry(path, EntryType::Directory, "", 0o755, b"")
}

pub fn link(path: impl AsRef<[u8]>, target: &str) -> Entry {
    entry(path, EntryType::Symlink, target, 0o777, b"")
}

pub fn hard(path: impl AsRef<[u8]>, target: &str) -> Entry {
    entry(path, EntryType::Link, target, 0o644, b"")
}

/// An archive of these entries, whatever they are.
pub fn archive(format: Format, entries: &[Entry]) -> Vec<u8> {
    match format {
        Format::Tar => tar(entries),
        Format::TarGz | Format::Tgz => gzip(&tar(entries)),
        Format::TarZst => zstd(&tar(entries)),
        Format::Zip => zip(entries),
    }
}

/// The path's bytes as they are: the tar crate itself would refuse hostile ones.
pub fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        let fields = header.as_gnu_mut().unwrap();
        fields.name[..entry.path.len()].copy_from_slice(&entry.path);
        fields.linkname[..entry.target.len()].copy_from_slice(&entry.target);
        header.set_entry_type(entry.kind);
        header.set_mode(entry.mode);
        header.set_size(entry.content.len() as u64);
        header.set_cksum();
        builder.append(&header, entry.content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Hard links, and what else there is, become pipes.
pub fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut archive = rawzip::ZipArchiveWriter::new(Vec::new());
    for entry in entries {
        let mut path = entry.path.clone();
        let kinds = [
            (EntryType::Directory, 0o040_000),
            (EntryType::Symlink, 0o120_000),
            (EntryType::Char, 0o020_000),
            (EntryType::Regular, 0o100_000),
        ];
        let kind = kinds.iter().find(|(kind, _)| *kind == entry.kind).map_or(0o010_000, |(_, bits)| *bits);
        let content = if entry.kind == EntryType::Symlink { &entry.target } else { &entry.content };
        if entry.kind == EntryType::Directory && !path.ends_with(b"/") {
            path.push(b'/');
        }
        let path = rawzip::path::EntryPath::verbatim(path);
        let file = archive.new_file(path).unix_permissions(kind | entry.mode);
        let (mut file, config) = file.compression_method(rawzip::CompressionMethod::DEFLATE).start().unwrap();
        let encoder = flate2::write::DeflateEncoder::new(&mut file, flate2::Compression::fast());
        let mut writer = config.wrap(encoder);
        writer.write_all(content).unwrap();
        let (encoder, descriptor) = writer.finish().unwrap();
        encoder.finish().unwrap();
        file.finish(descriptor).unwrap();
    }
    archive.finish().unwrap()
}

/// A directory for one test, and what is in it from the beginning.
pub struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    /// In memory where that can be: for tests that unpack thousands of times.
    pub fn quick() -> Place {
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Place { directory: directory.unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Unpacks an archive of these bytes; when that fails, nothing may be left of it.
    pub fn unpack(&self, name: &str, bytes: &[u8], options: &UnpackOptions) -> Result<Unpacked, UnpackError> {
        let archive = self.write(name, bytes);
        let before = names(self.directory.path());
        let result = unpack(&archive, &self.path("out"), options, &AtomicBool::new(false));
        if let Err(error) = &result {
            assert_eq!(names(self.directory.path()), before, "left after: {error}");
        }
        result
    }

    pub fn tree(&self) -> BTreeMap<Vec<u8>, Node> {
        tree(&self.path("out"))
    }

    pub fn remove(&self) {
        let _ = fs::remove_dir_all(self.path("out"));
    }
}

/// Packs a directory, replacing what is there.
pub fn pack_into(prefix: &Path, output: &Path, change: impl FnOnce(&mut PackOptions)) -> bobbin_packager::Packed {
    let mut options = PackOptions::new(prefix, output);
    options.force = true;
    change(&mut options);
    pack(&options, &AtomicBool::new(false), &mut |_| ()).unwrap()
}

fn names(directory: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(directory).unwrap().map(|child| child.unwrap().path()).collect();
    names.sort();
    names
}

/// What is at a path on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Directory { mode: u32 },
    File { mode: u32, content: Vec<u8> },
    Link { target: Vec<u8> },
    Other,
}

/// Everything below a directory, and the directory itself under the empty path.
pub fn tree(root: &Path) -> BTreeMap<Vec<u8>, Node> {
    let mut nodes = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        let kind = metadata.file_type();
        let node = if kind.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|child| child.unwrap().path()));
            Node::Directory { mode }
        } else if kind.is_symlink() {
            Node::Link { target: fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec() }
        } else if kind.is_file() {
            Node::File { mode, content: fs::read(&path).unwrap() }
        } else {
            Node::Other
        };
        nodes.insert(path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec(), node);
    }
    nodes
}

/// Bytes that do not compress, the same in every run.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub fn os(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

pub fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap().ino()
}

/// Sets a mode, whatever the umask is.
pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
