//! Fetching results: a request frame, a reply frame, then the raw bytes.

use std::io;

use bobbin_proto::{FetchReply, FetchRequest, FrameError};
use bytes::{Bytes, BytesMut};
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Link;

/// Most bytes that one [`Body::chunk`] returns.
const CHUNK: usize = 256 << 10;

/// A connection to a worker that has results. One fetch at a time.
pub struct FetchConnection {
    link: Link<FetchReply, FetchRequest>,
}

/// The bytes of one result, as they come. Dropping it early leaves the connection unusable: drop that too.
pub struct Body<'a> {
    link: &'a mut Link<FetchReply, FetchRequest>,
    left: u64,
}

/// A worker's side of a fetching connection.
pub struct FetchServer {
    link: Link<FetchRequest, FetchReply>,
}

/// What makes up a whole result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// How long each part is, bytes.
    pub parts: Vec<u64>,
    /// The rows of all parts together.
    pub rows: u64,
}

/// Why a result could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The connection broke or carried something else.
    #[error("exchange frames with the worker")]
    Frame(#[from] FrameError),
    /// The connection ended in the middle.
    #[error("the worker closed the connection")]
    Closed,
    /// The worker has no such result.
    #[error("the worker refused: {0}")]
    Refused(String),
    /// The transport failed in the middle of the bytes.
    #[error("transfer the result's bytes")]
    Io(#[from] io::Error),
}

impl FetchConnection {
    pub(crate) fn new(link: Link<FetchReply, FetchRequest>) -> Self {
        FetchConnection { link }
    }

    /// Asks for the result of `task`, as the application master `master` numbered it.
    pub async fn fetch(&mut self, master: u32, task: u32) -> Result<Body<'_>, FetchError> {
        self.ask(master, vec![task], 0, 0).await?;
        self.next().await
    }

    /// Asks for one part of the results of these tasks, as the application master `master` numbered them, without the first
    /// `skip` bytes of the first; call [`Self::next`] once for each of them, in order.
    pub async fn ask(&mut self, master: u32, tasks: Vec<u32>, part: u32, skip: u64) -> Result<(), FetchError> {
        Ok(self.link.send(FetchRequest { tasks, part, master, skip, ..FetchRequest::default() }).await?)
    }

    /// Asks for all parts of the result of `task`, as the application master `master` numbered it: how long they are and how
    /// many rows they have together, and their bytes one after the other.
    pub async fn whole(&mut self, master: u32, task: u32) -> Result<(Whole, Body<'_>), FetchError> {
        self.link.send(FetchRequest { tasks: vec![task], whole: true, master, ..FetchRequest::default() }).await?;
        let reply = self.link.next().await.ok_or(FetchError::Closed)??;
        if !reply.error.is_empty() {
            return Err(FetchError::Refused(reply.error));
        }
        let sum = reply.parts.iter().try_fold(0u64, |sum, part| sum.checked_add(*part));
        if sum != Some(reply.length) {
            return Err(FetchError::Refused(format!("its parts do not make up {} bytes", reply.length)));
        }
        let whole = Whole { parts: reply.parts, rows: reply.rows };
        Ok((whole, Body { link: &mut self.link, left: reply.length }))
    }

    /// Makes the call of a request: of a method, or of a function. The reply's error is the caller's to look at; the bytes
    /// are the result.
    pub async fn call(&mut self, request: FetchRequest) -> Result<(FetchReply, Bytes), FetchError> {
        self.link.send(request).await?;
        let reply = self.link.next().await.ok_or(FetchError::Closed)??;
        let mut body = Body { link: &mut self.link, left: reply.length };
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok((reply, bytes.freeze()))
    }

    /// The next of the results that were asked for. The one before must have been read to its end.
    pub async fn next(&mut self) -> Result<Body<'_>, FetchError> {
        let reply = self.link.next().await.ok_or(FetchError::Closed)??;
        if !reply.error.is_empty() {
            return Err(FetchError::Refused(reply.error));
        }
        Ok(Body { link: &mut self.link, left: reply.length })
    }
}

impl Body<'_> {
    /// Bytes that have not been returned yet.
    pub fn remaining(&self) -> u64 {
        self.left
    }

    /// The next bytes, in order, at most so many; `None` when all of them have been returned.
    pub async fn chunk_of(&mut self, most: u64) -> Result<Option<Bytes>, FetchError> {
        let (all, asked) = (self.left, most.min(self.left));
        self.left = asked;
        let chunk = self.chunk().await;
        self.left = all - (asked - self.left);
        chunk
    }

    /// The next bytes, in order; `None` when all of them have been returned.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        if self.left == 0 {
            return Ok(None);
        }
        let want = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
        let buffered = self.link.read_buffer_mut();
        let bytes = if buffered.is_empty() {
            let mut fresh = BytesMut::with_capacity(want);
            let stream = self.link.get_mut();
            while fresh.len() < want {
                // `read_buf` may fill beyond `want` only if the capacity is larger, so the reader is limited.
                let room = (want - fresh.len()) as u64;
                if (&mut *stream).take(room).read_buf(&mut fresh).await? == 0 {
                    return Err(FetchError::Closed);
                }
            }
            fresh.freeze()
        } else {
            let length = want.min(buffered.len());
            buffered.split_to(length).freeze()
        };
        self.left -= bytes.len() as u64;
        Ok(Some(bytes))
    }
}

impl Body<'_> {
    /// Appends the next bytes to these, which saves a copy where all are wanted in one piece. False when all were read.
    pub async fn append_to(&mut self, bytes: &mut BytesMut) -> Result<bool, FetchError> {
        if self.left == 0 {
            return Ok(false);
        }
        let want = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
        let buffered = self.link.read_buffer_mut();
        let read = if buffered.is_empty() {
            bytes.reserve(want);
            let stream = self.link.get_mut();
            let (mut read, mut source) = (0, stream.take(want as u64));
            while read < want {
                match source.read_buf(bytes).await? {
                    0 => return Err(FetchError::Closed),
                    more => read += more,
                }
            }
            read
        } else {
            let piece = buffered.split_to(want.min(buffered.len()));
            bytes.extend_from_slice(&piece);
            piece.len()
        };
        self.left -= read as u64;
        Ok(true)
    }
}

impl FetchServer {
    pub(crate) fn new(link: Link<FetchRequest, FetchReply>) -> Self {
        FetchServer { link }
    }

    /// The next request; `None` when the peer is done, however it went away.
    pub async fn request(&mut self) -> Result<Option<FetchRequest>, FetchError> {
        match self.link.next().await.transpose() {
            Err(FrameError::Io(error)) if is_end(&error) => Ok(None),
            next => Ok(next?),
        }
    }

    /// Announces `length` bytes; [`Self::send`] them right after.
    pub async fn reply(&mut self, task: u32, length: u64) -> Result<(), FetchError> {
        let reply = FetchReply { task, length, ..FetchReply::default() };
        // What has no bytes goes with whatever comes next.
        match length {
            0 => self.link.feed(reply).await?,
            _ => self.link.send(reply).await?,
        }
        Ok(())
    }

    /// Announces a whole result; [`Self::send`] its parts right after.
    pub async fn reply_whole(&mut self, task: u32, Whole { parts, rows }: Whole) -> Result<(), FetchError> {
        let length = parts.iter().sum();
        Ok(self.link.send(FetchReply { task, length, parts, rows, ..FetchReply::default() }).await?)
    }

    /// Answers a call: `reply` with its length, and the bytes.
    pub async fn answer(&mut self, reply: FetchReply, bytes: &[u8]) -> Result<(), FetchError> {
        self.link.send(FetchReply { length: bytes.len() as u64, ..reply }).await?;
        self.send(bytes).await?;
        self.flush().await
    }

    /// Refuses the request with a reason.
    pub async fn refuse(&mut self, task: u32, reason: impl Into<String>) -> Result<(), FetchError> {
        Ok(self.link.send(FetchReply { task, error: reason.into(), ..FetchReply::default() }).await?)
    }

    /// Sends raw bytes of the announced result.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        Ok(self.link.get_mut().write_all(bytes).await?)
    }

    /// Pushes out what is buffered; call it at the end of a request.
    pub async fn flush(&mut self) -> Result<(), FetchError> {
        self.link.flush().await?;
        Ok(self.link.get_mut().flush().await?)
    }
}

/// Whether the peer just went away: a process that ends closes without TLS's goodbye.
fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}
