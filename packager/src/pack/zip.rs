//! Zip archives, made on all cores.
//!
//! Everything in them is deflated, and its sizes follow it: a program that reads an archive from the front, as YARN does,
//! finds the end of deflated content by itself, and of stored content only where its sizes stand before it. Content that
//! does not become shorter is stored inside deflate's own format.
//!
//! ```text
//! pieces -- threads: read, relocate, deflate --> parts, in order --> one thread: headers, directory --> file
//! ```

mod deflate;
mod file;

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::mpsc::sync_channel;
use std::thread;

use deflate::Deflater;
use file::Part;

use super::chunk::{Chunk, Cutting, cut};
use super::encode::{Encoder, Piece};
use super::output::{self, Output};
use super::{PackError, Progress, Work, Written};
use crate::fixups;
use crate::pipeline;
use crate::tree::{Entry, EntryKind, bytes};

/// Sizes of pieces: as for the other formats that deflate.
const CUTTING: Cutting = Cutting { one_in: 64, window: 1 << 20 };

/// Pieces that may wait for the thread that writes.
const WAITING: usize = 2;

/// Makes a copy of the file of every hard link: a zip archive has none. The entries are sorted.
pub(super) fn copy_hard_links(entries: &mut [Entry]) {
    for index in 0..entries.len() {
        let EntryKind::HardLink(target) = &entries[index].kind else { continue };
        if let Ok(found) = entries.binary_search_by(|entry| bytes(&entry.path).cmp(bytes(target))) {
            entries[index].kind = entries[found].kind.clone();
        }
    }
}

/// Writes all entries, and what unpacking has to put right at the end.
pub(super) fn write(work: &Work<'_>, output: Output, watch: &mut dyn FnMut(Progress)) -> Result<Written, PackError> {
    let mut written = Written::default();
    let (made, output) = thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        let writer = scope.spawn(|| file::write(receiver.into_iter().flatten(), output, work.options.time));
        // Its end is noticed here, and its reason is told by the thread itself.
        let mut send = |parts| sender.send(parts).map_err(|_| PackError::Interrupted);
        let made = make(work, &mut written, watch, &mut send).and_then(|()| send(manifest(work, &mut written)?));
        drop(sender);
        (made, writer.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    let output = output.map_err(|error| output::failed(work.options, error))?;
    made?;
    written.output = Some(output);
    Ok(written)
}

fn make(
    work: &Work<'_>,
    written: &mut Written,
    watch: &mut dyn FnMut(Progress),
    send: &mut dyn FnMut(Vec<Part>) -> Result<(), PackError>,
) -> Result<(), PackError> {
    let entries = &work.plan.entries;
    let encoder = Encoder::prepare(work)?;
    let chunks = cut(entries, CUTTING, |index| encoder.large_size(index));
    let mut progress = work.progress();
    let parts = |deflater: &mut Deflater, index: usize| {
        work.check_stop()?;
        let maker = Maker { work, encoder: &encoder, deflater };
        match &chunks[index] {
            Chunk::Run(run) => maker.run(run.clone()),
            Chunk::Window { entry, range, size } => maker.window(*entry, range, *size),
        }
    };
    let take = |index: usize, (parts, noted): (Vec<Part>, Piece)| {
        send(parts)?;
        written.remains.extend(noted.remains);
        written.fixups.extend(noted.fixups);
        progress.advance(&chunks[index], entries);
        watch(progress);
        Ok(())
    };
    let deflater = || Deflater::new(work.options.level);
    pipeline::in_order((chunks.len(), work.options.threads.max(1)), deflater, parts, take)
}

/// The list of files that unpacking has to put right, if there are any.
fn manifest(work: &Work<'_>, written: &mut Written) -> Result<Vec<Part>, PackError> {
    if written.fixups.is_empty() {
        return Ok(Vec::new());
    }
    let content = fixups::write(std::mem::take(&mut written.fixups));
    let entry = Entry::made(fixups::MANIFEST, 0o644, content.as_slice());
    let part = Part::whole(&entry, &content, &mut Deflater::new(work.options.level));
    Ok(vec![part.map_err(|error| output::failed(work.options, error))?])
}

/// Makes the parts of one piece.
struct Maker<'a> {
    work: &'a Work<'a>,
    encoder: &'a Encoder<'a>,
    deflater: &'a mut Deflater,
}

impl Maker<'_> {
    fn run(self, run: Range<usize>) -> Result<(Vec<Part>, Piece), PackError> {
        let (mut parts, mut noted) = (Vec::new(), Piece::default());
        for entry in &self.work.plan.entries[run] {
            let content = match &entry.kind {
                EntryKind::File(file) => self.encoder.content(&mut noted, entry, file)?,
                EntryKind::Made(content) => content.to_vec(),
                EntryKind::Symlink(target) => bytes(target).to_vec(),
                EntryKind::Directory | EntryKind::HardLink(_) => Vec::new(),
            };
            let part = Part::whole(entry, &content, self.deflater);
            parts.push(part.map_err(|error| output::failed(self.work.options, error))?);
        }
        Ok((parts, noted))
    }

    fn window(self, index: usize, range: &Range<u64>, size: u64) -> Result<(Vec<Part>, Piece), PackError> {
        let mut noted = Piece::default();
        let content = self.encoder.part(&mut noted, index, range)?;
        let part = Part::window(&self.work.plan.entries[index], &content, range.end == size, self.deflater);
        Ok((vec![part.map_err(|error| output::failed(self.work.options, error))?], noted))
    }
}
