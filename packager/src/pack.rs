//! Packing an environment: a plan, pieces that are compressed on all cores, one file that appears when it is whole.
//!
//! ```text
//! directory -- plan --> entries -- cut --> pieces -- threads: read, relocate, compress --> in order --> temporary file
//!                                            |                                                             | rename
//!                                            +-- known from the last time: copied from the old archive     v
//!                                                                                                       archive
//! ```

mod chunk;
mod compress;

mod encode;
mod header;
mod ledger;
mod output;
mod summary;
mod zip;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use chunk::{Chunk, cut};
use compress::{Compression, Compressor};
use encode::{Encoder, Piece};
use ledger::{Key, Ledger, Record};
use output::Output;

use crate::failure::PackError;
use crate::fixups;
use crate::format::Format;
use crate::options::PackOptions;
use crate::pipeline;
use crate::plan::{self, Plan};
use crate::relocate::Remain;
use crate::tree::Entry;

pub use summary::{Directory, Packed, Preview};

/// How far packing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files that are done.
    pub files: u64,
    /// Files in all.
    pub all_files: u64,
    /// Bytes of content that are done.
    pub bytes: u64,
    /// Bytes of content in all.
    pub all_bytes: u64,
}

/// Packs the environment in `options.prefix` into `options.output`. `watch` hears of progress, on this thread;
/// `stop` ends it when it becomes true.
///
/// # Errors
/// When there is no archive; then nothing is left of it, and a file of that name is as it was.
pub fn pack(options: &PackOptions, stop: &AtomicBool, watch: &mut dyn FnMut(Progress)) -> Result<Packed, PackError> {
    let began = Instant::now();
    let path = options.output_path()?;
    let format = options.format()?;
    let mut plan = plan::build(options)?;
    if format == Format::Zip {
        zip::copy_hard_links(&mut plan.entries);
    }
    output::check(&path, &plan.root)?;
    let mut ledger = Ledger::open(options, &path);
    let key = Key::of(options, format, &plan);
    if let Some(record) = ledger.unchanged(&key) {
        return Ok(summary::unchanged(&plan, record, path, began.elapsed()));
    }
    output::may_replace(&path, options.force || ledger.knows_archive())?;
    let output = Output::create(&path)?;
    let work = Work { options, plan: &plan, ledger: &ledger, stop };
    let written = match format {
        Format::Zip => zip::write(&work, output, watch)?,
        Format::TarGz | Format::Tgz | Format::Tar | Format::TarZst => {
            work.write(Compression::of(format, options.level), output, watch)?
        }
    };
    check_remains(&written.remains, options, format)?;
    let record = written.finish(&key, options.force || ledger.knows_archive())?;
    ledger.note(&record);
    Ok(summary::packed(&plan, &record, path, began.elapsed()))
}

/// What [`pack`] would do, without reading the files.
///
/// # Errors
/// When there is nothing to pack, or it would not run on a node.
pub fn preview(options: &PackOptions) -> Result<Preview, PackError> {
    Ok(summary::preview(&plan::build(options)?))
}

/// What all steps of one run use.
pub(crate) struct Work<'a> {
    pub(crate) options: &'a PackOptions,
    pub(crate) plan: &'a Plan,
    pub(crate) ledger: &'a Ledger,
    pub(crate) stop: &'a AtomicBool,
}

impl Work<'_> {
    pub(crate) fn check_stop(&self) -> Result<(), PackError> {
        if self.stop.load(Ordering::Relaxed) { Err(PackError::Interrupted) } else { Ok(()) }
    }

    /// Writes a tar file, compressed or not.
    fn write(
        &self,
        compression: Compression,
        mut output: Output,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<Written, PackError> {
        let entries = &self.plan.entries;
        let encoder = Encoder::prepare(self)?;
        let chunks = cut(entries, compression.cutting(), |index| encoder.large_size(index));
        let mut progress = self.progress();
        let mut written = Written::default();
        let make = |(compressor, raw): &mut (std::io::Result<Compressor>, Vec<u8>), index: usize| {
            self.check_stop()?;
            let chunk = &chunks[index];
            let key = encoder.key(chunk);
            if let Some(piece) = self.ledger.reuse(&key) {
                return Ok((key, piece));
            }
            let compressor = compressor.as_mut().map_err(|error| output::failed(self.options, error.kind().into()))?;
            encoder.encode(chunk, compressor, raw).map(|piece| (key, piece))
        };
        let take = |index: usize, (key, piece): (String, Piece)| {
            output.write(&piece.packed)?;
            progress.advance(&chunks[index], entries);
            watch(progress);
            written.add(key, piece);
            Ok(())
        };
        let threads = self.options.threads.max(1);
        let state = || (Compressor::new(compression), Vec::new());
        pipeline::in_order((chunks.len(), threads), state, make, take)?;
        let mut tail = Vec::new();
        if !written.fixups.is_empty() {
            let manifest = Entry::made(fixups::MANIFEST, 0o644, fixups::write(std::mem::take(&mut written.fixups)));
            encode::append(&mut tail, &manifest, self.options.time);
        }
        header::append_end(&mut tail);
        let mut compressor = Compressor::new(compression).map_err(|error| output::failed(self.options, error))?;
        let tail = compressor.compress(&tail).map_err(|error| output::failed(self.options, error))?;
        output.write(&tail)?;
        written.output = Some(output);
        Ok(written)
    }

    fn progress(&self) -> Progress {
        let entries = &self.plan.entries;
        Progress {
            all_files: entries.len() as u64,
            all_bytes: entries.iter().map(Entry::size).sum(),
            ..Progress::default()
        }
    }
}

impl Progress {
    fn advance(&mut self, chunk: &Chunk, entries: &[Entry]) {
        self.bytes += chunk.weight(entries);
        self.files += match chunk {
            Chunk::Run(run) => run.len() as u64,
            Chunk::Window { range, size, .. } => u64::from(range.end == *size),
        };
    }
}

/// An archive that is written and not yet in its place.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) output: Option<Output>,
    /// Its pieces, for the next time.
    pub(crate) pieces: Vec<ledger::Piece>,
    pub(crate) remains: Vec<Remain>,
    fixups: Vec<fixups::Fixup>,
    reused: u64,
    offset: u64,
}

impl Written {
    fn add(&mut self, key: String, piece: Piece) {
        let length = piece.packed.len() as u64;
        if piece.reused {
            self.reused += length;
        }
        self.remains.extend(piece.remains.iter().cloned());
        self.fixups.extend(piece.fixups.iter().cloned());
        let (offset, remains, fixups) = (self.offset, piece.remains, piece.fixups);
        self.pieces.push(ledger::Piece { key, offset, length, remains, fixups });
        self.offset += length;
    }

    /// Puts it into its place.
    fn finish(self, key: &Key, replaces: bool) -> Result<Record, PackError> {
        let Some(output) = self.output else { return Err(PackError::Interrupted) };
        let archive = output.finish(replaces)?;
        Ok(Record::new(key, archive, self.pieces, self.remains, self.reused))
    }
}

/// Fails when something that matters still names the old prefix, unless it is allowed by name, or put right when the
/// archive is unpacked.
fn check_remains(remains: &[Remain], options: &PackOptions, format: Format) -> Result<(), PackError> {
    let is_fixed = |remain: &Remain| remain.fixed_at_unpacking && format == Format::TarZst;
    let is_allowed = |remain: &Remain| options.allows(&remain.path);
    let wrong = remains.iter().filter(|remain| remain.place.matters() && !is_fixed(remain) && !is_allowed(remain));
    let mut wrong: Vec<String> = wrong.map(|remain| format!("{} ({})", remain.path, remain.place.text())).collect();
    wrong.sort();
    wrong.dedup();
    if wrong.is_empty() { Ok(()) } else { Err(PackError::Prefixes(wrong)) }
}
