//! Local mode: the application and one worker in this process, talking over channels. A session of this machine
//! (`machine`) is the same for drivers in other processes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bobbin_appmaster::application::{Application, Options, Outcome, Over};
use bobbin_core::Config;
use bobbin_link::Ending;
use bobbin_proto as wire;
use bobbin_task::function::Methods;
use bobbin_worker::{Executors, Peers, ResultStore, Served, Worker, WorkerOptions};
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::driver::Driver;
use crate::executors::{Room, executors};
use crate::fetch::Fetcher;
use crate::futures::{Isolation, NoIsolation};
use crate::nested::{Home, Way};
use crate::role::processes;
use crate::session::Files;

/// Reports of the worker that wait for the application.
const REPORTS: usize = 1024;

/// There is no other application master than the first one.
pub(crate) const MASTER: u32 = 1;

/// What local mode may use of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalOptions {
    /// Task threads.
    pub threads: u32,
    /// Memory for queries and results, bytes: two thirds for the operators, a third for results. Beyond it they spill.
    pub memory_bytes: usize,
    /// Where they spill.
    pub spill_directory: PathBuf,
    /// What the worker has beside threads and memory, for tasks that ask for it: names and thousandths.
    pub resources: Vec<(String, u64)>,
}

/// Local mode could not begin.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The operating system gave no threads.
    #[error("start {threads} task threads")]
    Threads {
        /// How many were asked for.
        threads: u32,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// `BOBBIN_ISOLATION` says nothing that there is.
    #[error(transparent)]
    Isolation(#[from] NoIsolation),
    /// The application ended at once, which it does not.
    #[error("start the local application")]
    Over(#[from] Over),
}

/// An application and its only worker in this process.
pub(crate) struct Here {
    /// The application.
    pub application: Application,
    /// What the worker gives to others: its results, and the methods of actors.
    pub served: Served,
    /// Resolves when the application is over.
    pub outcome: Ending<Outcome>,
}

/// What an application in this process is to others.
pub(crate) struct Presence {
    /// What it is called.
    pub id: Arc<str>,
    /// Where others fetch its results; empty when there are no others.
    pub fetch_address: String,
    /// It ends when it had neither drivers nor jobs for so long; `None` for never.
    pub idle_limit: Option<Duration>,
}

/// Starts an application with one worker and returns the way to it.
pub async fn start(options: &LocalOptions, files: Files) -> Result<(Driver, Fetcher), LocalError> {
    let alone = Presence { id: Arc::from("local"), fetch_address: String::new(), idle_limit: None };
    let Here { application, served, .. } = begin(options, files, alone).await?;
    let driver = application.add_driver(wire::DriverHello { name: "session".to_owned() }).await?;
    Ok((Driver::over_seat(driver), Fetcher::Local(served)))
}

/// Starts an application with one worker, and no driver yet.
pub(crate) async fn begin(options: &LocalOptions, files: Files, presence: Presence) -> Result<Here, LocalError> {
    let Presence { id, fetch_address, idle_limit } = presence;
    let resources = options.resources.iter().map(|(name, amount)| (name.clone(), *amount)).collect();
    let core = Config { resources, idle_limit, ..Config::default() };
    let (application, outcome) =
        Application::start(Options { id, core, mailbox: None, submitted_ms: 0, master: MASTER });
    let store = ResultStore::new(&options.spill_directory, options.memory_bytes / 3);
    let operators = options.memory_bytes - options.memory_bytes / 3;
    let threads = usize::try_from(options.threads).unwrap_or(1);
    let methods: Arc<Methods> = Arc::default();
    let home = Home::new(Way::Here(application.clone(), store.clone(), Arc::clone(&methods)), files.clone());
    let room = Room { memory_bytes: operators, threads, spill: options.spill_directory.clone() };
    let processes = processes(Bytes::new(), threads, operators);
    let calling = (home, processes, Isolation::of_workers()?);
    let executors = Executors { methods: Arc::clone(&methods), ..executors(files.reader, room, calling) };
    let hello = wire::WorkerHello {
        container_id: "local-1".to_owned(),
        host: "localhost".to_owned(),
        fetch_address,
        threads: options.threads,
        memory_bytes: options.memory_bytes as u64,
        former: Vec::new(),
    };
    let seat = application.add_worker(hello).await?;
    let served = Served::by(&executors, store.clone());
    let worker_options = WorkerOptions {
        threads: options.threads,
        host: "localhost".to_owned(),
        executors,
        store,
        peers: Peers { connector: None, io: Handle::current() },
    };
    let worker = Worker::start(worker_options, (seat.id.0, MASTER))
        .map_err(|source| LocalError::Threads { threads: options.threads, source })?;
    let (reports, receiver) = mpsc::channel(REPORTS);
    drop(bobbin_link::spawn(worker.run(seat.attach(receiver), reports)));
    Ok(Here { application, served, outcome })
}
