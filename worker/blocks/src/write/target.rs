//! One path of HDFS, for those who write: each step on the reader's runtime and in bounded time.

use std::sync::Arc;
use std::time::Duration;

use hdfs_native::client::FileStatus;
use hdfs_native::{Client, HdfsError};
use tokio::time::timeout;

use crate::error::WriteError;
use crate::hdfs::{Hdfs, NameSpace, NativeError, is_access_denied};

/// hdfs-native retries inside this limit; without one it can hang for minutes.
const STEP_LIMIT: Duration = Duration::from_secs(60);

pub(super) const CREATE: &str = "create a temporary file beside it";
pub(crate) const MAKE_DIRECTORY: &str = "make the directory";
pub(crate) const LOOK: &str = "look whether it exists";

/// A path of HDFS to be written.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) hdfs: Arc<Hdfs>,
    pub(crate) space: Arc<NameSpace>,
    pub(crate) path: String,
    /// What messages call it.
    pub(crate) url: String,
}

impl Target {
    pub(super) async fn exists(&self) -> Result<bool, WriteError> {
        Ok(self.look().await?.is_some())
    }

    /// What is there.
    pub(crate) async fn look(&self) -> Result<Option<FileStatus>, WriteError> {
        let path = self.path.clone();
        let look = self.step(LOOK, |client| async move {
            match client.get_file_info(&path).await {
                Ok(status) => Ok(Some(status)),
                Err(HdfsError::FileNotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        });
        look.await
    }

    /// Removes a temporary file that nobody wants any more.
    pub(super) async fn remove(&self, temporary: &str) {
        let asked = temporary.to_owned();
        let removed =
            self.step("remove the temporary file", |client| async move { client.delete(&asked, false).await });
        if let Err(error) = removed.await {
            tracing::warn!(%temporary, %error, "a temporary file stays behind");
        }
    }

    /// One step on the reader's runtime, in bounded time.
    pub(crate) async fn step<T, F>(&self, step: &'static str, work: impl FnOnce(Client) -> F) -> Result<T, WriteError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, HdfsError>> + Send + 'static,
    {
        let failed = |source| WriteError::Failed { url: self.url.clone(), step, source };
        let work = work(self.space.native.clone());
        match self.hdfs.drive(async move { timeout(STEP_LIMIT, work).await }).await {
            Ok(Ok(result)) => result.map_err(|error| self.native_error(step, error)),
            Ok(Err(_)) => Err(failed(format!("no answer for {} s", STEP_LIMIT.as_secs()).into())),
            Err(interrupted) => Err(failed(Box::new(interrupted))),
        }
    }

    fn native_error(&self, step: &'static str, error: HdfsError) -> WriteError {
        let url = self.url.clone();
        if matches!(error, HdfsError::AlreadyExists(_)) {
            return WriteError::Exists { url };
        }
        // In these steps, the one name that may be missing is that of the directory.
        if ([CREATE, MAKE_DIRECTORY].contains(&step) && has_no_directory(&error)) || is_below_a_file(&error) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_directory_is_told_from_other_refusals() {
        let of = |class: &str| has_no_directory(&HdfsError::RPCError(class.to_owned(), String::new()));
        assert!(of("java.io.FileNotFoundException"));
        assert!(of("org.apache.hadoop.fs.ParentNotDirectoryException"));
        assert!(!of("org.apache.hadoop.hdfs.server.namenode.SafeModeException"));
    }
}
