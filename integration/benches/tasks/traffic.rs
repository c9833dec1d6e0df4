//! Messages on the wire, as workers and drivers see them.

use std::ops::Sub;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bobbin_proto::Message;

/// Bytes of a frame before its message.
const PREFIX: u64 = 4;

/// What went over all links so far, both ways.
#[derive(Clone, Copy)]
pub struct Traffic {
    /// Frames.
    pub messages: u64,
    /// Their bytes, before TLS.
    pub bytes: u64,
}

/// Counts for everybody.
#[derive(Clone, Default)]
pub struct Counter {
    sums: Arc<(AtomicU64, AtomicU64)>,
}

impl Counter {
    /// Counts one message.
    pub fn count(&self, message: &impl Message) {
        self.sums.0.fetch_add(1, Ordering::Relaxed);
        self.sums.1.fetch_add(PREFIX + message.encoded_len() as u64, Ordering::Relaxed);
    }

    /// What went so far.
    pub fn now(&self) -> Traffic {
        let (messages, bytes) = &*self.sums;
        Traffic { messages: messages.load(Ordering::Relaxed), bytes: bytes.load(Ordering::Relaxed) }
    }
}

impl Sub for Traffic {
    type Output = Traffic;

    fn sub(self, before: Traffic) -> Traffic {
        Traffic { messages: self.messages - before.messages, bytes: self.bytes - before.bytes }
    }
}
