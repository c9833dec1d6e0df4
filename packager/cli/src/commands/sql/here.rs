//! A query in this process.

use bobbin::{Session, SpillDirectory};
use bobbin_blocks::BlockReader;
use bobbin_engine::PathBase;

use super::parts;
use super::script::Script;
use super::{answer, cluster_base, hdfs_reader, planner};
use crate::args::SqlArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Guarded;
use crate::output::Target;
use crate::place::Place;
use crate::progress::Display;
use crate::{cluster, terminal};

/// Runs the query on threads of this process.
pub async fn run(args: &SqlArgs, script: &Script, threads: Option<u32>, guarded: &Guarded) -> Result<Exit, Failure> {
    if args.submit.dry_run {
        terminal::say("the query runs in this process; nothing would be submitted");
        return Ok(Exit::Code(0));
    }
    let output = parts::requested(args, Place::Local { threads })?;
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
    let spill = SpillDirectory::new();
    let session = Session::local(&spill.options(threads), planner.clone()).await;
    let session = session.map_err(|error| Failure::of(Exit::Internal, &error))?;
    let display = Display::new(&args.common);
    let asked = answer::Asked { args, display: &display, unfinished: guarded.output() };
    while let Some(work) = next {
        remaining.done(asked.answer(&session, &work).await?);
        next = remaining.next().await?;
    }
    Ok(Exit::Code(0))
}

/// Prints how the query would run.
pub async fn explain(args: &SqlArgs, script: &Script, place: Place) -> Result<Exit, Failure> {
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
        let place = if on_cluster { "in an application on the cluster" } else { "in this process" };
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
