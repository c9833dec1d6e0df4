//! What was packed the last time, so that an unchanged environment is noticed by looking at its files' times, and unchanged
//! pieces are copied from the old archive.
//!
//! A record is believed only for the file that it was written for (length, times, inode), so a wrong record costs
//! time, never a wrong archive.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::output::Archive;
use super::{PackOptions, encode};
use crate::fixups::Fixup;
use crate::format::Format;
use crate::plan::{self, Plan};
use crate::relocate::Remain;
use crate::tree::{Stamp, bytes};

/// Records of other versions are not believed: they may have packed otherwise.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "-1");

/// What decides an archive's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    /// What decides the bytes of every piece, beside its entries.
    context: String,
    /// All entries.
    entries: String,
}

/// One archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    version: String,
    key: Key,
    stamp: Stamp,
    pub(crate) hash: String,
    pieces: Vec<Piece>,
    pub(crate) remains: Vec<Remain>,
    /// Bytes that were copied from the archive before it.
    #[serde(skip)]
    pub(crate) reused: u64,
}

/// A piece of an archive.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Piece {
    pub(crate) key: String,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) remains: Vec<Remain>,
    pub(crate) fixups: Vec<Fixup>,
}

/// The record of the archive that is to be written, if there is one.
pub(crate) struct Ledger {
    file: Option<PathBuf>,
    /// Whether the file that is there was packed by an earlier run.
    is_known: bool,
    old: Option<Old>,
    /// Set when the pieces of the old archive are of use.
    reusable: HashMap<String, usize>,
}

struct Old {
    archive: File,
    record: Record,
}

impl Key {
    pub(super) fn of(options: &PackOptions, format: Format, plan: &Plan) -> Key {
        let mut hash = Sha256::new();
        plan.entries.iter().for_each(|entry| encode::update(&mut hash, entry));
        let entries = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let PackOptions { level, destination, time, .. } = options;
        let records = Sha256::digest(format!("{:?}", plan.relocation.records));
        let context = format!(
            "{format:?} {level:?} {destination:?} {time} {} {records:?} {:?} {:?} {:?} {}",
            plan::key(options),
            plan.root,
            plan.relocation.interpreter,
            plan.relocation.prefixes,
            options.allowed.text(),
        );
        Key { context, entries }
    }
}

impl Record {
    pub(super) fn new(key: &Key, archive: Archive, pieces: Vec<Piece>, remains: Vec<Remain>, reused: u64) -> Record {
        let Archive { stamp, hash } = archive;
        Record { version: VERSION.to_owned(), key: key.clone(), stamp, hash, pieces, remains, reused }
    }

    /// Length of the archive, bytes.
    pub(crate) fn length(&self) -> u64 {
        self.stamp.size
    }
}

impl Ledger {
    /// Looks for the record of the archive at `path`.
    pub(super) fn open(options: &PackOptions, path: &Path) -> Ledger {
        let file = options.memory.as_deref().map(|memory| memory.join(format!("{}.json", name(path))));
        let old = file.as_deref().and_then(|file| Old::open(file, path));
        let is_known = old.is_some();
        Ledger { file, is_known, old: old.filter(|_| !options.fresh), reusable: HashMap::new() }
    }

    /// Whether the file that is there was packed by an earlier run.
    pub(super) fn knows_archive(&self) -> bool {
        self.is_known
    }

    /// The record of an archive that has all of this in it already. Otherwise its pieces may be used again.
    pub(super) fn unchanged(&mut self, key: &Key) -> Option<Record> {
        let record = &self.old.as_ref()?.record;
        if record.key == *key {
            return Some(record.clone());
        }
        if record.key.context == key.context {
            let pieces = record.pieces.iter().enumerate();
            self.reusable = pieces.map(|(index, piece)| (piece.key.clone(), index)).collect();
        }
        None
    }

    /// A piece of the old archive with this key.
    pub(super) fn reuse(&self, key: &str) -> Option<encode::Piece> {
        let old = self.old.as_ref()?;
        let piece = &old.record.pieces[*self.reusable.get(key)?];
        let mut packed = vec![0; usize::try_from(piece.length).ok()?];
        old.archive.read_exact_at(&mut packed, piece.offset).ok()?;
        let (remains, fixups) = (piece.remains.clone(), piece.fixups.clone());
        Some(encode::Piece { packed, remains, fixups, reused: true })
    }

    /// Remembers an archive. When that fails, the next run packs everything again.
    pub(super) fn note(&self, record: &Record) {
        let Some(file) = &self.file else { return };
        let Some(directory) = file.parent() else { return };
        let written = fs::create_dir_all(directory).and_then(|()| tempfile::NamedTempFile::new_in(directory)).and_then(
            |temporary| {
                serde_json::to_writer(temporary.as_file(), record)?;
                temporary.persist(file).map_err(|error| error.error)
            },
        );
        drop(written);
    }
}

impl Old {
    fn open(file: &Path, path: &Path) -> Option<Old> {
        let record: Record = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        let archive = File::open(path).ok()?;
        let stamp = Stamp::of(&archive.metadata().ok()?);
        (record.version == VERSION && record.stamp == stamp).then_some(Old { archive, record })
    }
}

/// A record's name: one for each archive.
fn name(path: &Path) -> String {
    let digest = Sha256::digest(bytes(path));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
