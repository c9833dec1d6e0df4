//! The names of hosts and daemons.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use thiserror::Error;

/// The domain of every host.
pub(crate) const DOMAIN: &str = "hadoop.test";

/// A host of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// Runs the NameNode and the ResourceManager.
    Master,
    /// Runs no daemon: the place of clients.
    Edge,
    /// `Worker(1)` is w1; runs a DataNode and a NodeManager.
    Worker(usize),
}

/// A daemon of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Daemon {
    /// `nn`.
    NameNode,
    /// `rm`.
    ResourceManager,
    /// `dn1` on w1, and so on.
    DataNode(usize),
    /// `nm1` on w1, and so on.
    NodeManager(usize),
}

/// A name of nothing here.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{name:?} names no {kind}: {known}")]
pub struct UnknownName {
    name: String,
    kind: &'static str,
    known: &'static str,
}

impl Host {
    /// The name that Hadoop knows it by, such as `w1.hadoop.test`.
    pub fn full_name(self) -> String {
        format!("{self}.{DOMAIN}")
    }

    /// Its address.
    pub fn address(self) -> Ipv4Addr {
        let last = match self {
            Self::Master => 2,
            Self::Edge => 4,
            Self::Worker(number) => 10 + u8::try_from(number).unwrap_or(u8::MAX - 10),
        };
        Ipv4Addr::new(10, 77, 0, last)
    }

    /// The host that has this name, short or full, or this address.
    pub(crate) fn find(name: &str) -> Option<Self> {
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            let all =
                [Self::Master, Self::Edge].into_iter().chain((1..=super::options::MOST_WORKERS).map(Self::Worker));
            return all.into_iter().find(|host| host.address() == address);
        }
        name.strip_suffix(&format!(".{DOMAIN}")).unwrap_or(name).parse().ok()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master => f.write_str("master"),
            Self::Edge => f.write_str("edge"),
            Self::Worker(number) => write!(f, "w{number}"),
        }
    }
}

impl FromStr for Host {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownName { name: text.to_owned(), kind: "host", known: "master, edge, w1, w2, …" };
        match text {
            "master" => Ok(Self::Master),
            "edge" => Ok(Self::Edge),
            _ => number(text, "w").map(Self::Worker).ok_or_else(unknown),
        }
    }
}

impl Daemon {
    /// Where it runs.
    pub fn host(self) -> Host {
        match self {
            Self::NameNode | Self::ResourceManager => Host::Master,
            Self::DataNode(number) | Self::NodeManager(number) => Host::Worker(number),
        }
    }

    /// The class that it is.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::NameNode => "org.apache.hadoop.hdfs.server.namenode.NameNode",
            Self::ResourceManager => "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
            Self::DataNode(_) => "org.apache.hadoop.hdfs.server.datanode.DataNode",
            Self::NodeManager(_) => "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
        }
    }

    /// Its heap in MiB: enough for tests, little enough for a small machine.
    pub(crate) fn heap(self) -> u32 {
        match self {
            Self::NameNode | Self::NodeManager(_) => 160,
            Self::ResourceManager => 256,
            Self::DataNode(_) => 128,
        }
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameNode => f.write_str("nn"),
            Self::ResourceManager => f.write_str("rm"),
            Self::DataNode(number) => write!(f, "dn{number}"),
            Self::NodeManager(number) => write!(f, "nm{number}"),
        }
    }
}

impl FromStr for Daemon {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = "nn, rm, dn1, nm1, dn2, …";
        let unknown = || UnknownName { name: text.to_owned(), kind: "daemon", known };
        let numbered = || {
            let data = number(text, "dn").map(Self::DataNode);
            data.or_else(|| number(text, "nm").map(Self::NodeManager))
        };
        match text {
            "nn" => Ok(Self::NameNode),
            "rm" => Ok(Self::ResourceManager),
            _ => numbered().ok_or_else(unknown),
        }
    }
}

fn number(text: &str, prefix: &str) -> Option<usize> {
    text.strip_prefix(prefix)?.parse().ok().filter(|number| (1..=super::options::MOST_WORKERS).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for host in [Host::Master, Host::Edge, Host::Worker(3)] {
            assert_eq!(host.to_string().parse(), Ok(host));
            assert_eq!(Host::find(&host.full_name()), Some(host));
            assert_eq!(Host::find(&host.address().to_string()), Some(host));
        }
        for daemon in [Daemon::NameNode, Daemon::ResourceManager, Daemon::DataNode(1), Daemon::NodeManager(9)] {
            assert_eq!(daemon.to_string().parse(), Ok(daemon));
        }
        for name in ["w0", "w10", "x", ""] {
            assert!(name.parse::<Host>().is_err(), "{name}");
        }
    }
}
