//! One short-circuit request over a DataNode's domain socket: a question, an answer, two file descriptors.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use hadoop_wire::datatransfer::DataTransferError;
use hadoop_wire::messages::datatransfer::Status;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;

use super::answer::{read_answer, words};
use super::fault::{Fault, Meaning};

/// The two files of a replica.
#[derive(Debug)]
pub(crate) struct Descriptors {
    /// Its bytes.
    pub(crate) data: File,
    /// Their checksums.
    pub(crate) meta: File,
}

/// Why a request brought no files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("talk to the DataNode")]
    Io(#[from] io::Error),
    #[error("understand the DataNode's answer")]
    Answer(#[from] DataTransferError),
    #[error("the DataNode answered {status}{}{message}", if message.is_empty() { "" } else { ": " })]
    Refused { status: i32, versioned: bool, message: String },
    #[error("the DataNode sent {0} of 2 file descriptors; has it, or this process, run out of them?")]
    DescriptorsMissing(usize),
}

impl RequestError {
    /// What follows from this failure, see the table of answers in Hadoop's `BlockReaderFactory`.
    pub(crate) fn meaning(&self) -> Meaning {
        let RequestError::Refused { status, .. } = self else { return Meaning::Closed };
        match Status::try_from(*status) {
            Ok(Status::ErrorAccessToken | Status::Error) => Meaning::Stale,
            // Without a version short-circuit reads are off; with one the block's format is newer than we are.
            Ok(Status::ErrorUnsupported) if matches!(self, RequestError::Refused { versioned: true, .. }) => {
                Meaning::ThisOnce
            }
            _ => Meaning::Closed,
        }
    }

    /// As a fault of the short-circuit way.
    pub(crate) fn into_fault(self) -> Fault {
        Fault::because(self.meaning(), "ask for the block's files", &self)
    }
}

/// Sends `request` and takes the files.
pub(crate) async fn request(stream: &mut UnixStream, request: &[u8]) -> Result<Descriptors, RequestError> {
    stream.write_all(request).await?;
    let answer = read_answer::<RequestError>(stream).await?;
    if answer.status != Status::Success as i32 {
        return Err(RequestError::Refused {
            status: answer.status,
            versioned: answer.short_circuit_access_version.is_some(),
            message: words(&answer),
        });
    }
    let descriptors = stream.async_io(Interest::READABLE, || receive(&*stream)).await?;
    let received = descriptors.len();
    match <[OwnedFd; 2]>::try_from(descriptors) {
        Ok([data, meta]) => Ok(Descriptors { data: data.into(), meta: meta.into() }),
        Err(_) => Err(RequestError::DescriptorsMissing(received)),
    }
}

/// Takes the one byte that follows the answer, with its descriptors.
fn receive(stream: impl AsFd) -> io::Result<Vec<OwnedFd>> {
    let mut byte = [0; 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received =
        rustix::net::recvmsg(stream, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        descriptors.pop();
    }
    Ok(descriptors)
}
