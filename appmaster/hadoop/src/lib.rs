//! Asynchronous clients of YARN and of the NameNode over hadoop-wire.
//!
//! `rpc` moves frames: one [`rpc::Connection`] a server, one [`rpc::Client`] a service with fail-over and bounded retries.
//! The typed clients on top know the methods, and nothing of sockets. Bytes become values in hadoop-wire only.

mod access;
pub mod conf;
pub mod hosts;
mod identity;
mod name_node;
mod node_manager;
mod resource_manager;
pub mod rpc;
mod scheduler;
mod server;

pub use access::{Access, AccessError, SecurityError, check_security};
pub use identity::{NoUserError, user};
pub use name_node::NameNode;
pub use node_manager::{NodeManager, Refusal, Started, Statuses};
pub use resource_manager::ResourceManager;
pub use scheduler::Scheduler;
pub use server::Server;
