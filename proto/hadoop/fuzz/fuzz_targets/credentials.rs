//! Token files: what is read can be written and read again.
#![no_main]

use hadoop_wire::credentials::Credentials;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(credentials) = Credentials::decode(data.to_vec()) {
        assert_eq!(Credentials::decode(credentials.encode()).expect("our own file"), credentials);
    }
});
