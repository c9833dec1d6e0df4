//! Where a task's inputs come from: this worker's own store, or peers.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use bobbin_engine::{InputError, Inputs};
use bobbin_proto as wire;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;

use crate::peers::{Chunk, Peers, Pool, Transfer};
use crate::store::{ResultStore, StoredReader};

/// Chunks of one input that are fetched ahead of the task that reads it.
const AHEAD: usize = 8;

/// The inputs of one task.
pub(crate) struct TaskInputs {
    pub inputs: Vec<wire::Input>,
    /// Our own number among the holders.
    pub own: u32,
    pub store: ResultStore,
    pub peers: Peers,
    pub pool: Arc<Pool>,
    /// Bytes that came from peers.
    pub fetched: Arc<AtomicU64>,
}

#[async_trait]
impl Inputs for TaskInputs {
    async fn fetch(&self, index: usize) -> Result<BoxStream<'static, Chunk>, InputError> {
        let input = self.inputs.get(index).ok_or_else(|| InputError::Lost(format!("the task has no input {index}")))?;
        if let Ok(reader) = self.store.open(input.task) {
            return Ok(from_store(reader));
        }
        let (chunks, receiver) = mpsc::channel(AHEAD);
        let transfer = Transfer {
            input: input.clone(),
            own: self.own,
            connector: self.peers.connector.clone(),
            pool: self.pool.clone(),
            fetched: self.fetched.clone(),
            chunks,
        };
        self.peers.io.spawn(transfer.run());
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
            Err(error) => Some((Err(InputError::Lost(crate::peers::describe(&error))), None)),
        }
    })
    .boxed()
}
