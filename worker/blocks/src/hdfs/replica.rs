//! A replica on this host's own disk, read through the two files that its DataNode handed over.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use hadoop_wire::datatransfer::{ChecksumKind, Chunks, DataTransferError, MetaHeader};

use super::fault::{Fault, Meaning};
use crate::checksum;
use crate::window::{self, WindowError};

/// An open replica. It stays readable when the DataNode is gone, or has deleted the replica.
#[derive(Debug)]
pub(crate) struct Replica {
    data: File,
    meta: File,
    chunks: Chunks,
    /// Whether checksums are compared.
    verified: bool,
    name: Arc<str>,
}

/// Why the two files are not a replica.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplicaError {
    #[error("the DataNode handed over something that is not a regular file")]
    NotAFile,
    #[error("read the replica's files")]
    Io(#[from] io::Error),
    #[error("understand the replica's meta file")]
    Meta(#[from] DataTransferError),
}

impl Replica {
    /// Takes the files over. `name` is what messages call the data file.
    pub(crate) fn new(data: File, meta: File, verified: bool, name: Arc<str>) -> Result<Replica, ReplicaError> {
        if !(data.metadata()?.is_file() && meta.metadata()?.is_file()) {
            return Err(ReplicaError::NotAFile);
        }
        let mut header = [0; MetaHeader::LENGTH];
        meta.read_exact_at(&mut header, 0)?;
        let chunks = MetaHeader::parse(header)?.chunks;
        Ok(Replica { data, meta, chunks, verified: verified && chunks.kind != ChecksumKind::None, name })
    }

    /// The bytes `offset..offset + len` of the block, which has `block_len` of them, compared with their checksums.
    pub(crate) fn window(&self, offset: u64, len: usize, block_len: u64) -> Result<Bytes, Fault> {
        let bytes = if self.verified { self.verified_window(offset, len, block_len)? } else { self.take(offset, len)? };
        window::expect_next(&self.data, offset + len as u64, len, block_len);
        Ok(bytes)
    }

    fn verified_window(&self, offset: u64, len: usize, block_len: u64) -> Result<Bytes, Fault> {
        let cover = self.chunks.cover(offset..offset + len as u64, block_len);
        let bytes = self.take(cover.data.start, (cover.data.end - cover.data.start) as usize)?;
        let mut stored = vec![0; (cover.checksums.end - cover.checksums.start) as usize];
        self.meta
            .read_exact_at(&mut stored, cover.checksums.start)
            .map_err(|error| Fault::because(Meaning::BadReplica, "read its meta file", &error))?;
        checksum::verify(self.chunks, cover.data.start, &bytes, &stored)
            .map_err(|error| Fault::because(Meaning::BadReplica, &format!("verify {}", self.name), &error))?;
        let before = (offset - cover.data.start) as usize;
        Ok(bytes.slice(before..before + len))
    }

    fn take(&self, offset: u64, len: usize) -> Result<Bytes, Fault> {
        window::take(&self.data, offset, len, &self.name).map_err(|error| match error {
            WindowError::PagesMissing => Fault::new(
                Meaning::BadReplica,
                format!("{} is shorter than the NameNode says, or its disk failed", self.name),
            ),
            WindowError::Io(error) => Fault::because(Meaning::BadReplica, "read its data file", &error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &[u8] = include_bytes!("../../tests/golden/dn-block.bin");
    const META: &[u8] = include_bytes!("../../tests/golden/dn-block.meta");

    fn replica(data: &[u8], meta: &[u8]) -> Result<Replica, ReplicaError> {
        let dir = tempfile::tempdir().unwrap();
        let [data, meta] = [("data", data), ("meta", meta)].map(|(name, content)| {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            File::open(path).unwrap()
        });
        Replica::new(data, meta, true, "blk_1".into())
    }

    #[test]
    fn every_range_equals_the_file() {
        let replica = replica(BLOCK, META).unwrap();
        for offset in (0..BLOCK.len()).step_by(37).chain([511, 512, 513, 1299]) {
            for len in [1, 511, 512, 513, 1300] {
                let len = len.min(BLOCK.len() - offset);
                let seen = replica.window(offset as u64, len, BLOCK.len() as u64).unwrap();
                assert_eq!(seen, BLOCK[offset..offset + len]);
            }
        }
    }

    #[test]
    fn a_flipped_byte_spoils_its_chunk_only() {
        let mut bytes = BLOCK.to_vec();
        bytes[600] ^= 1;
        let replica = replica(&bytes, META).unwrap();
        assert!(replica.window(0, 512, 1300).is_ok());
        let fault = replica.window(1000, 10, 1300).unwrap_err();
        assert_eq!(fault.meaning, Meaning::BadReplica);
        assert!(fault.reason.contains("blk_1: the chunk at byte 512"), "{}", fault.reason);
        assert!(replica.window(1024, 276, 1300).is_ok());
    }

    #[test]
    fn short_files_are_bad_replicas() {
        let short_data = replica(&BLOCK[..100], META).unwrap();
        assert_eq!(short_data.window(0, 1300, 1300).unwrap_err().meaning, Meaning::BadReplica);
        let short_meta = replica(BLOCK, &META[..12]).unwrap();
        assert_eq!(short_meta.window(0, 1300, 1300).unwrap_err().meaning, Meaning::BadReplica);
        assert!(matches!(replica(BLOCK, &META[..3]), Err(ReplicaError::Io(_))));
        assert!(matches!(replica(BLOCK, &[9; 20]), Err(ReplicaError::Meta(_))));
    }
}
