//! The cluster that the surroundings describe.

use bobbin::yarn::{Cluster, ClusterError, WatchError};
use hadoop_client::conf::{self, LoadError};
use hadoop_wire::config::Configuration;
use hadoop_wire::names::ApplicationId;

use crate::args::CommonArgs;
use crate::exit::{Exit, Failure};

/// The Hadoop configuration, with `--conf` over it.
pub fn configuration(common: &CommonArgs) -> Result<Configuration, Failure> {
    load(common).map_err(|error| {
        let exit = match &error {
            LoadError::Read { .. } => Exit::Input,
            LoadError::NotFound { .. } | LoadError::Parse(_) => Exit::Usage,
        };
        Failure::of(exit, &error)
    })
}

fn load(common: &CommonArgs) -> Result<Configuration, LoadError> {
    let mut configuration = conf::load(None)?.configuration;
    for pair in &common.conf {
        configuration.set(&pair.key, &pair.value, "--conf");
    }
    Ok(configuration)
}

/// Who we are on the cluster.
pub fn user() -> Result<String, Failure> {
    hadoop_client::user().map_err(|error| Failure::of(Exit::Usage, &error))
}

/// The cluster of the configuration. Nothing connects yet.
pub fn cluster(common: &CommonArgs) -> Result<Cluster, Failure> {
    let configuration = configuration(common)?;
    Ok(Cluster::new(&configuration, &user()?)?)
}

/// The same, for what could be done on this machine alone, too.
pub fn wanted(common: &CommonArgs) -> Result<Cluster, Failure> {
    match if_configured(common)? {
        Some(cluster) => Ok(cluster),
        None => cluster(common).map_err(|failure| {
            Failure::new(failure.exit(), format!("{failure}, or do without a cluster: --master local"))
        }),
    }
}

/// The cluster of the configuration; `None` where there is no configuration.
pub fn if_configured(common: &CommonArgs) -> Result<Option<Cluster>, Failure> {
    match load(common) {
        Err(LoadError::NotFound { .. }) => Ok(None),
        Ok(_) | Err(_) => cluster(common).map(Some),
    }
}

/// The application that a user names.
pub fn application(text: &str) -> Result<ApplicationId, Failure> {
    text.trim().parse().map_err(|_| {
        let message = format!("{text:?} is not an application; write its id, such as application_1700000000000_0001, or local-NAME of a session on this machine (see yarn-submit apps)");
        Failure::new(Exit::Usage, message)
    })
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        Failure::of(Exit::Code(error.exit_code()), &error)
    }
}

impl From<WatchError> for Failure {
    fn from(error: WatchError) -> Self {
        Failure::of(Exit::Code(error.exit_code()), &error)
    }
}
