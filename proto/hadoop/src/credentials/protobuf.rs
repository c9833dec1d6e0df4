//! The newer token file format: a protobuf message.

use bytes::Bytes;
use prost::Message;

use super::Credentials;
use crate::messages::security;

/// Reads what follows the magic and the format byte.
pub(super) fn decode(bytes: Bytes) -> Result<Credentials, prost::DecodeError> {
    let message = security::Credentials::decode_length_delimited(bytes)?;
    let tokens = message.tokens.into_iter().map(|entry| (entry.alias, entry.token.unwrap_or_default().into()));
    let secrets = message.secrets.into_iter().map(|entry| (entry.alias, entry.secret.unwrap_or_default()));
    Ok(Credentials { tokens: tokens.collect(), secrets: secrets.collect() })
}
