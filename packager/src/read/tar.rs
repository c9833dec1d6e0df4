//! Tar streams.

use std::cell::Cell;
use std::io::{self, Read};

use tar::{EntryType, Header};

use super::metered::Metered;
use super::{Counted, Item, Kind, Meter, Stop, Visitor, limits::PIECE, metered::fill};

/// Bytes of a block.
const BLOCK: u64 = 512;
/// What describes an entry (its long name, its extensions) has no more bytes: it is held in memory.
const DESCRIPTION: u64 = 1 << 20;

/// Reads a tar stream through, and what follows its end: padding, and the sums at the end of a compressed stream.
pub(super) fn read<V: Visitor>(
    stream: &mut dyn Read,
    meter: &mut Meter,
    visitor: &mut Counted<'_, V>,
) -> Result<(), Stop<V::Error>> {
    let state = State { allowed: Cell::new(DESCRIPTION), zeros: Cell::new(0) };
    let mut archive = tar::Archive::new(Watched { stream, state: &state });
    let mut entries = archive.entries().map_err(Stop::Read)?;
    loop {
        state.allow(DESCRIPTION);
        let Some(entry) = entries.next() else { break };
        state.allow(u64::MAX);
        let mut entry = entry.map_err(Stop::Read)?;
        let path = entry.path_bytes().into_owned();
        let target = entry.link_name_bytes().unwrap_or_default().into_owned();
        let header = entry.header();
        let Some(kind) = kind(header, &target) else { continue };
        let (mode, time) = (header.mode().map_err(Stop::Read)?, header.mtime().unwrap_or_default());
        meter.entry()?;
        let item = Item { path: &path, kind, mode, time, size: entry.size() };
        let mut content = Metered::new(&mut entry, item.size, meter);
        let outcome = visitor.visit(&item, &mut content);
        content.finish(outcome)?;
    }
    if state.zeros.get() < BLOCK {
        return Err(Stop::Read(io::Error::new(io::ErrorKind::UnexpectedEof, "its end is missing")));
    }
    state.allow(u64::MAX);
    rest(&mut archive.into_inner(), meter)
}

/// What nobody unpacks costs time.
fn rest<E>(stream: &mut dyn Read, meter: &mut Meter) -> Result<(), Stop<E>> {
    let mut piece = vec![0; PIECE];
    loop {
        match fill(stream, &mut piece).map_err(Stop::Read)? {
            0 => return Ok(()),
            length => meter.piece(&piece[..length])?,
        }
    }
}

/// The stream, which notices what the library does not: a description that would fill the memory, and an archive that
/// ends between two entries, without the zeros at its end.
struct Watched<'a> {
    stream: &'a mut dyn Read,
    state: &'a State,
}

struct State {
    /// Bytes that may be read before the next entry begins.
    allowed: Cell<u64>,
    /// Zeros that were read last.
    zeros: Cell<u64>,
}

impl State {
    fn allow(&self, bytes: u64) {
        self.allowed.set(bytes);
        self.zeros.set(0);
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = self.state.allowed.get();
        if allowed == 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the name of an entry has no end"));
        }
        let most = usize::try_from(allowed).map_or(buffer.len(), |allowed| allowed.min(buffer.len()));
        let length = self.stream.read(&mut buffer[..most])?;
        if allowed < u64::MAX {
            self.state.allowed.set(allowed - length as u64);
            let zeros = buffer[..length].iter().rev().take_while(|byte| **byte == 0).count();
            let before = if zeros == length { self.state.zeros.get() } else { 0 };
            self.state.zeros.set(before + zeros as u64);
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
