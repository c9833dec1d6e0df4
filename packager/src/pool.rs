//! Memory that is used again. A page that the kernel has to find anew costs as much as decoding it.

use std::sync::{Mutex, PoisonError};

/// Buffers that wait.
const MOST: usize = 32;

/// Buffers that several threads give and take.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    /// An empty buffer, with as much capacity as it happens to have.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Gives a buffer back, whatever is in it.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut buffers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() < MOST {
            buffers.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_with_their_memory() {
        let pool = Pool::default();
        pool.give(Vec::from([1; 1000]));
        let buffer = pool.take();
        assert!(buffer.is_empty() && buffer.capacity() >= 1000);
        assert_eq!(pool.take().capacity(), 0);
    }
}
