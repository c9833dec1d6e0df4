//! The few name-space operations and writes that submitting needs, each with a time limit and an error that says what
//! it was about. The library under it would try for minutes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hdfs_native::client::FileStatus;
use hdfs_native::file::{FileReader, FileWriter};
use hdfs_native::{Client, ClientBuilder, HdfsError as NativeError, WriteOptions};
use tokio::io::AsyncReadExt;

use super::urls::Location;

/// A client of one file system, acting as one user.
#[derive(Clone, Debug)]
pub struct Hdfs {
    client: Client,
    file_system: Location,
}

/// An open file; cheap to clone.
#[derive(Clone)]
pub struct HdfsFile {
    hdfs: Hdfs,
    path: String,
    reader: Arc<FileReader>,
}

/// What the NameNode says about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path, without the file system.
    pub path: String,
    /// Length of a file, bytes.
    pub size: u64,
    /// Modification time, Unix milliseconds.
    pub modified_ms: u64,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Permission bits.
    pub permission: u16,
    /// Who owns it.
    pub owner: String,
}

/// An operation on HDFS failed.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {location}")]
pub struct HdfsError {
    /// What we were doing: `create`, `rename`.
    pub operation: &'static str,
    /// To what.
    pub location: String,
    /// Why it failed.
    #[source]
    pub failure: HdfsFailure,
}

/// Why an operation on HDFS failed.
#[derive(Debug, thiserror::Error)]
pub enum HdfsFailure {
    /// There is no such path.
    #[error("no such file or directory")]
    NotFound,
    /// There is one already.
    #[error("it exists already")]
    Exists,
    /// The user may not.
    #[error("not permitted: {0}")]
    Denied(String),
    /// The NameNode takes no writes.
    #[error(
        "the NameNode is in safe mode and takes no writes; wait until it has left it (hdfs dfsadmin -safemode get)"
    )]
    SafeMode,
    /// A quota of a directory is used up.
    #[error(
        "a quota is used up ({0}); remove files there, or have it raised (hdfs dfsadmin -setQuota, -setSpaceQuota)"
    )]
    Quota(String),
    /// No answer in time.
    #[error("no answer within {:.0} s; is HDFS up, and are its DataNodes reachable from here?", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The local file to copy from cannot be read.
    #[error("read the local file")]
    Local(#[source] std::io::Error),
    /// The file system cannot be used at all.
    #[error("HDFS failed")]
    Other(#[source] NativeError),
}

/// Time limit of one operation on the name space, and of one write of [`CHUNK`] bytes.
const LIMIT: Duration = Duration::from_secs(20);
const WRITE_LIMIT: Duration = Duration::from_secs(60);
const CHUNK: usize = 1 << 20;

impl Hdfs {
    /// A client of `file_system`; connects at the first operation.
    pub fn new(
        file_system: Location,
        properties: impl IntoIterator<Item = (String, String)>,
        user: &str,
    ) -> Result<Hdfs, HdfsError> {
        let builder = ClientBuilder::new().with_url(file_system.to_string()).with_config(properties).with_user(user);
        let client = builder.build().map_err(|error| HdfsError {
            operation: "use file system",
            location: file_system.to_string(),
            failure: HdfsFailure::Other(error),
        })?;
        Ok(Hdfs { client, file_system })
    }

    /// The file system that this is a client of.
    pub fn file_system(&self) -> &Location {
        &self.file_system
    }

    /// What is at a path; `None` when nothing is.
    pub async fn entry(&self, path: &str) -> Result<Option<Entry>, HdfsError> {
        match self.limited("look up", path, LIMIT, self.client.get_file_info(path)).await {
            Ok(status) => Ok(Some(status.into())),
            Err(HdfsError { failure: HdfsFailure::NotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is in a directory.
    pub async fn list(&self, path: &str) -> Result<Vec<Entry>, HdfsError> {
        let listing = self.limited("list", path, LIMIT, self.client.list_status(path, false)).await?;
        Ok(listing.into_iter().map(Entry::from).collect())
    }

    /// Makes a directory and its parents; one that exists is left as it is.
    pub async fn make_directory(&self, path: &str, permission: u32) -> Result<(), HdfsError> {
        self.limited("make directory", path, LIMIT, self.client.mkdirs(path, permission, true)).await
    }

    /// Gives a path another name that nobody has.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), HdfsError> {
        self.limited("rename to", to, LIMIT, self.client.rename(from, to, false)).await
    }

    /// Removes a path and all below it; false when there was nothing.
    pub async fn remove(&self, path: &str) -> Result<bool, HdfsError> {
        match self.limited("remove", path, LIMIT, self.client.delete(path, true)).await {
            Err(HdfsError { failure: HdfsFailure::NotFound, .. }) => Ok(false),
            other => other,
        }
    }

    /// Sets the modification and access times of a path, Unix milliseconds.
    pub async fn set_times(&self, path: &str, milliseconds: u64) -> Result<(), HdfsError> {
        self.limited("set times of", path, LIMIT, self.client.set_times(path, milliseconds, milliseconds)).await
    }

    /// Sets the permission bits of a path.
    pub async fn set_permission(&self, path: &str, permission: u32) -> Result<(), HdfsError> {
        self.limited("set permission of", path, LIMIT, self.client.set_permission(path, permission)).await
    }

    /// Opens a file for reading anywhere in it.
    pub async fn open(&self, path: &str) -> Result<HdfsFile, HdfsError> {
        let reader = self.limited("open", path, LIMIT, self.client.read(path)).await?;
        Ok(HdfsFile { hdfs: self.clone(), path: path.to_owned(), reader: Arc::new(reader) })
    }

    /// Writes a new file of these bytes.
    pub async fn write(&self, path: &str, bytes: Bytes, permission: u32) -> Result<(), HdfsError> {
        let mut writer = self.create(path, permission, bytes.len() as u64).await?;
        self.limited("write", path, WRITE_LIMIT, writer.write_bytes(bytes)).await?;
        self.limited("close", path, WRITE_LIMIT, writer.close()).await
    }

    /// Copies a local file to a new file; `written` hears of every piece.
    pub async fn upload(
        &self,
        local: &Path,
        path: &str,
        permission: u32,
        written: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), HdfsError> {
        let unreadable = |source| self.error("upload", path, HdfsFailure::Local(source));
        let mut file = tokio::fs::File::open(local).await.map_err(unreadable)?;
        let length = file.metadata().await.map_err(unreadable)?.len();
        let mut writer = self.create(path, permission, length).await?;
        loop {
            let mut chunk = Vec::with_capacity(CHUNK);
            (&mut file).take(CHUNK as u64).read_to_end(&mut chunk).await.map_err(unreadable)?;
            if chunk.is_empty() {
                return self.limited("close", path, WRITE_LIMIT, writer.close()).await;
            }
            let length = chunk.len() as u64;
            self.limited("write", path, WRITE_LIMIT, writer.write_bytes(chunk.into())).await?;
            written(length);
        }
    }

    /// A file of one block: a second block is refused while no DataNode has reported the first one, which the writer does
    /// not wait for.
    async fn create(&self, path: &str, permission: u32, length: u64) -> Result<FileWriter, HdfsError> {
        let options = WriteOptions::default().permission(permission).overwrite(false).create_parent(true);
        let options = options.block_size(block_size(length));
        self.limited("create", path, LIMIT, self.client.create(path, options)).await
    }

    async fn limited<T>(
        &self,
        operation: &'static str,
        path: &str,
        limit: Duration,
        future: impl Future<Output = Result<T, NativeError>>,
    ) -> Result<T, HdfsError> {
        match tokio::time::timeout(limit, future).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.error(operation, path, failure_of(error))),
            Err(_) => Err(self.error(operation, path, HdfsFailure::TimedOut(limit))),
        }
    }

    fn error(&self, operation: &'static str, path: &str, failure: HdfsFailure) -> HdfsError {
        HdfsError { operation, location: self.file_system.at(path).to_string(), failure }
    }
}

impl HdfsFile {
    /// Length, bytes.
    pub fn size(&self) -> u64 {
        self.reader.file_length() as u64
    }

    /// Reads bytes; fewer at the end of the file.
    pub async fn read(&self, offset: u64, length: usize) -> Result<Bytes, HdfsError> {
        // The library panics beyond the end.
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.reader.file_length());
        let length = length.min(self.reader.file_length() - start);
        if length == 0 {
            return Ok(Bytes::new());
        }
        self.hdfs.limited("read", &self.path, WRITE_LIMIT, self.reader.read_range(start, length)).await
    }
}

impl From<FileStatus> for Entry {
    fn from(status: FileStatus) -> Self {
        Entry {
            path: status.path,
            size: status.length as u64,
            modified_ms: status.modification_time,
            is_directory: status.isdir,
            permission: status.permission,
            owner: status.owner,
        }
    }
}

impl Entry {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// The library hands most exceptions of the NameNode through as class and message; decide by the class.
fn failure_of(error: NativeError) -> HdfsFailure {
    if matches!(error, NativeError::FileNotFound(_)) {
        return HdfsFailure::NotFound;
    }
    if matches!(error, NativeError::AlreadyExists(_)) {
        return HdfsFailure::Exists;
    }
    let (NativeError::RPCError(class, message) | NativeError::FatalRPCError(class, message)) = &error else {
        return HdfsFailure::Other(error);
    };
    let first_line = || message.lines().next().unwrap_or_default().to_owned();
    match class.rsplit('.').next().unwrap_or_default() {
        "AccessControlException" | "AuthorizationException" => HdfsFailure::Denied(first_line()),
        "FileNotFoundException" => HdfsFailure::NotFound,
        "FileAlreadyExistsException" => HdfsFailure::Exists,
        "SafeModeException" => HdfsFailure::SafeMode,
        "NSQuotaExceededException" | "DSQuotaExceededException" | "QuotaExceededException" => {
            HdfsFailure::Quota(first_line())
        }
        _ => HdfsFailure::Other(error),
    }
}

/// A block that holds `length` bytes: Hadoop's usual 128 MiB, or more in whole MiB, as blocks are of whole checksums.
fn block_size(length: u64) -> u64 {
    length.max(128 << 20).next_multiple_of(1 << 20).min(MOST_BLOCK)
}

/// The largest block that we ask for; longer files have several.
const MOST_BLOCK: u64 = 8 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_block() {
        assert_eq!(block_size(0), 128 << 20);
        assert_eq!(block_size(200_000_001), 191 << 20);
        assert_eq!(block_size(u64::MAX / 2), MOST_BLOCK);
    }

    #[test]
    fn failures_are_told_apart_by_class() {
        let of = |class: &str| failure_of(NativeError::RPCError(class.to_owned(), "why\n\tat java.lang".to_owned()));
        let denied = of("org.apache.hadoop.security.AccessControlException");
        assert!(matches!(&denied, HdfsFailure::Denied(reason) if reason == "why"), "{denied}");
        assert!(matches!(of("org.apache.hadoop.hdfs.server.namenode.SafeModeException"), HdfsFailure::SafeMode));
        assert!(matches!(of("java.io.FileNotFoundException"), HdfsFailure::NotFound));
        assert!(matches!(of("java.lang.IllegalStateException"), HdfsFailure::Other(_)));
    }
}
