//! Where a cluster keeps what on this machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::host::{Daemon, Host};
use crate::notice::notify;
use crate::process::Identity;

/// How the directories of guarded clusters begin; the owner's process id and start follow.
const PREFIX: &str = "bobbin-cluster-";

/// The directory of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(super) root: PathBuf,
}

impl Layout {
    /// A directory that may exist.
    pub(crate) fn new(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self { root: root.canonicalize()? })
    }

    /// A new directory that names this process as its owner. Those whose owner was killed are removed.
    pub(crate) fn temporary() -> io::Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let me = Identity::of(std::process::id())?;
        let prefix = format!("{PREFIX}{}-{}-", me.pid(), me.started());
        let directory = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent)?;
        Self::new(&directory.keep())
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.root.join("conf")
    }

    /// What every host sees as its own disk.
    pub(crate) fn disk(&self) -> PathBuf {
        self.root.join("local")
    }

    /// A host's disk, as the machine sees it.
    pub(crate) fn disk_of(&self, host: Host) -> PathBuf {
        self.root.join(format!("hosts/{host}/local"))
    }

    /// The directory of a host's domain socket, as the machine sees it; the host sees it as `/mnt`.
    pub(crate) fn sockets_of(&self, host: Host) -> PathBuf {
        self.root.join(format!("hosts/{host}/sockets"))
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub(crate) fn log_of(&self, daemon: Daemon) -> PathBuf {
        self.logs().join(format!("{daemon}.log"))
    }

    /// What NodeManagers keep of containers' output until it is aggregated.
    pub(crate) fn container_logs_of(&self, host: Host) -> PathBuf {
        self.disk_of(host).join("nm-logs")
    }

    pub(crate) fn host_table(&self) -> PathBuf {
        self.root.join("hosts.txt")
    }

    pub(crate) fn resolver(&self) -> PathBuf {
        self.root.join("resolv.conf")
    }

    pub(crate) fn topology(&self) -> PathBuf {
        self.root.join("topology.sh")
    }

    /// What every Java is started with.
    pub(crate) fn java_arguments(&self) -> PathBuf {
        self.root.join("java.args")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    /// What the first process of a host that stays waits on.
    pub(crate) fn patience_of(&self, host: Host) -> PathBuf {
        self.root.join(format!("hosts/{host}/stay"))
    }

    /// Copies the logs of daemons, and of containers where they are still on the nodes, to `$BOBBIN_CLUSTER_LOGS`, if that
    /// is set: for finding out why a test failed.
    pub(crate) fn keep_logs(&self, hosts: impl Iterator<Item = Host>) {
        let Some(target) = std::env::var_os("BOBBIN_CLUSTER_LOGS") else { return };
        let target = PathBuf::from(target).join(self.root.file_name().unwrap_or_default());
        let mut kept = copy_tree(&self.logs(), &target);
        for host in hosts {
            let containers = self.container_logs_of(host);
            if containers.is_dir() {
                kept = kept.and_then(|()| copy_tree(&containers, &target.join(host.to_string())));
            }
        }
        if let Err(error) = kept {
            notify(&format!("cannot keep the cluster's logs in {}: {error}", target.display()));
        }
    }

    /// Removes all of it.
    pub(crate) fn remove(&self) {
        if let Err(error) = fs::remove_dir_all(&self.root)
            && error.kind() != io::ErrorKind::NotFound
        {
            notify(&format!("cannot remove the cluster's directory {}: {error}", self.root.display()));
        }
    }
}

/// Copies a directory with everything in it.
pub(crate) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Removes what clusters left whose owner was killed before it could.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_str().and_then(owner).is_some_and(|owner| !owner.alive()) {
            // Another process may be sweeping too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn owner(name: &str) -> Option<Identity> {
    let mut parts = name.strip_prefix(PREFIX)?.split('-');
    let (pid, started) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(Identity::recorded(pid, started))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_of_the_dead_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let me = Identity::of(std::process::id()).unwrap();
        let mine = parent.path().join(format!("{PREFIX}{}-{}-x", me.pid(), me.started()));
        let dead = parent.path().join(format!("{PREFIX}{}-{}-x", me.pid(), me.started() - 1));
        let other = parent.path().join("something");
        for directory in [&mine, &dead, &other] {
            fs::create_dir(directory).unwrap();
        }
        sweep(parent.path());
        assert!(mine.exists() && other.exists() && !dead.exists());
    }
}
