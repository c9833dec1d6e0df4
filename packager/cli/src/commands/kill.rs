//! `kill`: the end of an application, before its time.

use bobbin::yarn::{self, Outcome};

use super::apps;
use super::session::machine;
use crate::args::ApplicationArgs;
use crate::exit::{Exit, Failure};
use crate::{cluster, terminal};

/// Runs the subcommand.
pub async fn run(args: ApplicationArgs) -> Result<Exit, Failure> {
    if let Some(place) = machine::named(&args.application) {
        return machine::kill(&args, &place?).await;
    }
    let id = cluster::application(&args.application)?;
    let cluster = cluster::cluster(&args.common)?;
    let before = yarn::report(&cluster, id).await?;
    if before.state.is_ended() {
        let outcome = before.outcome.map_or("ended", apps::outcome);
        terminal::note(format_args!("{id} had ended already: {outcome}"));
        return Ok(Exit::Code(0));
    }
    let application = yarn::kill(&cluster, id, &format!("killed by {} with yarn-submit kill", cluster.user())).await?;
    if before.user == cluster.user() {
        // The next sweep removes what this leaves.
        let _ = yarn::clean(&cluster, id).await;
    }
    if !args.common.quiet {
        let word = if application.outcome == Some(Outcome::Killed) { "killed" } else { "ended" };
        terminal::note(format_args!("{id} {word}"));
    }
    Ok(Exit::Code(0))
}
