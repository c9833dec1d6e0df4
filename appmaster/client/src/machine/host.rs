//! The process of a session: an application and its worker, as in local mode, whose drivers come through a socket.

use std::error::Error;
use std::fs::{File, Permissions};
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bobbin_appmaster::application::{Application, Outcome};
use bobbin_appmaster::server::{self, Seated};
use bobbin_blocks::{BlockReader, HdfsOptions, PathBase};
use bobbin_core::Event;
use bobbin_link::{AcceptError, Accepted, Pending, Role, UserAcceptor};
use bobbin_proto::SessionStatus;
use bobbin_worker::Served;
use futures::SinkExt;
use hadoop_client::conf;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};
use tracing::{debug, info, warn};

use super::start::{Means, Word};
use super::{Directory, MachineError, NAME, Place, user};
use crate::local::{self, Here, LocalError, Presence};
use crate::role;
use crate::session::{Files, describe};
use crate::spill::SpillDirectory;
use crate::yarn::exit;

/// Connections that may be open at once; more wait in the socket's queue.
const CONNECTIONS: usize = 1024;
/// How long drivers may take to hear of the end.
const GOODBYE: Duration = Duration::from_secs(1);
/// A name's lock is also held, for a moment, by whoever removes what was left under it.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Why a process does not become a session.
#[derive(Debug, thiserror::Error)]
enum HostError {
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error("use the Hadoop configuration")]
    Hadoop(#[from] bobbin_blocks::SetUpError),
    #[error("listen for signals")]
    Signals(#[source] io::Error),
}

/// What serves those who come.
struct Hosted {
    place: Place,
    here: Here,
    listener: UnixListener,
    terminated: Signal,
    status: SessionStatus,
    _socket: Socket,
    /// Held as long as the session is.
    _lock: File,
    _spill: SpillDirectory,
}

/// A socket that goes with the session.
struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        // Somebody may have tidied up before us.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The process of a session, until the session is over. Its standard input is the way to whoever has started it.
///
/// # Errors
/// When nobody has started it as one.
pub async fn host() -> Result<ExitCode, Box<dyn Error>> {
    // No terminal sends it signals any more. It fails where it leads a group, which has that effect, too.
    let _ = rustix::process::setsid();
    let name = std::env::var(NAME)?;
    let mut starter = StdStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut means = String::new();
    io::BufReader::new(&starter).read_line(&mut means)?;
    let means: Means = serde_json::from_str(&means)?;
    role::log_to_standard_error(means.log_filter.as_deref());
    role::profile_tasks();
    let hosted = Hosted::begin(&name, &means).await;
    let word = match &hosted {
        Ok(_) => Word::Ready,
        Err(error) => Word::Failed(describe(error), error.exit_code()),
    };
    writeln!(starter, "{}", serde_json::to_string(&word)?)?;
    drop(starter);
    match hosted {
        Ok(hosted) => Ok(hosted.serve().await),
        Err(error) => Ok(ExitCode::from(error.exit_code())),
    }
}

impl HostError {
    fn exit_code(&self) -> u8 {
        match self {
            HostError::Machine(error) => error.exit_code(),
            HostError::Hadoop(_) => exit::USAGE,
            HostError::Local(_) | HostError::Signals(_) => exit::INTERNAL,
        }
    }
}

impl Hosted {
    async fn begin(name: &str, means: &Means) -> Result<Hosted, HostError> {
        let place = Directory::of_user().place(name)?;
        let lock = lock(&place).await?;
        let socket = place.usable_socket()?;
        // What an earlier session of this name has said is of no use to this one's users.
        let emptied = lock.set_len(0);
        emptied.map_err(|source| MachineError::File { what: "empty", path: place.log(), source })?;
        let spill = SpillDirectory::new();
        let mut options = spill.options(means.threads);
        options.resources.clone_from(&means.resources);
        if let Some(bytes) = means.memory_bytes {
            options.memory_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        let idle_limit = Duration::from_millis(means.idle_limit_ms);
        let fetch_address = socket.to_string_lossy().into_owned();
        let presence = Presence { id: Arc::from(place.id()), fetch_address, idle_limit: Some(idle_limit) };
        let here = local::begin(&options, Files::new(reader(means)?, PathBase::Local), presence).await?;
        let terminated = signal(SignalKind::terminate()).map_err(HostError::Signals)?;
        let (listener, socket) = listen(&place, socket)?;
        let status = SessionStatus {
            pid: std::process::id(),
            memory_bytes: options.memory_bytes as u64,
            idle_limit_ms: means.idle_limit_ms,
            program: std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default(),
            ..SessionStatus::default()
        };
        info!(name, pid = status.pid, threads = options.threads, "the session begins");
        Ok(Hosted { place, here, listener, terminated, status, _socket: socket, _lock: lock, _spill: spill })
    }

    /// Serves until the application is over, or TERM ends it.
    async fn serve(self) -> ExitCode {
        let Hosted { place, here, listener, mut terminated, status, _socket: socket, _lock: lock, _spill: spill } =
            self;
        let Here { application, served, mut outcome } = here;
        let (talking, mut silence) = mpsc::channel::<()>(1);
        let visited = Arc::new(Visited { application: application.clone(), served, status });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&visited), talking));
        let ended = tokio::select! {
            ended = &mut outcome => ended,
            _ = terminated.recv() => {
                let diagnostics = "ended by a signal (SIGTERM)".to_owned();
                // When it is over already, that is what its outcome says.
                let _ = application.event(Event::FinishRequested { succeeded: true, diagnostics }).await;
                outcome.await
            }
        };
        // Nobody joins what is over.
        drop(socket);
        accepting.abort();
        // Drivers hear of the end before the process is gone: each has a sender until then.
        let _ = tokio::time::timeout(GOODBYE, silence.recv()).await;
        drop((spill, lock));
        match ended {
            Ok(Outcome { succeeded, diagnostics, .. }) => {
                info!(session = place.name(), diagnostics, "the session has ended");
                if succeeded { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
            }
            Err(error) => {
                warn!(session = place.name(), %error, "the application's task died");
                ExitCode::from(exit::INTERNAL)
            }
        }
    }
}

async fn lock(place: &Place) -> Result<File, MachineError> {
    for _ in 0..LOCK_ATTEMPTS {
        if let Some(lock) = place.lock()? {
            return Ok(lock);
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    let pid = place.status().await.map(|status| status.pid).unwrap_or_default();
    Err(MachineError::Running { name: place.name().to_owned(), pid })
}

/// HDFS is read where its configuration is at hand; a laptop without one has local files.
fn reader(means: &Means) -> Result<BlockReader, HostError> {
    let (Ok(loaded), Ok(user)) = (conf::load(None), hadoop_client::user()) else { return Ok(BlockReader::local()) };
    let mut configuration = loaded.configuration;
    for (key, value) in &means.properties {
        configuration.set(key, value, "--conf");
    }
    let user = (!configuration.is_secure()).then_some(user);
    Ok(BlockReader::with_hdfs(HdfsOptions { configuration, user })?)
}

/// The socket appears when it can be connected to: one that refuses is of a process that is gone.
fn listen(place: &Place, socket: PathBuf) -> Result<(UnixListener, Socket), MachineError> {
    let new = socket.with_extension("new");
    let failed = |what| {
        let path = socket.clone();
        move |source| MachineError::File { what, path, source }
    };
    // Left by one that was killed at this very point.
    let _ = std::fs::remove_file(&new);
    let listener = UnixListener::bind(&new).map_err(failed("listen on"))?;
    std::fs::set_permissions(&new, Permissions::from_mode(0o600)).map_err(failed("protect"))?;
    std::fs::rename(&new, &socket).map_err(failed("listen on"))?;
    debug!(session = place.name(), socket = %socket.display(), "listening");
    Ok((listener, Socket(socket)))
}

/// What those who come may ask for.
struct Visited {
    application: Application,
    served: Served,
    /// What does not change.
    status: SessionStatus,
}

/// Lets those in who belong here. Each driver has `talking` as long as it is served.
async fn accept(listener: UnixListener, visited: Arc<Visited>, talking: mpsc::Sender<()>) {
    let (places, acceptor) = (Arc::new(Semaphore::new(CONNECTIONS)), UserAcceptor::new(user()));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let socket = match listener.accept().await {
            Ok((socket, _)) => socket,
            Err(error) => {
                // Out of descriptors, most likely: let others finish first.
                warn!(%error, "accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (visited, talking) = (Arc::clone(&visited), talking.clone());
        tokio::spawn(async move {
            match visited.serve(acceptor, socket, talking).await {
                Ok(()) => {}
                // Somebody has looked whose process this is.
                Err(error @ AcceptError::Silent { .. }) => debug!(error = describe(&error), "a connection ended"),
                Err(error) => warn!(error = describe(&error), "refused a connection"),
            }
            drop(place);
        });
    }
}

impl Visited {
    async fn serve(
        &self,
        acceptor: UserAcceptor,
        socket: UnixStream,
        talking: mpsc::Sender<()>,
    ) -> Result<(), AcceptError> {
        let pending = acceptor.accept(socket).await?;
        match &pending.role {
            Role::Driver(_) => {
                if let Some(seated) = server::seat(pending, &self.application).await? {
                    Seated::serve(seated).await;
                }
                drop(talking);
            }
            Role::Peer | Role::Watcher => {
                drop(talking);
                self.tell(pending).await?;
            }
            Role::Worker(_) => pending.refuse("a session on one machine has its worker in its own process").await,
        }
        Ok(())
    }

    /// Serves those who only ask.
    async fn tell(&self, pending: Pending) -> Result<(), AcceptError> {
        match pending.welcome(self.application.id(), (0, crate::local::MASTER)).await? {
            Accepted::Peer(server) => {
                if let Err(error) = bobbin_worker::answer(*server, &self.served).await {
                    debug!(error = describe(&error), "a fetching connection broke");
                }
            }
            Accepted::Watcher(mut link) => {
                // Whoever asked may have gone away.
                let _ = link.send(self.status().await).await;
            }
            Accepted::Worker(_) | Accepted::Driver(_) => debug!("a peer's role changed during its welcome"),
        }
        Ok(())
    }

    /// How the session is; one that is over has nothing to say any more.
    async fn status(&self) -> SessionStatus {
        let snapshot = self.application.snapshot().await.unwrap_or_default();
        let sum = |count: fn(&bobbin_appmaster::application::JobView) -> u32| snapshot.jobs.iter().map(count).sum();
        SessionStatus {
            started_ms: snapshot.started_ms,
            workers: u32::try_from(snapshot.workers.len()).unwrap_or(u32::MAX),
            threads: snapshot.workers.iter().map(|worker| worker.threads).sum(),
            drivers: snapshot.drivers,
            jobs: u32::try_from(snapshot.jobs.len()).unwrap_or(u32::MAX),
            tasks: sum(|job| job.tasks.saturating_sub(job.done)),
            tasks_running: sum(|job| job.running),
            tasks_finished: snapshot.workers.iter().map(|worker| worker.finished).sum(),
            idle_since_ms: snapshot.idle_since_ms,
            ..self.status.clone()
        }
    }
}
