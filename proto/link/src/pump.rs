//! Moving messages between a link and channels, with heartbeats both ways.

use std::fmt;
use std::time::Duration;

use bobbin_proto::{FrameError, Message};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::Link;

/// Messages that are taken from a link before the first of them is handed on.
const BATCH: usize = 64;

/// Why a link ended.
#[derive(Debug)]
pub enum LinkEnd {
    /// Nobody on this side has anything to say or to hear any more.
    Ours,
    /// The peer closed the connection.
    Closed,
    /// Nothing came for longer than the silence limit.
    Silent(Duration),
    /// The connection broke, or carried something else than our frames.
    Failed(FrameError),
}

impl fmt::Display for LinkEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkEnd::Ours => f.write_str("we closed the connection"),
            LinkEnd::Closed => f.write_str("it closed the connection"),
            LinkEnd::Silent(limit) => write!(f, "nothing was heard from it for {limit:?}"),
            LinkEnd::Failed(error) => write!(f, "the connection failed: {}", chain(error)),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The channels at this side of a link.
pub struct Pump<T, Out> {
    /// What to send; the link is closed when all its senders are gone.
    pub outgoing: mpsc::Receiver<Out>,
    /// Where to put what comes.
    pub incoming: mpsc::Sender<T>,
    /// What to send when there was nothing to send for a quarter of `silence`.
    pub heartbeat: Out,
    /// Longest silence of the peer.
    pub silence: Duration,
}

/// Runs until either side ends. Everything that is ready is written at once; nothing is delayed to gather more.
///
/// `wrap` turns a received message into what the receiving channel carries. When that channel is full, reading stops
/// and TCP holds the peer back.
pub async fn pump<In, Out, T>(link: Link<In, Out>, ends: Pump<T, Out>, wrap: impl Fn(In) -> T) -> LinkEnd
where
    In: Message + Default,
    Out: Message + Clone,
{
    let (sink, stream) = link.split();
    let Pump { outgoing, incoming, heartbeat, silence } = ends;
    let mut writing = std::pin::pin!(write(sink, outgoing, heartbeat, silence / 4));
    tokio::select! {
        // When both have ended, the reader knows better why.
        biased;
        end = read(stream, incoming, silence, wrap) => end,
        end = &mut writing => end,
    }
}

/// Hands on what has come all at once: whoever takes it then finds all of it, and answers all of it at once.
async fn read<In, Out, T>(
    stream: SplitStream<Link<In, Out>>,
    incoming: mpsc::Sender<T>,
    silence: Duration,
    wrap: impl Fn(In) -> T,
) -> LinkEnd
where
    In: Message + Default,
{
    let mut batches = stream.ready_chunks(BATCH);
    loop {
        let batch = match timeout(silence, batches.next()).await {
            Ok(Some(batch)) => batch,
            Ok(None) => return LinkEnd::Closed,
            Err(_) => return LinkEnd::Silent(silence),
        };
        for message in batch {
            let message = match message {
                Ok(message) => message,
                Err(FrameError::Io(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return LinkEnd::Closed;
                }
                Err(error) => return LinkEnd::Failed(error),
            };
            if incoming.send(wrap(message)).await.is_err() {
                return LinkEnd::Ours;
            }
        }
    }
}

async fn write<In, Out>(
    mut sink: SplitSink<Link<In, Out>, Out>,
    mut outgoing: mpsc::Receiver<Out>,
    heartbeat: Out,
    interval: Duration,
) -> LinkEnd
where
    Out: Message + Clone,
{
    loop {
        let first = match timeout(interval, outgoing.recv()).await {
            Ok(Some(message)) => message,
            Ok(None) => {
                // The peer sees the end; whether it can still be told does not matter.
                let _ = timeout(interval, sink.close()).await;
                return LinkEnd::Ours;
            }
            Err(_) => heartbeat.clone(),
        };
        if let Err(error) = write_ready(&mut sink, first, &mut outgoing).await {
            return LinkEnd::Failed(error);
        }
    }
}

/// Writes `first` and whatever else is ready, then flushes once.
async fn write_ready<In, Out>(
    sink: &mut SplitSink<Link<In, Out>, Out>,
    first: Out,
    outgoing: &mut mpsc::Receiver<Out>,
) -> Result<(), FrameError>
where
    Out: Message,
{
    sink.feed(first).await?;
    while let Ok(message) = outgoing.try_recv() {
        sink.feed(message).await?;
    }
    sink.flush().await
}
