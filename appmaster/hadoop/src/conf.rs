//! Finds and reads the Hadoop configuration where Hadoop's own tools would: core-site, hdfs-site and yarn-site.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use hadoop_wire::config::{Configuration, ConfigurationError};

/// In reading order: later files win, except over final values.
const FILES: [&str; 3] = ["core-site.xml", "hdfs-site.xml", "yarn-site.xml"];
const DEFAULT_DIRECTORY: &str = "/etc/hadoop/conf";

/// A directory that may hold the configuration, and who named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory.
    pub directory: PathBuf,
    /// The option or environment variable that named it; none for the place that Hadoop's packages use.
    pub named_by: Option<&'static str>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.directory.display())?;
        match self.named_by {
            Some(name) => write!(formatter, " ({name})"),
            None => Ok(()),
        }
    }
}

/// A configuration and the files it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// All properties.
    pub configuration: Configuration,
    /// The files that exist, in reading order, without what they include.
    pub files: Vec<PathBuf>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No place holds any of the files.
    #[error(
        "no Hadoop configuration (core-site.xml, hdfs-site.xml or yarn-site.xml) in {}; \
         set HADOOP_CONF_DIR to the directory that holds it", list(.looked)
    )]
    NotFound {
        /// Where we looked.
        looked: Vec<Place>,
    },
    /// A file exists and cannot be read.
    #[error("read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A file is not a Hadoop configuration.
    #[error(transparent)]
    Parse(#[from] ConfigurationError),
}

/// Reads the configuration of the given directory, else of the first of: `HADOOP_CONF_DIR` and `YARN_CONF_DIR` (together,
/// as on Hadoop's class path), `HADOOP_HOME/etc/hadoop`, `/etc/hadoop/conf`.
///
/// # Errors
/// Nothing is there, or a file cannot be read or parsed.
pub fn load(directory: Option<&Path>) -> Result<Loaded, LoadError> {
    load_with(directory, environment())
}

/// [`load`] with this environment instead of the process's own.
///
/// # Errors
/// See [`load`].
pub fn load_with(directory: Option<&Path>, environment: BTreeMap<String, String>) -> Result<Loaded, LoadError> {
    let groups = groups(directory, &environment);
    for places in &groups {
        let files: Vec<PathBuf> = FILES.iter().filter_map(|name| first_with(places, name)).collect();
        if !files.is_empty() {
            return read(files, environment);
        }
    }
    Err(LoadError::NotFound { looked: groups.into_iter().flatten().collect() })
}

/// The places in order of preference; those of one group complete each other. Who names a place means it: nothing follows.
fn groups(directory: Option<&Path>, environment: &BTreeMap<String, String>) -> Vec<Vec<Place>> {
    if let Some(directory) = directory {
        return vec![vec![Place { directory: directory.to_owned(), named_by: Some("the directory given") }]];
    }
    let named = |name: &'static str, below: &str| {
        let value = environment.get(name).filter(|value| !value.is_empty())?;
        let directory = if below.is_empty() { PathBuf::from(value) } else { Path::new(value).join(below) };
        Some(Place { directory, named_by: Some(name) })
    };
    let variables: Vec<Place> =
        ["HADOOP_CONF_DIR", "YARN_CONF_DIR"].into_iter().filter_map(|name| named(name, "")).collect();
    if !variables.is_empty() {
        return vec![variables];
    }
    let home = named("HADOOP_HOME", "etc/hadoop");
    let usual = Place { directory: PathBuf::from(DEFAULT_DIRECTORY), named_by: None };
    home.into_iter().chain([usual]).map(|place| vec![place]).collect()
}

fn first_with(places: &[Place], name: &str) -> Option<PathBuf> {
    places.iter().map(|place| place.directory.join(name)).find(|path| path.exists())
}

fn read(files: Vec<PathBuf>, environment: BTreeMap<String, String>) -> Result<Loaded, LoadError> {
    let mut configuration = Configuration::with_environment(environment);
    for path in &files {
        let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read { path: path.clone(), source })?;
        configuration.add_file(&path.display().to_string(), &text, &mut include)?;
    }
    Ok(Loaded { configuration, files })
}

/// An included file's name and text; a relative reference counts from the file that includes.
fn include(including: &str, reference: &str) -> Result<(String, String), Box<dyn Error + Send + Sync>> {
    let reference = reference.strip_prefix("file://").unwrap_or(reference);
    let path = Path::new(including).parent().unwrap_or(Path::new("")).join(reference);
    let text = std::fs::read_to_string(&path)?;
    Ok((path.display().to_string(), text))
}

/// What of the process's environment is text.
fn environment() -> BTreeMap<String, String> {
    let variables = std::env::vars_os();
    variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

fn list(places: &[Place]) -> String {
    places.iter().map(Place::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(directory: &Path, file: &str, properties: &str) {
        std::fs::create_dir_all(directory).unwrap();
        let text = format!("<configuration>{properties}</configuration>");
        std::fs::write(directory.join(file), text).unwrap();
    }

    fn property(name: &str, value: &str) -> String {
        format!("<property><name>{name}</name><value>{value}</value></property>")
    }

    fn variables(pairs: &[(&str, &Path)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, path)| ((*name).to_owned(), path.display().to_string())).collect()
    }

    #[test]
    fn files_are_read_in_order_and_includes_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let include = "<include xmlns=\"http://www.w3.org/2001/XInclude\" href=\"sub/more.xml\"/>";
        site(folder.path(), "core-site.xml", &(property("a", "core") + &property("b", "core")));
        site(folder.path(), "yarn-site.xml", &(property("b", "yarn") + include));
        site(&folder.path().join("sub"), "more.xml", &property("c", "${a} and ${env.HADOOP_X}"));
        let environment = BTreeMap::from([("HADOOP_X".to_owned(), "x".to_owned())]);
        let loaded = load_with(Some(folder.path()), environment).unwrap();
        let get = |key| loaded.configuration.get(key).unwrap();
        assert_eq!((get("a"), get("b"), get("c")), ("core".to_owned(), "yarn".to_owned(), "core and x".to_owned()));
        assert_eq!(loaded.files, ["core-site.xml", "yarn-site.xml"].map(|name| folder.path().join(name)));
        let source = loaded.configuration.source("c").unwrap();
        assert!(source.ends_with("sub/more.xml"), "{source}");
    }

    #[test]
    fn two_variables_complete_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let (hadoop, yarn) = (folder.path().join("hadoop"), folder.path().join("yarn"));
        site(&hadoop, "core-site.xml", &property("a", "hadoop"));
        site(&yarn, "core-site.xml", &property("a", "yarn"));
        site(&yarn, "yarn-site.xml", &property("b", "yarn"));
        let loaded = load_with(None, variables(&[("HADOOP_CONF_DIR", &hadoop), ("YARN_CONF_DIR", &yarn)])).unwrap();
        assert_eq!(loaded.configuration.get("a").as_deref(), Some("hadoop"));
        assert_eq!(loaded.configuration.get("b").as_deref(), Some("yarn"));
    }

    #[test]
    fn the_installation_is_the_last_resort() {
        let folder = tempfile::tempdir().unwrap();
        site(&folder.path().join("etc/hadoop"), "core-site.xml", &property("a", "home"));
        let loaded = load_with(None, variables(&[("HADOOP_HOME", folder.path())])).unwrap();
        assert_eq!(loaded.configuration.get("a").as_deref(), Some("home"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let nowhere = Path::new("/nowhere/conf");
        let text = load_with(None, variables(&[("HADOOP_CONF_DIR", nowhere)])).unwrap_err().to_string();
        assert!(text.contains("in /nowhere/conf (HADOOP_CONF_DIR); set HADOOP_CONF_DIR"), "{text}");
        let text = load_with(Some(nowhere), BTreeMap::new()).unwrap_err().to_string();
        assert!(text.contains("in /nowhere/conf (the directory given);"), "{text}");
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("core-site.xml"), "<configuration>\n<property>\n</configuration>").unwrap();
        let error = load_with(Some(folder.path()), BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("core-site.xml, line "), "{error}");
        std::fs::create_dir(folder.path().join("yarn-site.xml")).unwrap();
        std::fs::write(folder.path().join("core-site.xml"), "<configuration/>").unwrap();
        let error = load_with(Some(folder.path()), BTreeMap::new()).unwrap_err();
        assert!(matches!(error, LoadError::Read { .. }), "{error}");
    }
}
