//! A query in an application of its own on the cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use bobbin::Session;
use bobbin::yarn::{self, Cluster, Goal, LAUNCH_COMMAND, Submitted};
use bobbin_appmaster::spec::ExpectedWork;
use bobbin_engine::Query;

use super::super::{submission, wait};
use super::answer::{Asked, check_output};
use super::attempts::Attempts;
use super::parts;
use super::script::Script;
use super::{END_LIMIT, cluster_base, hdfs_reader, now_ms, planner};
use crate::args::{Format, SqlArgs, WriteMode};
use crate::exit::{Exit, Failure};
use crate::interrupt::Guarded;
use crate::output::Target;
use crate::place::Place;
use crate::progress::Display;
use crate::request::{self, Wish};
use crate::statistics::{self, Times};
use crate::{cluster, terminal};

/// Attempts of the application master where the user said nothing.
const ATTEMPTS: u32 = 2;
/// How long the driver waits for HDFS after its answer; the next sweep removes what is left.
const CLEAN_LIMIT: Duration = Duration::from_secs(3);
/// Characters of the query that make the application's name.
const NAME_LENGTH: usize = 60;

/// Submits an application, runs the query in it, and ends it. The query is planned first: what is wrong with it or with
/// its input is said before anything is uploaded.
pub async fn run(
    args: &SqlArgs,
    script: &Script,
    explicit: bool,
    guarded: &Guarded,
    started_ms: u64,
) -> Result<Exit, Failure> {
    let wish =
        Wish { name: name_of(&script.text), max_attempts: ATTEMPTS, command: None, program: None, isolation: None };
    let mut request = request::request(&args.submit, &args.common, wish)?;
    if args.submit.dry_run {
        return Ok(submission::dry_run(&request, &cluster::user()?));
    }
    if let Some(local) = script.targets().find(|path| bobbin_engine::scheme(path).is_none_or(|scheme| scheme == "file"))
    {
        let message = format!(
            "copy to {local}: workers on the cluster cannot write to this machine; name a directory on HDFS (hdfs://…)"
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let cluster = cluster::cluster(&args.common)?;
    let reader = hdfs_reader(cluster::configuration(&args.common)?, cluster.user())?;
    let planner = planner(args, reader.clone(), cluster_base(explicit, cluster.home_url()));
    let display = Display::new(&args.common);
    display.say("planning");
    let output = parts::requested(args, Place::Cluster { explicit })?;
    if output.is_none() {
        Target::new(args.output.as_deref()).check(&reader).await?;
    }
    let mut remaining = script.start(&planner, args.common.quiet, output);
    let Some(mut work) = remaining.next().await? else { return Ok(Exit::Code(0)) };
    if let Some(spec) = work.request.output() {
        check_output(&reader, spec).await?;
    }
    request.expected = Some(expected(&work.plan));
    let submitted = submission::submit(&cluster, &request, guarded, &display).await?;
    let submitted_ms = now_ms();
    let asked = Asked { args, display: &display, unfinished: guarded.output() };
    let mut attempts = Attempts::new(&cluster, &submitted, asked);
    let (session, outcome) = loop {
        match attempts.answer(&planner, &work).await {
            Ok((session, Ok(answered))) => {
                let summary = answered.summary.clone();
                remaining.done(answered);
                match remaining.next().await {
                    Ok(Some(next)) => work = next,
                    Ok(None) => break (session, Ok(summary)),
                    Err(failure) => break (session, Err(failure)),
                }
            }
            Ok((session, Err(failure))) => break (session, Err(failure)),
            Err(failure) => {
                give_up(&cluster, &submitted).await;
                return Err(failure);
            }
        }
    };
    let times = Times { started_ms, submitted_ms, answered_ms: now_ms() };
    end(&cluster, &submitted, &session, outcome.as_ref().err()).await;
    guarded.release();
    if !args.common.quiet {
        let id = submitted.id.to_string();
        match &outcome {
            Ok(summary) => statistics::lines(&id, summary, times).iter().for_each(terminal::note),
            Err(_) => terminal::note(format_args!("its output: yarn-submit logs {id}")),
        }
    }
    outcome.map(|_| Exit::Code(0))
}

/// Ends the application and waits until the ResourceManager knows; what the query gave is not changed by it.
pub async fn end(cluster: &Cluster, submitted: &Submitted, session: &Session, failure: Option<&Failure>) {
    match failure {
        None => session.finish(true, "the query succeeded; exit=0").await,
        Some(failure) => session.finish(false, format!("{failure}; exit={}", failure.exit().code())).await,
    }
    let ended = yarn::wait_until(cluster, submitted.id, Goal::Ended, Some(END_LIMIT), &mut |_| {}).await;
    if ended.is_err() {
        give_up(cluster, submitted).await;
    } else {
        clean(cluster, submitted).await;
    }
}

/// The driver is about to go, and nobody else will: the application must not outlive it.
pub async fn give_up(cluster: &Cluster, submitted: &Submitted) {
    // What the user has to hear is why; the next sweep removes what this leaves.
    let _ = yarn::kill(cluster, submitted.id, "its driver has ended").await;
    clean(cluster, submitted).await;
}

/// Removes what the application master has left, if it had no time to. HDFS may be the very thing that has failed.
async fn clean(cluster: &Cluster, submitted: &Submitted) {
    let _ = tokio::time::timeout(CLEAN_LIMIT, yarn::clean(cluster, submitted.id)).await;
}

/// Submits an application whose driver stays here, for this work and what may follow it.
pub async fn submit_for(
    args: &SqlArgs,
    name: &str,
    first: &Query,
    (cluster, guarded, display): (&Cluster, &Guarded, &Display),
) -> Result<Submitted, Failure> {
    let wish = Wish { name: name.to_owned(), max_attempts: ATTEMPTS, command: None, program: None, isolation: None };
    let mut request = request::request(&args.submit, &args.common, wish)?;
    request.expected = Some(expected(first));
    submission::submit(cluster, &request, guarded, display).await
}

/// Submits the query as the command of an application: the driver runs in the application master's container.
pub async fn submit_driver(
    args: &SqlArgs,
    script: &Script,
    explicit: bool,
    guarded: &Guarded,
) -> Result<Exit, Failure> {
    let cluster = cluster::cluster(&args.common)?;
    let output = args.output.as_deref().map(|path| output_url(path, &cluster)).transpose()?;
    let command = driver_command(args, script, explicit, output.as_deref());
    let wish =
        Wish { name: name_of(&script.text), max_attempts: 1, command: Some(command), program: None, isolation: None };
    let mut request = request::request(&args.submit, &args.common, wish)?;
    if args.submit.dry_run {
        return Ok(submission::dry_run(&request, cluster.user()));
    }
    let reader = hdfs_reader(cluster::configuration(&args.common)?, cluster.user())?;
    let output_spec = parts::requested(args, Place::Cluster { explicit })?;
    if output_spec.is_none() {
        Target::new(output.as_deref()).check(&reader).await?;
    }
    let planner = planner(args, reader, cluster_base(explicit, cluster.home_url()));
    if let Some(work) = script.start(&planner, true, output_spec).next().await? {
        request.expected = Some(expected(&work.plan));
    }
    let display = Display::new(&args.common);
    let submitted = submission::submit(&cluster, &request, guarded, &display).await?;
    if args.submit.no_wait {
        guarded.release();
        display.clear();
        terminal::say(submitted.id);
        submitted.sweep.settle().await;
        return Ok(Exit::Code(0));
    }
    display.tell(&format!("{id}: submitted; its output: yarn-submit logs {id}", id = submitted.id));
    let exit = wait::until_end(&cluster, submitted.id, &display).await?;
    guarded.release();
    let _ = yarn::clean(&cluster, submitted.id).await;
    Ok(exit)
}

/// The same executable, told to join the application that it finds itself in.
fn driver_command(args: &SqlArgs, script: &Script, explicit: bool, output: Option<&str>) -> Vec<String> {
    let program = LAUNCH_COMMAND.split(' ').next().unwrap_or_default();
    let mut words: Vec<String> = [program, "sql", "--split-size"].map(str::to_owned).into();
    words.push(args.split_size.0.to_string());
    if explicit {
        words.push("--master=yarn".to_owned());
    }
    if let Some(format) = args.format {
        words.push(format!("--format={}", format_name(format)));
    }
    words.extend(output.map(|url| format!("--output={url}")));
    words.extend(part_options(args));
    if args.analyze {
        words.push("--analyze".to_owned());
    }
    words.push("--".to_owned());
    words.push(script.text.clone());
    words
}

/// The options about part files, as words.
fn part_options(args: &SqlArgs) -> Vec<String> {
    let mut words = Vec::new();
    match args.mode {
        WriteMode::Error => {}
        WriteMode::Overwrite => words.push("--mode=overwrite".to_owned()),
        WriteMode::Append => words.push("--mode=append".to_owned()),
    }
    if !args.partition_by.is_empty() {
        words.push(format!("--partition-by={}", args.partition_by.join(",")));
    }
    words.extend(args.compression.iter().map(|name| format!("--compression={name}")));
    if args.single_file {
        words.push("--single-file".to_owned());
    }
    words
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::Table => "table",
        Format::Csv => "csv",
        Format::Json => "json",
        Format::Arrow => "arrow",
        Format::Parquet => "parquet",
    }
}

/// A container's own files go away with it: a path without a scheme is on the default file system.
fn output_url(path: &str, cluster: &Cluster) -> Result<String, Failure> {
    if path.starts_with("file:") {
        let message = format!(
            "--output {path}: the driver will be in a container, whose own files nobody finds; write to HDFS, or use --deploy-mode client"
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(if path.contains("://") || path.starts_with("hdfs:/") {
        path.to_owned()
    } else if path.starts_with('/') {
        cluster.hdfs().file_system().at(path).to_string()
    } else {
        format!("{}/{path}", cluster.home_url())
    })
}

/// What a plan reads: the tasks that have places, and the hosts that hold them, most first.
fn expected(plan: &Query) -> ExpectedWork {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut tasks = 0;
    for task in plan.stages.iter().flat_map(|stage| &stage.tasks).filter(|task| !task.places.is_empty()) {
        tasks += 1;
        for host in &task.places {
            *counts.entry(host).or_default() += 1;
        }
    }
    let mut places: Vec<(String, u32)> = counts.into_iter().map(|(host, count)| (host.to_owned(), count)).collect();
    places.sort_by(|(host, count), (other_host, other)| other.cmp(count).then(host.cmp(other_host)));
    ExpectedWork { tasks, places }
}

/// The beginning of the query, on one line.
fn name_of(query: &str) -> String {
    let line = query.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut name: String = line.chars().take(NAME_LENGTH).collect();
    if name.len() < line.len() {
        name.push('…');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_named_after_its_query() {
        assert_eq!(name_of("SELECT  1\n FROM x"), "SELECT 1 FROM x");
        assert_eq!(name_of(&"größe ".repeat(20)).chars().count(), NAME_LENGTH + 1);
    }
}
