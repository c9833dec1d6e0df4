//! Addresses of servers, each with the configuration key that it came from.

use std::fmt;
use std::str::FromStr;

/// A host's name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// Without brackets, also for IPv6.
    pub host: String,
    /// TCP.
    pub port: u16,
}

/// A server that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it is.
    pub address: HostPort,
    /// The key that says so: belongs into every message about this server.
    pub key: String,
}

/// A configuration that does not say where a server is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing names it.
    #[error("no {server} is configured: {key} is not set; does HADOOP_CONF_DIR name the cluster's configuration?")]
    Missing {
        /// What kind of server.
        server: &'static str,
        /// The key that would name it.
        key: String,
    },
    /// What names it is no address.
    #[error("{key} is {value:?} (from {file}), must be host:port")]
    Malformed {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Where it was set.
        file: String,
    },
}

/// A text that is no address; callers say whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not host:port")]
pub struct NoAddress;

impl HostPort {
    /// Reads `host:port` or `host`, which gets the default port.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, NoAddress> {
        let (host, port) = split(text.trim())?;
        let port = match port {
            Some(digits) => digits.parse().map_err(|_| NoAddress)?,
            None => default_port,
        };
        if host.is_empty() || host.contains(['/', '@', ' ', ',']) {
            return Err(NoAddress);
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

/// An address with a port.
impl FromStr for HostPort {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match split(text.trim())? {
            (_, Some(_)) => Self::parse(text, 0),
            (_, None) => Err(NoAddress),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(formatter, "[{}]:{}", self.host, self.port);
        }
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (from {})", self.address, self.key)
    }
}

/// Host and port; an IPv6 address with a port stands in brackets.
fn split(text: &str) -> Result<(&str, Option<&str>), NoAddress> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(NoAddress)?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(NoAddress),
        };
    }
    match text.matches(':').count() {
        0 => Ok((text, None)),
        1 => Ok(text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))),
        _ => Ok((text, None)),
    }
}
