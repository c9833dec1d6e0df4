//! Which files a path means: itself, those of a directory, or those that fit a pattern. The same rules for every file
//! system; a [`Tree`] answers what there is.

use crate::error::ListError;
use crate::file::FileRef;
use crate::glob::{self, NamePattern};
use crate::hdfs::HdfsTree;
use crate::local::LocalTree;

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A file with bytes in it.
    File,
    /// A directory.
    Directory,
    /// Neither: a device, a pipe, a link of HDFS.
    Other,
}

/// A name and what it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Absolute.
    pub(crate) path: String,
    /// What is there.
    pub(crate) kind: Kind,
    /// Length, bytes.
    pub(crate) len: u64,
    /// Milliseconds since 1970.
    pub(crate) modified_ms: i64,
}

/// One file system.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    /// This host's.
    Local(LocalTree),
    /// A name space of HDFS.
    Hdfs(HdfsTree),
}

impl Tree {
    /// The files that `path` (absolute) means; `given` is what the user wrote, for messages.
    pub(crate) async fn list(&self, path: &str, given: &str) -> Result<Vec<FileRef>, ListError> {
        let found = match self.status(path, given).await? {
            Some(entry) => self.files_of(entry, given).await?,
            None if glob::is_pattern(path) => self.fitting(path, given).await?,
            None => return Err(ListError::NotFound { path: given.to_owned() }),
        };
        Ok(found.into_iter().map(|entry| self.file_ref(entry)).collect())
    }

    /// The entry itself, or the files directly in it.
    async fn files_of(&self, entry: Entry, given: &str) -> Result<Vec<Entry>, ListError> {
        match entry.kind {
            Kind::File => Ok(vec![entry]),
            Kind::Other => Err(ListError::NotRegular { path: given.to_owned() }),
            Kind::Directory => {
                let files = self.files_in(&entry.path, given).await?;
                if files.is_empty() { Err(ListError::EmptyDirectory { path: given.to_owned() }) } else { Ok(files) }
            }
        }
    }

    /// The files directly in a directory that are not hidden, sorted.
    async fn files_in(&self, directory: &str, given: &str) -> Result<Vec<Entry>, ListError> {
        let mut files = self.children(directory, given).await?;
        files.retain(|entry| entry.kind == Kind::File && !entry.name().starts_with(['_', '.']));
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The files that fit a pattern, sorted; a directory that fits stands for the files directly in it.
    async fn fitting(&self, pattern: &str, given: &str) -> Result<Vec<Entry>, ListError> {
        let bad = |error: glob::GlobError| ListError::BadGlob { pattern: given.to_owned(), reason: error.to_string() };
        let mut files = Vec::new();
        for names in glob::parse(pattern).map_err(bad)? {
            for entry in self.walk(&names, given).await? {
                match entry.kind {
                    Kind::File => files.push(entry),
                    Kind::Directory => files.extend(self.files_in(&entry.path, given).await?),
                    Kind::Other => {}
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        if files.is_empty() { Err(ListError::EmptyGlob { pattern: given.to_owned() }) } else { Ok(files) }
    }

    /// The entries whose path fits one name pattern after the other.
    async fn walk(&self, names: &[NamePattern], given: &str) -> Result<Vec<Entry>, ListError> {
        let mut level = vec![Entry { path: "/".to_owned(), kind: Kind::Directory, len: 0, modified_ms: 0 }];
        for pattern in names {
            let mut next = Vec::new();
            for directory in level.iter().filter(|entry| entry.kind == Kind::Directory) {
                next.extend(self.step(&directory.path, pattern, given).await?);
            }
            level = next;
        }
        Ok(level)
    }

    /// The entries of one directory that fit one name pattern. A fixed name is asked for directly: the directories above
    /// a pattern need not be listable.
    async fn step(&self, directory: &str, pattern: &NamePattern, given: &str) -> Result<Vec<Entry>, ListError> {
        match pattern {
            NamePattern::Literal(name) => {
                let path = if directory == "/" { format!("/{name}") } else { format!("{directory}/{name}") };
                Ok(self.status(&path, given).await?.into_iter().collect())
            }
            NamePattern::Wild(_) => {
                let mut children = self.children(directory, given).await?;
                children.retain(|entry| pattern.fits(entry.name()));
                Ok(children)
            }
        }
    }

    async fn status(&self, path: &str, given: &str) -> Result<Option<Entry>, ListError> {
        match self {
            Tree::Local(tree) => tree.status(path, given),
            Tree::Hdfs(tree) => tree.status(path, given).await,
        }
    }

    async fn children(&self, directory: &str, given: &str) -> Result<Vec<Entry>, ListError> {
        match self {
            Tree::Local(tree) => tree.children(directory, given),
            Tree::Hdfs(tree) => tree.children(directory, given).await,
        }
    }

    fn file_ref(&self, entry: Entry) -> FileRef {
        let prefix = match self {
            Tree::Local(_) => "file://",
            Tree::Hdfs(tree) => tree.url_prefix(),
        };
        FileRef { url: format!("{prefix}{}", entry.path), len: entry.len, modified_ms: entry.modified_ms }
    }
}

impl Entry {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}
