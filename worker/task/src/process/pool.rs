//! The children of one worker: taken for a call each, kept for the next one.

use std::ffi::OsString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::Pid;
use tokio::net::UnixStream;
use tokio::time::MissedTickBehavior;
use tracing::warn;

use super::channel::{self, Broken};
use super::ending::ProcessError;
use super::spawn::{Process, memory};
use crate::function::Outcome;
use crate::function::registry::ArgumentBytes;
use crate::running::Pauses;

/// How often a child's memory is looked at. One that takes memory as fast as it can gets some tens of MiB in that time.
const LOOK: Duration = Duration::from_millis(10);

/// Children for calls of functions. Cheap to clone; they end with the last clone.
#[derive(Clone)]
pub struct Processes(Arc<Inner>);

struct Inner {
    /// With these words this executable is a child; nothing if it cannot be one.
    words: Option<Vec<OsString>>,
    home: Mutex<Home>,
    /// Kept when they have nothing to do, at most.
    most: usize,
    /// Bytes that a child may have where its task does not say.
    memory: u64,
    idle: Mutex<Vec<Process>>,
}

/// The program's way to the application, which children are told.
#[derive(Clone)]
struct Home {
    /// How often there was another one: children are told once.
    turn: u64,
    bytes: Bytes,
}

/// One call.
pub(crate) struct Call<'a> {
    pub function: &'a str,
    pub arguments: Vec<ArgumentBytes>,
    /// How deep its task is nested.
    pub generation: u32,
    pub pauses: &'a Pauses,
    /// Bytes that it may have for itself; 0 for what is usual.
    pub memory: u64,
}

/// A child that has a call. Dropped before the end of the call, it ends, and another one is started instead.
struct Busy {
    process: Option<Process>,
    of: Arc<Inner>,
}

impl Processes {
    /// They are this executable, started with `words` (nothing if it cannot be one), and are told `home`; `threads` of them are
    /// kept when they have nothing to do, and each may have so many bytes of memory where its task does not say.
    pub fn new(words: Option<Vec<OsString>>, home: Bytes, threads: usize, memory: u64) -> Processes {
        let (home, idle) = (Mutex::new(Home { turn: 0, bytes: home }), Mutex::default());
        Processes(Arc::new(Inner { words, home, most: threads.max(1), memory, idle }))
    }

    /// From now on children are told this. Those that were told something else end, or do no other call.
    pub fn change_home(&self, bytes: Bytes) {
        {
            let mut home = self.0.home.lock().unwrap_or_else(PoisonError::into_inner);
            *home = Home { turn: home.turn + 1, bytes };
        }
        self.0.idle().retain(|process| process.home.is_none());
    }

    /// Makes a call. Its child is ended when this is dropped.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Outcome, ProcessError> {
        let limit = if call.memory == 0 { self.0.memory } else { call.memory };
        let mut busy = Busy::take(&self.0)?;
        let Some(process) = &mut busy.process else { return Err(ProcessError::Garbled("it is gone".to_owned())) };
        let pid = process.pid;
        let outcome = tokio::select! {
            biased;
            answered = converse(process, self.0.home(), call) => answered,
            used = outgrown(pid, limit) => return Err(ProcessError::Memory { used, limit }),
        };
        match outcome {
            Ok(answered) => {
                busy.put_back(limit);
                Ok(answered)
            }
            Err(Broken::Garbled(why)) => Err(ProcessError::Garbled(why)),
            Err(Broken::Closed) => Err(busy.died(limit)),
        }
    }
}

async fn converse(process: &mut Process, home: Home, call: Call<'_>) -> Result<Outcome, Broken> {
    let channel = process.channel.take().ok_or(Broken::Closed)?;
    let mut stream = UnixStream::from_std(channel)?;
    if process.home.is_none() {
        process.home = Some(home.turn);
        channel::tell_home(&mut stream, &home.bytes).await?;
    }
    let Call { function, arguments, generation, pauses, .. } = call;
    let answered = channel::call(&mut stream, (function, generation), &arguments, pauses).await?;
    process.channel = Some(stream.into_std()?);
    Ok(answered)
}

/// Waits until it has more than this.
async fn outgrown(pid: Pid, limit: u64) -> u64 {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one is at once.
    looks.tick().await;
    loop {
        looks.tick().await;
        let used = memory(pid);
        if used > limit {
            return used;
        }
    }
}

impl Inner {
    fn start(&self) -> Result<Process, ProcessError> {
        let words = self.words.as_ref().ok_or(ProcessError::Unavailable)?;
        Process::start(words).map_err(ProcessError::Start)
    }

    fn home(&self) -> Home {
        // It is put in its place as a whole.
        self.home.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Can it do calls that belong to the application as it is now?
    fn is_current(&self, process: &Process) -> bool {
        process.home.is_none_or(|turn| turn == self.home().turn)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Process>> {
        // Nothing in here panics half way.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts one that the next call finds, if there is none.
    fn warm(&self) {
        if !self.idle().is_empty() {
            return;
        }
        match self.start() {
            Ok(process) => self.idle().push(process),
            Err(error) => warn!(%error, "start a process for the next task"),
        }
    }
}

impl Busy {
    fn take(of: &Arc<Inner>) -> Result<Busy, ProcessError> {
        let usable = |mut process: Process| (of.is_current(&process) && process.is_alive()).then_some(process);
        let kept = std::iter::from_fn(|| of.idle().pop()).find_map(usable);
        let process = match kept {
            Some(process) => process,
            None => of.start()?,
        };
        process.tail.clear();
        Ok(Busy { process: Some(process), of: Arc::clone(of) })
    }

    /// It is kept, unless it keeps so much memory for itself that the next task would have too little, or has another home than
    /// the next task.
    fn put_back(mut self, limit: u64) {
        let Some(process) = self.process.take() else { return };
        if memory(process.pid) > limit / 2 || !self.of.is_current(&process) {
            self.process = Some(process);
            return;
        }
        let mut idle = self.of.idle();
        if idle.len() < self.of.most {
            idle.push(process);
        }
    }

    /// It has closed its side.
    fn died(mut self, limit: u64) -> ProcessError {
        let Some(process) = self.process.take() else { return ProcessError::Garbled("it is gone".to_owned()) };
        warm_later(&self.of);
        match process.end() {
            Ok((status, last)) => ProcessError::Died { status, last, limit },
            Err(error) => ProcessError::Start(error),
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.process.take().is_some() {
            warm_later(&self.of);
        }
    }
}

/// Starting a process takes a millisecond, which is nobody's who was cancelled.
fn warm_later(of: &Arc<Inner>) {
    let of: Weak<Inner> = Arc::downgrade(of);
    let warm = move || of.upgrade().iter().for_each(|of| of.warm());
    // Without a thread the next call starts one itself.
    let _ = std::thread::Builder::new().name("warm".to_owned()).spawn(warm);
}
