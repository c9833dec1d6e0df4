//! One part file, written by one attempt of a task.

use bytes::Bytes;

use super::staging::{Staging, attempts};
use super::store::Store;
use crate::error::WriteError;
use crate::partition::is_hidden_directory;
use crate::reader::BlockReader;
use crate::write::{Sink, unique};

/// What a part shall be called. The run's id comes between stem and extension, so that parts of two runs never clash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartName<'a> {
    /// Directories below the destination, such as `year=2015/month=1`; empty for none.
    pub directory: &'a str,
    /// Such as `part-00003`; no two parts of one output and directory share it.
    pub stem: &'a str,
    /// Such as `csv.gz`.
    pub extension: &'a str,
}

/// A part that has been written and that nobody sees before it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it will be, below the destination.
    pub path: String,
    /// Its name in the staging directory, that of one attempt.
    pub temporary: String,
    /// Its length.
    pub bytes: u64,
    /// What the caller counted.
    pub rows: u64,
}

/// Writes a part, piece by piece.
#[derive(Debug)]
pub struct PartWriter {
    store: Store,
    sink: Sink,
    /// Where the temporary file is.
    file: String,
    path: String,
    temporary: String,
}

impl PartWriter {
    /// Begins a part in the staging directory of an output. `attempt` goes into the temporary name, for people; that name
    /// is unique without it.
    ///
    /// # Errors
    /// The name is none that could be published, the output has been aborted, or the file system failed.
    pub async fn create(
        reader: &BlockReader,
        staging: &Staging,
        name: PartName<'_>,
        attempt: &str,
    ) -> Result<PartWriter, WriteError> {
        let path = name.path(&staging.id);
        check(&path, &staging.url)?;
        let temporary = format!("{}.{}.{}", name.stem, letters(attempt), unique());
        let (store, root) = reader.store(&staging.url)?;
        let file = format!("{}/{temporary}", attempts(&root));
        let sink = store.create(&file).await?;
        Ok(PartWriter { store, sink, file, path, temporary })
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// The file system failed.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), WriteError> {
        self.sink.write(bytes).await
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.sink.written()
    }

    /// Ends the part, which is on disk then, or with the DataNodes.
    ///
    /// # Errors
    /// The file system failed.
    pub async fn finish(self, rows: u64) -> Result<Part, WriteError> {
        let bytes = self.sink.close().await?;
        Ok(Part { path: self.path, temporary: self.temporary, bytes, rows })
    }

    /// Removes the part: an attempt that failed need not wait for the output's end.
    ///
    /// # Errors
    /// The file system failed.
    pub async fn discard(self) -> Result<(), WriteError> {
        drop(self.sink);
        self.store.remove_tree(&self.file).await
    }
}

impl PartName<'_> {
    fn path(&self, id: &str) -> String {
        let slash = if self.directory.is_empty() { "" } else { "/" };
        let dot = if self.extension.is_empty() { "" } else { "." };
        format!("{}{slash}{}-{id}{dot}{}", self.directory, self.stem, self.extension)
    }
}

/// An error when a path below the destination would lead elsewhere or be hidden.
pub(super) fn check(path: &str, url: &str) -> Result<(), WriteError> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let directories = directory.split('/').filter(|_| !directory.is_empty());
    let bad_directory = directories.clone().any(|name| name.is_empty() || is_hidden_directory(name));
    if bad_directory || name.is_empty() || path.starts_with('/') || name.starts_with(['.', '_']) || path.contains('\0')
    {
        return Err(WriteError::BadPart { url: url.to_owned(), path: path.to_owned() });
    }
    Ok(())
}

/// The text without what has a meaning in paths.
fn letters(text: &str) -> String {
    let tame = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '-' };
    text.chars().map(tame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let path = |directory, extension| PartName { directory, stem: "part-00003", extension }.path("7");
        assert_eq!(path("", "csv.gz"), "part-00003-7.csv.gz");
        assert_eq!(path("a=1/b=2", ""), "a=1/b=2/part-00003-7");
    }

    #[test]
    fn paths_that_are_refused() {
        for good in ["part-0", "a=1/part-0", "_a=1/b=%2F/part-0"] {
            assert!(check(good, "out").is_ok(), "{good}");
        }
        for bad in
            ["_part", ".part", "", "/part", "a//part", "../part", "a/../part", "_a/part", "a/.b=1/part", "a/", "a\0b"]
        {
            assert!(check(bad, "out").is_err(), "{bad}");
        }
    }
}
