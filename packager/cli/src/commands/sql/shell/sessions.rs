//! Where a shell's statements run: sessions that are made when they are first needed and stay until the shell ends.

use bobbin::yarn::{Cluster, Submitted};
use bobbin::{Session, SpillDirectory};
use bobbin_blocks::BlockReader;
use bobbin_engine::{PathBase, Planner};

use super::super::super::session;
use super::super::answer::{Answered, Asked};
use super::super::attempts::{Attempts, Joined};
use super::super::on_cluster;
use super::super::script::Work;
use super::super::{Seat, cluster_base, hdfs_reader, planner};
use crate::args::SqlArgs;
use crate::cluster;
use crate::exit::{Exit, Failure};
use crate::interrupt::Guarded;
use crate::place::{self, Place};
use crate::progress::Display;

/// The sessions of a shell.
pub struct Sessions<'a> {
    args: &'a SqlArgs,
    seat: Seat,
    display: &'a Display,
    guarded: &'a Guarded,
    local: Option<(Session, Option<SpillDirectory>)>,
    application: Option<Application>,
    /// The conversation with the session that was named.
    named: Option<Session>,
    columns: Vec<String>,
}

/// An application on the cluster, kept for the next statement.
struct Application {
    cluster: Cluster,
    submitted: Submitted,
    /// The last attempt.
    joined: Option<Joined>,
}

impl<'a> Sessions<'a> {
    /// No session yet.
    pub fn new(args: &'a SqlArgs, seat: Seat, (display, guarded): (&'a Display, &'a Guarded)) -> Self {
        Self { args, seat, display, guarded, local: None, application: None, named: None, columns: Vec::new() }
    }

    /// Where a statement over these paths runs.
    pub fn place(&self, paths: &[String]) -> Result<Place, Failure> {
        let tables = paths.iter().map(|path| (path.as_str(), bobbin_engine::scheme(path)));
        let place = match self.seat.place() {
            Some(place) => place,
            None => place::decide(self.args.submit.master, tables).map_err(|error| Failure::of(Exit::Usage, &error))?,
        };
        // Without tables there is nothing that would be nearer to the data elsewhere.
        let stays = paths.is_empty() && matches!(place, Place::Cluster { .. });
        Ok(if stays { Place::Local { threads: None } } else { place })
    }

    /// A planner for that place.
    pub fn planner(&self, place: Place) -> Result<Planner, Failure> {
        Ok(match place {
            Place::Local { .. } => planner(self.args, self.reader(place)?, PathBase::Local),
            Place::Cluster { explicit } => {
                let home = cluster::cluster(&self.args.common)?.home_url();
                planner(self.args, self.reader(place)?, cluster_base(explicit, home))
            }
        })
    }

    /// HDFS is there where a configuration says so; a laptop without one has local files.
    fn reader(&self, place: Place) -> Result<BlockReader, Failure> {
        match cluster::configuration(&self.args.common) {
            Ok(configuration) => hdfs_reader(configuration, &cluster::user()?),
            Err(_) if matches!(place, Place::Local { .. }) => Ok(BlockReader::local()),
            Err(failure) => Err(failure),
        }
    }

    /// Runs tasks and prints their rows.
    pub async fn answer(&mut self, place: Place, work: &Work, needs_tasks: bool) -> Result<Answered, Failure> {
        for name in work.request.column_names() {
            if !self.columns.contains(&name) {
                self.columns.push(name);
            }
        }
        match place {
            Place::Cluster { .. } if needs_tasks && matches!(self.seat, Seat::Cluster(_)) => {
                self.answer_named(place, work).await
            }
            Place::Cluster { .. } if needs_tasks => self.answer_there(place, work).await,
            Place::Cluster { .. } | Place::Local { .. } => self.answer_here(place, work).await,
        }
    }

    /// Removes what a statement that was stopped has written.
    pub async fn forget_output(&self) {
        self.guarded.output().abort().await;
    }

    /// Columns that statements have used tables with.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    async fn answer_here(&mut self, place: Place, work: &Work) -> Result<Answered, Failure> {
        let planner = self.planner(place)?;
        if self.local.is_none() {
            let threads = if let Place::Local { threads } = place { threads } else { None };
            self.local = Some(self.seat.host(threads).session("shell", &planner).await?);
        }
        let none = || Failure::new(Exit::Internal, "there is no session");
        let (session, _) = self.local.as_ref().ok_or_else(none)?;
        let asked = Asked { args: self.args, display: self.display, unfinished: self.guarded.output() };
        // The reader of the first statement may have known no HDFS.
        let answered = asked.answer(&session.with_planner(planner), work).await;
        // One that is lost is joined again by the next statement.
        if answered.as_ref().is_err_and(|failure| failure.exit() == Exit::Abandoned) {
            self.local = None;
        }
        answered
    }

    async fn answer_named(&mut self, place: Place, work: &Work) -> Result<Answered, Failure> {
        let planner = self.planner(place)?;
        let session = match &self.named {
            Some(session) => session.clone(),
            None => {
                let name = self.args.session.as_deref().unwrap_or_default();
                let not_here = if let Seat::Cluster(not_here) = &self.seat { not_here.as_deref() } else { None };
                let joined = session::join((&self.args.submit, &self.args.common), name, not_here).await?;
                let session = Session::attach(&joined.address, &joined.identity, "shell", planner.clone()).await;
                session.map_err(|error| Failure::of(Exit::Unavailable, &error))?
            }
        };
        let asked = Asked { args: self.args, display: self.display, unfinished: self.guarded.output() };
        let answered = asked.answer(&session.with_planner(planner), work).await;
        // One that is lost is joined again by the next statement.
        let lost = answered.as_ref().is_err_and(|failure| failure.exit() == Exit::Abandoned);
        self.named = (!lost).then_some(session);
        answered
    }

    async fn answer_there(&mut self, place: Place, work: &Work) -> Result<Answered, Failure> {
        let planner = self.planner(place)?;
        if self.application.is_none() {
            let cluster = cluster::cluster(&self.args.common)?;
            let submitted =
                on_cluster::submit_for(self.args, "shell", &work.plan, (&cluster, self.guarded, self.display));
            let submitted = submitted.await?;
            self.application = Some(Application { cluster, submitted, joined: None });
        }
        let none = || Failure::new(Exit::Internal, "there is no application");
        let application = self.application.as_mut().ok_or_else(none)?;
        let asked = Asked { args: self.args, display: self.display, unfinished: self.guarded.output() };
        let (cluster, submitted) = (&application.cluster, &application.submitted);
        let mut attempts = Attempts::new(cluster, submitted, asked).joined(application.joined.take());
        let answered = attempts.answer(&planner, work).await;
        application.joined = attempts.into_joined();
        match answered {
            Ok((_, outcome)) => outcome,
            Err(failure) => {
                // What cannot be joined is of no use to the next statement.
                if let Some(lost) = self.application.take() {
                    on_cluster::give_up(&lost.cluster, &lost.submitted).await;
                    self.guarded.release();
                }
                Err(failure)
            }
        }
    }

    /// Ends what was begun.
    pub async fn end(self) {
        let Some(Application { cluster, submitted, joined }) = self.application else { return };
        match joined {
            Some(joined) => on_cluster::end(&cluster, &submitted, joined.session(), None).await,
            None => on_cluster::give_up(&cluster, &submitted).await,
        }
        self.guarded.release();
    }
}
