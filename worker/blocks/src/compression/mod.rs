//! Compressed files: which format a file has, and its bytes as they were before they were compressed.
//!
//! A [`Decompressor`] reads a file from its begin; where a format allows it, also from the middle: from one of the
//! frames of zstd ([`frame_starts`]). Memory is bounded: one window of the file, one chunk,
//! and what the format itself needs (at most 128 MiB, zstd).

mod bzip2;
mod codec;
mod decompressor;
mod error;
mod frames;
mod gzip;
mod stream;
mod zstd;

pub use decompressor::Decompressor;
pub use error::{DecompressError, NotAsNamed};
pub use frames::{FrameStart, frame_starts};
pub use stream::Chunk;

use std::fmt;

use crate::open::OpenFile;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip: one or more members; also what `bgzip` and `pigz` write.
    Gzip,
    /// Zstandard: one or more frames; also what `pzstd` writes.
    Zstd,
    /// bzip2: one or more streams; also what `pbzip2` and `lbzip2` write.
    Bzip2,
}

/// So many bytes at the begin of a file tell its format.
const MAGIC_LEN: usize = 4;

impl Compression {
    /// What the extension of a path or URL says: `.gz`, `.gzip`, `.zst`, `.zstd`, `.bz2`, in any case.
    pub fn of(path: &str) -> Compression {
        let name = path.rsplit('/').next().unwrap_or(path);
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        match extension.as_deref() {
            Some("gz" | "gzip") => Compression::Gzip,
            Some("zst" | "zstd") => Compression::Zstd,
            Some("bz2") => Compression::Bzip2,
            Some(_) | None => Compression::None,
        }
    }

    /// What the first bytes of a file say; [`Compression::None`] also when they are too few to say anything.
    pub fn of_bytes(head: &[u8]) -> Compression {
        match head {
            [0x1f, 0x8b, 8, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            // A frame that decoders skip; pzstd begins with one.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Bzip2,
            _ => Compression::None,
        }
    }

    /// Looks whether the file begins as a file of this compression does. An empty file does, of any: it holds nothing.
    ///
    /// # Errors
    /// It begins otherwise, or cannot be read.
    pub async fn check(self, file: &mut OpenFile) -> Result<(), DecompressError> {
        let mut head = Vec::with_capacity(MAGIC_LEN);
        while head.len() < MAGIC_LEN {
            let window = file.window(head.len() as u64, MAGIC_LEN - head.len()).await?;
            if window.is_empty() {
                break;
            }
            head.extend_from_slice(&window);
        }
        let found = Compression::of_bytes(&head);
        if found == self || head.is_empty() {
            return Ok(());
        }
        let url = file.file().url.clone();
        Err(DecompressError::NotAsNamed { url, mismatch: NotAsNamed { expected: self, found } })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Bzip2 => "bzip2",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions() {
        let check = |path, expected| assert_eq!(Compression::of(path), expected, "{path}");
        check("a.csv.gz", Compression::Gzip);
        check("hdfs://nn/d/a.GZIP", Compression::Gzip);
        check("a.zst", Compression::Zstd);
        check("a.csv.zstd", Compression::Zstd);
        check("a.bz2", Compression::Bzip2);
        check("a.csv", Compression::None);
        check("archive.gz/part-0", Compression::None);
        check("gz", Compression::None);
    }

    #[test]
    fn first_bytes() {
        let check = |head: &[u8], expected| assert_eq!(Compression::of_bytes(head), expected, "{head:x?}");
        check(&[0x1f, 0x8b, 8, 0], Compression::Gzip);
        check(&[0x1f, 0x8b, 7, 0], Compression::None);
        check(&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd);
        check(&[0x50, 0x2a, 0x4d, 0x18], Compression::Zstd);
        check(b"BZh9", Compression::Bzip2);
        check(b"BZh0", Compression::None);
        check(b"a,b\n", Compression::None);
        check(b"", Compression::None);
    }
}
