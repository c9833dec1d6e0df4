//! HDFS and YARN on this machine: the NameNode and the ResourceManager on one host, a DataNode and a NodeManager on each
//! worker host, clients on the edge host. Every host has its own network, mounts, name and process ids.
//!
//! ```text
//!            bridge in the master's network
//!   ┌──────────┬──────────┬──────────┬───────── …
//! master      edge        w1         w2
//! NN + RM     clients     DN + NM    DN + NM
//! ```
//!
//! A host is kept by its first process, which waits for the end of a pipe that this process holds. When that goes, by
//! whatever cause, the kernel ends everything on the host: nothing is left behind.

mod blocks;
mod command;
mod configuration;
mod daemons;
mod error;
mod hdfs;
mod health;
mod host;
mod http;
mod layout;
mod network;
mod observe;
mod options;
mod state;
mod training;

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

pub use blocks::{Block, CorruptError};
pub use command::HostCommand;
pub use error::{AttachError, DaemonError, HostError, StartError};
pub use hdfs::{Entry, HdfsError};
pub use health::Health;
pub use host::{Daemon, Host, UnknownName};
pub use http::{HttpError, Response};
pub use observe::Traffic;
pub use options::{ClusterOptions, LogFormat};

use crate::install::Installation;
use crate::process::{Identity, Started};
use layout::Layout;

/// The user that clients act as; its home `/user/alice` is open to nobody else.
pub const USER: &str = "alice";

/// A running cluster. Dropping it ends every process on its hosts and removes its directory, unless it was started to stay
/// or attached to.
#[derive(Debug)]
pub struct Cluster {
    layout: Layout,
    options: ClusterOptions,
    installation: Installation,
    entrances: BTreeMap<Host, Arc<OwnedFd>>,
    running: Mutex<Running>,
    ownership: Ownership,
    /// Where daemons list the classes that they load, when an archive is to be made of them.
    class_lists: Option<PathBuf>,
}

/// The processes of a cluster.
#[derive(Debug, Default)]
struct Running {
    hosts: BTreeMap<Host, Started>,
    daemons: BTreeMap<Daemon, Started>,
    /// What the hosts' first processes wait for the end of.
    pipes: Vec<ChildStdin>,
}

/// Who ends a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ownership {
    /// This process does, and with it the cluster ends.
    Guard,
    /// Somebody says so.
    Detached,
}

impl Cluster {
    /// Starts a cluster in a new directory below the machine's temporary one, and waits until it is ready. The first start
    /// of a release fetches and prepares it, which takes a minute or two.
    pub fn start(options: ClusterOptions) -> Result<Self, StartError> {
        let installation = training::prepared(options.version)?;
        let layout = Layout::temporary().map_err(StartError::directory)?;
        Self::launch(Self::planned(layout, options, installation, Ownership::Guard))
    }

    /// Starts a cluster in `directory` that stays when this process ends.
    pub fn start_detached(options: ClusterOptions, directory: &Path) -> Result<Self, StartError> {
        let layout = Layout::new(directory).map_err(StartError::directory)?;
        if layout.state().exists() {
            return Err(StartError::Exists { directory: layout.root().to_owned() });
        }
        let installation = training::prepared(options.version)?;
        Self::launch(Self::planned(layout, options, installation, Ownership::Detached))
    }

    /// The running cluster whose state is in `directory`.
    pub fn attach(directory: &Path) -> Result<Self, AttachError> {
        state::attach(directory)
    }

    /// A cluster of which nothing runs yet.
    fn planned(layout: Layout, options: ClusterOptions, installation: Installation, ownership: Ownership) -> Self {
        let (entrances, running) = (BTreeMap::new(), Mutex::default());
        Self { layout, options, installation, entrances, running, ownership, class_lists: None }
    }

    /// Runs it. When that fails, what has been started ends: a guard's by being dropped.
    fn launch(mut self) -> Result<Self, StartError> {
        let launched = self.bring_up();
        if launched.is_err() && self.ownership == Ownership::Detached {
            self.shutdown();
        }
        launched.map(|()| self)
    }

    fn bring_up(&mut self) -> Result<(), StartError> {
        configuration::write(&self.layout, &self.options, &self.installation).map_err(StartError::directory)?;
        self.make_hosts()?;
        self.save_state().map_err(StartError::directory)?;
        self.place_name_directory()?;
        for daemon in self.options.daemons() {
            self.start_daemon(daemon)?;
        }
        self.wait_ready(self.options.ready_within)?;
        self.make_homes()
    }

    /// What it was started with.
    pub fn options(&self) -> &ClusterOptions {
        &self.options
    }

    /// Where it lives on this machine.
    pub fn directory(&self) -> &Path {
        self.layout.root()
    }

    /// `HADOOP_CONF_DIR` of every host.
    pub fn configuration_directory(&self) -> PathBuf {
        self.layout.configuration()
    }

    /// The worker hosts.
    pub fn workers(&self) -> impl Iterator<Item = Host> + Clone + use<> {
        (1..=self.options.workers).map(Host::Worker)
    }

    /// Every host with its first process.
    pub fn hosts(&self) -> BTreeMap<Host, Identity> {
        self.running().hosts.iter().map(|(&host, started)| (host, started.identity)).collect()
    }

    /// Every daemon that has been started, with its process.
    pub fn daemons(&self) -> BTreeMap<Daemon, Identity> {
        self.running().daemons.iter().map(|(&daemon, started)| (daemon, started.identity)).collect()
    }

    /// Ends every process on its hosts and removes its directory. What runs on the hosts has no chance to object.
    pub fn shutdown(&self) {
        let mut running = self.running();
        let Running { hosts, daemons, pipes } = &mut *running;
        for host in hosts.values() {
            host.identity.signal(Signal::KILL);
        }
        // A host's first process is not gone before all others are, and those wait for their parents to notice.
        for daemon in daemons.values_mut() {
            daemon.reap(Duration::from_secs(10));
        }
        for host in hosts.values_mut() {
            host.reap(Duration::from_secs(2));
        }
        pipes.clear();
        self.layout.keep_logs(self.options.hosts());
        self.layout.remove();
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        // A test that panicked with the lock held must not keep the guard from its work.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    /// What dropping it does.
    pub(crate) fn end(&self) {
        if self.ownership == Ownership::Guard {
            self.shutdown();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}
