//! What a submission is made of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bobbin_appmaster::spec::{ENVIRONMENT, EnvironmentKind, ExpectedWork, PACKED_ENVIRONMENT};

use crate::amount::Amount;

/// Everything that a submission needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Name of the application, for lists and pages.
    pub name: String,
    /// Queue to submit to.
    pub queue: String,
    /// Tags that tools can select by.
    pub tags: Vec<String>,
    /// Priority within the queue; higher goes first.
    pub priority: Option<u32>,
    /// Node label expression for all containers.
    pub node_label: Option<String>,
    /// Attempts of the application master, at least one.
    pub max_attempts: u32,
    /// The application master's container.
    pub master: Container,
    /// Each worker's container; its cores are the task threads too.
    pub worker: Container,
    /// How many workers; absent: as many as hosts hold splits, at most the queue's headroom and 16.
    pub workers: Option<u32>,
    /// `workers` is the most, and so many stay when there is nothing to do: there are as many as the work is worth. Absent:
    /// `workers` is how many.
    pub least_workers: Option<u32>,
    /// Workers that are to be there whether or not there is anything to do: they are asked for at once, and lost ones are
    /// replaced.
    pub warm_workers: u32,
    /// What each worker has beside cores and memory, for tasks that ask for it.
    pub worker_resources: Vec<Amount>,
    /// The packed environment, unpacked in every container.
    pub environment: Option<Environment>,
    /// Files and archives that every container finds in its working directory.
    pub resources: Vec<Localized>,
    /// Environment variables of every container.
    pub variables: BTreeMap<String, String>,
    /// The work that the first query will bring, when it is known before the submission.
    pub expected: Option<ExpectedWork>,
    /// How long the application stays up without a driver or work.
    pub idle_timeout: Duration,
    /// Ports to listen on in containers, first and last.
    pub port_range: Option<(u16, u16)>,
    /// `run`: program and arguments, started in the application master's container.
    pub command: Option<Vec<String>>,
    /// `run --bin`: the executable that is both the command and its workers; its name in containers is that of the file.
    pub program: Option<PathBuf>,
    /// World-readable HDFS directory for the upload cache, instead of the user's own.
    pub public_cache: Option<String>,
    /// `RUST_LOG`-like filter of the application master's and the workers' logs.
    pub log_filter: Option<String>,
}

/// What a container is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container {
    /// Cores.
    pub cores: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
}

/// A packed environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// Where the archive is. A directory on this machine has to be packed before it is submitted.
    pub source: Source,
    /// How it is activated.
    pub kind: EnvironmentKind,
    /// Whether YARN unpacks it; else our own processes do.
    pub unpacked_by_yarn: bool,
}

impl Environment {
    /// The name under which containers find the archive, or what YARN has unpacked of it.
    pub fn link(&self) -> &'static str {
        if self.unpacked_by_yarn { ENVIRONMENT } else { PACKED_ENVIRONMENT }
    }
}

/// Something that YARN puts into every container's working directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Localized {
    /// Where it is.
    pub source: Source,
    /// Its name in the working directory; directories in it are made.
    pub link: String,
    /// Whether YARN unpacks it into a directory of that name.
    pub archive: bool,
}

/// Name of a program in the containers' working directories.
pub fn program_link(path: &Path) -> String {
    path.file_name().map_or_else(|| "program".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Where a file to localize is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// On this machine: uploaded once, by content.
    Local(PathBuf),
    /// On HDFS already: used where it is.
    Remote(String),
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A request that any cluster takes.
    pub(crate) fn request() -> Request {
        Request {
            name: "count".to_owned(),
            queue: "default".to_owned(),
            tags: vec!["nightly".to_owned()],
            priority: None,
            node_label: None,
            max_attempts: 2,
            master: Container { cores: 1, memory_mib: 512 },
            worker: Container { cores: 2, memory_mib: 2048 },
            workers: Some(3),
            least_workers: None,
            warm_workers: 0,
            worker_resources: Vec::new(),
            environment: None,
            resources: Vec::new(),
            variables: BTreeMap::new(),
            expected: None,
            idle_timeout: Duration::from_secs(600),
            port_range: None,
            command: None,
            program: None,
            public_cache: None,
            log_filter: None,
        }
    }
}
