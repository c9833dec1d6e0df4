//! Bytes of a file that lie together.

/// Bytes of a file that lie together.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    pub bytes: &'a [u8],
    /// Of the first byte in the file.
    pub offset: u64,
    /// The file ends with these bytes.
    pub at_eof: bool,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl<'a> Block<'a> {
    /// The block without its first `skipped` bytes.
    pub(super) fn from(self, skipped: usize) -> Block<'a> {
        Block { bytes: &self.bytes[skipped..], offset: self.offset + skipped as u64, ..self }
    }

    /// Where the line that holds the byte at `at` is over: behind its newline, or at the end of the file.
    pub(super) fn line_end(self, at: usize) -> Option<usize> {
        match memchr::memchr(b'\n', &self.bytes[at..]) {
            Some(newline) => Some(at + newline + 1),
            None => self.at_eof.then_some(self.bytes.len()),
        }
    }

    /// Length of the byte order mark at the block's start; `None`: too few bytes to tell.
    pub(super) fn mark_len(self) -> Option<usize> {
        if self.bytes.starts_with(BYTE_ORDER_MARK) {
            Some(BYTE_ORDER_MARK.len())
        } else if BYTE_ORDER_MARK.starts_with(self.bytes) && !self.at_eof {
            None
        } else {
            Some(0)
        }
    }
}

/// Newlines among `bytes`.
pub(super) fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
