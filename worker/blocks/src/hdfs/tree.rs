//! A name space of HDFS, for listings.

use std::sync::Arc;

use hadoop_client::rpc::{CallError, Exception};
use hadoop_wire::messages::hdfs::{FileType, HdfsFileStatus};

use super::{Hdfs, NameSpace};
use crate::error::ListError;
use crate::listing::{Entry, Kind};

/// One name space.
#[derive(Clone, Debug)]
pub(crate) struct HdfsTree {
    hdfs: Arc<Hdfs>,
    space: Arc<NameSpace>,
}

impl HdfsTree {
    pub(crate) fn new(hdfs: Arc<Hdfs>, space: Arc<NameSpace>) -> HdfsTree {
        HdfsTree { hdfs, space }
    }

    /// `hdfs://authority`.
    pub(crate) fn url_prefix(&self) -> &str {
        &self.space.url_prefix
    }

    /// What `path` leads to; none when there is nothing.
    pub(crate) async fn status(&self, path: &str, given: &str) -> Result<Option<Entry>, ListError> {
        let (name_node, asked) = (self.space.brief.clone(), path.to_owned());
        let answer = self.hdfs.drive(async move { name_node.file_info(&asked).await }).await;
        let answer = answer.map_err(|error| unreachable(given, error))?;
        let status = answer.map_err(|error| self.list_error(given, error))?;
        Ok(status.map(|status| entry(path.to_owned(), &status)))
    }

    /// What is directly in a directory. Names that are not UTF-8 cannot be asked for and are left out.
    pub(crate) async fn children(&self, directory: &str, given: &str) -> Result<Vec<Entry>, ListError> {
        let (name_node, asked) = (self.space.brief.clone(), directory.to_owned());
        let answer = self.hdfs.drive(async move { name_node.list(&asked, false).await }).await;
        let answer = answer.map_err(|error| unreachable(given, error))?;
        let children = answer.map_err(|error| self.list_error(given, error))?.unwrap_or_default();
        let parent = directory.trim_end_matches('/');
        let named = children.iter().filter_map(|status| Some((std::str::from_utf8(&status.path).ok()?, status)));
        Ok(named.map(|(name, status)| entry(format!("{parent}/{name}"), status)).collect())
    }

    fn list_error(&self, given: &str, error: CallError) -> ListError {
        let path = given.to_owned();
        match error.remote().map(Exception::of) {
            Some(Exception::AccessControl) => {
                let user = self.hdfs.user().to_owned();
                ListError::PermissionDenied { path, user, source: Box::new(error) }
            }
            Some(Exception::FileNotFound) => ListError::NotFound { path },
            _ => unreachable(given, error),
        }
    }
}

fn unreachable(given: &str, error: impl std::error::Error + Send + Sync + 'static) -> ListError {
    ListError::Unreachable { path: given.to_owned(), source: Box::new(error) }
}

fn entry(path: String, status: &HdfsFileStatus) -> Entry {
    let kind = match status.file_type() {
        FileType::IsFile => Kind::File,
        FileType::IsDirectory => Kind::Directory,
        FileType::IsSymlink => Kind::Other,
    };
    Entry { path, kind, len: status.length, modified_ms: modified_ms(status) }
}

/// The time of the last modification as a plan keeps it.
pub(crate) fn modified_ms(status: &HdfsFileStatus) -> i64 {
    i64::try_from(status.modification_time).unwrap_or(i64::MAX)
}
