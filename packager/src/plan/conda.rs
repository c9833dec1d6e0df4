//! Conda prefixes: what `conda-meta` says about the files of packages, and what it says about this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::failure::PackError;
use crate::relocate::Record;
use crate::tree::{Entry, EntryKind, Walked};

/// What records say about the machine on which they were written, and nothing about the package.
const OF_THIS_MACHINE: [&str; 2] = ["extracted_package_dir", "package_tarball_full_path"];

#[derive(Default, Deserialize)]
struct Package {
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    paths_data: PathsData,
}

#[derive(Default, Deserialize)]
struct PathsData {
    #[serde(default)]
    paths: Vec<PathData>,
}

#[derive(Deserialize)]
struct PathData {
    _path: String,
    #[serde(default)]
    prefix_placeholder: Option<String>,
    #[serde(default)]
    file_mode: Option<String>,
}

/// The files of a record. The paths of packages that fit every Python (noarch) are those in the environment, too.
pub(super) fn files(text: &[u8]) -> Vec<PathBuf> {
    let package: Package = serde_json::from_slice(text).unwrap_or_default();
    let by_paths = package.paths_data.paths.into_iter().map(|path| path._path);
    package.files.into_iter().chain(by_paths).map(PathBuf::from).collect()
}

/// The files into which conda has written the prefix. The records themselves lose what they say about this machine.
pub(super) fn records(root: &Path, walked: &mut Walked) -> Result<BTreeMap<PathBuf, Record>, PackError> {
    let mut records = BTreeMap::new();
    for entry in &mut walked.entries {
        let is_record = entry.path.parent() == Some(Path::new("conda-meta"))
            && entry.path.extension().is_some_and(|extension| extension == "json");
        if !is_record {
            continue;
        }
        let path = root.join(&entry.path);
        let text = fs::read(&path).map_err(|source| PackError::read(&path, source))?;
        let package: Package = serde_json::from_slice(&text).unwrap_or_default();
        for path in package.paths_data.paths {
            if let Some(placeholder) = path.prefix_placeholder {
                let binary = path.file_mode.as_deref() == Some("binary");
                records.insert(PathBuf::from(path._path), Record { placeholder, binary });
            }
        }
        scrub(entry, &text);
    }
    Ok(records)
}

fn scrub(entry: &mut Entry, text: &[u8]) {
    let Ok(Value::Object(mut record)) = serde_json::from_slice(text) else { return };
    for key in OF_THIS_MACHINE {
        record.entry(key).and_modify(|value| *value = Value::String(String::new()));
    }
    if let Some(Value::Object(link)) = record.get_mut("link") {
        link.entry("source").and_modify(|value| *value = Value::String(String::new()));
    }
    if let Ok(text) = serde_json::to_vec_pretty(&record) {
        entry.kind = EntryKind::Made(text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &[u8] = br#"{"name": "x", "files": ["bin/x"], "extracted_package_dir": "/opt/pkgs/x",
        "paths_data": {"paths": [
            {"_path": "bin/x", "file_mode": "text", "prefix_placeholder": "/opt/p"},
            {"_path": "lib/x.so", "file_mode": "binary", "prefix_placeholder": "/opt/p"},
            {"_path": "share/x"}]}, "link": {"source": "/opt/pkgs/x", "type": 1}}"#;

    #[test]
    fn records_say_which_files_hold_the_prefix() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("conda-meta")).unwrap();
        fs::write(root.path().join("conda-meta/x.json"), RECORD).unwrap();
        let entry = Entry::made("conda-meta/x.json", 0o644, []);
        let mut walked = Walked { entries: vec![entry], left_out: Vec::new() };
        let records = records(root.path(), &mut walked).unwrap();
        let kinds: Vec<_> = records.iter().map(|(path, record)| (path.to_str().unwrap(), record.binary)).collect();
        assert_eq!(kinds, [("bin/x", false), ("lib/x.so", true)]);
        let EntryKind::Made(text) = &walked.entries[0].kind else { panic!() };
        assert!(!String::from_utf8_lossy(text).contains("/opt/pkgs"));
        assert_eq!(files(RECORD).len(), 4);
    }
}
