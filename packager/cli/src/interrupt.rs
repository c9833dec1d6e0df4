//! Ctrl-C and TERM: what was submitted is killed, unless it was meant to outlive us.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bobbin::yarn::{self, Application, Cluster, Outcome, WatchError};
use bobbin_blocks::output::Output;
use hadoop_wire::names::ApplicationId;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{Exit, Failure};
use crate::terminal;

/// What an interrupt has to end: an application, and an output that has begun. Cheap to clone.
#[derive(Clone, Default)]
pub struct Guarded {
    application: Arc<Mutex<Option<(Cluster, ApplicationId)>>>,
    output: Unfinished,
    /// A session that has been joined: it goes on.
    session: Option<String>,
}

/// An output that whoever began it could not end any more.
#[derive(Clone, Debug, Default)]
pub struct Unfinished(Arc<Mutex<Option<Output>>>);

impl Unfinished {
    /// Leaves an output to whoever ends the process.
    pub fn leave(&self, output: Output) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(output);
    }

    /// Removes what was written of an output that was left.
    pub async fn abort(&self) {
        let left = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(output) = left {
            output.abort().await;
        }
    }
}

impl Guarded {
    /// Of work in the session of this name, if there is one, which no interrupt ends.
    pub fn in_session(session: Option<&str>) -> Guarded {
        Guarded { session: session.map(str::to_owned), ..Guarded::default() }
    }

    /// From now on an interrupt kills this application.
    pub fn guard(&self, cluster: &Cluster, id: ApplicationId) {
        self.set(Some((cluster.clone(), id)));
    }

    /// From now on an interrupt kills nothing.
    pub fn release(&self) {
        self.set(None);
    }

    /// Where an output is left that cannot be ended.
    pub fn output(&self) -> &Unfinished {
        &self.output
    }

    fn set(&self, value: Option<(Cluster, ApplicationId)>) {
        *self.application.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = value;
    }

    fn get(&self) -> Option<(Cluster, ApplicationId)> {
        self.application.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// Runs `work` until it is done or the user wants no more. A second signal ends us at once.
pub async fn interruptible(
    guarded: &Guarded,
    work: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    let mut signals = Signals::new();
    let heard = Arc::new(AtomicBool::new(false));
    let impatient = tokio::spawn(leave_unless(Arc::clone(&heard)));
    let outcome = tokio::select! {
        outcome = work => outcome,
        exit = signals.next() => {
            heard.store(true, Ordering::Relaxed);
            tokio::select! {
                () = end(guarded) => Ok(exit),
                exit = signals.next() => Ok(exit),
            }
        }
    };
    impatient.abort();
    outcome
}

/// How long work may compute without looking up before a signal ends the process anyway.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends the process at a signal that nobody has `heard`: whoever should is busy with a plan. An application that was
/// submitted ends without its driver.
async fn leave_unless(heard: Arc<AtomicBool>) {
    let exit = Signals::new().next().await;
    tokio::time::sleep(PATIENCE).await;
    if !heard.load(Ordering::Relaxed) {
        terminal::note("yarn-submit: interrupted");
        std::process::exit(exit.code().into());
    }
}

/// Ctrl-C and TERM, from the moment that this is made: one that comes while nobody looks is not lost.
pub struct Signals(Option<(Signal, Signal)>);

impl Signals {
    /// Begins to listen.
    pub fn new() -> Self {
        let streams = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        let (Ok(interrupt), Ok(terminate)) = streams else { return Signals(None) };
        Signals(Some((interrupt, terminate)))
    }

    /// Waits for the next one; for ever where the system has none for us.
    /// The next one, as the exit code that it asks for.
    pub async fn next(&mut self) -> Exit {
        let Some((interrupt, terminate)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => Exit::Interrupted,
            _ = terminate.recv() => Exit::Code(143),
        }
    }
}

/// What the ResourceManager may take to learn of an application whose submission was on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(300);

async fn kill(cluster: &Cluster, id: ApplicationId) -> Result<Application, WatchError> {
    let reason = "interrupted at the command line";
    match yarn::kill(cluster, id, reason).await {
        Err(WatchError::Unknown(_)) => {
            tokio::time::sleep(ON_ITS_WAY).await;
            yarn::kill(cluster, id, reason).await
        }
        known => known,
    }
}

async fn end(guarded: &Guarded) {
    end_application(guarded).await;
    // After its workers: they may have been writing.
    guarded.output.abort().await;
}

async fn end_application(guarded: &Guarded) {
    let Some((cluster, id)) = guarded.get() else {
        return match &guarded.session {
            Some(name) => terminal::note(format_args!("yarn-submit: interrupted; session {name} goes on")),
            None => terminal::note("yarn-submit: interrupted; there is no application to end"),
        };
    };
    terminal::note(format_args!("yarn-submit: interrupted; ending {id}"));
    match kill(&cluster, id).await {
        Ok(application) => {
            let word = if application.outcome == Some(Outcome::Killed) { "killed" } else { "had ended already" };
            terminal::note(format_args!("yarn-submit: {id} {word}"));
            // The next sweep removes what this leaves.
            let _ = yarn::clean(&cluster, id).await;
        }
        Err(WatchError::Unknown(_)) => {
            terminal::note(format_args!("yarn-submit: {id} was not submitted yet; nothing runs"));
            let _ = yarn::clean(&cluster, id).await;
        }
        Err(error) => {
            let reason = crate::exit::chain(&error);
            terminal::note(format_args!(
                "yarn-submit: {id} may still run: {reason}; end it with: yarn-submit kill {id}"
            ));
        }
    }
}
