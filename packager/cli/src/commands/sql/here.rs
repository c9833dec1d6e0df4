//! A query in this process.

use std::collections::BTreeSet;

use bobbin::Session;
use bobbin_blocks::BlockReader;
use bobbin_engine::PathBase;

use super::{Text, answer, cluster_base, hdfs_reader, planner};
use crate::args::SqlArgs;
use crate::exit::{Exit, Failure};
use crate::local::SpillDirectory;
use crate::output::Target;
use crate::place::Place;
use crate::progress::Display;
use crate::{cluster, terminal};

/// Runs the query on threads of this process.
pub async fn run(args: &SqlArgs, query: &Text, threads: Option<u32>) -> Result<Exit, Failure> {
    if args.submit.dry_run {
        terminal::say("the query runs in this process; nothing would be submitted");
        return Ok(Exit::Code(0));
    }
    let target = Target::new(args.output.as_deref());
    let reader = reader(args, query.has_hdfs || target.is_on_hdfs())?;
    target.check(&reader).await?;
    let planner = planner(args, reader.clone(), PathBase::Local);
    let plan = planner.plan(&query.text, &BTreeSet::new()).await?;
    let spill = SpillDirectory::new();
    let session = Session::local(&spill.options(threads), reader.clone()).await;
    let session = session.map_err(|error| Failure::of(Exit::Internal, &error))?;
    let display = Display::new(&args.common);
    let asked = answer::Asked { args, planner: &planner, reader: &reader, display: &display };
    asked.answer(&session, &query.text, plan).await?;
    Ok(Exit::Code(0))
}

/// Prints how the query would run.
pub async fn explain(args: &SqlArgs, query: &Text, place: Place) -> Result<Exit, Failure> {
    let on_cluster = matches!(place, Place::Cluster { .. }) && query.has_tables;
    let reader = reader(args, query.has_hdfs || on_cluster)?;
    let base = match place {
        Place::Cluster { explicit } if on_cluster => {
            let cluster = cluster::cluster(&args.common)?;
            cluster_base(explicit, cluster.home_url())
        }
        Place::Cluster { .. } | Place::Local { .. } => PathBase::Local,
    };
    let plan = planner(args, reader, base).plan(&query.text, &BTreeSet::new()).await?;
    let place = if on_cluster { "in an application on the cluster" } else { "in this process" };
    terminal::say(format_args!("runs {place}: {} tasks", plan.task_count()));
    terminal::say(plan.explain().trim_end());
    Ok(Exit::Code(0))
}

fn reader(args: &SqlArgs, needs_hdfs: bool) -> Result<BlockReader, Failure> {
    if needs_hdfs {
        hdfs_reader(cluster::configuration(&args.common)?, &cluster::user()?)
    } else {
        Ok(BlockReader::local())
    }
}
