//! From a configuration to typed clients: which servers, who we are, and the clusters that we cannot talk to yet.

use hadoop_wire::config::{AddressError, Configuration, Endpoint, ResourceManagerService};

use crate::rpc::{Authentication, Client, RetryPolicy, Service, Settings, Timeouts};
use crate::{NameNode, NodeManager, ResourceManager, Scheduler, Server};

const AUTHENTICATION_KEY: &str = "hadoop.security.authentication";
const PROTECTION_KEY: &str = "hadoop.rpc.protection";
/// The quality of protection that leaves messages as they are.
const PLAIN: &str = "authentication";

/// Who asks, and with what patience.
#[derive(Clone, Debug)]
pub struct Access {
    /// A user's claim, or a token.
    pub authentication: Authentication,
    /// How long one attempt may take.
    pub timeouts: Timeouts,
    /// How long a call goes on trying.
    pub retry: RetryPolicy,
}

/// Why a configuration gives no client.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The cluster wants Kerberos.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The configuration does not say where the server is.
    #[error(transparent)]
    Address(#[from] AddressError),
}

/// A cluster that wants what this version lacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecurityError {
    /// Tickets instead of claims.
    #[error(
        "the cluster wants Kerberos ({AUTHENTICATION_KEY} is kerberos in {file}), which this version lacks; \
         only clusters with {AUTHENTICATION_KEY}=simple can be used"
    )]
    Kerberos {
        /// The file that says so.
        file: String,
    },
    /// Signed or encrypted messages.
    #[error(
        "the cluster wants protected messages ({PROTECTION_KEY} is {value} in {file}), which this version lacks; \
         only clusters whose {PROTECTION_KEY} allows authentication can be used"
    )]
    Protection {
        /// What the cluster allows.
        value: String,
        /// The file that says so.
        file: String,
    },
}

/// Refuses a secure cluster, before anything is sent to it.
///
/// # Errors
/// The configuration asks for Kerberos, or for messages that are signed or encrypted.
pub fn check_security(configuration: &Configuration) -> Result<(), SecurityError> {
    let file = |key| configuration.source(key).unwrap_or("the configuration").to_owned();
    if configuration.is_secure() {
        return Err(SecurityError::Kerberos { file: file(AUTHENTICATION_KEY) });
    }
    let allowed = configuration.get_list(PROTECTION_KEY);
    if !allowed.is_empty() && !allowed.iter().any(|quality| quality.eq_ignore_ascii_case(PLAIN)) {
        return Err(SecurityError::Protection { value: allowed.join(","), file: file(PROTECTION_KEY) });
    }
    Ok(())
}

impl Access {
    /// A user's claim, as clusters without Kerberos believe it.
    pub fn simple(user: &str, retry: RetryPolicy) -> Access {
        let authentication = Authentication::Simple { user: user.to_owned() };
        Access { authentication, timeouts: Timeouts::default(), retry }
    }

    /// The bearer of a token.
    pub fn token(token: hadoop_wire::credentials::Token, retry: RetryPolicy) -> Access {
        Access { authentication: Authentication::Token(token), timeouts: Timeouts::default(), retry }
    }

    /// A client of these servers.
    pub fn client(self, service: Service, servers: Vec<Server>) -> Client {
        let Access { authentication, timeouts, retry } = self;
        Client::new(servers, Settings { service, authentication, timeouts, retry })
    }

    /// A claim is worth nothing where Kerberos is wanted; a token is good everywhere.
    fn check(&self, configuration: &Configuration) -> Result<(), SecurityError> {
        match self.authentication {
            Authentication::Simple { .. } => check_security(configuration),
            Authentication::Token(_) => Ok(()),
        }
    }
}

impl ResourceManager {
    /// A client of the ResourceManagers that the configuration names.
    ///
    /// # Errors
    /// The configuration names none, or wants Kerberos.
    pub fn from_configuration(configuration: &Configuration, access: Access) -> Result<ResourceManager, AccessError> {
        access.check(configuration)?;
        let endpoints = configuration.resource_managers(ResourceManagerService::Client)?;
        Ok(ResourceManager::new(access.client(Service::APPLICATION_CLIENT, servers("ResourceManager", endpoints))))
    }
}

impl Scheduler {
    /// A client of the scheduler ports that the configuration names; `access` holds the AMRM token.
    ///
    /// # Errors
    /// The configuration names none.
    pub fn from_configuration(configuration: &Configuration, access: Access) -> Result<Scheduler, AccessError> {
        access.check(configuration)?;
        let endpoints = configuration.resource_managers(ResourceManagerService::Scheduler)?;
        let servers = servers("ResourceManager scheduler", endpoints);
        Ok(Scheduler::new(access.client(Service::APPLICATION_MASTER, servers)))
    }
}

impl NameNode {
    /// A client of the NameNodes behind the authority of an `hdfs:` URL; `named_by` is the key, or the path, that it stands in.
    ///
    /// # Errors
    /// The configuration does not know the name service, or wants Kerberos.
    pub fn from_configuration(
        configuration: &Configuration,
        authority: &str,
        named_by: &str,
        access: Access,
    ) -> Result<NameNode, AccessError> {
        access.check(configuration)?;
        let endpoints = configuration.name_nodes(authority, named_by)?;
        Ok(NameNode::new(access.client(Service::NAME_NODE, servers("NameNode", endpoints))))
    }
}

impl NodeManager {
    /// A client of one NodeManager, as a container's grant names it; `access` holds that node's NM token.
    pub fn at(host: &str, port: u16, access: Access) -> NodeManager {
        let server = Server { role: "NodeManager", host: host.to_owned(), port, key: None };
        NodeManager::new(access.client(Service::CONTAINER_MANAGEMENT, vec![server]))
    }
}

fn servers(role: &'static str, endpoints: Vec<Endpoint>) -> Vec<Server> {
    let server = |Endpoint { address, key }| Server { role, host: address.host, port: address.port, key: Some(key) };
    endpoints.into_iter().map(server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(pairs: &[(&str, &str)]) -> Configuration {
        let mut configuration = Configuration::default();
        for (key, value) in pairs {
            configuration.set(key, value, "/conf/core-site.xml");
        }
        configuration
    }

    fn names(client: &Client) -> Vec<String> {
        client.servers().map(Server::to_string).collect()
    }

    fn alice() -> Access {
        Access::simple("alice", RetryPolicy::BRIEF)
    }

    #[tokio::test]
    async fn servers_carry_their_keys() {
        let configuration = configuration(&[
            ("yarn.resourcemanager.ha.enabled", "true"),
            ("yarn.resourcemanager.ha.rm-ids", "rm1,rm2"),
            ("yarn.resourcemanager.hostname.rm1", "a.example"),
            ("yarn.resourcemanager.address.rm2", "b.example:18032"),
            ("yarn.resourcemanager.scheduler.address.rm2", "b.example:18030"),
            ("dfs.nameservices", "ns"),
            ("dfs.ha.namenodes.ns", "n1,n2"),
            ("dfs.namenode.rpc-address.ns.n1", "c.example:9000"),
            ("dfs.namenode.rpc-address.ns.n2", "d.example"),
        ]);
        let manager = ResourceManager::from_configuration(&configuration, alice()).unwrap();
        let expected = [
            "ResourceManager a.example:8032 (from yarn.resourcemanager.hostname.rm1)",
            "ResourceManager b.example:18032 (from yarn.resourcemanager.address.rm2)",
        ];
        assert_eq!(names(manager.client()), expected);
        let scheduler = Scheduler::from_configuration(&configuration, alice()).unwrap();
        assert_eq!(names(scheduler.client())[0].split(' ').nth(2), Some("a.example:8030"));
        let files = NameNode::from_configuration(&configuration, "ns", "fs.defaultFS", alice()).unwrap();
        let expected = [
            "NameNode c.example:9000 (from dfs.namenode.rpc-address.ns.n1)",
            "NameNode d.example:8020 (from dfs.namenode.rpc-address.ns.n2)",
        ];
        assert_eq!(names(files.client()), expected);
        let files = NameNode::from_configuration(&configuration, "e.example", "fs.defaultFS", alice()).unwrap();
        assert_eq!(names(files.client()), ["NameNode e.example:8020 (from fs.defaultFS)"]);
    }

    #[tokio::test]
    async fn kerberos_is_refused_by_name_unless_we_bear_a_token() {
        let configuration =
            configuration(&[(AUTHENTICATION_KEY, "kerberos"), ("yarn.resourcemanager.hostname", "a.example")]);
        let error = ResourceManager::from_configuration(&configuration, alice()).unwrap_err();
        assert!(error.to_string().contains("kerberos in /conf/core-site.xml), which this version lacks"), "{error}");
        let bearer = Access::token(Default::default(), RetryPolicy::BRIEF);
        Scheduler::from_configuration(&configuration, bearer).unwrap();
    }

    #[test]
    fn protection_is_refused_unless_plain_messages_are_allowed() {
        let check = |value| check_security(&configuration(&[(PROTECTION_KEY, value)]));
        let text = check("privacy, integrity").unwrap_err().to_string();
        assert!(text.contains("(hadoop.rpc.protection is privacy,integrity in /conf/core-site.xml)"), "{text}");
        assert_eq!((check("authentication"), check("privacy,authentication"), check("")), (Ok(()), Ok(()), Ok(())));
    }

    #[tokio::test]
    async fn an_empty_configuration_names_the_key_it_lacks() {
        let error = ResourceManager::from_configuration(&Configuration::default(), alice()).unwrap_err();
        assert!(error.to_string().contains("yarn.resourcemanager.hostname is not set"), "{error}");
    }
}
