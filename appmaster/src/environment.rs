//! Environment variables that make a process run in the packed environment.

use std::collections::BTreeMap;
use std::path::Path;

use crate::spec::{ENVIRONMENT, EnvironmentKind};

/// What a container has in `PATH` when nobody sets it: bash's own default, because YARN starts it with an empty
/// environment.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin";

/// The variables that activate an environment of `kind`, localized in `directory` (the container's working directory),
/// on top of a `path` that is already there.
///
/// They are what `bin/activate` and `conda activate` would export; no script is run.
pub fn activate(kind: EnvironmentKind, directory: &Path, path: Option<&str>) -> BTreeMap<String, String> {
    let root = directory.join(ENVIRONMENT);
    let bin = root.join("bin");
    let first = match kind {
        EnvironmentKind::Venv | EnvironmentKind::Conda => bin,
        EnvironmentKind::Plain if bin.is_dir() => bin,
        EnvironmentKind::Plain => root.clone(),
    };
    let rest = path.filter(|path| !path.is_empty()).unwrap_or(DEFAULT_PATH);
    let mut variables = BTreeMap::from([("PATH".to_owned(), format!("{}:{rest}", first.display()))]);
    match kind {
        EnvironmentKind::Venv => variables.insert("VIRTUAL_ENV".to_owned(), root.display().to_string()),
        EnvironmentKind::Conda => variables.insert("CONDA_PREFIX".to_owned(), root.display().to_string()),
        EnvironmentKind::Plain => None,
    };
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_environment_comes_first_in_the_path() {
        let variables = activate(EnvironmentKind::Venv, Path::new("/c"), Some("/usr/bin"));
        assert_eq!(variables["PATH"], "/c/environment/bin:/usr/bin");
        assert_eq!(variables["VIRTUAL_ENV"], "/c/environment");
        assert!(!variables.contains_key("CONDA_PREFIX"));
    }

    #[test]
    fn a_plain_tree_without_bin_is_its_own_path() {
        let tree = tempfile::tempdir().unwrap();
        let variables = activate(EnvironmentKind::Plain, tree.path(), None);
        let expected = format!("{}:{DEFAULT_PATH}", tree.path().join(ENVIRONMENT).display());
        assert_eq!(variables, BTreeMap::from([("PATH".to_owned(), expected)]));
        std::fs::create_dir_all(tree.path().join(ENVIRONMENT).join("bin")).unwrap();
        assert!(activate(EnvironmentKind::Plain, tree.path(), None)["PATH"].contains("environment/bin:"));
    }
}
