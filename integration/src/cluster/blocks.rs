//! Where the blocks of a file are, and how one is spoilt.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use super::Cluster;
use super::hdfs::HdfsError;
use super::host::Host;

/// A block of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// HDFS's number for it.
    pub id: u64,
    /// Where in the file it begins.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// The hosts of its replicas.
    pub hosts: Vec<Host>,
}

/// Why a replica could not be spoilt.
#[derive(Debug, Error)]
pub enum CorruptError {
    /// HDFS does not say where it is.
    #[error("find the block's replicas")]
    Locations(#[source] HdfsError),
    /// The file has fewer blocks.
    #[error("{path} has {count} blocks, so there is none with index {index}")]
    NoBlock {
        /// The file.
        path: String,
        /// Its blocks.
        count: usize,
        /// What was wanted.
        index: usize,
    },
    /// No replica on that host's disk.
    #[error("{host} has no replica of block {id} on its disk")]
    NoReplica {
        /// The host.
        host: Host,
        /// The block.
        id: u64,
    },
    /// The disk refused.
    #[error("change the replica {path}")]
    Disk {
        /// The replica's file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Cluster {
    /// The blocks of a file, with the hosts that hold them.
    pub fn block_locations(&self, path: &str) -> Result<Vec<Block>, HdfsError> {
        let name = "GET_BLOCK_LOCATIONS";
        let answer = self.ask_name_node(name, path)?;
        let blocks = answer["LocatedBlocks"]["locatedBlocks"].as_array();
        let blocks = blocks.and_then(|blocks| blocks.iter().map(block).collect::<Option<Vec<_>>>());
        blocks.ok_or_else(|| HdfsError::Shape { operation: name, path: path.to_owned() })
    }

    /// Flips bytes all over the replica of a file's block on `host`, or on the first host that has one. HDFS does not know
    /// until somebody compares checksums.
    pub fn corrupt_block(&self, path: &str, index: usize, host: Option<Host>) -> Result<PathBuf, CorruptError> {
        let blocks = self.block_locations(path).map_err(CorruptError::Locations)?;
        let count = blocks.len();
        let block = blocks.get(index).ok_or_else(|| CorruptError::NoBlock { path: path.to_owned(), count, index })?;
        let host = host.or_else(|| block.hosts.first().copied()).unwrap_or(Host::Master);
        let missing = || CorruptError::NoReplica { host, id: block.id };
        let replica = self.replica(host, block.id).ok_or_else(missing)?;
        flip(&replica, block.length).map_err(|source| CorruptError::Disk { path: replica.clone(), source })?;
        Ok(replica)
    }

    /// The file of a finalized block's replica on a host's disk, as the machine sees it.
    pub fn replica(&self, host: Host, block: u64) -> Option<PathBuf> {
        find(&self.layout.disk_of(host).join("dn/current"), &format!("blk_{block}"))
    }
}

fn block(value: &Value) -> Option<Block> {
    let hosts = value["locations"].as_array()?.iter().map(|place| Host::find(place["hostName"].as_str()?));
    Some(Block {
        id: value["block"]["blockId"].as_u64()?,
        offset: value["startOffset"].as_u64()?,
        length: value["block"]["numBytes"].as_u64()?,
        hosts: hosts.collect::<Option<_>>()?,
    })
}

fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(directory).ok()?.flatten() {
        let path = entry.path();
        if entry.file_name() == name {
            return Some(path);
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir())
            && let Some(found) = find(&path, name)
        {
            return Some(found);
        }
    }
    None
}

/// Flips one byte in every 4096, so that any read of a page meets one.
fn flip(replica: &Path, length: u64) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(replica)?;
    for offset in (0..length).step_by(4096) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset)?;
        file.write_all_at(&[!byte[0]], offset)?;
    }
    Ok(())
}
