//! Which servers a configuration names: ResourceManagers and NameNodes, alone or in high availability.

use super::address::{AddressError, Endpoint, HostPort};
use super::{Configuration, defaults};

/// The ports of a ResourceManager that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceManagerService {
    /// Clients: submit, report, kill.
    Client,
    /// Application masters.
    Scheduler,
    /// Web pages over HTTP.
    Web,
    /// Web pages over HTTPS.
    SecureWeb,
}

impl ResourceManagerService {
    fn key(self) -> &'static str {
        match self {
            Self::Client => "yarn.resourcemanager.address",
            Self::Scheduler => "yarn.resourcemanager.scheduler.address",
            Self::Web => "yarn.resourcemanager.webapp.address",
            Self::SecureWeb => "yarn.resourcemanager.webapp.https.address",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Client => defaults::RESOURCE_MANAGER_PORT,
            Self::Scheduler => defaults::SCHEDULER_PORT,
            Self::Web => defaults::RESOURCE_MANAGER_WEB_PORT,
            Self::SecureWeb => defaults::RESOURCE_MANAGER_SECURE_WEB_PORT,
        }
    }
}

/// The file system that paths without a scheme are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// Such as `hdfs` or `file`.
    pub scheme: String,
    /// Host, host:port or name service; empty for `file`.
    pub authority: String,
}

/// `fs.defaultFS` is no URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} is {value:?} (from {file}), must be a URL such as hdfs://namenode.example:8020", key = defaults::DEFAULT_FS_KEY)]
pub struct FileSystemError {
    /// What it is.
    pub value: String,
    /// Where it was set.
    pub file: String,
}

const RESOURCE_MANAGER: &str = "ResourceManager";
const NAME_NODE: &str = "NameNode";
const RM_HOSTNAME: &str = "yarn.resourcemanager.hostname";

impl Configuration {
    /// The ResourceManagers, in the order in which to try them: one, or as many as high availability names.
    pub fn resource_managers(&self, service: ResourceManagerService) -> Result<Vec<Endpoint>, AddressError> {
        let ids = self.resource_manager_ids();
        if ids.is_empty() {
            return Ok(vec![self.resource_manager(service, "")?]);
        }
        ids.iter().map(|id| self.resource_manager(service, &format!(".{id}"))).collect()
    }

    /// The NameNodes behind the authority of an `hdfs:` URL: those of a name service, else the one that it names.
    /// `named_by` is the key, or the path, that the authority stands in.
    pub fn name_nodes(&self, authority: &str, named_by: &str) -> Result<Vec<Endpoint>, AddressError> {
        if !self.is_name_service(authority) {
            return Ok(vec![self.parse_address(authority, named_by, defaults::NAME_NODE_PORT)?]);
        }
        let nodes = self.get_list(&format!("dfs.ha.namenodes.{authority}"));
        if nodes.is_empty() {
            return Ok(vec![self.lone_name_node(authority, named_by)?]);
        }
        nodes.iter().map(|node| self.name_node(authority, &format!(".{node}"))).collect()
    }

    /// True when an authority is the name of a name service, not of a host.
    pub fn is_name_service(&self, authority: &str) -> bool {
        self.get_list("dfs.nameservices").iter().any(|name| name == authority)
    }

    /// `fs.defaultFS`; the local file system when unset, as in Hadoop.
    pub fn default_file_system(&self) -> Result<FileSystem, FileSystemError> {
        let value = self.get_or(defaults::DEFAULT_FS_KEY, defaults::DEFAULT_FS);
        let error = || FileSystemError {
            value: value.clone(),
            file: self.source(defaults::DEFAULT_FS_KEY).unwrap_or_default().to_owned(),
        };
        let (scheme, rest) = value.split_once("://").ok_or_else(error)?;
        let authority = rest.split('/').next().unwrap_or_default();
        if scheme.is_empty() || (authority.is_empty() && scheme != "file") {
            return Err(error());
        }
        Ok(FileSystem { scheme: scheme.to_ascii_lowercase(), authority: authority.to_owned() })
    }

    /// True when the configuration asks for Kerberos.
    pub fn is_secure(&self) -> bool {
        self.get("hadoop.security.authentication").is_some_and(|value| value.eq_ignore_ascii_case("kerberos"))
    }

    /// True when Hadoop's web pages are on HTTPS only.
    pub fn is_web_https_only(&self) -> bool {
        self.get("yarn.http.policy").is_some_and(|policy| policy.eq_ignore_ascii_case("HTTPS_ONLY"))
    }

    fn resource_manager_ids(&self) -> Vec<String> {
        let enabled = self.get("yarn.resourcemanager.ha.enabled").is_some_and(|value| value == "true");
        if enabled { self.get_list("yarn.resourcemanager.ha.rm-ids") } else { Vec::new() }
    }

    /// The service's own key, else the host's key with the default port.
    fn resource_manager(&self, service: ResourceManagerService, suffix: &str) -> Result<Endpoint, AddressError> {
        let host_key = format!("{RM_HOSTNAME}{suffix}");
        for key in [format!("{}{suffix}", service.key()), host_key.clone()] {
            if let Some(value) = self.get(&key).filter(|value| !value.is_empty()) {
                return self.parse_address(&value, &key, service.default_port());
            }
        }
        Err(AddressError::Missing { server: RESOURCE_MANAGER, key: host_key })
    }

    /// A name service of one NameNode may name its address; else, as in Hadoop, its name is the host's.
    fn lone_name_node(&self, name_service: &str, named_by: &str) -> Result<Endpoint, AddressError> {
        match self.name_node(name_service, "") {
            Err(AddressError::Missing { .. }) => self.parse_address(name_service, named_by, defaults::NAME_NODE_PORT),
            found => found,
        }
    }

    fn name_node(&self, name_service: &str, suffix: &str) -> Result<Endpoint, AddressError> {
        let key = format!("dfs.namenode.rpc-address.{name_service}{suffix}");
        match self.get(&key).filter(|value| !value.is_empty()) {
            Some(value) => self.parse_address(&value, &key, defaults::NAME_NODE_PORT),
            None => Err(AddressError::Missing { server: NAME_NODE, key }),
        }
    }

    fn parse_address(&self, value: &str, key: &str, default_port: u16) -> Result<Endpoint, AddressError> {
        let address = HostPort::parse(value, default_port).map_err(|_| AddressError::Malformed {
            key: key.to_owned(),
            value: value.to_owned(),
            file: self.source(key).unwrap_or("the path").to_owned(),
        })?;
        Ok(Endpoint { address, key: key.to_owned() })
    }
}
