//! The content of one entry: counted against the limits, and noticed when it ends too early.

use std::io::{self, Read};

use super::limits::{LARGE, PIECE};
use super::{Meter, Stop};

/// Content that is being read.
pub(super) struct Metered<'a, R, E> {
    inner: R,
    left: u64,
    is_large: bool,
    meter: &'a mut Meter,
    stop: Option<Stop<E>>,
}

impl<'a, R: Read, E> Metered<'a, R, E> {
    /// Content of which the archive says that it has `size` bytes.
    pub(super) fn new(inner: R, size: u64, meter: &'a mut Meter) -> Self {
        Metered { inner, left: size, is_large: size > LARGE, meter, stop: None }
    }

    /// Reads what the visitor has left, so that all of it is checked; `outcome` is what the visitor said.
    pub(super) fn finish(mut self, outcome: Result<(), Stop<E>>) -> Result<R, Stop<E>> {
        let size = self.left;
        let outcome = outcome.and_then(|()| drain(&mut self, size).map(drop).map_err(Stop::Read));
        match self.stop {
            Some(stop) => Err(stop),
            None => outcome.map(|()| self.inner),
        }
    }
}

impl<R: Read, E> Read for Metered<'_, R, E> {
    /// Fills the whole buffer while there is content: what is counted is what is written, piece by piece.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = fill(&mut self.inner, buffer)?;
        if length == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(length as u64);
        let piece = &buffer[..length];
        let counted = if self.is_large { self.meter.piece(piece) } else { self.meter.content(length as u64) };
        if let Err(stop) = counted {
            self.stop = Some(stop);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(length)
    }
}

/// Reads until `buffer` is full or the content ends.
pub(crate) fn fill(content: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match content.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads content of about `size` bytes to its end, in the pieces in which it would be written. Returns its length.
pub(crate) fn drain(content: &mut dyn Read, size: u64) -> io::Result<u64> {
    let mut piece = vec![0; usize::try_from(size).map_or(PIECE, |size| size.clamp(1, PIECE))];
    let mut all = 0;
    loop {
        match fill(content, &mut piece)? {
            0 => return Ok(all),
            length => all += length as u64,
        }
    }
}
