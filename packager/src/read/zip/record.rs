//! What the directory of a zip archive says of an entry.

use rawzip::time::{UtcDateTime, ZipDateTimeKind};
use rawzip::{CompressionMethod, CreatorSystem, EntryFlags, ZipArchiveEntryWayfinder, ZipFileHeaderRecord};

use crate::error::Defect;

/// Bits of a Unix mode that say what a file is.
const KIND: u32 = 0o170_000;

/// One entry of the directory.
pub(super) struct Record {
    pub(super) path: Vec<u8>,
    pub(super) kind: Type,
    pub(super) mode: u32,
    /// Modification time, Unix seconds.
    pub(super) time: u64,
    pub(super) method: CompressionMethod,
    pub(super) crc: u32,
    /// Bytes of its content in the archive.
    pub(super) packed: u64,
    /// Bytes of its content.
    pub(super) size: u64,
    /// Where its header begins.
    pub(super) begin: u64,
    pub(super) place: ZipArchiveEntryWayfinder,
    flags: EntryFlags,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Directory,
    File,
    /// A symbolic link; its content is its target.
    Link,
    Special(&'static str),
}

impl Record {
    pub(super) fn new(record: &ZipFileHeaderRecord<'_>) -> Record {
        let path = record.file_path().as_ref().to_vec();
        let (kind, mode) = kind(&path, unix_mode(record));
        Record {
            path,
            kind,
            mode,
            time: time(record),
            method: record.compression_method(),
            crc: record.crc32(),
            packed: record.compressed_size_hint(),
            size: record.uncompressed_size_hint(),
            begin: record.local_header_offset(),
            place: record.wayfinder(),
            flags: record.flags(),
        }
    }

    /// Whether it can be read at all.
    pub(super) fn check(&self) -> Result<(), Defect> {
        if self.flags.is_encrypted() || self.flags.has_strong_encryption() || self.flags.is_masked() {
            return Err(Defect::Encrypted);
        }
        if self.method != CompressionMethod::STORE && self.method != CompressionMethod::DEFLATE {
            return Err(Defect::ZipMethod(self.method.as_u16()));
        }
        Ok(())
    }
}

/// The mode, where a Unix system has made the entry and said it.
fn unix_mode(record: &ZipFileHeaderRecord<'_>) -> Option<u32> {
    let system = record.version_made_by().creator_system();
    let mode = record.external_attributes() >> 16;
    ((system == CreatorSystem::UNIX || system == CreatorSystem::MACOS) && mode != 0).then_some(mode)
}

/// A slash at the end of a name makes a directory for programs that do not know modes, so it does here.
fn kind(path: &[u8], mode: Option<u32>) -> (Type, u32) {
    let kind = match mode.unwrap_or_default() & KIND {
        _ if path.ends_with(b"/") => Type::Directory,
        0o040_000 => Type::Directory,
        0o120_000 => Type::Link,
        0o010_000 => Type::Special("pipe"),
        0o020_000 | 0o060_000 => Type::Special("device"),
        0o140_000 => Type::Special("socket"),
        _ => Type::File,
    };
    let usual = if kind == Type::Directory { 0o755 } else { 0o644 };
    (kind, mode.map_or(usual, |mode| mode & 0o7777))
}

/// Times without a zone are taken for UTC: what is unpacked does not depend on the machine.
fn time(record: &ZipFileHeaderRecord<'_>) -> u64 {
    let seconds = match record.last_modified() {
        ZipDateTimeKind::Utc(time) => time.to_unix(),
        ZipDateTimeKind::Local(time) => {
            let (hour, minute, second) = (time.hour(), time.minute(), time.second());
            UtcDateTime::from_components(time.year(), time.month(), time.day(), hour, minute, second, 0)
                .map_or(0, |time| time.to_unix())
        }
    };
    u64::try_from(seconds).unwrap_or_default()
}
