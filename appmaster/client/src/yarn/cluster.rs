//! A cluster as its configuration describes it: the ResourceManager, the default file system, and who we are there.

use std::collections::BTreeMap;
use std::time::Duration;

use hadoop_client::rpc::{Authentication, RetryPolicy, Timeouts};
use hadoop_client::{Access, AccessError, NameNode, ResourceManager};
use hadoop_wire::config::{Configuration, FileSystemError, defaults::DEFAULT_FS_KEY};

use super::exit;
use super::hdfs::{Hdfs, HdfsError};
use super::urls::{Location, UrlError};

/// Connections to one cluster as one user; cheap to clone. Nothing connects before the first call.
#[derive(Clone, Debug)]
pub struct Cluster {
    properties: BTreeMap<String, String>,
    user: String,
    home: String,
    resource_manager: ResourceManager,
    name_node: NameNode,
    hdfs: Hdfs,
}

/// Why a cluster cannot be used with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The ResourceManager is not named, or the cluster wants what this version lacks.
    #[error("find the ResourceManager")]
    ResourceManager(#[source] AccessError),
    /// The default file system is not HDFS, or no URL.
    #[error("find the default file system")]
    FileSystem(#[from] FileSystemError),
    /// The default file system is somewhere where YARN applications cannot stage files.
    #[error(
        "{DEFAULT_FS_KEY} is not on HDFS, where applications are staged; does HADOOP_CONF_DIR name the cluster's configuration?"
    )]
    NotHdfs(#[from] UrlError),
    /// Nothing names the NameNode.
    #[error("find the NameNode")]
    NameNode(#[source] AccessError),
    /// The client of HDFS cannot be made.
    #[error("use HDFS")]
    Hdfs(#[from] HdfsError),
}

impl ClusterError {
    /// The exit code that the contract gives this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            ClusterError::ResourceManager(AccessError::Security(_))
            | ClusterError::NameNode(AccessError::Security(_)) => exit::UNAVAILABLE,
            ClusterError::ResourceManager(_) | ClusterError::NameNode(_) => exit::USAGE,
            ClusterError::FileSystem(_) | ClusterError::NotHdfs(_) | ClusterError::Hdfs(_) => exit::USAGE,
        }
    }
}

/// A person waits: servers that do not answer are given up within seconds.
const TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_secs(5), call: Duration::from_secs(30), idle: Duration::from_secs(60) };

impl Cluster {
    /// The cluster of a configuration, as `user`. Must be called inside a tokio runtime.
    pub fn new(configuration: &Configuration, user: &str) -> Result<Cluster, ClusterError> {
        let access = || Access {
            authentication: Authentication::Simple { user: user.to_owned() },
            timeouts: TIMEOUTS,
            retry: RetryPolicy::BRIEF,
        };
        let resource_manager = ResourceManager::from_configuration(configuration, access());
        let resource_manager = resource_manager.map_err(ClusterError::ResourceManager)?;
        let default = configuration.default_file_system()?;
        let file_system = Location::file_system(&format!("{}://{}", default.scheme, default.authority))?;
        let name_node = NameNode::from_configuration(configuration, &default.authority, DEFAULT_FS_KEY, access());
        let name_node = name_node.map_err(ClusterError::NameNode)?;
        let prefix = configuration.get_or("dfs.user.home.dir.prefix", "/user");
        let properties = configuration.to_map();
        Ok(Cluster {
            resource_manager,
            name_node,
            hdfs: Hdfs::new(file_system, properties.clone(), user)?,
            home: format!("{}/{user}", prefix.trim_end_matches('/')),
            user: user.to_owned(),
            properties,
        })
    }

    /// The ResourceManager's client port; gives up within seconds.
    pub fn resource_manager(&self) -> &ResourceManager {
        &self.resource_manager
    }

    /// The same, for somebody who waits through a ResourceManager's restart.
    pub fn patient_resource_manager(&self, limit: Duration) -> ResourceManager {
        let retry = RetryPolicy { total: limit, ..RetryPolicy::PATIENT };
        ResourceManager::new(self.resource_manager.client().with_retry(retry))
    }

    /// The NameNode of the default file system.
    pub fn name_node(&self) -> &NameNode {
        &self.name_node
    }

    /// The default file system.
    pub fn hdfs(&self) -> &Hdfs {
        &self.hdfs
    }

    /// Every property of the configuration.
    pub fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }

    /// Who we are there.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The user's home directory on the default file system.
    pub fn home(&self) -> &str {
        &self.home
    }

    /// The same as a URL.
    pub fn home_url(&self) -> String {
        self.hdfs.file_system().at(&self.home).to_string()
    }
}
