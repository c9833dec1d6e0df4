//! Whether an environment works where nothing of its old place is left: it is unpacked anew, looked through, and its
//! interpreter imports what is in it, in a file system that has the C library and little else.

mod libraries;
mod places;
mod python;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::contents::Style;
use crate::unpack::{UnpackError, UnpackOptions, unpack};

pub use libraries::MissingLibrary;
pub use python::{Import, Interpreter};

/// What to verify.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Modules to import; none: every top-level module.
    pub imports: Vec<String>,
    /// Where to unpack for the time of the test; absent: the system's directory for temporary files.
    pub directory: Option<PathBuf>,
    /// How to unpack.
    pub unpack: UnpackOptions,
    /// Do not import anything.
    pub without_imports: bool,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Verification {
    /// What kind of environment it is.
    pub style: Style,
    /// Files, links and directories.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Its interpreter, where it has one that starts.
    pub interpreter: Option<Interpreter>,
    /// Why its interpreter does not start.
    pub interpreter_failure: Option<String>,
    /// Modules and what became of importing them.
    pub imports: Vec<Import>,
    /// Libraries that are needed and found neither in the environment nor on this machine.
    pub missing_libraries: Vec<MissingLibrary>,
    /// Libraries, beyond the C library's own, that every node must have.
    pub node_libraries: Vec<String>,
    /// Links that lead nowhere.
    pub broken_links: Vec<String>,
    /// Files that name places outside of the environment where they should not.
    pub foreign_places: Vec<String>,
    /// Why other places could not be hidden from the interpreter; absent: they were.
    pub not_hidden: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why an environment cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// There is no room for it.
    #[error("make a directory for the test in {}", directory.display())]
    Directory {
        /// Where.
        directory: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// What was unpacked cannot be read.
    #[error("read what was unpacked: {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl Verification {
    /// Whether it will work on a node that has the libraries of [`Verification::node_libraries`].
    pub fn is_good(&self) -> bool {
        self.interpreter_failure.is_none()
            && self.imports.iter().all(|import| import.failure.is_none())
            && self.missing_libraries.is_empty()
            && self.broken_links.is_empty()
            && self.foreign_places.is_empty()
    }
}

/// Unpacks and verifies the environment at `archive`. `stop` ends it when it becomes true.
///
/// # Errors
/// When it cannot be unpacked; everything else is in the answer.
pub fn verify(archive: &Path, options: &VerifyOptions, stop: &AtomicBool) -> Result<Verification, VerifyError> {
    let began = Instant::now();
    let parent = options.directory.clone().unwrap_or_else(std::env::temp_dir);
    let room = tempfile::Builder::new().prefix("bobbin-verify.").tempdir_in(&parent);
    let room = room.map_err(|source| VerifyError::Directory { directory: parent, source })?;
    let root = room.path().join("environment");
    let place = python::Place::choose(room.path(), &root);
    let unpack_options = UnpackOptions { prefix: Some(place.prefix().to_owned()), ..options.unpack.clone() };
    let unpacked = unpack(archive, &root, &unpack_options, stop)?;
    let tree = places::Tree::read(&root)?;
    let libraries = libraries::check(&root, &tree);
    let mut verification = Verification {
        style: unpacked.style,
        entries: unpacked.entries,
        bytes: unpacked.bytes,
        interpreter: None,
        interpreter_failure: None,
        imports: Vec::new(),
        missing_libraries: libraries.missing,
        node_libraries: libraries.of_node.into_iter().collect(),
        broken_links: tree.broken_links(&root),
        foreign_places: tree.foreign_places(&root, place.prefix()),
        not_hidden: place.not_hidden(),
        elapsed: Duration::ZERO,
    };
    if root.join("bin/python").exists() {
        match place.interpreter() {
            Ok(interpreter) => {
                let modules = match options.imports.as_slice() {
                    [] => python::top_level(&root, &interpreter),
                    modules => modules.to_vec(),
                };
                if !options.without_imports {
                    verification.imports = place.import(&modules, stop);
                }
                verification.interpreter = Some(interpreter);
            }
            Err(failure) => verification.interpreter_failure = Some(failure),
        }
    } else if !options.imports.is_empty() {
        verification.interpreter_failure = Some("there is no bin/python to import with".to_owned());
    }
    verification.elapsed = began.elapsed();
    Ok(verification)
}
