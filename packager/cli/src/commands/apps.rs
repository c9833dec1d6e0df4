//! `apps`: a list of applications.

use bobbin::yarn::{APPLICATION_TYPE, Application, Cluster};
use hadoop_wire::messages::yarn::{GetApplicationsRequest, YarnApplicationState};
use serde_json::{Value, json};

use super::session::machine;
use crate::args::AppsArgs;
use crate::exit::{Exit, Failure};
use crate::listing::{self, Column};
use crate::{cluster, terminal, units};

const LIVE: [YarnApplicationState; 5] = [
    YarnApplicationState::New,
    YarnApplicationState::NewSaving,
    YarnApplicationState::Submitted,
    YarnApplicationState::Accepted,
    YarnApplicationState::Running,
];

const COLUMNS: [Column; 8] = [
    Column::text("APPLICATION", 0),
    Column::text("NAME", 1),
    Column::text("USER", 5),
    Column::text("QUEUE", 6),
    Column::text("STATE", 0),
    Column::text("STARTED", 2),
    Column::number("CONTAINERS", 3),
    Column::number("MEMORY", 4),
];

/// Runs the subcommand.
pub async fn run(args: AppsArgs) -> Result<Exit, Failure> {
    let here = if is_own(&args) { machine::rows().await? } else { Vec::new() };
    let there = match cluster::if_configured(&args.common) {
        Ok(Some(cluster)) => on_cluster(&args, &cluster).await,
        Ok(None) => Ok(Vec::new()),
        Err(failure) => Err(failure),
    };
    let (there, failure) = match there {
        Ok(there) => (there, None),
        Err(failure) if here.is_empty() => return Err(failure),
        Err(failure) => (Vec::new(), Some(failure)),
    };
    if args.json {
        let rows = here.iter().map(machine::json_of).chain(there.iter().map(json_of));
        terminal::say(format_args!("{:#}", Value::from(rows.collect::<Vec<_>>())));
    } else if here.is_empty() && there.is_empty() {
        terminal::note("no applications (see --all, --user, --all-types)");
    } else {
        terminal::say(table(&here, &there, terminal::width()));
    }
    match failure {
        Some(failure) => {
            terminal::note(format_args!("yarn-submit: those on YARN are not listed: {failure}"));
            Ok(failure.exit())
        }
        None => Ok(Exit::Code(0)),
    }
}

/// Whether sessions of this machine, which are the user's own and in no queue, are asked for.
fn is_own(args: &AppsArgs) -> bool {
    let user = args.user.as_deref();
    args.in_queue.is_none() && user.is_none_or(|user| user == "*" || cluster::user().is_ok_and(|ours| ours == user))
}

async fn on_cluster(args: &AppsArgs, cluster: &Cluster) -> Result<Vec<Application>, Failure> {
    let reports = cluster.resource_manager().applications(filters(args, cluster.user())).await;
    let reports = reports.map_err(|error| Failure::of(Exit::Code(bobbin::yarn::exit::of_call(&error)), &error))?;
    let mut applications: Vec<Application> =
        reports.into_iter().filter_map(|report| Application::try_from(report).ok()).collect();
    applications.sort_by_key(|application| std::cmp::Reverse((application.started_ms, application.id)));
    applications.truncate(usize::try_from(args.limit).unwrap_or(usize::MAX));
    Ok(applications)
}

fn filters(args: &AppsArgs, user: &str) -> GetApplicationsRequest {
    let user = args.user.as_deref().unwrap_or(user);
    GetApplicationsRequest {
        users: if user == "*" { Vec::new() } else { vec![user.to_owned()] },
        queues: args.in_queue.iter().cloned().collect(),
        application_types: if args.all_types { Vec::new() } else { vec![APPLICATION_TYPE.to_owned()] },
        application_states: if args.all { Vec::new() } else { LIVE.map(|state| state as i32).to_vec() },
        ..GetApplicationsRequest::default()
    }
}

/// An application as scripts read it; `status` prints the same object.
pub fn json_of(application: &Application) -> Value {
    json!({
        "id": application.id.to_string(),
        "name": application.name,
        "type": application.kind,
        "user": application.user,
        "queue": application.queue,
        "tags": application.tags,
        "priority": application.priority,
        "state": application.state.name(),
        "outcome": application.outcome.map(outcome),
        "exit_code": application.outcome.map(|outcome| outcome.exit_code()),
        "progress": application.progress,
        "diagnostics": application.diagnostics,
        "tracking_url": application.tracking_url,
        "started_ms": application.started_ms,
        "finished_ms": application.finished_ms,
        "attempt": application.attempt,
        "containers": application.containers,
        "memory_mib": application.memory_mib,
        "cores": application.cores,
    })
}

/// The word for an outcome.
pub fn outcome(outcome: bobbin::yarn::Outcome) -> &'static str {
    match outcome {
        bobbin::yarn::Outcome::Succeeded => "SUCCEEDED",
        bobbin::yarn::Outcome::Failed(_) => "FAILED",
        bobbin::yarn::Outcome::Killed => "KILLED",
    }
}

fn table(sessions: &[machine::Row], applications: &[Application], width: Option<u16>) -> String {
    let of_application = |application: &Application| {
        let state = application.outcome.map_or(application.state.name(), outcome);
        [
            application.id.to_string(),
            application.name.clone(),
            application.user.clone(),
            application.queue.clone(),
            state.to_owned(),
            units::date(application.started_ms),
            application.containers.to_string(),
            units::bytes(application.memory_mib << 20),
        ]
    };
    let rows: Vec<_> = sessions.iter().map(machine::columns).chain(applications.iter().map(of_application)).collect();
    listing::lines(COLUMNS, &rows, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bobbin::yarn::{Outcome, State};
    use hadoop_wire::names::ApplicationId;

    fn application() -> Application {
        Application {
            id: ApplicationId { cluster_timestamp: 1_700_000_000_000, sequence: 7 },
            name: "count".to_owned(),
            kind: "bobbin".to_owned(),
            user: "alice".to_owned(),
            queue: "default".to_owned(),
            tags: Vec::new(),
            priority: 0,
            state: State::Finished,
            outcome: Some(Outcome::Failed(Some(3))),
            progress: 0.5,
            diagnostics: "exit=3".to_owned(),
            master: None,
            tracking_url: String::new(),
            started_ms: 1_700_000_000_000,
            finished_ms: 0,
            containers: 2,
            memory_mib: 1536,
            cores: 3,
            attempt: 1,
            aggregation: None,
        }
    }

    #[test]
    fn the_list_is_for_reading() {
        let expected = [
            " APPLICATION                     NAME   USER   QUEUE    STATE   STARTED               CONTAINERS   MEMORY",
            " application_1700000000000_0007  count  alice  default  FAILED  2023-11-14 22:13:20Z           2  1.5 GiB",
        ]
        .join("\n");
        assert_eq!(table(&[], &[application()], None), expected);
        assert!(table(&[], &[application()], Some(60)).lines().all(|line| line.chars().count() <= 60));
        let narrow = table(&[], &[application()], Some(30));
        assert!(narrow.contains("application_1700000000000_0007") && narrow.contains("FAILED"), "{narrow}");
    }

    #[test]
    fn scripts_get_the_exit_code() {
        let object = json_of(&application());
        assert_eq!((&object["state"], &object["outcome"]), (&json!("FINISHED"), &json!("FAILED")));
        assert_eq!(object["exit_code"], json!(3));
    }
}
