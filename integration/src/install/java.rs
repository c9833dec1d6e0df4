//! The Java that runs the daemons.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why there is no usable Java.
#[derive(Debug, Error)]
pub enum JavaError {
    /// None at all.
    #[error("no java on the PATH and no JAVA_HOME: install a JDK 17 or newer")]
    Missing,
    /// Something that does not look like a Java installation.
    #[error("read the release file of the Java at {home}: is it a JDK 17 or newer?")]
    NoRelease {
        /// Its home.
        home: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// One that Hadoop 3.5 does not run on.
    #[error("the Java at {home} is version {version}: Hadoop's daemons want 17 or newer")]
    TooOld {
        /// Its home.
        home: PathBuf,
        /// Its version.
        version: String,
    },
}

/// A Java installation.
#[derive(Clone, Debug)]
pub struct Java {
    home: PathBuf,
    release: String,
}

impl Java {
    /// `$JAVA_HOME`, else the `java` on the PATH.
    pub fn find() -> Result<Self, JavaError> {
        let home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let home = home.or_else(home_on_path).ok_or(JavaError::Missing)?;
        let path = home.join("release");
        let text =
            std::fs::read_to_string(path).map_err(|source| JavaError::NoRelease { home: home.clone(), source })?;
        let version = version_of(&text).unwrap_or_default();
        let major = version.split('.').next().and_then(|number| number.parse::<u32>().ok());
        if major.is_none_or(|major| major < 17) {
            return Err(JavaError::TooOld { home, version });
        }
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Ok(Self { home, release: format!("{version}-{:08x}", hasher.finish() as u32) })
    }

    /// `JAVA_HOME`.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The program.
    pub fn program(&self) -> PathBuf {
        self.home.join("bin/java")
    }

    /// A name that changes with every other build of Java: archives of classes are bound to it.
    pub fn release(&self) -> &str {
        &self.release
    }
}

fn home_on_path() -> Option<PathBuf> {
    let program = find_program("java")?;
    let program = program.canonicalize().ok()?;
    Some(program.parent()?.parent()?.to_owned())
}

/// A program of the PATH.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn version_of(release: &str) -> Option<String> {
    let line = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    Some(line.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_file_names_the_version() {
        assert_eq!(version_of("IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"17.0.15\"\n").as_deref(), Some("17.0.15"));
        assert_eq!(version_of("IMPLEMENTOR=\"X\"\n"), None);
    }
}
