//! Sessions: an application in this process or on a cluster, and the files that its tasks read.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bobbin_blocks::{BlockReader, PathBase};
use bobbin_link::{AuthorityError, Connector, DialError, Identity};
use bobbin_proto as wire;

use crate::driver::{Again, Driver};
use crate::fetch::Fetcher;
use crate::io::beside;
use crate::local::{self, LocalError, LocalOptions};
use crate::machine;
use crate::spill::SpillDirectory;

/// Bytes of a block where nothing else is said.
const SPLIT_SIZE: u64 = 32 << 20;

/// Between attempts to reach an application master that is gone.
const PAUSE: Duration = Duration::from_millis(500);

/// A way to run tasks: calls of functions, queries. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    pub(crate) driver: Driver,
    pub(crate) fetcher: Fetcher,
    pub(crate) files: Files,
    #[cfg(feature = "sql")]
    pub(crate) planner: bobbin_engine::Planner,
    pub(crate) shared: Arc<Shared>,
    /// Of tasks, the session that all in this process share.
    pub(crate) _keeper: Option<Arc<Session>>,
}

/// How a session finds and cuts files.
#[derive(Clone, Debug)]
pub struct Files {
    /// Reads them.
    pub reader: BlockReader,
    /// What a path without a scheme means.
    pub base: PathBase,
    /// Bytes of a block.
    pub split_size: u64,
}

/// What all clones of a session have in common.
pub(crate) struct Shared {
    /// Its number in this process.
    #[cfg(feature = "sql")]
    pub number: u64,
    /// Tables and views that its statements have made.
    #[cfg(feature = "sql")]
    pub catalog: tokio::sync::Mutex<bobbin_engine::Catalog>,
    /// Names that were made up.
    #[cfg(feature = "sql")]
    pub names: AtomicU64,
    /// Where local mode spills; goes with the session.
    spill: OnceLock<SpillDirectory>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Local mode could not begin.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// The application's certificates cannot be used.
    #[error("use the application's certificate")]
    Identity(#[from] AuthorityError),
    /// The application master cannot be reached.
    #[error("join the application")]
    Dial(#[from] DialError),
}

impl Files {
    /// Files as they are usually cut.
    pub fn new(reader: BlockReader, base: PathBase) -> Files {
        Files { reader, base, split_size: SPLIT_SIZE }
    }

    #[cfg(feature = "sql")]
    fn planner(&self) -> bobbin_engine::Planner {
        let Files { reader, base, split_size } = self.clone();
        let options = bobbin_engine::PlannerOptions {
            split_size,
            default_scheme: base,
            ..bobbin_engine::PlannerOptions::default()
        };
        bobbin_engine::Planner::new(reader, options)
    }
}

impl Shared {
    fn new() -> Shared {
        static SESSIONS: AtomicU64 = AtomicU64::new(0);
        let _number = SESSIONS.fetch_add(1, Ordering::Relaxed);
        Shared {
            #[cfg(feature = "sql")]
            number: _number,
            #[cfg(feature = "sql")]
            catalog: tokio::sync::Mutex::default(),
            #[cfg(feature = "sql")]
            names: AtomicU64::new(0),
            spill: OnceLock::new(),
        }
    }
}

impl Session {
    pub(crate) fn new(driver: Driver, fetcher: Fetcher, files: Files) -> Self {
        Session {
            driver,
            fetcher,
            #[cfg(feature = "sql")]
            planner: files.planner(),
            files,
            shared: Arc::new(Shared::new()),
            _keeper: None,
        }
    }

    /// A session that keeps this one.
    pub(crate) fn shared_by(keeper: Arc<Session>) -> Self {
        Session { _keeper: Some(Arc::clone(&keeper)), ..Session::clone(&keeper) }
    }

    /// A session in this process; [`Session::connect`] chooses what is usual.
    ///
    /// # Errors
    /// When the machine gives no threads.
    pub async fn begin(options: &LocalOptions, files: Files) -> Result<Self, SessionError> {
        let (options, its_files) = (options.clone(), files.clone());
        let (driver, fetcher) = beside(async move { local::start(&options, its_files).await }).await?;
        Ok(Session::new(driver, fetcher, files))
    }

    /// A session with the application whose master is at `address` (host:port); `identity` is of its authority.
    ///
    /// # Errors
    /// When the application master cannot be reached or refuses us.
    pub async fn join(address: &str, identity: &Identity, name: &str, files: Files) -> Result<Self, SessionError> {
        let connector = Connector::new(identity)?;
        let driver = Driver::dial(&connector, address, name).await?;
        Ok(Session::new(driver, Fetcher::remote(connector), files))
    }

    /// A session with the one on this machine that serves this socket (see [`crate::machine`]).
    ///
    /// # Errors
    /// When nobody of this user serves it.
    pub async fn join_machine(socket: &Path, name: &str, files: Files) -> Result<Self, SessionError> {
        let connector = machine::connector();
        let driver = Driver::dial(&connector, &socket.to_string_lossy(), name).await?;
        Ok(Session::new(driver, Fetcher::remote(connector), files))
    }

    /// As [`Session::join`], for drivers that outlive a broken connection: when it breaks, the application master is looked
    /// for at the same address for so long, and futures are computed again there.
    ///
    /// # Errors
    /// When the application master cannot be reached or refuses us.
    pub async fn join_patiently(
        (address, identity): (&str, &Identity),
        name: &str,
        files: Files,
        patience: Duration,
    ) -> Result<Self, SessionError> {
        let connector = Connector::new(identity)?;
        let (fetcher, hello) = (Fetcher::remote(connector.clone()), wire::DriverHello { name: name.to_owned() });
        let again_to = (connector.clone(), address.to_owned(), hello.clone());
        let again: Again = Box::new(move |why| {
            let (connector, address, hello) = again_to.clone();
            Box::pin(async move {
                let dialing = async {
                    loop {
                        match connector.dial_as_driver(&address, hello.clone()).await {
                            Ok((link, _)) => return link,
                            Err(_) => tokio::time::sleep(PAUSE).await,
                        }
                    }
                };
                let found = tokio::time::timeout(patience, dialing).await;
                found.map_err(|_| format!("{why}, and nobody answered at {address} for {} s", patience.as_secs()))
            })
        });
        let driver = Driver::dial_patiently(&connector, address, hello, |_| again).await?;
        Ok(Session::new(driver, fetcher, files))
    }

    /// The same session, which removes this directory at its end.
    pub(crate) fn with_guard(self, spill: SpillDirectory) -> Self {
        // It has none yet: only a session that has just begun gets one.
        let _ = self.shared.spill.set(spill);
        self
    }

    /// Ends the application.
    pub async fn finish(&self, succeeded: bool, diagnostics: impl Into<String>) {
        self.driver.finish(succeeded, diagnostics).await;
    }
}

/// An error with its causes, on one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
