//! What a driver program links: sessions that run locally or on a YARN cluster.
//!
//! [`Session::connect`] joins the application that started the program, or starts one inside this process: the same core,
//! the same worker and the same messages. [`Session::submit`], [`Session::map`] and their like call functions that are marked
//! with [`macro@task`], and give [`Future`]s. With the feature `sql`, sessions run queries planned by `bobbin-engine`, and
//! give DataFusion's `DataFrame`s that run as their jobs. [`yarn::submit`] starts applications on a cluster.

mod actor;
mod amount;
mod connect;
mod driver;
mod executors;
mod fetch;
#[cfg(feature = "sql")]
mod frames;
mod futures;
mod io;
mod local;
pub mod machine;
mod nested;
mod on_workers;
mod placing;
mod profile;
mod program;
#[cfg(feature = "sql")]
mod query;
mod resuming;
pub mod role;
mod session;
mod shared;
mod spill;
mod telling;
mod unique;
mod whereabouts;
pub mod yarn;

pub use self::futures::{
    Arguments, AsCompleted, Block, BlocksError, Future, FutureError, IntoArgument, IntoArguments, Isolation,
    NoIsolation, Progress, RetryError, Status, TaskOptions, Watch, as_completed, wait,
};
pub use actor::{Actor, ActorError};
pub use amount::{Amount, NoAmount};
pub use bobbin_macros::{main, method, task};
pub use bobbin_task::function::Bytes;
pub use bobbin_task::{Cancelled, checkpoint, function, is_cancelled};
pub use connect::{ConnectError, CredentialsFault, Surrounding, surrounding};
pub use driver::{Driver, Finished, Job, JobError};
pub use fetch::{Fetcher, Remote, ResultError};
#[cfg(feature = "sql")]
pub use frames::{Frame, Reading, Written};
pub use local::{LocalError, LocalOptions};
pub use on_workers::{OnWorker, RunError, WorkerError};
pub use profile::{BeginError, Call, NoRate, Profile, ProfileError, ResolveError, TaskProfile};
#[cfg(feature = "sql")]
pub use query::{Answer, QueryError, Running};
pub use session::{Files, Session, SessionError};
pub use shared::{Event, Lease, Queue, Semaphore, SharedError, Variable, WorkerStatus};
pub use spill::SpillDirectory;
pub use unique::unique;
pub use whereabouts::{NoSession, Side, Whereabouts, join_on_yarn, whereabouts};
pub use yarn::Membership;

/// What the macros' expansions use; no part of the interface.
#[doc(hidden)]
pub mod __private {
    pub use bobbin_task::__private::*;

    pub use crate::program::{Ended, run as run_main};

    /// What `#[bobbin::main]` looks for a way to tell an error in.
    pub mod main {
        pub use crate::program::{ToldAsDisplayed, ToldByCauses};
    }
}
