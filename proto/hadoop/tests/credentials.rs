//! Token files, recorded from Hadoop.
#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::Bytes;
use hadoop_wire::Message;
use hadoop_wire::credentials::{Credentials, CredentialsError, KIND_AM_RM, KIND_NM};
use hadoop_wire::messages::yarn::AmRmTokenIdentifier;
use hadoop_wire::names::ApplicationAttemptId;

const WRITABLE: &[u8] = include_bytes!("golden/container_tokens");
const PROTOBUF: &[u8] = include_bytes!("golden/container_tokens.pb");
const OF_A_MASTER: &[u8] = include_bytes!("golden/container_tokens_am");
const EMPTY: &[u8] = include_bytes!("golden/container_tokens_empty");

#[test]
fn both_formats_say_the_same() {
    let credentials = Credentials::decode(WRITABLE).unwrap();
    assert_eq!(credentials, Credentials::decode(PROTOBUF).unwrap());
    assert_eq!(credentials.secrets["k"], b"v"[..]);
    let token = credentials.token(KIND_AM_RM).unwrap();
    assert_eq!((token.identifier.len(), token.password.len(), token.service.as_str()), (17, 20, ""));
    assert!(credentials.token(KIND_NM).is_none());
}

#[test]
fn files_are_written_as_hadoop_writes_them() {
    for file in [WRITABLE, OF_A_MASTER, EMPTY] {
        assert_eq!(Credentials::decode(file).unwrap().encode(), file);
    }
}

#[test]
fn a_masters_token_names_its_attempt() {
    let credentials = Credentials::decode(OF_A_MASTER).unwrap();
    let identifier = credentials.token(KIND_AM_RM).unwrap().identifier.clone();
    let message = AmRmTokenIdentifier::decode(identifier).unwrap();
    let attempt = ApplicationAttemptId::try_from(&message.application_attempt_id.unwrap()).unwrap();
    assert_eq!(attempt.to_string(), "appattempt_1795208155150_0004_000001");
}

#[test]
fn damage_is_an_error_at_every_byte() {
    assert!(matches!(Credentials::decode(&b"HDTX\0"[..]), Err(CredentialsError::Magic)));
    assert!(matches!(Credentials::decode(&b"HDTS\x02"[..]), Err(CredentialsError::Format { format: 2 })));
    for end in 0..WRITABLE.len() {
        assert!(Credentials::decode(Bytes::from_static(&WRITABLE[..end])).is_err(), "cut at {end}");
    }
}

#[test]
fn debug_output_keeps_secrets() {
    let mut credentials = Credentials::decode(WRITABLE).unwrap();
    credentials.secrets.insert("bobbin.secret".to_owned(), Bytes::from_static(b"hush"));
    let shown = format!("{credentials:?}");
    assert!(shown.contains("bobbin.secret") && shown.contains(KIND_AM_RM));
    assert!(!shown.contains("hush") && !shown.contains("password"), "{shown}");
}
