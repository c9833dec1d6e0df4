//! The child's side: does calls until its worker is gone.

use std::any::Any;
use std::fmt::Display;
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Signal, getppid, kill_current_process_group};
use serde::de::DeserializeOwned;

use super::PARENT_VARIABLE;
use super::frame::{self, Answer, CallHead, Lengths, Order};
use crate::function::registry::{ArgumentBytes, Registry};
use crate::function::{Outcome, call, chain};
use crate::profile;
use crate::running::{Pauses, Running};
use crate::task::CancelFlag;

/// This process, which is to do calls for its worker.
pub struct Child {
    channel: UnixStream,
}

/// Was this process started as a child of a worker? What it starts itself inherits its environment, and was not.
pub fn is_begun() -> bool {
    let parent = getppid().map(|pid| pid.as_raw_nonzero().to_string());
    std::env::var(PARENT_VARIABLE).ok().is_some_and(|variable| Some(variable) == parent)
}

/// This process as a child of a worker, if it is one; asked once.
pub fn begun() -> Option<io::Result<Child>> {
    is_begun().then(|| Ok(Child { channel: receive()? }))
}

/// The socket that was posted to us: standard input itself is left to the function, and empty.
fn receive() -> io::Result<UnixStream> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut letter = [0];
    recvmsg(io::stdin(), &mut [IoSliceMut::new(&mut letter)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let sockets = control.drain().filter_map(|message| {
        let RecvAncillaryMessage::ScmRights(mut sockets) = message else { return None };
        sockets.next()
    });
    let socket = sockets.last().ok_or(io::ErrorKind::NotConnected)?;
    let channel = UnixStream::from(socket);
    channel.set_nonblocking(false)?;
    Ok(channel)
}

impl Child {
    /// Does calls, and ends the process when its worker is gone. `home` makes the way to the application of what the worker says
    /// of it. Returns only when it cannot go on.
    pub fn serve<E: Display>(
        self,
        home: impl FnOnce(&[u8]) -> Result<Option<Arc<dyn Any + Send + Sync>>, E>,
    ) -> ExitCode {
        // Where memory is short, this process is the one to end. Where that is forbidden, the kernel chooses.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
        match self.converse(home) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: do calls for a worker: {error}");
                ExitCode::from(70)
            }
        }
    }

    fn converse<E: Display>(
        mut self,
        home: impl FnOnce(&[u8]) -> Result<Option<Arc<dyn Any + Send + Sync>>, E>,
    ) -> Result<(), String> {
        self.end_with_worker().map_err(|error| error.to_string())?;
        let voice = Voice(Arc::new(Mutex::new(self.channel.try_clone().map_err(|error| error.to_string())?)));
        let Order::Home(length) = hear(&mut self.channel)? else { return Err("it was not told its home".to_owned()) };
        let home = home(&bytes(&mut self.channel, length)?).map_err(|error| error.to_string())?;
        let registry = Registry::of_this_program();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        loop {
            let Order::Call(head) = hear(&mut self.channel)? else {
                return Err("it was told its home twice".to_owned());
            };
            let CallHead { function, generation, samples, arguments } = head;
            let arguments = arguments.into_iter().map(|lengths| argument(&mut self.channel, lengths));
            let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
            let function = registry.find(&function).map_err(|error| error.to_string())?;
            watch(samples);
            let open = Arc::new(AtomicBool::new(true));
            let pauses = voice.pauses(&open);
            let running =
                Running { cancel: CancelFlag::default(), generation, pauses, home: home.clone(), isolated: true };
            let outcome = runtime.block_on(call(function, arguments, running));
            if samples > 0 {
                voice.tell_samples().map_err(|error| error.to_string())?;
            }
            voice.answer(&open, outcome).map_err(|error| error.to_string())?;
        }
    }

    /// Watches for the end of the worker, whatever the function does meanwhile; then this process ends, and what it has started.
    fn end_with_worker(&self) -> io::Result<()> {
        let channel = self.channel.try_clone()?;
        let watch = move || {
            // Interrupted or not, only a socket that is closed on the other side is the end.
            loop {
                let mut watched = [PollFd::new(&channel, PollFlags::RDHUP)];
                if poll(&mut watched, None).is_ok() && !watched[0].revents().is_empty() {
                    let _ = kill_current_process_group(Signal::KILL);
                }
            }
        };
        std::thread::Builder::new().name("worker".to_owned()).spawn(watch)?;
        Ok(())
    }
}

/// Has so many samples taken a second.
fn watch(samples: u32) {
    let order = match samples {
        wanted if wanted == profile::rate() => return,
        0 => profile::Order::Stop,
        wanted => profile::Order::Start(wanted),
    };
    if let Err(error) = profile::control(order) {
        tracing::warn!(%error, "take samples of tasks with processes of their own");
    }
}

fn hear<T: DeserializeOwned>(channel: &mut impl Read) -> Result<T, String> {
    let mut length = [0; 4];
    channel.read_exact(&mut length).map_err(|error| error.to_string())?;
    let head = bytes(channel, frame::head_length(length)? as u64)?;
    frame::said(&head)
}

fn bytes(channel: &mut impl Read, length: u64) -> Result<Bytes, String> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(|error| error.to_string())?);
    let read = channel.take(length).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if read as u64 == length { Ok(bytes.into()) } else { Err("the worker ended in the middle of a word".to_owned()) }
}

fn argument(channel: &mut impl Read, lengths: Lengths) -> Result<ArgumentBytes, String> {
    Ok(match lengths {
        Lengths::One(length) => ArgumentBytes::One(bytes(channel, length)?),
        Lengths::List(lengths) => {
            ArgumentBytes::List(lengths.into_iter().map(|length| bytes(channel, length)).collect::<Result<_, _>>()?)
        }
    })
}

/// Speaks to the worker, from any thread.
#[derive(Clone)]
struct Voice(Arc<Mutex<UnixStream>>);

impl Voice {
    /// Of one call, as long as it is open.
    fn pauses(&self, open: &Arc<AtomicBool>) -> Pauses {
        let (voice, open) = (self.clone(), Arc::clone(open));
        Pauses::new(move |waits| {
            let mut stream = voice.0.lock().unwrap_or_else(PoisonError::into_inner);
            if open.load(Ordering::Acquire) {
                // Who does not hear it is gone, and so are we.
                let _ = frame::head(&Answer::Waits(waits)).map(|head| stream.write_all(&head));
            }
        })
    }

    /// What was found since the last time.
    fn tell_samples(&self) -> io::Result<()> {
        let samples = profile::control(profile::Order::Take)?;
        let samples = postcard::to_stdvec(&samples).map_err(io::Error::other)?;
        let head = frame::head(&Answer::Samples(samples.len() as u64)).map_err(io::Error::other)?;
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(&head)?;
        stream.write_all(&samples)
    }

    fn answer(&self, open: &AtomicBool, outcome: Outcome) -> io::Result<()> {
        let (answer, result) = match outcome {
            Outcome::Result(result) => (Answer::Result(result.len() as u64), result),
            Outcome::Failed(failure) => (Answer::Failed(chain(&failure)), Bytes::new()),
            Outcome::Panicked { what, backtrace } => (Answer::Panicked { what, backtrace }, Bytes::new()),
        };
        let head = frame::head(&answer).map_err(io::Error::other)?;
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.store(false, Ordering::Release);
        stream.write_all(&head)?;
        stream.write_all(&result)
    }
}
