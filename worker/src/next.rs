//! A worker between two application masters: it keeps what it has, goes on with what it runs, and looks for the next one.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bobbin_link::{Connector, DialError, Link};
use bobbin_proto as wire;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info};

use crate::peers::describe;
use crate::store::ResultStore;
use crate::worker::Worker;

/// Pauses between two questions after the next application master: they grow from the first to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a host may take to accept a connection.
const KNOCK_LIMIT: Duration = Duration::from_secs(5);

/// Where the application master is as far as is known now (host:port), nothing while there is none; or why there will be none.
pub type Found = Pin<Box<dyn Future<Output = Result<Option<String>, String>> + Send>>;

/// How to find the application master that follows one that is gone.
pub struct Search {
    /// How long it may take.
    pub patience: Duration,
    /// Asks once. What it answers may be the one that is gone.
    pub find: Box<dyn Fn() -> Found + Send + Sync>,
}

/// The way to an application master, and its welcome.
pub(crate) type Joined = (Link<wire::ToWorker, wire::FromWorker>, wire::Welcome);

impl Search {
    /// Joins the next application master, as soon as there is one. Until then the worker's tasks run on; then they end, and
    /// what they have left by then is what there is.
    pub async fn join(
        &self,
        (connector, store): (&Connector, &ResultStore),
        hello: &wire::WorkerHello,
        worker: Worker,
    ) -> Result<Joined, String> {
        let mut worker = Some(worker);
        let joined = self.look((connector, store), hello, &mut worker).await;
        // Where there is no other one, nobody wants what runs: it is told so, and not waited for by the thread that is here,
        // which may be one of its own.
        if let Some(worker) = worker {
            worker.part().await;
        }
        joined
    }

    async fn look(
        &self,
        (connector, store): (&Connector, &ResultStore),
        hello: &wire::WorkerHello,
        worker: &mut Option<Worker>,
    ) -> Result<Joined, String> {
        let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            // Before the first question, too: one that is dying may still accept connections.
            sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
            let why = match self.knock().await? {
                Err(why) => why,
                Ok(address) => {
                    // Its threads are not waited for: what they still write is nobody's.
                    worker.take().into_iter().for_each(|worker| drop(tokio::spawn(worker.part())));
                    store.put_aside();
                    let hello = wire::WorkerHello { former: store.former(), ..hello.clone() };
                    match connector.dial_as_worker(&address, hello).await {
                        Ok(joined) => return Ok(joined),
                        Err(refused @ DialError::Version { .. }) => return Err(describe(&refused)),
                        Err(error) => describe(&error),
                    }
                }
            };
            debug!(why, "the next application master is not there yet");
            if began.elapsed() + pause > self.patience {
                return Err(format!("no other one was found for {} s: {why}", began.elapsed().as_secs()));
            }
        }
    }

    /// The address of an application master that is there, or why there is none yet.
    async fn knock(&self) -> Result<Result<String, String>, String> {
        let Some(address) = (self.find)().await? else { return Ok(Err("nobody has registered".to_owned())) };
        Ok(match timeout(KNOCK_LIMIT, TcpStream::connect(&address)).await {
            Ok(Ok(_)) => {
                info!(address, "found an application master");
                Ok(address)
            }
            Ok(Err(error)) => Err(format!("{address}: {error}")),
            Err(_) => Err(format!("{address} did not answer for {KNOCK_LIMIT:?}")),
        })
    }
}
