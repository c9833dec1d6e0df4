//! An open file of HDFS: finds the block behind an offset and the best way to its bytes.
//!
//! The order for a block that this host's DataNode holds: its files through the domain socket, then its data port. Then,
//! and for all other blocks: hdfs-native, which tries the replicas in the NameNode's order; then each replica by our own
//! reader, so that either one of them answers or each one's reason is known. Where a fault says that our idea of the
//! block is old, or all ways failed, the NameNode is asked again, once a window.
//!
//! Blocks are found by the file's name, which may lead to another file from one moment to the next. So what was found is
//! compared with what was planned before its first bytes are handed out.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hadoop_client::rpc::{CallError, Exception};
use hadoop_wire::messages::hdfs::{DatanodeId, FileType, LocatedBlock, LocatedBlocks};
use hdfs_native::file::FileReader;

use super::data_node::{Wanted, address_of};
use super::fault::{Fault, Meaning};
use super::replica::Replica;
use super::tree::modified_ms;
use super::{Hdfs, Interrupted, NameSpace, remote};
use crate::counters::ReadCounters;
use crate::error::ReadError;
use crate::file::{BlockPlaces, FileRef};
use crate::local;
use crate::window;

/// How far ahead locations are asked for: a split and the record behind it.
const LOCATE_AHEAD: u64 = 64 << 20;
/// Everything: the longest range that a NameNode accepts.
const WHOLE_FILE: u64 = i64::MAX as u64;
/// For how long a DataNode whose port did not answer is left alone.
const DEAD_NODE: Duration = Duration::from_secs(60);

/// An open file.
pub(crate) struct HdfsFile {
    hdfs: Arc<Hdfs>,
    space: Arc<NameSpace>,
    path: String,
    planned: FileRef,
    counters: Arc<ReadCounters>,
    located: Option<LocatedBlocks>,
    /// Whether the name may lead to another file since it was last compared with what was planned.
    suspect: bool,
    /// The block whose replica was read last, by its offset in the file.
    current: Option<(u64, Arc<Replica>)>,
    /// Ways that failed for one block, by its id.
    given_up: HashSet<(u64, Way)>,
    native: Option<Arc<FileReader>>,
}

/// A way to a block that this host's DataNode holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    ShortCircuit,
    Socket,
}

/// One round through the ways to a range of a block.
struct Attempt<'a> {
    block: &'a LocatedBlock,
    /// Offset in the block, and how many bytes.
    range: (u64, usize),
    /// True when the locations were asked for just now, so that nothing can be stale.
    fresh: bool,
    /// Why ways failed, of this round and the one before.
    reasons: &'a mut Vec<String>,
    /// Whether one of them fails for ever, and no other is left.
    permanent: &'a mut bool,
}

/// The locations are old: asking for them again may open the quicker ways.
struct Stale;

impl HdfsFile {
    /// A file that nobody was asked about yet.
    pub(crate) fn unchecked(
        hdfs: Arc<Hdfs>,
        (space, path): (Arc<NameSpace>, String),
        planned: &FileRef,
        counters: Arc<ReadCounters>,
    ) -> HdfsFile {
        HdfsFile {
            hdfs,
            space,
            path,
            planned: planned.clone(),
            counters,
            located: None,
            suspect: false,
            current: None,
            given_up: HashSet::new(),
            native: None,
        }
    }

    /// Asks the NameNode for the file and compares it with what was planned.
    pub(crate) async fn compare(&self) -> Result<(), ReadError> {
        let (name_node, path) = (self.space.patient.clone(), self.path.clone());
        let answer = self.hdfs.drive(async move { name_node.file_info(&path).await }).await;
        let status = answer.map_err(|error| self.interrupted(error))?.map_err(|error| self.call_error(error))?;
        let Some(status) = status else { return Err(ReadError::NotFound { url: self.planned.url.clone() }) };
        if status.file_type() != FileType::IsFile {
            let reason = "it is not a regular file any more".to_owned();
            return Err(ReadError::Unsupported { url: self.planned.url.clone(), reason });
        }
        local::compare(&self.planned, status.length, modified_ms(&status))
    }

    /// Where all blocks are, if this is a file that can be read.
    pub(crate) async fn places(&self) -> Result<Vec<BlockPlaces>, ReadError> {
        let located = self.ask_locations(0, WHOLE_FILE).await?;
        let url = || self.planned.url.clone();
        if located.under_construction {
            return Err(ReadError::BeingWritten { url: url() });
        }
        if located.file_encryption_info.is_some() {
            let reason = "it is in an encryption zone, and bobbin does not decrypt; copy it out of the zone first";
            return Err(ReadError::Unsupported { url: url(), reason: reason.to_owned() });
        }
        if located.file_length != self.planned.len {
            local::compare(&self.planned, located.file_length, self.planned.modified_ms)?;
        }
        Ok(located.blocks.iter().map(|block| places_of(block, self.planned.len)).collect())
    }

    /// At most `len` bytes from `offset`, which lies before the end.
    pub(crate) async fn window(&mut self, offset: u64, len: usize) -> Result<Bytes, ReadError> {
        let (mut reasons, mut permanent) = (Vec::new(), false);
        for fresh in [false, true] {
            let block = self.locate(offset, fresh).await?;
            let within = offset - block.offset;
            let block_len = block.block.num_bytes().min(self.planned.len - block.offset);
            let range = (within, window::clip(within, len, block_len));
            let attempt = Attempt { block: &block, range, fresh, reasons: &mut reasons, permanent: &mut permanent };
            let bytes = self.attempt(attempt).await;
            self.expect_planned().await?;
            if let Some(bytes) = bytes {
                return Ok(bytes);
            }
        }
        Err(ReadError::NoReplica { url: self.planned.url.clone(), offset, reasons, permanent })
    }

    /// An error when the name leads to another file than was planned, unless that has been looked at already.
    async fn expect_planned(&mut self) -> Result<(), ReadError> {
        if self.suspect {
            self.compare().await?;
            self.suspect = false;
        }
        Ok(())
    }

    /// Tries every way once, the quick ones first.
    async fn attempt(&mut self, mut attempt: Attempt<'_>) -> Option<Bytes> {
        let Attempt { block, range, .. } = attempt;
        if block.locations.is_empty() {
            push(attempt.reasons, "the NameNode knows no live DataNode that holds it".to_owned());
        }
        let plain = self.is_plain(block);
        let node = self.hdfs.local_node(block).filter(|_| plain).cloned();
        if let Some(node) = &node {
            match self.locally(node, &mut attempt).await {
                Ok(Some(bytes)) => return Some(bytes),
                Ok(None) => {}
                Err(Stale) => return None,
            }
        }
        match self.natively(block.offset + range.0, range.1).await {
            Ok(bytes) => return Some(self.count(bytes, |counters| &counters.remote)),
            Err(fault) => {
                *attempt.permanent = !plain && fault.meaning == Meaning::Never;
                push(attempt.reasons, format!("hdfs-native: {}", fault.reason));
            }
        }
        let others = block.locations.iter().map(|location| &location.id).filter(|id| Some(*id) != node.as_ref());
        for other in others.filter(|_| plain) {
            match self.by_socket(other, block, range).await {
                Ok(bytes) => return Some(self.count(bytes, |counters| &counters.remote)),
                Err(fault) => push(attempt.reasons, format!("{}: socket: {}", other.host_name, fault.reason)),
            }
        }
        None
    }

    /// Short-circuit, then the socket of this host's DataNode. None when neither works.
    async fn locally(&mut self, node: &DatanodeId, attempt: &mut Attempt<'_>) -> Result<Option<Bytes>, Stale> {
        let Attempt { block, range, .. } = *attempt;
        let id = block.block.block_id;
        for way in [Way::ShortCircuit, Way::Socket] {
            if self.given_up.contains(&(id, way)) {
                continue;
            }
            let read = match way {
                Way::ShortCircuit => self.by_short_circuit(block, node, range).await,
                Way::Socket => self.by_socket(node, block, range).await,
            };
            let fault = match read {
                Ok(bytes) => return Ok(Some(self.count(bytes, |counters| way.counter(counters)))),
                Err(fault) => fault,
            };
            if fault.meaning == Meaning::Stale && !attempt.fresh {
                return Err(Stale);
            }
            self.give_up(id, way, fault.meaning);
            let reason = format!("{}: {}: {}", node.host_name, way.name(), fault.reason);
            self.counters.note(&reason);
            push(attempt.reasons, reason);
        }
        Ok(None)
    }

    fn give_up(&mut self, block: u64, way: Way, meaning: Meaning) {
        self.given_up.insert((block, way));
        if meaning == Meaning::BadReplica {
            // The socket would bring the same bytes from the same disk.
            self.given_up.insert((block, Way::Socket));
        }
    }

    async fn by_short_circuit(
        &mut self,
        block: &LocatedBlock,
        node: &DatanodeId,
        range: (u64, usize),
    ) -> Result<Bytes, Fault> {
        if let Some((_, replica)) = self.current.as_ref().filter(|(offset, _)| *offset == block.offset) {
            return replica.window_or_forget(range, block, &self.hdfs.short_circuit);
        }
        let (hdfs, asked, node) = (self.hdfs.clone(), block.clone(), node.clone());
        let opened = self.hdfs.drive(async move { hdfs.short_circuit.open(&hdfs.settings, &node, &asked).await }).await;
        let replica = opened.unwrap_or_else(|error| Err(interrupted_fault(&error)))?;
        self.current = Some((block.offset, replica.clone()));
        replica.window_or_forget(range, block, &self.hdfs.short_circuit)
    }

    async fn by_socket(&self, node: &DatanodeId, block: &LocatedBlock, range: (u64, usize)) -> Result<Bytes, Fault> {
        let address = address_of(&self.hdfs.settings, node);
        if let Some(reason) = self.hdfs.closed.reason(&address, Instant::now()) {
            return Err(Fault::new(Meaning::ThisOnce, reason));
        }
        let (hdfs, block, node) = (self.hdfs.clone(), block.clone(), node.clone());
        let read = async move {
            let wanted = Wanted { block: &block, offset: range.0, len: range.1 };
            hdfs.data_nodes.read(&hdfs.settings, &node, wanted).await
        };
        let read = self.hdfs.drive(read).await.unwrap_or_else(|error| Err(interrupted_fault(&error)));
        read.inspect_err(|fault| {
            if fault.meaning == Meaning::Closed {
                self.hdfs.closed.shut(&address, &fault.reason, Instant::now(), DEAD_NODE);
            }
        })
    }

    async fn natively(&mut self, offset: u64, len: usize) -> Result<Bytes, Fault> {
        let (client, path, planned_len) = (self.space.native.clone(), self.path.clone(), self.planned.len);
        let open = self.native.take();
        let is_first = open.is_none();
        let read = async move {
            let reader = match open {
                Some(reader) => reader,
                None => remote::open(client, path, planned_len).await?,
            };
            Ok((remote::read(reader.clone(), offset, len).await?, reader))
        };
        let read = self.hdfs.drive(read).await.unwrap_or_else(|error| Err(interrupted_fault(&error)));
        let (bytes, reader) = read?;
        self.suspect |= is_first;
        self.native = Some(reader);
        Ok(bytes)
    }

    /// True when the stored bytes are the file's, and nobody writes them any more.
    fn is_plain(&self, block: &LocatedBlock) -> bool {
        let Some(located) = &self.located else { return false };
        let encrypted = located.file_encryption_info.is_some() || located.erasure_coding_policy.is_some();
        let last = block.offset + block.block.num_bytes() >= located.file_length;
        !(encrypted || located.under_construction && last)
    }

    /// The block that holds `offset`.
    async fn locate(&mut self, offset: u64, again: bool) -> Result<LocatedBlock, ReadError> {
        if again {
            (self.located, self.current) = (None, None);
        }
        if let Some(block) = self.known(offset) {
            return Ok(block);
        }
        let located = self.ask_locations(offset, LOCATE_AHEAD).await?;
        self.suspect = true;
        self.located = Some(located);
        self.known(offset).ok_or_else(|| ReadError::Changed {
            url: self.planned.url.clone(),
            what: format!("it had {} bytes, and no block is at byte {offset} now", self.planned.len),
        })
    }

    fn known(&self, offset: u64) -> Option<LocatedBlock> {
        let holds = |block: &&LocatedBlock| range_of(block).contains(&offset);
        self.located.as_ref()?.blocks.iter().find(holds).cloned()
    }

    async fn ask_locations(&self, offset: u64, len: u64) -> Result<LocatedBlocks, ReadError> {
        let (name_node, path) = (self.space.patient.clone(), self.path.clone());
        let answer = self.hdfs.drive(async move { name_node.block_locations(&path, offset, len).await }).await;
        answer.map_err(|error| self.interrupted(error))?.map_err(|error| self.call_error(error))
    }

    fn call_error(&self, error: CallError) -> ReadError {
        let url = self.planned.url.clone();
        match error.remote().map(Exception::of) {
            Some(Exception::AccessControl) => {
                ReadError::PermissionDenied { url, user: self.hdfs.user().to_owned(), source: Box::new(error) }
            }
            Some(Exception::FileNotFound) => ReadError::NotFound { url },
            _ if error.is_unreachable() => ReadError::Unreachable { url, source: Box::new(error) },
            _ => ReadError::Locate { url, source: Box::new(error) },
        }
    }

    fn interrupted(&self, error: Interrupted) -> ReadError {
        ReadError::Locate { url: self.planned.url.clone(), source: Box::new(error) }
    }

    fn count(&self, bytes: Bytes, counter: impl Fn(&ReadCounters) -> &AtomicU64) -> Bytes {
        counter(&self.counters).fetch_add(bytes.len() as u64, Ordering::Relaxed);
        bytes
    }
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::ShortCircuit => "short-circuit",
            Way::Socket => "socket",
        }
    }

    fn counter(self, counters: &ReadCounters) -> &AtomicU64 {
        match self {
            Way::ShortCircuit => &counters.short_circuit,
            Way::Socket => &counters.local_socket,
        }
    }
}

impl std::fmt::Debug for HdfsFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HdfsFile").field("planned", &self.planned).finish_non_exhaustive()
    }
}

fn interrupted_fault(error: &Interrupted) -> Fault {
    Fault::because(Meaning::ThisOnce, "wait for the read", error)
}

fn push(reasons: &mut Vec<String>, reason: String) {
    if !reasons.contains(&reason) {
        reasons.push(reason);
    }
}

fn range_of(block: &LocatedBlock) -> Range<u64> {
    block.offset..block.offset.saturating_add(block.block.num_bytes())
}

fn places_of(block: &LocatedBlock, file_len: u64) -> BlockPlaces {
    let range = range_of(block);
    let end = range.end.min(file_len);
    let hosts = block.locations.iter().map(|location| location.id.host_name.clone()).collect();
    BlockPlaces { offset: range.start, len: end.saturating_sub(range.start), hosts }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hadoop_wire::config::Configuration;
    use hadoop_wire::messages::hdfs::DatanodeInfo;

    use super::super::double::{self, Act, BLOCK, GRANTED, META, WHOLE};
    use super::*;
    use crate::place::HdfsPath;

    /// A file of one block, located; its NameNode does not exist.
    fn file(socket: &Path, ports: &[(&str, u16)]) -> HdfsFile {
        let values = [("dfs.client.read.shortcircuit", "true"), ("dfs.domain.socket.path", socket.to_str().unwrap())];
        let map = values.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut hdfs = Hdfs::new(Configuration::from_map(map), Some("tester".to_owned())).unwrap();
        hdfs.settings.connect_timeout = double::patience(&[]);
        let hdfs = Arc::new(hdfs);
        let place = HdfsPath { authority: "127.0.0.1:1".to_owned(), path: "/a".to_owned() };
        let space = hdfs.space(&place).unwrap();
        let planned = FileRef { url: "hdfs://127.0.0.1:1/a".to_owned(), len: 1300, modified_ms: 0 };
        let mut file = HdfsFile::unchecked(hdfs, (space, place.path), &planned, Arc::default());
        file.located =
            Some(LocatedBlocks { file_length: 1300, blocks: vec![block(ports)], ..LocatedBlocks::default() });
        file
    }

    fn block(ports: &[(&str, u16)]) -> LocatedBlock {
        let mut block = double::located();
        let template = block.locations.remove(0);
        block.locations = ports
            .iter()
            .map(|(address, port)| {
                let id = DatanodeId {
                    ip_address: (*address).to_owned(),
                    host_name: format!("host-{address}"),
                    transfer_port: u32::from(*port),
                    ..template.id.clone()
                };
                DatanodeInfo { id, ..template.clone() }
            })
            .collect();
        block
    }

    fn granted(data: &'static [u8]) -> Vec<Act> {
        vec![Act::Answer(GRANTED.to_vec()), Act::Files(vec![data, META])]
    }

    #[tokio::test]
    async fn the_quickest_way_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        double::unix(&socket, vec![granted(BLOCK)]);
        let mut file = file(&socket, &[("127.0.0.1", 1)]);
        assert_eq!(file.window(0, 700).await.unwrap(), BLOCK[..700]);
        assert_eq!(file.window(700, usize::MAX).await.unwrap(), BLOCK[700..]);
        let seen = file.counters.snapshot();
        assert_eq!((seen.short_circuit, seen.fallbacks), (1300, Vec::new()));
    }

    #[tokio::test]
    async fn a_refusing_socket_leads_to_the_data_port() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        double::unix(&socket, vec![vec![Act::Answer(vec![2, 8, 7])]]);
        let (port, _) = double::tcp(vec![vec![Act::Answer(WHOLE.to_vec())]; 2]);
        let mut file = file(&socket, &[("127.0.0.1", port)]);
        assert_eq!(file.window(0, 1300).await.unwrap(), BLOCK);
        assert_eq!(file.window(0, 1300).await.unwrap(), BLOCK);
        let seen = file.counters.snapshot();
        assert_eq!((seen.short_circuit, seen.local_socket), (0, 2600));
        let expected = "host-127.0.0.1: short-circuit: ask for the block's files: the DataNode answered 7";
        assert_eq!(seen.fallbacks, [expected]);
    }

    #[tokio::test]
    async fn a_corrupt_replica_leads_to_another_host() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        double::unix(&socket, vec![granted(&[0; 1300])]);
        let (port, local) = double::tcp(vec![vec![Act::Answer(WHOLE.to_vec())]]);
        let (other_port, _) = double::tcp_at("127.0.0.2:0", vec![vec![Act::Answer(WHOLE.to_vec())]]);
        let mut file = file(&socket, &[("127.0.0.1", port), ("127.0.0.2", other_port)]);
        assert_eq!(file.window(0, 1300).await.unwrap(), BLOCK);
        let seen = file.counters.snapshot();
        assert_eq!((seen.short_circuit, seen.local_socket, seen.remote), (0, 0, 1300));
        assert_eq!(local.load(Ordering::SeqCst), 0, "the socket would read the same bytes");
        assert!(seen.fallbacks[0].contains("the chunk at byte 0 of the block does not fit"), "{seen:?}");
    }

    #[tokio::test]
    async fn a_dead_host_leads_to_another() {
        let dir = tempfile::tempdir().unwrap();
        let (other_port, _) = double::tcp_at("127.0.0.2:0", vec![vec![Act::Answer(WHOLE.to_vec())]]);
        let mut file = file(&dir.path().join("no socket"), &[("127.0.0.1", 1), ("127.0.0.2", other_port)]);
        assert_eq!(file.window(0, 1300).await.unwrap(), BLOCK);
        let seen = file.counters.snapshot();
        assert_eq!(seen.remote, 1300);
        assert_eq!(seen.fallbacks.len(), 2, "{seen:?}");
    }
}
