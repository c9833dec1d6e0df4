//! Sessions by their names: on this machine, or on YARN.

use crate::machine::{Directory, MachineError, Place, State};
use crate::session::describe;
use crate::yarn::named::{self, NamedError};
use crate::yarn::{Cluster, Membership, exit};

/// Where sessions can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// On this machine.
    Machine,
    /// On YARN.
    Cluster,
}

/// Where the session of a name is.
#[derive(Clone, Debug)]
pub enum Whereabouts {
    /// On this machine, and it answers.
    Machine(Place),
    /// On YARN, if anywhere.
    Cluster {
        /// Why it is not on this machine, if that was looked at.
        not_here: Option<String>,
    },
}

/// Why the session of a name cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum NoSession {
    /// It had to be on this machine, or nobody can say whether it is.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// It had to be on YARN.
    #[error(transparent)]
    Cluster(#[from] NamedError),
    /// It is neither here nor there.
    #[error("{not_here}, and on YARN")]
    Neither {
        /// Why it is not on this machine.
        not_here: String,
        /// Why not on YARN.
        #[source]
        source: NamedError,
    },
    /// It is not on this machine, and nobody says where YARN is.
    #[error(
        "there is no session {name:?}; start it with: yarn-submit session start {name} --master local ({not_here}; on YARN nobody \
         can look without a Hadoop configuration: set HADOOP_CONF_DIR)"
    )]
    Nowhere {
        /// Its name.
        name: String,
        /// Why it is not on this machine.
        not_here: String,
    },
}

impl NoSession {
    /// The exit code that this error deserves.
    pub fn exit_code(&self) -> u8 {
        match self {
            NoSession::Machine(error) => error.exit_code(),
            NoSession::Cluster(source) | NoSession::Neither { source, .. } => source.exit_code(),
            NoSession::Nowhere { .. } => exit::INPUT,
        }
    }
}

/// Where the session of this name is: on this side or, when none is said, on this machine if it is there. Nobody asks YARN yet.
///
/// # Errors
/// When the name is none, when there is no such session on the only side that was asked for, this machine, or when one does not
/// answer there.
pub async fn whereabouts(side: Option<Side>, name: &str) -> Result<Whereabouts, NoSession> {
    let place = match (side, Directory::of_user().place(name)) {
        (Some(Side::Cluster), _) => return Ok(Whereabouts::Cluster { not_here: None }),
        (Some(Side::Machine) | None, place) => place?,
    };
    if side.is_some() {
        place.status().await?;
        return Ok(Whereabouts::Machine(place));
    }
    let socket = place.socket();
    let not_here = match place.state().await {
        Ok(State::Alive(_)) => return Ok(Whereabouts::Machine(place)),
        Ok(State::Absent) => format!("on this machine there is none at {}", socket.display()),
        Ok(State::Dead) => format!("on this machine its process was killed, and {} is removed", socket.display()),
        // A directory that is not ours has none of our sessions.
        Err(error) if error.exit_code() == exit::PERMISSION => {
            format!("on this machine nobody can look: {}", describe(&error))
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Whereabouts::Cluster { not_here: Some(not_here) })
}

/// What a driver needs to join the session of this name on YARN; it is not on this machine for this reason, if that was looked at.
///
/// # Errors
/// When there is none, or it is over, or servers do not answer.
pub async fn join_on_yarn(cluster: &Cluster, name: &str, not_here: Option<&str>) -> Result<Box<Membership>, NoSession> {
    let joined = named::join(cluster, name).await;
    joined.map_err(|source| match not_here {
        Some(reason) => NoSession::Neither { not_here: reason.to_owned(), source },
        None => NoSession::Cluster(source),
    })
}
