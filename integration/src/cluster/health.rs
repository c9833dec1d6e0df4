//! How far the cluster is, as its own daemons tell.

use std::fmt;

use serde_json::Value;

use super::Cluster;
use super::host::Host;
use super::http::HttpError;

/// What the NameNode and the ResourceManager say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// `Operational` or `safeMode`; nothing while the NameNode does not answer.
    pub hdfs: Option<String>,
    /// DataNodes that are alive.
    pub data_nodes: u64,
    /// NodeManagers that take containers; nothing while the ResourceManager does not answer.
    pub node_managers: Option<u64>,
}

impl Health {
    /// Whether all is there.
    pub fn complete(&self, workers: usize) -> bool {
        let workers = workers as u64;
        self.hdfs.as_deref() == Some("Operational") && self.data_nodes >= workers && self.node_managers >= Some(workers)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hdfs {
            Some(state) => write!(f, "hdfs is {state} with {} DataNodes", self.data_nodes)?,
            None => write!(f, "the NameNode does not answer")?,
        }
        match self.node_managers {
            Some(count) => write!(f, ", the ResourceManager has {count} NodeManagers"),
            None => write!(f, ", the ResourceManager does not answer"),
        }
    }
}

impl Cluster {
    /// How far it is.
    pub fn health(&self) -> Health {
        let mut health = Health::default();
        if let Ok(state) = self.name_node_bean("Hadoop:service=NameNode,name=FSNamesystemState") {
            health.hdfs = state["FSState"].as_str().map(str::to_owned);
            health.data_nodes = state["NumLiveDataNodes"].as_u64().unwrap_or(0);
        }
        if let Ok(answer) = self.resource_manager("/ws/v1/cluster/metrics") {
            health.node_managers = answer["clusterMetrics"]["activeNodes"].as_u64();
        }
        health
    }

    /// One of the NameNode's management beans; null while it has none of this name.
    pub fn name_node_bean(&self, name: &str) -> Result<Value, HttpError> {
        let url = format!("http://{}:9870/jmx?qry={name}", Host::Master);
        let answer = self.get_json(Host::Master, &url)?;
        Ok(answer.pointer("/beans/0").cloned().unwrap_or_default())
    }

    /// An answer of the ResourceManager's web interface, such as `/ws/v1/cluster/apps`.
    pub fn resource_manager(&self, path: &str) -> Result<Value, HttpError> {
        self.get_json(Host::Master, &format!("http://{}:8088{path}", Host::Master))
    }

    /// An answer of the NodeManager's web interface, such as `/ws/v1/node/containers`.
    pub fn node_manager(&self, number: usize, path: &str) -> Result<Value, HttpError> {
        self.get_json(Host::Master, &format!("http://{}:8042{path}", Host::Worker(number)))
    }
}
