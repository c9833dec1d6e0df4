//! DIGEST-MD5 (RFC 2831), the client's side, as Hadoop uses it with tokens: the user name is the token's identifier
//! and the password its password, both in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use crate::credentials::Token;

const QOP_AUTH: &str = "auth";
const NONCE_COUNT: &str = "00000001";

/// Why the exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// The challenge is not a list of `name=value`.
    #[error("server's challenge is not DIGEST-MD5: {reason}")]
    Challenge {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The server wants each message signed or encrypted.
    #[error(
        "server insists on protected RPC ({offered}), which this version lacks; \
         hadoop.rpc.protection on the cluster asks for it, \"authentication\" would do"
    )]
    Protection {
        /// The qualities of protection that it offers.
        offered: String,
    },
    /// The server did not prove that it knows the token's password.
    #[error("server could not prove that it knows the token; it is not the server that issued it")]
    Proof,
}

/// The client's message, and what checks the server's answer to it.
#[derive(Debug)]
pub struct DigestResponse {
    /// To send.
    pub message: String,
    /// To keep until the server's last message.
    pub exchange: DigestExchange,
}

/// An exchange whose last message is outstanding.
#[derive(Debug)]
pub struct DigestExchange {
    expected_proof: String,
}

impl DigestExchange {
    /// Checks the server's `rspauth`.
    pub fn verify(&self, last_message: &[u8]) -> Result<(), DigestError> {
        let pairs = parse_pairs(last_message)?;
        match value_of(&pairs, "rspauth") {
            Some(proof) if proof == self.expected_proof => Ok(()),
            Some(_) | None => Err(DigestError::Proof),
        }
    }
}

/// Answers a server's challenge. `uri` is protocol/server-id, such as `/default`; `client_nonce` is fresh randomness
/// that needs no quoting.
pub fn respond(challenge: &[u8], token: &Token, uri: &str, client_nonce: &str) -> Result<DigestResponse, DigestError> {
    let challenge = Challenge::parse(challenge)?;
    let answer = Answer {
        user: STANDARD.encode(&token.identifier),
        password: STANDARD.encode(&token.password),
        realm: challenge.realm,
        nonce: challenge.nonce,
        client_nonce,
        uri,
    };
    let message = answer.message();
    Ok(DigestResponse { message, exchange: DigestExchange { expected_proof: answer.digest("") } })
}

struct Challenge {
    realm: String,
    nonce: String,
}

impl Challenge {
    fn parse(bytes: &[u8]) -> Result<Self, DigestError> {
        let pairs = parse_pairs(bytes)?;
        if value_of(&pairs, "algorithm") != Some("md5-sess") {
            return Err(DigestError::Challenge { reason: "algorithm is not md5-sess" });
        }
        let nonce = value_of(&pairs, "nonce").ok_or(DigestError::Challenge { reason: "it has no nonce" })?;
        let offered = value_of(&pairs, "qop").unwrap_or(QOP_AUTH);
        if !offered.split(',').any(|qop| qop.trim() == QOP_AUTH) {
            return Err(DigestError::Protection { offered: offered.to_owned() });
        }
        let realm = value_of(&pairs, "realm").unwrap_or_default();
        if [realm, nonce].iter().any(|value| value.contains(['"', '\\'])) {
            return Err(DigestError::Challenge { reason: "realm or nonce holds a quote" });
        }
        Ok(Self { realm: realm.to_owned(), nonce: nonce.to_owned() })
    }
}

struct Answer<'a> {
    user: String,
    password: String,
    realm: String,
    nonce: String,
    client_nonce: &'a str,
    uri: &'a str,
}

impl Answer<'_> {
    fn message(&self) -> String {
        format!(
            "charset=utf-8,username=\"{}\",realm=\"{}\",nonce=\"{}\",nc={NONCE_COUNT},cnonce=\"{}\",\
             digest-uri=\"{}\",maxbuf=65536,response={},qop={QOP_AUTH}",
            self.user,
            self.realm,
            self.nonce,
            self.client_nonce,
            self.uri,
            self.digest("AUTHENTICATE")
        )
    }

    /// RFC 2831, 2.1.2.1; the server's proof is the same without the method.
    fn digest(&self, method: &str) -> String {
        let mut session = md5(format!("{}:{}:{}", self.user, self.realm, self.password).as_bytes()).to_vec();
        session.extend_from_slice(format!(":{}:{}", self.nonce, self.client_nonce).as_bytes());
        let key = hex(&md5(&session));
        let action = hex(&md5(format!("{method}:{}", self.uri).as_bytes()));
        let text = format!("{key}:{}:{NONCE_COUNT}:{}:{QOP_AUTH}:{action}", self.nonce, self.client_nonce);
        hex(&md5(text.as_bytes()))
    }
}

fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn value_of<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// `name=value,name="value"`; inside quotes a backslash protects the next character.
fn parse_pairs(bytes: &[u8]) -> Result<Vec<(String, String)>, DigestError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DigestError::Challenge { reason: "it is not UTF-8" })?;
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let Some((name, after)) = rest.split_once('=') else {
            return Err(DigestError::Challenge { reason: "a name without a value" });
        };
        let (value, after) = parse_value(after)?;
        pairs.push((name.trim().to_ascii_lowercase(), value));
        rest = after.trim_start_matches([',', ' ', '\t']);
    }
    Ok(pairs)
}

fn parse_value(text: &str) -> Result<(String, &str), DigestError> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return Ok((text[..end].trim().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            '"' => return Ok((value, &quoted[position + 1..])),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    Err(DigestError::Challenge { reason: "a quote is not closed" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const CHALLENGE: &str = "realm=\"default\",nonce=\"/vdNV0BrMwSF85Ugd8EJhKMEIaQnWV8Q4rSsYBqb\",qop=\"auth\",\
                             charset=utf-8,algorithm=md5-sess";

    fn token() -> Token {
        Token {
            identifier: Bytes::from(STANDARD.decode("Cg0KCQgJEI6g+tWfNBABEMP5v+UH").unwrap()),
            password: Bytes::from(STANDARD.decode("ShRERNR4obWZg/g+y+xv7qWS+bM=").unwrap()),
            ..Token::default()
        }
    }

    #[test]
    fn answer_and_proof_of_a_real_server() {
        let response = respond(CHALLENGE.as_bytes(), &token(), "/default", "OA6MG9tEQGm2hh").unwrap();
        assert!(response.message.contains("response=686ce9476883857aa08a4425c6b7a83e,"));
        response.exchange.verify(b"rspauth=4a9a7956c4a145323992702f1a70a292").unwrap();
        let wrong = response.exchange.verify(b"rspauth=4a9a7956c4a145323992702f1a70a293");
        assert!(matches!(wrong, Err(DigestError::Proof)));
        assert!(matches!(response.exchange.verify(b""), Err(DigestError::Proof)));
    }

    #[test]
    fn protection_names_the_key_that_asks_for_it() {
        for qop in ["auth-int", "auth-conf", "auth-conf,auth-int"] {
            let challenge = CHALLENGE.replace("\"auth\"", &format!("\"{qop}\""));
            let error = respond(challenge.as_bytes(), &token(), "/default", "c").unwrap_err();
            assert!(matches!(error, DigestError::Protection { .. }));
            assert!(error.to_string().contains("hadoop.rpc.protection"), "{error}");
        }
        let challenge = CHALLENGE.replace("\"auth\"", "\"auth-conf,auth\"");
        respond(challenge.as_bytes(), &token(), "/default", "c").unwrap();
    }

    #[test]
    fn quoted_values_may_hold_anything() {
        let pairs = parse_pairs(br#"a="x,y=z", b=plain ,c="say \"hi\"""#).unwrap();
        let value = |name| value_of(&pairs, name);
        assert_eq!((value("a"), value("b"), value("c")), (Some("x,y=z"), Some("plain"), Some("say \"hi\"")));
        assert!(parse_pairs(b"a=\"open").is_err());
        assert!(parse_pairs(b"alone").is_err());
    }
}
