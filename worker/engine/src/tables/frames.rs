//! Where the compressed files of a table can be cut into splits.
//!
//! A split is a range of a file's text, so only places whose offset in the text is known will do: frames of zstd behind
//! frames that say how long their content is. bzip2 files, and those of `pzstd`, could be cut as well, but nothing in them
//! says where in the text their pieces are. Splits of them would need offsets, proofs of borders and errors of another
//! kind, and `file_offset` could not be told; so such a file is one split, as one of gzip is.

use std::sync::Arc;

use bobbin_blocks::compression::{Compression, DecompressError, FrameStart, frame_starts};
use bobbin_blocks::{BlockReader, FileRef};

use crate::scan::spaced;

/// The frames before which a file may be cut; none if it is not longer than a split.
pub(super) async fn frames(
    reader: &BlockReader,
    file: &FileRef,
    compression: Compression,
    split_size: u64,
) -> Result<Vec<FrameStart>, DecompressError> {
    if compression != Compression::Zstd || file.len <= split_size {
        return Ok(Vec::new());
    }
    let mut open = reader.open(file, Arc::default()).await?;
    Ok(spaced(frame_starts(&mut open).await?, split_size))
}
