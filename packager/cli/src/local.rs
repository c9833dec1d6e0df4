//! What local mode may use of this machine.

use std::path::PathBuf;

use bobbin::{LocalOptions, unique};

/// A directory for spilled rows that goes away with this value.
pub struct SpillDirectory(PathBuf);

/// Local mode takes at most this share of the memory that is free when it begins, in percent.
const MEMORY_SHARE: u64 = 60;
/// Memory when the system does not say how much is free.
const FALLBACK_MEMORY: u64 = 2 << 30;

impl SpillDirectory {
    /// Names a directory of this process's own; it is made when something spills.
    pub fn new() -> SpillDirectory {
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
        }
    }
}

impl Drop for SpillDirectory {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_dir_all(&self.0);
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
    fn free_memory_is_read_from_the_system() {
        assert_eq!(available("MemTotal: 9 kB\nMemAvailable:    1024 kB\n"), Some(1 << 20));
        assert_eq!(available("nonsense"), None);
        assert_eq!(SpillDirectory::new().options(Some(3)).threads, 3);
    }
}
