//! A query through the attempts of its application: where YARN starts another application master after one that died,
//! the driver joins that one and asks again.

use std::time::Duration;

use bobbin::Session;
use bobbin::yarn::{self, Application, Cluster, Goal, State, Submitted};
use bobbin_engine::Planner;

use super::super::submission;
use super::answer::{Answered, Asked};
use super::script::Work;
use crate::exit::{Exit, Failure};

/// How long YARN may take to notice that an application master is gone and to start another one. It notices a lost host
/// after ten minutes (yarn.am.liveness-monitor.expiry-interval-ms).
const NEXT_LIMIT: Duration = Duration::from_secs(15 * 60);

/// What all attempts have in common.
pub struct Attempts<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The application.
    pub submitted: &'a Submitted,
    /// Who asks.
    pub asked: Asked<'a>,
    /// The attempt that was joined last.
    joined: Option<Joined>,
}

/// An attempt that we talk to. What it keeps for us ends with the conversation.
#[derive(Clone)]
pub struct Joined {
    number: u32,
    session: Session,
}

impl Joined {
    /// The conversation.
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl<'a> Attempts<'a> {
    /// Of an application that nobody has joined yet.
    pub fn new(cluster: &'a Cluster, submitted: &'a Submitted, asked: Asked<'a>) -> Self {
        Self { cluster, submitted, asked, joined: None }
    }

    /// The same, going on with an attempt that was joined before.
    pub fn joined(self, joined: Option<Joined>) -> Self {
        Self { joined, ..self }
    }

    /// The attempt that was joined last.
    pub fn into_joined(self) -> Option<Joined> {
        self.joined
    }

    /// Asks one attempt after the other until the query has an outcome that another attempt would not change. The session
    /// is the last attempt's.
    ///
    /// # Errors
    /// When no attempt could be joined.
    pub async fn answer(
        &mut self,
        planner: &Planner,
        work: &Work,
    ) -> Result<(Session, Result<Answered, Failure>), Failure> {
        let mut attempt = match self.joined.take() {
            Some(joined) => joined,
            None => {
                let master = submission::running(self.cluster, self.submitted, self.asked.display).await?;
                self.join(&master, planner).await?
            }
        };
        loop {
            let session = attempt.session.with_planner(planner.clone());
            let outcome = match self.asked.answer(&session, work).await {
                Err(lost) if lost.exit() == Exit::Abandoned => match self.next(attempt.number, &lost).await {
                    Ok(master) => {
                        attempt = self.join(&master, planner).await?;
                        continue;
                    }
                    Err(failure) => Err(failure),
                },
                outcome => outcome,
            };
            self.joined = Some(attempt);
            return Ok((session, outcome));
        }
    }

    async fn join(&self, master: &submission::Master, planner: &Planner) -> Result<Joined, Failure> {
        let identity = self.submitted.authority.issue("driver", &self.submitted.secret);
        let identity = identity.map_err(|error| Failure::of(Exit::Internal, &error))?;
        let session = Session::attach(&master.address, &identity, "sql", planner.clone()).await;
        let session = session.map_err(|error| Failure::of(Exit::Unavailable, &error))?;
        Ok(Joined { number: master.attempt, session })
    }

    /// The application master after the one of `attempt`, with which the conversation was `lost`. What became of that
    /// one, only the ResourceManager knows.
    async fn next(&self, attempt: u32, lost: &Failure) -> Result<submission::Master, Failure> {
        let display = self.asked.display;
        display.tell(&format!("yarn-submit: {lost}; waiting for what YARN makes of it"));
        let mut show = |application: &Application| display.state(application);
        let goal = Goal::Attempt(attempt + 1);
        let id = self.submitted.id;
        let application = yarn::wait_until(self.cluster, id, goal, Some(NEXT_LIMIT), &mut show).await?;
        let master = submission::Master::of(&application).filter(|_| application.state == State::Running);
        let Some(master) = master else {
            return Err(Failure::new(Exit::Failed, format!("{lost}: {}", yarn::account(&application))));
        };
        display.tell(&format!("yarn-submit: attempt {} of {id} runs; the query is run again", master.attempt));
        Ok(master)
    }
}
