//! What a test may ask of its cluster.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::host::{Daemon, Host};
use crate::install::Version;

/// The most worker hosts: their addresses end in 11, 12, …, and a machine of tests has no memory for more.
pub const MOST_WORKERS: usize = 9;

/// How NodeManagers write aggregated logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogFormat {
    /// YARN's default: `/tmp/logs/USER/bucket-logs-tfile/…`.
    #[default]
    TFile,
    /// The indexed one: `/tmp/logs/USER/bucket-logs-ifile/…`.
    Indexed,
}

/// How a cluster is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterOptions {
    /// The Hadoop release.
    pub version: Version,
    /// Worker hosts: w1, w2, … (1 to 9).
    pub workers: usize,
    /// Racks, dealt out to the workers in turn: `/rack1`, `/rack2`, …
    pub racks: usize,
    /// How often NodeManagers call the ResourceManager; YARN's default is a second.
    pub heartbeat: Duration,
    /// `dfs.blocksize`.
    pub block_size: u64,
    /// `dfs.replication`.
    pub replication: u32,
    /// Memory that a NodeManager has to give, in MiB.
    pub node_memory: u32,
    /// Cores that a NodeManager has to give.
    pub node_cores: u32,
    /// Restarts of ResourceManager and NodeManagers that keep the work.
    pub recovery: bool,
    /// YARN's default resource calculator, which looks at memory only, instead of the dominant one.
    pub memory_only: bool,
    /// The capacity scheduler's queues below `root`, each with its share in percent.
    pub queues: Vec<(String, u32)>,
    /// Whether logs of finished applications move to HDFS.
    pub log_aggregation: bool,
    /// In which format.
    pub log_format: LogFormat,
    /// How long directories of finished containers stay.
    pub keep_containers: Duration,
    /// Any Hadoop settings; the key's prefix says which file they go to.
    pub settings: Vec<(String, String)>,
    /// How long a start may take.
    pub ready_within: Duration,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            version: Version::default(),
            workers: 3,
            racks: 2,
            heartbeat: Duration::from_secs(1),
            block_size: 8 << 20,
            replication: 1,
            node_memory: 3072,
            node_cores: 4,
            recovery: false,
            memory_only: false,
            queues: vec![("default".to_owned(), 100)],
            log_aggregation: true,
            log_format: LogFormat::default(),
            keep_containers: Duration::ZERO,
            settings: Vec::new(),
            ready_within: Duration::from_secs(300),
        }
    }
}

impl ClusterOptions {
    /// Every host.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = Host> + use<> {
        [Host::Master, Host::Edge].into_iter().chain((1..=self.workers).map(Host::Worker))
    }

    /// Every daemon, in the order in which they start.
    pub(crate) fn daemons(&self) -> impl Iterator<Item = Daemon> + use<> {
        let pairs = (1..=self.workers).flat_map(|number| [Daemon::DataNode(number), Daemon::NodeManager(number)]);
        [Daemon::NameNode, Daemon::ResourceManager].into_iter().chain(pairs)
    }

    /// The rack of a host: only workers have one of their own.
    pub(crate) fn rack(&self, host: Host) -> String {
        match host {
            Host::Worker(number) => format!("/rack{}", (number - 1) % self.racks.max(1) + 1),
            Host::Master | Host::Edge => "/default-rack".to_owned(),
        }
    }
}
