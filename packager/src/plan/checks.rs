//! What would be missing on a node although everything that is here was packed: code outside of the environment, and files
//! that installed packages say they have.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::PackError;
use crate::filter::{Filter, Patterns};
use crate::tree::{Walked, bytes, resolve_text};

/// Fails when packages are installed in editable mode (PEP 660, `setup.py develop`).
pub(super) fn editable(root: &Path, walked: &Walked) -> Result<(), PackError> {
    let mut found = Vec::new();
    for entry in &walked.entries {
        let Some(name) = entry.path.file_name().and_then(|name| name.to_str()) else { continue };
        let read = || fs::read(root.join(&entry.path)).unwrap_or_default();
        if name == "direct_url.json" {
            let package = entry.path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
            found
                .extend(editable_url(&read()).map(|url| format!("{} ({url})", package.trim_end_matches(".dist-info"))));
        } else if name.ends_with(".egg-link") {
            let text = read();
            let place = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned();
            found.push(format!("{} ({place})", name.trim_end_matches(".egg-link")));
        } else if name.ends_with(".pth") {
            let outside = outside_paths(&read(), root);
            found.extend(outside.into_iter().map(|path| format!("{} ({})", entry.path.display(), path.display())));
        }
    }
    found.sort();
    if found.is_empty() { Ok(()) } else { Err(PackError::Editable(found)) }
}

#[derive(Deserialize)]
struct DirectUrl {
    url: String,
    #[serde(default)]
    dir_info: DirectoryInfo,
}

#[derive(Default, Deserialize)]
struct DirectoryInfo {
    #[serde(default)]
    editable: bool,
}

fn editable_url(text: &[u8]) -> Option<String> {
    let direct: DirectUrl = serde_json::from_slice(text).ok()?;
    direct.dir_info.editable.then_some(direct.url)
}

/// Directories outside of the environment that a `.pth` adds to Python's path. Paths that do not exist add nothing.
fn outside_paths(text: &[u8], root: &Path) -> Vec<PathBuf> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().map(str::trim_end).filter(|line| line.starts_with('/'));
    lines.map(PathBuf::from).filter(|path| path.exists() && !is_inside(path, root)).collect()
}

fn is_inside(path: &Path, root: &Path) -> bool {
    path.starts_with(root) || fs::canonicalize(path).is_ok_and(|path| path.starts_with(root))
}

/// Fails when files are missing that the records of installed packages name (`RECORD`, `conda-meta/*.json`). What the
/// user leaves out may be missing, and so may compiled Python.
pub(super) fn missing(root: &Path, walked: &Walked, patterns: &Patterns) -> Result<(), PackError> {
    let known: HashSet<&[u8]> = walked.entries.iter().map(|entry| bytes(&entry.path)).collect();
    let mut missing = Vec::new();
    for entry in &walked.entries {
        let Some(name) = entry.path.file_name().and_then(|name| name.to_str()) else { continue };
        let directory = entry.path.parent().unwrap_or(Path::new(""));
        let read = || fs::read(root.join(&entry.path)).unwrap_or_default();
        let files = if name == "RECORD" && directory.extension().is_some_and(|it| it == "dist-info") {
            recorded(&read(), directory.parent().unwrap_or(Path::new("")))
        } else if directory == Path::new("conda-meta") && name.ends_with(".json") {
            super::conda::files(&read())
        } else {
            continue;
        };
        let gone = files.into_iter().filter(|file| {
            let is_bytecode = file.extension().is_some_and(|extension| extension == "pyc");
            !is_bytecode && !known.contains(bytes(file)) && !is_left_out(file, patterns) && !exists(root, file)
        });
        missing.extend(gone.map(|file| format!("{} ({})", file.display(), package(directory, name))));
    }
    missing.sort();
    if missing.is_empty() { Ok(()) } else { Err(PackError::MissingFiles(missing)) }
}

/// Also behind links, such as `lib64`.
fn exists(root: &Path, file: &Path) -> bool {
    fs::symlink_metadata(root.join(file)).is_ok()
}

fn is_left_out(file: &Path, patterns: &Patterns) -> bool {
    let above = file.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
    patterns.leaves_out(file, false).is_some()
        || above.into_iter().any(|path| patterns.leaves_out(path, true).is_some())
}

fn package(directory: &Path, name: &str) -> String {
    match directory.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".dist-info")) {
        Some(package) => package.to_owned(),
        None => name.trim_end_matches(".json").to_owned(),
    }
}

/// The files of a `RECORD`: CSV whose first column is a path below the directory of the packages.
fn recorded(text: &[u8], packages: &Path) -> Vec<PathBuf> {
    let text = String::from_utf8_lossy(text);
    let paths = text.lines().filter_map(|line| {
        let path = match line.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?.0,
            None => line.split(',').next()?,
        };
        (!path.is_empty() && !path.starts_with('/')).then(|| resolve_text(&packages.join(path)))?
    });
    paths.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_name_files() {
        let text = b"../../../bin/f2py,sha256=x,1\n\"a,b.py\",sha256=y,2\nnumpy/x.py,,\n/abs,,\n";
        let expected = ["bin/f2py", "lib/python3.11/site-packages/a,b.py", "lib/python3.11/site-packages/numpy/x.py"];
        assert_eq!(recorded(text, Path::new("lib/python3.11/site-packages")), expected.map(PathBuf::from));
    }

    #[test]
    fn editable_packages_say_so() {
        let text = br#"{"dir_info": {"editable": true}, "url": "file:///home/me/project"}"#;
        assert_eq!(editable_url(text).as_deref(), Some("file:///home/me/project"));
        assert_eq!(editable_url(br#"{"url": "file:///x.whl", "archive_info": {}}"#), None);
        assert_eq!(editable_url(b"nonsense"), None);
    }
}
