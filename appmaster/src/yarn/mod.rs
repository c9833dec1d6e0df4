//! The YARN side of the application master: the heartbeat with the ResourceManager, and starting containers.

mod heartbeat;
mod learn;
mod nodes;
mod rhythm;
mod start;
mod translate;
mod variables;

pub use heartbeat::{Heartbeat, Registration};
pub use learn::learn_nodes;
pub use start::{Starter, WorkerTemplate};
pub use translate::capability;
pub use variables::WorkerVariables;
