//! Our own executable, as tests run it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

/// Why there is no executable to test.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// It has not been built.
    #[error("no executable at {path}: build it with `cargo build -p yarn-submit`, or name it in BOBBIN_YARN_SUBMIT")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The stripped copy could not be made.
    #[error("copy {path} without its symbols")]
    Copy {
        /// Of what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Neither tool works.
    #[error("take the symbols out of {path}: neither strip nor objcopy works, install binutils")]
    Strip {
        /// Of what.
        path: PathBuf,
    },
}

/// `yarn-submit`: `$BOBBIN_YARN_SUBMIT`, else a copy without symbols of the one beside this test's own executable. With its
/// symbols it is several times as big, and containers would fetch them all.
pub fn yarn_submit() -> Result<PathBuf, ProgramError> {
    if let Some(path) = std::env::var_os("BOBBIN_YARN_SUBMIT").map(PathBuf::from) {
        return if path.is_file() { Ok(path) } else { Err(ProgramError::Missing { path }) };
    }
    let path = profile_directory().join("yarn-submit");
    if !path.is_file() {
        return Err(ProgramError::Missing { path });
    }
    stripped(&path)
}

/// A copy without symbols of another program that was built beside this test's own executable.
///
/// # Errors
/// There is none, or it cannot be copied.
pub fn program_beside(name: &str) -> Result<PathBuf, ProgramError> {
    let path = profile_directory().join(name);
    if path.is_file() { stripped(&path) } else { Err(ProgramError::Missing { path }) }
}

/// Cargo, for building beside tests what is fetched already. It does not see which package is tested: dependencies whose build
/// scripts look at that would be built anew, and all that uses them, here and again by whoever runs tests next.
pub fn cargo(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command.env("CARGO_NET_OFFLINE", "true");
    command
}

/// `target/debug` or the like. Tests lie in its `deps`.
fn profile_directory() -> PathBuf {
    let me = std::env::current_exe().unwrap_or_default();
    let parent = me.parent().unwrap_or(Path::new("."));
    let beside_tests = ["deps", "examples"].iter().any(|name| parent.ends_with(name));
    if beside_tests { parent.parent().unwrap_or(parent) } else { parent }.to_owned()
}

/// The copy without symbols; made again when the executable is newer.
fn stripped(path: &Path) -> Result<PathBuf, ProgramError> {
    let folder = path.with_file_name("stripped");
    let copy = folder.join(path.file_name().unwrap_or_default());
    let failed = |source| ProgramError::Copy { path: path.to_owned(), source };
    fs::create_dir_all(&folder).map_err(failed)?;
    let lock = File::create(folder.join("lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if up_to_date(path, &copy).map_err(failed)? {
        return Ok(copy);
    }
    let partial = folder.join("partial");
    let tools = [("strip", vec!["-o"]), ("objcopy", vec!["--strip-all"])];
    let worked = tools.into_iter().any(|(tool, arguments)| {
        let mut command = Command::new(tool);
        command.args(arguments);
        // strip wants the copy first, objcopy last.
        if tool == "strip" {
            command.arg(&partial).arg(path)
        } else {
            command.arg(path).arg(&partial)
        };
        command.status().is_ok_and(|status| status.success())
    });
    if !worked {
        return Err(ProgramError::Strip { path: path.to_owned() });
    }
    fs::rename(partial, &copy).map_err(failed)?;
    Ok(copy)
}

fn up_to_date(path: &Path, copy: &Path) -> io::Result<bool> {
    let Ok(made) = fs::metadata(copy) else { return Ok(false) };
    Ok(made.modified()? > fs::metadata(path)?.modified()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_smaller_runs_and_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let copy = stripped(&program).unwrap();
        assert!(fs::metadata(&copy).unwrap().len() < fs::metadata(&program).unwrap().len());
        assert!(Command::new(&copy).arg("--list").output().unwrap().status.success());
        let made = fs::metadata(&copy).unwrap().modified().unwrap();
        assert_eq!(fs::metadata(stripped(&program).unwrap()).unwrap().modified().unwrap(), made);
    }
}
