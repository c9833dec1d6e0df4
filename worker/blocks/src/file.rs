//! What a driver knows of a file when it plans: which one, how long, and where its bytes are.

use crate::partition::PartitionValue;

/// A file as the driver saw it when it planned. A reader that finds another length or time refuses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileRef {
    /// `hdfs://name-service-or-host[:port]/path` or `file:///absolute/path`. Not percent-encoded: the path is as the file
    /// system spells it.
    pub url: String,
    /// Length, bytes.
    pub len: u64,
    /// Time of the last modification, milliseconds since 1970.
    pub modified_ms: i64,
}

/// A file of a table whose directories may name values of columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableFile {
    /// The file.
    pub file: FileRef,
    /// Column and value (none for NULL) of each `column=value` directory between the table and the file, outer ones
    /// first, unescaped.
    pub partitions: Vec<PartitionValue>,
}

/// A range of a file, and the hosts that hold it on their own disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockPlaces {
    /// Where the range begins in the file.
    pub offset: u64,
    /// Its length, bytes.
    pub len: u64,
    /// Host names of the DataNodes that hold it, as they registered with the NameNode (`hostName`): the names that YARN
    /// uses for the NodeManagers beside them. In no meaningful order.
    pub hosts: Vec<String>,
}
