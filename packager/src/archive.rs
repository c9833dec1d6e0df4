//! Reading an archive through once, without unpacking it.

use std::convert::Infallible;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::contents::{Contents, Style};
use crate::error::{ArchiveError, Defect};
use crate::format::{self, Format};
use crate::read::{self, Failure, Item, Kind, Limits, Stop, Visitor};

/// An archive that can be unpacked on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Where it is.
    pub path: PathBuf,
    /// How it is packed.
    pub format: Format,
    /// Entries in it.
    pub entries: u64,
    /// Bytes of its files, unpacked.
    pub unpacked_bytes: u64,
    /// What kind of environment its root is.
    pub style: Style,
    /// The only directory at its root, where that directory and not the root is an environment: packed one level too
    /// high for an environment.
    pub nested_in: Option<String>,
    /// Whether there is a Python interpreter at `bin/python` or `bin/python3`.
    pub has_interpreter: bool,
    /// Length of the packed file, bytes.
    pub packed_bytes: u64,
}

/// Reads the archive at `path` through: every entry can be unpacked, none leads out of the directory it is unpacked
/// into, and nothing is cut off.
///
/// # Errors
/// What is wrong with it.
pub fn inspect(path: &Path) -> Result<Archive, ArchiveError> {
    let (format, file) = format::open(path)?;
    let packed_bytes = file.metadata().map_err(|source| ArchiveError::Open { path: path.to_owned(), source })?.len();
    let mut reading = Reading { format, contents: Contents::default(), entries: 0, unpacked_bytes: 0 };
    read::read(path, (format, file), &Limits::default(), &mut reading).map_err(|failure| match failure {
        Failure::Archive(error) => error,
        Failure::Visitor(never) => match never {},
    })?;
    let contents = reading.contents;
    if reading.entries == 0 {
        return Err(ArchiveError::Empty { path: path.to_owned() });
    }
    if let Some(entry) = contents.dead_interpreter() {
        return Err(ArchiveError::Entry { path: path.to_owned(), entry, defect: Defect::NotExecutable });
    }
    Ok(Archive {
        path: path.to_owned(),
        format,
        entries: reading.entries,
        unpacked_bytes: reading.unpacked_bytes,
        style: contents.style(),
        nested_in: contents.nested_in(),
        has_interpreter: contents.has_interpreter(),
        packed_bytes,
    })
}

/// What has been read so far.
struct Reading {
    format: Format,
    contents: Contents,
    entries: u64,
    unpacked_bytes: u64,
}

impl Visitor for Reading {
    type Error = Infallible;

    fn visit(&mut self, item: &Item<'_>, content: &mut dyn Read) -> Result<(), Stop<Infallible>> {
        if self.format.is_unpacked_by_yarn() && std::str::from_utf8(item.path).is_err() {
            return Err(Stop::Defect(Defect::NotText));
        }
        if self.format == Format::Zip && matches!(item.kind, Kind::Symlink { .. }) {
            return Err(Stop::Defect(Defect::LinkInZip));
        }
        self.contents.add(item.path, item.kind, item.mode).map_err(Stop::Defect)?;
        self.unpacked_bytes += read::drain(content, item.size).map_err(Stop::Read)?;
        self.entries += 1;
        Ok(())
    }
}
