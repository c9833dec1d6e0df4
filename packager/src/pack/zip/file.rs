//! The file: headers, content, and the directory at its end.

use std::io::{self, BufWriter, Write};

use flate2::Crc;
use rawzip::path::{EntryPath, ZipFilePath};
use rawzip::time::UtcDateTime;
use rawzip::{CompressionMethod, DataDescriptorOutput, ZipArchiveWriter};

use super::deflate::Deflater;
use crate::options::DEFAULT_TIME;
use crate::pack::output::Output;
use crate::tree::{Entry, EntryKind, bytes};

/// Kinds of files, in the upper bits of a Unix mode.
const DIRECTORY: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// The deflated content of an entry, or of a window of it.
pub(super) struct Part {
    name: Vec<u8>,
    /// With the kind of file.
    mode: u32,
    packed: Vec<u8>,
    crc: Crc,
    size: u64,
    is_last: bool,
}

impl Part {
    /// A whole entry.
    pub(super) fn whole(entry: &Entry, content: &[u8], deflater: &mut Deflater) -> io::Result<Part> {
        let mut part = Part::new(entry, content, true);
        if !part.name.ends_with(b"/") {
            part.packed = deflater.whole(content)?;
        }
        Ok(part)
    }

    /// A window of a file.
    pub(super) fn window(entry: &Entry, content: &[u8], is_last: bool, deflater: &mut Deflater) -> io::Result<Part> {
        let mut part = Part::new(entry, content, is_last);
        part.packed = deflater.window(content, is_last)?;
        Ok(part)
    }

    fn new(entry: &Entry, content: &[u8], is_last: bool) -> Part {
        let mut name = bytes(&entry.path).to_vec();
        let kind = match &entry.kind {
            EntryKind::Directory => {
                name.push(b'/');
                DIRECTORY
            }
            EntryKind::File(_) | EntryKind::Made(_) | EntryKind::HardLink(_) => FILE,
            EntryKind::Symlink(_) => LINK,
        };
        let mut crc = Crc::new();
        crc.update(content);
        Part { name, mode: kind | entry.mode, packed: Vec::new(), crc, size: content.len() as u64, is_last }
    }

    /// The name as it is, marked as UTF-8 where it is. The library would rather write some names otherwise
    /// (backslashes, colons): those it gets as bytes.
    fn path(&self) -> EntryPath<'_> {
        match std::str::from_utf8(&self.name) {
            Ok(text) if ZipFilePath::from_str(text).as_ref() == text => EntryPath::conformant(text),
            Ok(_) | Err(_) => EntryPath::verbatim(self.name.as_slice()),
        }
    }
}

/// Writes all parts. Where they end in the middle of a file, the caller knows it.
pub(super) fn write(mut parts: impl Iterator<Item = Part>, output: Output, time: u64) -> io::Result<Output> {
    // The format counts two seconds at a time, from 1980 on.
    let time = i64::try_from(time.max(DEFAULT_TIME) & !1).unwrap_or(i64::MAX);
    let time = UtcDateTime::from_unix(time);
    let mut archive = ZipArchiveWriter::new(BufWriter::new(output));
    while let Some(part) = parts.next() {
        if part.name.ends_with(b"/") {
            let directory = archive.new_dir(part.path()).unix_permissions(part.mode).last_modified(time);
            directory.create().map_err(io::Error::other)?;
        } else {
            file(&mut archive, part, &mut parts, time).map_err(io::Error::other)?;
        }
    }
    let output = archive.finish().map_err(io::Error::other)?;
    output.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Writes a file: its first part and those that follow.
fn file(
    archive: &mut ZipArchiveWriter<BufWriter<Output>>,
    mut part: Part,
    parts: &mut impl Iterator<Item = Part>,
    time: UtcDateTime,
) -> Result<(), rawzip::Error> {
    let file = archive.new_file(part.path()).unix_permissions(part.mode).last_modified(time);
    let (mut file, _) = file.compression_method(CompressionMethod::DEFLATE).start()?;
    let (mut crc, mut size) = (Crc::new(), 0);
    loop {
        file.write_all(&part.packed)?;
        crc.combine(&part.crc);
        size += part.size;
        if part.is_last {
            break;
        }
        let Some(next) = parts.next() else { break };
        part = next;
    }
    file.finish(DataDescriptorOutput::new(crc.sum(), size))?;
    Ok(())
}
