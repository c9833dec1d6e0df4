//! How many bytes came which way, and why a quicker way was not taken.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Counts bytes by the way they came; shared by all files that a task opens.
#[derive(Debug, Default)]
pub struct ReadCounters {
    /// Bytes through file descriptors that the DataNode handed over.
    pub short_circuit: AtomicU64,
    /// Bytes through the socket of the DataNode on this host.
    pub local_socket: AtomicU64,
    /// Bytes from other hosts, and what hdfs-native read where only it could (encrypted, erasure-coded, secured).
    pub remote: AtomicU64,
    /// Bytes of local files.
    pub local_file: AtomicU64,
    /// Why a quicker way was not taken: `host: way: reason`, each once; not more than 100.
    pub fallbacks: Mutex<BTreeSet<String>>,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSnapshot {
    /// Bytes through file descriptors that the DataNode handed over.
    pub short_circuit: u64,
    /// Bytes through the socket of the DataNode on this host.
    pub local_socket: u64,
    /// Bytes from other hosts, and what hdfs-native read where only it could (encrypted, erasure-coded, secured).
    pub remote: u64,
    /// Bytes of local files.
    pub local_file: u64,
    /// Why a quicker way was not taken, sorted.
    pub fallbacks: Vec<String>,
}

/// Most reasons that are kept: a broken disk has one for each of its blocks.
const MOST_FALLBACKS: usize = 100;

impl ReadCounters {
    /// Remembers why a quicker way was not taken.
    pub(crate) fn note(&self, reason: &str) {
        let mut fallbacks = self.fallbacks.lock().unwrap_or_else(PoisonError::into_inner);
        if fallbacks.len() < MOST_FALLBACKS && fallbacks.insert(reason.to_owned()) {
            tracing::warn!(reason, "a quicker way to a block failed");
        }
    }

    /// The values now.
    pub fn snapshot(&self) -> ReadSnapshot {
        let fallbacks = self.fallbacks.lock().unwrap_or_else(PoisonError::into_inner);
        ReadSnapshot {
            short_circuit: self.short_circuit.load(Ordering::Relaxed),
            local_socket: self.local_socket.load(Ordering::Relaxed),
            remote: self.remote.load(Ordering::Relaxed),
            local_file: self.local_file.load(Ordering::Relaxed),
            fallbacks: fallbacks.iter().cloned().collect(),
        }
    }
}
