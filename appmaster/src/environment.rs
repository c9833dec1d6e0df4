//! Environment variables that make a process run in the packed environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::spec::{ENVIRONMENT, EnvironmentKind};

/// What a container has in `PATH` when nobody sets it: bash's own default, because YARN starts it with an empty
/// environment.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin";

/// A container's working directory, in the words that a NodeManager replaces.
const WORKING_DIRECTORY: &str = "{{PWD}}";

/// How the environment that is unpacked in this container is activated. Every container of the application has the same
/// one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    kind: EnvironmentKind,
    /// Directory of its programs, below its root.
    programs: &'static str,
}

/// Where a conda prefix has scripts that its activation runs.
const CONDA_SCRIPTS: &str = "etc/conda/activate.d";

impl Activation {
    /// Looks at the environment in `directory`, the container's working directory.
    pub fn of(kind: EnvironmentKind, directory: &Path) -> Self {
        let root = directory.join(ENVIRONMENT);
        let kind = if kind == EnvironmentKind::Unknown { seen(&root) } else { kind };
        let has_bin = kind != EnvironmentKind::Plain || root.join("bin").is_dir();
        Activation { kind, programs: if has_bin { "/bin" } else { "" } }
    }

    /// Whether there is nothing to look at: the kind says it all, also before the environment is there.
    pub fn is_certain(kind: EnvironmentKind) -> bool {
        matches!(kind, EnvironmentKind::Venv | EnvironmentKind::Conda)
    }

    /// The variables that activate it in `directory`, on top of a `path` that is already there. They are what
    /// `bin/activate` and `conda activate` would export, but for what the scripts of packages do.
    pub fn variables(&self, directory: &str, path: Option<&str>) -> BTreeMap<String, String> {
        let root = format!("{directory}/{ENVIRONMENT}");
        let rest = path.filter(|path| !path.is_empty()).unwrap_or(DEFAULT_PATH);
        let path = format!("{root}{}:{rest}", self.programs);
        let mut variables = BTreeMap::from([("PATH".to_owned(), path)]);
        match self.kind {
            EnvironmentKind::Venv => variables.insert("VIRTUAL_ENV".to_owned(), root),
            EnvironmentKind::Conda => variables.insert("CONDA_PREFIX".to_owned(), root),
            EnvironmentKind::Plain | EnvironmentKind::Unknown => None,
        };
        variables
    }

    /// The same for a container that is yet to be started, wherever that will be.
    pub fn variables_of_launch(&self, path: Option<&str>) -> BTreeMap<String, String> {
        self.variables(WORKING_DIRECTORY, path)
    }

    /// The directory of scripts by which packages of a conda prefix export variables of their own; none where there are
    /// no scripts. `directory` is the container's working directory.
    pub fn scripts(&self, directory: &Path) -> Option<PathBuf> {
        let scripts = directory.join(ENVIRONMENT).join(CONDA_SCRIPTS);
        let mut files = std::fs::read_dir(&scripts).ok().filter(|_| self.kind == EnvironmentKind::Conda)?;
        let is_script = |entry: &std::fs::DirEntry| entry.path().extension().is_some_and(|it| it == "sh");
        files.any(|entry| entry.is_ok_and(|entry| is_script(&entry))).then_some(scripts)
    }
}

/// What kind of environment has been unpacked here. A conda prefix may hold an activation script too.
fn seen(root: &Path) -> EnvironmentKind {
    if root.join("conda-meta").is_dir() {
        EnvironmentKind::Conda
    } else if root.join("pyvenv.cfg").is_file() || root.join("bin/activate").is_file() {
        EnvironmentKind::Venv
    } else {
        EnvironmentKind::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Variables of an environment with the entries `names`; those that end in a slash are directories.
    fn check(kind: EnvironmentKind, names: &[&str], expected: &[(&str, &str)]) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join(ENVIRONMENT);
        std::fs::create_dir(&root).unwrap();
        for name in names {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            if name.ends_with('/') { std::fs::create_dir_all(path).unwrap() } else { std::fs::write(path, "").unwrap() }
        }
        let variables = Activation::of(kind, directory.path()).variables("/c", Some("/usr/bin"));
        let expected: BTreeMap<String, String> =
            expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(variables, expected, "{kind:?} {names:?}");
    }

    #[test]
    fn a_known_environment_is_taken_as_it_is() {
        let path = ("PATH", "/c/environment/bin:/usr/bin");
        check(EnvironmentKind::Venv, &["bin/"], &[path, ("VIRTUAL_ENV", "/c/environment")]);
        check(EnvironmentKind::Conda, &["bin/"], &[path, ("CONDA_PREFIX", "/c/environment")]);
        check(EnvironmentKind::Plain, &["bin/", "conda-meta/"], &[path]);
        check(EnvironmentKind::Plain, &["lib/"], &[("PATH", "/c/environment:/usr/bin")]);
    }

    #[test]
    fn an_unknown_environment_is_what_it_looks_like() {
        let path = ("PATH", "/c/environment/bin:/usr/bin");
        let unknown = EnvironmentKind::Unknown;
        check(unknown, &["bin/activate"], &[path, ("VIRTUAL_ENV", "/c/environment")]);
        check(unknown, &["bin/python", "pyvenv.cfg"], &[path, ("VIRTUAL_ENV", "/c/environment")]);
        check(unknown, &["bin/activate", "conda-meta/history"], &[path, ("CONDA_PREFIX", "/c/environment")]);
        check(unknown, &["bin/tool"], &[path]);
        check(unknown, &["tool"], &[("PATH", "/c/environment:/usr/bin")]);
    }

    #[test]
    fn only_a_conda_prefix_with_scripts_has_them() {
        let directory = tempfile::tempdir().unwrap();
        let scripts = directory.path().join("environment/etc/conda/activate.d");
        let found = |kind| Activation::of(kind, directory.path()).scripts(directory.path());
        assert_eq!(found(EnvironmentKind::Conda), None);
        std::fs::create_dir_all(&scripts).unwrap();
        std::fs::write(scripts.join("gdal.fish"), "").unwrap();
        assert_eq!(found(EnvironmentKind::Conda), None);
        std::fs::write(scripts.join("gdal.sh"), "").unwrap();
        assert_eq!((found(EnvironmentKind::Conda), found(EnvironmentKind::Venv)), (Some(scripts), None));
    }

    #[test]
    fn a_container_to_come_names_its_own_directory() {
        let activation = Activation::of(EnvironmentKind::Conda, Path::new("/nowhere"));
        let variables = activation.variables_of_launch(None);
        assert_eq!(variables["CONDA_PREFIX"], "{{PWD}}/environment");
        assert_eq!(variables["PATH"], format!("{{{{PWD}}}}/environment/bin:{DEFAULT_PATH}"));
    }
}
