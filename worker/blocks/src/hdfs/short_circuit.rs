//! Short-circuit reads: replicas of this host, opened once for some minutes, on sockets that are reused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hadoop_wire::datatransfer;
use hadoop_wire::messages::hdfs::{DatanodeId, LocatedBlock};
use tokio::net::UnixStream;

use super::closed::ClosedWays;
use super::descriptors::{self, Descriptors, RequestError};
use super::fault::{Fault, Meaning};
use super::replica::Replica;
use super::settings::Settings;

/// How long a replica stays open: nobody tells us when it moves.
const REPLICA_AGE: Duration = Duration::from_secs(300);
/// Most replicas that stay open, each with two file descriptors.
const MOST_REPLICAS: usize = 256;
/// Idle sockets that are kept for each DataNode. A DataNode closes them after 4 s.
const IDLE_SOCKETS: usize = 8;
const IDLE_AGE: Duration = Duration::from_secs(3);

/// Which version of which block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct BlockKey {
    pool: String,
    id: u64,
    generation: u64,
}

/// Replicas and sockets of the DataNodes on this host.
#[derive(Debug, Default)]
pub(crate) struct ShortCircuit {
    replicas: Mutex<HashMap<BlockKey, (Instant, Arc<Replica>)>>,
    idle: Mutex<HashMap<String, Vec<(Instant, UnixStream)>>>,
    closed: ClosedWays,
}

impl ShortCircuit {
    /// The open replica of `block`, from the cache or from the DataNode on this host. Runs on the reader's runtime.
    pub(crate) async fn open(
        &self,
        settings: &Settings,
        node: &DatanodeId,
        block: &LocatedBlock,
    ) -> Result<Arc<Replica>, Fault> {
        let key = BlockKey {
            pool: block.block.pool_id.clone(),
            id: block.block.block_id,
            generation: block.block.generation_stamp,
        };
        if let Some(replica) = self.cached(&key, Instant::now()) {
            return Ok(replica);
        }
        let path = socket_path(settings, node)?;
        if let Some(reason) = self.closed.reason(&path, Instant::now()) {
            return Err(Fault::new(Meaning::ThisOnce, reason));
        }
        let opened = self.request(settings, &path, block).await;
        let replica = match opened {
            Ok(replica) => Arc::new(replica),
            Err(fault) => {
                if fault.meaning == Meaning::Closed {
                    self.closed.shut(&path, &fault.reason, Instant::now(), settings.closed_for);
                }
                return Err(fault);
            }
        };
        self.keep(key, replica.clone(), Instant::now());
        Ok(replica)
    }

    /// Forgets a replica that turned out to be bad.
    pub(crate) fn forget(&self, block: &LocatedBlock) {
        let mut replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
        replicas.retain(|key, _| key.id != block.block.block_id || key.pool != block.block.pool_id);
    }

    fn cached(&self, key: &BlockKey, now: Instant) -> Option<Arc<Replica>> {
        let replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, replica) = replicas.get(key)?;
        (now.duration_since(*since) < REPLICA_AGE).then(|| replica.clone())
    }

    fn keep(&self, key: BlockKey, replica: Arc<Replica>, now: Instant) {
        let mut replicas = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
        if replicas.len() >= MOST_REPLICAS {
            replicas.retain(|_, (since, _)| now.duration_since(*since) < REPLICA_AGE);
        }
        while replicas.len() >= MOST_REPLICAS {
            let oldest = replicas.iter().min_by_key(|(_, (since, _))| *since).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            replicas.remove(&oldest);
        }
        replicas.insert(key, (now, replica));
    }

    async fn request(&self, settings: &Settings, path: &str, block: &LocatedBlock) -> Result<Replica, Fault> {
        let token = block.block_token.clone().into();
        let request = datatransfer::encode_short_circuit(&block.block, &token);
        let asked = tokio::time::timeout(settings.connect_timeout, self.descriptors(path, &request));
        let Ok(answer) = asked.await else {
            let seconds = settings.connect_timeout.as_secs_f64();
            return Err(Fault::new(Meaning::Closed, format!("no answer on {path} for {seconds:.0} s")));
        };
        let Descriptors { data, meta } = answer.map_err(RequestError::into_fault)?;
        let name = format!("block {} (from {path})", block.block.block_id).into();
        Replica::new(data, meta, settings.verify_checksums, name)
            .map_err(|error| Fault::because(Meaning::BadReplica, "open the replica", &error))
    }

    /// Asks on an idle socket, or on a new one where there is none or it turns out to be dead.
    async fn descriptors(&self, path: &str, request: &[u8]) -> Result<Descriptors, RequestError> {
        while let Some(mut stream) = self.take_idle(path, Instant::now()) {
            match descriptors::request(&mut stream, request).await {
                Ok(descriptors) => {
                    self.put_idle(path, stream, Instant::now());
                    return Ok(descriptors);
                }
                Err(RequestError::Io(error)) => tracing::debug!(%path, %error, "an idle socket had died"),
                Err(other) => return Err(other),
            }
        }
        let mut stream = UnixStream::connect(path).await?;
        let descriptors = descriptors::request(&mut stream, request).await?;
        self.put_idle(path, stream, Instant::now());
        Ok(descriptors)
    }

    fn take_idle(&self, path: &str, now: Instant) -> Option<UnixStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let sockets = idle.get_mut(path)?;
        sockets.retain(|(since, _)| now.duration_since(*since) < IDLE_AGE);
        sockets.pop().map(|(_, stream)| stream)
    }

    fn put_idle(&self, path: &str, stream: UnixStream, now: Instant) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let sockets = idle.entry(path.to_owned()).or_default();
        if sockets.len() < IDLE_SOCKETS {
            sockets.push((now, stream));
        }
    }
}

/// The DataNode's socket, as the client's configuration names it.
fn socket_path(settings: &Settings, node: &DatanodeId) -> Result<String, Fault> {
    match &settings.domain_socket {
        Ok(template) => Ok(template.replace("_PORT", &node.transfer_port.to_string())),
        Err(reason) => Err(Fault::new(Meaning::ThisOnce, *reason)),
    }
}

impl Replica {
    /// As [`Replica::window`], and forgets the replica where it is bad.
    pub(crate) fn window_or_forget(
        &self,
        range: (u64, usize),
        block: &LocatedBlock,
        cache: &ShortCircuit,
    ) -> Result<Bytes, Fault> {
        let (offset, len) = range;
        self.window(offset, len, block.block.num_bytes()).inspect_err(|_| cache.forget(block))
    }
}
