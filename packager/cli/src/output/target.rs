//! Where an answer goes: standard output, or a file that appears only when it is whole.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bobbin::unique;
use bobbin_blocks::{BlockReader, WriteError};
use bytes::Bytes;

use super::Destination;
use crate::args::Format;

/// Standard output, or a file.
#[derive(Debug)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A local file, written beside its final name and renamed at the end.
    Local {
        /// Its final name.
        path: PathBuf,
        /// Its name while it is written.
        temporary: PathBuf,
    },
    /// A file on HDFS, written here and copied there at the end.
    Hdfs {
        /// Where it goes.
        url: String,
        /// The name here of what is to be copied.
        temporary: PathBuf,
    },
}

/// The file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Here.
    #[error("write --output {}", path.display())]
    Local {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Where it is to be.
    #[error("--output")]
    Place(#[source] WriteError),
}

impl TargetError {
    /// The exit code that the contract gives this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            TargetError::Local { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => 77,
            TargetError::Local { .. } => 66,
            TargetError::Place(source) => source.exit_code(),
        }
    }
}

const BUFFER: usize = 256 << 10;

impl Target {
    /// The target of `--output`, or standard output.
    pub fn new(output: Option<&str>) -> Target {
        let Some(output) = output else { return Target::Stdout };
        let unique = unique();
        match output.split_once("://") {
            // Unlike any other scheme, hdfs: is also written with one slash.
            parts if output.starts_with("hdfs:/") || parts.is_some_and(|(scheme, _)| scheme != "file") => {
                let temporary = std::env::temp_dir().join(format!(".bobbin-output-{unique}.tmp"));
                Target::Hdfs { url: output.to_owned(), temporary }
            }
            split => {
                let path = PathBuf::from(split.map_or(output, |(_, path)| path));
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let temporary = path.with_file_name(format!(".{name}.{unique}.tmp"));
                Target::Local { path, temporary }
            }
        }
    }

    /// Whether rows go to standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(self, Target::Stdout)
    }

    /// Whether rows go to a file on HDFS.
    pub fn is_on_hdfs(&self) -> bool {
        matches!(self, Target::Hdfs { .. })
    }

    /// The format where none was asked for: by the file's suffix; a table on a terminal; else CSV.
    pub fn format(&self) -> Format {
        let name = match self {
            Target::Stdout if io::stdout().is_terminal() => return Format::Table,
            Target::Stdout => return Format::Csv,
            Target::Local { path, .. } => path.as_path(),
            Target::Hdfs { url, .. } => Path::new(url),
        };
        match name.extension().and_then(|suffix| suffix.to_str()) {
            Some("json" | "jsonl" | "ndjson") => Format::Json,
            Some("arrow" | "arrows" | "ipc") => Format::Arrow,
            Some("parquet") => Format::Parquet,
            Some("txt") => Format::Table,
            _ => Format::Csv,
        }
    }

    /// Whether it could be written now: an answer that has no place is not worth computing.
    pub async fn check(&self, reader: &BlockReader) -> Result<(), TargetError> {
        let place = match self {
            Target::Stdout => return Ok(()),
            Target::Local { path, .. } => path.to_string_lossy().into_owned(),
            Target::Hdfs { url, .. } => url.clone(),
        };
        reader.check_writable(&place).await.map_err(TargetError::Place)
    }

    /// Opens it for writing.
    pub fn open(&self) -> Result<Destination, TargetError> {
        let Some(temporary) = self.temporary() else {
            return Ok(Box::new(BufWriter::with_capacity(BUFFER, io::stdout())));
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        if matches!(self, Target::Hdfs { .. }) {
            // Below a directory of everybody's, what is on its way to HDFS is nobody else's business.
            options.mode(0o600);
        }
        let file = options.open(temporary).map_err(|source| self.failed(source))?;
        Ok(Box::new(BufWriter::with_capacity(BUFFER, file)))
    }

    /// Gives the whole file its name.
    pub async fn commit(&self, reader: &BlockReader) -> Result<(), TargetError> {
        match self {
            Target::Stdout => Ok(()),
            Target::Local { path, temporary } => std::fs::rename(temporary, path).map_err(|source| self.failed(source)),
            Target::Hdfs { url, temporary } => {
                let file = File::open(temporary).map_err(|source| self.failed(source))?;
                let written = reader.write_file(url, futures::stream::iter(pieces(file)), true);
                written.await.map(drop).map_err(TargetError::Place)
            }
        }
    }

    fn temporary(&self) -> Option<&Path> {
        match self {
            Target::Stdout => None,
            Target::Local { temporary, .. } | Target::Hdfs { temporary, .. } => Some(temporary),
        }
    }

    fn failed(&self, source: io::Error) -> TargetError {
        let path = match self {
            Target::Stdout => PathBuf::from("-"),
            Target::Local { path, .. } => path.clone(),
            Target::Hdfs { temporary, .. } => temporary.clone(),
        };
        TargetError::Local { path, source }
    }
}

impl Drop for Target {
    /// Removes what was written of a file that is not whole, however its writing ended.
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary() {
            // It may never have been made, or have its final name by now.
            let _ = std::fs::remove_file(temporary);
        }
    }
}

/// The pieces of a file, in order.
fn pieces(mut file: File) -> impl Iterator<Item = Result<Bytes, Box<dyn std::error::Error + Send + Sync>>> + Send {
    std::iter::from_fn(move || {
        let mut piece = Vec::with_capacity(BUFFER);
        match file.by_ref().take(BUFFER as u64).read_to_end(&mut piece) {
            Ok(0) => None,
            Ok(_) => Some(Ok(piece.into())),
            Err(error) => Some(Err(error.into())),
        }
    })
}
