//! Deflating: small content as a whole, large content window by window, side by side.

use std::io;

use flate2::{Compress, Compression, FlushCompress, Status};
use libdeflater::{CompressionLvl, Compressor};

/// Bytes by which the room for compressed bytes grows.
const STEP: usize = 64 << 10;

/// The compressors of one thread.
pub(super) struct Deflater {
    whole: Compressor,
    windows: Compress,
}

impl Deflater {
    /// At a level of libdeflate, or at its next of zlib's, which end at 9.
    pub(super) fn new(level: Option<i32>) -> Deflater {
        let level = level.unwrap_or(4).clamp(0, 12);
        let whole = Compressor::new(CompressionLvl::new(level).unwrap_or_default());
        Deflater { whole, windows: Compress::new(Compression::new(level.unsigned_abs().min(9)), false) }
    }

    /// Content as one stream.
    pub(super) fn whole(&mut self, content: &[u8]) -> io::Result<Vec<u8>> {
        let mut packed = vec![0; self.whole.deflate_compress_bound(content.len())];
        let length = self.whole.deflate_compress(content, &mut packed).map_err(io::Error::other)?;
        packed.truncate(length);
        packed.shrink_to_fit();
        Ok(packed)
    }

    /// A window of a stream: it refers to nothing before it and ends with a whole byte, so that the next one can follow.
    pub(super) fn window(&mut self, content: &[u8], is_last: bool) -> io::Result<Vec<u8>> {
        self.windows.reset();
        let flush = if is_last { FlushCompress::Finish } else { FlushCompress::Full };
        let mut packed = Vec::with_capacity(content.len() / 2 + STEP);
        loop {
            let rest = &content[self.windows.total_in() as usize..];
            let status = self.windows.compress_vec(rest, &mut packed, flush)?;
            let is_done = match status {
                Status::StreamEnd => true,
                Status::Ok | Status::BufError => {
                    let is_read = self.windows.total_in() == content.len() as u64;
                    !is_last && is_read && packed.len() < packed.capacity()
                }
            };
            if is_done {
                packed.shrink_to_fit();
                return Ok(packed);
            }
            packed.reserve(STEP);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn windows_in_a_row_are_one_stream() {
        let noise = |number: u32| (number.wrapping_mul(2_654_435_761) >> 13) as u8;
        let windows: [Vec<u8>; 4] =
            [(0..300_000).map(noise).collect(), vec![7; 500_000], (0..70_000).map(noise).collect(), b"end".to_vec()];
        for level in [0, 1, 4, 9, 12] {
            let mut deflater = Deflater::new(Some(level));
            let packed: Vec<Vec<u8>> = (windows.iter().enumerate())
                .map(|(index, window)| deflater.window(window, index + 1 == windows.len()).unwrap())
                .collect();
            let mut content = Vec::new();
            flate2::read::DeflateDecoder::new(packed.concat().as_slice()).read_to_end(&mut content).unwrap();
            assert!(content == windows.concat(), "level {level}");
        }
    }
}
