//! Writing files on several threads.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Mode, OFlags, Timespec, Timestamps};

use super::UnpackError;
use crate::pool::Pool;
use crate::read::{LARGE, PIECE, Stop, fill, is_zero};

/// Files that wait, for each thread.
const WAITING: usize = 8;

/// A file, apart from its content.
pub(super) struct Made {
    /// Below the root.
    pub(super) path: PathBuf,
    pub(super) mode: u32,
    /// Modification time, Unix seconds.
    pub(super) time: u64,
}

/// The threads' common state.
pub(super) struct Files<'a> {
    root: &'a Path,
    pool: Pool,
    failure: Mutex<Option<UnpackError>>,
}

/// Where the reading thread puts files.
pub(super) struct Queue<'a> {
    root: &'a Path,
    pool: &'a Pool,
    sender: SyncSender<(Made, Vec<u8>)>,
}

impl<'a> Files<'a> {
    pub(super) fn new(root: &'a Path) -> Files<'a> {
        Files { root, pool: Pool::default(), failure: Mutex::new(None) }
    }

    /// Calls `work` with a queue; returns when everything in it is written.
    pub(super) fn write_on_threads<T>(&'a self, threads: usize, work: impl FnOnce(Queue<'a>) -> T) -> T {
        let threads = threads.max(1);
        let (sender, receiver) = sync_channel(threads * WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let receiver = Arc::clone(&receiver);
                scope.spawn(move || self.drain(&receiver));
            }
            // The threads' own handles keep it open; when they are all gone, the queue says so.
            drop(receiver);
            work(Queue { root: self.root, pool: &self.pool, sender })
        })
    }

    /// What went wrong on a thread.
    pub(super) fn failure(&self) -> Option<UnpackError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn drain(&self, receiver: &Mutex<Receiver<(Made, Vec<u8>)>>) {
        loop {
            let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((made, content)) = next else { return };
            let written = create(self.root, &made).and_then(|file| {
                file.write_all_at(&content, 0)?;
                seal(&file, &made)
            });
            self.pool.give(content);
            if let Err(source) = written {
                let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                failure.get_or_insert(UnpackError::write(&self.root.join(&made.path), source));
                return;
            }
        }
    }
}

impl Queue<'_> {
    /// Reads the content of a file and has it written. Returns its length.
    pub(super) fn put(&self, made: Made, size: u64, content: &mut dyn Read) -> Result<u64, Stop<UnpackError>> {
        if size > LARGE {
            return self.large(&made, content);
        }
        let mut bytes = self.pool.take();
        bytes.reserve_exact(size as usize);
        content.read_to_end(&mut bytes).map_err(Stop::Read)?;
        let length = bytes.len() as u64;
        // All threads have failed, and one of them has said why.
        self.sender.send((made, bytes)).map_err(|_| Stop::Visitor(UnpackError::Interrupted))?;
        Ok(length)
    }

    /// Written by the reading thread, piece by piece. Pieces of zeros are not written: the file has holes there.
    fn large(&self, made: &Made, content: &mut dyn Read) -> Result<u64, Stop<UnpackError>> {
        let failed = |source| Stop::Visitor(UnpackError::write(&self.root.join(&made.path), source));
        let file = create(self.root, made).map_err(failed)?;
        let mut piece = vec![0; PIECE];
        let mut offset = 0;
        loop {
            let length = fill(content, &mut piece).map_err(Stop::Read)?;
            if length == 0 {
                break;
            }
            if !is_zero(&piece[..length]) {
                file.write_all_at(&piece[..length], offset).map_err(failed)?;
            }
            offset += length as u64;
        }
        file.set_len(offset).and_then(|()| seal(&file, made)).map_err(failed)?;
        Ok(offset)
    }
}

/// A new file: nothing is there, not even a link.
fn create(root: &Path, made: &Made) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(root.join(&made.path), flags, Mode::from_raw_mode(0o600))?))
}

/// Its mode, whatever the umask is, and its time.
fn seal(file: &File, made: &Made) -> io::Result<()> {
    rustix::fs::fchmod(file, Mode::from_raw_mode(made.mode))?;
    rustix::fs::futimens(file, &times(made.time))?;
    Ok(())
}

pub(super) fn times(seconds: u64) -> Timestamps {
    let time = Timespec { tv_sec: i64::try_from(seconds).unwrap_or_default(), tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}
