//! A region of the file as a stream of its uncompressed bytes.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::ZlibDecoder;

use super::{LogError, ReadAt};

/// Bytes that are fetched at once.
const FETCH: usize = 256 * 1024;

/// Consecutive bytes of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// How a region is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    /// What Hadoop calls gz here: zlib, without gzip's header.
    Zlib,
}

impl Compression {
    pub(super) fn from_name(name: &str) -> Result<Self, LogError> {
        match name {
            "none" => Ok(Self::None),
            "gz" => Ok(Self::Zlib),
            other => Err(LogError::Compression { name: other.to_owned() }),
        }
    }
}

impl Region {
    /// A region that lies inside a file of this length.
    pub(super) fn checked(offset: i64, length: i64, file: u64, what: &'static str) -> Result<Self, LogError> {
        let error = LogError::Damaged { what, reason: "it points outside the file" };
        let (Ok(offset), Ok(length)) = (u64::try_from(offset), u64::try_from(length)) else {
            return Err(error);
        };
        if offset.checked_add(length).is_none_or(|end| end > file) {
            return Err(error);
        }
        Ok(Self { offset, length })
    }
}

/// Reads exactly these bytes of the file.
pub(super) fn read_exact(
    read: ReadAt<'_>,
    offset: u64,
    length: usize,
    file: u64,
    what: &'static str,
) -> Result<Bytes, LogError> {
    if offset.checked_add(length as u64).is_none_or(|end| end > file) {
        return Err(LogError::Format { reason: "it is too short" });
    }
    let mut bytes = vec![0; length];
    let mut raw = Raw::new(Region { offset, length: length as u64 }, read);
    raw.read_exact(&mut bytes).map_err(LogError::read(what))?;
    Ok(bytes.into())
}

/// The uncompressed bytes of a region.
pub(super) enum Content<'a> {
    Plain(Raw<'a>),
    Zlib(Box<ZlibDecoder<Raw<'a>>>),
}

impl<'a> Content<'a> {
    pub(super) fn open(region: Region, compression: Compression, read: ReadAt<'a>) -> Self {
        let raw = Raw::new(region, read);
        match compression {
            Compression::None => Self::Plain(raw),
            Compression::Zlib => Self::Zlib(Box::new(ZlibDecoder::new(raw))),
        }
    }

    /// Passes over bytes: for nothing where they are not compressed.
    pub(super) fn skip(&mut self, count: u64) -> io::Result<()> {
        match self {
            Self::Plain(raw) => raw.skip(count),
            Self::Zlib(decoder) => match io::copy(&mut decoder.take(count), &mut io::sink())? {
                skipped if skipped == count => Ok(()),
                _ => Err(io::ErrorKind::UnexpectedEof.into()),
            },
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(raw) => raw.read(buffer),
            Self::Zlib(decoder) => decoder.read(buffer),
        }
    }
}

/// The bytes of a region as they are in the file.
pub(super) struct Raw<'a> {
    read: ReadAt<'a>,
    /// What has not been fetched yet.
    rest: Region,
    fetched: Bytes,
}

impl<'a> Raw<'a> {
    fn new(rest: Region, read: ReadAt<'a>) -> Self {
        Self { read, rest, fetched: Bytes::new() }
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        let fetched = (self.fetched.len() as u64).min(count);
        let _ = self.fetched.split_to(fetched as usize);
        let beyond = count - fetched;
        if beyond > self.rest.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.rest = Region { offset: self.rest.offset + beyond, length: self.rest.length - beyond };
        Ok(())
    }

    fn fetch(&mut self) -> io::Result<()> {
        let wanted = self.rest.length.min(FETCH as u64) as usize;
        let fetched = (self.read)(self.rest.offset, wanted).map_err(io::Error::other)?;
        if fetched.is_empty() || fetched.len() > wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = fetched.len() as u64;
        self.rest = Region { offset: self.rest.offset + length, length: self.rest.length - length };
        self.fetched = fetched;
        Ok(())
    }
}

impl Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fetched.is_empty() && self.rest.length > 0 && !buffer.is_empty() {
            self.fetch()?;
        }
        let length = buffer.len().min(self.fetched.len());
        buffer[..length].copy_from_slice(&self.fetched.split_to(length));
        Ok(length)
    }
}
