//! The application: one task that owns the core and all that belongs to it, and the handle by which the rest talks to
//! it. The same for YARN and for local mode; what differs is who brings workers.
//!
//! ```text
//! workers  --FromWorker-->  +-------------+  --ToWorker--> workers
//! drivers  --FromDriver-->  | application |  --ToDriver--> drivers
//! YARN     --Event------->  |   (core)    |  --Mailbox---> YARN
//!                           +-------------+
//! ```

mod actor;
mod containers;
mod convert;
mod jobs;
mod mailbox;
mod orders;
mod peers;
mod questions;
mod snapshot;

use std::sync::Arc;

use bobbin_core::{Config, DriverId, Event, WorkerId};
use bobbin_link::Ending;
use bobbin_proto::{DriverHello, FromDriver, FromWorker, ToDriver, ToWorker, WorkerHello};
use tokio::sync::{mpsc, oneshot};

pub(crate) use actor::container_number;
pub use containers::Sighting;
pub use mailbox::{Mailbox, Outbox, Wishes};
pub use snapshot::{ContainerView, JobView, Snapshot, WorkerView};

/// Messages that wait for the application before whoever sends the next one has to wait.
const INPUTS: usize = 4096;

/// Messages that may wait for one worker. Far more than it can ever be sent at once; if it fills up, the worker does
/// not read, and is given up.
const TO_WORKER: usize = 4096;

/// Messages that may wait for one driver; if it fills up, the driver does not read, and is given up.
const TO_DRIVER: usize = 65_536;

/// How to start an application.
pub struct Options {
    /// YARN's id, or "local".
    pub id: Arc<str>,
    /// The core's settings.
    pub core: Config,
    /// Where requests for containers go; `None` in local mode.
    pub mailbox: Option<Mailbox>,
    /// When it was submitted, Unix milliseconds.
    pub submitted_ms: u64,
    /// Which application master of the application this is, counted from 1: YARN's attempt.
    pub master: u32,
}

/// A handle on the running application. Cheap to clone.
#[derive(Clone)]
pub struct Application {
    inputs: mpsc::Sender<Input>,
    id: Arc<str>,
    master: u32,
}

/// How the application ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Success or failure.
    pub succeeded: bool,
    /// Whether the ResourceManager still expects to be told.
    pub unregister: bool,
    /// What people will read.
    pub diagnostics: String,
}

/// The application is over, so nothing can be asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the application is over")]
pub struct Over;

/// A worker's place at the application.
pub struct WorkerSeat {
    /// Its number.
    pub id: WorkerId,
    /// What it is told.
    pub orders: mpsc::Receiver<ToWorker>,
    application: Application,
}

/// A driver's place at the application.
pub struct DriverSeat {
    /// Its number.
    pub id: DriverId,
    /// What it is told.
    pub news: mpsc::Receiver<ToDriver>,
    application: Application,
}

/// What reaches the application's task.
pub(crate) enum Input {
    Event(Event),
    WorkerJoins { hello: WorkerHello, seat: oneshot::Sender<(WorkerId, mpsc::Receiver<ToWorker>)> },
    Worker(WorkerId, FromWorker),
    WorkerLeaves(WorkerId, String),
    DriverJoins { hello: DriverHello, seat: oneshot::Sender<(DriverId, mpsc::Receiver<ToDriver>)> },
    Driver(DriverId, FromDriver),
    DriverLeaves(DriverId, String),
    Registered,
    Sighted(Vec<Sighting>),
    Snapshot(oneshot::Sender<Snapshot>),
}

impl Application {
    /// Starts the application's task. The second value resolves when it is over.
    pub fn start(options: Options) -> (Application, Ending<Outcome>) {
        let (inputs, receiver) = mpsc::channel(INPUTS);
        let application = Application { inputs, id: options.id.clone(), master: options.master };
        (application, bobbin_link::spawn(actor::Actor::new(options).run(receiver)))
    }

    /// YARN's id of the application, or "local".
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Which application master of the application this is, counted from 1.
    pub fn master(&self) -> u32 {
        self.master
    }

    /// Tells the core of something that happened outside.
    pub async fn event(&self, event: Event) -> Result<(), Over> {
        self.send(Input::Event(event)).await
    }

    /// YARN gave us these containers: for the page. Said before the core hears of them.
    pub async fn sighted(&self, containers: Vec<Sighting>) -> Result<(), Over> {
        self.send(Input::Sighted(containers)).await
    }

    /// The ResourceManager has accepted us: for the time line.
    pub async fn registered(&self) -> Result<(), Over> {
        self.send(Input::Registered).await
    }

    /// Lets a worker in that has proved that it belongs to the application.
    pub async fn add_worker(&self, hello: WorkerHello) -> Result<WorkerSeat, Over> {
        let (seat, given) = oneshot::channel();
        self.send(Input::WorkerJoins { hello, seat }).await?;
        let (id, orders) = given.await.map_err(|_| Over)?;
        Ok(WorkerSeat { id, orders, application: self.clone() })
    }

    /// Lets a driver in that has proved that it belongs to the application.
    pub async fn add_driver(&self, hello: DriverHello) -> Result<DriverSeat, Over> {
        let (seat, given) = oneshot::channel();
        self.send(Input::DriverJoins { hello, seat }).await?;
        let (id, news) = given.await.map_err(|_| Over)?;
        Ok(DriverSeat { id, news, application: self.clone() })
    }

    /// The state of everything, for pages and messages.
    pub async fn snapshot(&self) -> Result<Snapshot, Over> {
        let (reply, snapshot) = oneshot::channel();
        self.send(Input::Snapshot(reply)).await?;
        snapshot.await.map_err(|_| Over)
    }

    async fn send(&self, input: Input) -> Result<(), Over> {
        self.inputs.send(input).await.map_err(|_| Over)
    }
}

impl WorkerSeat {
    /// Runs a worker that lives in this process: `reports` carries what it says. Ends when it has nothing more to say.
    /// Orders are taken by the worker itself from [`WorkerSeat::orders`], replaced here by an empty channel.
    pub fn attach(mut self, mut reports: mpsc::Receiver<FromWorker>) -> mpsc::Receiver<ToWorker> {
        let (_, nothing) = mpsc::channel(1);
        let orders = std::mem::replace(&mut self.orders, nothing);
        drop(bobbin_link::spawn(async move {
            while let Some(report) = reports.recv().await {
                if self.application.send(Input::Worker(self.id, report)).await.is_err() {
                    return;
                }
            }
            self.leave("the worker ended").await;
        }));
        orders
    }

    /// Leaves: what it ran is given to others.
    pub(crate) async fn leave(&self, why: impl Into<String>) {
        // When the application is over, nobody needs to know.
        let _ = self.application.send(Input::WorkerLeaves(self.id, why.into())).await;
    }
}

impl DriverSeat {
    /// Says something to the application.
    pub async fn say(&self, message: FromDriver) -> Result<(), Over> {
        self.application.send(Input::Driver(self.id, message)).await
    }

    /// Leaves: the driver's jobs are cancelled.
    pub async fn leave(&self, why: impl Into<String>) {
        // When the application is over, nobody needs to know.
        let _ = self.application.send(Input::DriverLeaves(self.id, why.into())).await;
    }
}
