//! Sessions on YARN: applications that stay, whose names and secrets are in the user's HDFS home.

use std::time::Duration;

use bobbin::Driver;
use bobbin::yarn::{self, Application, Cluster, WatchError, named};
use bobbin_link::Connector;
use futures::future::join_all;
use hadoop_wire::names::ApplicationId;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::super::sql::END_LIMIT;
use super::super::{apps, submission};
use crate::args::{SessionArgs, SubmitArgs};
use crate::exit::{Exit, Failure};
use crate::interrupt::{Guarded, interruptible};
use crate::listing::{self, Column};
use crate::progress::Display;
use crate::request::{self, Wish};
use crate::{cluster, terminal, units};

/// Attempts of the application master where the user said nothing.
const ATTEMPTS: u32 = 2;
/// Workers that are there for the first query, where the user said nothing.
const WORKERS: u32 = 2;
/// How long a list of sessions waits for HDFS, and then for the ResourceManager.
const PATIENCE: Duration = Duration::from_secs(5);

const COLUMNS: [Column; 6] = [
    Column::text("SESSION", 0),
    Column::text("APPLICATION", 1),
    Column::text("STATE", 0),
    Column::text("STARTED", 2),
    Column::number("CONTAINERS", 3),
    Column::number("MEMORY", 4),
];

/// Starts a session in an application of its own.
pub async fn start(args: &SessionArgs, name: &str) -> Result<Exit, Failure> {
    refuse(&args.submit)?;
    if let Some(program) = &args.bin {
        yarn::check_executable(program).map_err(|error| Failure::of(Exit::Input, &error))?;
    }
    let (program, isolation) = (args.bin.clone(), args.isolation);
    let wish = Wish { name: name.to_owned(), max_attempts: ATTEMPTS, command: None, program, isolation };
    let mut request = request::request(&args.submit, &args.common, wish)?;
    request.warm_workers = request.least_workers.or(request.workers).unwrap_or(WORKERS);
    if args.submit.dry_run {
        return Ok(submission::dry_run(&request, &cluster::user()?));
    }
    let cluster = cluster::wanted(&args.common)?;
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

/// Refuses what means nothing for a session.
pub(super) fn refuse(submit: &SubmitArgs) -> Result<(), Failure> {
    for option in &submit.given {
        let reason = match option.as_str() {
            "no-wait" => "a session has started when it can be joined; leave it out",
            "deploy-mode" => "a session has no driver of its own; leave it out",
            _ => continue,
        };
        return Err(Failure::new(Exit::Usage, format!("--{option}: {reason}")));
    }
    Ok(())
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

/// Ends a session.
pub async fn stop(args: &SessionArgs, cluster: &Cluster, name: &str) -> Result<Exit, Failure> {
    let session = named::load(cluster, name).await.map_err(|error| failure(&error))?;
    let ended = end(cluster, &session).await;
    named::forget(cluster, name).await.map_err(|error| failure(&error))?;
    ended?;
    // The next sweep removes what this leaves.
    let _ = yarn::clean(cluster, session.id).await;
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

/// A session, and its application where the ResourceManager knows it.
pub struct Row {
    name: String,
    id: ApplicationId,
    application: Option<Application>,
}

/// The sessions that have a name. Somebody waits for them: servers that do not answer are given up within seconds.
pub async fn rows(cluster: &Cluster, display: &Display) -> Result<Vec<Row>, Failure> {
    let sessions = sessions(cluster, display).await?;
    display.say("sessions on YARN: waiting for the ResourceManager");
    let report = |id: ApplicationId| timeout(PATIENCE, yarn::report(cluster, id));
    let reports = join_all(sessions.iter().map(|(_, id)| report(*id))).await;
    let (mut rows, mut silence) = (Vec::new(), None);
    for ((name, id), report) in sessions.into_iter().zip(reports) {
        let application = match report {
            Ok(Ok(application)) => Some(application),
            Ok(Err(WatchError::Unknown(_))) => None,
            Ok(Err(error)) => {
                silence = Some(crate::exit::chain(&error));
                None
            }
            Err(_) => {
                silence = Some(format!("no answer within {} s", PATIENCE.as_secs()));
                None
            }
        };
        rows.push(Row { name, id, application });
    }
    if let Some(why) = silence {
        display.tell(&format!("yarn-submit: how sessions on YARN are, the ResourceManager does not say: {why}"));
    }
    Ok(rows)
}

/// Names and applications of the sessions that there are.
async fn sessions(cluster: &Cluster, display: &Display) -> Result<Vec<(String, ApplicationId)>, Failure> {
    let place = cluster.hdfs().file_system().at(&named::directory(cluster));
    display.say(format!("sessions on YARN: waiting for HDFS, {place}"));
    let listing = async {
        let mut sessions = Vec::new();
        for name in named::names(cluster).await? {
            // One that was stopped meanwhile is none.
            if let Ok(session) = named::load(cluster, &name).await {
                sessions.push((name, session.id));
            }
        }
        Ok::<_, named::NamedError>(sessions)
    };
    match timeout(PATIENCE, listing).await {
        Ok(listed) => listed.map_err(|error| failure(&error)),
        Err(_) => {
            let message = format!(
                "list the sessions in {place}: HDFS has not answered within {} s; is its NameNode up, and reachable from here? \
                 Those of this machine alone: --master local",
                PATIENCE.as_secs()
            );
            Err(Failure::new(Exit::Unavailable, message))
        }
    }
}

/// A session as scripts read it.
pub fn json_of(row: &Row) -> Value {
    match &row.application {
        Some(application) => json!({ "session": row.name, "application": apps::json_of(application) }),
        None => json!({ "session": row.name, "application": { "id": row.id.to_string(), "state": "UNKNOWN" } }),
    }
}

/// Sessions as people read them.
pub fn table(rows: Vec<Row>) -> String {
    let row = |Row { name, id, application }: Row| {
        let of = |show: &dyn Fn(&Application) -> String| application.as_ref().map(show).unwrap_or_default();
        let state = |known: &Application| known.outcome.map_or(known.state.name(), apps::outcome).to_owned();
        let state = application.as_ref().map_or_else(|| "UNKNOWN".to_owned(), state);
        [
            name,
            id.to_string(),
            state,
            of(&|known| units::date(known.started_ms)),
            of(&|known| known.containers.to_string()),
            of(&|known| units::bytes(known.memory_mib << 20)),
        ]
    };
    let rows: Vec<_> = rows.into_iter().map(row).collect();
    listing::lines(COLUMNS, &rows, terminal::width())
}

fn failure(error: &named::NamedError) -> Failure {
    Failure::of(Exit::Code(error.exit_code()), error)
}
