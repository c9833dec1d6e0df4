//! Writes whole files: under a temporary name, then renamed.

mod sink;
mod target;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use crate::error::{Cause, WriteError};
use crate::local::own_user;

use self::target::CREATE;

pub(crate) use sink::Sink;
pub(crate) use target::{LOOK, MAKE_DIRECTORY, Target};

const RENAME: &str = "rename the temporary file";

/// Writes a local file; gives the number of its bytes.
pub(crate) async fn to_local<S>(path: &Path, url: &str, content: S, overwrite: bool) -> Result<u64, WriteError>
where
    S: Stream<Item = Result<Bytes, Cause>> + Send,
{
    if !overwrite && fs::symlink_metadata(path).is_ok() {
        return Err(WriteError::Exists { url: url.to_owned() });
    }
    let temporary = Temporary(temporary_beside(path));
    let written = fill(Sink::local(&temporary.0, url)?, url, content).await?;
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

/// Renames a local file or directory. Without `overwrite`, an existing name is an error.
pub(crate) fn rename(from: &Path, to: &Path, overwrite: bool) -> io::Result<()> {
    if overwrite {
        return fs::rename(from, to);
    }
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // File systems that do not know the flag: a hard link refuses an existing name as well.
        Err(Errno::INVAL | Errno::NOSYS) => fs::hard_link(from, to),
        other => Ok(other?),
    }
}

/// The error of a local step.
pub(crate) fn local_error(url: &str, step: &'static str, error: io::Error) -> WriteError {
    let url = url.to_owned();
    if error.kind() == io::ErrorKind::AlreadyExists {
        return WriteError::Exists { url };
    }
    let misses_parent = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    if [CREATE, MAKE_DIRECTORY].contains(&step) && misses_parent {
        return WriteError::NoDirectory { url };
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

/// A text that no other writer uses: process, time, and a number.
pub(crate) fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{}-{}-{}", std::process::id(), now.as_nanos(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Writes a file of HDFS; gives the number of its bytes.
pub(crate) async fn to_hdfs<S>(target: Target, content: S, overwrite: bool) -> Result<u64, WriteError>
where
    S: Stream<Item = Result<Bytes, Cause>> + Send,
{
    if !overwrite && target.exists().await? {
        return Err(WriteError::Exists { url: target.url });
    }
    let temporary = temporary_beside(Path::new(&target.path)).to_string_lossy().into_owned();
    let written = fill_hdfs(&target, &temporary, content).await;
    let renamed = match written {
        Ok(written) => rename_hdfs(&target, &temporary, overwrite).await.map(|()| written),
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
pub(crate) async fn check_hdfs(target: Target) -> Result<(), WriteError> {
    if target.look().await?.is_some_and(|status| status.isdir) {
        return Err(WriteError::Directory { url: target.url });
    }
    let temporary = temporary_beside(Path::new(&target.path)).to_string_lossy().into_owned();
    let made = fill_hdfs(&target, &temporary, futures::stream::empty()).await;
    target.remove(&temporary).await;
    made.map(drop)
}

async fn fill_hdfs<S>(target: &Target, temporary: &str, content: S) -> Result<u64, WriteError>
where
    S: Stream<Item = Result<Bytes, Cause>> + Send,
{
    fill(Sink::hdfs(target.clone(), temporary).await?, &target.url, content).await
}

/// Writes all of the content and closes the file.
async fn fill<S>(mut sink: Sink, url: &str, content: S) -> Result<u64, WriteError>
where
    S: Stream<Item = Result<Bytes, Cause>> + Send,
{
    let mut content = pin!(content);
    while let Some(piece) = content.next().await {
        sink.write(piece.map_err(|source| WriteError::Producer { url: url.to_owned(), source })?).await?;
    }
    sink.close().await
}

async fn rename_hdfs(target: &Target, temporary: &str, overwrite: bool) -> Result<(), WriteError> {
    let (from, to) = (temporary.to_owned(), target.path.clone());
    target.step(RENAME, |client| async move { client.rename(&from, &to, overwrite).await }).await
}
