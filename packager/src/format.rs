//! Which files YARN unpacks: it decides by the suffix of the name alone.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{ArchiveError, Unsupported};

/// How an archive is packed. The names are those that YARN's localizer unpacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// `.tar.gz`
    TarGz,
    /// `.tgz`
    Tgz,
    /// `.tar`
    Tar,
}

impl Format {
    /// What YARN takes a file of this name for; `None` when it would not unpack it.
    pub fn of(path: &Path) -> Option<Format> {
        by_name(path).ok()
    }

    /// The suffix that makes YARN unpack it.
    pub fn suffix(self) -> &'static str {
        match self {
            Format::TarGz => ".tar.gz",
            Format::Tgz => ".tgz",
            Format::Tar => ".tar",
        }
    }

    /// Whether the tar stream is inside a gzip stream.
    pub(crate) fn is_compressed(self) -> bool {
        self != Format::Tar
    }
}

const UNKNOWN_COMPRESSIONS: [&str; 8] =
    [".tar.zst", ".tzst", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.lz4", ".squashfs"];

/// Decides by name, as YARN does, and checks the first bytes against it.
pub(crate) fn open(path: &Path) -> Result<(Format, File), ArchiveError> {
    let io_error = |source| ArchiveError::Open { path: path.to_owned(), source };
    let unsupported = |reason| ArchiveError::Unsupported { path: path.to_owned(), reason };
    let mut file = File::open(path).map_err(io_error)?;
    if file.metadata().map_err(io_error)?.is_dir() {
        return Err(unsupported(Unsupported::Directory(path.to_owned())));
    }
    let format = by_name(path).map_err(unsupported)?;
    let mut start = Vec::with_capacity(2);
    file.by_ref().take(2).read_to_end(&mut start).map_err(io_error)?;
    file.seek(SeekFrom::Start(0)).map_err(io_error)?;
    if format.is_compressed() && !start.is_empty() && start != [0x1f, 0x8b] {
        return Err(unsupported(Unsupported::Disguised { name: format.suffix(), expected: "gzip's" }));
    }
    if !format.is_compressed() && start == [0x1f, 0x8b] {
        return Err(unsupported(Unsupported::Disguised { name: format.suffix(), expected: "tar's" }));
    }
    Ok((format, file))
}

fn by_name(path: &Path) -> Result<Format, Unsupported> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    for format in [Format::TarGz, Format::Tgz, Format::Tar] {
        if name.ends_with(format.suffix()) {
            return Ok(format);
        }
    }
    if name.ends_with(".zip") || name.ends_with(".jar") || name.ends_with(".whl") {
        return Err(Unsupported::Zip);
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
        check("env.zip", Err(Unsupported::Zip));
        check("env.tar.zst", Err(Unsupported::Compression(".tar.zst")));
        check("env", Err(Unsupported::Name));
        check("env.gz", Err(Unsupported::Name));
    }
}
