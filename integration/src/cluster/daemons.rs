//! The daemons: started, killed, stopped, waited for.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::Cluster;
use super::error::{DaemonError, StartError};
use super::health::Health;
use super::host::{Daemon, Host};
use super::layout::copy_tree;
use crate::install::tail;
use crate::process::Started;
use crate::sys::{self, Entry};
use crate::wait;

/// Where the programs are that daemons and containers run.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Cluster {
    /// Starts a daemon; a running one is left alone. Does not wait until it serves: see [`Cluster::wait_ready`].
    pub fn start_daemon(&self, daemon: Daemon) -> Result<(), StartError> {
        self.spawn_daemon(daemon).map_err(StartError::Daemon)?;
        self.save_state().map_err(StartError::directory)
    }

    fn spawn_daemon(&self, daemon: Daemon) -> Result<(), DaemonError> {
        let failed = |source| DaemonError::Host { daemon, source };
        let entrance = self.entrance(daemon.host()).map_err(failed)?.clone();
        let mut running = self.running();
        if let Some(started) = running.daemons.get_mut(&daemon) {
            if started.identity.alive() {
                return Ok(());
            }
            started.reap(Duration::ZERO);
        }
        let spawn = || {
            let log = File::options().create(true).append(true).open(self.layout.log_of(daemon))?;
            let mut command = self.java_command(&daemon.to_string(), daemon.class(), daemon.heap());
            command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            let entry = Entry { host: entrance, directory: c"/".into(), session: true };
            Started::child(sys::spawn_inside(&mut command, &entry)?)
        };
        let started = spawn().map_err(|source| DaemonError::Start { daemon, source })?;
        running.daemons.insert(daemon, started);
        Ok(())
    }

    /// Kills a daemon at once (`kill -9`). The containers of a NodeManager go on.
    pub fn kill_daemon(&self, daemon: Daemon) -> Result<(), DaemonError> {
        self.end_daemon(daemon, Signal::KILL)
    }

    /// Asks a daemon to end, and kills it when it has not after 20 s.
    pub fn stop_daemon(&self, daemon: Daemon) -> Result<(), DaemonError> {
        self.end_daemon(daemon, Signal::TERM)
    }

    fn end_daemon(&self, daemon: Daemon, signal: Signal) -> Result<(), DaemonError> {
        let mut running = self.running();
        let started = running.daemons.get_mut(&daemon).ok_or(DaemonError::Unknown(daemon))?;
        started.end(signal, Duration::from_secs(20));
        Ok(())
    }

    /// Waits until HDFS is out of safe mode with every DataNode, and the ResourceManager has every node; daemons that were
    /// killed and not started again fail it.
    pub fn wait_ready(&self, limit: Duration) -> Result<(), StartError> {
        let mut last = Health::default();
        let ready = wait::try_until(limit, || {
            if let Some((&daemon, _)) = self.daemons().iter().find(|(_, identity)| !identity.alive()) {
                return Err(StartError::Died { daemon, log: self.log_end(daemon) });
            }
            last = self.health();
            Ok(last.complete(self.options.workers).then_some(()))
        })?;
        ready.ok_or(StartError::NotReady { limit, health: last })
    }

    /// The end of a daemon's log.
    fn log_end(&self, daemon: Daemon) -> String {
        log_end(&self.layout.log_of(daemon))
    }

    /// Gives the NameNode a freshly formatted directory: formatting costs a run of Java, so the result is kept.
    pub(super) fn place_name_directory(&self) -> Result<(), StartError> {
        let cached = self.installation.formatted();
        let target = self.layout.disk_of(Host::Master).join("nn");
        if cached.is_dir() {
            return copy_tree(&cached, &target).map_err(StartError::directory);
        }
        self.format()?;
        let partial = cached.with_extension("partial");
        copy_tree(&target, &partial).and_then(|()| fs::rename(partial, cached)).map_err(StartError::directory)
    }

    fn format(&self) -> Result<(), StartError> {
        let path = self.layout.logs().join("format.log");
        let run = || {
            let log = File::create(&path)?;
            let mut command = self.java_command("format", Daemon::NameNode.class(), Daemon::NameNode.heap());
            command.args(["-format", "-force", "-nonInteractive"]);
            command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
            let host = self.entrance(Host::Master).map_err(std::io::Error::other)?.clone();
            let entry = Entry { host, directory: c"/".into(), session: true };
            sys::spawn_inside(&mut command, &entry)?.wait()
        };
        let status = run().map_err(StartError::directory)?;
        if status.success() { Ok(()) } else { Err(StartError::Format { status, log: log_end(&path) }) }
    }

    /// Java with one of Hadoop's classes, in an environment of which containers may inherit everything.
    fn java_command(&self, name: &str, class: &str, heap: u32) -> Command {
        let java = &self.installation.java;
        let mut command = Command::new(java.program());
        command.arg(format!("@{}", self.layout.java_arguments().display())).arg(format!("-Xmx{heap}m"));
        if let Some(lists) = &self.class_lists {
            command.arg(format!("-XX:DumpLoadedClassList={}", lists.join(name).display()));
        }
        command
            .arg(class)
            .env_clear()
            .env("PATH", PATH)
            .env("LANG", "C.UTF-8")
            .env("USER", "root")
            .env("HOME", "/root");
        command.env("JAVA_HOME", java.home()).env("HADOOP_CONF_DIR", self.layout.configuration());
        command.env("MALLOC_ARENA_MAX", "2");
        command
    }
}

fn log_end(path: &Path) -> String {
    tail(&fs::read_to_string(path).unwrap_or_default(), 20)
}
