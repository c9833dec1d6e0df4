//! `session`: applications that stay, so that queries and programs find them ready.

use bobbin::yarn::{self, Application, Cluster, named};
use bobbin::{Driver, Surrounding};
use bobbin_appmaster::spec::ExpectedWork;
use bobbin_link::Connector;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::sql::END_LIMIT;
use super::{apps, submission};
use crate::args::{DeployMode, Master, SessionAction, SessionArgs, SubmitArgs};
use crate::exit::{Exit, Failure};
use crate::interrupt::{Guarded, interruptible};
use crate::progress::Display;
use crate::request::{self, Wish};
use crate::{cluster, terminal, units};

/// Attempts of the application master where the user said nothing.
const ATTEMPTS: u32 = 2;
/// Workers that are there for the first query, where the user said nothing.
const WORKERS: u32 = 2;

/// Runs the subcommand.
pub async fn run(args: SessionArgs) -> Result<Exit, Failure> {
    match (args.action, args.session_name.clone()) {
        (SessionAction::Start, Some(name)) => start(&args, &name).await,
        (SessionAction::Stop, Some(name)) => stop(&args, &name).await,
        (SessionAction::List, None) => list(&args).await,
        (SessionAction::List, Some(name)) => {
            Err(Failure::new(Exit::Usage, format!("session list takes no name, and was given {name:?}")))
        }
        (SessionAction::Start, None) => {
            Err(Failure::new(Exit::Usage, "name the session: yarn-submit session start NAME"))
        }
        (SessionAction::Stop, None) => {
            Err(Failure::new(Exit::Usage, "name the session: yarn-submit session stop NAME"))
        }
    }
}

async fn start(args: &SessionArgs, name: &str) -> Result<Exit, Failure> {
    if let Some(program) = &args.bin {
        yarn::check_executable(program).map_err(|error| Failure::of(Exit::Input, &error))?;
    }
    let wish = Wish { name: name.to_owned(), max_attempts: ATTEMPTS, command: None, program: args.bin.clone() };
    let mut request = request::request(&args.submit, &args.common, wish)?;
    // Its containers are asked for at once.
    let tasks = request.least_workers.or(request.workers).unwrap_or(WORKERS).saturating_mul(request.worker.cores);
    request.expected = Some(ExpectedWork { tasks, places: Vec::new() });
    if args.submit.dry_run {
        return Ok(submission::dry_run(&request, &cluster::user()?));
    }
    let cluster = cluster::cluster(&args.common)?;
    if let Some(application) = live(&cluster, name).await? {
        let message = format!(
            "session {name:?} runs already ({}); stop it with `yarn-submit session stop {name}`, or choose another name",
            application.id
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let guarded = Guarded::default();
    let display = Display::new(&args.common);
    let starting = async {
        let submitted = submission::submit(&cluster, &request, &guarded, &display).await?;
        submission::running(&cluster, &submitted, &display).await?;
        named::save(&cluster, name, &submitted).await.map_err(|error| failure(&error))?;
        guarded.release();
        display.clear();
        terminal::say(submitted.id);
        submitted.sweep.settle().await;
        Ok(Exit::Code(0))
    };
    interruptible(&guarded, starting).await
}

/// The application of this session, if there is one that is not over.
async fn live(cluster: &Cluster, name: &str) -> Result<Option<Application>, Failure> {
    let session = match named::load(cluster, name).await {
        Ok(session) => session,
        Err(named::NamedError::Unknown(_)) => return Ok(None),
        Err(error) => return Err(failure(&error)),
    };
    // One that the ResourceManager has forgotten is over.
    let application = yarn::report(cluster, session.id).await.ok();
    Ok(application.filter(|application| !application.state.is_ended()))
}

/// Refuses what a driver of a session would leave undone: it submits nothing, and has the containers that are there.
pub fn refuse_beside(submit: &SubmitArgs) -> Result<(), Failure> {
    let refused = [
        ("--dry-run", submit.dry_run),
        ("--no-wait", submit.no_wait),
        ("--deploy-mode cluster", submit.deploy_mode == Some(DeployMode::Cluster)),
        ("--master local", matches!(submit.master, Some(Master::Local(_)))),
        ("--env", submit.env.is_some()),
        ("--files", !submit.files.is_empty()),
        ("--archives", !submit.archives.is_empty()),
    ];
    let Some((option, _)) = refused.into_iter().find(|(_, given)| *given) else { return Ok(()) };
    let message = format!(
        "{option}: nothing is submitted with --session; leave out one of the two, or give files to session start"
    );
    Err(Failure::new(Exit::Usage, message))
}

/// What a driver needs to join the session of this name.
pub async fn join(cluster: &Cluster, name: &str) -> Result<Surrounding, Failure> {
    let session = named::load(cluster, name).await.map_err(|error| failure(&error))?;
    let application = yarn::report(cluster, session.id).await?;
    match (application.state.is_ended(), submission::Master::of(&application)) {
        (false, Some(master)) => {
            let configuration = hadoop_wire::config::Configuration::from_map(cluster.properties().clone());
            Ok(Surrounding { address: master.address, identity: session.identity, configuration })
        }
        (false, None) => {
            let message = format!("session {name:?} ({}) has no application master yet: try again", session.id);
            Err(Failure::new(Exit::Unavailable, message))
        }
        (true, _) => {
            let why = super::wait::account(&application);
            let message = format!("session {name:?} is over ({why}); start it again: yarn-submit session start {name}");
            Err(Failure::new(Exit::Unavailable, message))
        }
    }
}

async fn stop(args: &SessionArgs, name: &str) -> Result<Exit, Failure> {
    let cluster = cluster::cluster(&args.common)?;
    let session = named::load(&cluster, name).await.map_err(|error| failure(&error))?;
    let ended = end(&cluster, &session).await;
    named::forget(&cluster, name).await.map_err(|error| failure(&error))?;
    ended?;
    // The next sweep removes what this leaves.
    let _ = yarn::clean(&cluster, session.id).await;
    if !args.common.quiet {
        terminal::note(format_args!("session {name} ({}) has ended", session.id));
    }
    Ok(Exit::Code(0))
}

/// Asks the application master to end; kills the application where nobody answers.
async fn end(cluster: &Cluster, session: &named::Named) -> Result<(), Failure> {
    let Ok(application) = yarn::report(cluster, session.id).await else { return Ok(()) };
    if application.state.is_ended() {
        return Ok(());
    }
    if let (Some(master), Ok(connector)) = (submission::Master::of(&application), Connector::new(&session.identity))
        && let Ok(driver) = Driver::dial(&connector, &master.address, "session stop").await
    {
        driver.finish(true, format!("stopped by {} with yarn-submit session stop; exit=0", cluster.user())).await;
        let goal = yarn::Goal::Ended;
        if yarn::wait_until(cluster, session.id, goal, Some(END_LIMIT), &mut |_| {}).await.is_ok() {
            return Ok(());
        }
    }
    yarn::kill(cluster, session.id, "stopped with yarn-submit session stop").await?;
    Ok(())
}

async fn list(args: &SessionArgs) -> Result<Exit, Failure> {
    let cluster = cluster::cluster(&args.common)?;
    let mut rows = Vec::new();
    for name in named::names(&cluster).await.map_err(|error| failure(&error))? {
        // One that was stopped meanwhile is none.
        let Ok(session) = named::load(&cluster, &name).await else { continue };
        let application = yarn::report(&cluster, session.id).await.ok();
        rows.push((name, session.id, application));
    }
    if args.json {
        let object = |(name, id, application): &(String, _, Option<Application>)| match application {
            Some(application) => json!({ "session": name, "application": apps::json_of(application) }),
            None => json!({ "session": name, "application": { "id": format!("{id}"), "state": "UNKNOWN" } }),
        };
        terminal::say(format_args!("{:#}", Value::from(rows.iter().map(object).collect::<Vec<_>>())));
        return Ok(Exit::Code(0));
    }
    if rows.is_empty() {
        terminal::note("no sessions (yarn-submit session start NAME)");
        return Ok(Exit::Code(0));
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(terminal::width().unwrap_or(u16::MAX));
    table.set_header(["SESSION", "APPLICATION", "STATE", "STARTED", "CONTAINERS", "MEMORY"]);
    for (name, id, application) in rows {
        let of = |show: &dyn Fn(&Application) -> String| application.as_ref().map(show).unwrap_or_default();
        let state = |known: &Application| known.outcome.map_or(known.state.name(), apps::outcome).to_owned();
        let state = application.as_ref().map_or_else(|| "UNKNOWN".to_owned(), state);
        table.add_row([
            name,
            id.to_string(),
            state,
            of(&|known| units::date(known.started_ms)),
            of(&|known| known.containers.to_string()),
            of(&|known| units::bytes(known.memory_mib << 20)),
        ]);
    }
    terminal::say(table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n"));
    Ok(Exit::Code(0))
}

fn failure(error: &named::NamedError) -> Failure {
    Failure::of(Exit::Code(error.exit_code()), error)
}
