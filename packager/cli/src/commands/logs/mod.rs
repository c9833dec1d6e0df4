//! `logs`: what an application's containers printed. Collected logs are read from HDFS; while the application runs, and
//! where nothing is collected, the NodeManagers are asked.

mod aggregated;
mod node_managers;
mod numbers;
mod printer;
mod selection;
mod unwrap;

use std::time::Duration;

use bobbin::yarn::{self, Aggregation, Application, Cluster, WatchError};
use hadoop_wire::config::{Configuration, defaults};
use hadoop_wire::names::ApplicationId;
use tokio::time::Instant;

use super::session::machine;
use crate::args::LogsArgs;
use crate::exit::{Exit, Failure};
use crate::{cluster, terminal};
use printer::Printer;
use selection::Selection;

/// Key that makes NodeManagers collect logs.
const AGGREGATION_KEY: &str = "yarn.log-aggregation-enable";

/// Runs the subcommand.
pub async fn run(args: LogsArgs) -> Result<Exit, Failure> {
    if let Some(place) = machine::named(&args.application) {
        return machine::print_log(&args, &place?);
    }
    let id = cluster::application(&args.application)?;
    let configuration = cluster::configuration(&args.common)?;
    let cluster = cluster::cluster(&args.common)?;
    let selection = Selection { container: args.container.clone(), log: args.log.clone() };
    let printer = Printer::new(selection.is_single(), args.tail.map(|size| size.0));
    let report = match yarn::report(&cluster, id).await {
        Ok(application) => Some(application),
        // Its logs may be on HDFS for long after the ResourceManager has forgotten it.
        Err(WatchError::Unknown(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let is_collected = is_collected(report.as_ref(), &configuration);
    let found = match &report {
        Some(application) if !application.state.is_ended() => {
            node_managers::print(&cluster, application, &selection, &printer).await?
        }
        Some(application) if !is_collected => node_managers::print(&cluster, application, &selection, &printer).await?,
        _ => {
            let aggregation = settle(&cluster, id, report.as_ref(), args.log_timeout.0).await?;
            let user = report.as_ref().map_or(cluster.user(), |application| &application.user).to_owned();
            let found = aggregated::print(&cluster, &configuration, (id, &user), &selection, &printer).await?;
            if aggregation == Some(Aggregation::Failed) {
                terminal::note(format_args!(
                    "yarn-submit: some nodes could not deliver their logs of {id}, or took too long; what they printed may be missing here (see the logs of their NodeManagers)"
                ));
            }
            if aggregation == Some(Aggregation::Pending) {
                let seconds = args.log_timeout.0.as_secs();
                terminal::note(format_args!(
                    "yarn-submit: after {seconds} s some nodes have not yet delivered their logs of {id}; run this again later for the rest, or raise --log-timeout"
                ));
            }
            found
        }
    };
    if found == 0 {
        return Err(nothing(id, report.as_ref(), &selection, is_collected));
    }
    Ok(Exit::Code(0))
}

fn is_collected(report: Option<&Application>, configuration: &Configuration) -> bool {
    match report.and_then(|application| application.aggregation) {
        Some(Aggregation::Disabled) => false,
        Some(Aggregation::Pending | Aggregation::Finished | Aggregation::Failed) => true,
        None => configuration.get_bool(AGGREGATION_KEY, defaults::LOG_AGGREGATION).unwrap_or(true),
    }
}

/// Waits until all nodes have delivered, or cannot; how far it has come in time.
async fn settle(
    cluster: &Cluster,
    id: ApplicationId,
    report: Option<&Application>,
    limit: Duration,
) -> Result<Option<Aggregation>, Failure> {
    let Some(mut application) = report.cloned() else { return Ok(None) };
    let began = Instant::now();
    let mut pause = Duration::from_millis(100);
    while matches!(application.aggregation, Some(Aggregation::Pending)) {
        if began.elapsed() > limit {
            break;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_secs(2));
        application = yarn::report(cluster, id).await?;
    }
    Ok(application.aggregation)
}

fn nothing(id: ApplicationId, report: Option<&Application>, selection: &Selection, is_collected: bool) -> Failure {
    let what = selection.describe();
    let why = match report {
        Some(application) if application.state.is_ended() && !selection.is_everything() => {
            "nothing of this name is there; leave the option out to see what is"
        }
        None => "the ResourceManager does not know the application, and HDFS holds nothing of it",
        Some(application) if !application.state.is_ended() => "its containers have not printed anything yet",
        Some(_) if is_collected => {
            "HDFS holds nothing of it: either no container was started, or the logs have expired (yarn.log-aggregation.retain-seconds)"
        }
        Some(_) => {
            "logs are not collected (yarn.log-aggregation-enable is false), and the nodes have deleted theirs (yarn.nodemanager.log.retain-seconds) or have restarted"
        }
    };
    Failure::new(Exit::Input, format!("no {what} in {id}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_decides_where_the_report_is_silent() {
        let configuration = |value: &str| Configuration::from_map([(AGGREGATION_KEY.to_owned(), value.to_owned())]);
        assert!(is_collected(None, &configuration("true")));
        assert!(!is_collected(None, &configuration("false")));
        assert!(!is_collected(None, &Configuration::default()));
    }
}
