//! Reading an archive through, entry by entry, whatever its format. Nothing in it is trusted.

mod decode;
mod limits;
mod metered;
mod tar;
mod zip;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{ArchiveError, Defect};
use crate::format::Format;
use crate::paths;

pub use limits::Limits;
pub(crate) use limits::{LARGE, Meter, PIECE, is_zero};
pub(crate) use metered::{drain, fill};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    Directory,
    File,
    Symlink { target: &'a [u8] },
    HardLink { target: &'a [u8] },
    Special { kind: &'static str },
}

/// One entry, as the archive has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) kind: Kind<'a>,
    pub(crate) mode: u32,
    /// Modification time, Unix seconds.
    pub(crate) time: u64,
    /// Bytes of its content, as the archive says.
    pub(crate) size: u64,
}

/// Why reading ends early.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    /// The archive's stream is broken.
    Read(io::Error),
    /// An entry must not be unpacked.
    Defect(Defect),
    /// It is too much.
    Limit(String),
    /// The visitor has a reason of its own.
    Visitor(E),
}

/// Takes entries, in the archive's order.
pub(crate) trait Visitor {
    /// Reasons of its own to end.
    type Error;

    /// Takes one entry; `content` is that of a file.
    fn visit(&mut self, item: &Item<'_>, content: &mut dyn Read) -> Result<(), Stop<Self::Error>>;
}

/// What ended the reading of an archive.
pub(crate) enum Failure<E> {
    Archive(ArchiveError),
    Visitor(E),
}

/// Reads the archive at `path` through.
pub(crate) fn read<V: Visitor>(
    path: &Path,
    (format, file): (Format, File),
    limits: &Limits,
    visitor: &mut V,
) -> Result<(), Failure<V::Error>> {
    let length = file.metadata().map(|metadata| metadata.len());
    let open = |source| Failure::Archive(ArchiveError::Open { path: path.to_owned(), source });
    let mut meter = Meter::new(limits, length.map_err(open)?);
    let mut counted = Counted { visitor, entries: 0, bytes: 0, name: Vec::new() };
    let outcome = match format {
        Format::Zip => zip::read(&file, &mut meter, &mut counted),
        Format::TarGz | Format::Tgz | Format::Tar | Format::TarZst => {
            decode::with_stream(format, file, |stream| tar::read(stream, &mut meter, &mut counted))
        }
    };
    outcome.map_err(|stop| counted.failure(path, meter.packed(), stop))
}

/// Counts what goes through: the message says how much was good.
struct Counted<'a, V> {
    visitor: &'a mut V,
    entries: u64,
    bytes: u64,
    name: Vec<u8>,
}

impl<V: Visitor> Counted<'_, V> {
    /// The path of the entry that is looked at, for messages.
    fn name(&mut self, path: &[u8]) {
        self.name.clear();
        self.name.extend_from_slice(path);
    }

    fn visit(&mut self, item: &Item<'_>, content: &mut dyn Read) -> Result<(), Stop<V::Error>> {
        self.name(item.path);
        self.visitor.visit(item, content)?;
        self.entries += 1;
        if item.kind == Kind::File {
            self.bytes += item.size;
        }
        Ok(())
    }
}

impl<V> Counted<'_, V> {
    fn failure<E>(&self, path: &Path, packed_bytes: u64, stop: Stop<E>) -> Failure<E> {
        let path = path.to_owned();
        let way = "raise the limit with --max-size, --max-entries or --max-ratio";
        Failure::Archive(match stop {
            Stop::Read(source) => {
                ArchiveError::Corrupt { path, entries: self.entries, unpacked_bytes: self.bytes, source }
            }
            Stop::Defect(defect) => ArchiveError::Entry { path, entry: paths::text(&self.name), defect },
            Stop::Limit(limit) => ArchiveError::TooMuch { path, limit, packed_bytes, way },
            Stop::Visitor(error) => return Failure::Visitor(error),
        })
    }
}
