//! The tables that a query's text names.

/// A table as the text of a query names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    /// The path, directory, glob or URL as written.
    pub path: String,
}

impl TableName {
    /// The scheme of the path, such as `hdfs`; `None` for a plain path.
    pub fn scheme(&self) -> Option<&str> {
        self.path
            .split_once("://")
            .map(|(scheme, _)| scheme)
            .or_else(|| self.path.starts_with("file:").then_some("file"))
    }
}
