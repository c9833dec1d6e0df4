//! Watching an application from outside: its report, waiting for a state, killing it.

use std::time::Duration;

use hadoop_client::ResourceManager;
use hadoop_client::rpc::CallError;
use hadoop_wire::names::{ApplicationId, IncompleteId};
use tokio::time::Instant;

use super::application::{Application, State};
use super::cluster::Cluster;
use super::exit;

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Its application master has registered; an end counts too.
    Running,
    /// The application master of this attempt, or of a later one, has registered; an end counts too.
    Attempt(u32),
    /// It is over.
    Ended,
}

impl Goal {
    fn is_reached(self, application: &Application) -> bool {
        let runs = application.state == State::Running;
        application.state.is_ended()
            || match self {
                Goal::Running => runs,
                Goal::Attempt(attempt) => runs && application.attempt >= attempt,
                Goal::Ended => false,
            }
    }
}

/// An application cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The ResourceManager does not know it.
    #[error(
        "{0} is not known to the ResourceManager: the id is wrong, the application is long over, or the ResourceManager has restarted and forgotten it"
    )]
    Unknown(ApplicationId),
    /// The user may not see it or end it.
    #[error("{id} is not yours to see or end")]
    Denied {
        /// The application.
        id: ApplicationId,
        /// What the ResourceManager said.
        #[source]
        source: CallError,
    },
    /// The ResourceManager does not answer.
    #[error("ask the ResourceManager about {id}")]
    Call {
        /// The application.
        id: ApplicationId,
        /// Why not.
        #[source]
        source: CallError,
    },
    /// The report makes no sense.
    #[error("read the report of an application")]
    Report(#[from] IncompleteId),
    /// It took too long.
    #[error("{id} is still {state} after {seconds} s{reason}; wait longer, or end it with: yarn-submit kill {id}")]
    TooLong {
        /// The application.
        id: ApplicationId,
        /// Its last state.
        state: &'static str,
        /// How long we waited.
        seconds: u64,
        /// What it waits for.
        reason: String,
    },
}

impl WatchError {
    /// The exit code that the contract gives this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            WatchError::Unknown(_) => exit::INPUT,
            WatchError::Denied { .. } => exit::PERMISSION,
            WatchError::Call { source, .. } => exit::of_call(source),
            WatchError::Report(_) | WatchError::TooLong { .. } => exit::UNAVAILABLE,
        }
    }
}

/// A ResourceManager that restarts is waited for so long.
const PATIENCE: Duration = Duration::from_secs(120);
const KILL_LIMIT: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What the ResourceManager knows of an application.
pub async fn report(cluster: &Cluster, id: ApplicationId) -> Result<Application, WatchError> {
    ask(cluster.resource_manager(), id).await
}

/// Waits until the goal is reached, at most for `limit`. `changed` hears of every change of state or reason.
pub async fn wait_until(
    cluster: &Cluster,
    id: ApplicationId,
    goal: Goal,
    limit: Option<Duration>,
    changed: &mut (dyn FnMut(&Application) + Send),
) -> Result<Application, WatchError> {
    let manager = cluster.patient_resource_manager(limit.map_or(PATIENCE, |limit| limit.min(PATIENCE)));
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut last: Option<(State, Option<String>)> = None;
    loop {
        let application = ask(&manager, id).await?;
        let news = (application.state, application.waiting_for());
        if last.as_ref() != Some(&news) {
            changed(&application);
            pause = FIRST_PAUSE;
            last = Some(news);
        }
        if goal.is_reached(&application) {
            return Ok(application);
        }
        if limit.is_some_and(|limit| began.elapsed() + pause > limit) {
            let reason = application.waiting_for().map(|reason| format!(": {reason}")).unwrap_or_default();
            let (state, seconds) = (application.state.name(), began.elapsed().as_secs());
            return Err(WatchError::TooLong { id, state, seconds, reason });
        }
        tokio::time::sleep(pause).await;
        // Quick while somebody waits for the start, slow once it runs for long.
        if began.elapsed() > Duration::from_secs(5) {
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }
}

/// Kills an application and waits until the ResourceManager has done it. One that is over already stays as it is.
pub async fn kill(cluster: &Cluster, id: ApplicationId, reason: &str) -> Result<Application, WatchError> {
    let before = report(cluster, id).await?;
    if before.state.is_ended() {
        return Ok(before);
    }
    let killed = cluster.resource_manager().kill(id_message(id), reason, KILL_LIMIT).await;
    killed.map_err(|source| error_of(id, source))?;
    report(cluster, id).await
}

async fn ask(manager: &ResourceManager, id: ApplicationId) -> Result<Application, WatchError> {
    let report = manager.report(id_message(id)).await.map_err(|source| error_of(id, source))?;
    Ok(Application::try_from(report)?)
}

fn id_message(id: ApplicationId) -> hadoop_wire::messages::yarn::ApplicationId {
    id.into()
}

fn error_of(id: ApplicationId, source: CallError) -> WatchError {
    match source.remote().map(|error| error.class_name()) {
        Some("ApplicationNotFoundException") => WatchError::Unknown(id),
        Some("AccessControlException") => WatchError::Denied { id, source },
        _ => WatchError::Call { id, source },
    }
}
