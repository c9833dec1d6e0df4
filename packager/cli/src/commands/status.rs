//! `status`: one application.

use bobbin::yarn::{self, Application};

use super::apps;
use super::session::machine;
use crate::args::StatusArgs;
use crate::exit::{Exit, Failure};
use crate::{cluster, terminal, units};

/// Runs the subcommand.
pub async fn run(args: StatusArgs) -> Result<Exit, Failure> {
    if let Some(place) = machine::named(&args.application) {
        return machine::show(place?, args.json).await;
    }
    let id = cluster::application(&args.application)?;
    let cluster = cluster::cluster(&args.common)?;
    let application = yarn::report(&cluster, id).await?;
    if args.json {
        terminal::say(format_args!("{:#}", apps::json_of(&application)));
    } else {
        for (name, value) in rows(&application) {
            terminal::say(format_args!("{name:<12} {value}"));
        }
    }
    Ok(Exit::Code(0))
}

fn rows(application: &Application) -> Vec<(&'static str, String)> {
    let resources = format!(
        "{}, {}, {} cores",
        application.containers,
        units::bytes(application.memory_mib << 20),
        application.cores
    );
    let rows = [
        ("application", application.id.to_string()),
        ("name", application.name.clone()),
        ("user", application.user.clone()),
        ("queue", application.queue.clone()),
        ("tags", application.tags.join(", ")),
        ("priority", application.priority.to_string()),
        ("state", application.state.name().to_owned()),
        ("outcome", application.outcome.map(apps::outcome).unwrap_or_default().to_owned()),
        ("exit code", application.outcome.map(|outcome| outcome.exit_code().to_string()).unwrap_or_default()),
        ("waiting for", application.waiting_for().unwrap_or_default()),
        ("started", units::date(application.started_ms)),
        ("finished", units::date(application.finished_ms)),
        ("attempt", application.attempt.to_string()),
        ("containers", if application.state.is_ended() { String::new() } else { resources }),
        ("page", application.tracking_url.clone()),
        ("diagnostics", application.diagnostics.clone()),
    ];
    rows.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}
