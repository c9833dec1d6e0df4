//! Sessions of one machine: a process in the background with an application and its worker, whose socket other processes
//! of the same user join. Whoever may enter the directory of the sockets and runs as its user is trusted; there is neither
//! TLS nor a secret.
//!
//! ```text
//! start -- spec --> process (host) -- ready, or why not --> start
//! drivers, watchers -- NAME.sock --> application, results        NAME.log: what it says; locked while it lives
//! ```

mod error;
mod host;
mod place;
mod process;
mod start;

pub use error::MachineError;
pub use host::host;
pub use place::{Directory, Place, State};
pub use process::{kill, stop, wait};
pub use start::{Means, Started, Wanted, start};

pub use bobbin_proto::SessionStatus;

use bobbin_link::Connector;

/// The word that makes a program the process of a session, where [`NAME`] is set, too.
pub const ROLE: &str = "local-session";
/// The variable that tells such a process what it is called.
pub const NAME: &str = "BOBBIN_LOCAL_SESSION";

/// Dials sockets of this user's sessions.
pub fn connector() -> Connector {
    Connector::of_user(user())
}

fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}
