//! Starting a session: its process, and what the process says when it is ready, or is not.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use super::{Directory, MachineError, NAME, Place, ROLE, State};
use crate::yarn::exit;

/// How long a process may take to become a session.
const LIMIT: Duration = Duration::from_secs(20);
/// Bytes of the log that are shown when it does not.
const TAIL: u64 = 1 << 10;

/// A session that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// The executable that it is a process of: this one, or one made with `#[bobbin::main]`.
    pub program: PathBuf,
    /// Variables that its functions see.
    pub variables: BTreeMap<String, String>,
    /// What it may use, and when it ends.
    pub means: Means,
}

/// What a session may use, and when it ends. It goes to the session's process.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Means {
    /// Task threads; absent: one for each core.
    pub threads: Option<u32>,
    /// Memory for queries and results, bytes; absent: a share of what is free.
    pub memory_bytes: Option<u64>,
    /// What tasks can ask for beside threads and memory: names and thousandths.
    pub resources: Vec<(String, u64)>,
    /// It ends when it had neither drivers nor jobs for so long, milliseconds.
    pub idle_limit_ms: u64,
    /// Hadoop properties over those of the site files.
    pub properties: Vec<(String, String)>,
    /// What it logs; absent: what containers do.
    pub log_filter: Option<String>,
}

/// What the session's process says to whoever has started it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// It can be joined.
    Ready,
    /// It cannot begin: why, and the exit code that this deserves.
    Failed(String, u8),
}

/// A session that was started.
#[derive(Clone, Debug)]
pub struct Started {
    /// Where it is.
    pub place: Place,
    /// Another one of this name had been killed; what was left of it is gone.
    pub follows_dead: bool,
}

/// Starts a session, and returns when it can be joined. It goes on when this process has ended.
///
/// # Errors
/// When there is one of this name, or its process cannot begin.
pub async fn start(wanted: &Wanted) -> Result<Started, MachineError> {
    let directory = Directory::of_user();
    let place = directory.place(&wanted.name)?;
    place.usable_socket()?;
    directory.make()?;
    let follows_dead = match place.state().await? {
        State::Alive(status) => return Err(MachineError::Running { name: wanted.name.clone(), pid: status.pid }),
        State::Dead => true,
        State::Absent => false,
    };
    let failed =
        |why: String, exit_code| MachineError::Start { name: wanted.name.clone(), why, log: place.log(), exit_code };
    let internal = |error: io::Error| failed(error.to_string(), exit::INTERNAL);
    let (ours, theirs) = UnixStream::pair().map_err(internal)?;
    ours.set_nonblocking(true).map_err(internal)?;
    let mut child = spawn(wanted, &place, theirs)?;
    let mut ours = tokio::net::UnixStream::from_std(ours).map_err(internal)?;
    let mut means = serde_json::to_vec(&wanted.means).map_err(|error| internal(error.into()))?;
    means.push(b'\n');
    // A process that has ended already does not read: its end says more.
    let _ = ours.write_all(&means).await;
    let mut word = String::new();
    let heard = timeout(LIMIT, BufReader::new(ours).read_line(&mut word)).await;
    match serde_json::from_str(&word) {
        Ok(Word::Ready) => Ok(Started { place, follows_dead }),
        Ok(Word::Failed(why, exit_code)) => Err(failed(why, exit_code)),
        Err(_) => {
            let limit = LIMIT.as_secs();
            let why = if heard.is_err() {
                format!("was not ready within {limit} s")
            } else {
                "did not become a session".to_owned()
            };
            Err(failed(format!("{} {}", wanted.program.display(), ended(&mut child, &why, &place)), exit::INPUT))
        }
    }
}

/// The process, whose standard input is the way to us; what it prints is its log.
fn spawn(wanted: &Wanted, place: &Place, theirs: UnixStream) -> Result<Child, MachineError> {
    let log = || OpenOptions::new().append(true).create(true).mode(0o600).open(place.log());
    let unusable = |source| MachineError::File { what: "open the session's log", path: place.log(), source };
    let mut command = Command::new(&wanted.program);
    command.arg(ROLE).envs(&wanted.variables).env(NAME, &wanted.name);
    // The surroundings of whoever starts it are not its own.
    for name in ["BOBBIN_MASTER_ADDRESS", "BOBBIN_CREDENTIALS", "BOBBIN_MASTER", "BOBBIN_SESSION", "CONTAINER_ID"] {
        command.env_remove(name);
    }
    command.stdin(OwnedFd::from(theirs)).stdout(log().map_err(unusable)?).stderr(log().map_err(unusable)?);
    command.spawn().map_err(|source| MachineError::File { what: "start", path: wanted.program.clone(), source })
}

/// Ends a process that did not become a session; what is known of it, in words.
fn ended(child: &mut Child, why: &str, place: &Place) -> String {
    let known = child.try_wait().ok().flatten();
    // It may have ended meanwhile.
    let _ = child.kill();
    let status = known.or_else(|| child.wait().ok()).map(|status| format!(" ({status})")).unwrap_or_default();
    let said = tail(place).unwrap_or_default();
    let said = said.lines().next_back().map(|line| format!("; it said: {line}")).unwrap_or_default();
    format!("{why}{status}; is it made with #[bobbin::main] of this version?{said}")
}

/// The end of the log.
fn tail(place: &Place) -> io::Result<String> {
    let mut log = File::open(place.log())?;
    let length = log.metadata()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}
