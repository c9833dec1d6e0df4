//! The role that a worker gives to its children: they call functions, one after the other, for tasks with isolation by process.

use std::any::Any;
use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use bobbin_appmaster::spec::WorkerSpec;
use bobbin_link::{Identity, Secret};
use bobbin_task::process::{Processes, begun};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::{log_to_standard_error, surroundings};

/// What a child in local mode logs: what is for people.
const LOCAL_LOG: &str = "warn";

/// The words with which this executable plays the role.
static WORDS: OnceLock<Vec<OsString>> = OnceLock::new();

/// What a worker of a cluster tells its children: their way to the application is their own.
#[derive(Serialize, Deserialize)]
struct Told {
    spec: WorkerSpec,
    authority_pem: String,
    certificate_pem: String,
    key_pem: String,
    secret: Vec<u8>,
}

/// Says with which words this executable, started again, gets to [`task_process`]. What `#[bobbin::main]` makes of `main` has said
/// it; only the first time counts.
pub fn task_processes_start_with(words: &[&str]) {
    // Said before: that counts.
    let _ = WORDS.set(words.iter().map(OsString::from).collect());
}

/// Calls functions for the worker that has started this process, until that is gone; `None` at once if no worker has.
pub async fn task_process() -> Option<ExitCode> {
    let child = begun()?;
    let (io, (done, code)) = (Handle::current(), oneshot::channel());
    // A plain thread: functions compute as long as they like.
    let serving = std::thread::Builder::new().name("task".to_owned()).spawn(move || {
        let code = match child {
            Ok(child) => child.serve(|told| home(told, &io).map_err(|error| crate::session::describe(error.as_ref()))),
            Err(error) => {
                eprintln!("error: meet the worker: {error}");
                ExitCode::from(70)
            }
        };
        // The process ends with it.
        let _ = done.send(code);
    });
    Some(match serving {
        Ok(_) => code.await.unwrap_or(ExitCode::from(70)),
        Err(error) => {
            eprintln!("error: start a thread: {error}");
            ExitCode::from(70)
        }
    })
}

/// The children of a worker in this process: `told` is what they are told, for each of `threads` there is one, with so many bytes of
/// memory.
pub(crate) fn processes(told: Bytes, threads: usize, memory_bytes: usize) -> Processes {
    let share = memory_bytes / threads.max(1);
    Processes::new(WORDS.get().cloned(), told, threads, share as u64)
}

/// What the children of a worker of a cluster are told. They are started as their worker was, unless something else was said.
pub(super) fn told(spec: &WorkerSpec, identity: &Identity) -> serde_json::Result<Bytes> {
    WORDS.get_or_init(|| std::env::args_os().skip(1).collect());
    let told = Told {
        spec: spec.clone(),
        authority_pem: identity.authority_pem.clone(),
        certificate_pem: identity.certificate_pem.clone(),
        key_pem: identity.key_pem.clone(),
        secret: identity.secret.as_bytes().to_vec(),
    };
    serde_json::to_vec(&told).map(Bytes::from)
}

/// The way to the application, for tasks that submit tasks. In local mode it is in another process, and there is none.
fn home(told: &[u8], io: &Handle) -> Result<Option<Arc<dyn Any + Send + Sync>>, Box<dyn Error>> {
    if told.is_empty() {
        log_to_standard_error(Some(LOCAL_LOG));
        return Ok(None);
    }
    let Told { spec, authority_pem, certificate_pem, key_pem, secret } = serde_json::from_slice(told)?;
    log_to_standard_error(spec.log_filter.as_deref());
    let secret = Secret::from_bytes(&secret).ok_or("the application's secret has another length")?;
    let identity = Identity { authority_pem, certificate_pem, key_pem, secret };
    let _runtime = io.enter();
    let (_, home, _) = surroundings(&spec, &identity)?;
    Ok(Some(Arc::new(home)))
}
