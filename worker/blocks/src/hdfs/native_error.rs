//! hdfs-native's errors without the Java stack traces that they carry.

use hdfs_native::HdfsError;

/// What hdfs-native said, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NativeError(String);

impl From<HdfsError> for NativeError {
    fn from(error: HdfsError) -> NativeError {
        if let HdfsError::RPCError(class, message) | HdfsError::FatalRPCError(class, message) = &error {
            let class = class.rsplit(['.', '$']).next().unwrap_or(class);
            return NativeError(format!("{} ({class})", first_line(message)));
        }
        NativeError(first_line(&error.to_string()).to_owned())
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end()
}

/// True when the NameNode says that this user may not.
pub(crate) fn is_access_denied(error: &HdfsError) -> bool {
    matches!(error, HdfsError::RPCError(class, _) if class == "org.apache.hadoop.security.AccessControlException")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stack_traces_go() {
        let class = "org.apache.hadoop.security.AccessControlException".to_owned();
        let error = HdfsError::RPCError(class, "Permission denied: user=a\n\tat org.apache.Foo\n".to_owned());
        assert!(is_access_denied(&error));
        assert_eq!(NativeError::from(error).to_string(), "Permission denied: user=a (AccessControlException)");
    }
}
