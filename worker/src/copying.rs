//! Copies of other workers' results: fetched as a whole, and kept as if they had been made here.

use std::sync::Arc;

use bobbin_link::{FetchConnection, FetchError, Whole};
use bobbin_proto as wire;
use bobbin_proto::from_worker::Message as Report;
use bobbin_task::Output;
use tokio::runtime::Handle;

use crate::peers::{Peers, Pool, describe, in_patience};
use crate::store::ResultStore;

/// A result to be fetched.
pub(crate) struct Copying {
    pub order: wire::CopyResult,
    /// The application master that numbers tasks.
    pub master: u32,
    pub store: ResultStore,
    pub peers: Peers,
    pub pool: Arc<Pool>,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error("there are no other workers here")]
    Alone,
    #[error("reach the worker on {host}")]
    Dial {
        host: String,
        #[source]
        source: bobbin_link::DialError,
    },
    #[error("fetch it from {host}")]
    Fetch {
        host: String,
        #[source]
        source: FetchError,
    },
    #[error("keep it")]
    Keep(#[source] std::io::Error),
}

impl Copying {
    /// Fetches the result, and says so. For a thread that may block.
    pub fn report(self, io: &Handle) -> Report {
        let copy = self.order.copy;
        match io.block_on(self.fetch()) {
            Ok(()) => Report::ResultCopied(wire::ResultCopied { copy }),
            Err(error) => {
                let message = format!("copy the result of task {}: {}", self.order.task, describe(&error));
                Report::CopyFailed(wire::CopyFailed { copy, message })
            }
        }
    }

    async fn fetch(&self) -> Result<(), CopyError> {
        let holder = self.order.holder.as_ref().ok_or(CopyError::Alone)?;
        let connector = self.peers.connector.as_ref().ok_or(CopyError::Alone)?;
        // A kept connection may have been closed meanwhile; that says nothing of the holder.
        if let Some(kept) = self.pool.take(&holder.fetch_address)
            && self.fetch_over(kept, holder).await.is_ok()
        {
            return Ok(());
        }
        let host = || holder.host.clone();
        let dialed = connector.dial_as_peer(&holder.fetch_address).await;
        let dialed = dialed.map_err(|source| CopyError::Dial { host: host(), source })?;
        self.fetch_over(dialed, holder).await
    }

    async fn fetch_over(&self, mut connection: FetchConnection, holder: &wire::Holder) -> Result<(), CopyError> {
        let failed = |source| CopyError::Fetch { host: holder.host.clone(), source };
        let mut writer = self.store.writer(self.order.task);
        let whole = in_patience(connection.whole(self.master, self.order.task)).await;
        let (Whole { parts, rows }, mut body) = whole.map_err(failed)?;
        writer.divide(parts.len());
        for (part, length) in parts.into_iter().enumerate() {
            let mut left = length;
            while left > 0 {
                let chunk = in_patience(body.chunk_of(left)).await.map_err(failed)?;
                let chunk = chunk.ok_or_else(|| failed(FetchError::Closed))?;
                left -= chunk.len() as u64;
                writer.write(part, chunk).map_err(CopyError::Keep)?;
            }
        }
        writer.finish(rows);
        self.pool.put_back(&holder.fetch_address, connection);
        Ok(())
    }
}
