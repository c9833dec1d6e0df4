//! `run`: a command beside the workers, in the application master's container or on this machine.

mod client;

use bobbin::Whereabouts;
use bobbin::yarn::{self, Cluster, Request};

use super::{session, submission, wait};
use crate::args::{DeployMode, Master, RunArgs, SubmitArgs};
use crate::exit::{Exit, Failure};
use crate::interrupt::{Guarded, interruptible};
use crate::progress::Display;
use crate::request::{self, Wish};
use crate::{cluster, terminal};

/// Runs the subcommand.
pub async fn run(args: RunArgs) -> Result<Exit, Failure> {
    if let Some(name) = &args.session {
        return with_session(&args, name).await;
    }
    let mode = args.submit.deploy_mode.unwrap_or(DeployMode::Cluster);
    let is_local = matches!(args.submit.master, Some(Master::Local(_)));
    let command = match &args.bin {
        None => args.command.clone(),
        Some(program) => {
            yarn::check_executable(program).map_err(|error| Failure::of(Exit::Input, &error))?;
            // Where it runs: in a container it lies in the working directory.
            let on_cluster = mode == DeployMode::Cluster && !is_local;
            let path = if on_cluster { format!("./{}", yarn::program_link(program)) } else { here(program) };
            [vec![path], args.command.clone()].concat()
        }
    };
    if is_local {
        refuse_here(&args.submit)?;
    }
    let wish = Wish {
        name: program_name(&command),
        max_attempts: 1,
        command: (mode == DeployMode::Cluster).then(|| command.clone()),
        program: args.bin.clone(),
        isolation: args.isolation,
    };
    let request = request::request(&args.submit, &args.common, wish)?;
    if args.submit.dry_run {
        return Ok(submission::dry_run(&request, &cluster::user()?));
    }
    if let Some(refusal) = not_unpacked_here(&request, mode, args.submit.master.as_ref()) {
        return Err(Failure::new(Exit::Usage, refusal));
    }
    let guarded = Guarded::default();
    if let Some(Master::Local(threads)) = args.submit.master {
        return interruptible(&guarded, client::run_locally(&command, &request, threads)).await;
    }
    if mode == DeployMode::Client && args.submit.no_wait {
        return Err(Failure::new(
            Exit::Usage,
            "--no-wait: a command on this machine has to be waited for; leave it out, or use --deploy-mode cluster",
        ));
    }
    let cluster = cluster::wanted(&args.common)?;
    let display = Display::new(&args.common);
    match mode {
        DeployMode::Client => {
            let work = client::run_beside(&cluster, &request, &command, &guarded, &display);
            interruptible(&guarded, work).await
        }
        DeployMode::Cluster => {
            let work = in_container(&cluster, &request, &guarded, &display, args.submit.no_wait);
            interruptible(&guarded, work).await
        }
    }
}

/// Runs the command here, as a driver of a session that stays.
async fn with_session(args: &RunArgs, name: &str) -> Result<Exit, Failure> {
    session::refuse_beside(&args.submit)?;
    if args.bin.is_some() {
        let message = format!(
            "--bin: the command runs on this machine, with the workers that the session {name:?} has; start the session with the \
             program (session start --bin) and give it here as the command, behind --, or {}",
            session::without_session(&args.submit)
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let guarded = Guarded::in_session(Some(name));
    match session::whereabouts(&args.submit, name).await? {
        Whereabouts::Machine(place) => interruptible(&guarded, client::run_on_machine(&place, args)).await,
        Whereabouts::Cluster { not_here } => {
            let application = session::join((&args.submit, &args.common), name, not_here.as_deref()).await?;
            let cluster = cluster::cluster(&args.common)?;
            interruptible(&guarded, client::run_in_session(&cluster, &application, args)).await
        }
    }
}

/// Refuses what a command that runs here, with its worker in its own process, would miss.
fn refuse_here(submit: &SubmitArgs) -> Result<(), Failure> {
    session::machine::refuse(submit)?;
    let reason = |option: &str| match option {
        "idle-timeout" => Some("the command ends when it has done its work"),
        "worker-memory" => Some("the worker is in the command's own process, which has the memory of this machine"),
        _ => None,
    };
    match submit.given.iter().find_map(|option| Some((option, reason(option)?))) {
        Some((option, reason)) => {
            let message = format!("--{option}: {reason}; leave it out, or use --master yarn");
            Err(Failure::new(Exit::Usage, message))
        }
        None => Ok(()),
    }
}

/// What was asked for and would be missed: only YARN unpacks and places files, where containers run.
fn not_unpacked_here(request: &Request, mode: DeployMode, master: Option<&Master>) -> Option<String> {
    let is_local = matches!(master, Some(Master::Local(_)));
    if request.environment.is_some() && (is_local || mode == DeployMode::Client) {
        let other = if is_local { "--master yarn" } else { "--deploy-mode cluster" };
        return Some(format!(
            "--env: a command on this machine does not get the packed environment; activate one here, or use {other}"
        ));
    }
    let way = "name them by their paths on this machine, or use --master yarn";
    (is_local && !request.resources.is_empty())
        .then(|| format!("--files, --archives: a command on this machine does not get them; {way}"))
}

async fn in_container(
    cluster: &Cluster,
    request: &Request,
    guarded: &Guarded,
    display: &Display,
    detached: bool,
) -> Result<Exit, Failure> {
    let submitted = submission::submit(cluster, request, guarded, display).await?;
    if detached {
        guarded.release();
        display.clear();
        terminal::say(submitted.id);
        submitted.sweep.settle().await;
        return Ok(Exit::Code(0));
    }
    // Whatever comes of it, this is how to ask for it later.
    display.tell(&format!("{id}: submitted; its output: yarn-submit logs {id}", id = submitted.id));
    let exit = wait::until_end(cluster, submitted.id, display).await?;
    guarded.release();
    // The application master has cleaned up, unless it was killed.
    let _ = yarn::clean(cluster, submitted.id).await;
    Ok(exit)
}

/// A path that no search among the directories of PATH is made for.
fn here(program: &std::path::Path) -> String {
    let text = program.display().to_string();
    if text.contains('/') { text } else { format!("./{text}") }
}

/// The last part of the program's path.
fn program_name(command: &[String]) -> String {
    let program = command.first().map(String::as_str).unwrap_or_default();
    let name = program.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if name.is_empty() { "run".to_owned() } else { name.to_owned() }
}
