//! Samples of files: the first bytes, unpacked where they are compressed, and some from further on.

use std::sync::Arc;

use bobbin_blocks::compression::{Compression, DecompressError, Decompressor};
use bobbin_blocks::{BlockReader, FileRef, OpenFile, ReadCounters, ReadError};

use bobbin_parse::is_utf16;

use crate::error::PlanError;
use crate::tables::options::Reading;

/// Bytes of each sample from further on.
const INNER_BYTES: usize = 128 << 10;
/// Samples from further on, evenly spread.
const INNER_SAMPLES: u64 = 4;
/// A file that is shorter is sampled at its beginning only.
const LONG: u64 = 8 << 20;

/// The first bytes of a file.
pub(crate) struct Head {
    /// At most as many as were asked for.
    pub bytes: Vec<u8>,
    /// The whole file is here.
    pub complete: bool,
}

/// The first bytes of a file, at most `limit`, unpacked.
pub(crate) async fn head(
    reader: &BlockReader,
    table: &str,
    file: &FileRef,
    (reading, limit): (&Reading, usize),
) -> Result<Head, PlanError> {
    let read = read_head(reader, file, reading.compression(&file.url), limit).await;
    let head = read.map_err(|source| PlanError::unpack(table, source))?;
    if is_utf16(&head.bytes) {
        return Err(PlanError::Utf16 { file: file.url.clone() });
    }
    Ok(head)
}

async fn read_head(
    reader: &BlockReader,
    file: &FileRef,
    compression: Compression,
    limit: usize,
) -> Result<Head, DecompressError> {
    let mut open = reader.open(file, Arc::new(ReadCounters::default())).await?;
    if compression == Compression::None {
        let wanted = usize::try_from(file.len).map_or(limit, |len| len.min(limit));
        let bytes = range(&mut open, 0, wanted).await?;
        return Ok(Head { complete: bytes.len() as u64 == file.len, bytes });
    }
    let mut unpacked = Decompressor::new(open, compression);
    let mut bytes = Vec::new();
    while bytes.len() < limit {
        match unpacked.next().await? {
            Some(chunk) => bytes.extend_from_slice(&chunk.bytes),
            None => return Ok(Head { bytes, complete: true }),
        }
    }
    bytes.truncate(limit);
    Ok(Head { bytes, complete: false })
}

/// Samples from further on in a long file that is not compressed; each begins and ends anywhere.
pub(crate) async fn inner(
    reader: &BlockReader,
    table: &str,
    file: &FileRef,
    reading: &Reading,
) -> Result<Vec<Vec<u8>>, PlanError> {
    if file.len < LONG || reading.compression(&file.url) != Compression::None || !reading.is_splittable() {
        return Ok(Vec::new());
    }
    let read = async {
        let mut open = reader.open(file, Arc::new(ReadCounters::default())).await?;
        let mut samples = Vec::new();
        for number in 1..=INNER_SAMPLES {
            let start = (file.len / (INNER_SAMPLES + 1)).saturating_mul(number);
            samples.push(range(&mut open, start, INNER_BYTES).await?);
        }
        Ok(samples)
    };
    read.await.map_err(|source| PlanError::Read { table: table.to_owned(), source })
}

async fn range(open: &mut OpenFile, start: u64, len: usize) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let window = open.window(start + bytes.len() as u64, len - bytes.len()).await?;
        if window.is_empty() {
            break;
        }
        bytes.extend_from_slice(&window);
    }
    Ok(bytes)
}
