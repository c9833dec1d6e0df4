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
/// Idle sockets that are kept for each DataNode.
const IDLE_SOCKETS: usize = 8;

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
        let asked = tokio::time::timeout(settings.connect_timeout, self.descriptors(settings, path, &request));
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
    async fn descriptors(&self, settings: &Settings, path: &str, request: &[u8]) -> Result<Descriptors, RequestError> {
        while let Some(mut stream) = self.take_idle(path, settings.idle_age) {
            match descriptors::request(&mut stream, request).await {
                Ok(descriptors) => {
                    self.put_idle(path, stream);
                    return Ok(descriptors);
                }
                Err(RequestError::Io(error)) => tracing::debug!(%path, %error, "an idle socket had died"),
                Err(other) => return Err(other),
            }
        }
        let mut stream = UnixStream::connect(path).await?;
        let descriptors = descriptors::request(&mut stream, request).await?;
        self.put_idle(path, stream);
        Ok(descriptors)
    }

    fn take_idle(&self, path: &str, age: Duration) -> Option<UnixStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let sockets = idle.get_mut(path)?;
        sockets.retain(|(since, _)| since.elapsed() < age);
        sockets.pop().map(|(_, stream)| stream)
    }

    fn put_idle(&self, path: &str, stream: UnixStream) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let sockets = idle.entry(path.to_owned()).or_default();
        if sockets.len() < IDLE_SOCKETS {
            sockets.push((Instant::now(), stream));
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::super::double::{self, Act, BLOCK, GRANTED, META};
    use super::*;

    struct Outcome {
        opened: Result<Arc<Replica>, Fault>,
        /// A second request, for another generation of the block, so that the cache does not answer it.
        again: Result<Arc<Replica>, Fault>,
        connections: usize,
    }

    async fn play(scripts: Vec<Vec<Act>>) -> Outcome {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let settings = double::settings(&path, double::patience(&scripts));
        let accepted = double::unix(&path, scripts);
        let (cache, block) = (ShortCircuit::default(), double::located());
        let node = block.locations[0].id.clone();
        let opened = cache.open(&settings, &node, &block).await;
        let mut other = block.clone();
        other.block.generation_stamp += 1;
        let again = cache.open(&settings, &node, &other).await;
        Outcome { opened, again, connections: accepted.load(Ordering::SeqCst) }
    }

    fn granted(files: Vec<&'static [u8]>) -> Vec<Act> {
        vec![Act::Answer(GRANTED.to_vec()), Act::Files(files)]
    }

    fn refused(status: u8) -> Vec<Act> {
        vec![Act::Answer(vec![2, 8, status])]
    }

    fn fault(opened: Result<Arc<Replica>, Fault>) -> Fault {
        opened.map(drop).unwrap_err()
    }

    #[tokio::test]
    async fn files_are_read_and_the_socket_is_reused() {
        let both = [granted(vec![BLOCK, META]), granted(vec![BLOCK, META])].concat();
        let outcome = play(vec![both]).await;
        assert_eq!(outcome.opened.unwrap().window(700, 100, 1300).unwrap(), BLOCK[700..800]);
        assert!(outcome.again.is_ok());
        assert_eq!(outcome.connections, 1);
    }

    #[tokio::test]
    async fn a_dead_idle_socket_is_replaced() {
        let outcome = play(vec![granted(vec![BLOCK, META]), granted(vec![BLOCK, META])]).await;
        assert!(outcome.opened.is_ok());
        assert!(outcome.again.is_ok());
        assert_eq!(outcome.connections, 2);
    }

    #[tokio::test]
    async fn an_open_replica_is_not_asked_for_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let settings = double::settings(&path, double::patience(&[]));
        let accepted = double::unix(&path, vec![granted(vec![BLOCK, META])]);
        let (cache, block) = (ShortCircuit::default(), double::located());
        let node = block.locations[0].id.clone();
        let first = cache.open(&settings, &node, &block).await.unwrap();
        let second = cache.open(&settings, &node, &block).await.unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(accepted.load(Ordering::SeqCst), 1);
    }

    /// A fault that says something of the DataNode, not of the block, shuts its socket.
    async fn check_closed(script: Vec<Act>, reason: &str) {
        let outcome = play(vec![script]).await;
        let (first, second) = (fault(outcome.opened), fault(outcome.again));
        assert_eq!(first.meaning, Meaning::Closed, "{}", first.reason);
        assert!(first.reason.contains(reason), "{}", first.reason);
        assert_eq!((second.meaning, second.reason), (Meaning::ThisOnce, first.reason));
        assert_eq!(outcome.connections, 1, "the socket was to be left alone");
    }

    #[tokio::test]
    async fn faults_of_the_data_node_shut_its_socket() {
        check_closed(refused(7), "answered 7").await;
        check_closed(granted(vec![BLOCK]), "1 of 2 file descriptors").await;
        check_closed(granted(vec![]), "0 of 2 file descriptors").await;
        check_closed(vec![Act::Answer(Vec::new())], "talk to the DataNode").await;
        check_closed(vec![Act::Answer(GRANTED.to_vec())], "talk to the DataNode").await;
        check_closed(vec![Act::Answer(GRANTED[..3].to_vec())], "talk to the DataNode").await;
        check_closed(vec![Act::Answer(vec![0xff; 64])], "understand").await;
        check_closed(vec![Act::Silence], "no answer on").await;
    }

    /// A fault that says something of the block leaves the socket open for others.
    async fn check_block(script: Vec<Act>, meaning: Meaning) {
        let outcome = play(vec![script, granted(vec![BLOCK, META])]).await;
        let first = fault(outcome.opened);
        assert_eq!(first.meaning, meaning, "{}", first.reason);
        assert!(outcome.again.is_ok());
    }

    #[tokio::test]
    async fn faults_of_the_block_leave_the_socket_open() {
        check_block(refused(5), Meaning::Stale).await;
        check_block(refused(1), Meaning::Stale).await;
        check_block(vec![Act::Answer(vec![4, 8, 7, 48, 2])], Meaning::ThisOnce).await;
        check_block(granted(vec![BLOCK, b"no meta file"]), Meaning::BadReplica).await;
    }

    #[tokio::test]
    async fn more_descriptors_than_agreed_are_no_replica() {
        let outcome = play(vec![granted(vec![BLOCK, META, BLOCK])]).await;
        assert_eq!(fault(outcome.opened).meaning, Meaning::Closed);
    }
}
