//! CRC32C of many chunks at once. One chunk alone waits for the latency of each instruction; four independent ones keep
//! the unit busy, and need no combining since each chunk's value is wanted by itself.

/// How many chunks are taken at a time.
const LANES: usize = 4;

/// Calls `each(index, crc)` for every chunk of `chunk` bytes in `data`; the last chunk may be shorter.
pub(crate) fn crc32c_of_chunks(data: &[u8], chunk: usize, mut each: impl FnMut(usize, u32)) {
    let group = chunk * LANES;
    let mut index = 0;
    let mut rest = data;
    while let Some((now, later)) = rest.split_at_checked(group).filter(|_| lanes_available()) {
        for crc in four_lanes(now, chunk) {
            each(index, crc);
            index += 1;
        }
        rest = later;
    }
    for one in rest.chunks(chunk) {
        each(index, crc32c::crc32c(one));
        index += 1;
    }
}

#[cfg(target_arch = "x86_64")]
fn lanes_available() -> bool {
    std::arch::is_x86_feature_detected!("sse4.2")
}

#[cfg(not(target_arch = "x86_64"))]
fn lanes_available() -> bool {
    false
}

/// The values of the four chunks of `group`, which is exactly as long as they are.
fn four_lanes(group: &[u8], chunk: usize) -> [u32; LANES] {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: `lanes_available` has found SSE4.2.
    unsafe {
        sse::four_lanes(group, chunk)
    }
    #[cfg(not(target_arch = "x86_64"))]
    std::array::from_fn(|lane| crc32c::crc32c(&group[lane * chunk..(lane + 1) * chunk]))
}

#[cfg(target_arch = "x86_64")]
mod sse {
    use std::arch::x86_64::{_mm_crc32_u8, _mm_crc32_u64};

    use super::LANES;

    #[target_feature(enable = "sse4.2")]
    pub(super) fn four_lanes(group: &[u8], chunk: usize) -> [u32; LANES] {
        let (first, rest) = group.split_at(chunk);
        let (second, rest) = rest.split_at(chunk);
        let (third, fourth) = rest.split_at(chunk);
        let lanes = [first, second, third, fourth].map(<[u8]>::as_chunks::<8>);
        let [a, b, c, d] = lanes.map(|(words, _)| words);
        let mut crc = [u64::from(u32::MAX); LANES];
        for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
            crc[0] = _mm_crc32_u64(crc[0], u64::from_le_bytes(*a));
            crc[1] = _mm_crc32_u64(crc[1], u64::from_le_bytes(*b));
            crc[2] = _mm_crc32_u64(crc[2], u64::from_le_bytes(*c));
            crc[3] = _mm_crc32_u64(crc[3], u64::from_le_bytes(*d));
        }
        let mut done = [0; LANES];
        for ((done, crc), (_, tail)) in done.iter_mut().zip(crc).zip(lanes) {
            // The instruction leaves the upper half zero.
            *done = !tail.iter().fold(crc as u32, |crc, byte| _mm_crc32_u8(crc, *byte));
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn equals_one_chunk_at_a_time(data in proptest::collection::vec(any::<u8>(), 0..6000), chunk in 1usize..700) {
            let mut seen = Vec::new();
            crc32c_of_chunks(&data, chunk, |index, crc| seen.push((index, crc)));
            let expected: Vec<_> = data.chunks(chunk).map(crc32c::crc32c).enumerate().collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
