//! A scripted DataNode for tests of what a real one cannot be made to do. Each connection gets the next script.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hadoop_wire::messages::hdfs::{LocatedBlock, LocatedBlocks};
use prost::Message;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use super::settings::Settings;

/// A block of 1300 bytes as a DataNode stored and served it.
pub(crate) const BLOCK: &[u8] = include_bytes!("../../tests/golden/dn-block.bin");
/// Its meta file.
pub(crate) const META: &[u8] = include_bytes!("../../tests/golden/dn-block.meta");
/// The answer to a read of all of it.
pub(crate) const WHOLE: &[u8] = include_bytes!("../../tests/golden/dn-op81-response.bin");
/// The answer to a read of bytes 700 to 800.
pub(crate) const RANGE: &[u8] = include_bytes!("../../tests/golden/dn-op81-range-response.bin");
/// The answer to a request for its files.
pub(crate) const GRANTED: &[u8] = include_bytes!("../../tests/golden/dn-op87-response.bin");

/// What the DataNode does on one connection.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Waits for a request, then sends these bytes.
    Answer(Vec<u8>),
    /// Sends one byte with these files.
    Files(Vec<&'static [u8]>),
    /// Says nothing until the client goes away.
    Silence,
}

/// The patience of a test that plays these scripts.
pub(crate) fn patience(scripts: &[Vec<Act>]) -> Duration {
    let silent = scripts.iter().flatten().any(|act| matches!(act, Act::Silence));
    if silent { Duration::from_millis(50) } else { Duration::from_secs(30) }
}

/// The block as a NameNode located it.
pub(crate) fn located() -> LocatedBlock {
    let bytes: &[u8] = include_bytes!("../../tests/golden/hdfs-located_blocks.pb");
    LocatedBlocks::decode(bytes).unwrap().blocks.remove(0)
}

/// Settings with this socket. `patience` is short where the test waits for it to end, else long enough for a machine
/// under load.
pub(crate) fn settings(socket: &Path, patience: Duration) -> Settings {
    Settings {
        domain_socket: Ok(socket.to_str().unwrap().to_owned()),
        verify_checksums: true,
        closed_for: Duration::from_secs(600),
        use_host_name: false,
        connect_timeout: patience,
        read_timeout: patience,
        idle_age: Duration::from_secs(3600),
        block_size: None,
        replication: None,
    }
}

/// How many connections a double has accepted.
pub(crate) type Accepted = Arc<AtomicUsize>;

/// A DataNode's domain socket at `path`.
pub(crate) fn unix(path: &Path, scripts: Vec<Vec<Act>>) -> Accepted {
    let listener = UnixListener::bind(path).unwrap();
    let accepted = Accepted::default();
    let count = accepted.clone();
    thread::spawn(move || {
        for script in scripts {
            let (stream, _) = listener.accept().unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            play(stream, script, send_files);
        }
    });
    accepted
}

/// A DataNode's data port on loopback; gives its number.
pub(crate) fn tcp(scripts: Vec<Vec<Act>>) -> (u16, Accepted) {
    tcp_at("127.0.0.1:0", scripts)
}

/// The same at an address; all of 127.0.0.0/8 answers, but only 127.0.0.1 counts as this host's own.
pub(crate) fn tcp_at(address: &str, scripts: Vec<Vec<Act>>) -> (u16, Accepted) {
    let listener = TcpListener::bind(address).unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = Accepted::default();
    let count = accepted.clone();
    thread::spawn(move || {
        for script in scripts {
            let (stream, _) = listener.accept().unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            play(stream, script, |_, _| unreachable!("files do not travel over TCP"));
        }
    });
    (port, accepted)
}

fn play<S: Read + Write>(mut stream: S, script: Vec<Act>, files: impl Fn(&S, &[&[u8]])) {
    for act in script {
        match act {
            // The requests of these tests are shorter than a buffer, so one read takes a whole one.
            Act::Answer(bytes) => {
                if stream.read(&mut [0; 4096]).is_ok() {
                    let _ = stream.write_all(&bytes);
                }
            }
            Act::Files(contents) => files(&stream, &contents),
            Act::Silence => {
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
    }
}

fn send_files(stream: &std::os::unix::net::UnixStream, contents: &[&[u8]]) {
    let files: Vec<std::fs::File> = contents
        .iter()
        .map(|content| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(content).unwrap();
            file
        })
        .collect();
    let descriptors: Vec<_> = files.iter().map(AsFd::as_fd).collect();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
    }
    let byte = [std::io::IoSlice::new(&[0])];
    rustix::net::sendmsg(stream, &byte, &mut ancillary, SendFlags::empty()).unwrap();
}
