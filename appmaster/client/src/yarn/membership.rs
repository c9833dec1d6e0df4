//! What it takes to join an application on a cluster, whoever finds it.

use bobbin_link::Identity;
use hadoop_wire::config::Configuration;

/// What drivers of an application on a cluster have.
pub struct Membership {
    /// host:port of its master.
    pub address: String,
    /// What we show to it.
    pub identity: Identity,
    /// The submitter's Hadoop configuration.
    pub configuration: Configuration,
}
