//! One HDFS name space: our own client for questions, hdfs-native for remote reads and for writing.

use std::time::Duration;

use hadoop_client::rpc::RetryPolicy;
use hadoop_client::{Access, NameNode};
use hadoop_wire::config::Configuration;
use hadoop_wire::config::defaults::DEFAULT_FS_KEY;
use hdfs_native::ClientBuilder;
use tokio::runtime::Handle;

use crate::error::Cause;

/// A task waits so long for a NameNode that restarts or fails over; a person who lists a directory does not.
const TASK_PATIENCE: Duration = Duration::from_secs(120);
/// Hadoop's own keys for how long its clients wait for a NameNode that cannot be reached or starts.
const RETRY_ENABLED: &str = "dfs.client.retry.policy.enabled";
const RETRY_SPEC: &str = "dfs.client.retry.policy.spec";

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
        let patient = NameNode::new(brief.client().with_retry(RetryPolicy {
            total: task_patience(configuration),
            first_delay: Duration::from_millis(250),
            longest_delay: Duration::from_secs(5),
        }));
        let native = native_client(&url_prefix, configuration, user, runtime)?;
        Ok(NameSpace { brief, patient, native, url_prefix })
    }
}

/// How long tasks wait for a NameNode: what the cluster's configuration says, if it says something that we understand.
fn task_patience(configuration: &Configuration) -> Duration {
    let enabled = configuration.get_bool(RETRY_ENABLED, false).unwrap_or(false);
    let spec = configuration.get(RETRY_SPEC).filter(|_| enabled);
    spec.as_deref().and_then(total_of).unwrap_or(TASK_PATIENCE)
}

/// The sum of pairs of pause (milliseconds) and count: `10000,6,60000,10`.
fn total_of(spec: &str) -> Option<Duration> {
    let numbers = spec.split(',').map(|word| word.trim().parse().ok()).collect::<Option<Vec<u64>>>()?;
    let (pairs, rest) = numbers.as_chunks::<2>();
    let total = pairs.iter().map(|[pause, count]| pause.saturating_mul(*count)).fold(0, u64::saturating_add);
    (rest.is_empty() && total > 0).then(|| Duration::from_millis(total))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_says_how_long_tasks_wait_for_its_name_node() {
        let check = |pairs: &[(&str, &str)], seconds: u64| {
            let map = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            assert_eq!(task_patience(&Configuration::from_map(map)).as_secs(), seconds, "{pairs:?}");
        };
        check(&[], 120);
        check(&[(RETRY_SPEC, "10000,6,60000,10")], 120);
        check(&[(RETRY_ENABLED, "true"), (RETRY_SPEC, "10000, 6, 60000,10")], 660);
        for unclear in ["", "1000", "1000,x", "0,4", "1000,2,3"] {
            check(&[(RETRY_ENABLED, "true"), (RETRY_SPEC, unclear)], 120);
        }
    }
}
