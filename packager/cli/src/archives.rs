//! Archives that were found good in an earlier run. Reading one through takes as long as unpacking it; the same content
//! needs it once.

use std::path::Path;

use bobbin::yarn::{Digests, Memory};
use bobbin_packager::{Archive, ArchiveError};

/// Facts of another version are not believed: it may have looked for less.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// [`bobbin_packager::inspect`], unless the same content was inspected before.
pub fn inspect(path: &Path) -> Result<Archive, ArchiveError> {
    Archives { digests: Digests::open(), verdicts: Memory::open("archives") }.inspect(path)
}

struct Archives {
    digests: Digests,
    /// JSON of an [`Archive`] by version and digest. What is wrong with an archive is found out anew each time.
    verdicts: Memory,
}

impl Archives {
    fn inspect(&mut self, path: &Path) -> Result<Archive, ArchiveError> {
        // A file without a digest cannot be read, which the inspection says better.
        let Ok((digest, _)) = self.digests.of(path) else { return bobbin_packager::inspect(path) };
        let key = format!("{VERSION} {digest}");
        if let Some(archive) = self.verdicts.recall(&key).and_then(|text| revive(text, path)) {
            return Ok(archive);
        }
        let archive = bobbin_packager::inspect(path)?;
        if let Ok(text) = serde_json::to_string(&archive) {
            self.verdicts.remember(key, text);
        }
        Ok(archive)
    }
}

/// What is remembered, for a file of that name: YARN decides by the name how it unpacks a file.
fn revive(text: &str, path: &Path) -> Option<Archive> {
    let archive: Archive = serde_json::from_str(text).ok()?;
    let format = bobbin_packager::Format::by_suffix(path).ok()?;
    (format == archive.format).then(|| Archive { path: path.to_owned(), ..archive })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty directory in a tar file.
    fn tar() -> Vec<u8> {
        let mut header = [0; 512];
        header[..4].copy_from_slice(b"bin/");
        header[100..107].copy_from_slice(b"0000755");
        header[124..135].copy_from_slice(b"00000000000");
        header[156] = b'5';
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        [&header[..], &[0; 1024]].concat()
    }

    #[test]
    fn an_archive_is_read_through_once_for_each_content_and_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let verdicts = || Memory::at(Some(path("verdicts")));
        let archives = || Archives { digests: Digests::at(None), verdicts: verdicts() };
        std::fs::write(path("env.tar"), tar()).unwrap();
        let first = archives().inspect(&path("env.tar")).unwrap();
        assert_eq!(first.entries, 1);

        // What stands in the memory is believed, under another name of the same kind too.
        let text = std::fs::read_to_string(path("verdicts")).unwrap().replace("\"entries\":1", "\"entries\":7");
        std::fs::write(path("verdicts"), text).unwrap();
        std::fs::copy(path("env.tar"), path("other.tar")).unwrap();
        let second = archives().inspect(&path("other.tar")).unwrap();
        assert_eq!((second.entries, second.path), (7, path("other.tar")));

        // Under a name that means another format it is not.
        std::fs::copy(path("env.tar"), path("env.tar.gz")).unwrap();
        assert!(archives().inspect(&path("env.tar.gz")).is_err());
        std::fs::write(path("env.tar"), [tar(), tar()].concat().split_off(512)).unwrap();
        assert!(archives().inspect(&path("env.tar")).is_err(), "other content, other verdict");
        assert!(archives().inspect(Path::new("/nowhere/env.tar")).is_err());
    }
}
