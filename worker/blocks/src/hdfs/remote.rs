//! Reads through hdfs-native, which tries the replicas in the NameNode's order, and knows erasure-coded and secured data,
//! which we do not.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use hdfs_native::HdfsError;
use hdfs_native::file::FileReader;
use tokio::time::timeout;

use super::NativeError;
use super::fault::{Fault, Meaning};

/// hdfs-native retries inside these limits; without them it can hang for minutes.
const OPEN_LIMIT: Duration = Duration::from_secs(20);
const STEP_LIMIT: Duration = Duration::from_secs(60);
/// No reason of a DataNode is as long as this.
const LONG_TEXT: usize = 200;

/// Opens a file, and checks that it is as long as was planned: another length is another file, and hdfs-native panics
/// where one reads beyond the end.
pub(crate) async fn open(client: hdfs_native::Client, path: String, len: u64) -> Result<Arc<FileReader>, Fault> {
    let reader = match timeout(OPEN_LIMIT, client.read(&path)).await {
        Ok(opened) => opened.map_err(|error| fault("open the file", error))?,
        Err(_) => return Err(silent("the NameNode", OPEN_LIMIT)),
    };
    if reader.file_length() as u64 != len {
        let reason = format!("the file has {} bytes and had {len}", reader.file_length());
        return Err(Fault::new(Meaning::ThisOnce, reason));
    }
    Ok(Arc::new(reader))
}

/// Reads a range that lies inside the file.
pub(crate) async fn read(reader: Arc<FileReader>, offset: u64, len: usize) -> Result<Bytes, Fault> {
    let end = offset.saturating_add(len as u64);
    if end > reader.file_length() as u64 {
        return Err(Fault::new(Meaning::ThisOnce, "the range ends behind the file"));
    }
    let mut stream = std::pin::pin!(reader.read_range_stream(offset as usize, len));
    let mut bytes = BytesMut::with_capacity(len);
    loop {
        match timeout(STEP_LIMIT, stream.next()).await {
            Ok(Some(Ok(part))) => bytes.extend_from_slice(&part),
            Ok(Some(Err(error))) => return Err(fault("read", error)),
            Ok(None) => break,
            Err(_) => return Err(silent("the DataNodes", STEP_LIMIT)),
        }
    }
    if bytes.len() == len { Ok(bytes.freeze()) } else { Err(Fault::new(Meaning::ThisOnce, "the bytes ended early")) }
}

fn silent(who: &str, limit: Duration) -> Fault {
    Fault::new(Meaning::ThisOnce, format!("no answer from {who} for {} s", limit.as_secs()))
}

fn fault(doing: &str, error: HdfsError) -> Fault {
    if let HdfsError::UnsupportedFeature(_) | HdfsError::UnsupportedErasureCodingPolicy(_) = error {
        return Fault::because(Meaning::Never, doing, &NativeError::from(error));
    }
    // The dump of every location in one text; what each of them said is found out by asking them one by one.
    if matches!(&error, HdfsError::DataTransferError(text) if text.len() > LONG_TEXT) {
        return Fault::new(Meaning::ThisOnce, format!("{doing}: no DataNode that holds the block could be read"));
    }
    Fault::because(Meaning::ThisOnce, doing, &NativeError::from(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_build_cannot_read_is_told_from_what_failed_once() {
        let meaning = |error| fault("open the file", error).meaning;
        assert_eq!(meaning(HdfsError::UnsupportedFeature("encryption".into())), Meaning::Never);
        assert_eq!(meaning(HdfsError::UnsupportedErasureCodingPolicy("ID: 9".into())), Meaning::Never);
        assert_eq!(meaning(HdfsError::ChecksumError), Meaning::ThisOnce);
    }
}
