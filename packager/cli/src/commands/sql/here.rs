//! A query on this machine: in this process, or in a session that was started before.

use std::path::{Path, PathBuf};

use bobbin::{Session, SpillDirectory};
use bobbin_blocks::BlockReader;
use bobbin_engine::{PathBase, Planner};

use super::parts;
use super::script::Script;
use super::{Seat, answer, cluster_base, hdfs_reader, planner};
use crate::args::SqlArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Guarded;
use crate::output::Target;
use crate::place::Place;
use crate::progress::Display;
use crate::{cluster, terminal};

/// Whose threads run a query on this machine.
#[derive(Clone, Debug)]
pub enum Host {
    /// So many of this process (absent: one for each core).
    Process(Option<u32>),
    /// Those of the session that serves this socket.
    Session(PathBuf),
}

impl Host {
    /// A session there. What it spills is gone with the directory.
    pub async fn session(&self, name: &str, planner: &Planner) -> Result<(Session, Option<SpillDirectory>), Failure> {
        match self {
            Host::Process(threads) => {
                let spill = SpillDirectory::new();
                let session = Session::local(&spill.options(*threads), planner.clone()).await;
                Ok((session.map_err(|error| Failure::of(Exit::Internal, &error))?, Some(spill)))
            }
            Host::Session(socket) => Ok((join(socket, name, planner).await?, None)),
        }
    }
}

async fn join(socket: &Path, name: &str, planner: &Planner) -> Result<Session, Failure> {
    let session = Session::attach_machine(socket, name, planner.clone()).await;
    session.map_err(|error| Failure::of(Exit::Unavailable, &error))
}

/// Runs the query on this machine.
pub async fn run(args: &SqlArgs, script: &Script, host: &Host, guarded: &Guarded) -> Result<Exit, Failure> {
    if args.submit.dry_run {
        terminal::say("the query runs in this process; nothing would be submitted");
        return Ok(Exit::Code(0));
    }
    let output = parts::requested(args, Place::Local { threads: None })?;
    let target = Target::new(args.output.as_deref());
    let reader = reader(args, script.has_hdfs() || target.is_on_hdfs())?;
    if output.is_none() {
        target.check(&reader).await?;
    }
    let planner = planner(args, reader.clone(), PathBase::Local);
    let mut remaining = script.start(&planner, args.common.quiet, output);
    let mut next = remaining.next().await?;
    if next.is_none() {
        return Ok(Exit::Code(0));
    }
    let (session, _spill) = host.session("sql", &planner).await?;
    let display = Display::new(&args.common);
    let asked = answer::Asked { args, display: &display, unfinished: guarded.output() };
    while let Some(work) = next {
        remaining.done(asked.answer(&session, &work).await?);
        next = remaining.next().await?;
    }
    Ok(Exit::Code(0))
}

/// Prints how the query would run.
pub async fn explain(args: &SqlArgs, script: &Script, (place, seat): (Place, &Seat)) -> Result<Exit, Failure> {
    let on_cluster = matches!(place, Place::Cluster { .. }) && !script.paths.is_empty();
    let reader = reader(args, script.has_hdfs() || on_cluster)?;
    let base = match place {
        Place::Cluster { explicit } if on_cluster => {
            let cluster = cluster::cluster(&args.common)?;
            cluster_base(explicit, cluster.home_url())
        }
        Place::Cluster { .. } | Place::Local { .. } => PathBase::Local,
    };
    let planner = planner(args, reader, base);
    let mut remaining = script.start(&planner, args.common.quiet, None);
    while let Some(work) = remaining.next().await? {
        let place = match seat {
            Seat::Machine(_) | Seat::Cluster(_) => "in the session",
            Seat::Undecided if on_cluster => "in an application on the cluster",
            Seat::Undecided => "in this process",
        };
        terminal::say(format_args!("runs {place}: {} tasks", work.plan.task_count()));
        terminal::say(work.plan.explain().trim_end());
        remaining.skipped()?;
    }
    Ok(Exit::Code(0))
}

fn reader(args: &SqlArgs, needs_hdfs: bool) -> Result<BlockReader, Failure> {
    if needs_hdfs {
        hdfs_reader(cluster::configuration(&args.common)?, &cluster::user()?)
    } else {
        Ok(BlockReader::local())
    }
}
