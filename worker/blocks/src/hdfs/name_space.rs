//! One HDFS name space: our own client for questions, hdfs-native for remote reads and for writing.

use std::time::Duration;

use hadoop_client::rpc::RetryPolicy;
use hadoop_client::{Access, NameNode};
use hadoop_wire::config::Configuration;
use hadoop_wire::config::defaults::DEFAULT_FS_KEY;
use hdfs_native::ClientBuilder;
use tokio::runtime::Handle;

use crate::error::Cause;

/// A task waits for a NameNode that restarts or fails over; a person who lists a directory does not.
const TASK_PATIENCE: RetryPolicy = RetryPolicy {
    total: Duration::from_secs(120),
    first_delay: Duration::from_millis(250),
    longest_delay: Duration::from_secs(5),
};

/// hdfs-native's own defaults let one refused connection take three minutes.
const NATIVE_LIMITS: [(&str, &str); 4] = [
    ("dfs.client.failover.max.attempts", "4"),
    ("dfs.client.failover.sleep.base.millis", "250"),
    ("dfs.client.failover.sleep.max.millis", "2000"),
    ("dfs.client.socket-timeout", "15000"),
];

/// A name space and the clients that know its NameNodes.
pub(crate) struct NameSpace {
    /// For somebody who waits: gives up after seconds.
    pub(crate) brief: NameNode,
    /// For tasks: gives up after minutes.
    pub(crate) patient: NameNode,
    /// For remote reads and writes.
    pub(crate) native: hdfs_native::Client,
    /// `hdfs://authority`.
    pub(crate) url_prefix: String,
}

impl std::fmt::Debug for NameSpace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NameSpace").field("url_prefix", &self.url_prefix).finish_non_exhaustive()
    }
}

impl NameSpace {
    /// The name space of `authority`. Inside a runtime.
    pub(crate) fn new(
        authority: String,
        configuration: &Configuration,
        user: &str,
        runtime: &Handle,
    ) -> Result<NameSpace, Cause> {
        let url_prefix = format!("hdfs://{authority}");
        let access = Access::simple(user, RetryPolicy::BRIEF);
        // Where the address comes from is where a wrong one is put right.
        let is_default = configuration.default_file_system().is_ok_and(|default| default.authority == authority);
        let origin = if is_default { DEFAULT_FS_KEY } else { &url_prefix };
        let brief = NameNode::from_configuration(configuration, &authority, origin, access)?;
        let patient = NameNode::new(brief.client().with_retry(TASK_PATIENCE));
        let native = native_client(&url_prefix, configuration, user, runtime)?;
        Ok(NameSpace { brief, patient, native, url_prefix })
    }
}

fn native_client(
    url: &str,
    configuration: &Configuration,
    user: &str,
    runtime: &Handle,
) -> Result<hdfs_native::Client, Cause> {
    let mut values = configuration.to_map();
    values.extend(NATIVE_LIMITS.map(|(key, value)| (key.to_owned(), value.to_owned())));
    let builder = ClientBuilder::new().with_url(url).with_config(values).with_io_runtime(runtime.clone());
    let builder = if configuration.is_secure() { builder } else { builder.with_user(user) };
    Ok(builder.build()?)
}
