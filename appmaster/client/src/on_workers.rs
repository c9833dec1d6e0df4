//! Functions on workers that the program names, or on all of them: to look at a machine, to prepare or to clean it.
//!
//! Such a call is no task. It goes from the caller to the worker, is made at once beside whatever runs there, and once; its
//! result is kept nowhere. Whether a worker is still there, the application says: a function may take as long as it likes.

use std::collections::BTreeSet;
use std::time::Duration;

use bobbin_link::{DialError, FetchError, SILENCE_LIMIT_MS};
use bobbin_proto::{self as wire, Message as _};
use bobbin_task::function::{Function, Value, ValueError};
use futures::future::join_all;
use tokio::sync::watch;

use crate::fetch::{Fetcher, Unanswered};
use crate::futures::{Arguments, IntoArguments};
use crate::nested::aside;
use crate::session::Session;
use crate::shared::{SharedError, WorkerStatus};

/// The application is asked this often which workers it has, while a function runs on them.
const WATCH: Duration = Duration::from_millis(SILENCE_LIMIT_MS as u64 / 4);

/// What a function said on one worker.
#[derive(Debug)]
pub struct OnWorker<T> {
    /// The worker's number in the application.
    pub worker: u32,
    /// Its host; empty if there is no such worker.
    pub host: String,
    /// Its result there.
    pub result: Result<T, WorkerError>,
}

/// Why a function has no result on a worker.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The application has no worker of this number, or no longer.
    #[error("the application has no worker {0}: Session::workers lists those that it has")]
    NoWorker(u32),
    /// The worker cannot be reached. The function was not called.
    #[error("worker {worker}: the function was not called")]
    Unreached {
        /// The worker's number.
        worker: u32,
        /// Why not.
        #[source]
        source: DialError,
    },
    /// The connection broke. The function was called, or not.
    #[error("worker {worker}: the connection broke; nobody knows whether the function was called")]
    Broken {
        /// The worker's number.
        worker: u32,
        /// What happened.
        #[source]
        source: FetchError,
    },
    /// The application lost the worker, or has ended. The function was called, or not.
    #[error("worker {0} is gone; nobody knows whether the function was called")]
    Gone(u32),
    /// The function fails there, or cannot be called.
    #[error("worker {worker}: {message}")]
    Failed {
        /// The worker's number.
        worker: u32,
        /// What it says.
        message: String,
    },
    /// The result is of another type.
    #[error("worker {worker}: read the result")]
    Decode {
        /// The worker's number.
        worker: u32,
        /// What is wrong.
        #[source]
        source: ValueError,
    },
}

/// Why a function was called on no worker at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An argument is none that it can take.
    #[error("call '{function}' on workers: {message}")]
    Argument {
        /// The function.
        function: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// Nobody says which workers there are.
    #[error("call '{function}' on workers")]
    Workers {
        /// The function.
        function: &'static str,
        /// Why not.
        #[source]
        source: SharedError,
    },
}

impl Session {
    /// Calls a function once on each worker that is connected now, at once, beside their tasks: `run_everywhere(disk_free,
    /// ("/tmp",))`. The results are in the order of the workers' numbers; one that fails hides no others.
    ///
    /// Its arguments are values. A function that submits tasks, calls actors or asks [`crate::checkpoint`] may do so; it is
    /// told to stop when this is dropped.
    ///
    /// # Errors
    /// When it cannot be called at all: an argument is a future, or the application is gone.
    pub async fn run_everywhere<F: Function>(
        &self,
        _: F,
        arguments: impl IntoArguments<F::Args>,
    ) -> Result<Vec<OnWorker<F::Output>>, RunError> {
        let call = call_of::<F>(arguments)?;
        let workers = self.workers_for::<F>().await?;
        Ok(self.on_these(workers.into_iter().map(|worker| (worker.number, Some(worker))).collect(), call).await)
    }

    /// As [`Session::run_everywhere`], on the workers of these numbers, in their order.
    ///
    /// # Errors
    /// As [`Session::run_everywhere`]. That there is no such worker is said in its place.
    pub async fn run_on<F: Function>(
        &self,
        workers: &[u32],
        _: F,
        arguments: impl IntoArguments<F::Args>,
    ) -> Result<Vec<OnWorker<F::Output>>, RunError> {
        let call = call_of::<F>(arguments)?;
        let known = self.workers_for::<F>().await?;
        let find = |number: u32| (number, known.iter().find(|worker| worker.number == number).cloned());
        Ok(self.on_these(workers.iter().map(|&number| find(number)).collect(), call).await)
    }

    async fn workers_for<F: Function>(&self) -> Result<Vec<WorkerStatus>, RunError> {
        self.workers().await.map_err(|source| RunError::Workers { function: F::NAME, source })
    }

    async fn on_these<T: Value>(
        &self,
        workers: Vec<(u32, Option<WorkerStatus>)>,
        call: wire::FunctionCall,
    ) -> Vec<OnWorker<T>> {
        let all = workers.iter().filter_map(|(_, worker)| Some(identity(worker.as_ref()?))).collect();
        let (tell, connected) = watch::channel(all);
        let rows = join_all(workers.into_iter().map(|(number, worker)| {
            let (fetcher, call, connected) = (self.fetcher.clone(), call.clone(), connected.clone());
            async move {
                let host = worker.as_ref().map(|worker| worker.host.clone()).unwrap_or_default();
                let result = match worker {
                    Some(worker) => on_one(fetcher, worker, call, connected).await,
                    None => Err(WorkerError::NoWorker(number)),
                };
                OnWorker { worker: number, host, result }
            }
        }));
        let pause = bobbin_task::running().map(|task| task.pauses.begin());
        let session = self.clone();
        let done = aside(async move {
            tokio::select! {
                rows = rows => rows,
                never = session.keep_telling(&tell) => match never {},
            }
        });
        let rows = done.await;
        drop(pause);
        rows
    }

    /// Tells which workers are connected, for ever.
    async fn keep_telling(&self, tell: &watch::Sender<BTreeSet<Identity>>) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(WATCH).await;
            // An application that is gone has none.
            let workers = self.workers().await.unwrap_or_default();
            tell.send_replace(workers.iter().map(identity).collect());
        }
    }
}

/// A number may be given again by the next application master: to a worker elsewhere.
type Identity = (u32, String);

fn identity(worker: &WorkerStatus) -> Identity {
    (worker.number, worker.address.clone())
}

/// The call on the wire.
fn call_of<F: Function>(arguments: impl IntoArguments<F::Args>) -> Result<wire::FunctionCall, RunError> {
    let mut given = Arguments::default();
    arguments.add_to(&mut given);
    let wrong = |message| RunError::Argument { function: F::NAME, message };
    let call = given.values().map_err(wrong)?;
    let function = wire::Function { name: F::NAME.into(), version: F::VERSION, signature: F::signature() };
    let call = wire::FunctionCall { function: Some(function), call: Some(call) };
    if call.encoded_len() + 1024 > wire::MAX_FRAME {
        return Err(wrong("they are larger than a message may be: let the function read them".to_owned()));
    }
    Ok(call)
}

async fn on_one<T: Value>(
    fetcher: Fetcher,
    worker: WorkerStatus,
    call: wire::FunctionCall,
    mut connected: watch::Receiver<BTreeSet<Identity>>,
) -> Result<T, WorkerError> {
    let (identity, number) = (identity(&worker), worker.number);
    let answered = tokio::select! {
        answered = fetcher.call_function(&worker.address, call) => answered,
        // Also when nobody tells any more.
        _ = connected.wait_for(|connected| !connected.contains(&identity)) => return Err(WorkerError::Gone(number)),
    };
    match answered {
        Ok((reply, bytes)) if reply.error.is_empty() => {
            T::decode(bytes).map_err(|source| WorkerError::Decode { worker: number, source })
        }
        Ok((reply, _)) => Err(WorkerError::Failed { worker: number, message: reply.error }),
        Err(Unanswered::Dial(source)) => Err(WorkerError::Unreached { worker: number, source }),
        Err(Unanswered::Broken(source)) => Err(WorkerError::Broken { worker: number, source }),
    }
}
