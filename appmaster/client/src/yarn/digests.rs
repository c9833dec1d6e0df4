//! SHA-256 of local files: the names under which they are uploaded. Computed once for each version of a file.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::memory::Memory;

/// SHA-256 of a file's content. Displays as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Remembers digests of files by path, length and modification time.
#[derive(Debug)]
pub struct Digests(Memory);

/// A file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("read {}", path.display())]
pub struct DigestError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// Computes the digest of a whole file.
    pub fn of_file(path: &Path) -> io::Result<Digest> {
        let mut file = File::open(path)?;
        let mut state = Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(Digest(state.finalize().into())),
                length => state.update(&buffer[..length]),
            }
        }
    }

    fn parse(text: &str) -> Option<Digest> {
        let bytes = text.as_bytes();
        let mut digest = [0; 32];
        for (index, byte) in digest.iter_mut().enumerate() {
            let pair = std::str::from_utf8(bytes.get(2 * index..2 * index + 2)?).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        (bytes.len() == 64).then_some(Digest(digest))
    }
}

impl Digests {
    /// Digests that the user's earlier runs have computed.
    pub fn open() -> Digests {
        Digests(Memory::open("digests"))
    }

    /// Those in a file of the caller's choice; absent: none.
    pub fn at(store: Option<PathBuf>) -> Digests {
        Digests(Memory::at(store))
    }

    /// The digest and length of a file, computed only when the file has changed since the last time.
    pub fn of(&mut self, path: &Path) -> Result<(Digest, u64), DigestError> {
        let error = |source| DigestError { path: path.to_owned(), source };
        let absolute = std::fs::canonicalize(path).map_err(error)?;
        let metadata = std::fs::metadata(&absolute).map_err(error)?;
        if metadata.is_dir() {
            return Err(error(io::ErrorKind::IsADirectory.into()));
        }
        let key =
            format!("{}\t{}\t{}.{:09}", absolute.display(), metadata.len(), metadata.mtime(), metadata.mtime_nsec());
        if let Some(digest) = self.0.recall(&key).and_then(Digest::parse) {
            return Ok((digest, metadata.len()));
        }
        let digest = Digest::of_file(&absolute).map_err(error)?;
        self.0.remember(key, digest.to_string());
        Ok((digest, metadata.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_remembered_until_the_file_changes() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("abc");
        let store = directory.path().join("cache/digests");
        std::fs::write(&file, "abc").unwrap();
        let (digest, length) = Digests::at(Some(store.clone())).of(&file).unwrap();
        assert_eq!(digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(length, 3);

        // What stands in the memory is believed for this version of the file.
        let text = std::fs::read_to_string(&store).unwrap().replace("ba7816bf", "00000000");
        std::fs::write(&store, text).unwrap();
        assert!(Digests::at(Some(store.clone())).of(&file).unwrap().0.to_string().starts_with("00000000"));

        std::fs::write(&file, "abcd").unwrap();
        assert!(Digests::at(Some(store)).of(&file).unwrap().0.to_string().starts_with("88d4266f"));
    }

    #[test]
    fn a_damaged_memory_is_ignored() {
        let directory = tempfile::tempdir().unwrap();
        let (file, store) = (directory.path().join("abc"), directory.path().join("digests"));
        std::fs::write(&file, "abc").unwrap();
        std::fs::write(&store, b"\xff\xfe nonsense \t\t\n\t\nzz\tx\n").unwrap();
        assert!(Digests::at(Some(store)).of(&file).is_ok());
        assert!(Digests::at(None).of(Path::new("/nowhere")).is_err());
    }
}
