//! A worker of a cluster: dials the application master, serves its results, runs until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use bobbin_link::{
    Acceptor, AuthorityError, Connector, DialError, Identity, LinkEnd, ListenError, PortRange, Pump, Strand, listen,
    pump, spawn,
};
use bobbin_proto as wire;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::executors::Executors;
use crate::memory::watch;
use crate::next::Search;
use crate::peers::{Peers, describe};
use crate::serve::{Served, serve};
use crate::store::ResultStore;
use crate::worker::{Ending, REPORTS, Worker, WorkerOptions};

/// Orders that wait for the worker's loop.
const ORDERS: usize = 1024;

/// Pauses between attempts to reach the application master.
const RETRIES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];

/// Everything that a worker of a cluster is told.
pub struct Connection {
    /// host:port of the application master.
    pub master_address: String,
    /// What it shows to others.
    pub identity: Identity,
    /// YARN's id of its container.
    pub container_id: String,
    /// Its host as the ResourceManager names it.
    pub host: String,
    /// Task threads.
    pub threads: u32,
    /// Memory of its container, bytes.
    pub memory_bytes: u64,
    /// Ports to serve results on.
    pub port_range: Option<PortRange>,
    /// Run tasks, by their kinds.
    pub executors: Executors,
    /// Keeps results.
    pub store: ResultStore,
    /// Finds the application master after the one that it joins; nothing to end with that one.
    pub next: Option<Search>,
}

impl Connection {
    /// How it introduces itself, with a port for its results.
    fn hello(&self, port: u16) -> wire::WorkerHello {
        wire::WorkerHello {
            container_id: self.container_id.clone(),
            host: self.host.clone(),
            fetch_address: format!("{}:{port}", self.host),
            threads: self.threads,
            memory_bytes: self.memory_bytes,
            former: Vec::new(),
        }
    }
}

/// Why a worker could not do its work to the end.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Its certificates do not fit together.
    #[error("use the worker's certificate")]
    Identity(#[from] AuthorityError),
    /// No port for its results.
    #[error("serve results")]
    Listen(#[from] ListenError),
    /// The port has no address.
    #[error("serve results: no address")]
    Address(#[source] std::io::Error),
    /// The application master cannot be reached, or refuses the worker.
    #[error("join the application")]
    Dial(#[from] DialError),
    /// No task threads.
    #[error("start task threads")]
    Threads(#[source] std::io::Error),
    /// The application master is gone.
    #[error("the application master at {address} is gone: {end}")]
    MasterGone {
        /// Where it was.
        address: String,
        /// How the connection ended.
        end: LinkEnd,
    },
    /// The application master is gone, and no other one was found.
    #[error("the application master is gone ({end}), and {why}")]
    NoOther {
        /// How the connection ended.
        end: String,
        /// Why there is no other one.
        why: String,
    },
}

/// Joins the application and works until it is told to stop.
///
/// # Errors
/// When the application cannot be joined, or its master is gone and no other one is found; then there is no sense in going on.
pub async fn connect(connection: Connection) -> Result<(), ConnectError> {
    let connector = Connector::new(&connection.identity)?;
    let listener = listen("0.0.0.0", connection.port_range).await?;
    let port = listener.local_addr().map_err(ConnectError::Address)?.port();
    let hello = connection.hello(port);
    let control = Control::start().map_err(ConnectError::Threads)?;
    control.run(work(connection, hello, (connector, listener), Handle::current())).await
}

/// The thread of orders and reports, unless a task thread that has nothing to do takes its own report to the application.
/// Transfers of results have threads of their own, so that neither these nor heartbeats wait for them; and an order wakes this
/// one thread, and not whichever has nothing to do.
struct Control(Option<(Runtime, Strand)>);

impl Control {
    fn start() -> std::io::Result<Control> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("control").enable_all().build()?;
        let strand = Strand::on(runtime.handle().clone());
        Ok(Control(Some((runtime, strand))))
    }

    async fn run(
        &self,
        work: impl Future<Output = Result<(), ConnectError>> + Send + 'static,
    ) -> Result<(), ConnectError> {
        let Some((_, strand)) = &self.0 else { return work.await };
        strand.spawn(work).await.unwrap_or_else(|panicked| panicked.resume())
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Nobody waits for what is left there.
        if let Some((runtime, _)) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Joins and works; `io` transfers results.
async fn work(
    connection: Connection,
    hello: wire::WorkerHello,
    (connector, listener): (Connector, TcpListener),
    io: Handle,
) -> Result<(), ConnectError> {
    let (mut link, mut welcome) = join(&connector, &connection.master_address, hello.clone()).await?;
    let acceptor = Acceptor::new(&connection.identity)?;
    let served = Served::by(&connection.executors, connection.store.clone());
    let serving = io.spawn(serve(listener, acceptor, Arc::from(welcome.application_id.as_str()), served));
    let options = WorkerOptions {
        threads: connection.threads,
        host: connection.host,
        executors: connection.executors,
        store: connection.store.clone(),
        peers: Peers { connector: Some(connector.clone()), io },
    };
    let outcome = loop {
        let wire::Welcome { worker_id: worker, master, application_id: application, .. } = &welcome;
        info!(worker, master, application, "joined");
        let mut worker = Worker::start(options.clone(), (*worker, *master)).map_err(ConnectError::Threads)?;
        let silence = Duration::from_millis(u64::from(welcome.silence_limit_ms.max(1000)));
        let ended = converse(link, &mut worker, (silence, connection.memory_bytes)).await;
        let (Err(end), Some(next)) = (&ended, &connection.next) else {
            worker.part().await;
            let address = connection.master_address;
            break ended.map_err(|end| ConnectError::MasterGone { address, end });
        };
        warn!(%end, "the application master is gone; looking for the next one");
        match next.join((&connector, &connection.store), &hello, worker).await {
            Ok(joined) => (link, welcome) = joined,
            Err(why) => break Err(ConnectError::NoOther { end: end.to_string(), why }),
        }
    };
    serving.abort();
    outcome
}

/// Dials the application master. One that cannot be reached is tried again a few times: it may be busy, and starting
/// another container costs more than waiting.
async fn join(
    connector: &Connector,
    address: &str,
    hello: wire::WorkerHello,
) -> Result<(bobbin_link::Link<wire::ToWorker, wire::FromWorker>, wire::Welcome), DialError> {
    for delay in RETRIES {
        match connector.dial_as_worker(address, hello.clone()).await {
            Err(error @ (DialError::Connect { .. } | DialError::Silent { .. })) => {
                warn!(error = describe(&error), ?delay, "dial the application master again");
                tokio::time::sleep(delay).await;
            }
            outcome => return outcome,
        }
    }
    connector.dial_as_worker(address, hello).await
}

async fn converse(
    link: bobbin_link::Link<wire::ToWorker, wire::FromWorker>,
    worker: &mut Worker,
    (silence, memory_bytes): (Duration, u64),
) -> Result<(), LinkEnd> {
    let (incoming, orders) = mpsc::channel(ORDERS);
    let (reports, outgoing) = mpsc::channel(REPORTS);
    let heartbeat = wire::FromWorker { message: Some(wire::from_worker::Message::Heartbeat(wire::Heartbeat {})) };
    let pumping = spawn(pump(link, Pump { outgoing, incoming, heartbeat, silence }, |order| order));
    let watching = tokio::spawn(watch(reports.clone(), memory_bytes));
    let ending = worker.follow(orders, reports).await;
    watching.abort();
    match (ending, pumping.await) {
        (Ending::Stopped, _) => Ok(()),
        (Ending::Abandoned, Ok(end)) => Err(end),
        (Ending::Abandoned, Err(error)) => {
            warn!(%error, "the connection's task ended badly");
            Err(LinkEnd::Closed)
        }
    }
}
