//! Generated files outside the repository, made once.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file in the cache, and what its generator counted while it wrote it.
#[derive(Clone, Debug)]
pub struct Cached<T> {
    /// The file.
    pub path: PathBuf,
    /// What is in it.
    pub tally: T,
}

/// `$BOBBIN_DATA_CACHE`, else `~/.cache/bobbin-data`.
///
/// # Errors
/// When there is neither.
pub fn directory() -> Result<PathBuf, String> {
    let named = std::env::var_os("BOBBIN_DATA_CACHE").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/bobbin-data"));
    named.or(home).ok_or_else(|| "no cache directory: set HOME".to_owned())
}

/// The file of this name in `directory`, written by `generate` unless it is there. A lock keeps two processes from writing it
/// at once. A generator that changes what it writes gives its files another name.
///
/// # Errors
/// Why it cannot be had.
pub fn cached<T: Serialize + DeserializeOwned>(
    directory: &Path,
    name: &str,
    generate: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
) -> Result<Cached<T>, String> {
    let failed = |error: io::Error| format!("use the cache at {}: {error}", directory.display());
    fs::create_dir_all(directory).map_err(failed)?;
    let lock = File::create(directory.join(format!("{name}.lock"))).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let (path, tally) = (directory.join(name), directory.join(format!("{name}.tally.json")));
    if !tally.is_file() {
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&path).map_err(failed)?);
        let counted = generate(&mut out).map_err(failed)?;
        out.into_inner().map_err(|error| failed(error.into_error()))?;
        // Last, and at once: a file with a tally is whole.
        let partial = directory.join(format!("{name}.partial"));
        fs::write(&partial, serde_json::to_string(&counted).map_err(|error| error.to_string())?).map_err(failed)?;
        fs::rename(&partial, &tally).map_err(failed)?;
    }
    let text = fs::read_to_string(&tally).map_err(failed)?;
    let tally = serde_json::from_str(&text)
        .map_err(|error| format!("{}: {error}; remove it to have the data made again", tally.display()))?;
    Ok(Cached { path, tally })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_made_once_and_a_broken_one_again() {
        let folder = tempfile::tempdir().unwrap();
        let broken = cached(folder.path(), "a", |out| {
            out.write_all(b"half")?;
            Err::<u32, _>(io::Error::other("no more"))
        });
        assert!(broken.unwrap_err().contains("no more"));
        let made = cached(folder.path(), "a", |out| out.write_all(b"whole").map(|()| 7)).unwrap();
        assert_eq!((fs::read_to_string(&made.path).unwrap(), made.tally), ("whole".to_owned(), 7));
        let again = cached::<u32>(folder.path(), "a", |_| panic!("it is there")).unwrap();
        assert_eq!(again.tally, 7);
    }
}
