//! Generated data for tests and benchmarks: the same arguments give the same bytes everywhere.
//!
//! Each generator also keeps a tally of what it writes, so that benchmarks know the right answers without asking an engine.

mod cache;
pub mod events;
pub mod taxi;
pub mod tpch;

pub use cache::{Cached, cached, directory};
pub use simulator::Random;
