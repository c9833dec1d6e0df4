//! The end of a session: asked for by a driver, or made by signals. The system watches the process itself, not its number,
//! which another one may get.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{MachineError, Place, connector, user};
use crate::driver::Driver;

/// How long a session may take to end when it is asked to.
const LIMIT: Duration = Duration::from_secs(5);

/// The process that serves a session's socket.
struct Process {
    name: String,
    pid: i32,
    descriptor: Arc<OwnedFd>,
}

/// Ends a session in order: its drivers hear why. Returns its process.
///
/// # Errors
/// When there is none, or it has not ended in time.
pub async fn stop(place: &Place, why: &str) -> Result<i32, MachineError> {
    let process = Process::of(place).await?;
    let dial = |source| MachineError::Dial { name: place.name().to_owned(), source };
    let (connector, socket) = (connector(), place.socket().display().to_string());
    if let Ok(driver) = timeout(LIMIT, Driver::dial(&connector, &socket, "session stop")).await {
        driver.map_err(dial)?.finish(true, why).await;
        if process.ends(Some(LIMIT)).await {
            return Ok(process.pid);
        }
    }
    Err(MachineError::Lives { name: place.name().to_owned(), pid: process.pid, limit: LIMIT })
}

/// Ends a session by TERM and, when that does not help in time, by KILL. Returns its process, and whether TERM was enough.
///
/// # Errors
/// When there is none, or its process cannot be ended.
pub async fn kill(place: &Place) -> Result<(i32, bool), MachineError> {
    let process = Process::of(place).await?;
    process.signal(Signal::TERM)?;
    let in_order = process.ends(Some(LIMIT)).await;
    if !in_order {
        process.signal(Signal::KILL)?;
        if !process.ends(Some(LIMIT)).await {
            return Err(MachineError::Lives { name: place.name().to_owned(), pid: process.pid, limit: LIMIT });
        }
        place.clean()?;
    }
    Ok((process.pid, in_order))
}

/// Waits until a session has ended, however that comes. Returns its process.
///
/// # Errors
/// When there is none.
pub async fn wait(place: &Place) -> Result<i32, MachineError> {
    let process = Process::of(place).await?;
    process.ends(None).await;
    Ok(process.pid)
}

impl Process {
    /// The process of a session, also of one that does not answer.
    async fn of(place: &Place) -> Result<Process, MachineError> {
        let name = place.name().to_owned();
        if !place.directory().exists()? {
            return Err(MachineError::Unknown { name, socket: place.socket() });
        }
        let socket = match UnixStream::connect(place.usable_socket()?).await {
            Ok(socket) => socket,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(MachineError::Unknown { name, socket: place.socket() });
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                place.clean()?;
                return Err(MachineError::Dead { name, socket: place.socket() });
            }
            Err(source) => return Err(MachineError::File { what: "connect to", path: place.socket(), source }),
        };
        let credentials = socket.peer_cred();
        let pid = credentials.ok().filter(|theirs| theirs.uid() == user()).and_then(|theirs| theirs.pid());
        let pid = pid.unwrap_or_default();
        let failed = |source: io::Error| MachineError::Process { what: "watch", name: name.clone(), pid, source };
        let number = Pid::from_raw(pid).ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let descriptor = pidfd_open(number, PidfdFlags::empty()).map_err(|error| failed(error.into()))?;
        Ok(Process { name, pid, descriptor: Arc::new(descriptor) })
    }

    fn signal(&self, signal: Signal) -> Result<(), MachineError> {
        match pidfd_send_signal(&*self.descriptor, signal) {
            // It has ended meanwhile.
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(MachineError::Process {
                what: "signal",
                name: self.name.clone(),
                pid: self.pid,
                source: error.into(),
            }),
        }
    }

    /// Waits for its end; whether it came within the limit, if there is one.
    async fn ends(&self, limit: Option<Duration>) -> bool {
        let descriptor = Arc::clone(&self.descriptor);
        let limit = limit.map(|limit| Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: 0 });
        let polled = tokio::task::spawn_blocking(move || {
            retry_on_intr(|| poll(&mut [PollFd::new(&*descriptor, PollFlags::IN)], limit.as_ref()))
        });
        matches!(polled.await, Ok(Ok(1)))
    }
}
