//! Frames of a server, during the handshake and after it.
#![no_main]

use bytes::Bytes;
use hadoop_wire::credentials::Token;
use hadoop_wire::rpc::{Authentication, ClientId, FrameSplitter, Handshake, decode_response};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = decode_response(Bytes::copy_from_slice(data));
    let mut frames = FrameSplitter::with_limit(1 << 20);
    frames.push(data);
    let authentication = Authentication::Token(Token::default());
    let mut handshake = Handshake::new(authentication, "protocol", ClientId::new([0; 16]), "nonce".to_owned());
    handshake.start();
    while let Ok(Some(frame)) = frames.next_frame() {
        let _ = decode_response(frame.clone());
        let _ = handshake.receive(frame);
    }
});
