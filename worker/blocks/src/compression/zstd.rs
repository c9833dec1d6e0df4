//! Zstandard: frames one after the other, among them such that decoders skip.

use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::codec::{Codec, Fault, Step};

/// The largest window that `zstd -d` accepts unasked: 128 MiB.
const WINDOW_LOG: u32 = 27;

/// Fewest bytes of a frame's header.
const SHORTEST_HEADER: usize = 5;

/// The library's number of the error that a frame wants a larger window; such numbers are pinned by its interface, and
/// an error is returned as its number below zero.
const WINDOW_TOO_LARGE: usize = 0_usize.wrapping_sub(16);

/// A decoder of zstd files.
pub(super) struct Zstd {
    context: DCtx<'static>,
    /// How many bytes the library wants next; 0 between frames.
    wanted: usize,
}

impl Zstd {
    pub(super) fn new() -> Zstd {
        let mut context = DCtx::create();
        let set = context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG));
        debug_assert!(set.is_ok(), "the library's own default");
        Zstd { context, wanted: 0 }
    }
}

impl Codec for Zstd {
    /// Gives the library just what it wants, one block at a time: it then decodes without a copy, and a fault is known to
    /// be in that block.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        if self.wanted == 0 && input.is_empty() {
            return Ok(Step::default());
        }
        let offered = input.len().min(self.wanted.max(SHORTEST_HEADER));
        let mut input = InBuffer::around(&input[..offered]);
        let mut output = OutBuffer::around(output);
        match self.context.decompress_stream(&mut output, &mut input) {
            Ok(wanted) => {
                self.wanted = wanted;
                Ok(Step { read: input.pos(), written: output.pos(), border: wanted == 0 })
            }
            Err(WINDOW_TOO_LARGE) => Err(Fault::WindowTooLarge),
            Err(code) => Err(Fault::Corrupt { read: 0, reason: get_error_name(code).to_lowercase() }),
        }
    }

    fn may_end(&self) -> bool {
        self.wanted == 0
    }
}
