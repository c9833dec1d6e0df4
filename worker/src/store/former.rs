//! Results from one application master to the next: those of the one before are put aside under its numbers, until the next one
//! asks for some of them under its own, and lets the others go.

use std::collections::BTreeMap;
use std::sync::Arc;

use bobbin_proto::FormerResults;

use super::{ResultStore, StoreError, Stored, StoredReader};

impl ResultStore {
    /// From now on this application master numbers tasks.
    pub fn serve(&self, master: u32) {
        self.lock().master = master;
    }

    /// The application master is gone, and another one will number tasks: puts all results aside. What tasks of before are
    /// still to write is nobody's.
    pub fn put_aside(&self) {
        let mut results = self.lock();
        results.epoch += 1;
        let master = std::mem::take(&mut results.master);
        let kept = std::mem::take(&mut results.kept);
        results.former.extend(kept.into_iter().map(|(task, stored)| ((master, task), stored)));
    }

    /// All that was put aside.
    pub fn former(&self) -> Vec<FormerResults> {
        let mut by_master: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for &(master, task) in self.lock().former.keys() {
            by_master.entry(master).or_default().push(task);
        }
        by_master.into_iter().map(|(master, tasks)| FormerResults { master, tasks }).collect()
    }

    /// Keeps what the application master `master` knew as its result of `former` as that of `task`. Its bytes and rows, or
    /// nothing if it is not here.
    pub fn adopt(&self, (master, former): (u32, u32), task: u32) -> Option<(u64, u64)> {
        let mut results = self.lock();
        let stored = results.former.remove(&(master, former))?;
        let size = (stored.length(), stored.rows);
        if let Some(other) = results.kept.insert(task, stored) {
            results.in_memory -= other.in_memory();
        }
        Some(size)
    }

    /// Forgets what is still put aside.
    pub fn drop_former(&self) {
        let mut results = self.lock();
        let dropped: Vec<Arc<Stored>> = std::mem::take(&mut results.former).into_values().collect();
        results.in_memory -= dropped.iter().map(|stored| stored.in_memory()).sum::<usize>();
    }

    /// As [`ResultStore::open`], by the numbers of this application master: those of another one mean other tasks.
    pub fn open_of(&self, master: u32, task: u32, part: u32) -> Result<StoredReader, StoreError> {
        let results = self.lock();
        if results.master != master {
            return Err(StoreError::OtherMaster { task, master });
        }
        results.open(task, part)
    }
}

#[cfg(test)]
mod tests {
    use bobbin_task::Output;
    use bytes::Bytes;

    use super::*;

    fn write(store: &ResultStore, task: u32, text: &'static str) {
        let mut writer = store.writer(task);
        writer.write(0, Bytes::from_static(text.as_bytes())).unwrap();
        writer.finish(3);
    }

    fn store() -> (tempfile::TempDir, ResultStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = ResultStore::new(directory.path(), 100);
        store.serve(1);
        (directory, store)
    }

    #[tokio::test]
    async fn results_are_kept_under_their_new_numbers() {
        let (_directory, store) = store();
        write(&store, 5, "five");
        write(&store, 6, "six");
        store.put_aside();
        store.serve(2);
        assert_eq!(store.former(), [FormerResults { master: 1, tasks: vec![5, 6] }]);
        assert_eq!(store.adopt((2, 5), 9), None, "nobody's of that name");
        assert_eq!(store.adopt((1, 5), 6), Some((4, 3)));
        assert_eq!(store.adopt((1, 5), 7), None, "it has another number by now");
        assert_eq!(store.read(6, 0).await.unwrap(), "five");
        assert_eq!(store.in_memory(), 7);
        store.drop_former();
        assert_eq!((store.in_memory(), store.former().len()), (4, 0));
    }

    #[tokio::test]
    async fn numbers_of_another_master_open_nothing() {
        let (_directory, store) = store();
        write(&store, 5, "five");
        assert!(store.open_of(1, 5, 0).is_ok());
        store.put_aside();
        store.serve(2);
        write(&store, 5, "another task");
        assert!(matches!(store.open_of(1, 5, 0).err(), Some(StoreError::OtherMaster { task: 5, master: 1 })));
        assert!(store.open_of(2, 5, 0).is_ok());
    }

    #[tokio::test]
    async fn what_comes_too_late_is_nobodys() {
        let (_directory, store) = store();
        let mut late = store.writer(5);
        late.write(0, Bytes::from_static(b"late")).unwrap();
        store.put_aside();
        store.serve(1);
        late.finish(1);
        assert!(store.open(5, 0).is_err());
        assert_eq!((store.in_memory(), store.former().len()), (0, 0));
    }

    #[tokio::test]
    async fn states_are_found_after_their_results_were_renumbered() {
        let (_directory, store) = store();
        write(&store, 5, "state");
        let incarnation = store.state(1, 5, 0).unwrap().incarnation();
        store.put_aside();
        store.serve(2);
        write(&store, 5, "another task");
        store.adopt((1, 5), 8);
        assert_eq!(store.state(1, 5, incarnation).unwrap().incarnation(), incarnation);
        assert!(store.state(1, 5, 0).is_err(), "its number is of another master");
        store.drop_results(&[8]);
        assert!(store.state(1, 5, incarnation).is_err());
    }
}
