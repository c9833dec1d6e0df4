//! HDFS: the NameNode, the home directory, writing, block locations, and how fast blocks can be read from here.

use std::collections::BTreeMap;
use std::sync::Arc;

use bobbin::yarn::{self, Cluster, HdfsError};
use bobbin_blocks::{BlockReader, FileRef, HdfsOptions, ReadCounters, ReadError, ReadSnapshot};
use bytes::Bytes;
use hadoop_wire::config::{Configuration, defaults};

use super::finding::Report;
use crate::exit::{self, Exit};
use crate::units;

/// Content of the file that is written to see whether writing works: more than one checksum chunk.
const PROBE: &[u8] = &[b'x'; 4096];
/// Bytes of a user's file that are read to see whether reading works.
const SAMPLE: u64 = 64 << 20;
const WINDOW: usize = 4 << 20;

/// Checks what submitting and reading need of HDFS. `nodes` are the hosts that run containers.
pub async fn check(
    cluster: &Cluster,
    configuration: &Configuration,
    path: Option<&str>,
    nodes: &BTreeMap<String, String>,
    report: &mut Report,
) {
    if !check_home(cluster, report).await {
        return;
    }
    let probe = check_writing(cluster, report).await;
    let url = match (path, &probe) {
        (Some(path), _) if path.contains("://") => Some(path.to_owned()),
        (Some(path), _) => Some(cluster.hdfs().file_system().at(path).to_string()),
        (None, Some(probe)) => Some(cluster.hdfs().file_system().at(probe).to_string()),
        (None, None) => None,
    };
    if let Some(url) = url {
        check_reading(cluster, configuration, &url, nodes, report).await;
    }
    if let Some(probe) = probe {
        // Small, and the next doctor overwrites nothing: the name is unique.
        let _ = cluster.hdfs().remove(&probe).await;
    }
    check_short_circuit(configuration, report);
}

async fn check_home(cluster: &Cluster, report: &mut Report) -> bool {
    let home = cluster.home();
    match cluster.name_node().file_info(home).await {
        Ok(Some(_)) => {
            let server = cluster.name_node().client().servers().next().map(ToString::to_string).unwrap_or_default();
            report.ok("NameNode", format!("{server} answers; {home} exists"));
            true
        }
        Ok(None) => {
            let user = cluster.user();
            let advice = format!("have it made: hdfs dfs -mkdir {home} && hdfs dfs -chown {user} {home}");
            report.failed("home directory", Exit::Permission, &format!("{home} does not exist"), &advice);
            false
        }
        Err(error) => {
            let advice = "check that the NameNode runs, that fs.defaultFS is right, and that no firewall is between";
            report.failed("NameNode", Exit::Code(yarn::exit::of_call(&error)), &exit::chain(&error), advice);
            false
        }
    }
}

/// Writes a small file where uploads go; returns its path.
async fn check_writing(cluster: &Cluster, report: &mut Report) -> Option<String> {
    let folder = format!("{}/.bobbin", cluster.home());
    let path = format!("{folder}/doctor.{}", std::process::id());
    let written = async {
        cluster.hdfs().make_directory(&folder, 0o700).await?;
        cluster.hdfs().write(&path, Bytes::from_static(PROBE), 0o600).await
    };
    match written.await {
        Ok(()) => {
            report.ok("staging", format!("{folder} can be written"));
            Some(path)
        }
        Err(error) => {
            failed_writing(&error, report);
            None
        }
    }
}

fn failed_writing(error: &HdfsError, report: &mut Report) {
    let advice = "make sure that you may write to your home directory, that HDFS has space, and that its DataNodes can be reached from here";
    report.failed("staging", Exit::Code(yarn::exit::of_hdfs(error)), &exit::chain(error), advice);
}

async fn check_reading(
    cluster: &Cluster,
    configuration: &Configuration,
    url: &str,
    nodes: &BTreeMap<String, String>,
    report: &mut Report,
) {
    let options = HdfsOptions { configuration: configuration.clone(), user: Some(cluster.user().to_owned()) };
    let reader = match BlockReader::with_hdfs(options) {
        Ok(reader) => reader,
        Err(error) => {
            return report.failed(
                "reading",
                Exit::Usage,
                &exit::chain(&error),
                "check the properties of hdfs-site.xml",
            );
        }
    };
    let files = match reader.list(url).await {
        Ok(files) => files,
        Err(error) => {
            let advice = "name a file on HDFS that you may read with --path";
            return report.failed("reading", Exit::Code(error.exit_code()), &exit::chain(&error), advice);
        }
    };
    let Some(file) = files.into_iter().next() else { return };
    match reader.locations(&file).await {
        Ok(blocks) => {
            let hosts: Vec<&str> = blocks.iter().flat_map(|block| &block.hosts).map(String::as_str).collect();
            check_locations(&hosts, blocks.len(), nodes, report);
        }
        Err(error) => {
            report.failed(
                "block locations",
                Exit::Code(error.exit_code()),
                &exit::chain(&error),
                "check that you may read the file",
            );
        }
    }
    let counters = Arc::new(ReadCounters::default());
    match read_sample(&reader, &file, counters.clone()).await {
        Ok(bytes) => {
            let detail = format!("{} of {}: {}", units::bytes(bytes), file.url, ways(&counters.snapshot()));
            report.ok("reading", detail);
        }
        Err(error) => {
            let advice = "check that the DataNodes run and can be reached from here";
            report.failed("reading", Exit::Code(error.exit_code()), &exit::chain(&error), advice);
        }
    }
}

/// Reads the beginning of a file, or all of it; returns how many bytes.
async fn read_sample(reader: &BlockReader, file: &FileRef, counters: Arc<ReadCounters>) -> Result<u64, ReadError> {
    let mut open = reader.open(file, counters).await?;
    let end = file.len.min(SAMPLE);
    let mut offset = 0;
    while offset < end {
        let length = WINDOW.min(usize::try_from(end - offset).unwrap_or(WINDOW));
        let bytes = open.window(offset, length).await?;
        if bytes.is_empty() {
            break;
        }
        offset += bytes.len() as u64;
    }
    Ok(offset)
}

/// Work can be near its data when blocks lie on hosts that run containers.
fn check_locations(hosts: &[&str], blocks: usize, nodes: &BTreeMap<String, String>, report: &mut Report) {
    let name = "block locations";
    let mut distinct: Vec<&str> = hosts.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let is_node = |host: &&str| nodes.keys().any(|node| node == host || node.split('.').next() == Some(host));
    let near = distinct.iter().filter(|host| is_node(host)).count();
    let detail = format!("{blocks} blocks on {} hosts, {near} of which run containers", distinct.len());
    if near > 0 || nodes.is_empty() || distinct.is_empty() {
        report.ok(name, detail);
    } else {
        let advice = format!(
            "make HDFS and YARN name hosts alike: blocks are on {}, containers on {}",
            distinct.join(", "),
            nodes.keys().cloned().collect::<Vec<_>>().join(", ")
        );
        report.warning(name, format!("{detail}: every read would be remote"), advice);
    }
}

fn check_short_circuit(configuration: &Configuration, report: &mut Report) {
    let name = "short-circuit reads";
    let key = "dfs.client.read.shortcircuit";
    let socket = configuration.get("dfs.domain.socket.path").filter(|path| !path.is_empty());
    let is_on = configuration.get_bool(key, defaults::SHORT_CIRCUIT).unwrap_or_default();
    match socket {
        Some(socket) if is_on => report.ok(name, format!("are asked for; workers use the DataNodes' socket {socket}")),
        Some(_) => report.warning(name, format!("{key} is false: blocks are read over TCP"), format!("set {key}=true")),
        None => {
            let advice =
                format!("set dfs.domain.socket.path and {key}=true on the DataNodes and in this configuration");
            report.warning(name, "dfs.domain.socket.path is not set: blocks are read over TCP", advice);
        }
    }
}

/// By which ways bytes came.
fn ways(counts: &ReadSnapshot) -> String {
    let ways = [
        (counts.short_circuit, "short-circuit"),
        (counts.local_socket, "through the local DataNode"),
        (counts.remote, "from other hosts"),
        (counts.local_file, "from local files"),
    ];
    let used: Vec<&str> = ways.into_iter().filter(|(bytes, _)| *bytes > 0).map(|(_, way)| way).collect();
    if used.is_empty() { "nothing to read".to_owned() } else { used.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Health;
    use super::*;

    fn health(hosts: &[&str], nodes: &[&str]) -> Health {
        let mut report = Report::new(true);
        let nodes = nodes.iter().map(|node| ((*node).to_owned(), "/rack1".to_owned())).collect();
        check_locations(hosts, hosts.len(), &nodes, &mut report);
        report.findings()[0].health
    }

    #[test]
    fn hosts_that_yarn_does_not_know_are_a_warning() {
        assert_eq!(health(&["w1.example"], &["w1.example", "w2.example"]), Health::Ok);
        assert_eq!(health(&["w1"], &["w1.example"]), Health::Ok);
        assert_eq!(health(&["10.0.0.1"], &["w1.example"]), Health::Warning);
        assert_eq!(health(&[], &["w1.example"]), Health::Ok);
    }
}
