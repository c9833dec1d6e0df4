//! The libraries that an unpacked environment needs: its own, or the node's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::places::{Tree, name};
use crate::elf::{Elf, is_c_library, is_elf};
use crate::plan::libraries::{directories, expand};

/// A library that is needed and nowhere to be found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingLibrary {
    /// The library's name.
    pub library: String,
    /// A file of the environment that needs it.
    pub needed_by: String,
}

#[derive(Default)]
pub(super) struct Libraries {
    pub(super) missing: Vec<MissingLibrary>,
    /// Found on this machine only.
    pub(super) of_node: BTreeSet<String>,
}

/// Looks for every library that some file of the environment needs.
pub(super) fn check(root: &Path, tree: &Tree) -> Libraries {
    let elves: Vec<(&PathBuf, Elf)> = tree.files().iter().filter_map(|file| Some((file, read(file)?))).collect();
    let inherited = elves.iter().find(|(file, _)| **file == program(root));
    let inherited = inherited.map(|(file, elf)| expand(elf, file)).unwrap_or_default();
    // A library that another one has loaded is not looked for again.
    let loaded: BTreeSet<&str> = elves.iter().filter_map(|(file, elf)| file_name(file, elf)).collect();
    let system = directories();
    let mut missing: BTreeMap<String, String> = BTreeMap::new();
    let mut libraries = Libraries::default();
    for (file, elf) in elves.iter().filter(|(_, elf)| elf.is_native()) {
        let own = expand(elf, file);
        for library in elf.needed.iter().filter(|library| !is_c_library(library)) {
            // Where the loader looks when the name is a path.
            if library.contains('/') && expand_name(library, file).exists() {
                continue;
            }
            let is_there = |directory: &PathBuf| directory.join(library).exists();
            if own.iter().chain(&inherited).any(is_there) || loaded.contains(library.as_str()) {
                continue;
            }
            if system.iter().any(is_there) {
                libraries.of_node.insert(library.clone());
            } else {
                missing.entry(library.clone()).or_insert_with(|| name(file, root));
            }
        }
    }
    libraries.missing = missing.into_iter().map(|(library, needed_by)| MissingLibrary { library, needed_by }).collect();
    libraries
}

fn expand_name(library: &str, file: &Path) -> PathBuf {
    let origin = file.parent().unwrap_or(Path::new("/")).to_string_lossy();
    PathBuf::from(library.replace("$ORIGIN", &origin))
}

fn read(file: &Path) -> Option<Elf> {
    use std::io::Read;
    let mut head = [0; 4];
    fs::File::open(file).ok()?.read_exact(&mut head).ok()?;
    if is_elf(&head) { Elf::read(&fs::read(file).ok()?) } else { None }
}

fn program(root: &Path) -> PathBuf {
    fs::canonicalize(root.join("bin/python")).unwrap_or_default()
}

fn file_name<'a>(file: &'a Path, elf: &'a Elf) -> Option<&'a str> {
    elf.soname.as_deref().or_else(|| file.file_name()?.to_str())
}
