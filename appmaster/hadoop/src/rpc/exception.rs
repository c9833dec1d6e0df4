//! The Java exceptions that callers decide by, told apart by class name and never by text.

use hadoop_wire::rpc::RemoteError;

/// What a server's exception means to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exception {
    /// This server is a standby: ask another one.
    Standby,
    /// Ask again later.
    Retriable,
    /// The NameNode is starting up; it accepts no changes, and knows no locations yet.
    SafeMode,
    /// The ResourceManager does not know this application master: register again, send everything again.
    NotRegistered,
    /// The attempt is over: exit without unregistering.
    AttemptNotFound,
    /// No such application.
    ApplicationNotFound,
    /// A wrong response id, or registered twice.
    InvalidMasterRequest,
    /// An ask beyond the cluster's maximum, or one that contradicts itself.
    InvalidResourceRequest,
    /// A token that is expired, of another node, or of a master key that was rolled.
    InvalidToken,
    /// The caller may not do this.
    AccessControl,
    /// No such file, or a directory where a file was meant.
    FileNotFound,
    /// No such method or protocol: another release of Hadoop, or another port.
    NoSuchMethod,
    /// Any other class.
    Other,
}

impl Exception {
    /// What this exception means.
    pub fn of(error: &RemoteError) -> Exception {
        match error.class.as_str() {
            "org.apache.hadoop.ipc.StandbyException" | "org.apache.hadoop.ipc.ObserverRetryOnActiveException" => {
                Exception::Standby
            }
            "org.apache.hadoop.ipc.RetriableException" | "org.apache.hadoop.ipc.RpcServerTooBusyException" => {
                Exception::Retriable
            }
            "org.apache.hadoop.hdfs.server.namenode.SafeModeException" => Exception::SafeMode,
            "org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException" => Exception::NotRegistered,
            "org.apache.hadoop.yarn.exceptions.ApplicationAttemptNotFoundException" => Exception::AttemptNotFound,
            "org.apache.hadoop.yarn.exceptions.ApplicationNotFoundException" => Exception::ApplicationNotFound,
            "org.apache.hadoop.yarn.exceptions.InvalidApplicationMasterRequestException" => {
                Exception::InvalidMasterRequest
            }
            "org.apache.hadoop.yarn.exceptions.InvalidResourceRequestException" => Exception::InvalidResourceRequest,
            "org.apache.hadoop.security.token.SecretManager$InvalidToken" => Exception::InvalidToken,
            "org.apache.hadoop.security.AccessControlException"
            | "org.apache.hadoop.security.authorize.AuthorizationException"
            | "java.security.AccessControlException" => Exception::AccessControl,
            "java.io.FileNotFoundException" => Exception::FileNotFound,
            "org.apache.hadoop.ipc.RpcNoSuchMethodException" | "org.apache.hadoop.ipc.RpcNoSuchProtocolException" => {
                Exception::NoSuchMethod
            }
            _ => Exception::Other,
        }
    }
}
