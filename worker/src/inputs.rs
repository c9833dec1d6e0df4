//! Where a task's inputs come from: this worker's own store, or peers.

use std::sync::Arc;

use async_trait::async_trait;
use bobbin_engine::{InputError, Inputs};
use bobbin_link::{Connector, FetchConnection};
use bobbin_proto as wire;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tracing::debug;

use crate::store::{ResultStore, StoredReader};

/// Chunks of one input that are fetched ahead of the task that reads it.
const AHEAD: usize = 8;

type Chunk = Result<Bytes, InputError>;

/// How to reach other workers. Cheap to clone.
#[derive(Clone)]
pub struct Peers {
    /// Shows who we are; `None` in local mode, where there are no others.
    pub connector: Option<Connector>,
    /// Runs the transfers, so that a busy task thread does not stop them.
    pub io: Handle,
}

/// The inputs of one task.
pub(crate) struct TaskInputs {
    pub inputs: Vec<wire::Input>,
    /// Our own number among the holders.
    pub own: u32,
    pub store: ResultStore,
    pub peers: Peers,
}

#[async_trait]
impl Inputs for TaskInputs {
    async fn fetch(&self, index: usize) -> Result<BoxStream<'static, Chunk>, InputError> {
        let input = self.inputs.get(index).ok_or_else(|| InputError::Lost(format!("the task has no input {index}")))?;
        if let Ok(reader) = self.store.open(input.task) {
            return Ok(from_store(reader));
        }
        let (chunks, receiver) = mpsc::channel(AHEAD);
        let transfer = Transfer { input: input.clone(), own: self.own, connector: self.peers.connector.clone() };
        self.peers.io.spawn(transfer.run(chunks));
        let stream = futures::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        Ok(stream.boxed())
    }
}

fn from_store(reader: StoredReader) -> BoxStream<'static, Chunk> {
    futures::stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        match reader.chunk().await {
            Ok(chunk) => chunk.map(|chunk| (Ok(chunk), Some(reader))),
            Err(error) => Some((Err(InputError::Lost(error.to_string())), None)),
        }
    })
    .boxed()
}

struct Transfer {
    input: wire::Input,
    own: u32,
    connector: Option<Connector>,
}

impl Transfer {
    /// Tries the holders in turn. Once bytes of one have been passed on, another cannot take over.
    async fn run(self, chunks: mpsc::Sender<Chunk>) {
        let mut reasons = Vec::new();
        for holder in self.input.holders.iter().filter(|holder| holder.worker != self.own) {
            match self.from_holder(holder, &chunks).await {
                Ok(()) => return,
                Err(Broken { passed_on: 0, reason }) => reasons.push(format!("{}: {reason}", holder.host)),
                Err(Broken { reason, .. }) => {
                    let why = format!("result of task {}: {}: {reason}", self.input.task, holder.host);
                    return fail(&chunks, why).await;
                }
            }
        }
        let why = if reasons.is_empty() { "no worker has it".to_owned() } else { reasons.join("; ") };
        fail(&chunks, format!("result of task {}: {why}", self.input.task)).await;
    }

    async fn from_holder(&self, holder: &wire::Holder, chunks: &mpsc::Sender<Chunk>) -> Result<(), Broken> {
        let connector = self.connector.as_ref().ok_or_else(|| Broken::before("there are no other workers"))?;
        let mut connection: FetchConnection =
            connector.dial_as_peer(&holder.fetch_address).await.map_err(|error| Broken::before(describe(&error)))?;
        let mut body = connection.fetch(self.input.task).await.map_err(|error| Broken::before(describe(&error)))?;
        let mut passed_on = 0;
        loop {
            match body.chunk().await {
                Ok(Some(chunk)) => {
                    passed_on += chunk.len();
                    if chunks.send(Ok(chunk)).await.is_err() {
                        debug!(task = self.input.task, "the reader of an input has gone");
                        return Ok(());
                    }
                }
                Ok(None) => return Ok(()),
                Err(error) => return Err(Broken { passed_on, reason: describe(&error) }),
            }
        }
    }
}

struct Broken {
    passed_on: usize,
    reason: String,
}

impl Broken {
    fn before(reason: impl Into<String>) -> Self {
        Broken { passed_on: 0, reason: reason.into() }
    }
}

async fn fail(chunks: &mpsc::Sender<Chunk>, why: String) {
    // A reader that has gone needs no reason.
    let _ = chunks.send(Err(InputError::Lost(why))).await;
}

fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The inputs of a task as the engine takes them.
pub(crate) fn shared(inputs: TaskInputs) -> Arc<dyn Inputs> {
    Arc::new(inputs)
}
