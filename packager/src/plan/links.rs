//! Symbolic links that work in any place: relative ones that stay inside. A link to a file elsewhere becomes that file.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use super::{LeftOut, Reason};
use crate::failure::PackError;
use crate::relocate::Prefixes;
use crate::tree::{Entry, EntryKind, Walked, bytes, path as to_path, relative_target, resolve_text};

/// Links that cannot work in the archive, for the message.
#[derive(Debug, Default)]
pub(super) struct Broken(pub(super) Vec<String>);

/// Makes the links of `walked` relative. Links that lead nowhere are left out where `ignore` says so, else returned.
pub(super) fn straighten(
    walked: &mut Walked,
    root: &Path,
    prefixes: &Prefixes,
    ignore: bool,
) -> Result<Broken, PackError> {
    let paths: HashSet<Vec<u8>> = walked.entries.iter().map(|entry| bytes(&entry.path).to_vec()).collect();
    let mut broken = Broken::default();
    let mut kept = Vec::with_capacity(walked.entries.len());
    for entry in std::mem::take(&mut walked.entries) {
        let EntryKind::Symlink(target) = &entry.kind else {
            kept.push(entry);
            continue;
        };
        match straight(&entry.path, target, root, prefixes, &paths)? {
            Ok(kind) => kept.push(kind),
            Err(_) if ignore => {
                walked.left_out.push(LeftOut { path: entry.path.clone(), reason: Reason::Missing, bytes: 0 });
            }
            Err(why) => broken.0.push(format!("{} -> {}: {why}", entry.path.display(), target.display())),
        }
    }
    walked.entries = kept;
    Ok(broken)
}

fn straight(
    link: &Path,
    target: &Path,
    root: &Path,
    prefixes: &Prefixes,
    paths: &HashSet<Vec<u8>>,
) -> Result<Result<Entry, &'static str>, PackError> {
    if target.is_absolute() {
        let inside = prefixes.inside(bytes(target)).and_then(|inside| resolve_text(to_path(inside)));
        if let Some(inside) = inside.filter(|inside| inside.as_os_str().is_empty() || paths.contains(bytes(inside))) {
            return Ok(Ok(Entry::symlink(link, relative_target(link, &inside))));
        }
    } else if resolve_text(&link.parent().unwrap_or(Path::new("")).join(target)).is_some() {
        // As it is, also when it leads nowhere: so it did in the environment.
        return Ok(Ok(Entry::symlink(link, target)));
    }
    let path = root.join(link);
    let Ok(real) = fs::canonicalize(&path) else {
        let is_loop = fs::metadata(&path).is_err_and(|error| error.raw_os_error() == Some(LOOP));
        return Ok(Err(if is_loop { "it leads round in a circle" } else { "there is nothing" }));
    };
    let metadata = fs::metadata(&real).map_err(|source| PackError::read(&real, source))?;
    if metadata.is_file() {
        return Ok(Ok(Entry::file(link.to_owned(), real, &metadata)));
    }
    Ok(Err("a directory outside of the environment"))
}

/// Settles the links of a tree that is elsewhere than the environment, on disk in `place` and in the archive at `name`: those
/// that stay in it are kept, files elsewhere are taken in, and what leads nowhere on this machine is left out.
pub(super) fn settle(walked: &mut Walked, place: &Path, name: &Path) -> Result<(), PackError> {
    let inside = fs::canonicalize(place).map_err(|source| PackError::read(place, source))?;
    for entry in std::mem::take(&mut walked.entries) {
        let EntryKind::Symlink(target) = &entry.kind else {
            walked.entries.push(entry);
            continue;
        };
        let path = place.join(entry.path.strip_prefix(name).unwrap_or(&entry.path));
        match fs::canonicalize(&path) {
            Ok(real) if real.starts_with(&inside) && target.is_relative() => walked.entries.push(entry),
            Ok(real) if real.is_file() => {
                let metadata = fs::metadata(&real).map_err(|source| PackError::read(&real, source))?;
                walked.entries.push(Entry::file(entry.path, real, &metadata));
            }
            Ok(_) | Err(_) => walked.left_out.push(LeftOut { path: entry.path, reason: Reason::Missing, bytes: 0 }),
        }
    }
    Ok(())
}

/// `ELOOP`.
const LOOP: i32 = rustix::io::Errno::LOOP.raw_os_error();
