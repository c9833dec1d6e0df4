//! Reading an archive through once.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use serde::{Deserialize, Serialize};
use tar::{EntryType, Header};

use crate::contents::{Contents, Kind, Style};
use crate::error::{ArchiveError, Defect};
use crate::format::{self, Format};

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
pub fn inspect(path: &Path) -> Result<Archive, ArchiveError> {
    let (format, file) = format::open(path)?;
    let packed_bytes = file.metadata().map_err(|source| ArchiveError::Open { path: path.to_owned(), source })?.len();
    let mut file = io::BufReader::with_capacity(256 << 10, file);
    let mut reading = Reading::default();
    if format.is_compressed() {
        reading.run(path, &mut MultiGzDecoder::new(&mut file))?;
    } else {
        reading.run(path, &mut file)?;
    }
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
        nested_in: contents.nested_in().map(str::to_owned),
        has_interpreter: contents.has_interpreter(),
        packed_bytes,
    })
}

/// What has been read so far; the counts are part of the message when the rest cannot be read.
#[derive(Default)]
struct Reading {
    contents: Contents,
    entries: u64,
    unpacked_bytes: u64,
}

impl Reading {
    fn run(&mut self, path: &Path, stream: &mut impl Read) -> Result<(), ArchiveError> {
        let mut archive = tar::Archive::new(stream);
        self.entries(path, &mut archive)?;
        // What follows the last entry is padding; reading it checks the sum at the end of the compressed stream.
        let rest = io::copy(archive.into_inner(), &mut io::sink());
        rest.map(drop).map_err(|source| self.corrupt(path, source))
    }

    fn entries<R: Read>(&mut self, path: &Path, archive: &mut tar::Archive<R>) -> Result<(), ArchiveError> {
        let entries = archive.entries().map_err(|source| self.corrupt(path, source))?;
        for entry in entries {
            let mut entry = entry.map_err(|source| self.corrupt(path, source))?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let is_text = std::str::from_utf8(&entry.path_bytes()).is_ok();
            let target = entry.link_name_bytes().map(|target| String::from_utf8_lossy(&target).into_owned());
            if !is_text {
                return Err(ArchiveError::Entry { path: path.to_owned(), entry: name, defect: Defect::NotText });
            }
            if let Some(kind) = kind(entry.header(), target.as_deref().unwrap_or_default()) {
                let added = self.contents.add(&name, kind);
                added.map_err(|defect| ArchiveError::Entry { path: path.to_owned(), entry: name, defect })?;
                self.entries += 1;
            }
            let copied = io::copy(&mut entry, &mut io::sink());
            let length = copied.map_err(|source| self.corrupt(path, source))?;
            if length < entry.size() {
                return Err(self.corrupt(path, io::ErrorKind::UnexpectedEof.into()));
            }
            self.unpacked_bytes += length;
        }
        Ok(())
    }

    fn corrupt(&self, path: &Path, source: io::Error) -> ArchiveError {
        let (entries, unpacked_bytes) = (self.entries, self.unpacked_bytes);
        ArchiveError::Corrupt { path: path.to_owned(), entries, unpacked_bytes, source }
    }
}

/// What an entry is; `None` for those that only describe the archive (global headers).
fn kind<'a>(header: &Header, target: &'a str) -> Option<Kind<'a>> {
    let kind = header.entry_type();
    let executable = header.mode().is_ok_and(|mode| mode & 0o111 != 0);
    if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
        Some(Kind::File { executable })
    } else if kind.is_dir() {
        Some(Kind::Directory)
    } else if kind.is_symlink() {
        Some(Kind::Link { target })
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
