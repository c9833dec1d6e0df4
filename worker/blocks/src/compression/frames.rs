//! Where the frames of a zstd file begin, without reading all of it: from a seek table at its end, or from the headers
//! of its frames and of the blocks in them.

mod header;
mod seek_table;
mod walk;

use super::error::DecompressError;
use crate::open::OpenFile;

/// Where a frame begins that can be decompressed by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameStart {
    /// In the compressed file.
    pub compressed: u64,
    /// In the decompressed file.
    pub decompressed: u64,
}

/// Where frames of a zstd file begin, in order. Frames without content are not among them, nor those that begin behind a
/// frame whose header does not say how long its content is (`pzstd` writes such), or behind as many as may be looked at:
/// without a seek table, each costs a read. A file that seems to be one frame has none, or just that one.
///
/// What a file says of its frames is believed here; [`super::Decompressor::at_frame`] proves it.
///
/// # Errors
/// The file cannot be read.
pub async fn frame_starts(file: &mut OpenFile) -> Result<Vec<FrameStart>, DecompressError> {
    match seek_table::read_seek_table(file).await? {
        Some(starts) => Ok(starts),
        None => walk::walk(file).await,
    }
}

/// The bytes of the file from `offset`: `len` of them, or as many as there are.
async fn read(file: &mut OpenFile, offset: u64, len: u64) -> Result<Vec<u8>, DecompressError> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < len {
        let missing = usize::try_from(len - bytes.len() as u64).unwrap_or(usize::MAX);
        let window = file.window(offset + bytes.len() as u64, missing).await?;
        if window.is_empty() {
            break;
        }
        bytes.extend_from_slice(&window);
    }
    Ok(bytes)
}

/// The number in these bytes, the lowest first; at most eight.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
