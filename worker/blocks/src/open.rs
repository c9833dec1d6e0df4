//! An open file: windows of its bytes.

use bytes::Bytes;

use crate::error::ReadError;
use crate::file::FileRef;

/// A file that was found as it had been planned.
#[derive(Debug)]
pub struct OpenFile {
    file: FileRef,
}

impl OpenFile {
    pub(crate) fn new(file: FileRef) -> OpenFile {
        OpenFile { file }
    }

    /// The file.
    pub fn file(&self) -> &FileRef {
        &self.file
    }

    /// The bytes from `offset`, at most `len` of them and never beyond the end of the file. They can be fewer, where a
    /// block or an 8 MiB window ends, but they are never none before the end of the file; ask again behind them.
    ///
    /// The bytes may be mapped from a file: drop them after use, mapped pages count against the container. Local disks are
    /// read on the calling thread; connections are driven by the runtime in which the reader was made.
    pub async fn window(&mut self, offset: u64, len: usize) -> Result<Bytes, ReadError> {
        let _ = (offset, len);
        Err(ReadError::Unsupported { url: self.file.url.clone(), reason: "reading is not built yet".into() })
    }
}
