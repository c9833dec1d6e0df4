//! Virtual environments: packed with their interpreter they become a Python of their own, which finds its library and its
//! packages from where its program is, without `pyvenv.cfg`.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::interpreter::{Configuration, Interpreter};
use super::{LeftOut, Reason, libraries, links};
use crate::failure::PackError;
use crate::filter::{Filter, Patterns};
use crate::relocate::Relocation;
use crate::tree::{Entry, EntryKind, Walked, bytes, path as to_path, resolve_text, walk};

/// Name of the file that makes a directory a virtual environment.
pub(super) const CONFIGURATION: &str = "pyvenv.cfg";

/// A virtual environment that is being completed.
pub(super) struct Venv<'a> {
    pub(super) root: &'a Path,
    pub(super) patterns: &'a Patterns,
    pub(super) configuration: Configuration,
}

impl<'a> Venv<'a> {
    pub(super) fn read(root: &'a Path, patterns: &'a Patterns) -> Result<Venv<'a>, PackError> {
        let path = root.join(CONFIGURATION);
        let text = fs::read(&path).map_err(|source| PackError::read(&path, source))?;
        let configuration = Configuration::read(&String::from_utf8_lossy(&text));
        Ok(Venv { root, patterns, configuration })
    }

    /// Leaves the interpreter out: the links to it, which a node would not have.
    pub(super) fn without_interpreter(&self, walked: &mut Walked) {
        let gone = |entry: &Entry| {
            let in_bin = entry.path.parent() == Some(Path::new("bin"));
            let EntryKind::Symlink(_) = entry.kind else { return false };
            in_bin && leads_out(&self.root.join(&entry.path), self.root)
        };
        walked.leave_out(gone, Reason::Tie);
    }

    /// Adds the interpreter, its standard library and the libraries that it needs.
    pub(super) fn with_interpreter(
        &self,
        walked: &mut Walked,
        relocation: &mut Relocation,
    ) -> Result<Interpreter, PackError> {
        let failed = |reason| PackError::Interpreter { environment: self.root.to_owned(), reason };
        let interpreter = Interpreter::find(self.root, &self.configuration).map_err(failed)?;
        walked.leave_out(|entry| entry.path == Path::new(CONFIGURATION), Reason::Tie);
        self.add_program(walked, &interpreter)?;
        self.add_library(walked, &interpreter)?;
        let has_libraries = add_shared_libraries(walked, &interpreter)?;
        relocation.interpreter = Some(Path::new("bin").join(&interpreter.name));
        if has_libraries {
            relocation.libraries = vec![PathBuf::from("lib")];
        }
        Ok(interpreter)
    }

    /// `bin/python3.11` is the program; every other name of it in the environment is a link to that one.
    fn add_program(&self, walked: &mut Walked, interpreter: &Interpreter) -> Result<(), PackError> {
        let name = Path::new("bin").join(&interpreter.name);
        for entry in &mut walked.entries {
            let is_in_bin = entry.path.parent() == Some(Path::new("bin"));
            if is_in_bin && self.is_program(entry, interpreter) {
                *entry = Entry::symlink(entry.path.clone(), &interpreter.name);
            }
        }
        walked.entries.retain(|entry| entry.path != name);
        let program = &interpreter.program;
        let metadata = fs::metadata(program).map_err(|source| PackError::read(program, source))?;
        walked.entries.push(Entry::file(name, program.clone(), &metadata));
        for alias in ["python", "python3"].map(|alias| Path::new("bin").join(alias)) {
            if !walked.entries.iter().any(|entry| entry.path == alias) {
                walked.entries.push(Entry::symlink(alias, &interpreter.name));
            }
        }
        Ok(())
    }

    fn is_program(&self, entry: &Entry, interpreter: &Interpreter) -> bool {
        let path = self.root.join(&entry.path);
        match &entry.kind {
            EntryKind::Symlink(_) => fs::canonicalize(&path).is_ok_and(|target| {
                let names =
                    ["python", "python3", interpreter.name.as_str()].map(|name| self.root.join("bin").join(name));
                target == interpreter.program || names.contains(&target)
            }),
            EntryKind::File(_) => {
                let name = entry.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let version = interpreter.name.trim_start_matches("python");
                ["python", "python3"].contains(&name) || name.strip_prefix("python") == Some(version)
            }
            EntryKind::Directory | EntryKind::Made(_) | EntryKind::HardLink(_) => false,
        }
    }

    fn add_library(&self, walked: &mut Walked, interpreter: &Interpreter) -> Result<(), PackError> {
        let name = Path::new("lib").join(&interpreter.name);
        let filter = Library { name: &name, patterns: self.patterns };
        let mut library = walk(&interpreter.library, &name, &filter)?;
        links::settle(&mut library, &interpreter.library, &name)?;
        walked.add_missing(library);
        let packages = if self.configuration.sees_system { packages(interpreter) } else { Vec::new() };
        for directory in packages {
            walked.add_missing(walk(&directory, &name.join("site-packages"), self.patterns)?);
        }
        // Debian's Python looks here unless it is told that it is in a virtual environment.
        let site = fs::read(interpreter.library.join("site.py")).unwrap_or_default();
        if memchr::memmem::find(&site, b"dist-packages").is_some() {
            let link = Entry::symlink(name.join("dist-packages"), "site-packages");
            walked.add_missing(Walked { entries: vec![link], left_out: Vec::new() });
        }
        Ok(())
    }
}

/// Where an interpreter's own packages are.
fn packages(interpreter: &Interpreter) -> Vec<PathBuf> {
    let mut directories = vec![interpreter.library.join("site-packages"), interpreter.library.join("dist-packages")];
    if let Some(lib) = interpreter.library.parent() {
        directories.push(lib.join("python3/dist-packages"));
    }
    directories.push(interpreter.base.join("local/lib").join(&interpreter.name).join("dist-packages"));
    directories.retain(|directory| directory.is_dir());
    directories
}

/// Adds what the interpreter and its standard library need beyond the C library. Says whether there is anything.
fn add_shared_libraries(walked: &mut Walked, interpreter: &Interpreter) -> Result<bool, PackError> {
    let mut programs = vec![interpreter.program.clone()];
    let modules = fs::read_dir(interpreter.library.join("lib-dynload")).into_iter().flatten().flatten();
    let mut modules: Vec<PathBuf> = modules.map(|entry| entry.path()).collect();
    modules.retain(|path| path.extension().is_some_and(|extension| extension == "so"));
    modules.sort();
    programs.extend(modules);
    let is_module = |program: &Path| program.starts_with(&interpreter.library);
    let needed = libraries::needed(&programs, is_module)
        .map_err(|missing| PackError::Library { program: missing.program, library: missing.library })?;
    let mut added = Walked::default();
    for (name, path) in &needed {
        let metadata = fs::metadata(path).map_err(|source| PackError::read(path, source))?;
        added.entries.push(Entry::file(Path::new("lib").join(name), path.clone(), &metadata));
    }
    walked.add_missing(added);
    Ok(!needed.is_empty())
}

/// Whether a link on disk ends outside of `root`, or nowhere.
fn leads_out(link: &Path, root: &Path) -> bool {
    match fs::canonicalize(link) {
        Ok(target) => !target.starts_with(root),
        Err(_) => fs::read_link(link).ok().and_then(|target| resolve_text(&target)).is_some_and(|it| it.is_absolute()),
    }
}

/// What of the standard library is packed: not the interpreter's own packages, which the environment does not see.
struct Library<'a> {
    name: &'a Path,
    patterns: &'a Patterns,
}

impl Filter for Library<'_> {
    fn leaves_out(&self, path: &Path, is_directory: bool) -> Option<Reason> {
        let below = path.strip_prefix(self.name).unwrap_or(path);
        if below == Path::new("site-packages") || below == Path::new("dist-packages") {
            return Some(Reason::OtherPackages);
        }
        if below == Path::new("test") {
            return Some(Reason::Tests);
        }
        if below.extension().is_some_and(|extension| extension == "a") {
            return Some(Reason::StaticLibrary);
        }
        // What compiling extensions needs, and names the place where Python was installed.
        if below.parent() == Some(Path::new("")) && bytes(below).starts_with(b"config-") {
            return Some(Reason::Headers);
        }
        // Compiled from what is written otherwise into the archive: Python would not use it.
        let is_compiled = below.extension().is_some_and(|extension| extension == "pyc");
        if is_compiled && below.file_name().is_some_and(|name| bytes(name.as_ref()).starts_with(b"_sysconfigdata")) {
            return Some(Reason::Bytecode);
        }
        self.patterns.leaves_out(path, is_directory)
    }
}

impl Walked {
    /// Takes entries out.
    pub(super) fn leave_out(&mut self, gone: impl Fn(&Entry) -> bool, reason: Reason) {
        let (gone, kept) = std::mem::take(&mut self.entries).into_iter().partition(gone);
        let gone: Vec<Entry> = gone;
        self.entries = kept;
        self.left_out.extend(gone.iter().map(|entry| LeftOut {
            path: entry.path.clone(),
            reason,
            bytes: entry.size(),
        }));
    }

    /// Takes in the entries of `other` whose paths are not taken, with their directories.
    pub(super) fn add_missing(&mut self, other: Walked) {
        let mut known: HashSet<Vec<u8>> = self.entries.iter().map(|entry| bytes(&entry.path).to_vec()).collect();
        for entry in other.entries {
            let path = bytes(&entry.path).to_vec();
            let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| end);
            for parent in ends.map(|end| &path[..end]) {
                if !known.contains(parent) {
                    known.insert(parent.to_vec());
                    self.entries.push(Entry::directory(to_path(parent)));
                }
            }
            if known.insert(path) {
                self.entries.push(entry);
            }
        }
        self.left_out.extend(other.left_out);
    }
}
