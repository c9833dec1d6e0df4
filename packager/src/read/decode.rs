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
use crate::frames::Frames;
use crate::pipeline::in_order;

/// Bytes that travel at once.
const BLOCK: usize = 256 << 10;
/// Blocks that wait.
const WAITING: usize = 8;

/// Calls `work` with the tar stream of `file`.
pub(super) fn with_stream<T>(format: Format, file: File, work: impl FnOnce(&mut dyn Read) -> T) -> T {
    let decode: fn(File, &SyncSender<io::Result<Vec<u8>>>) = match format {
        Format::TarGz | Format::Tgz => gzip,
        Format::TarZst => zstd,
        Format::Tar | Format::Zip => return work(&mut BufReader::with_capacity(BLOCK, file)),
    };
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        scope.spawn(move || decode(file, &sender));
        let mut stream = Stream { receiver, block: Vec::new(), position: 0 };
        work(&mut stream)
    })
}

/// Blocks as a stream.
struct Stream {
    receiver: Receiver<io::Result<Vec<u8>>>,
    block: Vec<u8>,
    position: usize,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position == self.block.len() {
            // The sender's end is the stream's end.
            let Ok(block) = self.receiver.recv() else { return Ok(0) };
            self.block = block?;
            self.position = 0;
        }
        let length = buffer.len().min(self.block.len() - self.position);
        buffer[..length].copy_from_slice(&self.block[self.position..self.position + length]);
        self.position += length;
        Ok(length)
    }
}

fn gzip(file: File, sender: &SyncSender<io::Result<Vec<u8>>>) {
    pump(&mut MultiGzDecoder::new(BufReader::with_capacity(BLOCK, file)), sender);
}

/// Frames of which each says how long it is are decoded side by side, others one after the other.
fn zstd(file: File, sender: &SyncSender<io::Result<Vec<u8>>>) {
    let frames = match Frames::find(&file) {
        Ok(Some(frames)) => frames,
        Ok(None) => return stream(file, sender),
        Err(error) => return drop(sender.send(Err(error))),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let outcome = in_order(
        (frames.count(), threads),
        zstd::bulk::Decompressor::new,
        |decoder, index| frames.decode(&file, index, decoder),
        |_, block| sender.send(Ok(block)).map_err(|_| io::ErrorKind::BrokenPipe.into()),
    );
    if let Err(error) = outcome {
        // Nobody listens any more, or hears of it.
        let _ = sender.send(Err(error));
    }
}

fn stream(file: File, sender: &SyncSender<io::Result<Vec<u8>>>) {
    match zstd::stream::read::Decoder::new(file) {
        Ok(mut decoder) => pump(&mut decoder, sender),
        Err(error) => drop(sender.send(Err(error))),
    }
}

fn pump(decoder: &mut dyn Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut block = Vec::with_capacity(BLOCK);
        let read = decoder.take(BLOCK as u64).read_to_end(&mut block);
        let is_end = block.is_empty();
        let sent = match read {
            Ok(_) if is_end => return,
            Ok(_) => sender.send(Ok(block)),
            Err(error) => return drop(sender.send(Err(error))),
        };
        if sent.is_err() {
            return;
        }
    }
}
