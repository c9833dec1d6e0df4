//! What a driver program links: sessions that run locally or on a YARN cluster.
//!
//! A [`Session`] runs queries planned by `bobbin-engine`. [`Session::local`] starts an application inside this process;
//! [`yarn::submit`] starts one on a cluster and [`Session::attach`] joins it. Both are the same core, the same worker
//! and the same messages. [`Session::read_csv`], [`Session::read_json`] and [`Session::sql`] give DataFusion's `DataFrame`s
//! that run as jobs of the session.

mod driver;
mod fetch;
mod frames;
mod local;
mod session;
mod unique;
pub mod yarn;

pub use driver::{Driver, Finished, Job, JobError};
pub use fetch::{Fetcher, Remote, ResultError};
pub use frames::{Frame, Reading, Written};
pub use local::{LocalError, LocalOptions};
pub use session::{Answer, QueryError, Running, Session, SessionError};
pub use unique::unique;
