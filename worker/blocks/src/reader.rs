//! The reader: one for a process, cheap to clone.

use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use hadoop_wire::config::Configuration;

use crate::counters::ReadCounters;
use crate::error::{Cause, ListError, ReadError, SetUpError, WriteError};
use crate::file::{BlockPlaces, FileRef, TableFile};
use crate::hdfs::{Hdfs, HdfsFile, HdfsTree, NameSpace};
use crate::listing::Tree;
use crate::local::{self, LocalFile, LocalTree};
use crate::open::{OpenFile, Source};
use crate::output::Store;
use crate::place::{HdfsPath, Place};
use crate::write::{self, Target};

/// How to reach HDFS.
#[derive(Clone, Debug, Default)]
pub struct HdfsOptions {
    /// `core-site.xml` and `hdfs-site.xml`: name services, short-circuit reads, the default file system.
    pub configuration: Configuration,
    /// Whom to act as under simple security; without it, `HADOOP_USER_NAME` or the process's own user.
    pub user: Option<String>,
}

/// Lists, locates, opens and writes files, local ones and those of HDFS.
#[derive(Clone, Debug)]
pub struct BlockReader {
    hdfs: Option<Arc<Hdfs>>,
}

impl BlockReader {
    /// A reader of local files only.
    pub fn local() -> BlockReader {
        BlockReader { hdfs: None }
    }

    /// A reader of local files and HDFS. Call it inside the tokio runtime that shall drive the connections; the files may
    /// then be read from any thread.
    ///
    /// # Errors
    /// There is no runtime, or a value of the configuration does not parse. Nobody is connected to yet.
    pub fn with_hdfs(options: HdfsOptions) -> Result<BlockReader, SetUpError> {
        Ok(BlockReader { hdfs: Some(Arc::new(Hdfs::new(options.configuration, options.user)?)) })
    }

    /// The files that `url_or_path` means: one file; the files directly in a directory, sorted, without names that begin
    /// with `_` or `.`; or those that fit a pattern (`*`, `?`, `[]`, `{}`), sorted by path, where a directory that fits
    /// stands for the files directly in it. A path without a scheme is local.
    ///
    /// # Errors
    /// Nothing is there, nothing fits, it may not be read, or the NameNode does not answer; see
    /// [`ListError::exit_code`].
    pub async fn list(&self, url_or_path: &str) -> Result<Vec<FileRef>, ListError> {
        let (tree, path) = self.tree(url_or_path)?;
        tree.list(&path, url_or_path).await
    }

    /// As [`BlockReader::list`], but a directory stands also for the files in its `column=value` directories, and in
    /// theirs; with the values that the directories below `url_or_path` name. Where it is a pattern, those below the
    /// directory in front of its first wildcard.
    ///
    /// # Errors
    /// As [`BlockReader::list`].
    pub async fn list_table(&self, url_or_path: &str) -> Result<Vec<TableFile>, ListError> {
        let (tree, path) = self.tree(url_or_path)?;
        tree.list_table(&path, url_or_path).await
    }

    /// The file system of `url_or_path`, and its absolute path there.
    fn tree(&self, url_or_path: &str) -> Result<(Tree, String), ListError> {
        let given = url_or_path.to_owned();
        match Place::parse(url_or_path) {
            Err(_) => Err(ListError::UnknownScheme { path: given }),
            Ok(Place::Local(path)) => Ok((Tree::Local(LocalTree), local::absolute(&path, url_or_path)?)),
            Ok(Place::Hdfs(place)) => {
                let Some(hdfs) = &self.hdfs else { return Err(ListError::NoHdfs { path: given }) };
                let space = hdfs.space(&place).map_err(|source| ListError::Unreachable { path: given, source })?;
                Ok((Tree::Hdfs(HdfsTree::new(hdfs.clone(), space)), place.path))
            }
        }
    }

    /// Where the file's bytes are, in order. A local file has no places: an empty list.
    ///
    /// # Errors
    /// The file is gone, has another length than was planned, or the NameNode does not answer.
    pub async fn locations(&self, file: &FileRef) -> Result<Vec<BlockPlaces>, ReadError> {
        match self.source_of(file)? {
            Place::Local(_) => Ok(Vec::new()),
            Place::Hdfs(place) => {
                let (hdfs, space) = self.space(file, &place)?;
                HdfsFile::unchecked(hdfs, (space, place.path), file, Arc::default()).places().await
            }
        }
    }

    /// Opens the file, after checking that its length and time are those that were planned.
    ///
    /// # Errors
    /// The file is gone, changed, not readable, or the NameNode does not answer.
    pub async fn open(&self, file: &FileRef, counters: Arc<ReadCounters>) -> Result<OpenFile, ReadError> {
        let source = match self.source_of(file)? {
            Place::Local(path) => Source::Local(LocalFile::open(&path, file)?, counters),
            Place::Hdfs(place) => {
                let (hdfs, space) = self.space(file, &place)?;
                let opened = HdfsFile::unchecked(hdfs, (space, place.path), file, counters);
                opened.compare().await?;
                Source::Hdfs(Box::new(opened))
            }
        };
        Ok(OpenFile::new(file.clone(), source))
    }

    /// Writes `content` to `url` (`hdfs://...`, `file:///...` or a local path): to a temporary name beside it first, then
    /// renamed, so that nobody sees half a file. An existing file is an error unless `overwrite`. Gives the number of
    /// bytes written.
    ///
    /// # Errors
    /// It exists, may not be written, the file system failed, or `content` ended in an error.
    pub async fn write_file<S>(&self, url: &str, content: S, overwrite: bool) -> Result<u64, WriteError>
    where
        S: Stream<Item = Result<Bytes, Cause>> + Send,
    {
        match writable_place(url)? {
            Place::Local(path) => write::to_local(&path, url, content, overwrite).await,
            Place::Hdfs(place) => write::to_hdfs(self.target(url, place)?, content, overwrite).await,
        }
    }

    /// Whether [`BlockReader::write_file`] with `overwrite` would find everything in place, now: for those who have much
    /// to do before they know what to write. On HDFS, an empty file is made beside it and removed.
    ///
    /// # Errors
    /// What writing would end with.
    pub async fn check_writable(&self, url: &str) -> Result<(), WriteError> {
        match writable_place(url)? {
            Place::Local(path) => write::check_local(&path, url),
            Place::Hdfs(place) => write::check_hdfs(self.target(url, place)?).await,
        }
    }

    fn target(&self, url: &str, place: HdfsPath) -> Result<Target, WriteError> {
        let Some(hdfs) = &self.hdfs else { return Err(not_writable(url, NO_CONFIGURATION.to_owned())) };
        let space = hdfs.space(&place).map_err(|source| not_writable(url, crate::hdfs::chain(source.as_ref())))?;
        Ok(Target { hdfs: hdfs.clone(), space, path: place.path, url: url.to_owned() })
    }

    /// Where `url` is, for those who write more than one file there: its file system, and its absolute path on it.
    pub(crate) fn store(&self, url: &str) -> Result<(Store, String), WriteError> {
        match writable_place(url)? {
            Place::Local(path) => {
                let path = local::absolute(&path, url).map_err(|error| not_writable(url, error.to_string()))?;
                Ok((Store::Local, path))
            }
            Place::Hdfs(place) => {
                let Target { hdfs, space, path, .. } = self.target(url, place)?;
                Ok((Store::Hdfs { hdfs, space }, path))
            }
        }
    }

    fn source_of(&self, file: &FileRef) -> Result<Place, ReadError> {
        Place::parse(&file.url).map_err(|_| ReadError::Unsupported {
            url: file.url.clone(),
            reason: "it is neither file: nor hdfs:".to_owned(),
        })
    }

    fn space(&self, file: &FileRef, place: &HdfsPath) -> Result<(Arc<Hdfs>, Arc<NameSpace>), ReadError> {
        let unsupported = |reason| ReadError::Unsupported { url: file.url.clone(), reason };
        let hdfs = self.hdfs.as_ref().ok_or_else(|| unsupported(NO_CONFIGURATION.to_owned()))?;
        let space = hdfs.space(place).map_err(|source| unsupported(crate::hdfs::chain(source.as_ref())))?;
        Ok((hdfs.clone(), space))
    }
}

fn writable_place(url: &str) -> Result<Place, WriteError> {
    Place::parse(url).map_err(|_| not_writable(url, "it is neither a local path nor file: nor hdfs:".to_owned()))
}

fn not_writable(url: &str, reason: String) -> WriteError {
    WriteError::Unsupported { url: url.to_owned(), reason }
}

const NO_CONFIGURATION: &str = "this process has no Hadoop configuration; set HADOOP_CONF_DIR";
