//! Hadoop's default values, as far as we use them: a cluster's files hold only what differs.

/// Key of the default file system.
pub const DEFAULT_FS_KEY: &str = "fs.defaultFS";
/// `fs.defaultFS`.
pub const DEFAULT_FS: &str = "file:///";
/// Port of `yarn.resourcemanager.address`.
pub const RESOURCE_MANAGER_PORT: u16 = 8032;
/// Port of `yarn.resourcemanager.scheduler.address`.
pub const SCHEDULER_PORT: u16 = 8030;
/// Port of `yarn.resourcemanager.webapp.address`.
pub const RESOURCE_MANAGER_WEB_PORT: u16 = 8088;
/// Port of `yarn.resourcemanager.webapp.https.address`.
pub const RESOURCE_MANAGER_SECURE_WEB_PORT: u16 = 8090;
/// Port of a NameNode whose address has none.
pub const NAME_NODE_PORT: u16 = 8020;
/// `yarn.nodemanager.remote-app-log-dir`.
pub const REMOTE_LOG_DIR: &str = "/tmp/logs";
/// `yarn.nodemanager.remote-app-log-dir-suffix`.
pub const REMOTE_LOG_DIR_SUFFIX: &str = "logs";
/// `yarn.log-aggregation-enable`.
pub const LOG_AGGREGATION: bool = false;
/// `yarn.log-aggregation.file-formats`.
pub const LOG_FILE_FORMATS: &str = "TFile";
/// `yarn.scheduler.minimum-allocation-mb`.
pub const MINIMUM_ALLOCATION_MB: u64 = 1024;
/// `dfs.client.read.shortcircuit`.
pub const SHORT_CIRCUIT: bool = false;
/// `dfs.domain.socket.disable.interval.seconds`.
pub const DOMAIN_SOCKET_DISABLE_SECONDS: u64 = 600;
/// `dfs.client.use.datanode.hostname`.
pub const USE_DATANODE_HOSTNAME: bool = false;
