//! The resident memory of our processes while a query runs.

use std::collections::BTreeMap;
use std::fs;
use std::process::Child;
use std::time::Duration;

use integration::cluster::{Cluster, Host};
use integration::process::Process;
use integration::wait;

/// Megabytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peak {
    /// What it had when it had started and done nothing yet.
    pub at_rest: f64,
    /// The most it ever had.
    pub most: f64,
}

/// Looks at all of our processes until the client ends.
pub fn watch(cluster: &Cluster, client: &mut Child, edge: Host) -> BTreeMap<&'static str, Peak> {
    let hosts: Vec<Host> = cluster.workers().chain([edge]).collect();
    let mut peaks = BTreeMap::new();
    let mut seen = BTreeMap::new();
    let _ = wait::until(Duration::from_secs(120), || {
        for &host in &hosts {
            for process in cluster.processes_in(host) {
                look(&process, host == edge, &mut seen);
            }
        }
        client.try_wait().ok().flatten()
    });
    for ((role, _), peak) in seen {
        let largest: &mut Peak = peaks.entry(role).or_default();
        largest.at_rest = largest.at_rest.max(peak.at_rest);
        largest.most = largest.most.max(peak.most);
    }
    peaks
}

fn look(process: &Process, is_client: bool, seen: &mut BTreeMap<(&'static str, u32), Peak>) {
    if process.executable.file_name().is_none_or(|name| name != "yarn-submit") {
        return;
    }
    let is = |word: &str| process.arguments.iter().any(|argument| argument == word);
    let role = match (is_client, is("appmaster")) {
        (true, _) => "yarn-submit",
        (false, true) => "application master",
        (false, false) => "worker",
    };
    let pid = process.identity.pid();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let Some(most) = megabytes(&status, "VmHWM:") else { return };
    let peak = seen.entry((role, pid)).or_insert(Peak { at_rest: most, most });
    peak.most = peak.most.max(most);
}

/// A line such as `VmHWM:     12345 kB`.
fn megabytes(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kib| kib * 1024.0 / 1e6)
}
