//! What the formats have in common: a machine that takes compressed bytes and gives others.

use super::Compression;
use super::bzip2::Bzip2;
use super::gzip::Gzip;
use super::zstd::Zstd;

/// A format's decoder. A file is a sequence of members: gzip's members, zstd's frames, bzip2's streams.
pub(super) trait Codec: Send {
    /// Takes some of `input` and fills some of `output`, which is not empty. An empty input asks for what is left inside.
    /// A step that neither takes nor gives wants more input.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault>;

    /// Whether the file may end here.
    fn may_end(&self) -> bool;
}

/// What one step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// Bytes taken from the input.
    pub(super) read: usize,
    /// Bytes given to the output.
    pub(super) written: usize,
    /// A member ended with this step.
    pub(super) border: bool,
}

/// Why a step failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The data is not what it should be, `read` bytes into this step's input.
    Corrupt { read: usize, reason: String },
    /// The frame needs more memory than we give.
    WindowTooLarge,
}

/// The decoder of a compression; none where there is nothing to decode.
pub(super) fn codec(compression: Compression) -> Option<Box<dyn Codec>> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some(Box::new(Gzip::default())),
        Compression::Zstd => Some(Box::new(Zstd::new())),
        Compression::Bzip2 => Some(Box::new(Bzip2::default())),
    }
}

/// Bytes that a library counted between `before` and `now`.
pub(super) fn since(before: u64, now: u64) -> usize {
    usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    const ALL: [Compression; 3] = [Compression::Gzip, Compression::Zstd, Compression::Bzip2];

    /// One member.
    fn compress(compression: Compression, content: &[u8]) -> Vec<u8> {
        let mut compressed = Vec::new();
        match compression {
            Compression::None => compressed.extend_from_slice(content),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(&mut compressed, flate2::Compression::fast());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap();
            }
            Compression::Zstd => zstd::stream::copy_encode(content, &mut compressed, 1).unwrap(),
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(&mut compressed, bzip2::Compression::fast());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap();
            }
        }
        compressed
    }

    /// Decodes with inputs and outputs of these lengths, round and round; the fault's place is that in `compressed`.
    fn decode(
        compression: Compression,
        compressed: &[u8],
        lengths: &[(usize, usize)],
    ) -> Result<Vec<u8>, (usize, String)> {
        let mut codec = codec(compression).unwrap();
        let (mut decoded, mut at) = (Vec::new(), 0);
        for (read, write) in lengths.iter().cycle() {
            let input = &compressed[at..compressed.len().min(at + read)];
            let mut output = vec![0; *write];
            let step = codec.step(input, &mut output).map_err(|fault| match fault {
                Fault::Corrupt { read, reason } => (at + read, reason),
                Fault::WindowTooLarge => (at, "window".to_owned()),
            })?;
            at += step.read;
            decoded.extend_from_slice(&output[..step.written]);
            if step.read == 0 && step.written == 0 {
                assert_eq!(at, compressed.len(), "{compression} stands still");
                break;
            }
        }
        if codec.may_end() { Ok(decoded) } else { Err((at, "truncated".to_owned())) }
    }

    fn content() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..2000),
            (any::<u8>(), 0..300_000_usize).prop_map(|(byte, len)| vec![byte; len]),
            "([a-z]{1,5},[0-9]{1,3}\n){0,300}".prop_map(String::into_bytes),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn any_cut_gives_the_same_bytes(
            members in prop::collection::vec(content(), 0..4),
            lengths in prop::collection::vec((1..5000_usize, 1..9000_usize), 1..5),
        ) {
            for compression in ALL {
                let compressed: Vec<u8> = members.iter().flat_map(|member| compress(compression, member)).collect();
                let decoded = decode(compression, &compressed, &lengths);
                prop_assert_eq!(decoded, Ok(members.concat()), "{}", compression);
            }
        }

        #[test]
        fn a_truncated_file_is_never_whole(content in content(), cut in any::<prop::sample::Index>()) {
            for compression in ALL {
                let compressed = compress(compression, &content);
                let cut = 1 + cut.index(compressed.len() - 1);
                let decoded = decode(compression, &compressed[..cut], &[(1000, 10_000)]);
                prop_assert_eq!(decoded, Err((cut, "truncated".to_owned())), "{} at {}", compression, cut);
            }
        }

        #[test]
        fn garbage_ends(garbage in prop::collection::vec(any::<u8>(), 1..500), content in content(), seed in any::<prop::sample::Index>()) {
            for compression in ALL {
                let _ = decode(compression, &garbage, &[(100, 100)]);
                let mut damaged = compress(compression, &content);
                let at = seed.index(damaged.len());
                damaged[at] ^= garbage[0];
                let _ = decode(compression, &damaged, &[(1000, 10_000)]);
            }
        }
    }

    #[test]
    fn zeros_may_follow_gzip_and_nothing_else() {
        let mut file = compress(Compression::Gzip, b"one");
        file.extend(compress(Compression::Gzip, b" two"));
        let end = file.len();
        file.extend([0; 700]);
        assert_eq!(decode(Compression::Gzip, &file, &[(100, 100)]).unwrap(), b"one two");
        file.push(7);
        assert_eq!(decode(Compression::Gzip, &file, &[(100, 100)]).unwrap_err().0, end + 700);
        file.truncate(end);
        file.extend(b"rubbish");
        assert!(decode(Compression::Gzip, &file, &[(100, 100)]).unwrap_err().0 <= end + 2);
    }

    #[test]
    fn frames_that_decoders_skip_are_skipped() {
        let mut file = vec![0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        file.extend(compress(Compression::Zstd, b"one"));
        file.extend([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
        for read in [1, 2, 7, 1000] {
            assert_eq!(decode(Compression::Zstd, &file, &[(read, 100)]).unwrap(), b"one");
        }
    }

    #[test]
    fn a_checksum_that_does_not_fit_is_a_fault() {
        let content = b"some bytes that are compressed".repeat(20);
        let check = |compression, at_end: usize| {
            let mut file = compress(compression, &content);
            let at = file.len() - at_end;
            file[at] ^= 1;
            assert!(decode(compression, &file, &[(1000, 10_000)]).is_err(), "{compression}");
        };
        check(Compression::Gzip, 5);
        check(Compression::Gzip, 1);
        check(Compression::Bzip2, 2);
        check(Compression::Bzip2, 30);
    }

    /// The header of a frame with a window of 2 to the power of `log`, and an empty last block.
    fn frame_with_window(log: u8) -> Vec<u8> {
        vec![0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 1, 0, 0]
    }

    #[test]
    fn windows_up_to_128_mib_are_accepted() {
        assert_eq!(decode(Compression::Zstd, &frame_with_window(27), &[(100, 100)]), Ok(Vec::new()));
        assert_eq!(decode(Compression::Zstd, &frame_with_window(28), &[(100, 100)]).unwrap_err().1, "window");
    }
}
