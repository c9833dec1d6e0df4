//! Ctrl-C and TERM: what was submitted is killed, unless it was meant to outlive us.

use std::sync::{Arc, Mutex};

use bobbin::yarn::{self, Cluster};
use hadoop_wire::names::ApplicationId;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::{Exit, Failure};
use crate::terminal;

/// The application that an interrupt has to end. Cheap to clone.
#[derive(Clone, Default)]
pub struct Guarded(Arc<Mutex<Option<(Cluster, ApplicationId)>>>);

impl Guarded {
    /// From now on an interrupt kills this application.
    pub fn guard(&self, cluster: &Cluster, id: ApplicationId) {
        self.set(Some((cluster.clone(), id)));
    }

    /// From now on an interrupt kills nothing.
    pub fn release(&self) {
        self.set(None);
    }

    fn set(&self, value: Option<(Cluster, ApplicationId)>) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = value;
    }

    fn get(&self) -> Option<(Cluster, ApplicationId)> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// Runs `work` until it is done or the user wants no more. A second signal ends us at once.
pub async fn interruptible(
    guarded: &Guarded,
    work: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    tokio::select! {
        outcome = work => outcome,
        exit = signalled() => {
            tokio::select! {
                () = end(guarded) => Ok(exit),
                exit = signalled() => Ok(exit),
            }
        }
    }
}

async fn end(guarded: &Guarded) {
    let Some((cluster, id)) = guarded.get() else { return };
    terminal::note(format_args!("yarn-submit: interrupted; ending {id}"));
    match yarn::kill(&cluster, id, "interrupted at the command line").await {
        Ok(_) => {
            // The next sweep removes what this leaves.
            let _ = yarn::clean(&cluster, id).await;
        }
        // It never got there.
        Err(yarn::WatchError::Unknown(_)) => {}
        Err(error) => {
            let reason = crate::exit::chain(&error);
            terminal::note(format_args!(
                "yarn-submit: {id} may still run: {reason}; end it with: yarn-submit kill {id}"
            ));
        }
    }
}

/// Waits for Ctrl-C or TERM; for ever where the system has no signals for us.
async fn signalled() -> Exit {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => Exit::Interrupted,
        _ = terminate.recv() => Exit::Code(143),
    }
}
