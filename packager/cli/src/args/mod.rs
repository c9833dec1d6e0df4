//! The command line as plain fields. Every option can also stand in the environment (`BOBBIN_QUEUE`) and in the
//! configuration file (`queue = "…"`): [`layers`] turns those into words of the command line, so that there is one parser.

mod environments;
mod layers;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use environments::{ArchiveFormat, LimitArgs, PackArgs, UnpackArgs, VerifyArgs};
pub use layers::{LayerError, Surroundings, parse};
pub use values::{KeyValue, Master, Memory, PortRange, Shipped, Size, Span, WorkerCount};

/// Runs packed environments and data-local queries on YARN and HDFS.
#[derive(Debug, Parser)]
#[command(name = "yarn-submit", version, max_term_width = 120, args_override_self = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run queries over CSV and JSON files, here or on the cluster; without any, a shell.
    Sql(SqlArgs),
    /// Print the columns of a table, their types and what those rest on.
    Schema(TableArgs),
    /// Print the first rows of a table.
    Head(HeadArgs),
    /// Print statistics of the columns of a table.
    Describe(QuestionArgs),
    /// Count the rows of a table.
    Count(QuestionArgs),
    /// Run a command in a container, with its environment and workers beside it.
    Run(RunArgs),
    /// Start, list and stop applications that stay for queries and programs.
    Session(SessionArgs),
    /// List applications.
    Apps(AppsArgs),
    /// Show one application.
    Status(StatusArgs),
    /// Wait for an application's end and return its exit code.
    Wait(ApplicationArgs),
    /// Print the output of an application's containers.
    Logs(LogsArgs),
    /// End an application.
    Kill(ApplicationArgs),
    /// Check configuration, servers, queue, staging, block locations, short-circuit reads.
    Doctor(DoctorArgs),
    /// Pack an environment into one archive that works on every node.
    Pack(PackArgs),
    /// Unpack an archive.
    Unpack(UnpackArgs),
    /// Check that an archive works where nothing of the environment's old place is left.
    Verify(VerifyArgs),
}

/// Options of every subcommand.
#[derive(Clone, Debug, Default, Args)]
pub struct CommonArgs {
    /// Configuration file [default: ~/.config/bobbin/config.toml].
    #[arg(long, value_name = "FILE", help_heading = "General")]
    pub config: Option<PathBuf>,
    /// Set a Hadoop property, over the site files; repeatable.
    #[arg(long, value_name = "KEY=VALUE", help_heading = "General")]
    pub conf: Vec<KeyValue>,
    /// Print nothing but results and errors.
    #[arg(short, long, help_heading = "General")]
    pub quiet: bool,
    /// Say more; twice: everything.
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "General")]
    pub verbose: u8,
}

/// Where the driver runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeployMode {
    /// On this machine.
    Client,
    /// In the application master's container.
    Cluster,
}

/// Where functions run whose programs do not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// In threads of the workers.
    Thread,
    /// Each in a process of its own, which can be ended at once, and whose death is its failure alone.
    Process,
}

impl Isolation {
    /// The variable that says so to programs and workers, and its value.
    pub fn variable(self) -> (String, String) {
        let value = match self {
            Isolation::Thread => "thread",
            Isolation::Process => "process",
        };
        ("BOBBIN_ISOLATION".to_owned(), value.to_owned())
    }
}

/// How an application is submitted.
#[derive(Clone, Debug, Args)]
pub struct SubmitArgs {
    /// Where work runs: `local`, `local[N]` or `yarn`.
    #[arg(long, value_name = "WHERE")]
    pub master: Option<Master>,
    /// Where the driver runs [default: client for sql, cluster for run].
    #[arg(long, value_name = "MODE")]
    pub deploy_mode: Option<DeployMode>,
    /// Wait for the end (the default).
    #[arg(long, overrides_with = "no_wait")]
    pub wait: bool,
    /// Return when the application is submitted.
    #[arg(long, overrides_with = "wait")]
    pub no_wait: bool,
    /// Print what would be submitted, as JSON; upload and submit nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Queue to submit to.
    #[arg(long, value_name = "QUEUE", default_value = "default", help_heading = "Application")]
    pub queue: String,
    /// Name of the application.
    #[arg(long, value_name = "NAME", help_heading = "Application")]
    pub name: Option<String>,
    /// Tags that `apps` and other tools can select by.
    #[arg(long, value_name = "TAG,…", value_delimiter = ',', help_heading = "Application")]
    pub tags: Vec<String>,
    /// Priority within the queue; higher goes first.
    #[arg(long, value_name = "N", help_heading = "Application")]
    pub priority: Option<u32>,
    /// Node label expression for all containers.
    #[arg(long, value_name = "LABEL", help_heading = "Application")]
    pub node_label: Option<String>,
    /// Attempts of the application master [default: 1 for run, 2 for sql].
    #[arg(long, value_name = "N", help_heading = "Application")]
    pub max_attempts: Option<u32>,
    /// End the application when it has had nothing to do for so long.
    #[arg(long, value_name = "TIME", default_value = "10min", help_heading = "Application")]
    pub idle_timeout: Span,
    /// Ports to listen on in containers, FIRST-LAST.
    #[arg(long, value_name = "FIRST-LAST", help_heading = "Application")]
    pub port_range: Option<PortRange>,
    /// Workers, or LEAST..MOST for as many as the work is worth [default: the hosts that hold input, at most the queue's
    /// headroom and 16].
    #[arg(long, value_name = "N", help_heading = "Containers")]
    pub workers: Option<WorkerCount>,
    /// Cores of each worker, and tasks that it runs at once.
    #[arg(long, value_name = "N", default_value = "2", help_heading = "Containers")]
    pub worker_cores: u32,
    /// Memory of each worker.
    #[arg(long, value_name = "SIZE", default_value = "2GiB", help_heading = "Containers")]
    pub worker_memory: Memory,
    /// What each worker has beside cores and memory, for tasks of programs that ask for it: GPU=2,LICENSE=0.5.
    #[arg(long, value_name = "NAME=AMOUNT,…", value_delimiter = ',', help_heading = "Containers")]
    pub worker_resources: Vec<bobbin::Amount>,
    /// Memory of the application master.
    #[arg(long, value_name = "SIZE", default_value = "512MiB", help_heading = "Containers")]
    pub master_memory: Memory,
    /// Packed environment (.tar.gz, .tgz, .tar, .zip without links, .tar.zst), or a directory to pack, unpacked and
    /// activated in every container.
    #[arg(long, value_name = "ARCHIVE", help_heading = "Files")]
    pub env: Option<String>,
    /// Files to put into every container's working directory, under ALIAS or their own name.
    #[arg(long, value_name = "PATH[#ALIAS],…", value_delimiter = ',', help_heading = "Files")]
    pub files: Vec<Shipped>,
    /// Archives to unpack in every container's working directory, in a directory ALIAS.
    #[arg(long, value_name = "PATH[#ALIAS],…", value_delimiter = ',', help_heading = "Files")]
    pub archives: Vec<Shipped>,
    /// Environment variable for every container; repeatable.
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Files")]
    pub env_var: Vec<KeyValue>,
    /// World-readable HDFS directory for the upload cache: nodes then share files between users.
    #[arg(long, value_name = "DIR", help_heading = "Files")]
    pub public_cache: Option<String>,
    /// Long names of the options that stand on the command line itself, not in a layer below it: those of a layer below are
    /// meant for other commands, too.
    #[arg(skip)]
    pub given: Vec<String>,
    /// Where the options stand that a layer below the command line has given: variable, or file and line, by long name.
    #[arg(skip)]
    pub origins: BTreeMap<String, String>,
}

impl Command {
    /// How it submits an application, if it does.
    fn submit_mut(&mut self) -> Option<&mut SubmitArgs> {
        match self {
            Command::Sql(args) => Some(&mut args.submit),
            Command::Schema(args) => Some(&mut args.submit),
            Command::Head(args) => Some(&mut args.table.submit),
            Command::Describe(args) | Command::Count(args) => Some(&mut args.table.submit),
            Command::Run(args) => Some(&mut args.submit),
            Command::Session(args) => Some(&mut args.submit),
            Command::Apps(_)
            | Command::Status(_)
            | Command::Wait(_)
            | Command::Logs(_)
            | Command::Kill(_)
            | Command::Doctor(_)
            | Command::Pack(_)
            | Command::Unpack(_)
            | Command::Verify(_) => None,
        }
    }
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    Json,
    /// Arrow IPC stream.
    Arrow,
    /// Parquet file.
    Parquet,
}

/// `sql`
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// The statements, such as: SELECT count(*) FROM 'hdfs:///data/*.csv'; without any, a shell begins.
    #[arg(conflicts_with = "file", value_name = "QUERY")]
    pub query: Option<String>,
    /// Read the statements from a file; - is standard input.
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Print how the query would run; submit nothing.
    #[arg(long)]
    pub explain: bool,
    /// Run the query and print what each stage took instead of its rows.
    #[arg(long, conflicts_with_all = ["explain", "output"])]
    pub analyze: bool,
    /// How rows are written [default: table on a terminal, csv in a pipe, by the suffix of --output].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Write the rows to a file, or to a directory of part files: a name without a suffix.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<String>,
    /// What to do with what is at --output already.
    #[arg(long, value_name = "MODE", default_value = "error")]
    pub mode: WriteMode,
    /// Columns that become directories below --output, outermost first.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub partition_by: Vec<String>,
    /// How part files are compressed: none, gzip, zstd, snappy [default: snappy for parquet, else none].
    #[arg(long, value_name = "NAME")]
    pub compression: Option<String>,
    /// Write one part file.
    #[arg(long)]
    pub single_file: bool,
    /// Bytes of input that make one task.
    #[arg(long, value_name = "SIZE", default_value = "32MiB")]
    pub split_size: Size,
    /// Run in a session that was started before (see `session`), instead of an application of its own.
    #[arg(long, value_name = "NAME")]
    pub session: Option<String>,
    /// Submission.
    #[command(flatten)]
    pub submit: SubmitArgs,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What is done with what is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WriteMode {
    /// Refuse to touch it.
    #[default]
    Error,
    /// Replace it.
    Overwrite,
    /// Add files to it.
    Append,
}

/// What `schema`, `head`, `describe` and `count` look at.
#[derive(Debug, Args)]
pub struct TableArgs {
    /// A file, a directory, a pattern or a URL of CSV or JSON files.
    pub path: String,
    /// An option of reading, as in read_csv and read_json; repeatable, such as: --option sep=';'
    #[arg(short = 'O', long = "option", value_name = "NAME=VALUE")]
    pub options: Vec<KeyValue>,
    /// How rows are written [default: table on a terminal, csv in a pipe, by the suffix of --output].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Write the rows to a file instead of standard output.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<String>,
    /// Bytes of input that make one task.
    #[arg(long, value_name = "SIZE", default_value = "32MiB")]
    pub split_size: Size,
    /// Submission.
    #[command(flatten)]
    pub submit: SubmitArgs,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `describe`, `count`
#[derive(Debug, Args)]
pub struct QuestionArgs {
    /// Run in a session that was started before (see `session`), instead of an application of its own.
    #[arg(long, value_name = "NAME")]
    pub session: Option<String>,
    /// The table.
    #[command(flatten)]
    pub table: TableArgs,
}

/// `head`
#[derive(Debug, Args)]
pub struct HeadArgs {
    /// Rows.
    #[arg(short = 'n', long, value_name = "N", default_value = "10")]
    pub rows: u64,
    /// The table.
    #[command(flatten)]
    pub table: TableArgs,
}

/// `run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The program and its arguments; with --bin its arguments alone.
    #[arg(last = true, required_unless_present = "bin", value_name = "COMMAND")]
    pub command: Vec<String>,
    /// A Linux executable made with `#[bobbin::main]`: it is uploaded, and is both the command and its workers.
    #[arg(long, value_name = "PROGRAM")]
    pub bin: Option<PathBuf>,
    /// Run the command on this machine, with the workers of a session (see `session`).
    #[arg(long, value_name = "NAME")]
    pub session: Option<String>,
    /// Where functions of the program run that do not say it themselves [default: thread].
    #[arg(long, value_name = "WHERE")]
    pub isolation: Option<Isolation>,
    /// Submission.
    #[command(flatten)]
    pub submit: SubmitArgs,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What is done with sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SessionAction {
    /// Start one; it stays until it has had nothing to do for --idle-timeout.
    Start,
    /// List yours.
    List,
    /// End one.
    Stop,
}

/// `session`
#[derive(Debug, Args)]
pub struct SessionArgs {
    /// What to do.
    pub action: SessionAction,
    /// Name of the session.
    #[arg(value_name = "NAME")]
    pub session_name: Option<String>,
    /// A Linux executable made with `#[bobbin::main]`, whose functions its workers run.
    #[arg(long, value_name = "PROGRAM")]
    pub bin: Option<PathBuf>,
    /// Where functions run of programs that do not say it themselves [default: thread].
    #[arg(long, value_name = "WHERE")]
    pub isolation: Option<Isolation>,
    /// Print the list as JSON.
    #[arg(long)]
    pub json: bool,
    /// Submission.
    #[command(flatten)]
    pub submit: SubmitArgs,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `apps`
#[derive(Debug, Args)]
pub struct AppsArgs {
    /// Finished applications too.
    #[arg(long)]
    pub all: bool,
    /// Applications of every type, not only bobbin's.
    #[arg(long)]
    pub all_types: bool,
    /// Applications of this user [default: yourself]; * is everybody.
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// Applications of this queue.
    #[arg(long, value_name = "QUEUE")]
    pub in_queue: Option<String>,
    /// At most so many, newest first.
    #[arg(long, value_name = "N", default_value = "50")]
    pub limit: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The application, such as application_1700000000000_0001, or local-NAME of a session on this machine.
    #[arg(value_name = "APP")]
    pub application: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `wait`, `kill`
#[derive(Debug, Args)]
pub struct ApplicationArgs {
    /// The application, such as application_1700000000000_0001, or local-NAME of a session on this machine.
    #[arg(value_name = "APP")]
    pub application: String,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `logs`
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The application, such as application_1700000000000_0001, or local-NAME of a session on this machine.
    #[arg(value_name = "APP")]
    pub application: String,
    /// Only this container: its id, the end of its id, or "master".
    #[arg(long, value_name = "CONTAINER")]
    pub container: Option<String>,
    /// Only this file, such as stderr [default: all].
    #[arg(long, value_name = "NAME")]
    pub log: Option<String>,
    /// Only the last so many bytes of each file.
    #[arg(long, value_name = "SIZE")]
    pub tail: Option<Size>,
    /// How long to wait for log aggregation to finish.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub log_timeout: Span,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Queue to check.
    #[arg(long, value_name = "QUEUE", default_value = "default")]
    pub queue: String,
    /// A file on HDFS whose blocks to locate and read [default: one that doctor writes].
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// General.
    #[command(flatten)]
    pub common: CommonArgs,
}
