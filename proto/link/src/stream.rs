//! What links run over: TLS between hosts, a Unix socket between processes of one user on one machine.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsStream;

/// Bytes both ways between two parts of an application that have proved who they are.
#[derive(Debug)]
pub enum Stream {
    /// Between hosts: both have shown a certificate.
    Tls(Box<TlsStream<TcpStream>>),
    /// On one machine: the system has said whose processes they are.
    Socket(UnixStream),
}

/// Who dialed, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Over the network.
    Host(SocketAddr),
    /// Over a Unix socket: a process, where the system knows its number.
    Process(Option<i32>),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Host(address) => address.fmt(f),
            Peer::Process(Some(pid)) => write!(f, "process {pid}"),
            Peer::Process(None) => f.write_str("a process"),
        }
    }
}

/// Does the same with whichever stream it is.
macro_rules! with {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Tls($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
            Stream::Socket($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        with!(self, inner => inner.poll_read(context, into))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        with!(self, inner => inner.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        with!(self, inner => inner.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        with!(self, inner => inner.poll_shutdown(context))
    }
}
