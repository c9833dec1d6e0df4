//! Formats of archives, which their names say: YARN decides by the suffix alone what it unpacks, and how.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{ArchiveError, Unsupported};

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// `.tar.gz`: YARN unpacks it.
    TarGz,
    /// `.tgz`: the same.
    Tgz,
    /// `.tar`: YARN unpacks it.
    Tar,
    /// `.tar.zst` or `.tzst`: bobbin's own processes unpack it.
    TarZst,
    /// `.zip`: YARN unpacks it, and loses links.
    Zip,
}

/// A name that says no format.
#[derive(Debug, thiserror::Error)]
#[error("{0}: end the name in .tar.gz, .tgz, .tar.zst, .tar or .zip, or say the format with --format")]
pub struct UnknownSuffix(String);

/// Suffixes of names, in lower case.
const SUFFIXES: [(&str, Format); 6] = [
    (".tar.gz", Format::TarGz),
    (".tgz", Format::Tgz),
    (".tar", Format::Tar),
    (".tar.zst", Format::TarZst),
    (".tzst", Format::TarZst),
    (".zip", Format::Zip),
];

const UNKNOWN_COMPRESSIONS: [&str; 6] = [".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.lz4", ".squashfs"];

impl Format {
    /// The format that a file's name says.
    ///
    /// # Errors
    /// When it says none.
    pub fn by_suffix(path: &Path) -> Result<Format, UnknownSuffix> {
        by_name(path).map_err(|_| UnknownSuffix(path.display().to_string()))
    }

    /// The usual suffix of a name.
    pub fn suffix(self) -> &'static str {
        match self {
            Format::TarGz => ".tar.gz",
            Format::Tgz => ".tgz",
            Format::Tar => ".tar",
            Format::TarZst => ".tar.zst",
            Format::Zip => ".zip",
        }
    }

    /// Whether YARN unpacks it; else bobbin's own processes do.
    pub fn is_unpacked_by_yarn(self) -> bool {
        self != Format::TarZst
    }

    /// What the first bytes of such a file are; `None` where they say nothing.
    fn magic(self) -> Option<(&'static [u8], &'static str)> {
        match self {
            Format::TarGz | Format::Tgz => Some((&[0x1f, 0x8b], "gzip's")),
            Format::TarZst => Some((&[0x28, 0xb5, 0x2f, 0xfd], "zstd's")),
            Format::Zip => Some((b"PK", "zip's")),
            Format::Tar => None,
        }
    }
}

/// Decides by name, as YARN does, and checks the first bytes against it.
pub(crate) fn open(path: &Path) -> Result<(Format, File), ArchiveError> {
    let io_error = |source| ArchiveError::Open { path: path.to_owned(), source };
    let unsupported = |reason| ArchiveError::Unsupported { path: path.to_owned(), reason };
    let mut file = File::open(path).map_err(io_error)?;
    if file.metadata().map_err(io_error)?.is_dir() {
        return Err(unsupported(Unsupported::Directory(path.to_owned())));
    }
    let format = by_name(path).map_err(unsupported)?;
    let mut start = Vec::with_capacity(4);
    file.by_ref().take(4).read_to_end(&mut start).map_err(io_error)?;
    file.seek(SeekFrom::Start(0)).map_err(io_error)?;
    let disguised = |expected| unsupported(Unsupported::Disguised { name: format.suffix(), expected });
    match format.magic() {
        Some((magic, expected)) if !start.is_empty() && !start.starts_with(magic) => Err(disguised(expected)),
        None if SUFFIXES.iter().filter_map(|(_, format)| format.magic()).any(|(magic, _)| start.starts_with(magic)) => {
            Err(disguised("tar's"))
        }
        Some(_) | None => Ok((format, file)),
    }
}

fn by_name(path: &Path) -> Result<Format, Unsupported> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    if let Some((_, format)) = SUFFIXES.iter().find(|(suffix, _)| name.ends_with(suffix)) {
        return Ok(*format);
    }
    match UNKNOWN_COMPRESSIONS.into_iter().find(|suffix| name.ends_with(suffix)) {
        Some(suffix) => Err(Unsupported::Compression(suffix)),
        None => Err(Unsupported::Name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_as_they_do_for_yarn() {
        let check = |name: &str, expected: Result<Format, Unsupported>| {
            assert_eq!(by_name(Path::new(name)), expected, "{name}");
        };
        check("/a/env.tar.gz", Ok(Format::TarGz));
        check("ENV.TGZ", Ok(Format::Tgz));
        check("env.tar", Ok(Format::Tar));
        check("env.zip", Ok(Format::Zip));
        check("env.tar.zst", Ok(Format::TarZst));
        check("env.tar.xz", Err(Unsupported::Compression(".tar.xz")));
        check("env", Err(Unsupported::Name));
        check("env.gz", Err(Unsupported::Name));
    }
}
