//! Which files a path means: itself, those of a directory, or those that fit a pattern. The same rules for every file
//! system; a [`Tree`] answers what there is.

use futures::{StreamExt, TryStreamExt};

use crate::error::ListError;
use crate::file::{FileRef, TableFile};
use crate::glob::{self, NamePattern};
use crate::hdfs::HdfsTree;
use crate::local::LocalTree;
use crate::partition;

/// Directories that a NameNode is asked for at the same time.
const AT_ONCE: usize = 16;

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

/// How far a directory is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// The files directly in it.
    Flat,
    /// Also those in its `column=value` directories, and in theirs.
    Partitions,
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
        let (found, _) = self.entries(path, given, Depth::Flat).await?;
        Ok(found.into_iter().map(|entry| self.file_ref(entry)).collect())
    }

    /// As `list`, and the files in the partitions of a directory, with the values that their paths name.
    pub(crate) async fn list_table(&self, path: &str, given: &str) -> Result<Vec<TableFile>, ListError> {
        let (found, root) = self.entries(path, given, Depth::Partitions).await?;
        let table_file = |entry: Entry| {
            let partitions = partition::values_of(below(&entry.path, root));
            TableFile { file: self.file_ref(entry), partitions }
        };
        Ok(found.into_iter().map(table_file).collect())
    }

    /// The files, and how many names their paths have before those that may be partitions.
    async fn entries(&self, path: &str, given: &str, depth: Depth) -> Result<(Vec<Entry>, usize), ListError> {
        match self.status(path, given).await? {
            // A name that exists is no pattern, whatever characters are in it.
            Some(entry) => Ok((self.files_of(entry, given, depth).await?, glob::names(path).count())),
            None if glob::is_pattern(path) => Ok((self.fitting(path, given, depth).await?, glob::fixed_names(path))),
            None => Err(ListError::NotFound { path: given.to_owned() }),
        }
    }

    /// The entry itself, or the files in it.
    async fn files_of(&self, entry: Entry, given: &str, depth: Depth) -> Result<Vec<Entry>, ListError> {
        match entry.kind {
            Kind::File => Ok(vec![entry]),
            Kind::Other => Err(ListError::NotRegular { path: given.to_owned() }),
            Kind::Directory => {
                let files = self.files_in(entry.path, given, depth).await?;
                if files.is_empty() { Err(ListError::EmptyDirectory { path: given.to_owned() }) } else { Ok(files) }
            }
        }
    }

    /// The files in a directory, and in its partitions where `depth` wants them, that are not hidden, sorted.
    async fn files_in(&self, directory: String, given: &str, depth: Depth) -> Result<Vec<Entry>, ListError> {
        let mut files = Vec::new();
        let mut level = vec![directory];
        while !level.is_empty() {
            let listing = level.into_iter().map(|directory| async move { self.children(&directory, given).await });
            let listed: Vec<_> = futures::stream::iter(listing).buffered(AT_ONCE).try_collect().await?;
            level = Vec::new();
            for entry in listed.into_iter().flatten() {
                match entry.kind {
                    Kind::File if !entry.name().starts_with(['_', '.']) => files.push(entry),
                    Kind::Directory if depth == Depth::Partitions && entry.is_partition() => level.push(entry.path),
                    Kind::File | Kind::Directory | Kind::Other => {}
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The files that fit a pattern, sorted; a directory that fits stands for the files in it.
    async fn fitting(&self, pattern: &str, given: &str, depth: Depth) -> Result<Vec<Entry>, ListError> {
        let bad = |error: glob::GlobError| ListError::BadGlob { pattern: given.to_owned(), reason: error.to_string() };
        let mut files = Vec::new();
        for names in glob::parse(pattern).map_err(bad)? {
            for entry in self.walk(&names, given).await? {
                match entry.kind {
                    Kind::File => files.push(entry),
                    Kind::Directory => files.extend(self.files_in(entry.path, given, depth).await?),
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

    fn is_partition(&self) -> bool {
        !partition::is_hidden_directory(self.name()) && partition::parse_directory(self.name()).is_some()
    }
}

/// An absolute path without its first `names` names.
fn below(path: &str, names: usize) -> &str {
    let mut rest = path.trim_start_matches('/');
    for _ in 0..names {
        rest = rest.split_once('/').map_or("", |(_, rest)| rest);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_a_root() {
        assert_eq!(below("/a/b/c", 2), "c");
        assert_eq!(below("/a/b/c", 0), "a/b/c");
        assert_eq!(below("/a", 2), "");
    }
}
