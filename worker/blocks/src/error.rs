//! What can go wrong, one type for each operation; each message names the object and the way out.

use std::io;

use hadoop_client::NoUserError;
use hadoop_wire::config::ValueError;

/// A cause from a library whose error types stay inside this crate.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a reader could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    /// There is no runtime to drive the connections.
    #[error("make a reader of HDFS outside a tokio runtime: call it inside the one that shall drive its connections")]
    NoRuntime,
    /// A value of the Hadoop configuration does not fit.
    #[error("understand the Hadoop configuration")]
    Configuration(#[from] ValueError),
    /// Nobody said whom to act as.
    #[error("find out whom to act as in HDFS")]
    User(#[from] NoUserError),
    /// The list of this host's addresses, by which local DataNodes are known.
    #[error("list the addresses of this host")]
    Interfaces {
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Why inputs could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Nothing has this name.
    #[error("{path} does not exist; check the spelling and the file system in front of it")]
    NotFound {
        /// The path as it was given.
        path: String,
    },
    /// The user may not read it.
    #[error(
        "{path} may not be read by {user}: ask its owner for read permission (and execute on the directories above)"
    )]
    PermissionDenied {
        /// The path as it was given.
        path: String,
        /// Who asked.
        user: String,
        /// What the file system said.
        #[source]
        source: Cause,
    },
    /// A pattern that fits no file.
    #[error("{pattern} fits no file; list the directory to see the names")]
    EmptyGlob {
        /// The pattern.
        pattern: String,
    },
    /// A pattern that is not one.
    #[error("{pattern} is not a pattern: {reason}; put a backslash before a bracket that is part of the name")]
    BadGlob {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory that holds no file that counts.
    #[error(
        "directory {path} holds no file (names that begin with _ or . do not count); name a file, or use a pattern such as {path}/*/*"
    )]
    EmptyDirectory {
        /// The directory.
        path: String,
    },
    /// A device, a pipe, a socket, a link of HDFS.
    #[error("{path} is not a regular file; copy its content into a file first")]
    NotRegular {
        /// The path.
        path: String,
    },
    /// A scheme that we do not read.
    #[error("{path} is neither a local path nor file: nor hdfs:; copy it to one of these")]
    UnknownScheme {
        /// The path as it was given.
        path: String,
    },
    /// An HDFS path, and no Hadoop configuration.
    #[error("{path} is on HDFS, and this process has no Hadoop configuration; set HADOOP_CONF_DIR")]
    NoHdfs {
        /// The path as it was given.
        path: String,
    },
    /// The NameNode does not answer.
    #[error("list {path}: ask the NameNode; is it running, and is its address right?")]
    Unreachable {
        /// The path as it was given.
        path: String,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// The local file system failed.
    #[error("list {path}")]
    Io {
        /// The path.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl ListError {
    /// The exit code of a command that ends with this error: 66 input missing or unreadable, 77 not permitted, 69 cluster
    /// unreachable.
    pub fn exit_code(&self) -> u8 {
        match self {
            ListError::PermissionDenied { .. } => 77,
            ListError::Unreachable { .. } | ListError::NoHdfs { .. } => 69,
            ListError::NotFound { .. }
            | ListError::EmptyGlob { .. }
            | ListError::BadGlob { .. }
            | ListError::EmptyDirectory { .. }
            | ListError::NotRegular { .. }
            | ListError::UnknownScheme { .. }
            | ListError::Io { .. } => 66,
        }
    }
}

/// Why bytes could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is not the one that was planned.
    #[error("{url} changed since the query was planned ({what}); run the query again when nobody writes the file")]
    Changed {
        /// The file.
        url: String,
        /// Length or time, then and now.
        what: String,
    },
    /// The file is gone.
    #[error("{url} does not exist any more; run the query again without it")]
    NotFound {
        /// The file.
        url: String,
    },
    /// The user may not read it.
    #[error("{url} may not be read by {user}: ask its owner for read permission")]
    PermissionDenied {
        /// The file.
        url: String,
        /// Who asked.
        user: String,
        /// What the file system said.
        #[source]
        source: Cause,
    },
    /// Somebody has it open for writing: nobody knows yet how long it is.
    #[error(
        "{url} is still being written; wait until its writer has closed it, leave it out, or, if its writer is dead, close it with: hdfs debug recoverLease -path {url} -retries 10"
    )]
    BeingWritten {
        /// The file.
        url: String,
    },
    /// Not a path that this reader can open.
    #[error("{url} cannot be opened here: {reason}")]
    Unsupported {
        /// The file.
        url: String,
        /// Why not, and the way out.
        reason: String,
    },
    /// The local file system failed.
    #[error("read {url} at byte {offset}")]
    Io {
        /// The file.
        url: String,
        /// Where.
        offset: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No NameNode can be reached, after as long a wait as its restart may take.
    #[error("locate the blocks of {url}: no NameNode can be reached; start it, and run the query again")]
    Unreachable {
        /// The file.
        url: String,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// The NameNode does not tell.
    #[error("locate the blocks of {url}: ask the NameNode")]
    Locate {
        /// The file.
        url: String,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// Every replica of a block failed.
    #[error("read {url} at byte {offset}: no replica of its block can be read ({}); look at the DataNodes, or restore the file", reasons.join("; "))]
    NoReplica {
        /// The file.
        url: String,
        /// Where.
        offset: u64,
        /// `host: way: reason` of every attempt.
        reasons: Vec<String>,
        /// Whether it will be so at every later attempt too.
        permanent: bool,
    },
}

impl ReadError {
    /// The exit code of a command that ends with this error: 66 input missing or unreadable, 77 not permitted, 69 cluster
    /// unreachable.
    pub fn exit_code(&self) -> u8 {
        match self {
            ReadError::PermissionDenied { .. } => 77,
            ReadError::Unreachable { .. } | ReadError::Locate { .. } => 69,
            ReadError::Changed { .. }
            | ReadError::NotFound { .. }
            | ReadError::BeingWritten { .. }
            | ReadError::Unsupported { .. }
            | ReadError::Io { .. }
            | ReadError::NoReplica { .. } => 66,
        }
    }

    /// May another attempt succeed?
    pub fn may_pass(&self) -> bool {
        match self {
            ReadError::Changed { .. }
            | ReadError::NotFound { .. }
            | ReadError::PermissionDenied { .. }
            | ReadError::BeingWritten { .. }
            | ReadError::Unsupported { .. }
            // Who asked has waited for minutes: another attempt would only wait as long again.
            | ReadError::Unreachable { .. } => false,
            ReadError::NoReplica { permanent, .. } => !permanent,
            ReadError::Io { .. } | ReadError::Locate { .. } => true,
        }
    }
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It is there already.
    #[error("{url} exists already; choose another name, or remove it first")]
    Exists {
        /// The file.
        url: String,
    },
    /// A directory of output is there and holds something, or a file has its name.
    #[error(
        "{url} exists already; choose another directory, or say what to do with it: --mode overwrite or --mode append (in COPY: OPTIONS ('mode' 'append'))"
    )]
    OutputExists {
        /// The directory.
        url: String,
    },
    /// Files cannot be added to a file.
    #[error("{url} is a file, and files can be added to a directory only; choose a directory, or --mode overwrite")]
    AppendToFile {
        /// The file.
        url: String,
    },
    /// A part of an output whose path would be hidden, lead elsewhere, or be there twice.
    #[error("{url} cannot have the part {path:?}: its path is hidden, leads elsewhere, or is another part's")]
    BadPart {
        /// The output.
        url: String,
        /// The part's path in it.
        path: String,
    },
    /// An output failed, and so did undoing it.
    #[error("write {url}: neither the new nor the old content could be put in place: {way_out}")]
    NotRestored {
        /// The output.
        url: String,
        /// What to do by hand.
        way_out: String,
        /// Why the output failed.
        #[source]
        source: Cause,
    },
    /// A directory has its name.
    #[error("{url} is a directory; name a file in it")]
    Directory {
        /// The directory.
        url: String,
    },
    /// The directory that it would be in is not there.
    #[error("{url} cannot be written: its directory does not exist; make it first, or choose another")]
    NoDirectory {
        /// The file.
        url: String,
    },
    /// The user may not write there.
    #[error("{url} may not be written by {user}: choose a directory that this user may write")]
    PermissionDenied {
        /// The file.
        url: String,
        /// Who asked.
        user: String,
        /// What the file system said.
        #[source]
        source: Cause,
    },
    /// Not a place that we can write.
    #[error("{url} cannot be written here: {reason}")]
    Unsupported {
        /// The file.
        url: String,
        /// Why not, and the way out.
        reason: String,
    },
    /// The bytes that were to be written did not come.
    #[error("write {url}: produce its bytes")]
    Producer {
        /// The file.
        url: String,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// The file system failed; what was written under the temporary name has been removed where that was possible.
    #[error("write {url}: {step}")]
    Failed {
        /// The file.
        url: String,
        /// What we were doing.
        step: &'static str,
        /// What happened.
        #[source]
        source: Cause,
    },
}

impl WriteError {
    /// The same error about a place that the user knows: `url` in place of a hidden name beside it.
    pub(crate) fn about(mut self, place: String) -> Self {
        if let WriteError::NoDirectory { url, .. } | WriteError::PermissionDenied { url, .. } = &mut self {
            *url = place;
        }
        self
    }

    /// The exit code of a command that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            WriteError::PermissionDenied { .. } => 77,
            WriteError::Exists { .. }
            | WriteError::OutputExists { .. }
            | WriteError::AppendToFile { .. }
            | WriteError::Directory { .. }
            | WriteError::NoDirectory { .. }
            | WriteError::Unsupported { .. } => 66,
            WriteError::Failed { .. } | WriteError::NotRestored { .. } => 69,
            WriteError::Producer { .. } | WriteError::BadPart { .. } => 70,
        }
    }
}
