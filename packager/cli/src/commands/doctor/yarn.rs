//! The ResourceManager, its nodes, the queue, and the collection of logs.

use std::collections::BTreeMap;

use bobbin::yarn::{self, Cluster, Container, PreflightError, Request, SubmitError, preflight};
use hadoop_client::rpc::CallError;
use hadoop_wire::config::{Configuration, defaults};
use hadoop_wire::messages::yarn::{NodeReport, NodeState};

use super::finding::Report;
use crate::exit::{self, Exit};
use crate::units;

/// Checks what submitting needs of YARN; returns the racks of the hosts that run containers.
pub async fn check(cluster: &Cluster, queue: &str, report: &mut Report) -> Option<BTreeMap<String, String>> {
    let manager = cluster.resource_manager();
    let server = manager.client().servers().next().map(ToString::to_string).unwrap_or_default();
    let nodes = match manager.nodes(&[NodeState::Running]).await {
        Ok(nodes) => nodes,
        Err(error) => {
            unreachable(report, "ResourceManager", &error);
            return None;
        }
    };
    report.ok("ResourceManager", format!("{server} answers"));
    check_nodes(&nodes, report);
    check_request(cluster, queue, report).await;
    Some(nodes.into_iter().filter_map(|node| Some((node.node_id?.host?, node.rack_name.unwrap_or_default()))).collect())
}

fn check_nodes(nodes: &[NodeReport], report: &mut Report) {
    let memory = |node: &NodeReport| node.capability.as_ref().and_then(|all| all.memory).unwrap_or_default();
    let total: i64 = nodes.iter().map(memory).sum();
    let largest = nodes.iter().map(memory).max().unwrap_or_default();
    let size = |mebibytes: i64| units::bytes(u64::try_from(mebibytes).unwrap_or_default() << 20);
    if nodes.is_empty() {
        let advice = "start the NodeManagers, or see why they are unhealthy: yarn node -list -all";
        report.failed("nodes", Exit::Unavailable, "no NodeManager is running", advice);
    } else {
        let (total, largest) = (size(total), size(largest));
        report.ok("nodes", format!("{} running, {total} for containers, the largest has {largest}", nodes.len()));
    }
}

/// What `sql` asks for by default, checked as a submission would be.
async fn check_request(cluster: &Cluster, queue: &str, report: &mut Report) {
    let request = Request {
        name: "doctor".to_owned(),
        queue: queue.to_owned(),
        tags: Vec::new(),
        priority: None,
        node_label: None,
        max_attempts: 1,
        master: Container { cores: 1, memory_mib: 512 },
        worker: Container { cores: 2, memory_mib: 2048 },
        workers: None,
        least_workers: None,
        warm_workers: 0,
        worker_resources: Vec::new(),
        environment: None,
        resources: Vec::new(),
        variables: BTreeMap::new(),
        expected: None,
        idle_timeout: std::time::Duration::from_secs(600),
        port_range: None,
        command: None,
        program: None,
        public_cache: None,
        log_filter: None,
    };
    match preflight(cluster, &request).await {
        Ok(_) => report.ok(
            "queue",
            format!("{queue} takes a default query: application master 512 MiB, workers 2 GiB and 2 cores"),
        ),
        Err(PreflightError::Call(error)) => unreachable(report, "queue", &error),
        Err(error) => {
            let advice = "choose what the cluster can give: --queue, --worker-memory, --worker-cores, --master-memory";
            let text = exit::chain(&error);
            report.failed("queue", Exit::Code(SubmitError::from(error).exit_code()), &text, advice);
        }
    }
}

/// Whether `logs` will find what finished applications printed.
pub async fn check_logs(cluster: &Cluster, configuration: &Configuration, report: &mut Report) {
    let name = "logs";
    let key = "yarn.log-aggregation-enable";
    if !configuration.get_bool(key, defaults::LOG_AGGREGATION).unwrap_or_default() {
        let detail = format!("{key} is false here: logs stay on the nodes for yarn.nodemanager.log.retain-seconds");
        report.warning(name, detail, format!("set {key}=true on the NodeManagers and in this configuration"));
        return;
    }
    let root = configuration.get_or("yarn.nodemanager.remote-app-log-dir", defaults::REMOTE_LOG_DIR);
    match cluster.hdfs().entry(&root).await {
        Ok(Some(_)) => report.ok(name, format!("are collected in {root}")),
        Ok(None) => report.warning(
            name,
            format!("{root} does not exist yet"),
            "NodeManagers make it with the first application",
        ),
        Err(error) => report.warning(name, exit::chain(&error), "check yarn.nodemanager.remote-app-log-dir"),
    }
}

fn unreachable(report: &mut Report, name: &'static str, error: &CallError) {
    let advice = "check that the ResourceManager runs, that the address is right, and that no firewall is between";
    report.failed(name, Exit::Code(yarn::exit::of_call(error)), &exit::chain(error), advice);
}
