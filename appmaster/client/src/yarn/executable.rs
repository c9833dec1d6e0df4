//! Our own executable, which every container runs.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Variable that names another executable to ship than the running one: a stripped copy, another build.
const OVERRIDE: &str = "BOBBIN_EXECUTABLE";

/// Why there is nothing to ship.
#[derive(Debug, thiserror::Error)]
pub enum ExecutableError {
    /// The system does not say which file this process runs.
    #[error("find the running executable; name it with {OVERRIDE}")]
    Unknown(#[source] io::Error),
    /// The file cannot be read.
    #[error("read the executable {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a Linux executable for x86_64 or aarch64; name the right one with --bin or {OVERRIDE}", .0.display())]
    Foreign(PathBuf),
}

/// The executable to ship: `$BOBBIN_EXECUTABLE`, or the file that this process runs.
pub fn executable() -> Result<PathBuf, ExecutableError> {
    let path = match std::env::var_os(OVERRIDE).filter(|value| !value.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe().map_err(ExecutableError::Unknown)?,
    };
    check_executable(&path)?;
    Ok(path)
}

/// Checks that a file starts like an ELF executable of a machine that we support.
pub fn check_executable(path: &Path) -> Result<(), ExecutableError> {
    let mut start = [0; 20];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    match read {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(ExecutableError::Foreign(path.to_owned())),
        Err(source) => Err(ExecutableError::Read { path: path.to_owned(), source }),
        Ok(()) => {
            let machine = u16::from_le_bytes([start[18], start[19]]);
            let is_known = start.starts_with(b"\x7fELF") && matches!(machine, 0x3e | 0xb7);
            if is_known { Ok(()) } else { Err(ExecutableError::Foreign(path.to_owned())) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_executables_are_shipped() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("script");
        std::fs::write(&script, "#!/bin/sh\nexec something else entirely\n").unwrap();
        assert!(matches!(check_executable(&script), Err(ExecutableError::Foreign(_))));
        assert!(matches!(check_executable(Path::new("/nowhere")), Err(ExecutableError::Read { .. })));
        assert!(check_executable(&std::env::current_exe().unwrap()).is_ok());
    }
}
