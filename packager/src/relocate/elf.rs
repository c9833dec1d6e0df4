//! Programs and libraries: where they look for other libraries (`DT_RPATH`, `DT_RUNPATH`).
//!
//! A shorter path is written over the old one; a longer one, or one where there was none, moves the tables to the end
//! of the file. The interpreter gets a `DT_RPATH`, which unlike `DT_RUNPATH` also counts for the libraries that it loads
//! and that have no path of their own: so all of them find what was packed with it.

use std::path::Path;

use object::elf::DT_RPATH;
use object_rewrite::Rewriter;

use super::{Place, Relocated, Relocation};
use crate::elf::{Elf, LibraryPath};
use crate::tree::{Entry, bytes, path as to_path, relative_target};

/// The content of a program or library that finds its libraries in the archive.
pub(super) fn relocate(relocation: &Relocation, entry: &Entry, mut content: Vec<u8>) -> Result<Relocated, String> {
    let is_interpreter = relocation.interpreter.as_deref() == Some(&entry.path);
    let mut remains = Vec::new();
    if let Some(elf) = Elf::read(&content) {
        if !write_needed(relocation, entry, &elf, &mut content) {
            remains.push(Place::LibraryPath);
        }
        if let Some(new) = library_path(relocation, entry, elf.path.as_ref()) {
            content = write_path(content, elf.path.as_ref(), &new, is_interpreter)
                .map_err(|reason| format!("write its library path: {reason}"))?;
        }
        if elf.loader.as_deref().is_some_and(|loader| relocation.prefixes.is_in(loader)) {
            remains.push(Place::LibraryPath);
        }
    }
    if !relocation.prefixes.is_in(&content) {
        return Ok(Relocated { content, fixup: None, remains });
    }
    if let Some(record) = relocation.records.get(&entry.path) {
        return Ok(relocation.binary_record(entry, content, record));
    }
    let name = bytes(entry.path.file_name().unwrap_or_default().as_ref());
    let is_python = is_interpreter || name.starts_with(b"libpython");
    remains.push(if is_python { Place::Harmless } else { Place::Data });
    Ok(Relocated { content, fixup: None, remains })
}

/// The new library path, where it has to change.
fn library_path(relocation: &Relocation, entry: &Entry, old: Option<&LibraryPath>) -> Option<Vec<u8>> {
    let is_interpreter = relocation.interpreter.as_deref() == Some(&entry.path);
    let text = old.map(|old| old.text.as_slice()).unwrap_or_default();
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut add = |part: Vec<u8>| {
        if !part.is_empty() && !parts.contains(&part) {
            parts.push(part);
        }
    };
    if is_interpreter {
        relocation.libraries.iter().for_each(|directory| add(origin(&entry.path, directory)));
    }
    for part in text.split(|byte| *byte == b':') {
        add(match relocation.prefixes.inside(part) {
            Some(inside) => origin(&entry.path, to_path(inside)),
            None => part.to_vec(),
        });
    }
    let new = parts.join(&b':');
    (new != text).then_some(new)
}

/// Libraries without a name of their own are needed by the path at which the linker found them: it is written relative to
/// the file, which the loader understands. Says whether there was room for all of them.
fn write_needed(relocation: &Relocation, entry: &Entry, elf: &Elf, content: &mut [u8]) -> bool {
    let mut complete = true;
    for (name, offset) in elf.needed.iter().zip(&elf.needed_at) {
        let Some(inside) = relocation.prefixes.inside(name.as_bytes()) else { continue };
        let new = origin(&entry.path, to_path(inside));
        let Some(place) = content.get_mut(*offset..offset + name.len()).filter(|place| new.len() <= place.len()) else {
            complete = false;
            continue;
        };
        place[..new.len()].copy_from_slice(&new);
        place[new.len()..].fill(0);
    }
    complete
}

/// `$ORIGIN/…`: a directory of the archive, as seen from a file in it.
fn origin(from: &Path, directory: &Path) -> Vec<u8> {
    [b"$ORIGIN/", bytes(&relative_target(from, directory))].concat()
}

/// Writes the library path; for the interpreter as `DT_RPATH`.
fn write_path(
    mut content: Vec<u8>,
    old: Option<&LibraryPath>,
    new: &[u8],
    is_interpreter: bool,
) -> Result<Vec<u8>, String> {
    if let Some(old) = old.filter(|old| new.len() <= old.text.len()) {
        content[old.offset..old.offset + new.len()].copy_from_slice(new);
        content[old.offset + new.len()..old.offset + old.text.len()].fill(0);
        if is_interpreter {
            content[old.entry..old.entry + 8].copy_from_slice(&u64::from(DT_RPATH).to_le_bytes());
        }
        return Ok(content);
    }
    let mut rewriter = Rewriter::read(&content).map_err(|error| error.to_string())?;
    let failed = |error: object_rewrite::Error| error.to_string();
    rewriter.elf_set_runpath(new.to_vec()).map_err(failed)?;
    if is_interpreter {
        rewriter.elf_use_rpath().map_err(failed)?;
    }
    let mut out = Vec::with_capacity(content.len() + (64 << 10));
    rewriter.write(&mut out).map_err(failed)?;
    Ok(out)
}
