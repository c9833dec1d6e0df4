//! `.bobbin/sessions/<name>` in the user's home directory: which application a session is, and what its drivers show to it.
//!
//! Only the user can read the file; the application's secret is nowhere else.

use bobbin_link::{AuthorityError, Identity, Secret};
use bytes::Bytes;
use hadoop_client::rpc::CallError;
use hadoop_wire::config::Configuration;
use hadoop_wire::names::ApplicationId;
use serde::{Deserialize, Serialize};

use super::account::account;
use super::cluster::Cluster;
use super::exit;
use super::hdfs::HdfsError;
use super::membership::Membership;
use super::submit::Submitted;
use super::watch::{WatchError, report};

/// The longest name, characters.
const LONGEST: usize = 64;

/// A session that has a name.
#[derive(Clone)]
pub struct Named {
    /// Its application.
    pub id: ApplicationId,
    /// What its drivers show.
    pub identity: Identity,
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Record {
    application: String,
    authority: String,
    certificate: String,
    key: String,
    secret: Vec<u8>,
}

/// Why there is no session of a name.
#[derive(Debug, thiserror::Error)]
pub enum NamedError {
    /// A name that is none.
    #[error("{0:?} is no name of a session: write 1 to {LONGEST} letters, digits, '-' and '_'")]
    Name(String),
    /// Nobody has started one.
    #[error("there is no session {0:?}; start it with: yarn-submit session start {0}")]
    Unknown(String),
    /// Its application is over.
    #[error("session {name:?} is over ({why}); start it again: yarn-submit session start {name}")]
    Over {
        /// Its name.
        name: String,
        /// What became of the application.
        why: String,
    },
    /// Its application is starting.
    #[error("session {name:?} ({id}) has no application master yet: try again")]
    Starting {
        /// Its name.
        name: String,
        /// Its application.
        id: ApplicationId,
    },
    /// The ResourceManager does not say how it is.
    #[error(transparent)]
    Report(Box<WatchError>),
    /// The file is something else.
    #[error("{path} is no file of a session of this version of bobbin; remove it, and start the session again")]
    Garbled {
        /// The file.
        path: String,
    },
    /// No certificate for it.
    #[error("make the session's certificate")]
    Certificate(#[from] AuthorityError),
    /// HDFS fails.
    #[error("keep the session's name")]
    Hdfs(#[from] HdfsError),
    /// The NameNode fails.
    #[error("list the sessions in {directory}")]
    List {
        /// Where their names are.
        directory: String,
        /// Why it failed.
        #[source]
        source: Box<CallError>,
    },
}

impl NamedError {
    /// The exit code that this error deserves.
    pub fn exit_code(&self) -> u8 {
        match self {
            NamedError::Name(_) => exit::USAGE,
            NamedError::Unknown(_) | NamedError::Garbled { .. } => exit::INPUT,
            NamedError::Over { .. } | NamedError::Starting { .. } => exit::UNAVAILABLE,
            NamedError::Report(error) => error.exit_code(),
            NamedError::Certificate(_) => exit::INTERNAL,
            NamedError::Hdfs(error) => exit::of_hdfs(error),
            NamedError::List { source, .. } => exit::of_call(source),
        }
    }
}

/// Where the names of the user's sessions are, without the file system.
pub fn directory(cluster: &Cluster) -> String {
    format!("{}/.bobbin/sessions", cluster.home())
}

/// Whether a session may have this name.
pub(crate) fn is_name(name: &str) -> bool {
    let is_good = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    !name.is_empty() && name.len() <= LONGEST && name.chars().all(is_good)
}

fn path(cluster: &Cluster, name: &str) -> Result<String, NamedError> {
    if !is_name(name) {
        return Err(NamedError::Name(name.to_owned()));
    }
    Ok(format!("{}/{name}", directory(cluster)))
}

/// Gives a submitted application a name. A session of this name that was there before has none any more.
///
/// # Errors
/// When the name is none, or HDFS does not take the file.
pub async fn save(cluster: &Cluster, name: &str, submitted: &Submitted) -> Result<(), NamedError> {
    let path = path(cluster, name)?;
    let identity = submitted.authority.issue("session", &submitted.secret)?;
    let record = Record {
        application: submitted.id.to_string(),
        authority: identity.authority_pem,
        certificate: identity.certificate_pem,
        key: identity.key_pem,
        secret: identity.secret.as_bytes().to_vec(),
    };
    let bytes = serde_json::to_vec(&record).map_err(|_| NamedError::Garbled { path: path.clone() })?;
    let hdfs = cluster.hdfs();
    hdfs.make_directory(&directory(cluster), 0o700).await?;
    // Whoever reads the name meanwhile finds a whole file, or none.
    let partial = format!("{path}.{}", submitted.id);
    hdfs.write(&partial, Bytes::from(bytes), 0o600).await?;
    hdfs.remove(&path).await?;
    Ok(hdfs.rename(&partial, &path).await?)
}

/// The session of this name.
///
/// # Errors
/// When there is none, or HDFS does not answer.
pub async fn load(cluster: &Cluster, name: &str) -> Result<Named, NamedError> {
    let path = path(cluster, name)?;
    let hdfs = cluster.hdfs();
    if hdfs.entry(&path).await?.is_none() {
        return Err(NamedError::Unknown(name.to_owned()));
    }
    let file = hdfs.open(&path).await?;
    let bytes = file.read(0, usize::try_from(file.size()).unwrap_or(usize::MAX)).await?;
    let garbled = || NamedError::Garbled { path: path.clone() };
    let record: Record = serde_json::from_slice(&bytes).map_err(|_| garbled())?;
    let identity = Identity {
        authority_pem: record.authority,
        certificate_pem: record.certificate,
        key_pem: record.key,
        secret: Secret::from_bytes(&record.secret).ok_or_else(garbled)?,
    };
    Ok(Named { id: record.application.parse().map_err(|_| garbled())?, identity })
}

/// What a driver needs to join the session of this name.
///
/// # Errors
/// When there is none, or its application is over or starting, or servers do not answer.
pub async fn join(cluster: &Cluster, name: &str) -> Result<Box<Membership>, NamedError> {
    let Named { id, identity } = load(cluster, name).await?;
    let application = report(cluster, id).await.map_err(|error| NamedError::Report(Box::new(error)))?;
    if application.state.is_ended() {
        return Err(NamedError::Over { name: name.to_owned(), why: account(&application) });
    }
    let Some((host, port)) = &application.master else {
        return Err(NamedError::Starting { name: name.to_owned(), id });
    };
    let configuration = Configuration::from_map(cluster.properties().clone());
    Ok(Box::new(Membership { address: format!("{host}:{port}"), identity, configuration }))
}

/// The names that there are, in order.
///
/// # Errors
/// When the NameNode does not answer within a few seconds: a person waits for the list.
pub async fn names(cluster: &Cluster) -> Result<Vec<String>, NamedError> {
    let directory = directory(cluster);
    let listed = cluster.name_node().list(&directory, false).await;
    let entries =
        listed.map_err(|source| NamedError::List { directory, source: Box::new(source) })?.unwrap_or_default();
    let mut names: Vec<String> =
        entries.iter().filter_map(|entry| std::str::from_utf8(&entry.path).ok().map(str::to_owned)).collect();
    names.retain(|name| is_name(name));
    names.sort();
    Ok(names)
}

/// Nobody finds the session by this name any more.
///
/// # Errors
/// When the name is none, or HDFS does not answer.
pub async fn forget(cluster: &Cluster, name: &str) -> Result<(), NamedError> {
    let path = path(cluster, name)?;
    cluster.hdfs().remove(&path).await?;
    Ok(())
}
