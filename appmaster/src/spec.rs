//! What a submission tells the application master: one JSON document among the secrets of its credentials, so that
//! every attempt has it and nothing of it shows in an environment or on a command line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Alias of the spec (JSON of [`AppMasterSpec`]) among the secrets of the application master's credentials.
pub const SECRET_SPEC: &str = "bobbin.spec";
/// Alias of the application's certificate authority: certificate, PEM.
pub const SECRET_AUTHORITY_CERTIFICATE: &str = "bobbin.authority.cert";
/// Alias of the authority's private key, PEM. Only the application master's own credentials have it.
pub const SECRET_AUTHORITY_KEY: &str = "bobbin.authority.key";
/// Alias of the application's secret: 32 random bytes that every peer shows in its first message.
pub const SECRET_TOKEN: &str = "bobbin.secret";
/// Alias of a worker's or a child's own certificate, PEM.
pub const SECRET_LEAF_CERTIFICATE: &str = "bobbin.leaf.cert";
/// Alias of a worker's or a child's private key, PEM.
pub const SECRET_LEAF_KEY: &str = "bobbin.leaf.key";
/// Alias of the submitter's Hadoop configuration (JSON object of properties) in a child's credentials.
pub const SECRET_HADOOP: &str = "bobbin.hadoop";
/// Alias of a worker's instructions (JSON of [`WorkerSpec`]).
pub const SECRET_WORKER: &str = "bobbin.worker";

/// Name under which our executable is localized in every container.
pub const EXECUTABLE: &str = "yarn-submit";
/// Name under which every container finds the environment.
pub const ENVIRONMENT: &str = "environment";
/// Name under which an archive that YARN does not unpack is localized in every container. Its own name, which says its
/// format, is that of the file to which this link leads.
pub const PACKED_ENVIRONMENT: &str = ".bobbin-environment";

/// Everything an attempt of the application master needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppMasterSpec {
    /// Version of the executable that submitted; attempts run the same executable.
    pub build: String,
    /// Name of the application, for pages and messages.
    pub name: String,
    /// Who submitted; under simple security everything acts in HDFS as this user.
    pub user: String,
    /// When the submission was made, Unix milliseconds.
    pub submitted_ms: u64,
    /// The submitter's Hadoop configuration (all properties of its site files), because containers have none.
    pub hadoop: BTreeMap<String, String>,
    /// What each worker's container is given.
    pub workers: WorkerContainers,
    /// Files that workers (and the command) find in their working directory, our executable among them.
    pub resources: Vec<LocalizedFile>,
    /// The environment, if there is one; it is found under [`ENVIRONMENT`].
    pub environment: Option<EnvironmentKind>,
    /// Whether YARN does not unpack it: it is localized as the file [`PACKED_ENVIRONMENT`], and our own processes do.
    #[serde(default)]
    pub unpacks_environment: bool,
    /// The work that the driver will bring, when it is known: the application master asks for its containers before the
    /// driver has connected.
    #[serde(default)]
    pub expected: Option<ExpectedWork>,
    /// How long the application stays up without a driver or work, milliseconds.
    pub idle_timeout_ms: u64,
    /// Ports to listen on, first and last; any free port when absent.
    #[serde(default)]
    pub port_range: Option<(u16, u16)>,
    /// `run`: the command, started in the application master's container. Absent: a driver will connect.
    #[serde(default)]
    pub command: Option<Command>,
    /// The executable that workers run instead of ours: its name among `resources`.
    #[serde(default)]
    pub program: Option<String>,
    /// Attempts that YARN makes, at most; an attempt that is not the last leaves the staging directory alone when it is
    /// terminated.
    #[serde(default)]
    pub attempts: u32,
    /// HDFS directory of this application, removed at its end.
    pub staging: String,
}

/// What a query will read, as far as asking for containers is concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedWork {
    /// Tasks that read input.
    pub tasks: u32,
    /// Hosts that hold this input, and for how many of the tasks each; most first.
    pub places: Vec<(String, u32)>,
}

/// A command that runs as a child of the application master and whose end is the application's end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments, passed as they are (no shell).
    pub argv: Vec<String>,
    /// Additional environment variables.
    pub environment: BTreeMap<String, String>,
}

/// The containers that workers run in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerContainers {
    /// How many; absent: as many as hosts hold splits, at most the queue's headroom and 16.
    pub count: Option<u32>,
    /// Of these, those that stay when there is nothing to do; absent: `count` is not the most, but how many.
    #[serde(default)]
    pub least: Option<u32>,
    /// Those that are to be there whether or not there is anything to do; lost ones are replaced.
    #[serde(default)]
    pub warm: u32,
    /// Cores asked for, and task threads.
    pub cores: u32,
    /// Memory asked for, MiB.
    pub memory_mib: u64,
    /// What each has beside cores and memory, for tasks that ask for it: names and thousandths.
    #[serde(default)]
    pub resources: Vec<(String, u64)>,
    /// Node label expression, if any.
    #[serde(default)]
    pub node_label: Option<String>,
    /// Additional environment variables.
    pub environment: BTreeMap<String, String>,
    /// `RUST_LOG`-like filter of the workers' and the application master's logs.
    #[serde(default)]
    pub log_filter: Option<String>,
}

/// A file on HDFS that YARN puts into a container's working directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalizedFile {
    /// Name in the working directory.
    pub link: String,
    /// Full URL of the file on HDFS.
    pub url: String,
    /// Length, bytes.
    pub size: u64,
    /// Modification time, Unix milliseconds; YARN refuses the file when it differs.
    pub modified_ms: i64,
    /// Whether YARN unpacks it.
    pub archive: bool,
    /// Who shares the localized copy.
    pub visibility: Visibility,
}

/// Who shares a localized copy on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visibility {
    /// Everybody on the node.
    Public,
    /// The submitter's applications.
    Private,
    /// This application.
    Application,
}

/// How a packed environment is activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnvironmentKind {
    /// A virtual environment: `VIRTUAL_ENV`, and its `bin` first in `PATH`.
    Venv,
    /// A conda prefix: `CONDA_PREFIX`, and its `bin` first in `PATH`.
    Conda,
    /// Any directory tree: its `bin`, or itself where it has none, first in `PATH`.
    Plain,
    /// An archive into which nobody has looked: what is unpacked says which of the others it is.
    Unknown,
}

/// What a worker is told: one JSON document among the secrets of its credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerSpec {
    /// host:port of the application master.
    pub master_address: String,
    /// How long it looks for the next application master when this one is gone, milliseconds; 0: it ends with this one.
    #[serde(default)]
    pub patience_ms: u64,
    /// The application, for messages.
    pub application_id: String,
    /// Who submitted; under simple security the worker acts in HDFS as this user.
    pub user: String,
    /// The submitter's Hadoop configuration.
    pub hadoop: BTreeMap<String, String>,
    /// Whether it unpacks [`PACKED_ENVIRONMENT`] first, unless somebody else has on its node.
    #[serde(default)]
    pub unpacks_environment: bool,
    /// Task threads.
    pub threads: u32,
    /// Memory of the container, MiB.
    pub memory_mib: u64,
    /// Ports to serve results on, first and last; any free port when absent.
    #[serde(default)]
    pub port_range: Option<(u16, u16)>,
    /// `RUST_LOG`-like filter.
    #[serde(default)]
    pub log_filter: Option<String>,
}
