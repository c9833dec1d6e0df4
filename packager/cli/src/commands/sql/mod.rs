//! `sql`: a query over CSV files, here or on the cluster.

mod answer;
mod attempts;
mod here;
mod inside;
mod on_cluster;
mod parts;
mod script;
mod shell;
pub mod table;

use std::io::Read;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bobbin::{Surrounding, Whereabouts};
use bobbin_blocks::{BlockReader, HdfsOptions};
use bobbin_engine::{PathBase, PlanError, Planner, PlannerOptions};
use hadoop_wire::config::Configuration;

use super::session;
use crate::args::{DeployMode, Master, SqlArgs};
use crate::exit::{Exit, Failure};
use crate::interrupt::{Guarded, interruptible};
use crate::place::{self, Place};
use here::Host;
use script::Script;

/// How long we wait for the ResourceManager to say that a finished application has ended.
pub const END_LIMIT: Duration = Duration::from_secs(10);

/// Runs the subcommand.
pub async fn run(args: SqlArgs) -> Result<Exit, Failure> {
    if args.session.is_some() {
        session::refuse_beside(&args.submit)?;
    }
    if args.query.is_none() && args.file.is_none() {
        if args.output.is_some() || args.explain || args.analyze || args.submit.dry_run {
            let message = "the shell prints its rows: --output, --explain, --analyze and --dry-run need a query; in the shell \
                           there are COPY … TO, EXPLAIN and EXPLAIN ANALYZE";
            return Err(Failure::new(Exit::Usage, message));
        }
        parts::requested(&args, Place::Local { threads: None })?;
        let seat = Seat::of(&args).await?;
        return shell::run(&args, seat, &Guarded::in_session(args.session.as_deref())).await;
    }
    let query = read_query(&args)?;
    run_script(args, &query, None).await
}

/// Runs statements, at `place` or where their tables are.
async fn run_script(args: SqlArgs, query: &Script, place: Option<Place>) -> Result<Exit, Failure> {
    let started_ms = now_ms();
    let (place, seat) = match place {
        Some(place) => (place, Seat::Undecided),
        None => {
            let seat = Seat::of(&args).await?;
            let decided = seat.place().map_or_else(|| decide(&args, query), Ok)?;
            (decided, seat)
        }
    };
    let guarded = Guarded::in_session(args.session.as_deref());
    let work = async {
        match place {
            _ if args.explain => here::explain(&args, query, (place, &seat)).await,
            // Without tables there is nothing that would be nearer to the data elsewhere.
            Place::Cluster { .. } if query.paths.is_empty() && args.session.is_none() => {
                here::run(&args, query, &Host::Process(None), &guarded).await
            }
            Place::Local { threads } => here::run(&args, query, &seat.host(threads), &guarded).await,
            Place::Cluster { explicit } if args.submit.deploy_mode == Some(DeployMode::Cluster) => {
                on_cluster::submit_driver(&args, query, explicit, &guarded).await
            }
            Place::Cluster { explicit } => match inside::application(&args, &seat).await? {
                Some(application) => inside::run(&args, query, explicit, (application, &guarded)).await,
                None => on_cluster::run(&args, query, explicit, &guarded, started_ms).await,
            },
        }
    };
    interruptible(&guarded, work).await
}

/// What was decided before anybody looked at tables.
#[derive(Clone, Debug)]
pub enum Seat {
    /// Nothing.
    Undecided,
    /// The session on this machine that serves this socket: the one that was named, or that this process is part of.
    Machine(PathBuf),
    /// A session on YARN; it is not on this machine for this reason, if anybody has looked.
    Cluster(Option<String>),
}

impl Seat {
    /// What `--session` and the surroundings say.
    async fn of(args: &SqlArgs) -> Result<Seat, Failure> {
        if let Some(name) = &args.session {
            return Ok(match session::whereabouts(&args.submit, name).await? {
                Whereabouts::Machine(place) => Seat::Machine(place.socket()),
                Whereabouts::Cluster { not_here } => Seat::Cluster(not_here),
            });
        }
        let is_elsewhere = args.submit.master == Some(Master::Yarn);
        match bobbin::surrounding().map_err(|error| Failure::of(Exit::Input, &error))? {
            Some(Surrounding::Machine(socket)) if !is_elsewhere => Ok(Seat::Machine(socket)),
            Some(Surrounding::Machine(_) | Surrounding::Cluster(_)) | None => Ok(Seat::Undecided),
        }
    }

    /// Where queries run, whatever their tables are.
    fn place(&self) -> Option<Place> {
        match self {
            Seat::Undecided => None,
            Seat::Machine(_) => Some(Place::Local { threads: None }),
            Seat::Cluster(_) => Some(Place::Cluster { explicit: true }),
        }
    }

    /// Whose threads those on this machine run on.
    fn host(&self, threads: Option<u32>) -> Host {
        match self {
            Seat::Machine(socket) => Host::Session(socket.clone()),
            Seat::Undecided | Seat::Cluster(_) => Host::Process(threads),
        }
    }
}

fn read_query(args: &SqlArgs) -> Result<Script, Failure> {
    let text = match (&args.query, &args.file) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) if path.as_os_str() == "-" => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::new(Exit::Input, format!("read the query from standard input: {error}")))?;
            text
        }
        (None, Some(path)) => std::fs::read_to_string(path)
            .map_err(|error| Failure::new(Exit::Input, format!("read the query from {}: {error}", path.display())))?,
        (None, None) => String::new(),
    };
    let text = text.trim().trim_end_matches(';').trim_end().to_owned();
    if text.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "the query is empty; write one, such as: SELECT count(*) FROM 'data.csv'",
        ));
    }
    let script = Script::parse(&text)?;
    let script = if args.analyze { script.analyzed() } else { script };
    if script.queries() > 1 && args.output.is_some() {
        let message = format!(
            "--output: the script gives rows {} times, and one file takes those of one query",
            script.queries()
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(script)
}

fn decide(args: &SqlArgs, query: &Script) -> Result<Place, Failure> {
    let tables = query.paths.iter().map(|path| (path.as_str(), bobbin_engine::scheme(path)));
    let place = place::decide(args.submit.master, tables).map_err(|error| Failure::of(Exit::Usage, &error))?;
    let in_client = args.submit.deploy_mode != Some(DeployMode::Cluster);
    if args.submit.no_wait && in_client && matches!(place, Place::Cluster { .. }) {
        let message = "--no-wait: a driver on this machine has to stay for its rows; leave it out, or use --deploy-mode cluster with --output";
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(place)
}

/// A reader of local files and, where the configuration is at hand, of HDFS.
fn hdfs_reader(configuration: Configuration, user: &str) -> Result<BlockReader, Failure> {
    let options = HdfsOptions { configuration, user: Some(user.to_owned()) };
    BlockReader::with_hdfs(options).map_err(|error| Failure::of(Exit::Usage, &error))
}

fn planner(args: &SqlArgs, reader: BlockReader, base: PathBase) -> Planner {
    let split_size = args.split_size.0;
    Planner::new(reader, PlannerOptions { split_size, default_scheme: base, ..PlannerOptions::default() })
}

/// What a path without a scheme means on the cluster.
fn cluster_base(explicit: bool, home: String) -> PathBase {
    if explicit { PathBase::DefaultFs(home) } else { PathBase::Local }
}

fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Failure::of(Exit::Code(error.exit_code()), &error)
    }
}
