//! A file that is being written, piece by piece.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use bytes::Bytes;
use hdfs_native::file::FileWriter;
use hdfs_native::{Client, HdfsError};

use super::local_error;
use super::target::{CREATE, Target};
use crate::error::WriteError;

/// Block size of a NameNode that names none.
const USUAL_BLOCK: u64 = 128 << 20;

const WRITE: &str = "write the temporary file";
const CLOSE: &str = "close the temporary file";
const APPEND: &str = "open the temporary file again after some blocks";

/// A new file that is open for writing.
#[derive(Debug)]
pub(crate) struct Sink {
    written: u64,
    file: Open,
}

enum Open {
    Local(File, String),
    Hdfs(Box<HdfsSink>),
}

impl std::fmt::Debug for Open {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Open::Local(file, _) => file.fmt(formatter),
            Open::Hdfs(sink) => sink.target.fmt(formatter),
        }
    }
}

/// A file of HDFS that is being written. The NameNode refuses a third block while no DataNode has reported the first, and
/// the library cannot ask again; so the file is closed, which waits for the reports, and opened again after every second
/// block.
struct HdfsSink {
    target: Target,
    temporary: String,
    /// None after a step failed: the library's writer is lost then.
    writer: Option<FileWriter>,
    stretch: usize,
    room: usize,
}

impl Sink {
    /// A new local file; `url` is what messages call it.
    pub(crate) fn local(path: &Path, url: &str) -> Result<Sink, WriteError> {
        let file = File::create_new(path).map_err(|error| local_error(url, CREATE, error))?;
        Ok(Sink { written: 0, file: Open::Local(file, url.to_owned()) })
    }

    /// A new file `temporary` in the name space of `target`, in a directory that is there.
    pub(crate) async fn hdfs(target: Target, temporary: &str) -> Result<Sink, WriteError> {
        let path = temporary.to_owned();
        let options = target.hdfs.new_file();
        let create = |client: Client| async move {
            let writer = client.create(&path, options).await?;
            let status = client.get_file_info(&path).await?;
            Ok((writer, status.blocksize))
        };
        let (writer, block_size) = target.step(CREATE, create).await?;
        let stretch = stretch(block_size);
        let temporary = temporary.to_owned();
        let sink = HdfsSink { target, temporary, writer: Some(writer), stretch, room: stretch };
        Ok(Sink { written: 0, file: Open::Hdfs(Box::new(sink)) })
    }

    /// Bytes written so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<(), WriteError> {
        let len = piece.len() as u64;
        match &mut self.file {
            Open::Local(file, url) => file.write_all(&piece).map_err(|error| local_error(url, WRITE, error))?,
            Open::Hdfs(sink) => sink.write(piece).await?,
        }
        self.written += len;
        Ok(())
    }

    /// Ends the file; gives the number of its bytes.
    pub(crate) async fn close(self) -> Result<u64, WriteError> {
        match self.file {
            Open::Local(file, url) => file.sync_all().map_err(|error| local_error(&url, CLOSE, error))?,
            Open::Hdfs(sink) => sink.close().await?,
        }
        Ok(self.written)
    }
}

impl HdfsSink {
    async fn write(&mut self, mut bytes: Bytes) -> Result<(), WriteError> {
        while !bytes.is_empty() {
            if self.room == 0 {
                self.reopen().await?;
            }
            let piece = bytes.split_to(bytes.len().min(self.room));
            let len = piece.len();
            let writer = self.take(WRITE)?;
            self.writer = Some(self.target.step(WRITE, |_| write_piece(writer, piece)).await?);
            self.room -= len;
        }
        Ok(())
    }

    async fn reopen(&mut self) -> Result<(), WriteError> {
        let (mut writer, path) = (self.take(APPEND)?, self.temporary.clone());
        let reopen = |client: Client| async move {
            writer.close().await?;
            client.append(&path).await
        };
        self.writer = Some(self.target.step(APPEND, reopen).await?);
        self.room = self.stretch;
        Ok(())
    }

    async fn close(mut self) -> Result<(), WriteError> {
        let mut writer = self.take(CLOSE)?;
        self.target.step(CLOSE, |_| async move { writer.close().await }).await
    }

    fn take(&mut self, step: &'static str) -> Result<FileWriter, WriteError> {
        self.writer.take().ok_or_else(|| WriteError::Failed {
            url: self.target.url.clone(),
            step,
            source: Box::new(io::Error::other("an earlier step failed")),
        })
    }
}

/// Bytes that are written between two openings: two whole blocks.
fn stretch(block_size: Option<u64>) -> usize {
    let block_size = block_size.filter(|size| *size > 0).unwrap_or(USUAL_BLOCK);
    usize::try_from(block_size.saturating_mul(2)).unwrap_or(usize::MAX)
}

async fn write_piece(mut writer: FileWriter, piece: Bytes) -> Result<FileWriter, HdfsError> {
    writer.write_bytes(piece).await?;
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
}
