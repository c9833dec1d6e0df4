//! The indexed format: logs, each compressed on its own, and an index of them at the end, which is a Java object.
//!
//! ```text
//! mark · newline · logs · index · length of the index · mark
//! ```
//!
//! The mark is a hash of the application's id. Where logs are aggregated while the application runs, a file holds
//! several rounds of logs, and its last index names the logs of all of them.

use super::java::{Object, Stream, Unreadable, Value};
use super::stream::{Compression, Region, read_exact};
use super::{AggregatedLogs, LogError, LogFile, MAX_LOGS, Place, ReadAt};

const MARK: usize = 32;
const INDEX_LENGTH: usize = 4;
/// A million logs take some 150 MB; files have dozens.
const MAX_INDEX: u64 = 256 * 1024 * 1024;
const INDEX: &str = "index of the log file";

/// Reads the table of contents.
pub(super) fn open(length: u64, read: ReadAt<'_>) -> Result<AggregatedLogs, LogError> {
    if length == 0 {
        return Ok(AggregatedLogs { owner: None, logs: Vec::new() });
    }
    let tail = (INDEX_LENGTH + MARK) as u64;
    let index_end = length.checked_sub(tail).ok_or(LogError::Format { reason: "it is too short" })?;
    let first = read_exact(read, 0, MARK, length, INDEX)?;
    let last = read_exact(read, index_end, INDEX_LENGTH + MARK, length, INDEX)?;
    if first != last[INDEX_LENGTH..] {
        return Err(LogError::Format { reason: "the mark at its end is missing" });
    }
    let index_length = last.iter().take(INDEX_LENGTH).fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    if index_length > MAX_INDEX || index_length > index_end {
        return Err(LogError::Damaged { what: INDEX, reason: "its length is absurd" });
    }
    let index = read_exact(read, index_end - index_length, index_length as usize, length, INDEX)?;
    let stream = Stream::read(index).map_err(|Unreadable(reason)| LogError::Damaged { what: INDEX, reason })?;
    Contents { stream: &stream, file: length }.logs()
}

struct Contents<'a> {
    stream: &'a Stream,
    file: u64,
}

impl Contents<'_> {
    fn logs(&self) -> Result<AggregatedLogs, LogError> {
        let root = self.object(self.stream.first, "$IndexedLogsMeta")?;
        let compression = self.stream.text(root.field("compressName")).unwrap_or("none");
        let compression = Compression::from_name(compression)?;
        let mut logs = Vec::new();
        for round in self.elements(root.field("logMetas"))? {
            let round = self.object(*round, "$IndexedPerAggregationLogMeta")?;
            self.round(round, compression, &mut logs)?;
        }
        let owner = self.stream.text(root.field("user")).map(str::to_owned);
        Ok(AggregatedLogs { owner, logs })
    }

    /// One round of aggregation: a map from container to a list of logs.
    fn round(&self, round: &Object, compression: Compression, logs: &mut Vec<LogFile>) -> Result<(), LogError> {
        for entry in self.elements(round.field("logMetas"))?.chunks(2) {
            let [_container, list] = entry else {
                return Err(damaged("a container has no list of logs"));
            };
            for log in self.elements(*list)? {
                if logs.len() == MAX_LOGS {
                    return Err(damaged("it claims more than a million logs"));
                }
                logs.push(self.log(self.object(*log, "$IndexedFileLogMeta")?, compression)?);
            }
        }
        Ok(())
    }

    fn log(&self, log: &Object, compression: Compression) -> Result<LogFile, LogError> {
        let text = |name| self.stream.text(log.field(name)).map(str::to_owned).ok_or(damaged("a log has no name"));
        let number = |name| log.number(name).ok_or(damaged("a log has no size or place"));
        let region = Region::checked(number("startIndex")?, number("fileCompressedSize")?, self.file, INDEX)?;
        Ok(LogFile {
            container: text("containerId")?,
            name: text("fileName")?,
            size: u64::try_from(number("fileSize")?).map_err(|_| damaged("a log's size is negative"))?,
            modified_ms: log.number("lastModifiedTime"),
            place: Place::Whole { region, compression },
        })
    }

    fn elements(&self, value: Value) -> Result<&[Value], LogError> {
        let object = self.stream.object(value).ok_or(damaged("a collection is missing"))?;
        Ok(&object.elements)
    }

    fn object(&self, value: Value, class: &str) -> Result<&Object, LogError> {
        let object = self.stream.object(value).filter(|object| object.class.ends_with(class));
        object.ok_or(damaged("it is not the index of a log file"))
    }
}

fn damaged(reason: &'static str) -> LogError {
    LogError::Damaged { what: INDEX, reason }
}
