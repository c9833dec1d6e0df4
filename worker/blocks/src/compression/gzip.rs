//! gzip: members one after the other, and zeros behind the last as tapes and block devices leave them.

use flate2::{Decompress, FlushDecompress, Status};

use super::codec::{Codec, Fault, Step, since};

/// The largest window there is; every gzip file can be read with it.
const WINDOW_BITS: u8 = 15;

/// A decoder of gzip files.
#[derive(Debug, Default)]
pub(super) struct Gzip {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// Before the first member: an empty file is one without members.
    #[default]
    Begin,
    /// In a member. The library checks its header, checksum and length.
    Member(Box<Decompress>),
    /// Behind a member.
    Between,
    /// In the zeros behind the last member.
    Padding,
}

impl Codec for Gzip {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        self.enter(input);
        match &mut self.state {
            State::Begin | State::Between => Ok(Step::default()),
            State::Padding => padding(input),
            State::Member(inflate) => {
                let step = member(inflate, input, output)?;
                if step.border {
                    self.state = State::Between;
                }
                Ok(step)
            }
        }
    }

    fn may_end(&self) -> bool {
        match self.state {
            State::Begin | State::Between | State::Padding => true,
            State::Member(_) => false,
        }
    }
}

impl Gzip {
    /// Goes from between members to what the next byte begins.
    fn enter(&mut self, input: &[u8]) {
        let begins = match (&self.state, input.first()) {
            (State::Member(_) | State::Padding, _) | (_, None) => return,
            (State::Between, Some(0)) => State::Padding,
            (State::Begin | State::Between, Some(_)) => State::Member(Box::new(Decompress::new_gzip(WINDOW_BITS))),
        };
        self.state = begins;
    }
}

fn member(inflate: &mut Decompress, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
    let (read, written) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, output, FlushDecompress::None);
    let read = since(read, inflate.total_in());
    match status {
        Ok(status) => {
            Ok(Step { read, written: since(written, inflate.total_out()), border: matches!(status, Status::StreamEnd) })
        }
        Err(error) => {
            Err(Fault::Corrupt { read, reason: error.message().unwrap_or("it cannot be decoded").to_owned() })
        }
    }
}

fn padding(input: &[u8]) -> Result<Step, Fault> {
    match input.iter().position(|byte| *byte != 0) {
        None => Ok(Step { read: input.len(), ..Step::default() }),
        Some(read) => Err(Fault::Corrupt { read, reason: "other bytes follow the zeros behind its end".to_owned() }),
    }
}
