//! `wait`: the end of an application, and its exit code.

use bobbin::yarn::{self, Application, Cluster, Goal, Outcome};
use hadoop_wire::names::ApplicationId;

use super::session::machine;
use crate::args::ApplicationArgs;
use crate::exit::{Exit, Failure};
use crate::progress::Display;
use crate::{cluster, terminal};

/// Runs the subcommand.
pub async fn run(args: ApplicationArgs) -> Result<Exit, Failure> {
    if let Some(place) = machine::named(&args.application) {
        return machine::wait(&args, &place?).await;
    }
    let id = cluster::application(&args.application)?;
    let cluster = cluster::cluster(&args.common)?;
    let display = Display::new(&args.common);
    until_end(&cluster, id, &display).await
}

/// Waits for the end, shows what happens on the way, and says why where it did not end well.
pub async fn until_end(cluster: &Cluster, id: ApplicationId, display: &Display) -> Result<Exit, Failure> {
    let mut show = |application: &Application| display.state(application);
    let outcome = yarn::wait_until(cluster, id, Goal::Ended, None, &mut show).await;
    display.clear();
    let application = outcome?;
    let outcome = application.outcome.unwrap_or(Outcome::Failed(None));
    if outcome != Outcome::Succeeded {
        terminal::note(explanation(&application));
    }
    Ok(Exit::Code(outcome.exit_code()))
}

/// What happened, what YARN says about it, what to do next.
pub fn explanation(application: &Application) -> String {
    format!("yarn-submit: {}\nits output: yarn-submit logs {}", yarn::account(application), application.id)
}
