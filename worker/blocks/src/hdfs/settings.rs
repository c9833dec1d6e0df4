//! The keys of the Hadoop configuration that say how to read blocks, and what new files are like.

use std::time::Duration;

use hadoop_wire::config::{Configuration, DurationUnit, ValueError};
use hdfs_native::WriteOptions;

use super::Hdfs;

const SHORT_CIRCUIT: &str = "dfs.client.read.shortcircuit";
const SKIP_CHECKSUM: &str = "dfs.client.read.shortcircuit.skip.checksum";
const DOMAIN_SOCKET: &str = "dfs.domain.socket.path";
const DISABLE_INTERVAL: &str = "dfs.domain.socket.disable.interval.seconds";
const USE_HOST_NAME: &str = "dfs.client.use.datanode.hostname";
const BLOCK_SIZE: &str = "dfs.blocksize";
const REPLICATION: &str = "dfs.replication";

/// How blocks are read.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The path of the DataNode's socket, with `_PORT` for its port; or why there is none.
    pub(crate) domain_socket: Result<String, &'static str>,
    /// Whether bytes from the disk are compared with their checksums.
    pub(crate) verify_checksums: bool,
    /// For how long a way that failed for all blocks is left alone.
    pub(crate) closed_for: Duration,
    /// Whether DataNodes are dialled by name rather than by address.
    pub(crate) use_host_name: bool,
    /// How long a connection, or an answer about file descriptors, may take.
    pub(crate) connect_timeout: Duration,
    /// How long a DataNode may say nothing in the middle of a read.
    pub(crate) read_timeout: Duration,
    /// How long an idle connection is kept: a DataNode closes it after 4 s.
    pub(crate) idle_age: Duration,
    /// Block size of new files; the NameNode's default where there is none.
    pub(crate) block_size: Option<u64>,
    /// Replicas of new files' blocks; the NameNode's default where there is none.
    pub(crate) replication: Option<u32>,
}

impl Hdfs {
    /// A new file in a directory that is there already.
    pub(crate) fn new_file(&self) -> WriteOptions {
        let Settings { block_size, replication, .. } = self.settings;
        WriteOptions { block_size, replication, create_parent: false, ..WriteOptions::default() }
    }
}

impl Settings {
    /// What the configuration says, with Hadoop's defaults but for our shorter time-outs.
    pub(crate) fn from_configuration(configuration: &Configuration) -> Result<Settings, ValueError> {
        let wanted = configuration.get_bool(SHORT_CIRCUIT, false)?;
        let ten_minutes = Duration::from_secs(600);
        Ok(Settings {
            domain_socket: domain_socket(wanted, configuration.get(DOMAIN_SOCKET)),
            verify_checksums: !configuration.get_bool(SKIP_CHECKSUM, false)?,
            closed_for: configuration.get_duration(DISABLE_INTERVAL, DurationUnit::Seconds, ten_minutes)?,
            use_host_name: configuration.get_bool(USE_HOST_NAME, false)?,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(15),
            idle_age: Duration::from_secs(3),
            block_size: Some(configuration.get_u64(BLOCK_SIZE, 0)?).filter(|size| *size > 0),
            replication: u32::try_from(configuration.get_u64(REPLICATION, 0)?).ok().filter(|count| *count > 0),
        })
    }
}

fn domain_socket(wanted: bool, path: Option<String>) -> Result<String, &'static str> {
    match path.filter(|path| !path.is_empty()) {
        _ if !wanted => Err("off in the configuration (dfs.client.read.shortcircuit is not true)"),
        Some(path) => Ok(path),
        None => Err("the configuration names no socket (dfs.domain.socket.path)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(values: &[(&str, &str)]) -> Settings {
        let map = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Settings::from_configuration(&Configuration::from_map(map)).unwrap()
    }

    #[test]
    fn new_files_are_as_the_configuration_wants_them() {
        let set = settings(&[(BLOCK_SIZE, "64m"), (REPLICATION, "2")]);
        assert_eq!((set.block_size, set.replication), (Some(64 << 20), Some(2)));
        let unset = settings(&[]);
        assert_eq!((unset.block_size, unset.replication), (None, None));
    }

    #[test]
    fn short_circuit_needs_both_keys() {
        assert!(settings(&[]).domain_socket.unwrap_err().contains(SHORT_CIRCUIT));
        assert!(settings(&[(SHORT_CIRCUIT, "true")]).domain_socket.unwrap_err().contains(DOMAIN_SOCKET));
        assert!(settings(&[(DOMAIN_SOCKET, "/run/dn")]).domain_socket.is_err());
        let both = settings(&[(SHORT_CIRCUIT, "TRUE"), (DOMAIN_SOCKET, "/run/dn._PORT")]);
        assert_eq!(both.domain_socket.as_deref(), Ok("/run/dn._PORT"));
        assert_eq!(both.closed_for, Duration::from_secs(600));
        assert!(both.verify_checksums);
    }
}
