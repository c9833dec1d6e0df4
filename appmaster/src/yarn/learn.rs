//! Which nodes the cluster has: their names as soon as the ResourceManager has said them, their addresses, under which
//! HDFS may know them, when the name service has answered.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt, stream};
use hadoop_client::rpc::RetryPolicy;
use hadoop_client::{Access, ResourceManager, hosts};
use hadoop_wire::config::Configuration;
use hadoop_wire::messages::yarn::NodeState;
use tracing::warn;

use super::translate::nodes_known;
use crate::application::Application;

/// Questions to the name service under way at a time.
const AT_ONCE: usize = 64;
/// How long one answer of it may take: a dead entry must not hide the other nodes.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// Tells the core which hosts there are, in which racks: without that it cannot ask for places. Twice: at once by their
/// names, then with their addresses. What cannot be learned is logged; containers are then asked for anywhere.
pub async fn learn_nodes(configuration: Configuration, user: String, application: Application) {
    let access = Access::simple(&user, RetryPolicy::PATIENT);
    let manager = match ResourceManager::from_configuration(&configuration, access) {
        Ok(manager) => manager,
        Err(error) => return warn!(%error, "learn the cluster's nodes"),
    };
    let reports = match manager.nodes(&[NodeState::Running]).await {
        Ok(reports) => reports,
        Err(error) => return warn!(%error, "learn the cluster's nodes"),
    };
    // When the application is over already, nobody needs to know.
    let _ = application.event(nodes_known(&reports, |_| Vec::new())).await;
    let names = reports.iter().filter_map(|report| Some(report.node_id.as_ref()?.host().to_owned()));
    let addresses = addresses(names.collect()).await;
    let _ = application.event(nodes_known(&reports, |host| addresses.get(host).cloned().unwrap_or_default())).await;
}

/// The addresses of those hosts that the name service knows.
async fn addresses(hosts: Vec<String>) -> BTreeMap<String, Vec<String>> {
    let answers = stream::iter(hosts).map(|host| async move {
        let found = tokio::time::timeout(ANSWER_LIMIT, hosts::resolve(&host, 0)).await;
        let found = found.ok()?.ok()?;
        Some((host, found.iter().map(|address| address.ip().to_string()).collect()))
    });
    answers.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_without_an_address_does_not_hide_the_others() {
        let hosts = ["no-such-host.invalid", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let found = addresses(hosts).await;
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["127.0.0.1", "::1"]);
        assert_eq!(found["127.0.0.1"], ["127.0.0.1"]);
    }
}
