//! What can be wrong with a compressed file.

use super::Compression;
use crate::error::ReadError;

/// Why a compressed file has no bytes for us.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// The file itself cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It ends before its data does.
    #[error(
        "{url}: the {format} data ends in the middle at byte {offset}; the file is truncated, get or write it again"
    )]
    Truncated {
        /// The file.
        url: String,
        /// What it should be.
        format: Compression,
        /// Its length.
        offset: u64,
    },
    /// The data contradicts itself.
    #[error("{url}: the {format} data at byte {offset} is damaged ({reason}); get or write the file again")]
    Corrupt {
        /// The file.
        url: String,
        /// What it should be.
        format: Compression,
        /// Where in the compressed file.
        offset: u64,
        /// What the decoder says.
        reason: String,
    },
    /// A frame that wants more memory than we give.
    #[error(
        "{url}: the zstd frame at byte {offset} needs a window of more than 128 MiB; compress the file again without --long, or with --long=27 at most"
    )]
    WindowTooLarge {
        /// The file.
        url: String,
        /// Where the frame begins in the compressed file.
        offset: u64,
    },
    /// Name and content say different things.
    #[error("{url} {mismatch}")]
    NotAsNamed {
        /// The file.
        url: String,
        /// What was expected, what was found.
        mismatch: NotAsNamed,
    },
}

/// A file that begins otherwise than its compression says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct NotAsNamed {
    /// What its name, or an option, says.
    pub expected: Compression,
    /// What its first bytes say.
    pub found: Compression,
}

impl NotAsNamed {
    fn text(self) -> String {
        let NotAsNamed { expected, found } = self;
        match (expected, found) {
            (Compression::None, found) => {
                format!(
                    "is {found} data and should be uncompressed; give its name the extension of {found}, or name the compression"
                )
            }
            (expected, Compression::None) => {
                format!(
                    "should be {expected} data and does not begin so; take the extension off its name, or name the compression"
                )
            }
            (expected, found) => {
                format!(
                    "should be {expected} data and is {found} data; correct the extension of its name, or name the compression"
                )
            }
        }
    }
}

impl DecompressError {
    /// The exit code of a command that ends with this error: as [`ReadError::exit_code`].
    pub fn exit_code(&self) -> u8 {
        match self {
            DecompressError::Read(error) => error.exit_code(),
            DecompressError::Truncated { .. }
            | DecompressError::Corrupt { .. }
            | DecompressError::WindowTooLarge { .. }
            | DecompressError::NotAsNamed { .. } => 66,
        }
    }
}
