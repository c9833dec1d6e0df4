//! From a compressed file to the stream inside it, on other threads than the one that reads the stream.
//!
//! ```text
//! .tar.gz   one thread decodes ──────────────────────────┐
//! .tar.zst  frames ── threads decode ── in order ────────┼── bounded channel ── Stream (io::Read)
//! .tar      the file itself
//! ```

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use flate2::bufread::MultiGzDecoder;

use crate::format::Format;
use crate::frames::{Decoder, Frames};
use crate::pipeline::in_order;
use crate::pool::Pool;

/// Bytes that travel at once.
const BLOCK: usize = 256 << 10;
/// Blocks that wait.
const WAITING: usize = 3;

/// Calls `work` with the tar stream of `file`.
pub(super) fn with_stream<T>(format: Format, file: File, work: impl FnOnce(&mut dyn Read) -> T) -> T {
    let decode: fn(File, &Sink<'_>) = match format {
        Format::TarGz | Format::Tgz => gzip,
        Format::TarZst => zstd,
        Format::Tar | Format::Zip => return work(&mut BufReader::with_capacity(BLOCK, file)),
    };
    let pool = Pool::default();
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        let sink = Sink { sender, pool: &pool };
        scope.spawn(move || decode(file, &sink));
        let mut stream = Stream { receiver, pool: &pool, block: Vec::new(), position: 0 };
        work(&mut stream)
    })
}

/// Where blocks go, and where used ones come back.
struct Sink<'a> {
    sender: SyncSender<io::Result<Vec<u8>>>,
    pool: &'a Pool,
}

impl Sink<'_> {
    /// Says whether somebody still reads.
    fn send(&self, block: io::Result<Vec<u8>>) -> io::Result<()> {
        self.sender.send(block).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Blocks as a stream.
struct Stream<'a> {
    receiver: Receiver<io::Result<Vec<u8>>>,
    pool: &'a Pool,
    block: Vec<u8>,
    position: usize,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.block.len() {
            // The sender's end is the stream's end.
            let Ok(block) = self.receiver.recv() else { return Ok(0) };
            self.pool.give(std::mem::replace(&mut self.block, block?));
            self.position = 0;
        }
        let length = buffer.len().min(self.block.len() - self.position);
        buffer[..length].copy_from_slice(&self.block[self.position..self.position + length]);
        self.position += length;
        Ok(length)
    }
}

fn gzip(file: File, sink: &Sink<'_>) {
    pump(&mut MultiGzDecoder::new(BufReader::with_capacity(BLOCK, file)), sink);
}

/// Frames of which each says how long it is are decoded side by side, others one after the other.
fn zstd(file: File, sink: &Sink<'_>) {
    let frames = match Frames::find(&file) {
        Ok(Some(frames)) => frames,
        Ok(None) => return stream(file, sink),
        Err(error) => return drop(sink.send(Err(error))),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let outcome = in_order(
        (frames.count(), threads),
        Decoder::new,
        |decoder, index| frames.decode(&file, index, decoder, sink.pool.take()),
        |_, block| sink.send(Ok(block)),
    );
    if let Err(error) = outcome {
        // Nobody listens any more, or hears of it.
        let _ = sink.send(Err(error));
    }
}

fn stream(file: File, sink: &Sink<'_>) {
    match zstd::stream::read::Decoder::new(file) {
        Ok(mut decoder) => pump(&mut decoder, sink),
        Err(error) => drop(sink.send(Err(error))),
    }
}

fn pump(decoder: &mut dyn Read, sink: &Sink<'_>) {
    loop {
        let mut block = sink.pool.take();
        block.reserve(BLOCK);
        let read = decoder.take(BLOCK as u64).read_to_end(&mut block);
        let is_end = block.is_empty();
        let sent = match read {
            Ok(_) if is_end => return,
            Ok(_) => sink.send(Ok(block)),
            Err(error) => return drop(sink.send(Err(error))),
        };
        if sent.is_err() {
            return;
        }
    }
}
