//! bzip2: streams one after the other.

use bzip2::{Decompress, Error, Status};

use super::codec::{Codec, Fault, Step, since};

/// A decoder of bzip2 files; none inside between streams.
#[derive(Default)]
pub(super) struct Bzip2 {
    stream: Option<Decompress>,
}

impl Codec for Bzip2 {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        if self.stream.is_none() && input.is_empty() {
            return Ok(Step::default());
        }
        let stream = self.stream.get_or_insert_with(|| Decompress::new(false));
        let step = step(stream, input, output)?;
        if step.border {
            self.stream = None;
        }
        Ok(step)
    }

    fn may_end(&self) -> bool {
        self.stream.is_none()
    }
}

/// One step of one stream.
pub(super) fn step(stream: &mut Decompress, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
    let (read, written) = (stream.total_in(), stream.total_out());
    let status = stream.decompress(input, output);
    let read = since(read, stream.total_in());
    match status {
        Ok(status) => {
            Ok(Step { read, written: since(written, stream.total_out()), border: matches!(status, Status::StreamEnd) })
        }
        Err(error) => Err(Fault::Corrupt { read, reason: reason(error).to_owned() }),
    }
}

fn reason(error: Error) -> &'static str {
    match error {
        Error::DataMagic => "no bzip2 stream begins here",
        Error::Data => "a block contradicts its checksum, or cannot be decoded",
        Error::Sequence | Error::Param => "the decoder cannot go on",
    }
}
