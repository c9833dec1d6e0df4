//! The older token file format, which every NodeManager writes.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use super::vint::{ReadError, get_bytes, get_text, get_vint, put_bytes, put_vint};
use super::{Credentials, Token};

/// Reads what follows the magic and the format byte.
pub(super) fn decode(mut bytes: Bytes) -> Result<Credentials, ReadError> {
    let mut tokens = Vec::new();
    for _ in 0..get_vint(&mut bytes, "number of tokens")? {
        let alias = get_text(&mut bytes, "token alias")?;
        tokens.push((alias, get_token(&mut bytes)?));
    }
    let mut secrets = BTreeMap::new();
    for _ in 0..get_vint(&mut bytes, "number of secrets")? {
        let alias = get_text(&mut bytes, "secret alias")?;
        secrets.insert(alias, get_bytes(&mut bytes, "secret")?);
    }
    Ok(Credentials { tokens, secrets })
}

/// Writes what follows the magic and the format byte.
pub(super) fn encode(credentials: &Credentials, bytes: &mut BytesMut) {
    put_vint(bytes, credentials.tokens.len() as i64);
    for (alias, token) in &credentials.tokens {
        put_bytes(bytes, alias.as_bytes());
        put_bytes(bytes, &token.identifier);
        put_bytes(bytes, &token.password);
        put_bytes(bytes, token.kind.as_bytes());
        put_bytes(bytes, token.service.as_bytes());
    }
    put_vint(bytes, credentials.secrets.len() as i64);
    for (alias, secret) in &credentials.secrets {
        put_bytes(bytes, alias.as_bytes());
        put_bytes(bytes, secret);
    }
}

fn get_token(bytes: &mut Bytes) -> Result<Token, ReadError> {
    Ok(Token {
        identifier: get_bytes(bytes, "token identifier")?,
        password: get_bytes(bytes, "token password")?,
        kind: get_text(bytes, "token kind")?,
        service: get_text(bytes, "token service")?,
    })
}
