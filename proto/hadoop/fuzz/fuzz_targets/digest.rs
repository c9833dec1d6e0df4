//! Challenges of a server.
#![no_main]

use hadoop_wire::credentials::Token;
use hadoop_wire::sasl::digest::respond;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(response) = respond(data, &Token::default(), "/default", "nonce") {
        let _ = response.exchange.verify(data);
    }
});
