//! The compressors: each piece becomes a gzip member or a zstd frame of its own, so that all cores can work at once and
//! the bytes do not depend on how many there are.

use std::io;

use libdeflater::CompressionLvl;
use zstd::zstd_safe::CParameter;

use super::chunk::Cutting;
use crate::format::Format;

/// How pieces are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    None,
    /// Gzip members, at a level of libdeflate.
    Gzip(i32),
    /// Zstandard frames, at a level.
    Zstd(i32),
}

impl Compression {
    /// What an archive of `format` has inside; `level` where the user gave one.
    pub(crate) fn of(format: Format, level: Option<i32>) -> Compression {
        match format {
            Format::TarGz | Format::Tgz => Compression::Gzip(level.unwrap_or(3).clamp(0, 12)),
            Format::TarZst => Compression::Zstd(level.unwrap_or(3).clamp(1, 19)),
            Format::Tar | Format::Zip => Compression::None,
        }
    }

    /// Larger pieces compress better and leave less to do at once.
    pub(crate) fn cutting(self) -> Cutting {
        match self {
            Compression::None | Compression::Gzip(_) => Cutting { one_in: 64, window: 1 << 20 },
            Compression::Zstd(_) => Cutting { one_in: 96, window: 4 << 20 },
        }
    }
}

/// A compressor of one thread, with its memory.
pub(crate) struct Compressor {
    kind: Kind,
    packed: Vec<u8>,
}

enum Kind {
    None,
    Gzip(Box<libdeflater::Compressor>),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Compressor {
    pub(crate) fn new(compression: Compression) -> io::Result<Compressor> {
        let kind = match compression {
            Compression::None => Kind::None,
            Compression::Gzip(level) => {
                let level = CompressionLvl::new(level).unwrap_or_default();
                Kind::Gzip(Box::new(libdeflater::Compressor::new(level)))
            }
            Compression::Zstd(level) => {
                let mut compressor = zstd::bulk::Compressor::new(level)?;
                compressor.set_parameter(CParameter::ChecksumFlag(true))?;
                Kind::Zstd(compressor)
            }
        };
        Ok(Compressor { kind, packed: Vec::new() })
    }

    /// Compresses one piece.
    pub(crate) fn compress(&mut self, raw: &[u8]) -> io::Result<Vec<u8>> {
        let bound = match &mut self.kind {
            Kind::None => return Ok(raw.to_vec()),
            Kind::Gzip(compressor) => compressor.gzip_compress_bound(raw.len()),
            Kind::Zstd(_) => zstd::zstd_safe::compress_bound(raw.len()),
        };
        if self.packed.len() < bound {
            self.packed.resize(bound, 0);
        }
        let length = match &mut self.kind {
            Kind::None => 0,
            Kind::Gzip(compressor) => compressor.gzip_compress(raw, &mut self.packed).map_err(io::Error::other)?,
            Kind::Zstd(compressor) => compressor.compress_to_buffer(raw, self.packed.as_mut_slice())?,
        };
        Ok(self.packed[..length].to_vec())
    }
}
