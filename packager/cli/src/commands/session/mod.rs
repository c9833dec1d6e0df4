//! `session`: applications that stay, so that queries and programs find them ready: on YARN, or on this machine.

pub mod machine;
mod yarn;

use bobbin::{Membership, NoSession, Side, Whereabouts};
use serde_json::Value;

use crate::args::{CommonArgs, DeployMode, Master, SessionAction, SessionArgs, SubmitArgs};
use crate::exit::{Exit, Failure};
use crate::progress::Display;
use crate::{cluster, terminal};

/// Runs the subcommand.
pub async fn run(args: SessionArgs) -> Result<Exit, Failure> {
    refuse_of_others(&args)?;
    let usage = |message: String| Err(Failure::new(Exit::Usage, message));
    match (args.action, args.session_name.clone()) {
        (SessionAction::Start, Some(name)) => match args.submit.master {
            Some(Master::Local(threads)) => machine::start(&args, &name, threads).await,
            Some(Master::Yarn) | None => yarn::start(&args, &name).await,
        },
        (SessionAction::Stop, Some(name)) => stop(&args, &name).await,
        (SessionAction::List, None) => list(&args).await,
        (SessionAction::List, Some(name)) => usage(format!("session list takes no name, and was given {name:?}")),
        (SessionAction::Start, None) => usage("name the session: yarn-submit session start NAME".to_owned()),
        (SessionAction::Stop, None) => usage("name the session: yarn-submit session stop NAME".to_owned()),
    }
}

/// Refuses options that only other actions take.
fn refuse_of_others(args: &SessionArgs) -> Result<(), Failure> {
    let (action, taken): (_, &[&str]) = match args.action {
        SessionAction::Start if args.json => {
            return Err(Failure::new(Exit::Usage, "--json: session start prints the application's id; leave it out"));
        }
        SessionAction::Start => return Ok(()),
        SessionAction::List => ("list", &["master", "json", "config", "conf", "quiet", "verbose"]),
        SessionAction::Stop => ("stop", &["master", "config", "conf", "quiet", "verbose"]),
    };
    match args.submit.given.iter().find(|option| !taken.contains(&option.as_str())) {
        Some(option) => {
            let message = format!("--{option}: session {action} has no use for it; leave it out");
            Err(Failure::new(Exit::Usage, message))
        }
        None => Ok(()),
    }
}

/// Refuses what a driver of a session would leave undone: it submits nothing, and has the workers that are there.
pub fn refuse_beside(submit: &SubmitArgs) -> Result<(), Failure> {
    let usage = |message: String| Err(Failure::new(Exit::Usage, message));
    let undone = submit.given.iter().find_map(|option| match option.as_str() {
        "no-wait" => Some("--no-wait"),
        "deploy-mode" if submit.deploy_mode == Some(DeployMode::Cluster) => Some("--deploy-mode cluster"),
        _ => None,
    });
    // Whoever has said so wherever, wants nothing done.
    if let Some(option) = submit.dry_run.then_some("--dry-run").or(undone) {
        return usage(format!(
            "{option}: nothing is submitted with {}; {}",
            session_of(submit),
            without_session(submit)
        ));
    }
    if let (true, Some(Master::Local(Some(threads)))) = (is_given(submit, "master"), submit.master) {
        return usage(format!(
            "--master local[{threads}]: the session decides how many threads it has; write --master local with {}",
            session_of(submit)
        ));
    }
    let decided = |option: &&String| DECIDED.contains(&option.as_str());
    match submit.given.iter().find(decided) {
        Some(option) => usage(format!(
            "--{option}: the session decides it; give it to yarn-submit session start, or {}",
            without_session(submit)
        )),
        None => Ok(()),
    }
}

/// What names the session.
fn session_of(submit: &SubmitArgs) -> &str {
    submit.origins.get("session").map_or("--session", String::as_str)
}

/// How to do without the session that is named.
pub fn without_session(submit: &SubmitArgs) -> String {
    match submit.origins.get("session") {
        Some(origin) => format!("do without {origin}, which names the session"),
        None => "leave out --session".to_owned(),
    }
}

/// Options of `session start` that nobody can change for a session that runs.
const DECIDED: [&str; 18] = [
    "queue",
    "name",
    "tags",
    "priority",
    "node-label",
    "max-attempts",
    "idle-timeout",
    "port-range",
    "workers",
    "worker-cores",
    "worker-memory",
    "worker-resources",
    "master-memory",
    "env",
    "files",
    "archives",
    "env-var",
    "public-cache",
];

fn is_given(submit: &SubmitArgs, option: &str) -> bool {
    submit.given.iter().any(|given| given == option)
}

/// Where the session of this name is: where `--master` says or, when it says nothing, on this machine if it is there.
pub async fn whereabouts(submit: &SubmitArgs, name: &str) -> Result<Whereabouts, Failure> {
    let side = submit.master.map(|master| match master {
        Master::Local(_) => Side::Machine,
        Master::Yarn => Side::Cluster,
    });
    bobbin::whereabouts(side, name).await.map_err(|error| named_by(submit, error.into()))
}

/// What a driver needs to join the session of this name on YARN; it is not on this machine for this reason.
pub async fn join(
    (submit, common): (&SubmitArgs, &CommonArgs),
    name: &str,
    not_here: Option<&str>,
) -> Result<Box<Membership>, Failure> {
    let joining = async {
        let cluster = named_cluster(common, name, not_here)?;
        Ok(bobbin::join_on_yarn(&cluster, name, not_here).await?)
    };
    joining.await.map_err(|failure| named_by(submit, failure))
}

/// The failure and, where the session's name stands in a layer below the command line, which one that is.
fn named_by(submit: &SubmitArgs, failure: Failure) -> Failure {
    match submit.origins.get("session") {
        Some(origin) => Failure::new(failure.exit(), format!("{origin}: {failure}")),
        None => failure,
    }
}

/// The cluster, on which the session of this name has to be when it is not on this machine.
fn named_cluster(common: &CommonArgs, name: &str, not_here: Option<&str>) -> Result<bobbin::yarn::Cluster, Failure> {
    match (cluster::if_configured(common)?, not_here) {
        (Some(cluster), _) => Ok(cluster),
        (None, None) => cluster::cluster(common),
        (None, Some(not_here)) => {
            Err(NoSession::Nowhere { name: name.to_owned(), not_here: not_here.to_owned() }.into())
        }
    }
}

async fn stop(args: &SessionArgs, name: &str) -> Result<Exit, Failure> {
    match whereabouts(&args.submit, name).await? {
        Whereabouts::Machine(place) => machine::stop(args, &place).await,
        Whereabouts::Cluster { not_here } => {
            let cluster = named_cluster(&args.common, name, not_here.as_deref())?;
            yarn::stop(args, &cluster, name).await.map_err(|failure| match not_here {
                Some(reason) => Failure::new(failure.exit(), format!("{failure} ({reason})")),
                None => failure,
            })
        }
    }
}

/// Lists those of this machine at once, and those of YARN, where there is a configuration, when YARN has answered.
async fn list(args: &SessionArgs) -> Result<Exit, Failure> {
    let here = if args.submit.master == Some(Master::Yarn) { Vec::new() } else { machine::rows().await? };
    if !args.json && !here.is_empty() {
        terminal::say(machine::table(&here));
    }
    let (there, failure) = match on_yarn(args).await {
        Ok(there) => (there, None),
        Err(failure) if here.is_empty() => return Err(failure),
        Err(failure) => (Vec::new(), Some(failure)),
    };
    if args.json {
        let rows = here.iter().map(machine::json_of_row).chain(there.iter().map(yarn::json_of));
        terminal::say(format_args!("{:#}", Value::from(rows.collect::<Vec<_>>())));
    } else if !there.is_empty() {
        let gap = if here.is_empty() { "" } else { "\n" };
        terminal::say(format_args!("{gap}{}", yarn::table(there)));
    } else if here.is_empty() {
        terminal::note("no sessions (yarn-submit session start NAME)");
    }
    match failure {
        Some(failure) => {
            terminal::note(format_args!("yarn-submit: those on YARN are not listed: {failure}"));
            Ok(failure.exit())
        }
        None => Ok(Exit::Code(0)),
    }
}

async fn on_yarn(args: &SessionArgs) -> Result<Vec<yarn::Row>, Failure> {
    let cluster = match args.submit.master {
        Some(Master::Local(_)) => None,
        Some(Master::Yarn) => Some(cluster::cluster(&args.common)?),
        None => cluster::if_configured(&args.common)?,
    };
    let Some(cluster) = cluster else { return Ok(Vec::new()) };
    let display = Display::new(&args.common);
    let rows = yarn::rows(&cluster, &display).await;
    display.clear();
    rows
}

impl From<NoSession> for Failure {
    fn from(error: NoSession) -> Self {
        Failure::of(Exit::Code(error.exit_code()), &error)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Args;

    use super::*;
    use crate::args::{Command, Surroundings, parse};

    /// The options of submitting that `check` lets through when they stand on the command line.
    fn let_through(check: impl Fn(&SubmitArgs) -> Result<(), Failure>) -> BTreeSet<String> {
        let words = ["yarn-submit", "session", "list"].map(Into::into);
        let Command::Session(args) = parse(&words, &Surroundings::default()).unwrap().command else { panic!() };
        let command = SubmitArgs::augment_args(clap::Command::new("options"));
        let names = command.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned);
        let alone = |name: &String| SubmitArgs { given: vec![name.clone()], ..args.submit.clone() };
        names.filter(|name| check(&alone(name)).is_ok()).collect()
    }

    #[test]
    fn every_option_is_honoured_or_refused() {
        // `--dry-run` and `--deploy-mode cluster` are refused by what they say.
        let beside = ["deploy-mode", "dry-run", "master", "wait"];
        assert_eq!(let_through(refuse_beside), beside.map(str::to_owned).into());
        let there: BTreeSet<String> = let_through(yarn::refuse);
        assert!(!there.contains("no-wait") && !there.contains("deploy-mode") && there.contains("workers"), "{there:?}");
        let here = ["dry-run", "env-var", "idle-timeout", "master", "wait", "worker-memory", "worker-resources"];
        assert_eq!(let_through(machine::refuse), here.map(str::to_owned).into());
    }
}
