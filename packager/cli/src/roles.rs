//! The roles that YARN starts: the same executable, in containers. YARN keeps what they say as the container's logs: a
//! worker's standard error, and `appmaster.log`, because the application master's standard output and error are those of
//! the command that it runs.

mod environment;

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bobbin_appmaster::spec::{
    SECRET_AUTHORITY_CERTIFICATE, SECRET_LEAF_CERTIFICATE, SECRET_LEAF_KEY, SECRET_TOKEN, SECRET_WORKER, WorkerSpec,
};
use bobbin_appmaster::{Container, ContainerError, take_credentials, text_secret};
use bobbin_blocks::{BlockReader, HdfsOptions};
use bobbin_engine::Executor;
use bobbin_link::{Identity, PortRange, Secret};
use bobbin_worker::{Connection, ResultStore};
use hadoop_wire::config::Configuration;
use hadoop_wire::credentials::Credentials;

use crate::background::Background;
use crate::{exit, log};

/// Memory of a worker's container that is neither for operators nor for results: code, stacks, buffers, windows of
/// mapped blocks.
const RESERVE_MIB: u64 = 256;
/// Containers smaller than twice the reserve keep this share of their memory for themselves, in percent.
const SMALL_RESERVE: u64 = 40;

/// Runs the role that the first word names; `None` when it names none of them.
pub fn run(words: &[OsString]) -> Option<ExitCode> {
    let (name, outcome) = match words.get(1)?.to_str()? {
        "appmaster" => ("application master", on_runtime(2, appmaster())),
        "worker" => ("worker", on_runtime(2, worker())),
        _ => return None,
    };
    Some(match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("yarn-submit: {name}: {}", exit::chain(error.as_ref()));
            ExitCode::from(exit::Exit::Internal.code())
        }
    })
}

type Outcome = Result<ExitCode, Box<dyn Error>>;

fn on_runtime(threads: usize, role: impl Future<Output = Outcome>) -> Outcome {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all().build()?.block_on(role)
}

async fn appmaster() -> Outcome {
    let container = Container::take()?;
    let filter = container.spec.workers.log_filter.as_deref();
    log::start_in_file(&container.log_directory.join(log::APPMASTER_LOG), filter)?;
    let outcome = bobbin_appmaster::run(container, Box::new(|| Ok(environment::unpack()?))).await?;
    Ok(if outcome.succeeded { ExitCode::SUCCESS } else { ExitCode::from(exit::Exit::Failed.code()) })
}

async fn worker() -> Outcome {
    let credentials = take_credentials()?;
    let spec: WorkerSpec = serde_json::from_str(text_secret(&credentials, SECRET_WORKER)?)?;
    log::start_in_container(spec.log_filter.as_deref());
    if spec.unpacks_environment {
        // Tasks find it when they come.
        Background::start(|_| environment::unpack()).done().await?;
    }
    bobbin_worker::connect(connection(&credentials, spec)?).await?;
    Ok(ExitCode::SUCCESS)
}

fn connection(credentials: &Credentials, spec: WorkerSpec) -> Result<Connection, Box<dyn Error>> {
    let configuration = Configuration::from_map(spec.hadoop.clone());
    let user = (!configuration.is_secure()).then(|| spec.user.clone());
    let reader = BlockReader::with_hdfs(HdfsOptions { configuration, user })?;
    let memory = memory_for_work(spec.memory_mib);
    let scratch = scratch()?;
    let threads = usize::try_from(spec.threads)?;
    Ok(Connection {
        identity: identity(credentials)?,
        container_id: std::env::var("CONTAINER_ID")?,
        host: std::env::var("NM_HOST")?,
        threads: spec.threads,
        memory_bytes: spec.memory_mib << 20,
        port_range: spec.port_range.and_then(|(first, last)| PortRange::new(first, last)),
        executor: Arc::new(Executor::new(reader, memory - memory / 3, threads, scratch.clone())),
        store: ResultStore::new(&scratch, memory / 3),
        master_address: spec.master_address,
    })
}

/// What a part of the application shows to the others, as its credentials hold it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_keeps_some_memory_for_itself() {
        assert_eq!(memory_for_work(2048), (2048 - 256) << 20);
        assert_eq!(memory_for_work(100), 60 << 20);
    }

    #[test]
    fn only_roles_are_roles() {
        assert!(run(&["yarn-submit".into(), "sql".into()]).is_none());
        assert!(run(&["yarn-submit".into()]).is_none());
    }
}
