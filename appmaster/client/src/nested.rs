//! Sessions of tasks: a function that runs on a worker submits tasks of its own, and waits for them without its thread.
//!
//! A worker's program keeps a [`Home`], its way to the application, which functions find in the running task. All tasks that
//! run in one process share one conversation, which ends when none of them needs it.

use std::sync::{Arc, OnceLock, PoisonError, Weak};

use bobbin_appmaster::application::Application;
use bobbin_link::{AuthorityError, Connector, Identity};
use bobbin_proto as wire;
use bobbin_task::function::{Functions, Methods};
use bobbin_worker::{ResultStore, Served};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::driver::Driver;
use crate::fetch::Fetcher;
use crate::session::{Files, Session, SessionError};

/// How tasks of this process reach its application.
pub(crate) struct Home {
    way: Way,
    files: Files,
    /// Runs the conversation: a task's own thread is often busy.
    io: Handle,
    /// The session of all tasks that have one now, and the application master's turn that it is with.
    shared: Mutex<(u64, Weak<Session>)>,
    /// What tasks call actors through.
    fetcher: OnceLock<Fetcher>,
}

/// Where the application is.
pub(crate) enum Way {
    /// In this process, with its only worker.
    Here(Application, ResultStore, Arc<Methods>),
    /// At this address.
    There(MasterAddress, Identity),
}

/// host:port of the application master, which another one may follow elsewhere. Cheap to clone.
#[derive(Clone)]
pub(crate) struct MasterAddress(Arc<std::sync::Mutex<(u64, String)>>);

impl MasterAddress {
    /// That of the one to begin with.
    pub fn new(address: String) -> MasterAddress {
        MasterAddress(Arc::new(std::sync::Mutex::new((0, address))))
    }

    /// Another one may be here.
    pub fn change(&self, address: &str) {
        let mut row = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *row = (row.0 + 1, address.to_owned());
    }

    /// Where it is, and how often that has changed.
    pub fn get(&self) -> (u64, String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Way {
    /// Which application master it leads to: a session with an earlier one is of no use.
    fn turn(&self) -> u64 {
        match self {
            Way::Here(..) => 0,
            Way::There(address, _) => address.get().0,
        }
    }
}

impl Home {
    /// Of a worker whose links are served by the runtime that this is called in.
    pub fn new(way: Way, files: Files) -> Home {
        Home { way, files, io: Handle::current(), shared: Mutex::default(), fetcher: OnceLock::new() }
    }

    /// That of the task that runs on this thread; nothing outside of tasks.
    pub fn of_running_task() -> Option<Arc<Home>> {
        bobbin_task::running()?.home?.downcast().ok()
    }

    /// The way to workers, without a session.
    pub fn fetcher(self: &Arc<Self>) -> Result<Fetcher, AuthorityError> {
        if let Some(fetcher) = self.fetcher.get() {
            return Ok(fetcher.clone());
        }
        let fetcher = match &self.way {
            // It has this home itself, and so is not kept here.
            Way::Here(_, store, methods) => return Ok(self.to_worker_here(store, methods)),
            Way::There(_, identity) => Fetcher::remote(Connector::new(identity)?),
        };
        Ok(self.fetcher.get_or_init(|| fetcher).clone())
    }

    /// The way to the worker in this process.
    fn to_worker_here(self: &Arc<Self>, store: &ResultStore, methods: &Arc<Methods>) -> Fetcher {
        let functions = Functions::new(self.files.reader.clone()).with_home(Arc::clone(self) as _);
        Fetcher::Local(Served { store: store.clone(), methods: Arc::clone(methods), functions: Arc::new(functions) })
    }

    /// A session for a task.
    pub async fn session(self: Arc<Self>) -> Result<Session, SessionError> {
        let io = self.io.clone();
        let begun = io.spawn(async move {
            let mut shared = self.shared.lock().await;
            let turn = self.way.turn();
            if let Some(session) = shared.1.upgrade().filter(|_| shared.0 == turn) {
                return Ok(session);
            }
            let session = Arc::new(self.begin().await?);
            *shared = (turn, Arc::downgrade(&session));
            Ok(session)
        });
        match begun.await {
            Ok(session) => session.map(Session::shared_by),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    async fn begin(self: &Arc<Self>) -> Result<Session, SessionError> {
        match &self.way {
            Way::There(address, identity) => {
                Session::join(&address.get().1, identity, "tasks", self.files.clone()).await
            }
            Way::Here(application, store, methods) => {
                let hello = wire::DriverHello { name: "tasks".to_owned() };
                let seat = application.add_driver(hello).await.map_err(crate::local::LocalError::Over)?;
                let fetcher = self.to_worker_here(store, methods);
                Ok(Session::new(Driver::over_seat(seat), fetcher, self.files.clone()))
            }
        }
    }
}

/// Lets this go on by itself, also when the task that calls has ended.
pub(crate) fn spawn(work: impl std::future::Future<Output = ()> + Send + 'static) {
    let handle = match Home::of_running_task() {
        Some(home) => Ok(home.io.clone()),
        None => Handle::try_current(),
    };
    // Where no runtime is left, the program is at its end, and with it the conversation.
    if let Ok(handle) = handle {
        drop(handle.spawn(work));
    }
}

/// Runs this where it goes on while the task's own thread is busy: at the worker's links, if a task calls.
pub(crate) async fn aside<T: Send + 'static>(work: impl std::future::Future<Output = T> + Send + 'static) -> T {
    match Home::of_running_task() {
        None => work.await,
        Some(home) => match home.io.spawn(work).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        },
    }
}
