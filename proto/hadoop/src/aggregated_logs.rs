//! YARN's aggregated log files, which a NodeManager leaves in HDFS after an application: one file a node, all logs of
//! all its containers in it. Two formats, told apart by their first bytes: TFile (YARN's default) and the indexed one.
//!
//! Nothing here does IO: the caller brings a function that reads a range of the file.

mod directories;
mod indexed;
mod java;
mod stream;
mod tfile;
mod tfile_number;

use std::error::Error;
use std::io::{self, Read};

use bytes::Bytes;

use stream::{Compression, Content, Region};

pub use directories::directories;

/// Suffix of files that a NodeManager has not finished.
pub const UNFINISHED_SUFFIX: &str = ".tmp";
/// Suffix of the file beside an indexed file whose last round of aggregation was not finished.
pub const CHECKSUM_SUFFIX: &str = "-checksum";

/// More logs than this in one file are no logs.
const MAX_LOGS: usize = 1_000_000;
/// Logs are read, and handed on, in pieces of this many bytes.
const PIECE: usize = 64 * 1024;

/// Reads this many bytes at this offset of the file; fewer only at its end.
pub type ReadAt<'a> = &'a mut dyn FnMut(u64, usize) -> Result<Bytes, Box<dyn Error + Send + Sync>>;

/// Takes the next piece of a log.
pub type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<()>;

/// Why an aggregated log file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be read, or its compressed bytes are damaged, or the sink refused.
    #[error("read {what}")]
    Read {
        /// Which part of the file.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another kind of file, or one that is not finished.
    #[error("not an aggregated log file, or not a complete one: {reason}")]
    Format {
        /// What is missing.
        reason: &'static str,
    },
    /// The file contradicts itself.
    #[error("{what} is damaged: {reason}")]
    Damaged {
        /// Which part of the file.
        what: &'static str,
        /// What does not fit.
        reason: &'static str,
    },
    /// Compressed in a way that we cannot undo.
    #[error(
        "logs are compressed with {name:?}; none and gz can be read \
         (yarn.nodemanager.log-aggregation.compression-type chooses)"
    )]
    Compression {
        /// Hadoop's name for it.
        name: String,
    },
}

impl LogError {
    fn read(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { what, source }
    }
}

/// One log of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Such as `container_1700000000000_0007_01_000001`.
    pub container: String,
    /// Such as `stdout`.
    pub name: String,
    /// Its length, uncompressed.
    pub size: u64,
    /// When it was last written, in milliseconds; TFile does not say.
    pub modified_ms: Option<i64>,
    place: Place,
}

/// Where a log's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Chunks(tfile::Place),
    Whole { region: Region, compression: Compression },
}

/// Which part of a log is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// At most this many bytes at its end.
    Tail(u64),
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregatedLogs {
    /// The user whose application it was, where the file says so.
    pub owner: Option<String>,
    /// The logs, by container, then by name.
    pub logs: Vec<LogFile>,
}

impl AggregatedLogs {
    /// Reads the table of contents of a file of `length` bytes. For an indexed file that has a checksum file beside
    /// it, `length` is what [`checksum_length`] says.
    pub fn open(length: u64, read: ReadAt<'_>) -> Result<Self, LogError> {
        let first = stream::read_exact(read, 0, tfile::MAGIC.len(), length, "first bytes of the log file")?;
        let mut logs = match first[..] == tfile::MAGIC {
            true => tfile::open(length, read)?,
            false => indexed::open(length, read)?,
        };
        logs.logs.sort_by(|left, right| (&left.container, &left.name).cmp(&(&right.container, &right.name)));
        Ok(logs)
    }

    /// The containers, in order, each once.
    pub fn containers(&self) -> Vec<&str> {
        let mut containers: Vec<&str> = self.logs.iter().map(|log| log.container.as_str()).collect();
        containers.dedup();
        containers
    }
}

impl LogFile {
    /// Hands the bytes of this log to `sink`, piece by piece.
    pub fn read(&self, part: Part, read: ReadAt<'_>, sink: Sink<'_>) -> Result<(), LogError> {
        let what = "a container's log";
        let skip = match part {
            Part::Whole => 0,
            Part::Tail(bytes) => self.size.saturating_sub(bytes),
        };
        let mut content: Box<dyn Read + '_> = match &self.place {
            Place::Chunks(place) => Box::new(place.content(self.size, skip, read)?),
            Place::Whole { region, compression } => {
                let mut content = Content::open(*region, *compression, read);
                content.skip(skip).map_err(LogError::read(what))?;
                Box::new(content.take(self.size - skip))
            }
        };
        let copied = copy(&mut content, sink).map_err(LogError::read(what))?;
        if copied < self.size - skip {
            return Err(LogError::Damaged { what, reason: "it is shorter than the index says" });
        }
        Ok(())
    }
}

/// The length to which an indexed file is valid, from the content of its checksum file; 0 means that it is empty.
pub fn checksum_length(content: &[u8]) -> Option<u64> {
    let bytes = content.first_chunk::<8>()?;
    u64::try_from(i64::from_be_bytes(*bytes)).ok()
}

fn copy(from: &mut dyn Read, sink: Sink<'_>) -> io::Result<u64> {
    let mut piece = vec![0; PIECE];
    let mut copied = 0;
    loop {
        let length = match from.read(&mut piece) {
            Ok(0) => return Ok(copied),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        sink(&piece[..length])?;
        copied += length as u64;
    }
}
