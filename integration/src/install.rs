//! Hadoop's daemons on this machine: fetched with Maven once into a cache outside the repository, never by a plain build.

mod java;
mod version;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

use crate::notice::notify;

pub(crate) use java::find_program;
pub use java::{Java, JavaError};
pub use version::{UnknownVersion, Version};

/// The Maven project that names the daemons' artifacts.
const PROJECT: &str = include_str!("../pom.xml");

/// A complete native library for Linux travels in this artifact; it serves the daemons of 3.4 and 3.5.
const NATIVE: &str = "io.trino.hadoop:hadoop-apache:3.3.5-3:jar";

/// What may go wrong while the daemons are fetched.
#[derive(Debug, Error)]
pub enum InstallError {
    /// No place for the cache.
    #[error("no cache directory for the Hadoop daemons: set BOBBIN_HADOOP_CACHE or HOME")]
    NoCache,
    /// Java is missing or too old.
    #[error("find a Java for the Hadoop daemons")]
    Java(#[source] JavaError),
    /// Maven is missing.
    #[error("run mvn, which fetches the Hadoop daemons once: install Maven 3, or fill {cache} from another machine")]
    NoMaven {
        /// The cache that Maven would fill.
        cache: PathBuf,
        /// What starting it said.
        #[source]
        source: io::Error,
    },
    /// Maven failed.
    #[error("fetch {what} with Maven failed ({status}): is there a way to Maven Central? it said:\n{output}")]
    Maven {
        /// What was wanted.
        what: String,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// The end of what it printed.
        output: String,
    },
    /// The cache cannot be read or written.
    #[error("use the cache of Hadoop daemons at {path}")]
    Cache {
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// One Hadoop release, ready to run.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Which release.
    pub version: Version,
    /// The Java that runs it.
    pub java: Java,
    /// Where everything made from the jars is kept beside them.
    pub directory: PathBuf,
    /// The jars, in the order of the class path: an archive of classes is bound to it.
    pub jars: Vec<PathBuf>,
    /// The directory of `libhadoop.so`.
    pub native: PathBuf,
}

impl Installation {
    /// The release in the cache; fetches what is not there. A lock file keeps two processes from fetching at once.
    pub fn fetch(version: Version) -> Result<Self, InstallError> {
        let java = Java::find().map_err(InstallError::Java)?;
        let cache = cache_directory()?;
        let directory = directory_of(&cache, version);
        let _lock = lock(&cache)?;
        let jars = directory.join("jars");
        fetch_once(&jars, &format!("the daemons of Hadoop {}", version.release()), |into| jars_command(version, into))?;
        let native = cache.join("native");
        fetch_once(&native, "libhadoop.so", native_command)?;
        let jars = jars_in(&jars).map_err(|source| InstallError::Cache { path: jars, source })?;
        Ok(Self { version, java, directory, jars, native: native.join(native_folder()) })
    }

    /// Whether nothing is left to fetch.
    pub fn fetched(version: Version) -> bool {
        cache_directory()
            .is_ok_and(|cache| cache.join("native").is_dir() && directory_of(&cache, version).join("jars").is_dir())
    }

    /// The archive of classes that lets daemons start in half the time; made by the first cluster.
    pub fn class_archive(&self) -> PathBuf {
        self.directory.join(format!("classes-{}.jsa", self.java.release()))
    }

    /// A freshly formatted NameNode directory.
    pub fn formatted(&self) -> PathBuf {
        self.directory.join("formatted")
    }

    /// A lock for what is made once from the jars.
    pub(crate) fn lock(&self) -> Result<File, InstallError> {
        lock(&self.directory)
    }
}

/// `$BOBBIN_HADOOP_CACHE`, else `~/.cache/bobbin-hadoop`.
pub fn cache_directory() -> Result<PathBuf, InstallError> {
    if let Some(directory) = std::env::var_os("BOBBIN_HADOOP_CACHE") {
        return Ok(directory.into());
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).ok_or(InstallError::NoCache)?;
    Ok(Path::new(&home).join(".cache/bobbin-hadoop"))
}

fn directory_of(cache: &Path, version: Version) -> PathBuf {
    cache.join(format!("hadoop-{}", version.release()))
}

/// Waits for the directory's lock; it is held until the file is dropped.
fn lock(directory: &Path) -> Result<File, InstallError> {
    let path = directory.join("lock");
    let locked = || {
        fs::create_dir_all(directory)?;
        let file = File::create(&path)?;
        file.lock()?;
        Ok(file)
    };
    locked().map_err(|source| InstallError::Cache { path: path.clone(), source })
}

/// Has Maven fill a new directory, which gets its name when it is complete: an interrupted fetch leaves nothing that counts.
fn fetch_once(directory: &Path, what: &str, command: impl FnOnce(&Path) -> Command) -> Result<(), InstallError> {
    if directory.is_dir() {
        return Ok(());
    }
    let partial = directory.with_extension("partial");
    let cache_error = |source| InstallError::Cache { path: partial.clone(), source };
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(cache_error)?;
    }
    fs::create_dir_all(&partial).map_err(cache_error)?;
    fs::write(partial.join("pom.xml"), PROJECT).map_err(cache_error)?;
    notify(&format!("fetching {what} with Maven, once, into {}", directory.display()));
    run_maven(command(&partial), what, &partial)?;
    fs::rename(&partial, directory).map_err(cache_error)
}

fn run_maven(mut command: Command, what: &str, cache: &Path) -> Result<(), InstallError> {
    let output = command.output().map_err(|source| InstallError::NoMaven { cache: cache.into(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let output_end = tail(&String::from_utf8_lossy(&text), 30);
    Err(InstallError::Maven { what: what.into(), status: output.status, output: output_end })
}

/// Maven in a directory that has a copy of the project: it writes beside it.
fn maven(directory: &Path) -> Command {
    let mut command = Command::new("mvn");
    command.args(["-q", "-B", "-f"]).arg(directory.join("pom.xml"));
    command
}

fn jars_command(version: Version, into: &Path) -> Command {
    let mut command = maven(into);
    command
        .arg(format!("-Dhadoop.version={}", version.release()))
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"]);
    command.arg(format!("-DoutputDirectory={}", into.display()));
    command
}

fn native_command(into: &Path) -> Command {
    let mut command = maven(into);
    command.arg("dependency:unpack").arg(format!("-Dartifact={NATIVE}"));
    command.arg(format!("-Dmdep.unpack.includes={}/libhadoop.so", native_folder()));
    command.arg(format!("-DoutputDirectory={}", into.display()));
    command
}

/// The folder of this machine's libhadoop.so inside its artifact.
fn native_folder() -> String {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        other => other,
    };
    format!("nativelib/Linux-{machine}")
}

fn jars_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut jars = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jar") {
            jars.push(path);
        }
    }
    jars.sort();
    Ok(jars)
}

/// The last `lines` lines of a text.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_completed_does_not_count() {
        let cache = tempfile::tempdir().unwrap();
        let directory = cache.path().join("thing");
        let failing = |into: &Path| {
            let mut command = Command::new("sh");
            command.args(["-c", "echo half > \"$0/file\"; echo no network; exit 3"]).arg(into);
            command
        };
        let error = fetch_once(&directory, "a thing", failing).unwrap_err();
        assert!(matches!(&error, InstallError::Maven { output, .. } if output == "no network"), "{error}");
        assert!(!directory.exists());
        let working = |into: &Path| {
            let mut command = Command::new("sh");
            command.args(["-c", "test ! -e \"$0/file\" && echo whole > \"$0/other\""]).arg(into);
            command
        };
        fetch_once(&directory, "a thing", working).unwrap();
        assert!(directory.join("other").exists());
        fetch_once(&directory, "a thing", |_| unreachable!("fetched twice")).unwrap();
    }

    #[test]
    fn a_machine_without_maven_is_told_what_to_do() {
        let error = run_maven(Command::new("no-such-mvn"), "jars", Path::new("cache")).unwrap_err();
        assert!(error.to_string().contains("install Maven"), "{error}");
    }

    #[test]
    fn a_tail_is_the_end() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }
}
