//! A program's session, wherever it was started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bobbin_appmaster::spec::SECRET_HADOOP;
use bobbin_appmaster::{ContainerError, text_secret};
use bobbin_blocks::{BlockReader, HdfsOptions, PathBase, SetUpError};
use bobbin_link::Identity;
use hadoop_client::conf::{self, LoadError};
use hadoop_wire::config::Configuration;
use hadoop_wire::credentials::{Credentials, CredentialsError};

use crate::amount::{Amount, NoAmount};
use crate::futures::{Isolation, NoIsolation};
use crate::local::LocalOptions;
use crate::nested::Home;
use crate::profile;
use crate::resuming;
use crate::role;
use crate::session::{Files, Session, SessionError};
use crate::spill::SpillDirectory;
use crate::whereabouts::{NoSession, Side, Whereabouts, join_on_yarn, whereabouts};
use crate::yarn::{Cluster, ClusterError, Membership};

/// The application that this process is part of.
pub enum Surrounding {
    /// On a cluster.
    Cluster(Box<Membership>),
    /// The session on this machine that serves this socket.
    Machine(PathBuf),
}

/// Why a program has no session.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// `BOBBIN_MASTER` says neither `local` nor `yarn`.
    #[error("BOBBIN_MASTER is {0:?}: write local, local[N] with N of at least 1, or yarn")]
    Master(String),
    /// `BOBBIN_WORKER_RESOURCES` says nothing that can be had.
    #[error("BOBBIN_WORKER_RESOURCES is {text:?}")]
    Resources {
        /// What it says.
        text: String,
        /// What is wrong.
        #[source]
        source: NoAmount,
    },
    /// `BOBBIN_ISOLATION` says nothing that there is.
    #[error(transparent)]
    Isolation(#[from] NoIsolation),
    /// `BOBBIN_PROFILE` asks for samples of tasks that cannot be taken.
    #[error(transparent)]
    Profile(#[from] profile::BeginError),
    /// The application is in another process.
    #[error(
        "a task with a process of its own cannot submit tasks in local mode, where the application is in the program's own process: \
         submit it with isolation by thread (BOBBIN_ISOLATION, TaskOptions::isolation), or run the program on a cluster"
    )]
    Isolated,
    /// On a cluster, somebody has to start an application first.
    #[error(
        "BOBBIN_MASTER is yarn, but this program is part of no application: start it with \
         `yarn-submit run --bin PROGRAM -- ARGUMENTS`, or leave BOBBIN_MASTER out to run it here"
    )]
    NoApplication,
    /// `BOBBIN_SESSION` names one that cannot be joined.
    #[error("BOBBIN_SESSION is {name:?}")]
    Named {
        /// What it says.
        name: String,
        /// Why not.
        #[source]
        source: Box<NoSession>,
    },
    /// The application's credentials are unusable.
    #[error("read the application's credentials {}", path.display())]
    Credentials {
        /// `BOBBIN_CREDENTIALS`.
        path: PathBuf,
        /// Why.
        #[source]
        source: CredentialsFault,
    },
    /// There is no Hadoop configuration, or it cannot be read.
    #[error("use the Hadoop configuration")]
    Load(#[from] LoadError),
    /// Its Hadoop configuration is unusable.
    #[error("use the Hadoop configuration")]
    Configuration(#[source] SetUpError),
    /// The cluster of the configuration is none.
    #[error("use the Hadoop configuration")]
    Cluster(#[from] ClusterError),
    /// Nobody says who we are.
    #[error("find the user's name")]
    User(#[source] hadoop_client::NoUserError),
    /// The session cannot begin.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// What is wrong with credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsFault {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// It is no file of credentials.
    #[error(transparent)]
    Decode(#[from] CredentialsError),
    /// It lacks something.
    #[error(transparent)]
    Missing(#[from] ContainerError),
    /// The configuration in it is none.
    #[error("read the configuration in it")]
    Configuration(#[from] serde_json::Error),
}

/// A variable that says something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The application that this process's variables lead to; `None` outside of any.
///
/// # Errors
/// When its credentials are unusable.
pub fn surrounding() -> Result<Option<Surrounding>, ConnectError> {
    let Some(address) = variable("BOBBIN_MASTER_ADDRESS") else { return Ok(None) };
    if address.starts_with('/') {
        return Ok(Some(Surrounding::Machine(PathBuf::from(address))));
    }
    let Some(path) = variable("BOBBIN_CREDENTIALS") else { return Ok(None) };
    let path = PathBuf::from(path);
    let read = || -> Result<(Identity, Configuration), CredentialsFault> {
        let credentials = Credentials::decode(std::fs::read(&path)?)?;
        let properties = text_secret(&credentials, SECRET_HADOOP)?;
        let properties: BTreeMap<String, String> = serde_json::from_str(properties)?;
        Ok((role::identity(&credentials)?, Configuration::from_map(properties)))
    };
    match read() {
        Ok((identity, configuration)) => {
            let membership = Membership { address, identity, configuration };
            Ok(Some(Surrounding::Cluster(Box::new(membership))))
        }
        Err(source) => Err(ConnectError::Credentials { path, source }),
    }
}

impl Session {
    /// The session of this program: with the application or the session that started it (`yarn-submit run`, `run --session`);
    /// else with the session that `BOBBIN_SESSION` names (see `yarn-submit session start`); else in this process, with a thread
    /// for each core, or `N` where `BOBBIN_MASTER` is `local[N]`.
    ///
    /// A named session is one of this machine or, if there is none of this name, one on YARN. With `BOBBIN_MASTER` it is looked for
    /// on one side alone: `local`, or `yarn`.
    ///
    /// In a function that runs on a worker, it is a session with the application whose task it is, for tasks of its own. They
    /// go before those of drivers, and while the function awaits them another task has its thread. It has to be an `async`
    /// function, because only such ones can wait.
    ///
    /// `BOBBIN_ISOLATION` says where tasks run that do not say it themselves: see [`crate::Isolation`].
    ///
    /// `BOBBIN_PROFILE` says whether workers take samples of what tasks do: see [`Session::profile`].
    ///
    /// What its worker has for tasks that ask for it (`TaskOptions::resources`) is what `--worker-resources` said or, in this
    /// process, `BOBBIN_WORKER_RESOURCES`: `GPU=2,LICENSE=0.5`.
    ///
    /// Paths without a scheme are on the cluster's default file system, or of this machine.
    ///
    /// # Errors
    /// When there is no such application or session, or this process gets no threads.
    pub async fn connect() -> Result<Session, ConnectError> {
        if let Some(home) = Home::of_running_task() {
            return Ok(home.session().await?);
        }
        if bobbin_task::running().is_some_and(|task| task.isolated) {
            return Err(ConnectError::Isolated);
        }
        Isolation::of_environment()?;
        profile::rate_of_environment().map_err(profile::BeginError::Rate)?;
        match surrounding()? {
            Some(Surrounding::Cluster(application)) => return attach(*application).await,
            Some(Surrounding::Machine(socket)) => return join_machine(&socket).await,
            None => {}
        }
        let master = Master::of_environment()?;
        match (variable("BOBBIN_SESSION"), master) {
            (Some(name), master) => named(&name, master.map(Master::side)).await,
            (None, Some(Master::Local(threads))) => local(threads).await,
            (None, Some(Master::Yarn)) => Err(ConnectError::NoApplication),
            (None, None) => local(None).await,
        }
    }
}

/// What `BOBBIN_MASTER` says.
#[derive(Clone, Copy)]
enum Master {
    /// In this process, with so many threads.
    Local(Option<u32>),
    Yarn,
}

impl Master {
    /// # Errors
    /// When it says something else.
    fn of_environment() -> Result<Option<Master>, ConnectError> {
        let Some(text) = variable("BOBBIN_MASTER") else { return Ok(None) };
        match text.as_str() {
            "yarn" => Ok(Some(Master::Yarn)),
            text => match threads(text) {
                Some(threads) => Ok(Some(Master::Local(threads))),
                None => Err(ConnectError::Master(text.to_owned())),
            },
        }
    }

    /// Where it says that a session is.
    fn side(self) -> Side {
        match self {
            Master::Local(_) => Side::Machine,
            Master::Yarn => Side::Cluster,
        }
    }
}

/// The session of this name.
async fn named(name: &str, side: Option<Side>) -> Result<Session, ConnectError> {
    let failed = |source| ConnectError::Named { name: name.to_owned(), source: Box::new(source) };
    let not_here = match whereabouts(side, name).await.map_err(failed)? {
        Whereabouts::Machine(place) => return join_machine(&place.socket()).await,
        Whereabouts::Cluster { not_here } => not_here,
    };
    let loaded = match (conf::load(None), &not_here) {
        (Err(LoadError::NotFound { .. }), Some(not_here)) => {
            return Err(failed(NoSession::Nowhere { name: name.to_owned(), not_here: not_here.clone() }));
        }
        (loaded, _) => loaded?,
    };
    let user = hadoop_client::user().map_err(ConnectError::User)?;
    let cluster = Cluster::new(&loaded.configuration, &user)?;
    attach(*join_on_yarn(&cluster, name, not_here.as_deref()).await.map_err(failed)?).await
}

/// The session on this machine that serves this socket.
async fn join_machine(socket: &Path) -> Result<Session, ConnectError> {
    Ok(Session::join_machine(socket, &program(), Files::new(reader()?, PathBase::Local)).await?)
}

/// The N of `local[N]`, if it has one; `None` of anything else.
fn threads(master: &str) -> Option<Option<u32>> {
    if matches!(master, "local" | "local[*]") {
        return Some(None);
    }
    let number = master.strip_prefix("local[")?.strip_suffix(']')?.parse().ok()?;
    (number > 0).then_some(Some(number))
}

async fn attach(application: Membership) -> Result<Session, ConnectError> {
    let Membership { address, identity, configuration } = application;
    let user = hadoop_client::user().map_err(ConnectError::User)?;
    let cluster = Cluster::new(&configuration, &user)?;
    let home = cluster.home_url();
    let user = (!configuration.is_secure()).then_some(user);
    let reader = BlockReader::with_hdfs(HdfsOptions { configuration, user }).map_err(ConnectError::Configuration)?;
    let files = Files::new(reader, PathBase::DefaultFs(home));
    Ok(resuming::join(cluster, (&address, &identity), &program(), files).await?)
}

/// HDFS can be read from here, too, where its configuration is at hand.
fn reader() -> Result<BlockReader, ConnectError> {
    match (conf::load(None), hadoop_client::user()) {
        (Ok(loaded), Ok(user)) => {
            let options = HdfsOptions { configuration: loaded.configuration, user: Some(user) };
            BlockReader::with_hdfs(options).map_err(ConnectError::Configuration)
        }
        (Err(_), _) | (_, Err(_)) => Ok(BlockReader::local()),
    }
}

async fn local(threads: Option<u32>) -> Result<Session, ConnectError> {
    profile::begin_as_environment_says()?;
    let reader = reader()?;
    let spill = SpillDirectory::new();
    let resources = Amount::pairs(&worker_resources()?);
    let options = LocalOptions { resources, ..spill.options(threads) };
    let session = Session::begin(&options, Files::new(reader, PathBase::Local)).await?;
    Ok(session.with_guard(spill))
}

/// What the worker in this process has, as `BOBBIN_WORKER_RESOURCES` says.
fn worker_resources() -> Result<Vec<Amount>, ConnectError> {
    let text = variable("BOBBIN_WORKER_RESOURCES").unwrap_or_default();
    let amounts = text.split(',').filter(|word| !word.trim().is_empty()).map(str::parse);
    amounts.collect::<Result<_, _>>().map_err(|source| ConnectError::Resources { text: text.clone(), source })
}

/// What this program is called.
fn program() -> String {
    let path = std::env::args_os().next().map(PathBuf::from);
    path.as_deref().and_then(|path| path.file_name()?.to_str()).unwrap_or("program").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_are_read() {
        assert_eq!((threads("local"), threads("local[3]")), (Some(None), Some(Some(3))));
        assert_eq!((threads("local[0]"), threads("local[x]"), threads("mesos")), (None, None, None));
    }
}
