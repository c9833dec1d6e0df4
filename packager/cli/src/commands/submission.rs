//! What `sql` and `run` have in common: submitting and waiting for the application master.

mod environment;

use std::time::Duration;

use bobbin::yarn::{self, Application, Cluster, Goal, Request, State, SubmitError, Submitted};

use super::wait;
use crate::exit::{Exit, Failure};
use crate::interrupt::Guarded;
use crate::progress::Display;
use crate::terminal;

/// How long an application may wait for its first container before its driver gives up.
const START_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Packs what is to be packed, and submits. From the moment that there is an application, `guarded` knows it.
pub async fn submit(
    cluster: &Cluster,
    request: &Request,
    guarded: &Guarded,
    display: &Display,
) -> Result<Submitted, Failure> {
    let request = &environment::packed(request, display).await?;
    display.say("checking the request");
    let watch = |step: yarn::Step| {
        if let yarn::Step::Checked(id) = &step {
            guarded.guard(cluster, *id);
        }
        display.step(&step);
    };
    Ok(yarn::submit(cluster, request, &watch).await?)
}

/// An application master that drivers can join.
pub struct Master {
    /// host:port.
    pub address: String,
    /// Which attempt of the application it is, from 1.
    pub attempt: u32,
}

impl Master {
    /// Where the ResourceManager says that it is.
    pub fn of(application: &Application) -> Option<Master> {
        let (host, port) = application.master.as_ref()?;
        Some(Master { address: format!("{host}:{port}"), attempt: application.attempt })
    }
}

/// Waits until the application master can be reached; its early end is a failure.
pub async fn running(cluster: &Cluster, submitted: &Submitted, display: &Display) -> Result<Master, Failure> {
    let mut show = |application: &Application| display.state(application);
    let application = yarn::wait_until(cluster, submitted.id, Goal::Running, Some(START_LIMIT), &mut show).await?;
    let master = Master::of(&application).filter(|_| application.state == State::Running);
    master.ok_or_else(|| {
        let explanation = wait::explanation(&application);
        Failure::new(Exit::Failed, explanation.strip_prefix("yarn-submit: ").unwrap_or(&explanation))
    })
}

/// Prints what would be submitted.
pub fn dry_run(request: &Request, user: &str) -> Exit {
    terminal::say(format_args!("{:#}", yarn::describe(request, user)));
    Exit::Code(0)
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        Failure::of(Exit::Code(error.exit_code()), &error)
    }
}
