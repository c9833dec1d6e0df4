//! The interpreter of a virtual environment: the part that `venv` leaves where Python was installed.

use std::fs;
use std::path::{Path, PathBuf};

/// `pyvenv.cfg`, as far as packing needs it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// Directory of the interpreter that made the environment.
    pub(crate) home: Option<PathBuf>,
    /// Its version, such as 3.11.7.
    version: Option<String>,
    /// Whether the environment sees the interpreter's own packages.
    pub(crate) sees_system: bool,
}

impl Configuration {
    pub(crate) fn read(text: &str) -> Configuration {
        let mut configuration = Configuration::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let value = value.trim();
            match key.trim() {
                "home" => configuration.home = Some(PathBuf::from(value)),
                "version" | "version_info" => configuration.version = Some(value.to_owned()),
                "include-system-site-packages" => configuration.sees_system = value.eq_ignore_ascii_case("true"),
                _ => {}
            }
        }
        configuration
    }
}

/// Where an interpreter's parts are on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// Its prefix, without links.
    pub(crate) base: PathBuf,
    /// The program, without links.
    pub(crate) program: PathBuf,
    /// Its name with its version, such as `python3.11`, which is the name of its library directory too.
    pub(crate) name: String,
    /// Its standard library.
    pub(crate) library: PathBuf,
}

impl Interpreter {
    /// The interpreter of the virtual environment in `root`.
    ///
    /// # Errors
    /// What is missing, in words that follow "pack the interpreter of X:".
    pub(crate) fn find(root: &Path, configuration: &Configuration) -> Result<Interpreter, String> {
        let name = name(root, configuration)?;
        let home = configuration.home.as_deref().ok_or("its pyvenv.cfg names no home")?;
        let programs = [home.join(&name), root.join("bin").join(&name), root.join("bin/python")];
        let program = programs
            .iter()
            .find_map(|program| fs::canonicalize(program).ok())
            .ok_or_else(|| format!("{} is not on this machine any more; install it again", programs[0].display()))?;
        let bases = [program.parent().and_then(Path::parent), home.parent()];
        let bases: Vec<PathBuf> = bases.into_iter().flatten().filter_map(|base| fs::canonicalize(base).ok()).collect();
        for base in bases {
            let libraries = ["lib", "lib64"].map(|directory| base.join(directory).join(&name));
            if let Some(library) = libraries.into_iter().find(|library| library.join("os.py").is_file()) {
                return Ok(Interpreter { base, program, name, library });
            }
        }
        Err(format!("its standard library is not beside {} (lib/{name}/os.py)", program.display()))
    }
}

/// `python3.11`: the name of the directory in which the environment keeps its packages.
fn name(root: &Path, configuration: &Configuration) -> Result<String, String> {
    let mut names: Vec<String> = fs::read_dir(root.join("lib"))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join("site-packages").is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with("python") || name.starts_with("pypy"))
        .collect();
    names.sort();
    let by_version = configuration.version.as_deref().and_then(|version| {
        let mut parts = version.split('.');
        Some(format!("python{}.{}", parts.next()?, parts.next()?))
    });
    match names.as_slice() {
        [name] => Ok(name.clone()),
        [] => by_version.ok_or_else(|| "there is no lib/python3.*/site-packages".to_owned()),
        _ => by_version
            .filter(|name| names.contains(name))
            .ok_or_else(|| format!("there are several in lib: {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_read_as_python_reads_it() {
        let read = Configuration::read(
            "home = /usr/bin\nversion_info = 3.11.2\ninclude-system-site-packages = true\nx = a = b\n",
        );
        let expected =
            Configuration { home: Some("/usr/bin".into()), version: Some("3.11.2".to_owned()), sees_system: true };
        assert_eq!(read, expected);
        assert_eq!(Configuration::read("nonsense"), Configuration::default());
    }
}
