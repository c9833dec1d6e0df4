//! Tar streams.

use std::io::{self, Read};

use tar::{EntryType, Header};

use super::{Item, Kind, Meter, Stop, Visitor};

/// Reads a tar stream through, and what follows its end: padding, and the sums at the end of a compressed stream.
pub(super) fn read<V: Visitor>(
    stream: &mut dyn Read,
    meter: &mut Meter,
    visitor: &mut V,
) -> Result<(), Stop<V::Error>> {
    let mut archive = tar::Archive::new(stream);
    let entries = archive.entries().map_err(Stop::Read)?;
    for entry in entries {
        let mut entry = entry.map_err(Stop::Read)?;
        let path = entry.path_bytes().into_owned();
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        let header = entry.header();
        let Some(kind) = kind(header, &target) else { continue };
        let (mode, time) = (header.mode().map_err(Stop::Read)?, header.mtime().unwrap_or_default());
        meter.entry()?;
        let item = Item { path: &path, kind, mode, time, size: entry.size() };
        let mut content = Metered { inner: &mut entry, left: item.size, meter, stop: None };
        let outcome = visitor.visit(&item, &mut content);
        if let Some(stop) = content.stop.take() {
            return Err(stop);
        }
        outcome?;
        io::copy(&mut entry, &mut io::sink()).map_err(Stop::Read)?;
    }
    io::copy(archive.into_inner(), &mut io::sink()).map_err(Stop::Read)?;
    Ok(())
}

/// Counts content, and notices when it ends too early.
pub(super) struct Metered<'a, R, E> {
    pub(super) inner: R,
    pub(super) left: u64,
    pub(super) meter: &'a mut Meter,
    pub(super) stop: Option<Stop<E>>,
}

impl<R: Read, E> Read for Metered<'_, R, E> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        if length == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(length as u64);
        if let Err(stop) = self.meter.content(&buffer[..length]) {
            self.stop = Some(stop);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(length)
    }
}

/// What an entry is; `None` for those that only describe the archive (global headers).
fn kind<'a>(header: &Header, target: &'a [u8]) -> Option<Kind<'a>> {
    let kind = header.entry_type();
    if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
        Some(Kind::File)
    } else if kind.is_dir() {
        Some(Kind::Directory)
    } else if kind.is_symlink() {
        Some(Kind::Symlink { target })
    } else if kind.is_hard_link() {
        Some(Kind::HardLink { target })
    } else if kind == EntryType::XGlobalHeader {
        None
    } else if kind.is_fifo() {
        Some(Kind::Special { kind: "pipe" })
    } else if kind.is_block_special() || kind.is_character_special() {
        Some(Kind::Special { kind: "device" })
    } else {
        Some(Kind::Special { kind: "entry of an unknown kind" })
    }
}
