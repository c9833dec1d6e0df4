//! The shared libraries that programs need beyond the C library's own, found as the dynamic loader finds them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::elf::{Elf, is_c_library};

/// Where the loader looks when nothing else says where.
const DEFAULT: [&str; 8] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
];

/// A library that is needed and nowhere to be found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) program: PathBuf,
    pub(crate) library: String,
}

/// The libraries that `programs` need, and those that these need, by name.
///
/// `optional` says which programs may miss one: a module of the standard library that does not work on this machine does
/// not work on another one either.
pub(crate) fn needed(
    programs: &[PathBuf],
    optional: impl Fn(&Path) -> bool,
) -> Result<BTreeMap<String, PathBuf>, Missing> {
    let directories = directories();
    let mut found = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let inherited = programs.first().map(|program| own_path(program)).unwrap_or_default();
    let mut open: Vec<PathBuf> = programs.to_vec();
    while let Some(program) = open.pop() {
        if !seen.insert(program.clone()) {
            continue;
        }
        let Some(elf) = fs::read(&program).ok().and_then(|content| Elf::read(&content)) else { continue };
        let own = expand(&elf, &program);
        for library in elf.needed.iter().filter(|name| !is_c_library(name)) {
            if found.contains_key(library) {
                continue;
            }
            let places = own.iter().chain(&inherited).chain(&directories);
            match places.map(|place| place.join(library)).find(|path| is_for(path, elf.machine)) {
                Some(path) => {
                    let path = fs::canonicalize(&path).unwrap_or(path);
                    open.push(path.clone());
                    found.insert(library.clone(), path);
                }
                None if optional(&program) => {}
                None => return Err(Missing { program, library: library.clone() }),
            }
        }
    }
    Ok(found)
}

fn is_for(path: &Path, machine: u16) -> bool {
    path.is_file()
        && fs::read(path).ok().and_then(|content| Elf::read(&content)).is_some_and(|elf| elf.machine == machine)
}

fn own_path(program: &Path) -> Vec<PathBuf> {
    let elf = fs::read(program).ok().and_then(|content| Elf::read(&content));
    elf.map(|elf| expand(&elf, program)).unwrap_or_default()
}

/// The directories of a library path; `$ORIGIN` is the directory of the file that says it.
pub(crate) fn expand(elf: &Elf, file: &Path) -> Vec<PathBuf> {
    let origin = file.parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
    let text = elf.path.as_ref().map(|path| String::from_utf8_lossy(&path.text).into_owned()).unwrap_or_default();
    let parts = text.split(':').filter(|part| !part.is_empty());
    parts.map(|part| PathBuf::from(part.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin))).collect()
}

/// The directories of `/etc/ld.so.conf`, and the default ones.
pub(crate) fn directories() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    read_configuration(Path::new("/etc/ld.so.conf"), &mut directories, 0);
    directories.extend(DEFAULT.iter().map(PathBuf::from));
    directories
}

fn read_configuration(file: &Path, directories: &mut Vec<PathBuf>, depth: usize) {
    let Ok(text) = fs::read_to_string(file) else { return };
    for line in text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        match line.strip_prefix("include ") {
            Some(pattern) if depth < 4 => {
                // In practice always a directory and `*.conf`.
                let directory = Path::new(pattern.trim()).parent().unwrap_or(Path::new("/"));
                let mut files: Vec<PathBuf> =
                    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
                files.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
                files.sort();
                files.iter().for_each(|file| read_configuration(file, directories, depth + 1));
            }
            Some(_) => {}
            None if line.starts_with('/') => directories.push(PathBuf::from(line)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_of_a_real_program_are_found() {
        let own = fs::canonicalize("/proc/self/exe").unwrap();
        let found = needed(&[own], |_| false).unwrap();
        assert!(found.keys().all(|name| !is_c_library(name)), "{found:?}");
        assert!(found.values().all(|path| path.is_file()), "{found:?}");
    }
}
