//! An environment that our own processes unpack: beside everything else that an application master does, and for good or
//! for the end of the application.

use std::error::Error;
use std::sync::Arc;
use std::thread;

use bobbin_core::Event;
use tokio::sync::watch;
use tracing::error;

use crate::application::Application;

/// Puts the environment into the working directory. It may take its time: it runs on a thread of its own.
pub type Unpack = Box<dyn FnOnce() -> Result<(), Box<dyn Error + Send + Sync>> + Send>;

/// How far it is. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Unpacking(watch::Receiver<Option<Result<(), Arc<str>>>>);

impl Unpacking {
    /// There is nothing to do: no environment, or YARN has unpacked it.
    pub(crate) fn none() -> Self {
        let (_, state) = watch::channel(Some(Ok(())));
        Unpacking(state)
    }

    /// Begins. The thread is nobody's to wait for: it ends with the process.
    pub(crate) fn start(unpack: Unpack) -> Self {
        let (told, state) = watch::channel(None);
        let work = move || {
            let outcome = unpack().map_err(|error| Arc::from(crate::describe(error.as_ref())));
            // When nobody listens any more, the application is over.
            let _ = told.send(Some(outcome));
        };
        if let Err(error) = thread::Builder::new().name("unpack".to_owned()).spawn(work) {
            let why = format!("start a thread that unpacks the environment: {error}");
            let (_, failed) = watch::channel(Some(Err(Arc::from(why))));
            return Unpacking(failed);
        }
        Unpacking(state)
    }

    /// Waits until the environment is there, or why it never will be.
    pub(crate) async fn done(&self) -> Result<(), Arc<str>> {
        let mut state = self.0.clone();
        let told = state.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        told.ok().flatten().unwrap_or_else(|| Err(Arc::from("unpack the environment: its thread died")))
    }

    /// Ends the application when the environment will never be there: no container of it could do its work.
    pub(crate) async fn watch(self, application: Application) {
        let Err(why) = self.done().await else { return };
        error!(%why, "no environment");
        // Where the user looks first.
        eprintln!("yarn-submit: {why}");
        let event = Event::FinishRequested { succeeded: false, diagnostics: why.to_string() };
        // It may be over for another reason.
        let _ = application.event(event).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_who_waits_hears_how_it_went() {
        assert_eq!(Unpacking::none().done().await, Ok(()));
        let unpacking = Unpacking::start(Box::new(|| Ok(())));
        assert_eq!((unpacking.clone().done().await, unpacking.done().await), (Ok(()), Ok(())));
        let failing = Unpacking::start(Box::new(|| Err("no space left".into())));
        assert_eq!(failing.done().await, Err(Arc::from("no space left")));
        let dying = Unpacking::start(Box::new(|| panic!("a fault")));
        assert!(dying.done().await.unwrap_err().ends_with("its thread died"));
    }
}
