//! The files of outputs: where they are, what is in them, and what they are called without the name of the run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use integration::cluster::Cluster;

/// Files of an output by directory and number, such as `type=A/part-00002.csv`.
pub type Parts = BTreeMap<String, Vec<u8>>;

/// Paths of everything below a directory of HDFS, hidden or not.
pub fn names_below(cluster: &Cluster, directory: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in cluster.list(directory).unwrap().unwrap_or_default() {
        let path = format!("{directory}/{}", entry.name);
        if entry.directory {
            names.extend(names_below(cluster, &path));
        }
        names.insert(path);
    }
    names
}

/// The parts of an output on HDFS, which is marked as whole and has nothing hidden beside its marker.
pub fn parts_there(cluster: &Cluster, directory: &str) -> Parts {
    let mut parts = Parts::new();
    let mut found = names_below(cluster, directory);
    assert!(found.remove(&format!("{directory}/_SUCCESS")), "{found:?}");
    for path in &found {
        let relative = path.strip_prefix(&format!("{directory}/")).unwrap();
        assert!(!relative.split('/').any(|name| name.starts_with(['.', '_'])), "{path} is left");
        if relative.contains("part-") {
            parts.insert(without_run(relative), cluster.read(path).unwrap());
        }
    }
    parts
}

/// The parts of an output on this machine.
pub fn parts_here(directory: &Path) -> Parts {
    let mut parts = Parts::new();
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = parts_here(&entry.path()).into_iter();
            parts.extend(below.map(|(part, bytes)| (format!("{name}/{part}"), bytes)));
        } else if name.starts_with("part-") {
            parts.insert(without_run(&name), std::fs::read(entry.path()).unwrap());
        }
    }
    parts
}

/// Fails the test unless both outputs have the same parts with the same bytes.
pub fn same_parts(there: &Parts, here: &Parts) {
    assert_eq!(there.keys().collect::<Vec<_>>(), here.keys().collect::<Vec<_>>());
    let other: Vec<&String> =
        there.iter().filter(|(name, bytes)| here[*name] != **bytes).map(|(name, _)| name).collect();
    assert!(other.is_empty(), "not the same bytes: {other:?}");
}

/// `a=1/part-00002-RUN.csv.gz` as `a=1/part-00002.csv.gz`: each run has a name of its own.
fn without_run(path: &str) -> String {
    let (directory, name) = path.rsplit_once('/').map_or(("", path), |(directory, name)| (directory, name));
    let (stem, extension) = name.split_once('.').unwrap();
    let number = stem.split('-').nth(1).unwrap();
    let separator = if directory.is_empty() { "" } else { "/" };
    format!("{directory}{separator}part-{number}.{extension}")
}
