//! What can go wrong while an environment is packed.

use std::io;
use std::path::{Path, PathBuf};

use crate::filter::BadPattern;
use crate::format::UnknownSuffix;

/// Why there is no archive. Nothing is left of one that was begun, and an older one is as it was.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// There is nothing to pack.
    #[error("{}: there is no such directory; name the environment with --prefix", .0.display())]
    NoDirectory(PathBuf),
    /// A directory without anything in it.
    #[error("{}: the directory is empty", .0.display())]
    Empty(PathBuf),
    /// A file or directory of the environment cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A socket, pipe or device.
    #[error("{} is a {kind}; environments hold files, directories and links: leave it out with --exclude", path.display())]
    Special {
        /// Which.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// A file is not what it was when packing began.
    #[error("{} {what} while it was being packed; pack again when nobody writes into the environment", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
        /// What happened to it.
        what: &'static str,
    },
    /// Links that would lead nowhere on a node.
    #[error("{} out of the environment, or nowhere:{}leave them out with --ignore-missing or --exclude, or put the files there", if .0.len() == 1 { "1 link leads".to_owned() } else { format!("{} links lead", .0.len()) }, list(.0))]
    Links(Vec<String>),
    /// Files that packages say they have.
    #[error("{} missing from installed packages:{}install these packages again, or go on with --ignore-missing", count_are(.0.len(), "file"), list(.0))]
    MissingFiles(Vec<String>),
    /// Packages whose code is elsewhere.
    #[error("{} installed in editable mode, so that their code is not in the environment:{}install them without -e, or go on without their code: --ignore-editable", count_are(.0.len(), "package"), list(.0))]
    Editable(Vec<String>),
    /// Places that would be wrong on a node.
    #[error("{} of the environment would look for files in its old place on a node:{}install what made them again, or allow them by name: --allow-prefix GLOB", count(.0.len(), "file"), list(.0))]
    Prefixes(Vec<String>),
    /// The interpreter of a virtual environment cannot be packed with it.
    #[error("pack the interpreter of {}: {reason}; --no-interpreter leaves it out", environment.display())]
    Interpreter {
        /// The virtual environment.
        environment: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A program or library that cannot be made independent of its place.
    #[error("make {} independent of its place: {reason}; install it again, or leave it out with --exclude", path.display())]
    Relocate {
        /// Its path in the archive.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A library that the interpreter needs is not on this machine.
    #[error("{} needs the library {library}, which is not on this machine; install it, or leave the interpreter out: --no-interpreter", program.display())]
    Library {
        /// Who needs it.
        program: PathBuf,
        /// Its name.
        library: String,
    },
    /// Two files under one path.
    #[error("{} and {} would have the same path {} in the archive; leave one out with --exclude", first.display(), second.display(), path.display())]
    Collision {
        /// The path.
        path: PathBuf,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A pattern of the user's.
    #[error("read the patterns")]
    Pattern(#[from] BadPattern),
    /// The archive's name does not say its format.
    #[error("name the archive")]
    Suffix(#[from] UnknownSuffix),
    /// The archive cannot be written.
    #[error("write {}", path.display())]
    Write {
        /// The archive.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The archive would be packed into itself.
    #[error("{} would be inside of the environment {} that it is packed from; name another place with --output", path.display(), root.display())]
    OutputInside {
        /// The archive.
        path: PathBuf,
        /// The environment.
        root: PathBuf,
    },
    /// The archive would have a directory's name.
    #[error("{} is a directory; name a file", .0.display())]
    OutputIsDirectory(PathBuf),
    /// There is an archive already.
    #[error("{} exists and is not an archive that was packed from this environment; replace it with --force", .0.display())]
    Exists(PathBuf),
    /// A prefix that cannot be written in place of a longer one.
    #[error("--dest-prefix {}: {reason}", prefix.display())]
    DestPrefix {
        /// The prefix.
        prefix: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytecode cannot be made.
    #[error("compile the environment's Python files: {0}")]
    Compile(String),
    /// Packing was interrupted.
    #[error("interrupted; no archive was written")]
    Interrupted,
}

impl PackError {
    /// A failure to read one file; a file that is gone has changed.
    pub(crate) fn read(path: &Path, source: io::Error) -> PackError {
        if source.kind() == io::ErrorKind::NotFound {
            return PackError::Changed { path: path.to_owned(), what: "vanished" };
        }
        PackError::Read { path: path.to_owned(), source }
    }
}

/// Lines that are shown of a long list.
const SHOWN: usize = 10;

fn list(items: &[String]) -> String {
    let mut text: String = items.iter().take(SHOWN).map(|item| format!("\n  {item}")).collect();
    if items.len() > SHOWN {
        text.push_str(&format!("\n  and {} more", items.len() - SHOWN));
    }
    text.push('\n');
    text
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn count_are(number: usize, noun: &str) -> String {
    format!("{} {}", count(number, noun), if number == 1 { "is" } else { "are" })
}
