//! What later runs need not find out again: a small file of the user's cache directory, one fact a line.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Facts by their keys. Works without a file too, and never fails: what cannot be read or kept is found out again.
#[derive(Debug)]
pub struct Memory {
    store: Option<PathBuf>,
    known: BTreeMap<String, String>,
}

/// More lines than anybody's working set; beyond it the memory starts anew.
const LIMIT: usize = 1000;

/// The user's cache directory: `$XDG_CACHE_HOME/bobbin` or `~/.cache/bobbin`.
pub fn cache_directory() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    folder.map(|folder| folder.join("bobbin"))
}

impl Memory {
    /// The user's memory of this name, in [`cache_directory`].
    pub fn open(name: &str) -> Memory {
        Memory::at(cache_directory().map(|directory| directory.join(name)))
    }

    /// A memory in a file of the caller's choice; absent: none.
    pub fn at(store: Option<PathBuf>) -> Memory {
        let text = store.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let pairs = text.lines().filter_map(|line| line.split_once('\t'));
        let known = pairs.map(|(fact, key)| (key.to_owned(), fact.to_owned())).collect();
        Memory { store, known }
    }

    /// What is known under a key.
    pub fn recall(&self, key: &str) -> Option<&str> {
        self.known.get(key).map(String::as_str)
    }

    /// Keeps a fact, which has no tab and neither of them a line break; others are forgotten at once.
    pub fn remember(&mut self, key: String, fact: String) {
        if fact.contains(['\t', '\n']) || key.contains('\n') {
            return;
        }
        if self.known.len() >= LIMIT {
            self.known.clear();
        }
        self.known.insert(key, fact);
        let Some(store) = &self.store else { return };
        if let Err(error) = save(store, &self.known) {
            tracing::debug!(store = %store.display(), %error, "nothing is remembered");
        }
    }
}

/// Writes beside the file and renames, so that another run never sees half of it.
fn save(store: &Path, known: &BTreeMap<String, String>) -> io::Result<()> {
    if let Some(folder) = store.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let text: String = known.iter().map(|(key, fact)| format!("{fact}\t{key}\n")).collect();
    let temporary = store.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&temporary, text)?;
    std::fs::rename(&temporary, store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_outlive_the_process_that_found_them() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("cache/facts");
        let mut memory = Memory::at(Some(store.clone()));
        memory.remember("a\tkey of parts".to_owned(), "one".to_owned());
        memory.remember("x".to_owned(), "two\tthree".to_owned());
        let memory = Memory::at(Some(store));
        assert_eq!((memory.recall("a\tkey of parts"), memory.recall("x")), (Some("one"), None));
    }

    #[test]
    fn a_memory_does_not_grow_for_ever() {
        let mut memory = Memory::at(None);
        (0..=LIMIT).for_each(|number| memory.remember(number.to_string(), "x".to_owned()));
        assert_eq!((memory.recall("0"), memory.known.len()), (None, 1));
    }
}
