//! Functions in processes of their own: whatever one does, its worker and other tasks live on, and it can be ended at once.
//!
//! ```text
//!  worker, task thread                                its child: the same executable
//!  Processes::call --home, once; function, arguments--> serve: find, call
//!                  <--waits, goes on; result, failure--
//!  kills it: for cancellation, time, memory           ends itself: when its worker is gone
//! ```
//!
//! The two speak over a pair of Unix sockets; the network has no part in it. The worker reads files and results for the child,
//! which gets the bytes of its arguments and gives back those of the result. A child that has done a call does the next one.
//! One that was ended or has ended by itself has another one in its place, so that the next task need not wait for it.

mod channel;
mod child;
mod ending;
mod frame;
mod pool;
mod spawn;
mod tail;

pub use child::{Child, begun, is_begun};
pub use ending::ProcessError;
pub(crate) use pool::Call;
pub use pool::Processes;

/// Set in a child's environment to the process id of its worker.
const PARENT_VARIABLE: &str = "BOBBIN_TASK_PROCESS_OF";
