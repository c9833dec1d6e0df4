//! From options to a plan: what kind of environment it is, everything that belongs to it, and how it is relocated.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::venv::{CONFIGURATION, Venv};
use super::{Plan, checks, conda, links, scripts};
use crate::contents::Style;
use crate::failure::PackError;
use crate::filter::Patterns;
use crate::options::PackOptions;
use crate::relocate::{Prefixes, Relocation};
use crate::tree::{Entry, EntryKind, Walked, bytes, link_hard_links, sort, walk};

/// Looks at the environment in `options.prefix`.
pub(crate) fn build(options: &PackOptions) -> Result<Plan, PackError> {
    let root = root(&options.prefix)?;
    let style = style(&root);
    let mut walked = walk(&root, Path::new(""), &options.patterns)?;
    if walked.entries.is_empty() {
        return Err(PackError::Empty(root));
    }
    let mut relocation =
        Relocation { time: options.time, destination: options.destination.clone(), ..Relocation::default() };
    let mut prefixes = vec![root.clone(), std::path::absolute(&options.prefix).unwrap_or_else(|_| root.clone())];
    prefixes.extend(scripts::recorded_prefix(&root));
    let mut notes = Vec::new();
    if !options.ignore_editable {
        checks::editable(&root, &walked)?;
    }
    if !options.ignore_missing {
        checks::missing(&root, &walked, &options.patterns)?;
    }
    match style {
        Style::Venv => venv(options, &root, &mut walked, &mut relocation, &mut prefixes, &mut notes)?,
        Style::Conda => relocation.records = conda::records(&root, &mut walked)?,
        Style::Plain => {}
    }
    room(&relocation)?;
    relocation.prefixes = Prefixes::new(prefixes.iter().map(PathBuf::as_path));
    let broken = links::straighten(&mut walked, &root, &relocation.prefixes, options.ignore_missing)?;
    if !broken.0.is_empty() {
        return Err(PackError::Links(broken.0));
    }
    if style != Style::Plain {
        scripts::add_activation(&mut walked, style);
    }
    let Walked { mut entries, mut left_out } = walked;
    if options.bytecode {
        super::bytecode::compile(&root, &relocation, &mut entries)?;
    }
    sort(&mut entries);
    collisions(&entries)?;
    link_hard_links(&mut entries);
    left_out.sort_by(|a, b| a.path.cmp(&b.path));
    relocation.sources = sources(&entries);
    Ok(Plan { style, root, entries, relocation, left_out, notes })
}

fn venv(
    options: &PackOptions,
    root: &Path,
    walked: &mut Walked,
    relocation: &mut Relocation,
    prefixes: &mut Vec<PathBuf>,
    notes: &mut Vec<String>,
) -> Result<(), PackError> {
    let venv = Venv::read(root, &options.patterns)?;
    prefixes.extend(venv.configuration.home.as_deref().and_then(Path::parent).map(Path::to_owned));
    if options.without_interpreter {
        venv.without_interpreter(walked);
        relocation.without_interpreter = true;
        notes.push(
            "without its interpreter, the environment needs a Python of the same version on every node".to_owned(),
        );
        return Ok(());
    }
    let interpreter = venv.with_interpreter(walked, relocation)?;
    notes.push(format!("with its interpreter {}", interpreter.program.display()));
    prefixes.push(interpreter.base);
    Ok(())
}

/// A destination must fit where conda has left room for a prefix in binary files.
fn room(relocation: &Relocation) -> Result<(), PackError> {
    let Some(prefix) = &relocation.destination else { return Ok(()) };
    let binaries = relocation.records.iter().filter(|(_, record)| record.binary);
    let Some((file, record)) = binaries.min_by_key(|(_, record)| record.placeholder.len()) else { return Ok(()) };
    let room = record.placeholder.len();
    if bytes(prefix).len() <= room {
        return Ok(());
    }
    let reason = format!("{} has room for {room} bytes; choose a shorter place", file.display());
    Err(PackError::DestPrefix { prefix: prefix.clone(), reason })
}

/// The directory, without links.
fn root(prefix: &Path) -> Result<PathBuf, PackError> {
    let root = fs::canonicalize(prefix).map_err(|source| {
        let is_missing = source.kind() == std::io::ErrorKind::NotFound;
        let prefix = prefix.to_owned();
        if is_missing { PackError::NoDirectory(prefix) } else { PackError::Read { path: prefix, source } }
    })?;
    if root.is_dir() { Ok(root) } else { Err(PackError::NoDirectory(prefix.to_owned())) }
}

fn style(root: &Path) -> Style {
    if root.join("conda-meta").is_dir() {
        Style::Conda
    } else if root.join(CONFIGURATION).is_file() {
        Style::Venv
    } else {
        Style::Plain
    }
}

/// Two files under one path: each is somewhere else on this machine.
fn collisions(entries: &[Entry]) -> Result<(), PackError> {
    let place = |entry: &Entry| match &entry.kind {
        EntryKind::File(file) => file.path.clone(),
        EntryKind::Directory | EntryKind::Made(_) | EntryKind::Symlink(_) | EntryKind::HardLink(_) => {
            entry.path.clone()
        }
    };
    match entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
        Some(pair) => {
            Err(PackError::Collision { path: pair[0].path.clone(), first: place(&pair[0]), second: place(&pair[1]) })
        }
        None => Ok(()),
    }
}

/// Times and sizes of Python sources, which compiled files name.
fn sources(entries: &[Entry]) -> HashMap<Vec<u8>, (i64, u64)> {
    let is_source = |entry: &Entry| entry.path.extension().is_some_and(|extension| extension == "py");
    let sources = entries.iter().filter(|entry| is_source(entry)).filter_map(|entry| {
        let EntryKind::File(file) = &entry.kind else { return None };
        Some((bytes(&entry.path).to_vec(), (file.stamp.modified.0, file.stamp.size)))
    });
    sources.collect()
}

/// What decides which files go in, for keys of caches.
pub(crate) fn key(options: &PackOptions) -> String {
    let PackOptions { patterns, without_interpreter, ignore_missing, ignore_editable, bytecode, .. } = options;
    let patterns: &Patterns = patterns;
    format!("{} {without_interpreter} {ignore_missing} {ignore_editable} {bytecode}", patterns.text())
}
