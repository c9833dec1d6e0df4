//! An open file: windows of its bytes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::counters::ReadCounters;
use crate::error::ReadError;
use crate::file::FileRef;
use crate::hdfs::HdfsFile;
use crate::local::LocalFile;

/// A file that was found as it had been planned.
#[derive(Debug)]
pub struct OpenFile {
    file: FileRef,
    source: Source,
}

/// Where the bytes come from.
#[derive(Debug)]
pub(crate) enum Source {
    Local(LocalFile, Arc<ReadCounters>),
    Hdfs(Box<HdfsFile>),
}

impl OpenFile {
    pub(crate) fn new(file: FileRef, source: Source) -> OpenFile {
        OpenFile { file, source }
    }

    /// The file.
    pub fn file(&self) -> &FileRef {
        &self.file
    }

    /// The bytes from `offset`, at most `len` of them and never beyond the end of the file. They can be fewer, where a
    /// block or an 8 MiB window ends, but they are never none before the end of the file (unless `len` is 0); ask again
    /// behind them.
    ///
    /// The bytes may be mapped from a file: drop them after use, mapped pages count against the container. Local disks are
    /// read on the calling thread; connections are driven by the runtime in which the reader was made.
    ///
    /// # Errors
    /// The file changed or cannot be read; for HDFS, no replica can.
    pub async fn window(&mut self, offset: u64, len: usize) -> Result<Bytes, ReadError> {
        if offset >= self.file.len || len == 0 {
            return Ok(Bytes::new());
        }
        match &mut self.source {
            Source::Hdfs(file) => file.window(offset, len).await,
            Source::Local(file, counters) => {
                let bytes = file.window(offset, len)?;
                counters.local_file.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                Ok(bytes)
            }
        }
    }
}
