//! From entries to the bytes of a piece.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::chunk::{Chunk, LARGE};
use super::compress::Compressor;
use super::{PackError, Work, header, output};
use crate::fixups::Fixup;
use crate::pipeline;
use crate::relocate::{Large, Remain, patch};
use crate::tree::{DiskFile, Entry, EntryKind, bytes, content};

/// A compressed piece, and what is to be noted of the files in it.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) packed: Vec<u8>,
    pub(crate) remains: Vec<Remain>,
    pub(crate) fixups: Vec<Fixup>,
    /// Whether it was copied from the archive of the last time.
    pub(crate) reused: bool,
}

/// Makes pieces, on any thread.
pub(crate) struct Encoder<'a> {
    work: &'a Work<'a>,
    large: HashMap<usize, LargeFile>,
}

/// A large file, which has been looked at.
struct LargeFile {
    content: Large,
    remains: Vec<Remain>,
    fixup: Option<Fixup>,
}

impl<'a> Encoder<'a> {
    /// Looks at the large files.
    pub(crate) fn prepare(work: &'a Work<'a>) -> Result<Encoder<'a>, PackError> {
        let indices: Vec<usize> =
            (0..work.plan.entries.len()).filter(|index| large_file(&work.plan.entries[*index]).is_some()).collect();
        let mut large = HashMap::new();
        let look = |(): &mut (), place: usize| -> Result<Option<LargeFile>, PackError> {
            work.check_stop()?;
            let entry = &work.plan.entries[indices[place]];
            let Some(file) = large_file(entry) else { return Ok(None) };
            let (content, relocated) = work.plan.relocation.large(entry, file)?;
            let remains = work.plan.relocation.remain(&entry.path, &relocated);
            Ok(Some(LargeFile { content, remains, fixup: relocated.fixup }))
        };
        pipeline::in_order(
            (indices.len(), work.options.threads),
            || (),
            look,
            |place, file| {
                large.extend(file.map(|file| (indices[place], file)));
                Ok(())
            },
        )?;
        Ok(Encoder { work, large })
    }

    /// How long the content of a large file will be; `None` for a file that is not large.
    pub(crate) fn large_size(&self, index: usize) -> Option<u64> {
        let disk = self.work.plan.entries[index].size();
        self.large.get(&index).map(|file| match &file.content {
            Large::AsIs | Large::Patched(_) => disk,
            Large::Changed(content) => content.len() as u64,
        })
    }

    /// What decides the bytes of a piece: the same key, the same bytes.
    pub(crate) fn key(&self, chunk: &Chunk) -> String {
        let mut hash = Sha256::new();
        let entries = match chunk {
            Chunk::Run(run) => run.clone(),
            Chunk::Window { entry, range, size } => {
                hash.update(format!("{range:?} {size}"));
                *entry..*entry + 1
            }
        };
        for entry in &self.work.plan.entries[entries] {
            update(&mut hash, entry);
            if entry.path.extension().is_some_and(|extension| extension == "pyc") {
                hash.update(format!("{:?}", self.work.plan.relocation.source_of(&entry.path)));
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads, relocates and compresses a piece; `raw` is memory that can be used.
    pub(crate) fn encode(
        &self,
        chunk: &Chunk,
        compressor: &mut Compressor,
        raw: &mut Vec<u8>,
    ) -> Result<Piece, PackError> {
        let mut piece = Piece::default();
        raw.clear();
        match chunk {
            Chunk::Run(run) => {
                for entry in &self.work.plan.entries[run.clone()] {
                    self.append(raw, &mut piece, entry)?;
                }
            }
            Chunk::Window { entry, range, size } => self.window(raw, &mut piece, (*entry, range, *size))?,
        }
        piece.packed = compressor.compress(raw).map_err(|error| output::failed(self.work.options, error))?;
        Ok(piece)
    }

    fn append(&self, raw: &mut Vec<u8>, piece: &mut Piece, entry: &Entry) -> Result<(), PackError> {
        let time = self.work.plan.relocation.time;
        match &entry.kind {
            EntryKind::File(file) => append_content(raw, entry, &self.content(piece, entry, file)?, time),
            EntryKind::Directory | EntryKind::Made(_) | EntryKind::Symlink(_) | EntryKind::HardLink(_) => {
                append(raw, entry, time);
            }
        }
        Ok(())
    }

    /// The content of a file that is not large, free of the old prefix; what is to be noted of it goes to `piece`.
    pub(crate) fn content(&self, piece: &mut Piece, entry: &Entry, file: &DiskFile) -> Result<Vec<u8>, PackError> {
        let relocation = &self.work.plan.relocation;
        let relocated = relocation.apply(entry, content::whole(file)?);
        let relocated = relocated.map_err(|reason| PackError::Relocate { path: entry.path.clone(), reason })?;
        piece.remains.extend(relocation.remain(&entry.path, &relocated));
        piece.fixups.extend(relocated.fixup);
        Ok(relocated.content)
    }

    fn window(
        &self,
        raw: &mut Vec<u8>,
        piece: &mut Piece,
        (index, range, size): (usize, &Range<u64>, u64),
    ) -> Result<(), PackError> {
        if range.start == 0 {
            header::append(raw, &self.work.plan.entries[index], size, self.work.plan.relocation.time);
        }
        raw.extend_from_slice(&self.part(piece, index, range)?);
        if range.end == size {
            raw.resize(raw.len() + header::padding(size), 0);
        }
        Ok(())
    }

    /// Bytes of a large file as they go into the archive; what is to be noted of it goes to the `piece` of the first.
    pub(crate) fn part(&self, piece: &mut Piece, index: usize, range: &Range<u64>) -> Result<Cow<'_, [u8]>, PackError> {
        let (entry, file) = (&self.work.plan.entries[index], &self.large[&index]);
        if range.start == 0 {
            piece.remains.clone_from(&file.remains);
            piece.fixups.extend(file.fixup.clone());
        }
        Ok(match (&file.content, large_file(entry)) {
            (Large::Changed(content), _) => Cow::Borrowed(&content[range.start as usize..range.end as usize]),
            (Large::AsIs, Some(file)) => Cow::Owned(content::range(file, range.clone())?),
            (Large::Patched(patches), Some(file)) => {
                let mut window = content::range(file, range.clone())?;
                patch(&mut window, range.start, patches);
                Cow::Owned(window)
            }
            (Large::AsIs | Large::Patched(_), None) => Cow::Borrowed(&[]),
        })
    }
}

fn large_file(entry: &Entry) -> Option<&DiskFile> {
    match &entry.kind {
        EntryKind::File(file) if file.stamp.size >= LARGE => Some(file),
        EntryKind::File(_)
        | EntryKind::Directory
        | EntryKind::Made(_)
        | EntryKind::Symlink(_)
        | EntryKind::HardLink(_) => None,
    }
}

/// Appends an entry that is no file on disk.
pub(crate) fn append(raw: &mut Vec<u8>, entry: &Entry, time: u64) {
    let content: Arc<[u8]> = match &entry.kind {
        EntryKind::Made(content) => content.clone(),
        EntryKind::Directory | EntryKind::File(_) | EntryKind::Symlink(_) | EntryKind::HardLink(_) => [].into(),
    };
    append_content(raw, entry, &content, time);
}

fn append_content(raw: &mut Vec<u8>, entry: &Entry, content: &[u8], time: u64) {
    let size = content.len() as u64;
    header::append(raw, entry, size, time);
    raw.extend_from_slice(content);
    raw.resize(raw.len() + header::padding(size), 0);
}

/// What a piece's key depends on.
pub(crate) fn update(hash: &mut Sha256, entry: &Entry) {
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(bytes(&entry.path));
    part(&entry.mode.to_le_bytes());
    match &entry.kind {
        EntryKind::Directory => part(b"directory"),
        EntryKind::File(file) => {
            part(b"file");
            part(bytes(&file.path));
            part(format!("{:?}", file.stamp).as_bytes());
        }
        EntryKind::Made(content) => part(content),
        EntryKind::Symlink(target) => {
            part(b"link");
            part(bytes(target));
        }
        EntryKind::HardLink(target) => {
            part(b"same");
            part(bytes(target));
        }
    }
}
