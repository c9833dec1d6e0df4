//! What local mode may use of this machine: threads, memory, and a directory to spill to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::local::LocalOptions;
use crate::unique::unique;

/// A directory for spilled rows that goes away with this value.
pub struct SpillDirectory(PathBuf);

/// Local mode takes at most this share of the memory that is free when it begins, in percent.
const MEMORY_SHARE: u64 = 60;
/// Memory when the system does not say how much is free.
const FALLBACK_MEMORY: u64 = 2 << 30;

impl SpillDirectory {
    /// Names a directory of this process's own; it is made when something spills. Those of processes that were killed go.
    #[expect(clippy::new_without_default, reason = "it removes what others have left")]
    pub fn new() -> SpillDirectory {
        remove_abandoned(&std::env::temp_dir(), ABANDONED);
        SpillDirectory(std::env::temp_dir().join(format!("bobbin-{}", unique())))
    }

    /// Options of local mode that spill here.
    pub fn options(&self, threads: Option<u32>) -> LocalOptions {
        let cores = || std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        let free = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
        let memory = free.unwrap_or(FALLBACK_MEMORY) / 100 * MEMORY_SHARE;
        LocalOptions {
            threads: threads.unwrap_or_else(cores),
            memory_bytes: usize::try_from(memory).unwrap_or(usize::MAX),
            spill_directory: self.0.clone(),
            resources: Vec::new(),
        }
    }
}

impl Drop for SpillDirectory {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A spill directory whose process is gone is removed when it is so old: processes of other containers, which may share
/// the directory, look as if they were gone.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes the spill directories of processes that are no more.
fn remove_abandoned(parent: &Path, age: Duration) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix("bobbin-")?.split_once('-')?.0.parse::<u32>().ok());
        let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
        let is_old = modified.and_then(|at| at.elapsed().ok()).is_some_and(|elapsed| elapsed >= age);
        if is_old && owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // Another user's cannot be removed, and need not be.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Bytes of the line `MemAvailable:  123 kB`.
fn available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_the_dead_go() {
        let parent = tempfile::tempdir().unwrap();
        let own = format!("bobbin-{}-1", std::process::id());
        let names = [own.as_str(), "bobbin-4194305-1", "bobbin-x-1", "other"];
        names.iter().for_each(|name| std::fs::create_dir_all(parent.path().join(name).join("below")).unwrap());
        remove_abandoned(parent.path(), ABANDONED);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), names.len());
        remove_abandoned(parent.path(), Duration::ZERO);
        let left = |name: &&&str| parent.path().join(name).exists();
        assert_eq!(names.iter().filter(left).collect::<Vec<_>>(), [&own.as_str(), &"bobbin-x-1", &"other"]);
    }

    #[test]
    fn free_memory_is_read_from_the_system() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:    1024 kB\n"), Some(1 << 20));
        assert_eq!(available("nonsense"), None);
        assert_eq!(SpillDirectory::new().options(Some(3)).threads, 3);
    }
}
