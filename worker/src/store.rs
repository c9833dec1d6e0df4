//! Results of tasks: in memory up to a budget, then in files of the container's own directory, until nobody wants them.

mod former;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bobbin_task::Output;
use bobbin_task::function::State;
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
    /// It was written in fewer parts.
    #[error("the result of task {task} has no part {part}")]
    NoPart {
        /// Whose result.
        task: u32,
        /// Which part.
        part: u32,
    },
    /// What makes it up is not in its bytes.
    #[error("the result of task {0} is the state of an actor, which has changed: there can be no copy of it")]
    IsState(u32),
    /// Another application master than ours gave it its number.
    #[error("this worker has no result of task {task} of application master {master} any more: it serves another one")]
    OtherMaster {
        /// Whose result.
        task: u32,
        /// Whose number.
        master: u32,
    },
    /// What an actor's methods had made of a result.
    #[error("the state was lost")]
    StateGone,
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
    /// The application master whose numbers these are; 0 while there is none.
    master: u32,
    kept: BTreeMap<u32, Arc<Stored>>,
    /// Those of application masters before it, by these and their numbers.
    former: BTreeMap<(u32, u32), Arc<Stored>>,
    /// Counts the application masters, also when one comes again: a result belongs to one of them.
    epoch: u64,
    /// States that were asked for, by their incarnations.
    states: BTreeMap<u64, Weak<Stored>>,
    in_memory: usize,
}

/// A result: all of its parts in memory, or all of them in one file.
struct Stored {
    // The file has no name any more: it goes when the last reader has closed it.
    file: Option<File>,
    parts: Vec<Part>,
    /// What an actor's methods have made of it.
    state: tokio::sync::Mutex<State>,
    /// No other result, here or elsewhere, has the same.
    incarnation: u64,
    rows: u64,
}

/// A result as the state of an actor. It lives as long as the result, and calls that are under way.
#[derive(Clone)]
pub(crate) struct StateOf {
    stored: Arc<Stored>,
}

impl StateOf {
    /// Which beginning of the state it is.
    pub fn incarnation(&self) -> u64 {
        self.stored.incarnation
    }

    /// What it began as.
    pub async fn initial(&self, task: u32) -> Result<Bytes, StoreError> {
        StoredReader { task, stored: Arc::clone(&self.stored), part: 0, next: 0, offset: 0 }.rest().await
    }

    /// The state, for one call at a time, in the order of asking.
    pub async fn lock(&self) -> tokio::sync::MutexGuard<'_, State> {
        self.stored.state.lock().await
    }
}

/// A number that nobody has, and that is not 0.
fn incarnation() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish().max(1)
}

/// One part of a result.
#[derive(Default)]
struct Part {
    length: u64,
    /// Its bytes, while the result is in memory.
    chunks: Vec<Bytes>,
    /// Where its bytes are in the file, in order.
    extents: Vec<Range<u64>>,
}

/// A result that is being written. Dropping it without [`ResultWriter::finish`] forgets it.
pub struct ResultWriter {
    store: ResultStore,
    task: u32,
    /// For whom.
    epoch: u64,
    parts: Vec<Part>,
    spilled: Option<File>,
    /// Bytes in the file.
    file_length: u64,
}

/// A reader of one part of a result, from its beginning.
pub struct StoredReader {
    task: u32,
    stored: Arc<Stored>,
    part: usize,
    /// The next chunk or extent, and how much of it was read.
    next: usize,
    offset: u64,
}

impl ResultStore {
    /// A store that keeps up to `budget` bytes in memory and the rest in `directory`.
    pub fn new(directory: &Path, budget: usize) -> Self {
        let shared = Shared { directory: directory.to_owned(), budget, results: Mutex::default() };
        ResultStore { shared: Arc::new(shared) }
    }

    /// Bytes that it keeps in memory at most.
    pub(crate) fn budget(&self) -> usize {
        self.shared.budget
    }

    /// Begins the result of `task`.
    pub fn writer(&self, task: u32) -> ResultWriter {
        let epoch = self.lock().epoch;
        ResultWriter { store: self.clone(), task, epoch, parts: vec![Part::default()], spilled: None, file_length: 0 }
    }

    /// A part of the result of `task`, to read it piece by piece. A result that was not divided is part 0.
    pub fn open(&self, task: u32, part: u32) -> Result<StoredReader, StoreError> {
        self.lock().open(task, part)
    }

    /// All parts of the result of `task`, in order, for a copy of it, and its rows. The number is of this application master.
    pub fn open_whole(&self, master: u32, task: u32) -> Result<(Vec<StoredReader>, u64), StoreError> {
        let results = self.lock();
        if results.master != master {
            return Err(StoreError::OtherMaster { task, master });
        }
        let stored = results.kept.get(&task).cloned().ok_or(StoreError::Missing(task))?;
        drop(results);
        // A state that somebody uses at the moment has begun.
        if !stored.state.try_lock().is_ok_and(|state| !state.has_begun()) {
            return Err(StoreError::IsState(task));
        }
        let reader = |part| StoredReader { task, stored: stored.clone(), part, next: 0, offset: 0 };
        Ok(((0..stored.parts.len()).map(reader).collect(), stored.rows))
    }

    /// A result as the state of an actor: by its incarnation, or, if that is 0, whichever the result of `task` has now, by the
    /// numbers of this application master.
    pub(crate) fn state(&self, master: u32, task: u32, incarnation: u64) -> Result<StateOf, StoreError> {
        let mut results = self.lock();
        if incarnation != 0 {
            let known = results.states.get(&incarnation).and_then(Weak::upgrade);
            return known.map(|stored| StateOf { stored }).ok_or(StoreError::StateGone);
        }
        if results.master != master {
            return Err(StoreError::OtherMaster { task, master });
        }
        let stored = results.kept.get(&task).cloned().ok_or(StoreError::Missing(task))?;
        results.states.retain(|_, known| known.strong_count() > 0);
        results.states.insert(stored.incarnation, Arc::downgrade(&stored));
        Ok(StateOf { stored })
    }

    /// All bytes of a part of the result of `task`.
    pub async fn read(&self, task: u32, part: u32) -> Result<Bytes, StoreError> {
        self.open(task, part)?.rest().await
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

impl Results {
    fn open(&self, task: u32, part: u32) -> Result<StoredReader, StoreError> {
        let stored = self.kept.get(&task).cloned().ok_or(StoreError::Missing(task))?;
        let number = usize::try_from(part).ok().filter(|number| *number < stored.parts.len());
        let part = number.ok_or(StoreError::NoPart { task, part })?;
        Ok(StoredReader { task, stored, part, next: 0, offset: 0 })
    }
}

impl Stored {
    /// All parts together.
    fn length(&self) -> u64 {
        self.parts.iter().map(|part| part.length).sum()
    }

    fn in_memory(&self) -> usize {
        self.parts.iter().flat_map(|part| &part.chunks).map(Bytes::len).sum()
    }

    fn read_at(&self, range: Range<u64>) -> io::Result<Bytes> {
        let Some(file) = &self.file else { return Ok(Bytes::new()) };
        let want = usize::try_from(range.end - range.start).unwrap_or(CHUNK).min(CHUNK);
        let mut bytes = vec![0; want];
        std::os::unix::fs::FileExt::read_exact_at(file, &mut bytes, range.start)?;
        Ok(Bytes::from(bytes))
    }
}

impl Part {
    /// These bytes of the file belong to it.
    fn extend(&mut self, range: Range<u64>) {
        match self.extents.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            Some(_) | None => self.extents.push(range),
        }
    }
}

impl ResultWriter {
    /// All of the result, if it has one part and at most `limit` bytes; else nothing.
    pub fn whole(&self, limit: u32) -> Bytes {
        let [part] = self.parts.as_slice() else { return Bytes::new() };
        if self.spilled.is_some() || part.length > u64::from(limit) {
            return Bytes::new();
        }
        match part.chunks.as_slice() {
            [one] => one.clone(),
            chunks => chunks.concat().into(),
        }
    }

    /// Keeps the result, which has so many rows, and returns its length in bytes. A result of an earlier attempt is replaced.
    pub fn finish(mut self, rows: u64) -> u64 {
        let (file, parts) = (self.spilled.take(), std::mem::take(&mut self.parts));
        let stored = Stored { file, parts, state: tokio::sync::Mutex::default(), incarnation: incarnation(), rows };
        let length = stored.length();
        let mut results = self.store.lock();
        if results.epoch != self.epoch {
            results.in_memory -= stored.in_memory();
            return length;
        }
        if let Some(earlier) = results.kept.insert(self.task, Arc::new(stored)) {
            results.in_memory -= earlier.in_memory();
        }
        drop(results);
        length
    }

    /// From now on all bytes go to a file, part after part as far as they are there.
    fn spill(&mut self) -> io::Result<()> {
        // The directory is made when it is first needed.
        std::fs::create_dir_all(&self.store.shared.directory)?;
        let mut file = tempfile::tempfile_in(&self.store.shared.directory)?;
        for part in &mut self.parts {
            let start = self.file_length;
            for chunk in &part.chunks {
                file.write_all(chunk)?;
                self.file_length += chunk.len() as u64;
            }
            if self.file_length > start {
                part.extend(start..self.file_length);
            }
        }
        self.give_back();
        self.spilled = Some(file);
        Ok(())
    }

    fn give_back(&mut self) {
        let chunks = self.parts.iter_mut().flat_map(|part| part.chunks.drain(..));
        let bytes: usize = chunks.map(|chunk| chunk.len()).sum();
        self.store.lock().in_memory -= bytes;
    }
}

impl Output for ResultWriter {
    fn divide(&mut self, parts: usize) {
        self.parts.resize_with(parts.max(self.parts.len()), Part::default);
    }

    fn write(&mut self, part: usize, bytes: Bytes) -> io::Result<()> {
        let length = bytes.len() as u64;
        if part >= self.parts.len() || length == 0 {
            let wrong = || io::Error::other(format!("the result of task {} has no part {part}", self.task));
            return self.parts.get(part).map(|_| ()).ok_or_else(wrong);
        }
        if self.spilled.is_none() && !self.store.reserve(bytes.len()) {
            self.spill()?;
        }
        let row = &mut self.parts[part];
        row.length += length;
        match &mut self.spilled {
            None => row.chunks.push(bytes),
            Some(file) => {
                file.write_all(&bytes)?;
                row.extend(self.file_length..self.file_length + length);
                self.file_length += length;
            }
        }
        Ok(())
    }
}

impl Drop for ResultWriter {
    fn drop(&mut self) {
        // After `finish` there is nothing left to give back.
        self.give_back();
    }
}

impl StoredReader {
    /// Length of the part, bytes.
    pub fn length(&self) -> u64 {
        self.stored.parts[self.part].length
    }

    /// Without the first `skip` bytes, or what there is of them.
    pub fn after(mut self, skip: u64) -> StoredReader {
        let part = &self.stored.parts[self.part];
        let mut left = skip;
        let lengths: &mut dyn Iterator<Item = u64> = match self.stored.file {
            None => &mut part.chunks.iter().map(|chunk| chunk.len() as u64),
            Some(_) => &mut part.extents.iter().map(|extent| extent.end - extent.start),
        };
        for length in lengths {
            if left < length {
                break;
            }
            left -= length;
            self.next += 1;
        }
        self.offset = left;
        self
    }

    /// All bytes that are left.
    async fn rest(mut self) -> Result<Bytes, StoreError> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.length()).unwrap_or_default());
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(Bytes::from(bytes))
    }

    /// The next bytes, in order; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, StoreError> {
        let part = &self.stored.parts[self.part];
        if self.stored.file.is_none() {
            let chunk =
                part.chunks.get(self.next).map(|chunk| chunk.slice(std::mem::take(&mut self.offset) as usize..));
            self.next += 1;
            return Ok(chunk);
        }
        let Some(extent) = part.extents.get(self.next).cloned() else { return Ok(None) };
        let (stored, range, task) = (self.stored.clone(), extent.start + self.offset..extent.end, self.task);
        let read = tokio::task::spawn_blocking(move || stored.read_at(range)).await;
        let source = |source| StoreError::Read { task, source };
        let chunk = read.map_err(|error| source(io::Error::other(error)))?.map_err(source)?;
        self.offset += chunk.len() as u64;
        if extent.start + self.offset == extent.end {
            (self.next, self.offset) = (self.next + 1, 0);
        }
        Ok(Some(chunk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(store: &ResultStore, task: u32, chunks: &[&'static str]) -> u64 {
        let mut writer = store.writer(task);
        for chunk in chunks {
            writer.write(0, Bytes::from_static(chunk.as_bytes())).unwrap();
        }
        writer.finish(1)
    }

    #[tokio::test]
    async fn results_beyond_the_budget_are_spilled_and_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let store = ResultStore::new(&directory.path().join("made/when/needed"), 10);
        assert_eq!(write(&store, 1, &["12345", "678"]), 8);
        assert_eq!(write(&store, 2, &["a", "bcdefgh", "i"]), 9);
        assert_eq!(store.in_memory(), 8, "the spilled result takes no memory");
        assert_eq!(store.read(1, 0).await.unwrap(), "12345678");
        assert_eq!(store.read(2, 0).await.unwrap(), "abcdefghi");
        let made = directory.path().join("made/when/needed");
        assert_eq!(std::fs::read_dir(made).unwrap().count(), 0, "spill files have no name");
        store.drop_results(&[1, 2, 3]);
        assert_eq!(store.in_memory(), 0);
        assert!(matches!(store.read(1, 0).await, Err(StoreError::Missing(1))));
    }

    #[tokio::test]
    async fn parts_are_read_alone_from_memory_and_from_a_file() {
        let directory = tempfile::tempdir().unwrap();
        for budget in [0, 4, 100] {
            let store = ResultStore::new(directory.path(), budget);
            let mut writer = store.writer(1);
            writer.divide(4);
            for (part, bytes) in [(0, "aa"), (2, "c"), (0, "a"), (2, "cc"), (2, "ccc"), (3, "d")] {
                writer.write(part, Bytes::from_static(bytes.as_bytes())).unwrap();
            }
            assert!(writer.write(4, Bytes::from_static(b"x")).is_err());
            assert_eq!(writer.finish(1), 10);
            for (part, expected) in [(0, "aaa"), (1, ""), (2, "cccccc"), (3, "d")] {
                assert_eq!(store.open(1, part).unwrap().length(), expected.len() as u64);
                assert_eq!(store.read(1, part).await.unwrap(), expected, "part {part} at {budget}");
            }
            assert!(matches!(store.open(1, 4).err(), Some(StoreError::NoPart { task: 1, part: 4 })));
            store.drop_results(&[1]);
            assert_eq!(store.in_memory(), 0);
        }
    }

    #[tokio::test]
    async fn an_unfinished_result_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = ResultStore::new(directory.path(), 100);
        let mut writer = store.writer(1);
        writer.write(0, Bytes::from_static(b"abc")).unwrap();
        assert_eq!(store.in_memory(), 3);
        drop(writer);
        assert_eq!(store.in_memory(), 0);
        assert!(store.open(1, 0).is_err());
    }

    #[test]
    fn only_a_small_undivided_result_is_told_as_a_whole() {
        let directory = tempfile::tempdir().unwrap();
        let whole = |budget, parts, chunks: &[&'static str], limit| {
            let store = ResultStore::new(directory.path(), budget);
            let mut writer = store.writer(1);
            writer.divide(parts);
            for chunk in chunks {
                writer.write(0, Bytes::from_static(chunk.as_bytes())).unwrap();
            }
            writer.whole(limit)
        };
        assert_eq!(whole(100, 1, &["abc"], 3), "abc");
        assert_eq!(whole(100, 1, &["ab", "c"], 3), "abc");
        assert_eq!(whole(100, 1, &["ab", "cd"], 3), "");
        assert_eq!(whole(100, 2, &["abc"], 3), "");
        assert_eq!(whole(2, 1, &["abc"], 3), "", "it was spilled");
    }

    #[tokio::test]
    async fn a_second_attempt_replaces_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let store = ResultStore::new(directory.path(), 100);
        write(&store, 1, &["first"]);
        let mut reading = store.open(1, 0).unwrap();
        write(&store, 1, &["second"]);
        assert_eq!(store.in_memory(), 6);
        assert_eq!(reading.chunk().await.unwrap().unwrap(), "first", "a reader keeps what it opened");
        assert_eq!(store.read(1, 0).await.unwrap(), "second");
    }
}
