//! Making files independent of the place where they were installed: YARN unpacks them read-only, in a place that nobody
//! knows before.
//!
//! ```text
//! content on disk -- by kind of file --> the same without the old prefix: relative, or computed when it runs
//!                                        or with a placeholder that unpacking replaces (fixups.rs)
//!                                        or as it was, and named in a list (Remain)
//! ```

mod elf;
mod large;
mod prefix;
mod pyc;
mod script;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::elf::is_elf;
use crate::fixups::{Fixup, FixupMode};
use crate::tree::{Entry, bytes};

pub(crate) use large::{Large, patch};
pub(crate) use prefix::Prefixes;

/// Stands in text files where the prefix will be.
pub(crate) const PLACEHOLDER: &str = "/opt/bobbin-prefix-placeholder";

/// How the files of one environment are relocated.
#[derive(Debug, Default)]
pub(crate) struct Relocation {
    /// The places that files may name: the environment's own, and its interpreter's.
    pub(crate) prefixes: Prefixes,
    /// The place where the archive will be unpacked, where the user has said it.
    pub(crate) destination: Option<PathBuf>,
    /// Files that conda has recorded to hold the prefix.
    pub(crate) records: BTreeMap<PathBuf, Record>,
    /// The interpreter, where it is packed with a virtual environment: its path in the archive.
    pub(crate) interpreter: Option<PathBuf>,
    /// Whether the environment is packed without its interpreter.
    pub(crate) without_interpreter: bool,
    /// Directories of the archive in which the interpreter's libraries are looked for.
    pub(crate) libraries: Vec<PathBuf>,
    /// Modification times (seconds) and sizes of Python sources, by their paths in the archive.
    pub(crate) sources: HashMap<Vec<u8>, (i64, u64)>,
    /// Modification time of everything in the archive.
    pub(crate) time: u64,
}

/// How conda has written the prefix into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// What stood there before.
    pub(crate) placeholder: String,
    /// Whether the text keeps its length, with NULs after it.
    pub(crate) binary: bool,
}

/// A file whose content names the old prefix and could not be freed of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Remain {
    /// Its path in the archive.
    pub path: String,
    /// Where in it.
    pub place: Place,
    /// Whether unpacking with `yarn-submit` puts it right.
    pub fixed_at_unpacking: bool,
}

/// Where a file names the old prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// The first line of a script: it does not start.
    Shebang,
    /// The text of a program.
    Program,
    /// Where a library looks for others.
    LibraryPath,
    /// A path that Python adds to its own.
    PythonPath,
    /// Text.
    Text,
    /// Data of a binary file.
    Data,
    /// The interpreter's own idea of where it was installed, which it replaces by where it is.
    Harmless,
}

impl Place {
    /// For people.
    pub fn text(self) -> &'static str {
        match self {
            Place::Shebang => "its first line",
            Place::Program => "a program's text",
            Place::LibraryPath => "its library path",
            Place::PythonPath => "a path for Python",
            Place::Text => "text",
            Place::Data => "data",
            Place::Harmless => "the interpreter's default, which is not used",
        }
    }

    /// Whether something does not work with the old prefix there.
    pub(crate) fn matters(self) -> bool {
        match self {
            Place::Shebang | Place::Program | Place::LibraryPath | Place::PythonPath => true,
            Place::Text | Place::Data | Place::Harmless => false,
        }
    }
}

/// A file's content as it goes into the archive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Relocated {
    pub(crate) content: Vec<u8>,
    pub(crate) fixup: Option<Fixup>,
    pub(crate) remains: Vec<Place>,
}

impl Relocated {
    fn same(content: Vec<u8>) -> Relocated {
        Relocated { content, fixup: None, remains: Vec::new() }
    }
}

impl Relocation {
    /// The content of the file `entry`, free of the old prefix as far as that is possible.
    ///
    /// # Errors
    /// What is wrong with a program or library that has to be changed.
    pub(crate) fn apply(&self, entry: &Entry, content: Vec<u8>) -> Result<Relocated, String> {
        if entry.path.extension().is_some_and(|extension| extension == "pyc") {
            return Ok(pyc::relocate(self, &entry.path, content));
        }
        let is_interpreter = self.interpreter.as_deref() == Some(&entry.path);
        if !is_interpreter && !self.prefixes.is_in(&content) {
            return Ok(Relocated::same(content));
        }
        if is_elf(&content) {
            return elf::relocate(self, entry, content);
        }
        if let Some(record) = self.records.get(&entry.path).filter(|record| record.binary) {
            return Ok(self.binary_record(entry, content, record));
        }
        if content.contains(&0) {
            return Ok(Relocated { content, fixup: None, remains: vec![Place::Data] });
        }
        Ok(text::relocate(self, entry, content))
    }

    /// The time and size of the source that the compiled file at `path` belongs to: its header depends on them.
    pub(crate) fn source_of(&self, path: &Path) -> Option<(i64, u64)> {
        self.sources.get(bytes(&pyc::source_of(path)?)).copied()
    }

    /// What remains of a file, for the report.
    pub(crate) fn remain(&self, path: &Path, relocated: &Relocated) -> Vec<Remain> {
        let path = path.to_string_lossy().into_owned();
        let fixed = relocated.fixup.is_some();
        relocated
            .remains
            .iter()
            .map(|place| Remain { path: path.clone(), place: *place, fixed_at_unpacking: fixed })
            .collect()
    }

    /// Data in which conda has written the prefix over a longer placeholder: the placeholder again, so that any shorter
    /// prefix can be written there, or the destination.
    fn binary_record(&self, entry: &Entry, content: Vec<u8>, record: &Record) -> Relocated {
        let destination = self.destination.as_deref().map(bytes);
        let new = destination.unwrap_or(record.placeholder.as_bytes());
        match self.prefixes.replace_padded(&content, new, record.placeholder.len()) {
            Some(content) if destination.is_some() => Relocated::same(content),
            Some(content) => Relocated {
                content,
                fixup: Fixup::new(&entry.path, &record.placeholder, FixupMode::Binary),
                remains: vec![Place::Data],
            },
            None => Relocated { content, fixup: None, remains: vec![Place::Data] },
        }
    }
}
