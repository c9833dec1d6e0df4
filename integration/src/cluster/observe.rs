//! What can be seen of a cluster from outside: traffic, processes, logs.

use std::fs;
use std::path::{Path, PathBuf};

use super::Cluster;
use super::host::{Daemon, Host};
use crate::process::{self, Process};

/// Bytes that went over a host's cable; what a host says to itself does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that came in.
    pub received: u64,
    /// Bytes that went out.
    pub sent: u64,
}

impl Cluster {
    /// What has gone over a host's cable since the start; nothing for the master, which is the switch.
    pub fn network_bytes(&self, host: Host) -> Traffic {
        let pid = self.hosts().get(&host).map(|first| first.pid());
        let table = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/net/dev")).ok());
        table.as_deref().and_then(traffic).unwrap_or_default()
    }

    /// The processes on a host other than its first one, daemons included.
    pub fn all_processes_in(&self, host: Host) -> Vec<Process> {
        let Some(&first) = self.hosts().get(&host) else { return Vec::new() };
        let Ok(namespace) = process::process_namespace(first.pid()) else { return Vec::new() };
        let mut all = process::in_namespace(&namespace);
        all.retain(|process| process.identity != first);
        all
    }

    /// The processes on a host that are not the cluster's own: containers and clients.
    pub fn processes_in(&self, host: Host) -> Vec<Process> {
        let daemons = self.daemons();
        let mut all = self.all_processes_in(host);
        all.retain(|process| !daemons.values().any(|daemon| *daemon == process.identity));
        all
    }

    /// The logs of the daemons on a host.
    pub fn node_logs(&self, host: Host) -> Vec<PathBuf> {
        let here = self.daemons().into_keys().filter(|daemon| daemon.host() == host);
        here.map(|daemon| self.daemon_log(daemon)).collect()
    }

    /// A daemon's log.
    pub fn daemon_log(&self, daemon: Daemon) -> PathBuf {
        self.layout.log_of(daemon)
    }

    /// The directories of containers' logs on a worker, as the machine sees them. With log aggregation they go when the
    /// application has ended.
    pub fn container_logs(&self, host: Host) -> Vec<PathBuf> {
        directories_at(&self.layout.container_logs_of(host), 2)
    }

    /// A path on a host, as the machine sees it: for what containers wrote to their own disk.
    pub fn outside(&self, host: Host, path: &Path) -> PathBuf {
        match path.strip_prefix(self.layout.disk()) {
            Ok(rest) => self.layout.disk_of(host).join(rest),
            Err(_) => path.to_owned(),
        }
    }
}

/// The directories exactly `depth` levels below one.
fn directories_at(directory: &Path, depth: usize) -> Vec<PathBuf> {
    if depth == 0 {
        return vec![directory.to_owned()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(directories_at(&entry.path(), depth - 1));
        }
    }
    found.sort();
    found
}

/// The counters of `eth0` in `/proc/net/dev`.
fn traffic(table: &str) -> Option<Traffic> {
    let line = table.lines().find_map(|line| line.trim_start().strip_prefix("eth0:"))?;
    let mut fields = line.split_whitespace().map(str::parse);
    Some(Traffic { received: fields.next()?.ok()?, sent: fields.nth(7)?.ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cable_s_counters_are_read() {
        let table = "Inter-|   Receive\n face |bytes\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0: 100 1 0 0 0 0 0 0 200 2 0 0 0 0 0 0\n";
        assert_eq!(traffic(table), Some(Traffic { received: 100, sent: 200 }));
        assert_eq!(traffic(""), None);
    }
}
