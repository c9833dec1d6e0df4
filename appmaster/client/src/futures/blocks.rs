//! Blocks of files as arguments: a task gets the bytes, read where they are.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bobbin_blocks::{BlockPlaces, FileRef, ListError, ReadError};
use bobbin_proto as wire;

use crate::session::{Files, Session};

/// Hosts that are named for a block.
const MOST_PLACES: usize = 3;

/// A range of a file's bytes, and the hosts that hold it. A function takes it as `Bytes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub(super) range: wire::FileRange,
    pub(super) places: Vec<String>,
}

/// Why files have no blocks.
#[derive(Debug, thiserror::Error)]
pub enum BlocksError {
    /// There are no such files.
    #[error(transparent)]
    List(#[from] ListError),
    /// Nobody says where they are.
    #[error("locate the blocks of {url}")]
    Locate {
        /// Which file.
        url: String,
        /// Why not.
        #[source]
        source: ReadError,
    },
}

impl Block {
    /// The file: `hdfs://…` or `file:///…`.
    pub fn url(&self) -> &str {
        &self.range.url
    }

    /// The bytes of the file that it stands for. Of [`Session::read_lines`], those whose lines begin there.
    pub fn range(&self) -> std::ops::Range<u64> {
        self.range.start..self.range.end
    }

    /// Hosts that hold it, those with most of it first.
    pub fn hosts(&self) -> &[String] {
        &self.places
    }
}

impl Session {
    /// The blocks of the files that `path` means: a file, a directory, a pattern or a URL, as in `FROM 'path'`. Each is a
    /// range of the split size of the session (32 MiB unless it says otherwise), wherever it may cut lines.
    ///
    /// # Errors
    /// There is no such file, or the NameNode does not answer.
    pub async fn read_blocks(&self, path: &str) -> Result<Vec<Block>, BlocksError> {
        self.blocks(path, false).await
    }

    /// As [`Session::read_blocks`], but a task gets whole lines: those that begin in its block, with their ends.
    ///
    /// # Errors
    /// As [`Session::read_blocks`].
    pub async fn read_lines(&self, path: &str) -> Result<Vec<Block>, BlocksError> {
        self.blocks(path, true).await
    }

    async fn blocks(&self, path: &str, whole_lines: bool) -> Result<Vec<Block>, BlocksError> {
        let Files { reader, base, split_size } = &self.files;
        let size = (*split_size).max(1);
        let mut blocks = Vec::new();
        for file in reader.list(&base.absolute(path)).await? {
            let places = reader.locations(&file).await;
            let places = places.map_err(|source| BlocksError::Locate { url: file.url.clone(), source })?;
            blocks.extend(blocks_of(&file, &places, size, whole_lines));
        }
        Ok(blocks)
    }
}

fn blocks_of(file: &FileRef, places: &[BlockPlaces], size: u64, whole_lines: bool) -> Vec<Block> {
    let starts = (0..file.len).step_by(usize::try_from(size).unwrap_or(usize::MAX));
    let block = |start: u64| {
        let end = start.saturating_add(size).min(file.len);
        let (url, file_length, modified_ms) = (file.url.clone(), file.len, file.modified_ms);
        Block {
            range: wire::FileRange { url, start, end, file_length, modified_ms, whole_lines },
            places: hosts(places, start, end),
        }
    };
    starts.map(block).collect()
}

/// Hosts with the most bytes of this range, most first.
fn hosts(places: &[BlockPlaces], start: u64, end: u64) -> Vec<String> {
    let mut bytes: BTreeMap<&str, u64> = BTreeMap::new();
    for place in places {
        let common = end.min(place.offset + place.len).saturating_sub(start.max(place.offset));
        if common > 0 {
            place.hosts.iter().for_each(|host| *bytes.entry(host).or_default() += common);
        }
    }
    let mut hosts: Vec<(&str, u64)> = bytes.into_iter().collect();
    hosts.sort_by_key(|&(host, bytes)| (Reverse(bytes), host));
    hosts.into_iter().take(MOST_PLACES).map(|(host, _)| host.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_the_file_and_name_its_hosts() {
        let file = FileRef { url: "hdfs://n/a".into(), len: 25, modified_ms: 7 };
        let place = |offset, len, hosts: &[&str]| BlockPlaces {
            offset,
            len,
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
        };
        let places = [place(0, 16, &["b", "a"]), place(16, 9, &["c", "a"])];
        let blocks = blocks_of(&file, &places, 10, true);
        let brief: Vec<_> = blocks.iter().map(|block| (block.range(), block.hosts().join(" "))).collect();
        assert_eq!(brief, [(0..10, "a b".into()), (10..20, "a b c".into()), (20..25, "a c".to_owned())]);
        assert!(blocks_of(&FileRef { len: 0, ..file }, &places, 10, true).is_empty());
    }
}
