//! Writes whole files: under a temporary name, then renamed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use hdfs_native::client::WriteOptions;
use hdfs_native::file::FileWriter;
use hdfs_native::{Client, HdfsError};
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use tokio::time::timeout;

use crate::error::{Cause, WriteError};
use crate::hdfs::{Hdfs, NameSpace, NativeError, is_access_denied};
use crate::local::own_user;

/// hdfs-native retries inside this limit; without one it can hang for minutes.
const STEP_LIMIT: Duration = Duration::from_secs(60);

const CREATE: &str = "create a temporary file beside it";
const WRITE: &str = "write the temporary file";
const CLOSE: &str = "close the temporary file";
const RENAME: &str = "rename the temporary file";

/// A file of HDFS to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) hdfs: &'a Arc<Hdfs>,
    pub(crate) space: &'a Arc<NameSpace>,
    pub(crate) path: &'a str,
    /// What messages call it.
    pub(crate) url: &'a str,
}

/// Writes a local file; gives the number of its bytes.
pub(crate) async fn to_local<S>(path: &Path, url: &str, content: S, overwrite: bool) -> Result<u64, WriteError>
where
    S: Stream<Item = Result<Bytes, Cause>> + Send,
{
    if !overwrite && fs::symlink_metadata(path).is_ok() {
        return Err(WriteError::Exists { url: url.to_owned() });
    }
    let temporary = Temporary(temporary_beside(path));
    let mut file = File::create_new(&temporary.0).map_err(|error| local_error(url, CREATE, error))?;
    let mut content = pin!(content);
    let mut written = 0;
    while let Some(part) = content.next().await {
        let part = part.map_err(|source| WriteError::Producer { url: url.to_owned(), source })?;
        file.write_all(&part).map_err(|error| local_error(url, WRITE, error))?;
        written += part.len() as u64;
    }
    file.sync_all().map_err(|error| local_error(url, CLOSE, error))?;
    rename(&temporary.0, path, overwrite).map_err(|error| local_error(url, RENAME, error))?;
    Ok(written)
}

/// Removes the temporary file unless it was renamed away.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn rename(from: &Path, to: &Path, overwrite: bool) -> io::Result<()> {
    if overwrite {
        return fs::rename(from, to);
    }
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // File systems that do not know the flag: a hard link refuses an existing name as well.
        Err(Errno::INVAL | Errno::NOSYS) => fs::hard_link(from, to),
        other => Ok(other?),
    }
}

fn local_error(url: &str, step: &'static str, error: io::Error) -> WriteError {
    let url = url.to_owned();
    if error.kind() == io::ErrorKind::AlreadyExists {
        return WriteError::Exists { url };
    }
    if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) {
        return WriteError::PermissionDenied { url, user: own_user(), source: Box::new(error) };
    }
    WriteError::Failed { url, step, source: Box::new(error) }
}

/// A name beside `path` that listings leave out.
fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("_{name}.{}.part", unique()))
}

/// A text that no other writer uses: process and time.
fn unique() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}", std::process::id(), now.as_nanos())
}

/// Writes a file of HDFS; gives the number of its bytes.
pub(crate) async fn to_hdfs<S>(target: Target<'_>, content: S, overwrite: bool) -> Result<u64, WriteError>
where
    S: Stream<Item = Result<Bytes, Cause>> + Send,
{
    if !overwrite && target.exists().await? {
        return Err(WriteError::Exists { url: target.url.to_owned() });
    }
    let temporary = temporary_beside(Path::new(target.path)).to_string_lossy().into_owned();
    let written = target.fill(&temporary, content).await;
    let renamed = match written {
        Ok(written) => target.rename(&temporary, overwrite).await.map(|()| written),
        Err(error) => Err(error),
    };
    if renamed.is_err() {
        let asked = temporary.clone();
        let removed =
            target.step("remove the temporary file", |client| async move { client.delete(&asked, false).await });
        if let Err(error) = removed.await {
            tracing::warn!(%temporary, %error, "a temporary file stays behind");
        }
    }
    renamed
}

impl Target<'_> {
    async fn exists(&self) -> Result<bool, WriteError> {
        let path = self.path.to_owned();
        let look = self.step("look whether it exists", |client| async move {
            match client.get_file_info(&path).await {
                Ok(_) => Ok(true),
                Err(HdfsError::FileNotFound(_)) => Ok(false),
                Err(error) => Err(error),
            }
        });
        look.await
    }

    async fn fill<S>(&self, temporary: &str, content: S) -> Result<u64, WriteError>
    where
        S: Stream<Item = Result<Bytes, Cause>> + Send,
    {
        let path = temporary.to_owned();
        let create = |client: Client| async move { client.create(&path, WriteOptions::default()).await };
        let mut writer = self.step(CREATE, create).await?;
        let mut content = pin!(content);
        let mut written = 0;
        while let Some(part) = content.next().await {
            let part = part.map_err(|source| WriteError::Producer { url: self.url.to_owned(), source })?;
            written += part.len() as u64;
            writer = self.step(WRITE, |_| write_part(writer, part)).await?;
        }
        self.step(CLOSE, |_| async move { writer.close().await }).await?;
        Ok(written)
    }

    async fn rename(&self, temporary: &str, overwrite: bool) -> Result<(), WriteError> {
        let (from, to) = (temporary.to_owned(), self.path.to_owned());
        self.step(RENAME, |client| async move { client.rename(&from, &to, overwrite).await }).await
    }

    /// One step on the reader's runtime, in bounded time.
    async fn step<T, F>(&self, step: &'static str, work: impl FnOnce(Client) -> F) -> Result<T, WriteError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, HdfsError>> + Send + 'static,
    {
        let failed = |source| WriteError::Failed { url: self.url.to_owned(), step, source };
        let work = work(self.space.native.clone());
        match self.hdfs.drive(async move { timeout(STEP_LIMIT, work).await }).await {
            Ok(Ok(result)) => result.map_err(|error| self.native_error(step, error)),
            Ok(Err(_)) => Err(failed(format!("no answer for {} s", STEP_LIMIT.as_secs()).into())),
            Err(interrupted) => Err(failed(Box::new(interrupted))),
        }
    }

    fn native_error(&self, step: &'static str, error: HdfsError) -> WriteError {
        let url = self.url.to_owned();
        if matches!(error, HdfsError::AlreadyExists(_)) {
            return WriteError::Exists { url };
        }
        let denied = is_access_denied(&error);
        let source = Box::new(NativeError::from(error));
        if denied {
            return WriteError::PermissionDenied { url, user: self.hdfs.user().to_owned(), source };
        }
        WriteError::Failed { url, step, source }
    }
}

async fn write_part(mut writer: FileWriter, part: Bytes) -> Result<FileWriter, HdfsError> {
    writer.write_bytes(part).await?;
    Ok(writer)
}
