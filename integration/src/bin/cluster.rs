//! `cluster`: the test cluster from the command line.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand, ValueEnum};
use integration::cluster::{Cluster, ClusterOptions, Daemon, Host, LogFormat, USER};
use integration::install::{Version, cache_directory};

/// A real Hadoop cluster on this machine: HDFS and YARN, every host in namespaces of its own.
#[derive(Debug, Parser)]
#[command(name = "cluster", version)]
struct Arguments {
    /// Where the cluster lives [default: the directory "cluster" in the cache of daemons]
    #[arg(long, global = true, env = "BOBBIN_CLUSTER")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start it, and wait until it is ready
    Up(Up),
    /// Stop it, and remove everything it has written
    Down,
    /// Say how it is, as JSON
    Status,
    /// Print what a shell needs to use it: eval "$(cluster env)"
    Env,
    /// Run a program on a host: master, edge, w1, w2, …
    Exec {
        /// On which host
        host: Host,
        /// What to run
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Kill daemons at once: nn, rm, dn1, nm1, …
    Kill {
        /// Which
        #[arg(required = true)]
        daemons: Vec<Daemon>,
    },
    /// Ask daemons to end
    Stop {
        /// Which
        #[arg(required = true)]
        daemons: Vec<Daemon>,
    },
    /// Start daemons that have ended
    Start {
        /// Which
        #[arg(required = true)]
        daemons: Vec<Daemon>,
    },
    /// Plug a host's cable in or out
    Link {
        /// Whose
        host: Host,
        /// Which way
        state: LinkState,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LinkState {
    Up,
    Down,
}

#[derive(Debug, Args)]
struct Up {
    /// Worker hosts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
    workers: u8,
    /// Racks, dealt out to the workers in turn
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    racks: u8,
    /// Hadoop release: 3.4 or 3.5
    #[arg(long, default_value_t)]
    hadoop: Version,
    /// How often NodeManagers call the ResourceManager, in milliseconds
    #[arg(long, default_value_t = 1000)]
    heartbeat_ms: u64,
    /// HDFS block size in MiB
    #[arg(long, default_value_t = 8)]
    block_mb: u64,
    /// HDFS replication
    #[arg(long, default_value_t = 1)]
    replication: u32,
    /// Memory of a NodeManager in MiB
    #[arg(long, default_value_t = 3072)]
    node_memory: u32,
    /// Cores of a NodeManager
    #[arg(long, default_value_t = 4)]
    node_cores: u32,
    /// Keep work through restarts of ResourceManager and NodeManagers
    #[arg(long)]
    recovery: bool,
    /// Use YARN's default resource calculator, which looks at memory only
    #[arg(long)]
    memory_only: bool,
    /// Leave logs of finished applications on the nodes
    #[arg(long)]
    no_log_aggregation: bool,
    /// Aggregate logs in the indexed format instead of TFile
    #[arg(long)]
    indexed_logs: bool,
    /// Keep finished containers' directories for this many seconds
    #[arg(long, default_value_t = 0)]
    keep_sec: u64,
    /// A queue with its share, such as default=70; may be repeated, the shares add up to 100
    #[arg(long = "queue", value_name = "NAME=PERCENT", value_parser = queue)]
    queues: Vec<(String, u32)>,
    /// Any Hadoop setting; may be repeated
    #[arg(long = "conf", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
}

impl Up {
    fn options(self) -> ClusterOptions {
        let defaults = ClusterOptions::default();
        ClusterOptions {
            version: self.hadoop,
            workers: self.workers.into(),
            racks: self.racks.into(),
            heartbeat: Duration::from_millis(self.heartbeat_ms),
            block_size: self.block_mb << 20,
            replication: self.replication,
            node_memory: self.node_memory,
            node_cores: self.node_cores,
            recovery: self.recovery,
            memory_only: self.memory_only,
            queues: if self.queues.is_empty() { defaults.queues } else { self.queues },
            log_aggregation: !self.no_log_aggregation,
            log_format: if self.indexed_logs { LogFormat::Indexed } else { LogFormat::TFile },
            keep_containers: Duration::from_secs(self.keep_sec),
            settings: self.settings,
            ready_within: defaults.ready_within,
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprint!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let directory = match arguments.dir {
        Some(directory) => directory,
        None => cache_directory()?.join("cluster"),
    };
    if let Verb::Up(up) = arguments.verb {
        return up_cluster(up, &directory);
    }
    let cluster = Cluster::attach(&directory)?;
    match arguments.verb {
        Verb::Up(_) => {}
        Verb::Down => cluster.shutdown(),
        Verb::Status => println!("{}", serde_json::to_string_pretty(&status(&cluster))?),
        Verb::Env => print!("{}", environment(&cluster)),
        Verb::Exec { host, command } => return exec(&cluster, host, &command),
        Verb::Kill { daemons } => daemons.into_iter().try_for_each(|daemon| cluster.kill_daemon(daemon))?,
        Verb::Stop { daemons } => daemons.into_iter().try_for_each(|daemon| cluster.stop_daemon(daemon))?,
        Verb::Start { daemons } => daemons.into_iter().try_for_each(|daemon| cluster.start_daemon(daemon))?,
        Verb::Link { host, state } => cluster.link(host, matches!(state, LinkState::Up))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn up_cluster(up: Up, directory: &std::path::Path) -> Result<ExitCode, Box<dyn Error>> {
    let begun = Instant::now();
    let cluster = Cluster::start_detached(up.options(), directory)?;
    let options = cluster.options();
    let (release, workers, seconds) = (options.version.release(), options.workers, begun.elapsed().as_secs_f64());
    let place = cluster.directory().display();
    println!(
        "up: Hadoop {release}, {workers} workers, {seconds:.1} s, in {place}\n\
         next: eval \"$(cluster env)\", then `edge PROGRAM …` runs a program as {USER} beside the cluster"
    );
    Ok(ExitCode::SUCCESS)
}

fn status(cluster: &Cluster) -> serde_json::Value {
    let health = cluster.health();
    let hosts: BTreeMap<String, String> =
        cluster.hosts().keys().map(|host| (host.to_string(), host.address().to_string())).collect();
    let daemons: BTreeMap<String, serde_json::Value> = cluster
        .daemons()
        .into_iter()
        .map(|(daemon, process)| {
            (daemon.to_string(), serde_json::json!({"pid": process.pid(), "alive": process.alive()}))
        })
        .collect();
    serde_json::json!({
        "ready": health.complete(cluster.options().workers),
        "health": health.to_string(),
        "hadoop": cluster.options().version.release(),
        "hosts": hosts,
        "daemons": daemons,
    })
}

/// Shell lines: the configuration, and a function for every host that runs its arguments there.
fn environment(cluster: &Cluster) -> String {
    let configuration = cluster.configuration_directory();
    let mut text = format!("export HADOOP_CONF_DIR='{}'\nexport HADOOP_USER_NAME={USER}\n", configuration.display());
    text += &format!("export BOBBIN_CLUSTER='{}'\n", cluster.directory().display());
    for (host, first) in cluster.hosts() {
        let pid = first.pid();
        text += &format!("{host}() {{ nsenter -t {pid} -n -m -u -p --wd=\"$PWD\" -- \"$@\"; }}\n");
    }
    text
}

fn exec(cluster: &Cluster, host: Host, command: &[OsString]) -> Result<ExitCode, Box<dyn Error>> {
    let [program, arguments @ ..] = command else { return Ok(ExitCode::SUCCESS) };
    let status = cluster.enter(host, program)?.args(arguments).status()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn queue(text: &str) -> Result<(String, u32), String> {
    let (name, share) = setting(text)?;
    let share = share.parse().map_err(|_| format!("{share:?} is no percentage"))?;
    Ok((name, share))
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("an equals sign is missing")?;
    Ok((key.to_owned(), value.to_owned()))
}
