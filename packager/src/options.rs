//! What a user can say about packing.

use std::path::{Path, PathBuf};

use crate::failure::PackError;
use crate::filter::Filter;
use crate::filter::Patterns;
use crate::format::Format;

/// The modification time of everything in an archive where `SOURCE_DATE_EPOCH` says nothing: 1980-01-01, the oldest that
/// every format can express.
pub const DEFAULT_TIME: u64 = 315_532_800;

/// How to pack an environment.
#[derive(Clone, Debug)]
pub struct PackOptions {
    /// The environment's directory.
    pub prefix: PathBuf,
    /// The archive.
    pub output: PathBuf,
    /// Its format, where its name does not say it.
    pub format: Option<Format>,
    /// What goes in and what does not.
    pub patterns: Patterns,
    /// Files that may name the old prefix where that matters.
    pub allowed: Patterns,
    /// Level of compression: 0 to 12 for gzip, default 3; 1 to 19 for zstd, default 3.
    pub level: Option<i32>,
    /// Threads that read and compress.
    pub threads: usize,
    /// Leave the interpreter of a virtual environment out.
    pub without_interpreter: bool,
    /// Go on when files are missing.
    pub ignore_missing: bool,
    /// Go on when packages are installed in editable mode.
    pub ignore_editable: bool,
    /// Compile Python files.
    pub bytecode: bool,
    /// Where the archive will be unpacked, if that is known.
    pub destination: Option<PathBuf>,
    /// Modification time of everything in it, Unix seconds.
    pub time: u64,
    /// Replace a file that is no archive of this environment.
    pub force: bool,
    /// Directory in which to remember what was packed; absent: nothing is remembered.
    pub memory: Option<PathBuf>,
    /// Pack everything anew, whatever is remembered.
    pub fresh: bool,
}

impl PackOptions {
    /// Packs `prefix` into `output` with all defaults.
    pub fn new(prefix: impl Into<PathBuf>, output: impl Into<PathBuf>) -> PackOptions {
        PackOptions {
            prefix: prefix.into(),
            output: output.into(),
            format: None,
            patterns: Patterns::default(),
            allowed: Patterns::default(),
            level: None,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            without_interpreter: false,
            ignore_missing: false,
            ignore_editable: false,
            bytecode: false,
            destination: None,
            time: DEFAULT_TIME,
            force: false,
            memory: None,
            fresh: false,
        }
    }

    pub(crate) fn format(&self) -> Result<Format, PackError> {
        match self.format {
            Some(format) => Ok(format),
            None => Ok(Format::by_suffix(&self.output)?),
        }
    }

    pub(crate) fn output_path(&self) -> Result<PathBuf, PackError> {
        let failed = |source| PackError::Write { path: self.output.clone(), source };
        std::path::absolute(&self.output).map_err(failed)
    }

    /// Whether the user allows this file to name the old prefix.
    pub(crate) fn allows(&self, path: &str) -> bool {
        self.allowed.leaves_out(Path::new(path), false).is_some()
    }
}
