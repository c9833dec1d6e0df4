//! Setting up a connection: header, SASL exchange, context.
//!
//! ```text
//!              Simple: header 00, context ------------------------------> Done
//! start() -->
//!              Token:  header DF, NEGOTIATE --> Negotiating
//!                        server's offer: INITIATE with the digest ------> AwaitingProof
//!                        server's proof checked: context ---------------> Done
//! ```

use bytes::{Bytes, BytesMut};
use prost::Message;

use super::request::{encode_context, encode_sasl};
use super::{CALL_ID_SASL, ClientId, FrameError, RemoteError, Response, Wrap, decode_response};
use crate::credentials::Token;
use crate::messages::common::{RpcErrorCode, RpcSasl, SaslAuth, SaslState};
use crate::sasl::digest::{DigestError, DigestExchange, DigestResponse, respond};

const HEADER: [u8; 6] = *b"hrpc\x09\x00";
const AUTH_NONE: u8 = 0x00;
const AUTH_SASL: u8 = 0xdf;

const METHOD_TOKEN: &str = "TOKEN";
const METHOD_KERBEROS: &str = "KERBEROS";
const MECHANISM_DIGEST: &str = "DIGEST-MD5";
const ACCESS_CONTROL_EXCEPTION: &str = "org.apache.hadoop.security.AccessControlException";

/// How a client says who it is.
#[derive(Clone, Debug)]
pub enum Authentication {
    /// A claim that the server believes.
    Simple {
        /// Who we say we are.
        user: String,
    },
    /// Knowledge of a token's password, proved by DIGEST-MD5.
    Token(Token),
}

/// Why a connection could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The server takes Kerberos only.
    #[error("cluster wants Kerberos, which this version lacks (server accepts: {offered})")]
    KerberosWanted {
        /// What the server accepts, in its own words.
        offered: String,
    },
    /// We hold a token, the server takes none.
    #[error("server does not accept tokens (it accepts: {offered})")]
    TokenNotOffered {
        /// What the server accepts.
        offered: String,
    },
    /// The digest exchange failed on our side.
    #[error("authenticate by token")]
    Digest(#[from] DigestError),
    /// The server refused.
    #[error("server refused the connection")]
    Refused(#[source] RemoteError),
    /// The server sent something that has no place here.
    #[error("server sent {what} while the connection was being set up")]
    Unexpected {
        /// What it was.
        what: &'static str,
    },
    /// The server's bytes are not RPC.
    #[error("read the server's answer")]
    Frame(#[from] FrameError),
}

impl HandshakeError {
    /// What a fatal answer means on a connection that was authenticated in this way. SIMPLE authentication is never
    /// answered when it is accepted, so a refusal can arrive after [`Step::Done`], in place of the first answer.
    pub fn from_refusal(authentication: &Authentication, error: RemoteError) -> Self {
        let simple = matches!(authentication, Authentication::Simple { .. });
        let unauthorized = error.detail == Some(RpcErrorCode::FatalUnauthorized);
        if simple && unauthorized && error.is(ACCESS_CONTROL_EXCEPTION) {
            return Self::KerberosWanted { offered: error.message };
        }
        Self::Refused(error)
    }
}

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Write these bytes, read one frame, give it to [`Handshake::receive`].
    Continue(Bytes),
    /// Write these bytes; calls may follow at once, through `wrap`.
    Done {
        /// The rest of the set-up.
        send: Bytes,
        /// Between all later frames and the socket.
        wrap: Wrap,
    },
}

/// The client's side of setting up one connection.
#[derive(Debug)]
pub struct Handshake {
    authentication: Authentication,
    protocol: String,
    client: ClientId,
    client_nonce: String,
    state: State,
}

#[derive(Debug)]
enum State {
    Fresh,
    Negotiating,
    AwaitingProof(DigestExchange),
    Over,
}

impl Handshake {
    /// A handshake for one protocol. `client_nonce` is fresh printable randomness without quotes, such as 16 random
    /// bytes in hex; only token authentication uses it.
    pub fn new(authentication: Authentication, protocol: &str, client: ClientId, client_nonce: String) -> Self {
        Self { authentication, protocol: protocol.to_owned(), client, client_nonce, state: State::Fresh }
    }

    /// The first bytes on the connection.
    pub fn start(&mut self) -> Step {
        match &self.authentication {
            Authentication::Simple { user } => {
                self.state = State::Over;
                let context = encode_context(&self.client, &self.protocol, Some(user));
                Step::Done { send: with_header(AUTH_NONE, &context), wrap: Wrap::None }
            }
            Authentication::Token(_) => {
                self.state = State::Negotiating;
                let negotiate = RpcSasl { state: SaslState::Negotiate as i32, ..RpcSasl::default() };
                Step::Continue(with_header(AUTH_SASL, &encode_sasl(&negotiate)))
            }
        }
    }

    /// Takes the server's next frame.
    pub fn receive(&mut self, frame: Bytes) -> Result<Step, HandshakeError> {
        let message = self.decode(frame)?;
        match std::mem::replace(&mut self.state, State::Over) {
            State::Negotiating => self.initiate(message),
            State::AwaitingProof(exchange) => self.finish(&exchange, &message),
            State::Fresh => Err(HandshakeError::Unexpected { what: "a message before ours" }),
            State::Over => Err(HandshakeError::Unexpected { what: "a message after the end" }),
        }
    }

    fn decode(&self, frame: Bytes) -> Result<RpcSasl, HandshakeError> {
        match decode_response(frame)? {
            Response::Failure { error, .. } => Err(HandshakeError::from_refusal(&self.authentication, error)),
            Response::Success { call_id: CALL_ID_SASL, body } => {
                RpcSasl::decode(body).map_err(|source| FrameError::Malformed { what: "SASL message", source }.into())
            }
            Response::Success { .. } => Err(HandshakeError::Unexpected { what: "the answer to a call" }),
        }
    }

    fn initiate(&mut self, offer: RpcSasl) -> Result<Step, HandshakeError> {
        let Authentication::Token(token) = &self.authentication else {
            return Err(HandshakeError::Unexpected { what: "a SASL message" });
        };
        if offer.state == SaslState::Success as i32 {
            return Err(HandshakeError::TokenNotOffered { offered: "SIMPLE".to_owned() });
        }
        if offer.state != SaslState::Negotiate as i32 {
            return Err(HandshakeError::Unexpected { what: "a SASL message out of turn" });
        }
        let auth = choose_token(offer.auths)?;
        let response = respond_to(&auth, token, &self.client_nonce)?;
        self.state = State::AwaitingProof(response.exchange);
        // The server compares with its own offer: everything is echoed but the challenge.
        let initiate = RpcSasl {
            state: SaslState::Initiate as i32,
            token: Some(Bytes::from(response.message)),
            auths: vec![SaslAuth { challenge: None, ..auth }],
            ..RpcSasl::default()
        };
        Ok(Step::Continue(encode_sasl(&initiate)))
    }

    fn finish(&self, exchange: &DigestExchange, message: &RpcSasl) -> Result<Step, HandshakeError> {
        if message.state != SaslState::Success as i32 {
            return Err(HandshakeError::Unexpected { what: "another challenge" });
        }
        exchange.verify(message.token.as_deref().unwrap_or_default())?;
        Ok(Step::Done { send: encode_context(&self.client, &self.protocol, None), wrap: Wrap::None })
    }
}

fn choose_token(auths: Vec<SaslAuth>) -> Result<SaslAuth, HandshakeError> {
    let offered = auths.iter().map(|auth| auth.method.as_str()).collect::<Vec<_>>().join(", ");
    let kerberos = auths.iter().any(|auth| auth.method == METHOD_KERBEROS);
    let token = auths.into_iter().find(|auth| auth.method == METHOD_TOKEN && auth.mechanism == MECHANISM_DIGEST);
    match token {
        Some(auth) => Ok(auth),
        None if kerberos => Err(HandshakeError::KerberosWanted { offered }),
        None => Err(HandshakeError::TokenNotOffered { offered }),
    }
}

fn respond_to(auth: &SaslAuth, token: &Token, client_nonce: &str) -> Result<DigestResponse, DigestError> {
    let uri =
        format!("{}/{}", auth.protocol.as_deref().unwrap_or_default(), auth.server_id.as_deref().unwrap_or_default());
    respond(auth.challenge.as_deref().unwrap_or_default(), token, &uri, client_nonce)
}

fn with_header(auth: u8, rest: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(HEADER.len() + 1 + rest.len());
    bytes.extend_from_slice(&HEADER);
    bytes.extend_from_slice(&[auth]);
    bytes.extend_from_slice(rest);
    bytes.freeze()
}
