//! A query inside an application: the driver is the application's own command, so it joins instead of submitting.

use bobbin::yarn::Cluster;
use bobbin::{Membership, Session, Surrounding};

use super::super::session;
use super::parts;
use super::script::Script;
use super::{Seat, answer, cluster_base, hdfs_reader, planner};
use crate::args::SqlArgs;
use crate::cluster;
use crate::exit::{Exit, Failure};
use crate::interrupt::Guarded;
use crate::place::Place;
use crate::progress::Display;

/// The session that was named, or what the application's variables lead to; `None` outside of any application.
pub async fn application(args: &SqlArgs, seat: &Seat) -> Result<Option<Box<Membership>>, Failure> {
    if let (Some(name), Seat::Cluster(not_here)) = (&args.session, seat) {
        return session::join((&args.submit, &args.common), name, not_here.as_deref()).await.map(Some);
    }
    match bobbin::surrounding().map_err(|error| Failure::of(Exit::Input, &error))? {
        Some(Surrounding::Cluster(application)) => Ok(Some(application)),
        Some(Surrounding::Machine(_)) | None => Ok(None),
    }
}

/// Runs the query in the application.
pub async fn run(
    args: &SqlArgs,
    script: &Script,
    explicit: bool,
    (application, guarded): (Box<Membership>, &Guarded),
) -> Result<Exit, Failure> {
    let user = cluster::user()?;
    let home = Cluster::new(&application.configuration, &user)?.home_url();
    let reader = hdfs_reader(application.configuration, &user)?;
    let planner = planner(args, reader, cluster_base(explicit, home));
    let output = parts::requested(args, Place::Cluster { explicit })?;
    let mut remaining = script.start(&planner, args.common.quiet, output);
    let mut next = remaining.next().await?;
    let session = Session::attach(&application.address, &application.identity, "sql", planner.clone()).await;
    let session = session.map_err(|error| Failure::of(Exit::Unavailable, &error))?;
    let display = Display::new(&args.common);
    let asked = answer::Asked { args, display: &display, unfinished: guarded.output() };
    while let Some(work) = next {
        remaining.done(asked.answer(&session, &work).await?);
        next = remaining.next().await?;
    }
    Ok(Exit::Code(0))
}
