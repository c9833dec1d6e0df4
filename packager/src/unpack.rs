//! Unpacking an archive that nobody vouches for: beside its place, then renamed into it when it is whole.
//!
//! Directories are made in order, files on several threads, links last, so that nothing is ever written through one. Each
//! path is checked before (`contents.rs`) and opened anew without following a link.

mod files;
mod finish;
mod shared;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use files::{Files, Made};
use finish::Later;

use crate::contents::{Contents, Style};
use crate::error::ArchiveError;
use crate::fixups;
use crate::format;
use crate::read::{self, Failure, Item, Kind, Limits, Stop, Visitor};

pub use shared::{SharedError, unpack_shared};

/// How to unpack.
#[derive(Clone, Debug)]
pub struct UnpackOptions {
    /// The most that is unpacked.
    pub limits: Limits,
    /// Threads that write files.
    pub threads: usize,
    /// The place that files name, if it is another than where they are written.
    pub prefix: Option<PathBuf>,
}

impl Default for UnpackOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        UnpackOptions { limits: Limits::default(), threads, prefix: None }
    }
}

/// What was unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Where.
    pub path: PathBuf,
    /// What kind of environment it is.
    pub style: Style,
    /// Files, links and directories.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// Files into which the place was written.
    pub fixed: u64,
    /// How long it took.
    pub elapsed: Duration,
}

/// Why nothing was unpacked. What had been written is removed.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Something is there.
    #[error("{} is there and not empty; name another directory, or remove it", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("write {}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The list of files that are to be put right is damaged.
    #[error("archive {}: the list of files that name their place is damaged; pack it again", archive.display())]
    Fixups {
        /// The archive.
        archive: PathBuf,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },
    /// A place whose name is too long for the room that files have for it.
    #[error("{}: the path is too long for {file}, which has room for {room} bytes; unpack to a shorter one", prefix.display())]
    TooLong {
        /// The place.
        prefix: PathBuf,
        /// The file.
        file: String,
        /// Its room, bytes.
        room: usize,
    },
    /// Unpacking was interrupted.
    #[error("interrupted; nothing was unpacked")]
    Interrupted,
}

impl UnpackError {
    pub(crate) fn write(path: &Path, source: io::Error) -> UnpackError {
        UnpackError::Write { path: path.to_owned(), source }
    }
}

/// Unpacks the archive at `archive` as the directory `destination`, which does not exist or is empty. `stop` ends it when
/// it becomes true.
///
/// # Errors
/// When it is not there as a whole.
pub fn unpack(
    archive: &Path,
    destination: &Path,
    options: &UnpackOptions,
    stop: &AtomicBool,
) -> Result<Unpacked, UnpackError> {
    let began = Instant::now();
    let opened = format::open(archive)?;
    let destination = place(destination)?;
    let aside = Aside::create(&destination)?;
    let prefix = options.prefix.clone().unwrap_or_else(|| destination.clone());
    let files = Files::new(&aside.0);
    let mut unpacking = Unpacking::new(&aside.0, stop);
    let read = files.write_on_threads(options.threads, |queue| {
        unpacking.queue = Some(queue);
        let read = read::read(archive, opened, &options.limits, &mut unpacking);
        unpacking.queue = None;
        read
    });
    // A thread that could not write tells why; the reader only noticed that it was gone.
    if let Some(error) = files.failure() {
        return Err(error);
    }
    read.map_err(|failure| match failure {
        Failure::Archive(error) => UnpackError::Archive(error),
        Failure::Visitor(error) => error,
    })?;
    if unpacking.entries == 0 {
        return Err(ArchiveError::Empty { path: archive.to_owned() }.into());
    }
    let fixed = unpacking.later.fix(&aside.0, &prefix, archive)?;
    unpacking.later.finish(&aside.0)?;
    let Unpacking { contents, entries, bytes, .. } = unpacking;
    aside.rename(&destination)?;
    Ok(Unpacked { path: destination, style: contents.style(), entries, bytes, fixed, elapsed: began.elapsed() })
}

/// The directory that will be, absolute and without links.
fn place(destination: &Path) -> Result<PathBuf, UnpackError> {
    let failed = |source| UnpackError::write(destination, source);
    let absolute = std::path::absolute(destination).map_err(failed)?;
    if let Ok(mut children) = fs::read_dir(&absolute) {
        if children.next().is_some() {
            return Err(UnpackError::Exists(absolute));
        }
        return fs::canonicalize(&absolute).map_err(failed);
    }
    // A file, or a link to nothing.
    let is_there = fs::symlink_metadata(&absolute).is_ok();
    let (Some(parent), Some(name), false) = (absolute.parent(), absolute.file_name(), is_there) else {
        return Err(UnpackError::Exists(absolute));
    };
    fs::create_dir_all(parent).map_err(failed)?;
    Ok(fs::canonicalize(parent).map_err(failed)?.join(name))
}

/// A directory beside the destination, removed unless it is renamed; its path is empty then.
struct Aside(PathBuf);

impl Aside {
    fn create(destination: &Path) -> Result<Aside, UnpackError> {
        let parent = destination.parent().unwrap_or(Path::new("/"));
        let name = destination.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let directory = tempfile::Builder::new().prefix(&format!(".{name}.")).suffix(".partial").tempdir_in(parent);
        Ok(Aside(directory.map_err(|source| UnpackError::write(destination, source))?.keep()))
    }

    fn rename(mut self, destination: &Path) -> Result<(), UnpackError> {
        match fs::rename(&self.0, destination) {
            Ok(()) => {
                self.0.clear();
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                Err(UnpackError::Exists(destination.to_owned()))
            }
            Err(error) => Err(UnpackError::write(destination, error)),
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            // Whoever sees the error can remove what is left of it; its name says what it is.
            let _ = finish::remove_tree(&self.0);
        }
    }
}

/// Takes entries and hands files to threads.
struct Unpacking<'a> {
    root: &'a Path,
    stop: &'a AtomicBool,
    queue: Option<files::Queue<'a>>,
    contents: Contents,
    later: Later,
    entries: u64,
    bytes: u64,
}

impl<'a> Unpacking<'a> {
    fn new(root: &'a Path, stop: &'a AtomicBool) -> Self {
        let (contents, later) = (Contents::default(), Later::default());
        Unpacking { root, stop, queue: None, contents, later, entries: 0, bytes: 0 }
    }

    /// Makes the directories above `path` that no entry has named.
    fn parents(&mut self, path: &Path) -> Result<(), UnpackError> {
        let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else { return Ok(()) };
        if !self.later.has_directory(parent) {
            self.parents(parent)?;
            self.directory(parent, 0o755, None)?;
        }
        Ok(())
    }

    fn directory(&mut self, path: &Path, mode: u32, time: Option<u64>) -> Result<(), UnpackError> {
        if !path.as_os_str().is_empty() && !self.later.has_directory(path) {
            let place = self.root.join(path);
            fs::create_dir(&place).map_err(|source| UnpackError::write(&place, source))?;
        }
        self.later.directory(path, mode, time);
        Ok(())
    }
}

impl Visitor for Unpacking<'_> {
    type Error = UnpackError;

    fn visit(&mut self, item: &Item<'_>, content: &mut dyn Read) -> Result<(), Stop<UnpackError>> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Stop::Visitor(UnpackError::Interrupted));
        }
        let path = self.contents.add(item.path, item.kind, item.mode).map_err(Stop::Defect)?;
        if item.kind == Kind::File && path == fixups::MANIFEST.as_bytes() {
            return self.later.manifest(content).map_err(Stop::Read);
        }
        let path = crate::tree::path(&path).to_owned();
        self.parents(&path).map_err(Stop::Visitor)?;
        // Whose file it is does not matter here, and neither do the bits that depend on it.
        let (mode, time) = (item.mode & 0o777, item.time);
        match item.kind {
            Kind::Directory => self.directory(&path, mode, Some(time)).map_err(Stop::Visitor)?,
            Kind::Symlink { target } => self.later.symlink(path, target),
            Kind::HardLink { target } => self.later.hard_link(path, target),
            Kind::File => {
                let made = Made { path, mode, time };
                let Some(queue) = &self.queue else { return Err(Stop::Visitor(UnpackError::Interrupted)) };
                self.bytes += queue.put(made, item.size, content)?;
            }
            // `Contents` has refused it.
            Kind::Special { .. } => {}
        }
        self.entries += 1;
        Ok(())
    }
}
