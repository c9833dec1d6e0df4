//! The roles that are given to a program: by YARN that of a worker in a container, by a worker that of a task's process. What it says on standard error is the container's log.

pub mod environment;
mod process;

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bobbin_appmaster::spec::{
    SECRET_AUTHORITY_CERTIFICATE, SECRET_LEAF_CERTIFICATE, SECRET_LEAF_KEY, SECRET_TOKEN, SECRET_WORKER, WorkerSpec,
};
use bobbin_appmaster::{ContainerError, take_credentials, text_secret};
use bobbin_blocks::{BlockReader, HdfsOptions, PathBase};
use bobbin_link::{Identity, PortRange, Secret};
use bobbin_task::process::Processes;
use bobbin_worker::{Connection, Found, ResultStore, Search};
use hadoop_wire::config::Configuration;
use hadoop_wire::credentials::Credentials;
use hadoop_wire::names::ApplicationId;
use tracing_subscriber::EnvFilter;

use crate::executors::{Room, executors};
use crate::futures::Isolation;
use crate::nested::{Home, MasterAddress, Way};
use crate::profile;
use crate::session::{Files, describe};
use crate::yarn::{self, Cluster};

pub(crate) use process::processes;
pub use process::{task_process, task_processes_start_with};

/// Memory of a worker's container that is neither for operators nor for results: code, stacks, buffers, windows of
/// mapped blocks.
const RESERVE_MIB: u64 = 256;
/// Containers smaller than twice the reserve keep this share of their memory for themselves, in percent.
const SMALL_RESERVE: u64 = 40;
/// A container's log is read when something went wrong.
const CONTAINER_LOG: &str = "info,hdfs_native=error,datafusion=error";

/// What a role ends with.
pub type Outcome = Result<ExitCode, Box<dyn Error>>;

/// The worker of this container, until its application master, or one that follows it, tells it to stop. Where a worker has
/// started this process for its tasks, [`task_process`] instead.
///
/// # Errors
/// When this is no container of an application, or its application master is gone and no other one is found.
pub async fn worker() -> Outcome {
    if let Some(code) = task_process().await {
        return Ok(code);
    }
    let credentials = take_credentials()?;
    let spec: WorkerSpec = serde_json::from_str(text_secret(&credentials, SECRET_WORKER)?)?;
    log_to_standard_error(spec.log_filter.as_deref());
    profile_tasks();
    if spec.unpacks_environment {
        // Tasks find it when they come.
        tokio::task::spawn_blocking(environment::unpack).await??;
    }
    bobbin_worker::connect(connection(&credentials, spec)?).await?;
    Ok(ExitCode::SUCCESS)
}

/// Makes this executable one whose tasks can be profiled, by [`crate::Session::profile`]. What `#[bobbin::main]` makes of `main` has
/// done it.
pub fn can_profile_tasks() {
    bobbin_task::profile::enable();
}

/// Takes samples of tasks, if the environment asks for them. Without them, too, a worker is of use.
pub(crate) fn profile_tasks() {
    if let Err(error) = profile::begin_as_environment_says() {
        tracing::warn!(error = describe(&error), "no samples are taken");
    }
}

fn connection(credentials: &Credentials, spec: WorkerSpec) -> Result<Connection, Box<dyn Error>> {
    let memory = memory_for_work(spec.memory_mib);
    let scratch = scratch()?;
    let threads = usize::try_from(spec.threads)?;
    let identity = identity(credentials)?;
    let (reader, home, (cluster, address)) = surroundings(&spec, &identity)?;
    let room = Room { memory_bytes: memory - memory / 3, threads, spill: scratch.clone() };
    let processes = processes(process::told(&spec, &identity)?, threads, room.memory_bytes);
    let moving = Moving { spec: spec.clone(), identity: identity.clone(), address, processes: processes.clone() };
    let next = (spec.patience_ms > 0).then(|| search(cluster, moving));
    let executors = executors(reader, room, (home, processes, Isolation::of_workers()?));
    Ok(Connection {
        identity,
        container_id: std::env::var("CONTAINER_ID")?,
        host: std::env::var("NM_HOST")?,
        threads: spec.threads,
        memory_bytes: spec.memory_mib << 20,
        port_range: spec.port_range.and_then(|(first, last)| PortRange::new(first, last)),
        executors,
        store: ResultStore::new(&scratch, memory / 3),
        next,
        master_address: spec.master_address,
    })
}

/// What is known of a way to the application: the cluster, if there is one, and where the application master is.
type Surroundings = (BlockReader, Home, (Option<Cluster>, MasterAddress));

/// How tasks read files, and reach their application.
fn surroundings(spec: &WorkerSpec, identity: &Identity) -> Result<Surroundings, Box<dyn Error>> {
    let configuration = Configuration::from_map(spec.hadoop.clone());
    let user = (!configuration.is_secure()).then(|| spec.user.clone());
    let reader = BlockReader::with_hdfs(HdfsOptions { configuration: configuration.clone(), user })?;
    // Without a default file system, paths of tasks that read files themselves need schemes, or are local.
    let cluster = Cluster::new(&configuration, &spec.user).ok();
    let home = cluster.as_ref().map(Cluster::home_url);
    let files = Files::new(reader.clone(), home.map_or(PathBase::Local, PathBase::DefaultFs));
    let address = MasterAddress::new(spec.master_address.clone());
    let way = Way::There(address.clone(), identity.clone());
    Ok((reader, Home::new(way, files), (cluster, address)))
}

/// Who has to know where the application master is.
struct Moving {
    spec: WorkerSpec,
    identity: Identity,
    /// Of tasks in threads.
    address: MasterAddress,
    /// Of those in processes of their own.
    processes: Processes,
}

impl Moving {
    /// Another one may be here.
    fn change(&self, address: &str) -> Result<(), String> {
        self.address.change(address);
        let spec = WorkerSpec { master_address: address.to_owned(), ..self.spec.clone() };
        self.processes.change_home(process::told(&spec, &self.identity).map_err(|error| error.to_string())?);
        Ok(())
    }
}

/// How the worker finds the next application master: the ResourceManager knows. Where there is none, it is at the same address.
fn search(cluster: Option<Cluster>, moving: Moving) -> Search {
    let patience = Duration::from_millis(moving.spec.patience_ms);
    let id = moving.spec.application_id.parse::<ApplicationId>().ok();
    let (known, moving) = (cluster.zip(id).map(Arc::new), Arc::new(moving));
    let find = move || -> Found {
        let (known, moving) = (known.clone(), Arc::clone(&moving));
        Box::pin(async move {
            let found = match known {
                Some(known) => registered(&known.0, known.1).await?,
                None => Some(moving.spec.master_address.clone()),
            };
            found.iter().try_for_each(|found| moving.change(found))?;
            Ok(found)
        })
    };
    Search { patience, find: Box::new(find) }
}

/// host:port of the application master that has registered, if any has.
async fn registered(cluster: &Cluster, id: ApplicationId) -> Result<Option<String>, String> {
    match yarn::report(cluster, id).await {
        Ok(application) if application.state.is_ended() => {
            Err(format!("{id} has ended ({}): {}", application.state.name(), application.diagnostics))
        }
        Ok(application) if application.state == yarn::State::Running => {
            Ok(application.master.map(|(host, port)| format!("{host}:{port}")))
        }
        Ok(_) => Ok(None),
        Err(gone @ yarn::WatchError::Unknown(_)) => Err(describe(&gone)),
        // It may be back before our patience ends.
        Err(error) => {
            tracing::warn!(error = describe(&error), "ask the ResourceManager for the application master");
            Ok(None)
        }
    }
}

/// What a part of the application shows to the others, as its credentials hold it.
///
/// # Errors
/// When something is missing there.
pub fn identity(credentials: &Credentials) -> Result<Identity, ContainerError> {
    let text = |alias| text_secret(credentials, alias).map(str::to_owned);
    let secret = credentials.secrets.get(SECRET_TOKEN).and_then(|bytes| Secret::from_bytes(bytes));
    Ok(Identity {
        authority_pem: text(SECRET_AUTHORITY_CERTIFICATE)?,
        certificate_pem: text(SECRET_LEAF_CERTIFICATE)?,
        key_pem: text(SECRET_LEAF_KEY)?,
        secret: secret.ok_or(ContainerError::Secret(SECRET_TOKEN))?,
    })
}

/// Bytes for operators and results.
fn memory_for_work(container_mib: u64) -> usize {
    let reserve = RESERVE_MIB.min(container_mib * SMALL_RESERVE / 100);
    usize::try_from((container_mib - reserve) << 20).unwrap_or(usize::MAX)
}

/// A directory on one of the node's disks that YARN removes with the application; each container has its own.
fn scratch() -> Result<PathBuf, std::env::VarError> {
    let directories = std::env::var("LOCAL_DIRS")?;
    let first = directories.split(',').next().unwrap_or(&directories);
    Ok(PathBuf::from(first).join(format!("bobbin-{}", std::env::var("CONTAINER_ID")?)))
}

/// Begins to log on standard error, with the filter that was submitted.
pub fn log_to_standard_error(filter: Option<&str>) {
    let events = tracing_subscriber::fmt().with_writer(io::stderr).with_env_filter(container_filter(filter));
    set_subscriber(events.with_ansi(false).finish());
}

/// Begins to log into a file of its own, so that standard output and error are a command's alone.
///
/// # Errors
/// When the file cannot be made.
pub fn log_to_file(path: &Path, filter: Option<&str>) -> io::Result<()> {
    let file = Arc::new(std::fs::File::create(path)?);
    let events = tracing_subscriber::fmt().with_writer(file).with_env_filter(container_filter(filter));
    set_subscriber(events.with_ansi(false).finish());
    Ok(())
}

fn container_filter(filter: Option<&str>) -> EnvFilter {
    EnvFilter::new(filter.filter(|filter| *filter != "off").unwrap_or(CONTAINER_LOG))
}

/// Begins to log so.
pub fn set_subscriber(subscriber: impl tracing::Subscriber + Send + Sync) {
    // A second subscriber or logger is refused, which only tests could meet.
    let _ = tracing_log::LogTracer::init();
    let _ = tracing::subscriber::set_global_default(subscriber);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_keeps_some_memory_for_itself() {
        assert_eq!(memory_for_work(2048), (2048 - 256) << 20);
        assert_eq!(memory_for_work(100), 60 << 20);
    }
}
