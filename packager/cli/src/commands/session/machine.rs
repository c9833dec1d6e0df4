//! Sessions on this machine: processes in the background that `session`, `apps`, `status`, `logs` and `kill` find by their
//! sockets. Among applications they are called `local-NAME`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use bobbin::machine::{self, Directory, MachineError, Means, Place, SessionStatus, Started, State, Wanted};
use bobbin::{Amount, yarn};
use serde_json::{Value, json};

use super::is_given;
use crate::args::{ApplicationArgs, LogsArgs, SessionArgs, SubmitArgs};
use crate::exit::{Exit, Failure};
use crate::listing::{self, Column};
use crate::{cluster, log, request, terminal, units};

/// What such a session is called among applications, before its name.
const PREFIX: &str = "local-";

const COLUMNS: [Column; 10] = [
    Column::text("SESSION", 0),
    Column::text("APPLICATION", 1),
    Column::text("STATE", 0),
    Column::number("PROCESS", 7),
    Column::text("STARTED", 5),
    Column::number("WORKERS", 9),
    Column::number("THREADS", 8),
    Column::number("DRIVERS", 2),
    Column::number("JOBS", 3),
    Column::text("IDLE SINCE", 4),
];

/// A session that answers.
pub struct Row {
    place: Place,
    status: SessionStatus,
}

/// Starts a session; it goes on in the background.
pub async fn start(args: &SessionArgs, name: &str, threads: Option<u32>) -> Result<Exit, Failure> {
    refuse(&args.submit)?;
    let program = match &args.bin {
        Some(program) => {
            yarn::check_executable(program).map_err(|error| Failure::of(Exit::Input, &error))?;
            std::path::absolute(program)
        }
        None => std::env::current_exe(),
    };
    let program = program.map_err(|error| Failure::new(Exit::Input, format!("find the executable: {error}")))?;
    let submit = &args.submit;
    let memory = is_given(submit, "worker-memory").then_some(submit.worker_memory.mebibytes << 20);
    let means = Means {
        threads,
        memory_bytes: memory,
        resources: Amount::pairs(&submit.worker_resources),
        idle_limit_ms: u64::try_from(submit.idle_timeout.0.as_millis()).unwrap_or(u64::MAX),
        properties: args.common.conf.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect(),
        log_filter: log::filter(&args.common).map(str::to_owned),
    };
    let variables: BTreeMap<String, String> = request::variables(&submit.env_var, args.isolation)?;
    let wanted = Wanted { name: name.to_owned(), program, variables, means };
    if submit.dry_run {
        let what = json!({
            "session": name, "program": wanted.program, "threads": threads, "memory_bytes": memory,
            "idle_timeout_ms": wanted.means.idle_limit_ms, "variables": wanted.variables,
            "socket": Directory::of_user().place(name)?.socket(),
        });
        terminal::say(format_args!("{what:#}"));
        return Ok(Exit::Code(0));
    }
    let Started { place, follows_dead } = machine::start(&wanted).await?;
    if follows_dead && !args.common.quiet {
        terminal::note(format_args!(
            "yarn-submit: an earlier session {name:?} had been killed; what it left is removed"
        ));
    }
    terminal::say(place.id());
    Ok(Exit::Code(0))
}

/// Refuses what only YARN can do, for sessions on this machine and for commands that run here with workers of their own.
pub fn refuse(submit: &SubmitArgs) -> Result<(), Failure> {
    for option in &submit.given {
        let reason = match option.as_str() {
            "workers" | "worker-cores" => {
                "on this machine one process is the worker; say how many tasks it runs at once with --master local[N], and give \
                 functions processes of their own with --isolation process"
            }
            "env" => {
                "on this machine nobody gets a packed environment; activate one, and start it there, or use --master yarn"
            }
            "files" | "archives" => {
                "on this machine nobody gets copies of files; name them by their paths, or use --master yarn"
            }
            "deploy-mode" | "no-wait" | "queue" | "name" | "tags" | "priority" | "node-label" | "max-attempts"
            | "port-range" | "master-memory" | "public-cache" => {
                "only YARN does that; leave it out, or use --master yarn"
            }
            _ => continue,
        };
        return Err(Failure::new(Exit::Usage, format!("--{option}: {reason}")));
    }
    Ok(())
}

/// Ends a session in order.
pub async fn stop(args: &SessionArgs, place: &Place) -> Result<Exit, Failure> {
    let pid = machine::stop(place, "stopped with yarn-submit session stop").await?;
    if !args.common.quiet {
        terminal::note(format_args!("session {} ({}, process {pid}) has ended", place.name(), place.id()));
    }
    Ok(Exit::Code(0))
}

/// The sessions that answer. What was left of those that were killed is removed, and the user is told.
pub async fn rows() -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for place in Directory::of_user().places()? {
        match place.state().await {
            Ok(State::Alive(status)) => rows.push(Row { place, status }),
            Ok(State::Dead) => terminal::note(format_args!(
                "yarn-submit: session {:?} on this machine had been killed; {} is removed",
                place.name(),
                place.socket().display()
            )),
            Ok(State::Absent) => {}
            // One that does not answer hides no others.
            Err(error) => terminal::note(format_args!("yarn-submit: {}", crate::exit::chain(&error))),
        }
    }
    Ok(rows)
}

/// A session as `session list --json` shows it.
pub fn json_of_row(row: &Row) -> Value {
    json!({ "session": row.place.name(), "application": json_of(row) })
}

/// A session as scripts read it among applications; `status` prints the same object.
pub fn json_of(Row { place, status }: &Row) -> Value {
    json!({
        "id": place.id(),
        "name": place.name(),
        "type": "session",
        "state": state(status),
        "pid": status.pid,
        "program": status.program,
        "socket": place.socket(),
        "log": place.log(),
        "started_ms": status.started_ms,
        "workers": status.workers,
        "threads": status.threads,
        "memory_bytes": status.memory_bytes,
        "drivers": status.drivers,
        "jobs": status.jobs,
        "tasks": status.tasks,
        "tasks_running": status.tasks_running,
        "tasks_finished": status.tasks_finished,
        "idle_since_ms": (status.idle_since_ms > 0).then_some(status.idle_since_ms),
        "idle_timeout_ms": status.idle_limit_ms,
    })
}

fn state(status: &SessionStatus) -> &'static str {
    if status.idle_since_ms > 0 { "IDLE" } else { "RUNNING" }
}

/// Sessions as people read them.
pub fn table(rows: &[Row]) -> String {
    let row = |Row { place, status }: &Row| {
        [
            place.name().to_owned(),
            place.id(),
            state(status).to_owned(),
            status.pid.to_string(),
            units::date(status.started_ms),
            status.workers.to_string(),
            status.threads.to_string(),
            status.drivers.to_string(),
            status.jobs.to_string(),
            units::date(status.idle_since_ms),
        ]
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    listing::lines(COLUMNS, &rows, terminal::width())
}

/// What `apps` shows of a session: the columns that those of YARN have.
pub fn columns(Row { place, status }: &Row) -> [String; 8] {
    [
        place.id(),
        place.name().to_owned(),
        cluster::user().unwrap_or_default(),
        String::new(),
        state(status).to_owned(),
        units::date(status.started_ms),
        String::new(),
        units::bytes(status.memory_bytes),
    ]
}

/// The place of the session that a user names among applications, if it is one of this machine.
///
/// # Errors
/// When its name is none.
pub fn named(application: &str) -> Option<Result<Place, Failure>> {
    let name = application.trim().strip_prefix(PREFIX)?;
    Some(Directory::of_user().place(name).map_err(Failure::from))
}

/// `status`
pub async fn show(place: Place, as_json: bool) -> Result<Exit, Failure> {
    let row = Row { status: place.status().await?, place };
    if as_json {
        terminal::say(format_args!("{:#}", json_of(&row)));
        return Ok(Exit::Code(0));
    }
    let Row { place, status } = &row;
    let tasks = format!(
        "{} running, {} waiting, {} finished",
        status.tasks_running,
        status.tasks.saturating_sub(status.tasks_running),
        status.tasks_finished
    );
    for (name, value) in [
        ("application", place.id()),
        ("name", place.name().to_owned()),
        ("state", state(status).to_owned()),
        ("process", status.pid.to_string()),
        ("program", status.program.clone()),
        ("started", units::date(status.started_ms)),
        ("workers", format!("{}, {} threads, {}", status.workers, status.threads, units::bytes(status.memory_bytes))),
        ("drivers", status.drivers.to_string()),
        ("jobs", status.jobs.to_string()),
        ("tasks", tasks),
        ("idle since", units::date(status.idle_since_ms)),
        ("socket", place.socket().display().to_string()),
        ("log", place.log().display().to_string()),
    ] {
        if !value.is_empty() {
            terminal::say(format_args!("{name:<12} {value}"));
        }
    }
    Ok(Exit::Code(0))
}

/// `logs`: also of a session that has ended, until another one has its name.
pub fn print_log(args: &LogsArgs, place: &Place) -> Result<Exit, Failure> {
    for (option, given) in [("--container", args.container.is_some()), ("--log", args.log.is_some())] {
        if given {
            let message = format!("{option}: a session on this machine has one log, and no containers; leave it out");
            return Err(Failure::new(Exit::Usage, message));
        }
    }
    match copy(&place.log(), args.tail.map(|size| size.0)) {
        Ok(()) => Ok(Exit::Code(0)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(MachineError::Unknown { name: place.name().to_owned(), socket: place.socket() }.into())
        }
        Err(error) => Err(Failure::new(Exit::Input, format!("print {}: {error}", place.log().display()))),
    }
}

/// Prints a file, or its last so many bytes.
fn copy(path: &Path, tail: Option<u64>) -> io::Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if let Some(tail) = tail {
        file.seek(SeekFrom::Start(length.saturating_sub(tail)))?;
    }
    // What is said from now on is not waited for.
    match io::copy(&mut file.take(length), &mut io::stdout().lock()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// `wait`: how a process in the background has ended is known to the system alone.
pub async fn wait(args: &ApplicationArgs, place: &Place) -> Result<Exit, Failure> {
    let pid = machine::wait(place).await?;
    if !args.common.quiet {
        terminal::note(format_args!("{} (process {pid}) has ended; why: yarn-submit logs {0}", place.id()));
    }
    Ok(Exit::Code(0))
}

/// `kill`
pub async fn kill(args: &ApplicationArgs, place: &Place) -> Result<Exit, Failure> {
    let (pid, in_order) = machine::kill(place).await?;
    if !args.common.quiet {
        let how = if in_order { "ended" } else { "killed: it did not end by itself" };
        terminal::note(format_args!("{} (process {pid}) {how}", place.id()));
    }
    Ok(Exit::Code(0))
}

impl From<MachineError> for Failure {
    fn from(error: MachineError) -> Self {
        Failure::of(Exit::Code(error.exit_code()), &error)
    }
}
