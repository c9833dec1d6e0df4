//! The little HTTP that the daemons' web interfaces need, spoken from inside a host's network.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::Cluster;
use super::error::HostError;
use super::host::Host;
use crate::sys;

/// How long a server may be silent: a busy machine is no fault.
const PATIENCE: Duration = Duration::from_secs(180);

/// How long a host may take to accept: one without its cable never does.
const PATIENCE_TO_CONNECT: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// Not an address of this cluster.
    #[error("understand the address {0}: it is to be http://HOST:PORT/…, of a host of the cluster")]
    Address(String),
    /// No such host to ask from.
    #[error("ask from inside the cluster")]
    Host(#[source] HostError),
    /// The connection failed.
    #[error("{method} {url}")]
    Io {
        /// What was tried.
        method: &'static str,
        /// Where.
        url: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The answer is not HTTP or not JSON.
    #[error("understand the answer of {url}: {what}")]
    Answer {
        /// Of what.
        url: String,
        /// What is wrong with it.
        what: String,
    },
}

/// A web server's answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200 and so on.
    pub status: u16,
    /// Where else to ask.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// What to ask.
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    pub(crate) url: &'a str,
    pub(crate) content: &'static str,
    pub(crate) body: &'a [u8],
}

impl Cluster {
    /// Asks for `url` from a host; its name may be one of the cluster's.
    pub fn get(&self, from: Host, url: &str) -> Result<Response, HttpError> {
        self.request(from, &Request { method: "GET", url, content: "text/plain", body: &[] })
    }

    /// Sends a JSON value to `url` from a host.
    pub fn post(&self, from: Host, url: &str, value: &Value) -> Result<Response, HttpError> {
        let body = value.to_string();
        self.request(from, &Request { method: "POST", url, content: "application/json", body: body.as_bytes() })
    }

    /// Asks for a JSON value.
    pub(crate) fn get_json(&self, from: Host, url: &str) -> Result<Value, HttpError> {
        let response = self.get(from, url)?;
        let wrong = |what: String| HttpError::Answer { url: url.to_owned(), what };
        if response.status != 200 {
            return Err(wrong(format!("status {}", response.status)));
        }
        serde_json::from_slice(&response.body).map_err(|error| wrong(error.to_string()))
    }

    /// Sends any request from a host.
    pub(crate) fn request(&self, from: Host, request: &Request<'_>) -> Result<Response, HttpError> {
        let bytes = self.converse(from, request, exchange)?;
        let wrong = |what: &str| HttpError::Answer { url: request.url.to_owned(), what: what.to_owned() };
        parse(bytes).map_err(wrong)
    }

    /// Sends a request from a host whose body never comes to its end: the server waits for more until the stream is
    /// dropped.
    pub(crate) fn begin_request(&self, from: Host, request: &Request<'_>) -> Result<TcpStream, HttpError> {
        self.converse(from, request, |server, authority, target, request| {
            let mut stream = connect(server)?;
            let head = head(authority, target, request, request.body.len() + 1);
            stream.write_all(head.as_bytes())?;
            stream.write_all(request.body)?;
            Ok(stream)
        })
    }

    /// Talks to the server of a request, in the network of a host.
    fn converse<T: Send>(
        &self,
        from: Host,
        request: &Request<'_>,
        talk: impl FnOnce(SocketAddr, &str, &str, &Request<'_>) -> io::Result<T> + Send,
    ) -> Result<T, HttpError> {
        let address = || HttpError::Address(request.url.to_owned());
        let rest = request.url.strip_prefix("http://").ok_or_else(address)?;
        let (authority, _) = rest.split_once('/').ok_or_else(address)?;
        let target = &rest[authority.len()..];
        let (name, port) = authority.rsplit_once(':').ok_or_else(address)?;
        let host = Host::find(name).ok_or_else(address)?;
        let server = SocketAddr::new(IpAddr::V4(host.address()), port.parse().map_err(|_| address())?);
        let entrance = self.entrance(from).map_err(HttpError::Host)?;
        let talked = sys::in_network(entrance, || talk(server, authority, target, request));
        let failed = |source| HttpError::Io { method: request.method, url: request.url.to_owned(), source };
        talked.and_then(|talked| talked).map_err(failed)
    }
}

fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, PATIENCE_TO_CONNECT)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Version 1.0, so that the answer is neither in chunks nor followed by another one.
fn head(authority: &str, target: &str, request: &Request<'_>, length: usize) -> String {
    let Request { method, content, .. } = request;
    format!(
        "{method} {target} HTTP/1.0\r\nHost: {authority}\r\nAccept: application/json\r\n\
         Content-Type: {content}\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// One exchange.
fn exchange(server: SocketAddr, authority: &str, target: &str, request: &Request<'_>) -> io::Result<Vec<u8>> {
    let mut stream = connect(server)?;
    let head = head(authority, target, request, request.body.len());
    // A server that refuses does not read on; what it says then is better than that the pipe broke.
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(request.body));
    let mut bytes = Vec::new();
    let received = stream.read_to_end(&mut bytes);
    if bytes.is_empty() {
        sent.and(received)?;
    }
    Ok(bytes)
}

fn parse(mut bytes: Vec<u8>) -> Result<Response, &'static str> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no end of the header")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    bytes.drain(..end + 4);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
    let header = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim())
    };
    if header("Content-Length").is_some_and(|length| length != bytes.len().to_string()) {
        return Err("the body is cut off");
    }
    if header("Transfer-Encoding").is_some() {
        return Err("the body is encoded");
    }
    let location = header("Location").map(str::to_owned);
    Ok(Response { status: status.ok_or("no status")?, location, body: bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let bytes =
            b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://w1:9864/x\r\nContent-Length: 2\r\n\r\nok".to_vec();
        let location = Some("http://w1:9864/x".to_owned());
        assert_eq!(parse(bytes), Ok(Response { status: 307, location, body: b"ok".to_vec() }));
    }

    #[test]
    fn a_broken_answer_is_no_answer() {
        for bytes in ["", "HTTP/1.1 200 OK\r\n", "x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"] {
            assert!(parse(bytes.as_bytes().to_vec()).is_err(), "{bytes:?}");
        }
    }
}
