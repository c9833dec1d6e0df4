//! A server as the configuration names it: what error messages say about it.

use std::fmt;

/// One server of a Hadoop service, with the configuration key that its address came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What it is in messages: `ResourceManager`, `NameNode`, `NodeManager`.
    pub role: &'static str,
    /// Its host name or address.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// The configuration key that names it; none when another server told us.
    pub key: Option<String>,
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}:{}", self.role, self.host, self.port)?;
        match &self.key {
            Some(key) => write!(formatter, " (from {key})"),
            None => Ok(()),
        }
    }
}
