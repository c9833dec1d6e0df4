//! The hosts: their namespaces, their network, their links.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::fs::{CWD, Mode, mkfifoat};

use super::error::{HostError, StartError};
use super::host::Host;
use super::{Cluster, Ownership};
use crate::process::Started;
use crate::sys;

/// What the first process of a host does: a disk, a name and a process table of its own, then it waits, and takes care of
/// orphans meanwhile (bash does), until its input ends.
const FIRST_PROCESS: &str = r#"
set -e
mount --make-rprivate /
mount -t proc proc /proc
hostname "$NAME"
mount --bind "$SOCKETS" /mnt
mount --bind "$DISK_OF_HOST" "$DISK"
mount --bind "$HOST_TABLE" /etc/hosts
if [ -e /etc/resolv.conf ]; then mount --bind "$RESOLVER" /etc/resolv.conf; fi
ip link set lo up
echo ready
exec >/dev/null
read -r _ || true
"#;

impl Cluster {
    /// Makes every host and plugs it in.
    pub(super) fn make_hosts(&mut self) -> Result<(), StartError> {
        for host in self.options.hosts() {
            self.make_host(host).map_err(|source| StartError::Host { host, source })?;
        }
        self.plug_in().map_err(|source| StartError::Host { host: Host::Master, source })?;
        for host in self.options.hosts().filter(|&host| host != Host::Master) {
            let lines = format!("addr add {}/24 dev eth0\nlink set eth0 up\n", host.address());
            self.run_ip(host, &lines).map_err(|source| StartError::Host { host, source })?;
        }
        Ok(())
    }

    fn make_host(&mut self, host: Host) -> Result<(), HostError> {
        let mut child = sys::spawn_host(self.first_process(host)?).map_err(HostError::Namespaces)?;
        let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut running = self.running();
        running.pipes.extend(input);
        let started = Started::child(child).map_err(HostError::Namespaces)?;
        let descriptor = started.identity.open();
        running.hosts.insert(host, started);
        drop(running);
        let mut said = String::new();
        let read = output.map(|output| BufReader::new(output).read_line(&mut said));
        if !matches!(read, Some(Ok(_))) || said != "ready\n" {
            let mut output = String::new();
            let _ = errors.map(|mut errors| errors.read_to_string(&mut output));
            return Err(HostError::Tool { tool: "bash", output: output.trim().to_owned() });
        }
        let gone = || HostError::Namespaces(io::Error::other("its first process is gone"));
        self.entrances.insert(host, Arc::new(descriptor.ok_or_else(gone)?));
        Ok(())
    }

    fn first_process(&self, host: Host) -> Result<Command, HostError> {
        let mut command = Command::new("bash");
        command.args(["-c", FIRST_PROCESS]).stdin(self.patience(host)?).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("NAME", host.full_name()).env("SOCKETS", self.layout.sockets_of(host));
        command.env("DISK", self.layout.disk()).env("DISK_OF_HOST", self.layout.disk_of(host));
        command.env("HOST_TABLE", self.layout.host_table()).env("RESOLVER", self.layout.resolver());
        Ok(command)
    }

    /// What the host's first process waits for the end of: ours, or a pipe of its own that never ends.
    fn patience(&self, host: Host) -> Result<Stdio, HostError> {
        if self.ownership == Ownership::Guard {
            return Ok(Stdio::piped());
        }
        let path = self.layout.patience_of(host);
        // One that is left from an earlier start has done its duty.
        let _ = fs::remove_file(&path);
        let opened = mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).map_err(io::Error::from);
        // Opened for reading and writing, it has a writer as long as it has a reader.
        let opened = opened.and_then(|()| File::options().read(true).write(true).open(&path));
        Ok(opened.map_err(HostError::Namespaces)?.into())
    }

    /// A switch in the master's network, and a cable from it to every other host.
    fn plug_in(&self) -> Result<(), HostError> {
        let address = Host::Master.address();
        let mut lines = format!("link add switch type bridge\nlink set switch up\naddr add {address}/24 dev switch\n");
        for (host, first) in self.hosts() {
            if host != Host::Master {
                let pid = first.pid();
                lines += &format!("link add to-{host} type veth peer name eth0 netns {pid}\n");
                lines += &format!("link set to-{host} master switch\nlink set to-{host} up\n");
            }
        }
        self.run_ip(Host::Master, &lines)
    }

    /// Plugs a host's cable in or out.
    pub fn link(&self, host: Host, up: bool) -> Result<(), HostError> {
        let state = if up { "up" } else { "down" };
        self.run_ip(Host::Master, &format!("link set to-{host} {state}\n"))
    }

    /// The door to a host.
    pub(super) fn entrance(&self, host: Host) -> Result<&Arc<OwnedFd>, HostError> {
        let known = self.options.hosts().any(|known| known == host);
        self.entrances.get(&host).ok_or(if known { HostError::Gone(host) } else { HostError::Unknown(host) })
    }

    /// Has `ip` work off `lines` in a host's network. Process ids in them are the machine's.
    fn run_ip(&self, host: Host, lines: &str) -> Result<(), HostError> {
        let tool = "ip";
        let no_tool = |source| HostError::NoTool { tool, source };
        let mut command = Command::new(tool);
        command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = sys::spawn_in_network(&mut command, self.entrance(host)?).map_err(no_tool)?;
        let written = child.stdin.take().map(|mut input| input.write_all(lines.as_bytes()));
        let output = child.wait_with_output().map_err(no_tool)?;
        match written {
            Some(Ok(())) if output.status.success() => Ok(()),
            _ => Err(HostError::Tool { tool, output: String::from_utf8_lossy(&output.stderr).trim().to_owned() }),
        }
    }
}
