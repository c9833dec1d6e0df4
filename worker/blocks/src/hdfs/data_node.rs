//! Reads from a DataNode's data port: one request a window, checksums compared packet by packet.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use hadoop_wire::datatransfer::{self, Chunks, DataTransferError, PACKET_PREFIX, Packet, PacketPrefix, ReadBlock};
use hadoop_wire::messages::datatransfer::Status;
use hadoop_wire::messages::hdfs::{DatanodeId, LocatedBlock};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::{read_answer, words};
use super::fault::{Fault, Meaning};
use super::settings::Settings;
use crate::checksum::{self, ChecksumError};

/// Shows in the DataNode's log.
const CLIENT_NAME: &str = "bobbin";
/// Idle connections that are kept for each DataNode.
const IDLE_CONNECTIONS: usize = 8;
/// What is read ahead: a packet of 64 KiB with its checksums and header.
const BUFFER: usize = 68 << 10;

/// Connections to the data ports of DataNodes.
#[derive(Debug, Default)]
pub(crate) struct DataNodes {
    idle: Mutex<HashMap<String, Vec<(Instant, Connection)>>>,
}

type Connection = BufReader<TcpStream>;

/// Why a read from a DataNode failed.
#[derive(Debug, thiserror::Error)]
enum ReadBlockError {
    #[error("connect to {address}")]
    Connect { address: String, source: io::Error },
    #[error("no answer for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("read from the DataNode")]
    Io(#[from] io::Error),
    #[error("understand the DataNode's answer")]
    Answer(#[from] DataTransferError),
    #[error("the DataNode answered {status}{}{message}", if message.is_empty() { "" } else { ": " })]
    Refused { status: i32, message: String },
    #[error("the DataNode sent other bytes than those asked for")]
    OtherBytes,
    #[error("verify it")]
    Checksum(#[from] ChecksumError),
}

impl ReadBlockError {
    fn meaning(&self) -> Meaning {
        match self {
            ReadBlockError::Refused { status, .. } if *status == Status::ErrorAccessToken as i32 => Meaning::Stale,
            // The replica is gone, or its generation is another one.
            ReadBlockError::Refused { .. } => Meaning::Stale,
            ReadBlockError::Checksum(_) | ReadBlockError::OtherBytes => Meaning::BadReplica,
            ReadBlockError::Connect { .. } | ReadBlockError::Silent(_) => Meaning::Closed,
            ReadBlockError::Io(_) | ReadBlockError::Answer(_) => Meaning::ThisOnce,
        }
    }
}

/// A byte range of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The block.
    pub(crate) block: &'a LocatedBlock,
    /// First byte, in the block.
    pub(crate) offset: u64,
    /// How many bytes; not beyond the block's end.
    pub(crate) len: usize,
}

impl DataNodes {
    /// Reads a range from one DataNode. Runs on the reader's runtime.
    pub(crate) async fn read(
        &self,
        settings: &Settings,
        node: &DatanodeId,
        wanted: Wanted<'_>,
    ) -> Result<Bytes, Fault> {
        let address = address_of(settings, node);
        self.read_from(settings, &address, wanted)
            .await
            .map_err(|error| Fault::because(error.meaning(), "read over its socket", &error))
    }

    async fn read_from(&self, settings: &Settings, address: &str, wanted: Wanted<'_>) -> Result<Bytes, ReadBlockError> {
        let silent = |_| ReadBlockError::Silent(settings.read_timeout);
        while let Some(mut connection) = self.take_idle(address, settings.idle_age) {
            match timeout(settings.read_timeout, begin(&mut connection, wanted)).await.map_err(silent)? {
                Ok(chunks) => return self.finish(settings, address, connection, (wanted, chunks)).await,
                Err(ReadBlockError::Io(error)) => tracing::debug!(address, %error, "an idle connection had died"),
                Err(other) => return Err(other),
            }
        }
        let mut connection = connect(settings, address).await?;
        let chunks = timeout(settings.read_timeout, begin(&mut connection, wanted)).await.map_err(silent)??;
        self.finish(settings, address, connection, (wanted, chunks)).await
    }

    /// Takes the packets, and keeps the connection for the next read.
    async fn finish(
        &self,
        settings: &Settings,
        address: &str,
        mut connection: Connection,
        (wanted, chunks): (Wanted<'_>, Chunks),
    ) -> Result<Bytes, ReadBlockError> {
        let mut window = Window::new(wanted, chunks);
        loop {
            let packet = timeout(settings.read_timeout, read_packet(&mut connection))
                .await
                .map_err(|_| ReadBlockError::Silent(settings.read_timeout))??;
            if packet.last {
                break;
            }
            window.add(&packet)?;
        }
        let bytes = window.into_bytes()?;
        connection.write_all(&datatransfer::encode_read_status(true)).await?;
        self.put_idle(address, connection);
        Ok(bytes)
    }

    fn take_idle(&self, address: &str, age: Duration) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.get_mut(address)?;
        connections.retain(|(since, _)| since.elapsed() < age);
        connections.pop().map(|(_, connection)| connection)
    }

    fn put_idle(&self, address: &str, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.entry(address.to_owned()).or_default();
        if connections.len() < IDLE_CONNECTIONS {
            connections.push((Instant::now(), connection));
        }
    }
}

/// Where a DataNode is dialled.
pub(crate) fn address_of(settings: &Settings, node: &DatanodeId) -> String {
    let host = if settings.use_host_name { &node.host_name } else { &node.ip_address };
    if host.contains(':') {
        format!("[{host}]:{}", node.transfer_port)
    } else {
        format!("{host}:{}", node.transfer_port)
    }
}

async fn connect(settings: &Settings, address: &str) -> Result<Connection, ReadBlockError> {
    let failed = |source| ReadBlockError::Connect { address: address.to_owned(), source };
    let stream = match timeout(settings.connect_timeout, TcpStream::connect(address)).await {
        Ok(connected) => connected.map_err(failed)?,
        Err(_) => return Err(failed(io::ErrorKind::TimedOut.into())),
    };
    stream.set_nodelay(true)?;
    Ok(BufReader::with_capacity(BUFFER, stream))
}

/// Asks for the range; how what comes is cut and summed.
async fn begin(connection: &mut Connection, wanted: Wanted<'_>) -> Result<Chunks, ReadBlockError> {
    let request = ReadBlock {
        block: &wanted.block.block,
        token: &wanted.block.block_token.clone().into(),
        client_name: CLIENT_NAME,
        offset: wanted.offset,
        length: wanted.len as u64,
    };
    connection.write_all(&request.encode()).await?;
    let answer = read_answer::<ReadBlockError>(connection).await?;
    if answer.status != Status::Success as i32 {
        return Err(ReadBlockError::Refused { status: answer.status, message: words(&answer) });
    }
    let info = answer.read_op_checksum_info.ok_or(ReadBlockError::OtherBytes)?;
    Ok(Chunks::from_message(&info.checksum)?)
}

async fn read_packet(connection: &mut Connection) -> Result<Packet, ReadBlockError> {
    let mut prefix = [0; PACKET_PREFIX];
    connection.read_exact(&mut prefix).await?;
    let prefix = PacketPrefix::parse(prefix)?;
    let mut content = BytesMut::zeroed(prefix.remaining());
    connection.read_exact(&mut content).await?;
    Ok(Packet::parse(prefix, content.freeze())?)
}

/// The range as it fills: whole chunks come, the ends are cut off.
struct Window<'a> {
    wanted: Wanted<'a>,
    chunks: Chunks,
    /// Where the next packet must begin, in the block.
    next: u64,
    /// Where the last packet may end.
    end: u64,
    bytes: BytesMut,
}

impl<'a> Window<'a> {
    fn new(wanted: Wanted<'a>, chunks: Chunks) -> Window<'a> {
        let range = wanted.offset..wanted.offset + wanted.len as u64;
        let cover = chunks.cover(range, wanted.block.block.num_bytes()).data;
        Window { wanted, chunks, next: cover.start, end: cover.end, bytes: BytesMut::with_capacity(wanted.len) }
    }

    fn add(&mut self, packet: &Packet) -> Result<(), ReadBlockError> {
        let packet_end = packet.offset.saturating_add(packet.data.len() as u64);
        if packet.offset != self.next || packet_end > self.end {
            return Err(ReadBlockError::OtherBytes);
        }
        checksum::verify(self.chunks, packet.offset, &packet.data, &packet.checksums)?;
        let before = self.wanted.offset.saturating_sub(packet.offset).min(packet.data.len() as u64) as usize;
        let missing = self.wanted.len - self.bytes.len();
        let useful = &packet.data[before..];
        self.bytes.extend_from_slice(&useful[..useful.len().min(missing)]);
        self.next = packet_end;
        Ok(())
    }

    fn into_bytes(self) -> Result<Bytes, ReadBlockError> {
        if self.bytes.len() == self.wanted.len { Ok(self.bytes.freeze()) } else { Err(ReadBlockError::OtherBytes) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::double::{self, Act, BLOCK, RANGE, WHOLE};
    use super::*;

    async fn read(port: u16, nodes: &DataNodes, offset: u64, len: usize) -> Result<Bytes, Fault> {
        read_with(double::settings(Path::new("/none"), double::patience(&[])), port, nodes, (offset, len)).await
    }

    async fn read_with(
        settings: Settings,
        port: u16,
        nodes: &DataNodes,
        (offset, len): (u64, usize),
    ) -> Result<Bytes, Fault> {
        let block = double::located();
        let mut node = block.locations[0].id.clone();
        (node.ip_address, node.transfer_port) = ("127.0.0.1".to_owned(), port.into());
        nodes.read(&settings, &node, Wanted { block: &block, offset, len }).await
    }

    async fn check_fault(answer: Vec<u8>, meaning: Meaning, reason: &str) {
        let (port, _) = double::tcp(vec![vec![Act::Answer(answer)]]);
        let fault = read(port, &DataNodes::default(), 0, 1300).await.unwrap_err();
        assert_eq!(fault.meaning, meaning, "{}", fault.reason);
        assert!(fault.reason.contains(reason), "{}", fault.reason);
    }

    #[tokio::test]
    async fn recorded_answers_give_the_block() {
        let (port, _) = double::tcp(vec![vec![Act::Answer(WHOLE.to_vec())], vec![Act::Answer(RANGE.to_vec())]]);
        assert_eq!(read(port, &DataNodes::default(), 0, 1300).await.unwrap(), BLOCK);
        assert_eq!(read(port, &DataNodes::default(), 700, 100).await.unwrap(), BLOCK[700..800]);
    }

    #[tokio::test]
    async fn a_dead_idle_connection_is_replaced() {
        let nodes = DataNodes::default();
        let (port, accepted) = double::tcp(vec![vec![Act::Answer(WHOLE.to_vec())]; 2]);
        assert!(read(port, &nodes, 0, 1300).await.is_ok());
        assert!(read(port, &nodes, 0, 1300).await.is_ok());
        assert_eq!(accepted.load(std::sync::atomic::Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn every_flipped_byte_of_the_data_is_found() {
        let start = WHOLE.windows(16).position(|window| window == &BLOCK[..16]).unwrap();
        for at in [start, start + 511, start + 512, start + 1299] {
            let mut answer = WHOLE.to_vec();
            answer[at] ^= 1;
            check_fault(answer, Meaning::BadReplica, "does not fit its checksum").await;
        }
    }

    #[tokio::test]
    async fn refusals_and_broken_answers() {
        check_fault(vec![2, 8, 5], Meaning::Stale, "answered 5").await;
        check_fault(vec![9, 8, 1, 42, 5, b'g', b'o', b'n', b'e', b'\n'], Meaning::Stale, "answered 1: gone").await;
        check_fault(vec![2, 8, 0], Meaning::BadReplica, "other bytes").await;
        check_fault(RANGE.to_vec(), Meaning::BadReplica, "other bytes").await;
        check_fault(WHOLE[..700].to_vec(), Meaning::ThisOnce, "read from the DataNode").await;
        check_fault(Vec::new(), Meaning::ThisOnce, "read from the DataNode").await;
        check_fault(vec![0xff; 100], Meaning::ThisOnce, "understand").await;
        let mut endless = WHOLE[..14].to_vec();
        endless.extend([0xff; 6]);
        check_fault(endless, Meaning::ThisOnce, "understand").await;
    }

    #[tokio::test]
    async fn silence_and_a_closed_port_shut_the_way() {
        let scripts = vec![vec![Act::Silence]];
        let settings = double::settings(Path::new("/none"), double::patience(&scripts));
        let (port, _) = double::tcp(scripts);
        let fault = read_with(settings, port, &DataNodes::default(), (0, 1300)).await.unwrap_err();
        assert_eq!((fault.meaning, fault.reason.contains("no answer")), (Meaning::Closed, true));
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let fault = read(free, &DataNodes::default(), 0, 1300).await.unwrap_err();
        assert_eq!((fault.meaning, fault.reason.contains("refused")), (Meaning::Closed, true));
    }
}
