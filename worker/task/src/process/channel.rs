//! A worker's side of the conversation: one call, and what comes back.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::frame::{self, Answer, CallHead, Lengths, Order};
use crate::function::Outcome;
use crate::function::registry::{ArgumentBytes, CallFailure};
use crate::profile;
use crate::running::{Pause, Pauses};

/// Bytes for which room is made before they come: a child may announce any number.
const ROOM: u64 = 64 << 20;

/// The conversation is over.
#[derive(Debug)]
pub(super) enum Broken {
    /// The child has closed it, mostly by its death.
    Closed,
    /// What it says has no sense.
    Garbled(String),
}

impl From<std::io::Error> for Broken {
    fn from(_: std::io::Error) -> Broken {
        // A pair of sockets in one machine knows no other failure.
        Broken::Closed
    }
}

/// Tells a child the way to its application.
pub(super) async fn tell_home(stream: &mut UnixStream, home: &[u8]) -> Result<(), Broken> {
    let head = frame::head(&Order::Home(home.len() as u64)).map_err(Broken::Garbled)?;
    stream.write_all(&head).await?;
    Ok(stream.write_all(home).await?)
}

/// Has a child call a function.
pub(super) async fn call(
    stream: &mut UnixStream,
    (function, generation): (&str, u32),
    arguments: &[ArgumentBytes],
    pauses: &Pauses,
) -> Result<Outcome, Broken> {
    let lengths = arguments.iter().map(lengths).collect();
    let order = Order::Call(CallHead {
        function: function.to_owned(),
        generation,
        samples: profile::rate(),
        arguments: lengths,
    });
    let head = frame::head(&order).map_err(Broken::Garbled)?;
    let (from, mut to) = stream.split();
    to.write_all(&head).await?;
    for bytes in arguments.iter().flat_map(parts) {
        to.write_all(bytes).await?;
    }
    let (mut from, mut waiting) = (BufReader::new(from), None::<Pause>);
    loop {
        let mut length = [0; 4];
        from.read_exact(&mut length).await?;
        let mut head = vec![0; frame::head_length(length).map_err(Broken::Garbled)?];
        from.read_exact(&mut head).await?;
        return match frame::said(&head).map_err(Broken::Garbled)? {
            Answer::Waits(waits) => {
                waiting = waits.then(|| waiting.unwrap_or_else(|| pauses.begin()));
                continue;
            }
            Answer::Samples(length) => {
                let bytes = exactly(&mut from, length).await?;
                let samples = postcard::from_bytes(&bytes).map_err(|error| Broken::Garbled(error.to_string()))?;
                profile::add(&samples);
                continue;
            }
            Answer::Result(length) => Ok(Outcome::Result(exactly(&mut from, length).await?)),
            Answer::Failed(why) => Ok(Outcome::Failed(CallFailure::GaveUp(why))),
            Answer::Panicked { what, backtrace } => Ok(Outcome::Panicked { what, backtrace }),
        };
    }
}

fn lengths(argument: &ArgumentBytes) -> Lengths {
    match argument {
        ArgumentBytes::One(bytes) => Lengths::One(bytes.len() as u64),
        ArgumentBytes::List(elements) => Lengths::List(elements.iter().map(|bytes| bytes.len() as u64).collect()),
    }
}

fn parts(argument: &ArgumentBytes) -> &[Bytes] {
    match argument {
        ArgumentBytes::One(bytes) => std::slice::from_ref(bytes),
        ArgumentBytes::List(elements) => elements,
    }
}

async fn exactly(from: &mut (impl AsyncRead + Unpin), length: u64) -> Result<Bytes, Broken> {
    let mut bytes = BytesMut::with_capacity(usize::try_from(length.min(ROOM)).unwrap_or_default());
    let mut rest = from.take(length);
    while rest.limit() > 0 {
        if rest.read_buf(&mut bytes).await? == 0 {
            return Err(Broken::Closed);
        }
    }
    Ok(bytes.freeze())
}
