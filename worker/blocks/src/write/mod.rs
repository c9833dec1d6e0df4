//! Writes whole files: under a temporary name, then renamed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use hdfs_native::client::FileStatus;
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

/// Block size of a NameNode that names none.
const USUAL_BLOCK: u64 = 128 << 20;

const CREATE: &str = "create a temporary file beside it";
const WRITE: &str = "write the temporary file";
const CLOSE: &str = "close the temporary file";
const APPEND: &str = "open the temporary file again after some blocks";
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
        target.remove(&temporary).await;
    }
    renamed
}

/// Whether a local file could be written, as far as that can be told without writing it.
pub(crate) fn check_local(path: &Path, url: &str) -> Result<(), WriteError> {
    if path.is_dir() {
        return Err(WriteError::Directory { url: url.to_owned() });
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if parent.is_some_and(|parent| !parent.exists()) {
        return Err(WriteError::NoDirectory { url: url.to_owned() });
    }
    Ok(())
}

/// Whether a file of HDFS could be written: makes an empty one beside it and removes it again.
pub(crate) async fn check_hdfs(target: Target<'_>) -> Result<(), WriteError> {
    if target.look().await?.is_some_and(|status| status.isdir) {
        return Err(WriteError::Directory { url: target.url.to_owned() });
    }
    let temporary = temporary_beside(Path::new(target.path)).to_string_lossy().into_owned();
    let content = futures::stream::empty();
    let made = target.fill(&temporary, content).await;
    target.remove(&temporary).await;
    made.map(drop)
}

impl Target<'_> {
    async fn exists(&self) -> Result<bool, WriteError> {
        Ok(self.look().await?.is_some())
    }

    async fn look(&self) -> Result<Option<FileStatus>, WriteError> {
        let path = self.path.to_owned();
        let look = self.step("look whether it exists", |client| async move {
            match client.get_file_info(&path).await {
                Ok(status) => Ok(Some(status)),
                Err(HdfsError::FileNotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        });
        look.await
    }

    /// Removes a temporary file that nobody wants any more.
    async fn remove(&self, temporary: &str) {
        let asked = temporary.to_owned();
        let removed =
            self.step("remove the temporary file", |client| async move { client.delete(&asked, false).await });
        if let Err(error) = removed.await {
            tracing::warn!(%temporary, %error, "a temporary file stays behind");
        }
    }

    /// Writes the content. The NameNode refuses a third block while no DataNode has reported the first, and the library
    /// cannot ask again; so the file is closed, which waits for the reports, and opened again after every second block.
    async fn fill<S>(&self, temporary: &str, content: S) -> Result<u64, WriteError>
    where
        S: Stream<Item = Result<Bytes, Cause>> + Send,
    {
        let path = temporary.to_owned();
        let options = self.hdfs.new_file();
        let create = |client: Client| async move {
            let writer = client.create(&path, options).await?;
            let status = client.get_file_info(&path).await?;
            Ok((writer, status.blocksize))
        };
        let (mut writer, block_size) = self.step(CREATE, create).await?;
        let stretch = stretch(block_size);
        let mut content = pin!(content);
        let (mut written, mut room) = (0, stretch);
        while let Some(part) = content.next().await {
            let mut part = part.map_err(|source| WriteError::Producer { url: self.url.to_owned(), source })?;
            written += part.len() as u64;
            while !part.is_empty() {
                if room == 0 {
                    writer = self.reopen(writer, temporary).await?;
                    room = stretch;
                }
                let piece = part.split_to(part.len().min(room));
                room -= piece.len();
                writer = self.step(WRITE, |_| write_part(writer, piece)).await?;
            }
        }
        self.step(CLOSE, |_| async move { writer.close().await }).await?;
        Ok(written)
    }

    async fn reopen(&self, mut writer: FileWriter, temporary: &str) -> Result<FileWriter, WriteError> {
        let path = temporary.to_owned();
        let reopen = |client: Client| async move {
            writer.close().await?;
            client.append(&path).await
        };
        self.step(APPEND, reopen).await
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
        // Of all steps, only this one has a name that may be missing: that of the directory.
        if (step == CREATE && has_no_directory(&error)) || is_below_a_file(&error) {
            return WriteError::NoDirectory { url };
        }
        let denied = is_access_denied(&error);
        let source = Box::new(NativeError::from(error));
        if denied {
            return WriteError::PermissionDenied { url, user: self.hdfs.user().to_owned(), source };
        }
        WriteError::Failed { url, step, source }
    }
}

/// True when the directory of a new file is missing, or no directory.
fn has_no_directory(error: &HdfsError) -> bool {
    let (HdfsError::RPCError(class, _) | HdfsError::FatalRPCError(class, _)) = error else {
        return matches!(error, HdfsError::FileNotFound(_));
    };
    class.ends_with(".FileNotFoundException") || class.ends_with(".ParentNotDirectoryException")
}

/// True when something on the way is a file. The NameNode calls that a lack of permission.
fn is_below_a_file(error: &HdfsError) -> bool {
    is_access_denied(error) && error.to_string().contains("(is not a directory)")
}

/// Bytes that are written between two openings: two whole blocks.
fn stretch(block_size: Option<u64>) -> usize {
    let block_size = block_size.filter(|size| *size > 0).unwrap_or(USUAL_BLOCK);
    usize::try_from(block_size.saturating_mul(2)).unwrap_or(usize::MAX)
}

async fn write_part(mut writer: FileWriter, part: Bytes) -> Result<FileWriter, HdfsError> {
    writer.write_bytes(part).await?;
    Ok(writer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_two_whole_blocks() {
        assert_eq!(stretch(Some(1 << 20)), 2 << 20);
        assert_eq!(stretch(Some(0)), 256 << 20);
        assert_eq!(stretch(None), 256 << 20);
        assert_eq!(stretch(Some(u64::MAX)), usize::MAX);
    }

    #[test]
    fn a_missing_directory_is_told_from_other_refusals() {
        let of = |class: &str| has_no_directory(&HdfsError::RPCError(class.to_owned(), String::new()));
        assert!(of("java.io.FileNotFoundException"));
        assert!(of("org.apache.hadoop.fs.ParentNotDirectoryException"));
        assert!(!of("org.apache.hadoop.hdfs.server.namenode.SafeModeException"));
    }
}
