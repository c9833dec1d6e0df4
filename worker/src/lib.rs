//! The worker: runs tasks on task threads, keeps their results and serves them to peers.
//!
//! ```text
//! application master --ToWorker--> worker --> task threads --> plans, functions
//!        ^                            |            |  inputs: own store, peers
//!        +--------FromWorker----------+            v
//!                              fetch server <-- result store (memory, then disk)
//! ```
//!
//! A worker outlives its application master, if it is told how to find the next one, and offers it what it has ([`Search`]).
//!
//! The same worker serves an application master over TLS ([`connect`]) and an application in its own process
//! ([`Worker::run`] over channels).

mod ahead;
mod attempt;
mod calls;
mod cancellation;
mod connect;
mod copying;
mod executors;
mod inputs;
mod memory;
mod next;
mod pauses;
mod peers;
mod serve;
mod store;
mod threads;
mod worker;

pub use calls::{call_function, call_state};
pub use connect::{ConnectError, Connection, connect};
pub use executors::Executors;
pub use next::{Found, Search};
pub use peers::Peers;
pub use serve::{Served, answer, serve};
pub use store::{ResultStore, ResultWriter, StoreError, StoredReader};
pub use worker::{Ending, Worker, WorkerOptions};
