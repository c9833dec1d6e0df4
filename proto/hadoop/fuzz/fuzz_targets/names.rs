//! Identifiers: what is read comes back, up to zeros in front.
#![no_main]

use hadoop_wire::names::{ApplicationAttemptId, ApplicationId, ContainerId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = (text.parse::<ApplicationId>(), text.parse::<ApplicationAttemptId>());
    if let Ok(id) = text.parse::<ContainerId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
});
