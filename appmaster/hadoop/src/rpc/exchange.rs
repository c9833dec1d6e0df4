//! The task that owns an open connection: writes calls as they come, gives each answer to its caller by call id.
//!
//! One task owns socket, buffers and the calls in flight. It reads and writes whatever is ready, so that neither side can block
//! the other, and it ends with one cause that every call in flight learns.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use hadoop_wire::rpc::{
    Authentication, FrameError, FrameSplitter, HandshakeError, RemoteError, Response, Wrap, decode_response,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::error::{ConnectFailure, Failure, LostCause};

/// No further call is taken while this much waits for the socket.
const FULL: usize = 1 << 20;
const READ_AT_ONCE: usize = 8 << 10;

/// One call on its way to the socket.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) call_id: i32,
    pub(super) frame: Bytes,
    pub(super) reply: oneshot::Sender<Result<Bytes, Failure>>,
}

struct InFlight {
    /// Bytes written before this call's first one.
    start: u64,
    reply: oneshot::Sender<Result<Bytes, Failure>>,
}

/// Why the connection ended.
enum End {
    Lost(LostCause),
    Refused(HandshakeError),
}

/// An open connection's whole state.
pub(super) struct Exchange {
    authentication: Authentication,
    wrap: Wrap,
    frames: FrameSplitter,
    outgoing: BytesMut,
    accepted: u64,
    written: u64,
    in_flight: BTreeMap<i32, InFlight>,
    /// Whether the server has answered anything, and so has admitted us.
    admitted: bool,
    idle: Duration,
    quiet_since: Instant,
}

impl Exchange {
    /// `send` is the rest of the handshake: it goes out with the first call.
    pub(super) fn new(
        authentication: Authentication,
        wrap: Wrap,
        frames: FrameSplitter,
        send: Bytes,
        idle: Duration,
    ) -> Exchange {
        Exchange {
            authentication,
            wrap,
            frames,
            accepted: send.len() as u64,
            outgoing: BytesMut::from(send),
            written: 0,
            in_flight: BTreeMap::new(),
            admitted: false,
            idle,
            quiet_since: Instant::now(),
        }
    }

    pub(super) async fn run(mut self, stream: TcpStream, mut calls: mpsc::Receiver<Call>) {
        let end = self.talk(stream, &mut calls).await;
        self.finish(end, calls);
    }

    async fn talk(&mut self, stream: TcpStream, calls: &mut mpsc::Receiver<Call>) -> End {
        let (mut reader, mut writer) = stream.into_split();
        let mut received = BytesMut::with_capacity(READ_AT_ONCE);
        loop {
            tokio::select! {
                call = calls.recv(), if self.outgoing.len() < FULL && !calls.is_closed() => match call {
                    Some(call) => self.accept(call),
                    None => return End::Lost(LostCause::Unused),
                },
                read = reader.read_buf(&mut received) => match read {
                    Ok(0) => return End::Lost(LostCause::Closed),
                    Ok(_) => {
                        if let Err(end) = self.receive(&received) {
                            return end;
                        }
                        received.clear();
                    }
                    Err(error) => return End::Lost(LostCause::Io(error)),
                },
                written = writer.write_buf(&mut self.outgoing), if self.outgoing.has_remaining() => match written {
                    Ok(count) => self.written += count as u64,
                    Err(error) => {
                        // The server may have said why before it hung up: read on to the end, take no more calls.
                        tracing::debug!(%error, "write to server failed");
                        self.outgoing.clear();
                        calls.close();
                    }
                },
                () = sleep_until(self.quiet_since + self.idle) => {
                    self.in_flight.retain(|_, call| !call.reply.is_closed());
                    if self.in_flight.is_empty() {
                        return End::Lost(LostCause::Unused);
                    }
                    self.quiet_since = Instant::now();
                }
            }
        }
    }

    fn accept(&mut self, call: Call) {
        if call.reply.is_closed() {
            return;
        }
        let sealed = self.wrap.seal(call.frame);
        self.in_flight.insert(call.call_id, InFlight { start: self.accepted, reply: call.reply });
        self.accepted += sealed.len() as u64;
        self.outgoing.extend_from_slice(&sealed);
        self.quiet_since = Instant::now();
    }

    fn receive(&mut self, received: &[u8]) -> Result<(), End> {
        self.quiet_since = Instant::now();
        self.wrap.open(received, &mut self.frames).map_err(garbled)?;
        while let Some(frame) = self.frames.next_frame().map_err(garbled)? {
            match decode_response(frame).map_err(garbled)? {
                Response::Success { call_id, body } => self.answer(call_id, Ok(body)),
                Response::Failure { call_id, error } => self.fail(call_id, error)?,
            }
        }
        Ok(())
    }

    /// An answer to a call that nobody waits for any more is dropped.
    fn answer(&mut self, call_id: i32, outcome: Result<Bytes, Failure>) {
        self.admitted = true;
        if let Some(call) = self.in_flight.remove(&call_id) {
            let _ = call.reply.send(outcome);
        }
    }

    fn fail(&mut self, call_id: i32, error: RemoteError) -> Result<(), End> {
        if !error.fatal {
            self.answer(call_id, Err(Failure::Remote(error)));
            return Ok(());
        }
        if call_id < 0 || !self.admitted {
            return Err(End::Refused(HandshakeError::from_refusal(&self.authentication, error)));
        }
        self.answer(call_id, Err(Failure::Remote(error.clone())));
        Err(End::Lost(LostCause::Fatal(error)))
    }

    /// Tells the cause to every call in flight and to those that were still in line.
    fn finish(self, end: End, mut calls: mpsc::Receiver<Call>) {
        calls.close();
        let cause = match end {
            End::Refused(error) => {
                let failure = Arc::new(ConnectFailure::SetUp(error));
                let waiting = std::iter::from_fn(|| calls.try_recv().ok()).map(|call| call.reply);
                let replies = self.in_flight.into_values().map(|call| call.reply).chain(waiting);
                replies.for_each(|reply| drop(reply.send(Err(Failure::Connect(failure.clone())))));
                return;
            }
            End::Lost(cause) => Arc::new(cause),
        };
        for call in self.in_flight.into_values() {
            let sent = self.written > call.start;
            let _ = call.reply.send(Err(Failure::Lost { sent, source: cause.clone() }));
        }
        while let Ok(call) = calls.try_recv() {
            let _ = call.reply.send(Err(Failure::Lost { sent: false, source: cause.clone() }));
        }
    }
}

fn garbled(error: FrameError) -> End {
    End::Lost(LostCause::Garbled(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(call_id: i32, frame: &'static [u8]) -> (Call, oneshot::Receiver<Result<Bytes, Failure>>) {
        let (reply, answer) = oneshot::channel();
        (Call { call_id, frame: Bytes::from_static(frame), reply }, answer)
    }

    #[tokio::test]
    async fn what_no_server_can_have_seen_is_told_apart() {
        let authentication = Authentication::Simple { user: "alice".to_owned() };
        let send = Bytes::from_static(b"context");
        let mut exchange =
            Exchange::new(authentication, Wrap::None, FrameSplitter::default(), send, Duration::from_secs(60));
        let (queue, calls) = mpsc::channel(1);
        let (begun, begun_answer) = call(0, b"first");
        let (unwritten, unwritten_answer) = call(1, b"second");
        let (waiting, waiting_answer) = call(2, b"third");
        exchange.accept(begun);
        exchange.accept(unwritten);
        queue.send(waiting).await.unwrap();
        exchange.written = b"contextfirst".len() as u64;
        exchange.finish(End::Lost(LostCause::Closed), calls);

        for (answer, expected) in [(begun_answer, true), (unwritten_answer, false), (waiting_answer, false)] {
            let Failure::Lost { sent, .. } = answer.await.unwrap().unwrap_err() else { panic!("not lost") };
            assert_eq!(sent, expected);
        }
        assert!(queue.is_closed());
    }
}
