//! Where pages are: ours at the proxy, the ResourceManager's about us, and the NodeManagers' with what containers print.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hadoop_wire::config::{Configuration, ResourceManagerService};
use tracing::warn;

use super::{About, Gate};
use crate::container::Container;

/// The NodeManagers' pages of logs.
#[derive(Clone, Debug)]
pub struct LogPages {
    scheme: &'static str,
    user: String,
}

impl LogPages {
    /// The pages of what `user` runs.
    pub fn new(configuration: &Configuration, user: &str) -> LogPages {
        LogPages { scheme: scheme(configuration), user: user.to_owned() }
    }

    /// The page of a container, at the web address of its node.
    pub fn of(&self, container: &str, node: &str) -> String {
        format!("{}://{node}/node/containerlogs/{container}/{}", self.scheme, self.user)
    }
}

/// What does not change about the application that runs in this container.
pub fn about(container: &Container, configuration: &Configuration) -> About {
    let id = container.id.attempt.application.to_string();
    let manager = managers(configuration).into_iter().next();
    About {
        name: container.spec.name.clone(),
        user: container.spec.user.clone(),
        attempt: container.id.attempt.attempt,
        submitted_ms: container.spec.submitted_ms,
        manager_page: manager.map(|(host, port)| format!("{}://{host}:{port}/cluster/app/{id}", scheme(configuration))),
        id,
    }
}

/// The addresses of the proxies, as `AmIpFilter` finds them: `yarn.web-proxy.address`, else the ResourceManagers.
pub async fn gate(configuration: &Configuration, proxy_base: Option<&str>) -> Gate {
    let proxy = configuration.get("yarn.web-proxy.address");
    let proxy = proxy.as_deref().and_then(|address| address.rsplit_once(':'));
    let servers = match proxy.map(|(host, port)| (host.to_owned(), port.parse())) {
        Some((host, Ok(port))) => vec![(host, port)],
        Some((_, Err(_))) => Vec::new(),
        None => managers(configuration),
    };
    let mut proxies: BTreeSet<IpAddr> = BTreeSet::new();
    for (host, port) in &servers {
        match hadoop_client::hosts::resolve(host, *port).await {
            Ok(addresses) => proxies.extend(addresses.into_iter().map(|address| address.ip().to_canonical())),
            Err(error) => warn!(%error, "find the proxy of the tracking page"),
        }
    }
    let first = servers.first().zip(proxy_base);
    let proxied = first.map(|((host, port), base)| format!("{}://{host}:{port}{base}/", scheme(configuration)));
    Gate { proxies, proxied }
}

/// The web servers of the ResourceManagers.
fn managers(configuration: &Configuration) -> Vec<(String, u16)> {
    let is_secure = configuration.is_web_https_only();
    let service = if is_secure { ResourceManagerService::SecureWeb } else { ResourceManagerService::Web };
    let endpoints = configuration.resource_managers(service).unwrap_or_default();
    endpoints.into_iter().map(|endpoint| (endpoint.address.host, endpoint.address.port)).collect()
}

fn scheme(configuration: &Configuration) -> &'static str {
    if configuration.is_web_https_only() { "https" } else { "http" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_logs_are_where_node_managers_serve_them() {
        let page = |policy: &str| {
            let configuration = Configuration::from_map([("yarn.http.policy".to_owned(), policy.to_owned())]);
            LogPages::new(&configuration, "alice").of("container_1_0001_01_000002", "w1:8042")
        };
        assert_eq!(page("HTTP_ONLY"), "http://w1:8042/node/containerlogs/container_1_0001_01_000002/alice");
        assert!(page("HTTPS_ONLY").starts_with("https://w1:8042/"));
    }

    #[tokio::test]
    async fn strangers_are_sent_to_the_resource_manager_as_it_serves() {
        let proxied = async |policy: &str| {
            let pairs = [("yarn.http.policy", policy), ("yarn.resourcemanager.hostname", "127.0.0.2")];
            let configuration = Configuration::from_map(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
            gate(&configuration, Some("/proxy/application_1_0001")).await.proxied.unwrap()
        };
        assert_eq!(proxied("HTTP_ONLY").await, "http://127.0.0.2:8088/proxy/application_1_0001/");
        assert_eq!(proxied("HTTPS_ONLY").await, "https://127.0.0.2:8090/proxy/application_1_0001/");
    }

    #[tokio::test]
    async fn the_proxy_of_its_own_comes_before_the_resource_managers() {
        let pairs =
            [("yarn.web-proxy.address", "127.0.0.1:9099"), ("yarn.resourcemanager.webapp.address", "127.0.0.2:8088")];
        let configuration = Configuration::from_map(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let gate = gate(&configuration, Some("/proxy/application_1_0001")).await;
        assert_eq!(gate.proxied.as_deref(), Some("http://127.0.0.1:9099/proxy/application_1_0001/"));
        assert_eq!(gate.proxies, BTreeSet::from([IpAddr::from([127, 0, 0, 1])]));
    }
}
