//! Tokens and secrets, and the files that carry them ("HDTS"): both formats are read, the older one is written, as
//! Hadoop itself does.

mod protobuf;
mod vint;
mod writable;

use std::collections::BTreeMap;
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::messages::security;

pub use vint::{ReadError, get_vint, put_vint};

/// Kind of the token that an application master shows to the scheduler.
pub const KIND_AM_RM: &str = "YARN_AM_RM_TOKEN";
/// Kind of the token that an application master shows to a NodeManager.
pub const KIND_NM: &str = "NMToken";
/// Kind of a NameNode's delegation tokens.
pub const KIND_HDFS_DELEGATION: &str = "HDFS_DELEGATION_TOKEN";
/// Kind of a ResourceManager's delegation tokens.
pub const KIND_RM_DELEGATION: &str = "RM_DELEGATION_TOKEN";

const MAGIC: &[u8; 4] = b"HDTS";
const FORMAT_WRITABLE: u8 = 0;
const FORMAT_PROTOBUF: u8 = 1;

/// Proof that its bearer may do something. Identifier and password are opaque and go back to the server verbatim.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Token {
    /// Who, what, until when: readable, not secret.
    pub identifier: Bytes,
    /// The secret.
    pub password: Bytes,
    /// Such as [`KIND_AM_RM`].
    pub kind: String,
    /// Which server it is for; empty in the AMRM token.
    pub service: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Token")
            .field("kind", &self.kind)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl From<security::Token> for Token {
    fn from(token: security::Token) -> Self {
        Self { identifier: token.identifier, password: token.password, kind: token.kind, service: token.service }
    }
}

impl From<Token> for security::Token {
    fn from(token: Token) -> Self {
        Self { identifier: token.identifier, password: token.password, kind: token.kind, service: token.service }
    }
}

/// What a token file holds.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Tokens in file order, each with its alias, which may be empty.
    pub tokens: Vec<(String, Token)>,
    /// Secrets by alias.
    pub secrets: BTreeMap<String, Bytes>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secrets: Vec<&String> = self.secrets.keys().collect();
        formatter.debug_struct("Credentials").field("tokens", &self.tokens).field("secrets", &secrets).finish()
    }
}

/// Why a token file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The first bytes are others.
    #[error("not a Hadoop token file: it does not begin with HDTS")]
    Magic,
    /// A format that came after ours.
    #[error("token file has format {format}; formats 0 and 1 are known")]
    Format {
        /// What the file says.
        format: u8,
    },
    /// The older format is damaged.
    #[error("read token file")]
    Writable(#[from] ReadError),
    /// The newer format is damaged.
    #[error("decode token file")]
    Protobuf(#[from] prost::DecodeError),
}

impl Credentials {
    /// Reads a token file, or the `tokens` of a launch context.
    pub fn decode(bytes: impl Into<Bytes>) -> Result<Self, CredentialsError> {
        let mut bytes = bytes.into();
        if bytes.len() < MAGIC.len() + 1 || !bytes.starts_with(MAGIC) {
            return Err(CredentialsError::Magic);
        }
        let body = bytes.split_off(MAGIC.len() + 1);
        match bytes[MAGIC.len()] {
            FORMAT_WRITABLE => Ok(writable::decode(body)?),
            FORMAT_PROTOBUF => Ok(protobuf::decode(body)?),
            format => Err(CredentialsError::Format { format }),
        }
    }

    /// The bytes of a token file.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_slice(MAGIC);
        bytes.put_u8(FORMAT_WRITABLE);
        writable::encode(self, &mut bytes);
        bytes.freeze()
    }

    /// The first token of this kind. Services are no guide: the AMRM token has none.
    pub fn token(&self, kind: &str) -> Option<&Token> {
        self.tokens.iter().map(|(_, token)| token).find(|token| token.kind == kind)
    }

    /// Drops every token of this kind.
    pub fn remove_tokens(&mut self, kind: &str) {
        self.tokens.retain(|(_, token)| token.kind != kind);
    }
}
