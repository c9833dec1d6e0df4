//! Text files that are compressed while they are written.

use std::io::{self, Write};

use flate2::write::GzEncoder;

use super::{Destination, OutputCompression};

/// The level that `gzip` has by default.
const GZIP_LEVEL: u32 = 6;
/// The level that `zstd` has by default.
const ZSTD_LEVEL: i32 = 3;

/// A destination whose bytes are compressed on their way. What is buffered is written, and the format ended, by `flush`,
/// after which nothing more may be written.
pub(super) fn pack(compression: OutputCompression, destination: Destination) -> io::Result<Destination> {
    Ok(match compression {
        OutputCompression::None | OutputCompression::Snappy => destination,
        OutputCompression::Gzip => {
            Box::new(Gzip(Some(GzEncoder::new(destination, flate2::Compression::new(GZIP_LEVEL)))))
        }
        OutputCompression::Zstd => Box::new(Zstd(Some(zstd::Encoder::new(destination, ZSTD_LEVEL)?))),
    })
}

fn ended() -> io::Error {
    io::Error::other("the compressed file has ended")
}

struct Gzip(Option<GzEncoder<Destination>>);

impl Write for Gzip {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_mut().ok_or_else(ended)?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.take() {
            Some(encoder) => encoder.finish()?.flush(),
            None => Ok(()),
        }
    }
}

struct Zstd(Option<zstd::Encoder<'static, Destination>>);

impl Write for Zstd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_mut().ok_or_else(ended)?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.take() {
            Some(encoder) => encoder.finish()?.flush(),
            None => Ok(()),
        }
    }
}
