//! What `sql` and `run` have in common: submitting and waiting for the application master.

use std::time::Duration;

use bobbin::yarn::{self, Application, Cluster, Goal, Request, State, SubmitError, Submitted};

use super::wait;
use crate::exit::{Exit, Failure};
use crate::interrupt::Guarded;
use crate::progress::Display;
use crate::terminal;

/// How long an application may wait for its first container before its driver gives up.
const START_LIMIT: Duration = Duration::from_secs(30 * 60);

/// Submits. From the moment that there is an application, `guarded` knows it.
pub async fn submit(
    cluster: &Cluster,
    request: &Request,
    guarded: &Guarded,
    display: &Display,
) -> Result<Submitted, Failure> {
    display.say("checking the request");
    let watch = |step: yarn::Step| {
        if let yarn::Step::Checked(id) = &step {
            guarded.guard(cluster, *id);
        }
        display.step(&step);
    };
    Ok(yarn::submit(cluster, request, &watch).await?)
}

/// Waits until the application master can be reached; its early end is a failure.
pub async fn running(cluster: &Cluster, submitted: &Submitted, display: &Display) -> Result<String, Failure> {
    let mut show = |application: &Application| display.state(application);
    let application = yarn::wait_until(cluster, submitted.id, Goal::Running, Some(START_LIMIT), &mut show).await?;
    match application.master.as_ref().filter(|_| application.state == State::Running) {
        Some((host, port)) => Ok(format!("{host}:{port}")),
        None => {
            let explanation = wait::explanation(&application);
            let message = explanation.strip_prefix("yarn-submit: ").unwrap_or(&explanation);
            Err(Failure::new(Exit::Failed, message))
        }
    }
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
