//! Aggregated log files of both formats.
#![no_main]

use bytes::Bytes;
use hadoop_wire::aggregated_logs::{AggregatedLogs, Part};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut read = |offset: u64, length: usize| {
        let start = data.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
        Ok(Bytes::copy_from_slice(&data[start..data.len().min(start.saturating_add(length))]))
    };
    let Ok(logs) = AggregatedLogs::open(data.len() as u64, &mut read) else { return };
    for log in logs.logs.iter().take(10) {
        let _ = log.read(Part::Tail(1 << 16), &mut read, &mut |_| Ok(()));
    }
});
