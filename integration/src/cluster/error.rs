//! What may go wrong with a cluster.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;

use super::hdfs::HdfsError;
use super::health::Health;
use super::host::{Daemon, Host};
use crate::install::InstallError;

/// Why a cluster did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The daemons are not there.
    #[error("install the cluster's daemons")]
    Install(#[source] InstallError),
    /// Its directory cannot be written.
    #[error("write the cluster's directory")]
    Directory(#[source] io::Error),
    /// Another cluster lives there.
    #[error("a cluster already lives in {directory}: take it down first, or choose another directory")]
    Exists {
        /// Where.
        directory: PathBuf,
    },
    /// A host could not be made.
    #[error("make the cluster's host {host}")]
    Host {
        /// Which.
        host: Host,
        /// Why not.
        #[source]
        source: HostError,
    },
    /// The NameNode's directory could not be formatted.
    #[error("format the NameNode's directory ({status}); it said:\n{log}")]
    Format {
        /// How the formatter ended.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// A daemon could not be started.
    #[error("start the cluster's daemons")]
    Daemon(#[source] DaemonError),
    /// A daemon ended while the others waited for it.
    #[error("{daemon} ended while the cluster was starting; the end of its log:\n{log}")]
    Died {
        /// Which.
        daemon: Daemon,
        /// The end of its log.
        log: String,
    },
    /// It took too long.
    #[error("the cluster was not ready after {limit:?}: {health}")]
    NotReady {
        /// How long it had.
        limit: Duration,
        /// How far it got.
        health: Health,
    },
    /// The users' homes could not be made.
    #[error("make the users' homes in HDFS")]
    Homes(#[source] HdfsError),
    /// The archive of classes could not be made.
    #[error("make the archive of classes ({status}); java said:\n{output}")]
    ClassArchive {
        /// How Java ended.
        status: ExitStatus,
        /// The end of what it said.
        output: String,
    },
}

impl StartError {
    pub(crate) fn directory(source: io::Error) -> Self {
        Self::Directory(source)
    }
}

/// Why a host could not be made or changed.
#[derive(Debug, Error)]
pub enum HostError {
    /// The machine does not let us.
    #[error("enter new namespaces: that needs root")]
    Namespaces(#[source] io::Error),
    /// A tool failed.
    #[error("set it up with {tool}; it said: {output}")]
    Tool {
        /// Which.
        tool: &'static str,
        /// What it said.
        output: String,
    },
    /// A tool could not be run.
    #[error("run {tool}")]
    NoTool {
        /// Which.
        tool: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// There is no such host.
    #[error("the cluster has no host {0}")]
    Unknown(Host),
    /// Its processes have ended.
    #[error("the cluster's host {0} is gone: take the cluster down and start it again")]
    Gone(Host),
}

/// Why a daemon could not be started or ended.
#[derive(Debug, Error)]
pub enum DaemonError {
    /// It did not start.
    #[error("start {daemon}")]
    Start {
        /// Which.
        daemon: Daemon,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Its host is not there.
    #[error("start {daemon} on its host")]
    Host {
        /// Which.
        daemon: Daemon,
        /// What is the matter with the host.
        #[source]
        source: HostError,
    },
    /// There is no such daemon.
    #[error("the cluster has no daemon {0}")]
    Unknown(Daemon),
}

/// Why there is no cluster to attach to.
#[derive(Debug, Error)]
pub enum AttachError {
    /// None was started there.
    #[error("no cluster in {directory}: start one with `cluster up`")]
    None {
        /// Where.
        directory: PathBuf,
        /// What reading its state said.
        #[source]
        source: io::Error,
    },
    /// Its state cannot be understood.
    #[error("understand the state of the cluster in {directory}: take it down with the version that started it")]
    State {
        /// Where.
        directory: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// The daemons' release is not there.
    #[error("find the cluster's daemons")]
    Install(#[source] InstallError),
}
