//! Hadoop's protobuf messages, generated from `protos/*.proto`: the subset that bobbin sends or reads. Field numbers
//! are Hadoop's; names are ours, since names never travel. Unknown enum values survive as plain numbers.

/// RPC headers, SASL messages, the connection context.
#[allow(missing_docs, clippy::all)]
#[rustfmt::skip]
pub mod common {
    include!("generated/common.rs");
}

/// Tokens, credentials, delegation token calls.
#[allow(missing_docs, clippy::all)]
#[rustfmt::skip]
pub mod security {
    include!("generated/security.rs");
}

/// ResourceManager and NodeManager.
#[allow(missing_docs, clippy::all)]
#[rustfmt::skip]
pub mod yarn {
    include!("generated/yarn.rs");
}

/// NameNode.
#[allow(missing_docs, clippy::all)]
#[rustfmt::skip]
pub mod hdfs {
    include!("generated/hdfs.rs");
}

/// DataNode.
#[allow(missing_docs, clippy::all)]
#[rustfmt::skip]
pub mod datatransfer {
    include!("generated/datatransfer.rs");
}
