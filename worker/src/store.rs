//! Results of tasks: in memory up to a budget, then in files of the container's own directory, until nobody wants them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bobbin_engine::Output;
use bytes::Bytes;

/// Most bytes that one read of a spilled result returns.
const CHUNK: usize = 256 << 10;

/// All results of one worker. Cheap to clone.
#[derive(Clone)]
pub struct ResultStore {
    shared: Arc<Shared>,
}

/// A result could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It was dropped, or never made here.
    #[error("this worker has no result of task {0}")]
    Missing(u32),
    /// The disk failed.
    #[error("read the spilled result of task {task}")]
    Read {
        /// Whose result.
        task: u32,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

struct Shared {
    directory: PathBuf,
    budget: usize,
    results: Mutex<Results>,
}

#[derive(Default)]
struct Results {
    kept: BTreeMap<u32, Arc<Stored>>,
    in_memory: usize,
}

enum Stored {
    Memory(Vec<Bytes>),
    // The file has no name any more: it goes when the last reader has closed it.
    Disk { file: File, length: u64 },
}

/// A result that is being written. Dropping it without [`ResultWriter::finish`] forgets it.
pub struct ResultWriter {
    store: ResultStore,
    task: u32,
    chunks: Vec<Bytes>,
    spilled: Option<File>,
    length: u64,
}

/// A reader of one result, from its beginning.
pub struct StoredReader {
    task: u32,
    stored: Arc<Stored>,
    next: usize,
    offset: u64,
}

impl ResultStore {
    /// A store that keeps up to `budget` bytes in memory and the rest in `directory`.
    pub fn new(directory: &Path, budget: usize) -> Self {
        let shared = Shared { directory: directory.to_owned(), budget, results: Mutex::default() };
        ResultStore { shared: Arc::new(shared) }
    }

    /// Begins the result of `task`.
    pub fn writer(&self, task: u32) -> ResultWriter {
        ResultWriter { store: self.clone(), task, chunks: Vec::new(), spilled: None, length: 0 }
    }

    /// The result of `task`, to read it piece by piece.
    pub fn open(&self, task: u32) -> Result<StoredReader, StoreError> {
        let stored = self.lock().kept.get(&task).cloned().ok_or(StoreError::Missing(task))?;
        Ok(StoredReader { task, stored, next: 0, offset: 0 })
    }

    /// All bytes of the result of `task`.
    pub async fn read(&self, task: u32) -> Result<Bytes, StoreError> {
        let mut reader = self.open(task)?;
        let mut bytes = Vec::with_capacity(usize::try_from(reader.length()).unwrap_or_default());
        while let Some(chunk) = reader.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(Bytes::from(bytes))
    }

    /// Forgets these results.
    pub fn drop_results(&self, tasks: &[u32]) {
        let mut results = self.lock();
        for task in tasks {
            if let Some(stored) = results.kept.remove(task) {
                results.in_memory -= stored.in_memory();
            }
        }
    }

    /// Bytes of results in memory, those that are being written included.
    pub fn in_memory(&self) -> usize {
        self.lock().in_memory
    }

    /// Every change leaves the table whole, so a panic elsewhere does not make it wrong.
    fn lock(&self) -> MutexGuard<'_, Results> {
        self.shared.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `bytes` out of the budget if they fit.
    fn reserve(&self, bytes: usize) -> bool {
        let mut results = self.lock();
        let fits = results.in_memory + bytes <= self.shared.budget;
        if fits {
            results.in_memory += bytes;
        }
        fits
    }
}

impl Stored {
    fn in_memory(&self) -> usize {
        match self {
            Stored::Memory(chunks) => chunks.iter().map(Bytes::len).sum(),
            Stored::Disk { .. } => 0,
        }
    }
}

impl ResultWriter {
    /// Keeps the result and returns its length in bytes. A result of an earlier attempt is replaced.
    pub fn finish(mut self) -> u64 {
        let stored = match self.spilled.take() {
            Some(file) => Stored::Disk { file, length: self.length },
            None => Stored::Memory(std::mem::take(&mut self.chunks)),
        };
        let mut results = self.store.lock();
        if let Some(earlier) = results.kept.insert(self.task, Arc::new(stored)) {
            results.in_memory -= earlier.in_memory();
        }
        drop(results);
        self.length
    }

    fn spill(&mut self) -> io::Result<&mut File> {
        if self.spilled.is_none() {
            // The directory is made when it is first needed.
            std::fs::create_dir_all(&self.store.shared.directory)?;
            let mut file = tempfile::tempfile_in(&self.store.shared.directory)?;
            for chunk in &self.chunks {
                file.write_all(chunk)?;
            }
            self.give_back();
            self.spilled = Some(file);
        }
        self.spilled.as_mut().ok_or_else(|| io::Error::other("the spill file is open"))
    }

    fn give_back(&mut self) {
        let bytes: usize = self.chunks.drain(..).map(|chunk| chunk.len()).sum();
        self.store.lock().in_memory -= bytes;
    }
}

impl Output for ResultWriter {
    fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.length += bytes.len() as u64;
        if self.spilled.is_none() && self.store.reserve(bytes.len()) {
            self.chunks.push(bytes);
            return Ok(());
        }
        self.spill()?.write_all(&bytes)
    }
}

impl Drop for ResultWriter {
    fn drop(&mut self) {
        // After `finish` there is nothing left to give back.
        self.give_back();
    }
}

impl StoredReader {
    /// Length of the whole result, bytes.
    pub fn length(&self) -> u64 {
        match &*self.stored {
            Stored::Memory(chunks) => chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            Stored::Disk { length, .. } => *length,
        }
    }

    /// The next bytes, in order; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, StoreError> {
        if let Stored::Memory(chunks) = &*self.stored {
            let chunk = chunks.get(self.next).cloned();
            self.next += 1;
            return Ok(chunk);
        }
        let (stored, offset, task) = (self.stored.clone(), self.offset, self.task);
        let read = tokio::task::spawn_blocking(move || stored.read_at(offset)).await;
        let source = |source| StoreError::Read { task, source };
        let chunk = read.map_err(|error| source(io::Error::other(error)))?.map_err(source)?;
        self.offset += chunk.len() as u64;
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

impl Stored {
    fn read_at(&self, offset: u64) -> io::Result<Bytes> {
        let Stored::Disk { file, length } = self else { return Ok(Bytes::new()) };
        let want = usize::try_from(length.saturating_sub(offset)).unwrap_or(CHUNK).min(CHUNK);
        let mut bytes = vec![0; want];
        std::os::unix::fs::FileExt::read_exact_at(file, &mut bytes, offset)?;
        Ok(Bytes::from(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(store: &ResultStore, task: u32, chunks: &[&'static str]) -> u64 {
        let mut writer = store.writer(task);
        for chunk in chunks {
            writer.write(Bytes::from_static(chunk.as_bytes())).unwrap();
        }
        writer.finish()
    }

    #[tokio::test]
    async fn results_beyond_the_budget_are_spilled_and_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let store = ResultStore::new(&directory.path().join("made/when/needed"), 10);
        assert_eq!(write(&store, 1, &["12345", "678"]), 8);
        assert_eq!(write(&store, 2, &["a", "bcdefgh", "i"]), 9);
        assert_eq!(store.in_memory(), 8, "the spilled result takes no memory");
        assert_eq!(store.read(1).await.unwrap(), "12345678");
        assert_eq!(store.read(2).await.unwrap(), "abcdefghi");
        let made = directory.path().join("made/when/needed");
        assert_eq!(std::fs::read_dir(made).unwrap().count(), 0, "spill files have no name");
        store.drop_results(&[1, 2, 3]);
        assert_eq!(store.in_memory(), 0);
        assert!(matches!(store.read(1).await, Err(StoreError::Missing(1))));
    }

    #[tokio::test]
    async fn an_unfinished_result_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = ResultStore::new(directory.path(), 100);
        let mut writer = store.writer(1);
        writer.write(Bytes::from_static(b"abc")).unwrap();
        assert_eq!(store.in_memory(), 3);
        drop(writer);
        assert_eq!(store.in_memory(), 0);
        assert!(store.open(1).is_err());
    }

    #[tokio::test]
    async fn a_second_attempt_replaces_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let store = ResultStore::new(directory.path(), 100);
        write(&store, 1, &["first"]);
        let mut reading = store.open(1).unwrap();
        write(&store, 1, &["second"]);
        assert_eq!(store.in_memory(), 6);
        assert_eq!(reading.chunk().await.unwrap().unwrap(), "first", "a reader keeps what it opened");
        assert_eq!(store.read(1).await.unwrap(), "second");
    }
}
