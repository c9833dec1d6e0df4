//! What a person is told about an archive.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use super::ledger::Record;
use crate::contents::Style;
use crate::plan::{LeftOut, Plan, Reason};
use crate::relocate::Remain;
use crate::tree::{Entry, EntryKind, bytes, path as to_path};

/// An archive that was packed, or found to be up to date.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The archive.
    pub path: PathBuf,
    /// What is in it.
    pub preview: Preview,
    /// Its length, bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, hexadecimal.
    pub hash: String,
    /// How long it took.
    pub elapsed: Duration,
    /// Whether nothing had changed since it was packed.
    pub is_unchanged: bool,
    /// Bytes that were copied from the archive that was there before.
    pub reused: u64,
    /// Files that still name the place where the environment was installed.
    pub remains: Vec<Remain>,
}

/// What is in an archive, or would be.
#[derive(Clone, Debug)]
pub struct Preview {
    /// What kind of environment it is.
    pub style: Style,
    /// Its directory.
    pub root: PathBuf,
    /// Files.
    pub files: u64,
    /// Everything: files, directories, links.
    pub entries: u64,
    /// Bytes of the files.
    pub content: u64,
    /// What is left out, sorted.
    pub left_out: Vec<LeftOut>,
    /// Directories with the bytes of the files in them, largest first.
    pub directories: Vec<Directory>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Paths of everything in it, sorted.
    pub paths: Vec<PathBuf>,
}

/// A directory, with everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Its path in the archive.
    pub path: PathBuf,
    /// Files below it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Preview {
    /// What is left out, by reason: entries and bytes.
    pub fn left_out_by_reason(&self) -> BTreeMap<Reason, (u64, u64)> {
        let mut sums = BTreeMap::new();
        for LeftOut { reason, bytes, .. } in &self.left_out {
            let (entries, sum) = sums.entry(*reason).or_insert((0, 0));
            *entries += 1;
            *sum += bytes;
        }
        sums
    }
}

pub(super) fn preview(plan: &Plan) -> Preview {
    let is_file = |entry: &&Entry| matches!(entry.kind, EntryKind::File(_) | EntryKind::Made(_));
    Preview {
        style: plan.style,
        root: plan.root.clone(),
        files: plan.entries.iter().filter(is_file).count() as u64,
        entries: plan.entries.len() as u64,
        content: plan.entries.iter().map(Entry::size).sum(),
        left_out: plan.left_out.clone(),
        directories: directories(&plan.entries),
        notes: plan.notes.clone(),
        paths: plan.entries.iter().map(|entry| entry.path.clone()).collect(),
    }
}

pub(super) fn packed(plan: &Plan, record: &Record, path: PathBuf, elapsed: Duration) -> Packed {
    Packed {
        path,
        preview: preview(plan),
        bytes: record.length(),
        hash: record.hash.clone(),
        elapsed,
        is_unchanged: false,
        reused: record.reused,
        remains: record.remains.clone(),
    }
}

pub(super) fn unchanged(plan: &Plan, record: Record, path: PathBuf, elapsed: Duration) -> Packed {
    Packed { is_unchanged: true, ..packed(plan, &record, path, elapsed) }
}

fn directories(entries: &[Entry]) -> Vec<Directory> {
    // By bytes: comparing paths means taking them apart.
    let mut sums: HashMap<&[u8], (u64, u64)> = HashMap::new();
    for entry in entries {
        let (path, size) = (bytes(&entry.path), entry.size());
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (end, _) in slashes.filter(|_| size > 0) {
            let (files, bytes) = sums.entry(&path[..end]).or_default();
            *files += 1;
            *bytes += size;
        }
    }
    let directory = |(path, (files, bytes))| Directory { path: to_path(path).to_owned(), files, bytes };
    let mut directories: Vec<Directory> = sums.into_iter().map(directory).collect();
    directories.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)));
    directories
}
