//! What a simulation itself costs this machine.

use std::fs;
use std::time::Duration;

/// The CPU time of this thread until now.
pub(super) fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// Forget how much memory this process once had. Where that is not possible the peak is that of all that it did.
pub(super) fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process had at once, bytes; nothing where the kernel does not say.
pub(super) fn peak() -> u64 {
    fs::read_to_string("/proc/self/status").map_or(0, |status| peak_in(&status).unwrap_or(0))
}

fn peak_in(status: &str) -> Option<u64> {
    let words = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = words.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_what_the_kernel_says() {
        assert_eq!(peak_in("VmPeak:\t   9 kB\nVmHWM:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(peak_in("VmPeak:\t   9 kB\n"), None);
    }
}
