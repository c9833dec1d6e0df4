//! A DataNode's answer to a request, as it comes over its data port and over its domain socket alike.

use std::io;

use hadoop_wire::datatransfer::{self, DataTransferError};
use hadoop_wire::messages::datatransfer::BlockOpResponse;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads the answer and not one byte more: over a domain socket the next byte carries descriptors, and a plain read
/// would lose them.
pub(super) async fn read_answer<E>(stream: &mut (impl AsyncRead + Unpin)) -> Result<BlockOpResponse, E>
where
    E: From<io::Error> + From<DataTransferError>,
{
    let mut received = Vec::new();
    loop {
        let needed = datatransfer::delimited_needed(&received)?;
        if needed == 0 {
            return Ok(datatransfer::decode_block_response(&received)?);
        }
        let have = received.len();
        received.resize(have + needed, 0);
        stream.read_exact(&mut received[have..]).await?;
    }
}

/// What the DataNode says in words; a stack trace may follow the first line.
pub(super) fn words(answer: &BlockOpResponse) -> String {
    answer.message().lines().next().unwrap_or_default().trim().to_owned()
}
