//! Listening sockets, on any port or on one of a range.

use std::fmt;
use std::io;
use std::str::FromStr;

use tokio::net::TcpListener;

/// Ports that firewalls leave open, first and last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// No socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The operating system gave none.
    #[error("listen on {host}")]
    Any {
        /// Address that was asked for.
        host: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// All ports of the range are taken.
    #[error("no free port among {range} on {host}: widen --port-range")]
    Range {
        /// Address that was asked for.
        host: String,
        /// The range.
        range: PortRange,
        /// What the operating system said of the last port.
        #[source]
        source: io::Error,
    },
}

impl PortRange {
    /// The ports `first..=last`; `None` when it is empty or holds port 0.
    pub fn new(first: u16, last: u16) -> Option<Self> {
        (first > 0 && first <= last).then_some(PortRange { first, last })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = first.trim().parse().ok().zip(last.trim().parse().ok());
        range
            .and_then(|(first, last)| PortRange::new(first, last))
            .ok_or_else(|| format!("{text:?} is not a port range; write it as 40000-40100"))
    }
}

/// Listens on `host` (an address; "0.0.0.0" for all), on the first free port of `range`, or on any.
pub async fn listen(host: &str, range: Option<PortRange>) -> Result<TcpListener, ListenError> {
    let Some(range) = range else {
        let any = TcpListener::bind((host, 0)).await;
        return any.map_err(|source| ListenError::Any { host: host.to_owned(), source });
    };
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in range.first..=range.last {
        match TcpListener::bind((host, port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(ListenError::Range { host: host.to_owned(), range, source: last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_people_write_them() {
        assert_eq!("40000-40010".parse(), Ok(PortRange { first: 40000, last: 40010 }));
        assert_eq!("7".parse(), Ok(PortRange { first: 7, last: 7 }));
        for wrong in ["", "0-1", "9-8", "a-b", "1-70000"] {
            assert!(wrong.parse::<PortRange>().is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_taken_range_is_an_error_that_names_it() {
        let taken = listen("127.0.0.1", None).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = listen("127.0.0.1", PortRange::new(port, port)).await.unwrap_err();
        assert!(error.to_string().contains(&format!("{port}-{port}")), "{error}");
    }
}
