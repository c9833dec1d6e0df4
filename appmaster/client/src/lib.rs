//! What a driver program links: sessions that run locally or on a YARN cluster.
//!
//! A [`Session`] runs queries planned by `bobbin-engine`. [`Session::local`] starts an application inside this process;
//! [`yarn::submit`] starts one on a cluster and [`Session::attach`] joins it. Both are the same core, the same worker
//! and the same messages.

mod driver;
mod fetch;
mod local;
mod session;
pub mod yarn;

pub use driver::{Driver, Finished, Job, JobError};
pub use fetch::{Fetcher, Remote, ResultError};
pub use local::{LocalError, LocalOptions};
pub use session::{Answer, QueryError, Running, Session, SessionError};
