//! `wait`: the end of an application, and its exit code.

use bobbin::yarn::{self, Application, Cluster, Goal, Outcome};
use hadoop_wire::names::ApplicationId;

use crate::args::ApplicationArgs;
use crate::exit::{Exit, Failure};
use crate::progress::Display;
use crate::{cluster, terminal};

/// Lines of diagnostics that are printed; YARN appends pages of them.
const DIAGNOSTIC_LINES: usize = 12;
/// Characters of each of them.
const DIAGNOSTIC_WIDTH: usize = 300;

/// Runs the subcommand.
pub async fn run(args: ApplicationArgs) -> Result<Exit, Failure> {
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
    let id = application.id;
    let what = match application.outcome {
        Some(Outcome::Killed) => "was killed".to_owned(),
        Some(Outcome::Failed(Some(code))) => format!("failed: its command ended with exit code {code}"),
        Some(Outcome::Failed(None) | Outcome::Succeeded) | None => "failed".to_owned(),
    };
    let lines: Vec<&str> = application.diagnostics.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut text = format!("yarn-submit: {id} {what}");
    for line in lines.iter().take(DIAGNOSTIC_LINES) {
        text.push_str("\n  ");
        text.extend(line.trim_end().chars().take(DIAGNOSTIC_WIDTH));
    }
    if lines.len() > DIAGNOSTIC_LINES {
        text.push_str("\n  ...");
    }
    text.push_str(&format!("\nits output: yarn-submit logs {id}"));
    text
}
