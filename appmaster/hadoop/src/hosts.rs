//! Host names to addresses, with errors that name the host.

use std::io;
use std::net::SocketAddr;

/// Why a host name has no address.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The name service refused or does not know the name.
    #[error("no such host {host}; check the name, /etc/hosts and the name service")]
    NoSuchHost {
        /// The name that was looked up.
        host: String,
        /// What the name service said.
        #[source]
        source: io::Error,
    },
    /// The name exists and has no address.
    #[error("no such host {host}: the name has no address")]
    NoAddress {
        /// The name that was looked up.
        host: String,
    },
}

/// Every address of a host, in the order that the name service prefers.
///
/// # Errors
/// The host is unknown or has no address.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
    let addresses = tokio::net::lookup_host((host, port))
        .await
        .map_err(|source| ResolveError::NoSuchHost { host: host.to_owned(), source })?;
    let mut distinct = Vec::new();
    for address in addresses {
        if !distinct.contains(&address) {
            distinct.push(address);
        }
    }
    if distinct.is_empty() {
        return Err(ResolveError::NoAddress { host: host.to_owned() });
    }
    Ok(distinct)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unknown_host_is_named() {
        let error = resolve("no-such-host.invalid", 1).await.unwrap_err();
        assert!(error.to_string().starts_with("no such host no-such-host.invalid"), "{error}");
    }

    #[tokio::test]
    async fn an_address_is_its_own_name() {
        assert_eq!(resolve("127.0.0.1", 7).await.unwrap(), ["127.0.0.1:7".parse().unwrap()]);
    }
}
