//! The exit codes that the contract gives to failures of submitting and watching.

use hadoop_client::rpc::CallError;

use super::hdfs::{HdfsError, HdfsFailure};

/// The cluster refused, or the application failed.
pub const FAILED: u8 = 1;
/// The request is wrong.
pub const USAGE: u8 = 64;
/// Input is missing or unreadable.
pub const INPUT: u8 = 66;
/// The cluster cannot be reached.
pub const UNAVAILABLE: u8 = 69;
/// A fault of ours.
pub const INTERNAL: u8 = 70;
/// Not permitted.
pub const PERMISSION: u8 = 77;

/// The code of a call that failed. A server that answers no in words of its own is there, and it is no fault of ours.
pub fn of_call(error: &CallError) -> u8 {
    match error.remote().map(|error| error.class_name()) {
        Some("AccessControlException" | "AuthorizationException" | "InvalidToken") => PERMISSION,
        Some("InvalidResourceRequestException" | "InvalidLabelResourceRequestException") => USAGE,
        Some(
            "StandbyException"
            | "RetriableException"
            | "RpcServerTooBusyException"
            | "SafeModeException"
            | "RpcNoSuchMethodException"
            | "RpcNoSuchProtocolException",
        )
        | None => UNAVAILABLE,
        Some(_) => FAILED,
    }
}

/// The code of an operation on HDFS that failed.
pub fn of_hdfs(error: &HdfsError) -> u8 {
    match error.failure {
        HdfsFailure::Denied(_) | HdfsFailure::Quota(_) => PERMISSION,
        HdfsFailure::NotFound | HdfsFailure::Exists | HdfsFailure::Local(_) => INPUT,
        HdfsFailure::SafeMode | HdfsFailure::TimedOut(_) | HdfsFailure::Other(_) => UNAVAILABLE,
    }
}
