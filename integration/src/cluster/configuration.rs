//! The cluster's configuration: one directory that every host shares, because addresses and names are the hosts' own.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::USER;
use super::host::Host;
use super::layout::Layout;
use super::options::{ClusterOptions, LogFormat};
use crate::install::Installation;

/// One configuration file's settings.
type Settings = BTreeMap<String, String>;

/// What Hadoop reflects on, as its own start scripts list it.
const OPENED_PACKAGES: [&str; 11] = [
    "java.io",
    "java.lang",
    "java.lang.reflect",
    "java.math",
    "java.net",
    "java.text",
    "java.util",
    "java.util.concurrent",
    "java.util.zip",
    "sun.security.util",
    "sun.security.x509",
];

/// Directories of web pages that the daemons look for, although the jars have none.
const WEB_DIRECTORIES: [&str; 5] = ["hdfs", "datanode", "secondary", "static", "logs"];

const LOGGING: &str = "\
log4j.rootLogger=INFO,A
log4j.appender.A=org.apache.log4j.ConsoleAppender
log4j.appender.A.target=System.err
log4j.appender.A.layout=org.apache.log4j.PatternLayout
log4j.appender.A.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
";

/// Writes everything that hosts and daemons read.
pub(crate) fn write(layout: &Layout, options: &ClusterOptions, installation: &Installation) -> io::Result<()> {
    for host in options.hosts() {
        fs::create_dir_all(layout.disk_of(host).join("tmp"))?;
        fs::create_dir_all(layout.sockets_of(host))?;
    }
    for directory in [layout.disk(), layout.logs()] {
        fs::create_dir_all(directory)?;
    }
    fs::write(layout.host_table(), host_table(options))?;
    fs::write(layout.resolver(), "")?;
    fs::write(layout.topology(), topology(options))?;
    fs::set_permissions(layout.topology(), fs::Permissions::from_mode(0o755))?;
    fs::write(layout.java_arguments(), java_arguments(layout, installation))?;
    write_sites(layout, options)
}

fn write_sites(layout: &Layout, options: &ClusterOptions) -> io::Result<()> {
    let directory = layout.configuration();
    for page in WEB_DIRECTORIES {
        fs::create_dir_all(directory.join("webapps").join(page))?;
    }
    fs::write(directory.join("log4j.properties"), LOGGING)?;
    let mut sites = BTreeMap::from([
        ("core-site.xml", core(layout)),
        ("hdfs-site.xml", hdfs(layout, options)),
        ("yarn-site.xml", yarn(layout, options)),
        ("capacity-scheduler.xml", scheduler(options)),
    ]);
    for (key, value) in &options.settings {
        sites.entry(site_of(key)).or_default().insert(key.clone(), value.clone());
    }
    for (name, settings) in sites {
        fs::write(directory.join(name), xml(&settings))?;
    }
    Ok(())
}

/// The file that a setting belongs to.
fn site_of(key: &str) -> &'static str {
    let prefixes =
        [("yarn.scheduler.capacity.", "capacity-scheduler.xml"), ("yarn.", "yarn-site.xml"), ("dfs.", "hdfs-site.xml")];
    let found = prefixes.into_iter().find(|(prefix, _)| key.starts_with(prefix));
    found.map_or("core-site.xml", |(_, site)| site)
}

fn core(layout: &Layout) -> Settings {
    let master = Host::Master.full_name();
    settings([
        ("fs.defaultFS", format!("hdfs://{master}:8020")),
        ("hadoop.tmp.dir", path(&layout.disk().join("tmp"))),
        ("net.topology.script.file.name", path(&layout.topology())),
        // Users of the tests do not exist on the machine.
        ("hadoop.user.group.static.mapping.overrides", format!("root=supergroup;{USER}=users;bob=users;dr.who=")),
        ("ipc.client.connect.retry.interval", "200".into()),
        ("ipc.client.connect.max.retries", "50".into()),
        ("fs.trash.interval", "0".into()),
    ])
}

fn hdfs(layout: &Layout, options: &ClusterOptions) -> Settings {
    let master = Host::Master.full_name();
    let disk = layout.disk();
    settings([
        ("dfs.replication", options.replication.to_string()),
        ("dfs.blocksize", options.block_size.to_string()),
        ("dfs.namenode.fs-limits.min-block-size", "4096".into()),
        ("dfs.namenode.name.dir", format!("file://{}", path(&disk.join("nn")))),
        ("dfs.datanode.data.dir", format!("file://{}", path(&disk.join("dn")))),
        ("dfs.namenode.http-address", format!("{master}:9870")),
        ("dfs.namenode.rpc-bind-host", "0.0.0.0".into()),
        ("dfs.namenode.http-bind-host", "0.0.0.0".into()),
        ("dfs.namenode.safemode.extension", "0".into()),
        // A dead DataNode is known after 2 * recheck + 10 * heartbeat: 15 s instead of 10 min.
        ("dfs.heartbeat.interval", "1".into()),
        ("dfs.namenode.heartbeat.recheck-interval", "2500".into()),
        ("dfs.namenode.redundancy.interval.seconds", "1s".into()),
        ("dfs.namenode.datanode.registration.ip-hostname-check", "false".into()),
        ("dfs.namenode.edits.noeditlogchannelflush", "true".into()),
        ("dfs.namenode.handler.count", "4".into()),
        ("dfs.datanode.handler.count", "3".into()),
        // Corrupt replicas are found by who reads them, not by a scanner that happens to run.
        ("dfs.datanode.scan.period.hours", "-1".into()),
        ("dfs.client.read.shortcircuit", "true".into()),
        // Below a directory that is not world-writable: libhadoop insists.
        ("dfs.domain.socket.path", "/mnt/dn_socket".into()),
    ])
}

fn yarn(layout: &Layout, options: &ClusterOptions) -> Settings {
    let disk = layout.disk();
    let mut all = settings([
        ("yarn.resourcemanager.hostname", Host::Master.full_name()),
        ("yarn.resourcemanager.bind-host", "0.0.0.0".into()),
        ("yarn.nodemanager.address", "0.0.0.0:8041".into()),
        ("yarn.nodemanager.resource.memory-mb", options.node_memory.to_string()),
        ("yarn.nodemanager.resource.cpu-vcores", options.node_cores.to_string()),
        ("yarn.scheduler.minimum-allocation-mb", "64".into()),
        ("yarn.scheduler.maximum-allocation-mb", options.node_memory.to_string()),
        ("yarn.scheduler.maximum-allocation-vcores", options.node_cores.to_string()),
        ("yarn.nodemanager.vmem-check-enabled", "false".into()),
        ("yarn.nodemanager.container-monitor.interval-ms", "500".into()),
        ("yarn.nodemanager.local-dirs", path(&disk.join("nm-local"))),
        ("yarn.nodemanager.log-dirs", path(&disk.join("nm-logs"))),
        ("yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage", "99.5".into()),
        ("yarn.nodemanager.delete.debug-delay-sec", options.keep_containers.as_secs().to_string()),
        ("yarn.resourcemanager.connect.retry-interval.ms", "500".into()),
        ("yarn.client.nodemanager-connect.retry-interval-ms", "500".into()),
        ("yarn.resourcemanager.nodemanagers.heartbeat-interval-ms", options.heartbeat.as_millis().to_string()),
        // A lost node is known after 15 s and a silent application master after 30 s, instead of 10 min.
        ("yarn.nm.liveness-monitor.expiry-interval-ms", "15000".into()),
        ("yarn.am.liveness-monitor.expiry-interval-ms", "30000".into()),
        // The default is a directory of the whole machine.
        ("yarn.node-attribute.fs-store.root-dir", format!("file://{}", path(&disk.join("node-attribute")))),
        ("yarn.log-aggregation-enable", options.log_aggregation.to_string()),
        ("yarn.nodemanager.remote-app-log-dir", "/tmp/logs".into()),
    ]);
    all.extend(log_format(options.log_format));
    if options.recovery {
        all.extend(recovery(&disk));
    }
    all
}

fn log_format(format: LogFormat) -> Settings {
    let class = "org.apache.hadoop.yarn.logaggregation.filecontroller.ifile.LogAggregationIndexedFileController";
    match format {
        LogFormat::TFile => settings([("yarn.log-aggregation.file-formats", "TFile".into())]),
        LogFormat::Indexed => settings([
            ("yarn.log-aggregation.file-formats", "IFile,TFile".into()),
            ("yarn.log-aggregation.file-controller.IFile.class", class.into()),
        ]),
    }
}

fn recovery(disk: &Path) -> Settings {
    let store = "org.apache.hadoop.yarn.server.resourcemanager.recovery.LeveldbRMStateStore";
    settings([
        ("yarn.resourcemanager.recovery.enabled", "true".into()),
        ("yarn.resourcemanager.store.class", store.into()),
        ("yarn.resourcemanager.leveldb-state-store.path", path(&disk.join("rm-state"))),
        ("yarn.resourcemanager.work-preserving-recovery.scheduling-wait-ms", "1000".into()),
        ("yarn.resourcemanager.am.max-attempts", "4".into()),
        ("yarn.nodemanager.recovery.enabled", "true".into()),
        ("yarn.nodemanager.recovery.supervised", "true".into()),
        ("yarn.nodemanager.recovery.dir", path(&disk.join("nm-recovery"))),
    ])
}

fn scheduler(options: &ClusterOptions) -> Settings {
    let calculator = if options.memory_only { "DefaultResourceCalculator" } else { "DominantResourceCalculator" };
    let names: Vec<&str> = options.queues.iter().map(|(name, _)| name.as_str()).collect();
    let mut all = settings([
        ("yarn.scheduler.capacity.maximum-am-resource-percent", "1.0".into()),
        ("yarn.scheduler.capacity.root.queues", names.join(",")),
        ("yarn.scheduler.capacity.node-locality-delay", "3".into()),
        ("yarn.scheduler.capacity.resource-calculator", format!("org.apache.hadoop.yarn.util.resource.{calculator}")),
    ]);
    for (name, share) in &options.queues {
        all.insert(format!("yarn.scheduler.capacity.root.{name}.capacity"), share.to_string());
    }
    all
}

fn host_table(options: &ClusterOptions) -> String {
    let mut table = "127.0.0.1 localhost\n".to_owned();
    for host in options.hosts() {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{} {} {host}", host.address(), host.full_name());
    }
    table
}

/// Hadoop asks it for the racks of the names and addresses that are its arguments.
fn topology(options: &ClusterOptions) -> String {
    let mut script = "#!/bin/sh\nfor node in \"$@\"; do\n  case \"$node\" in\n".to_owned();
    for host in options.hosts() {
        let (address, name, rack) = (host.address(), host.full_name(), options.rack(host));
        let _ = writeln!(script, "    {address}|{host}|{name}) echo {rack} ;;");
    }
    script.push_str("    *) echo /default-rack ;;\n  esac\ndone\n");
    script
}

fn java_arguments(layout: &Layout, installation: &Installation) -> String {
    let mut words: Vec<String> = vec![
        "-XX:+UseSerialGC".into(),
        "-XX:TieredStopAtLevel=1".into(),
        "-Xshare:auto".into(),
        "-Djava.net.preferIPv4Stack=true".into(),
        format!("-Djava.library.path={}", path(&installation.native)),
        format!("-Djava.io.tmpdir={}", path(&layout.disk().join("tmp"))),
    ];
    words.extend(OPENED_PACKAGES.map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED")));
    let archive = installation.class_archive();
    if archive.exists() {
        words.push(format!("-XX:SharedArchiveFile={}", path(&archive)));
    }
    // The directory comes last: an archive of classes allows none among the jars that it was made from.
    words.push("-cp".into());
    words.push(format!("{}:{}", class_path(installation), path(&layout.configuration())));
    words.into_iter().map(|word| format!("\"{word}\"\n")).collect()
}

/// The jars as Java wants them.
pub(crate) fn class_path(installation: &Installation) -> String {
    installation.jars.iter().map(|jar| path(jar)).collect::<Vec<_>>().join(":")
}

fn settings<const COUNT: usize>(all: [(&str, String); COUNT]) -> Settings {
    all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn xml(settings: &Settings) -> String {
    let mut text = "<?xml version=\"1.0\"?>\n<configuration>\n".to_owned();
    for (key, value) in settings {
        let value = value.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(text, "  <property><name>{key}</name><value>{value}</value></property>");
    }
    text.push_str("</configuration>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_goes_to_the_file_that_its_key_names() {
        assert_eq!(site_of("yarn.scheduler.capacity.root.default.state"), "capacity-scheduler.xml");
        assert_eq!(site_of("yarn.nodemanager.aux-services"), "yarn-site.xml");
        assert_eq!(site_of("dfs.replication"), "hdfs-site.xml");
        assert_eq!(site_of("io.file.buffer.size"), "core-site.xml");
    }

    #[test]
    fn values_are_escaped() {
        let text = xml(&settings([("a", "1 < 2 & 3".into())]));
        assert!(text.contains("<value>1 &lt; 2 &amp; 3</value>"), "{text}");
    }

    #[test]
    fn racks_are_dealt_out_in_turn() {
        let options = ClusterOptions { workers: 3, racks: 2, ..ClusterOptions::default() };
        let script = topology(&options);
        for line in
            ["10.77.0.11|w1|w1.hadoop.test) echo /rack1", "w2.hadoop.test) echo /rack2", "w3.hadoop.test) echo /rack1"]
        {
            assert!(script.contains(line), "{line} is not in {script}");
        }
    }
}
