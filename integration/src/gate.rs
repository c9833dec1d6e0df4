//! Whether tests get a cluster: the one of their process, or a reason why they are skipped.

use std::process::Command;
use std::sync::OnceLock;

use crate::cluster::{Cluster, ClusterOptions};
use crate::install::{Installation, Java, Version, find_program};
use crate::notice::notify;
use crate::sys;

static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();

/// The cluster that all tests of this process share: three workers on two racks. With `BOBBIN_CLUSTER=DIR` it is the running
/// one in that directory. `None`, after saying why, where there can be none; with `BOBBIN_REQUIRE_HADOOP=1` that is a failure.
///
/// # Panics
/// When the cluster does not start although the machine should be able to run it.
pub fn shared() -> Option<&'static Cluster> {
    let cluster = SHARED.get_or_init(|| {
        sys::at_exit(end_shared);
        match std::env::var_os("BOBBIN_CLUSTER") {
            Some(directory) => Some(started(Cluster::attach(directory.as_ref()))),
            None => private(ClusterOptions { version: version(), ..ClusterOptions::default() }),
        }
    });
    if cluster.is_none() {
        // Every test says so, not only the first.
        skip(obstacle(version()).as_deref().unwrap_or("there is no cluster"));
    }
    cluster.as_ref()
}

/// A cluster for one test alone, which may break it. Like [`shared`] where there can be none.
///
/// # Panics
/// When the cluster does not start although the machine should be able to run it.
pub fn private(options: ClusterOptions) -> Option<Cluster> {
    match obstacle(options.version) {
        Some(reason) => {
            skip(&reason);
            None
        }
        None => Some(started(Cluster::start(options))),
    }
}

/// The Hadoop release that tests run: `BOBBIN_HADOOP`, else 3.4.
///
/// # Panics
/// When the variable names an unknown one.
pub fn version() -> Version {
    match std::env::var("BOBBIN_HADOOP") {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("BOBBIN_HADOOP: {error}")),
        Err(_) => Version::default(),
    }
}

/// Why this machine cannot run a cluster.
fn obstacle(version: Version) -> Option<String> {
    if let Err(error) = Java::find() {
        return Some(error.to_string());
    }
    if !Installation::fetched(version) && find_program("mvn").is_none() {
        return Some("no mvn on the PATH, which fetches the Hadoop daemons once: install Maven 3".to_owned());
    }
    if let Some(tool) = ["bash", "ip", "mount", "hostname"].iter().find(|tool| find_program(tool).is_none()) {
        return Some(format!("no {tool} on the PATH, which sets up the cluster's hosts"));
    }
    namespaces().err().map(|error| format!("no right to make network and mount namespaces, which needs root: {error}"))
}

/// Makes namespaces and lets them go.
fn namespaces() -> std::io::Result<()> {
    sys::spawn_host(Command::new("true"))?.wait().map(drop)
}

/// Says that a test is skipped, and why; with `BOBBIN_REQUIRE_HADOOP=1` that is a failure.
///
/// # Panics
/// With that variable.
pub fn skip(reason: &str) {
    let required = std::env::var_os("BOBBIN_REQUIRE_HADOOP").is_some_and(|value| value == "1");
    assert!(!required, "BOBBIN_REQUIRE_HADOOP=1, but the test cannot run: {reason}");
    notify(&format!("skipped: {reason}"));
}

fn started<E: std::error::Error>(cluster: Result<Cluster, E>) -> Cluster {
    cluster.unwrap_or_else(|error| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text += &format!(": {error}");
            cause = error.source();
        }
        panic!("{text}")
    })
}

/// A static value is never dropped.
extern "C" fn end_shared() {
    if let Some(Some(cluster)) = SHARED.get() {
        cluster.end();
    }
}
