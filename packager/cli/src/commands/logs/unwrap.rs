//! What a container has printed, out of what a NodeManager's web service answers: it writes lines of its own before and
//! behind each file.
//!
//! ```text
//! Container: container_… on host:port
//! LogAggregationType: LOCAL
//! ===…
//! LogType:stdout
//! LogLastModifiedTime:…
//! LogLength:12
//! LogContents:
//! twelve bytesEnd of LogType:stdout.…
//! ```

use bytes::Bytes;

/// How every answer begins; what begins otherwise is taken as it is.
const BEGIN: &[u8] = b"Container: ";
const LENGTH: &[u8] = b"\nLogLength:";
const CONTENTS: &[u8] = b"\nLogContents:\n";
/// A heading is shorter.
const LONGEST: usize = 64 << 10;

/// An answer as it arrives.
#[derive(Debug)]
pub enum Answer {
    /// The heading is not whole yet.
    Heading(Vec<u8>),
    /// So many bytes of the file are yet to come; the rest is the NodeManager's again.
    File(u64),
}

impl Answer {
    /// An answer of which nothing has arrived.
    pub fn new() -> Answer {
        Answer::Heading(Vec::new())
    }

    /// Takes in the next piece and gives what of it belongs to the file.
    pub fn push(&mut self, piece: Bytes) -> Bytes {
        match self {
            Answer::File(left) => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(piece.len());
                *left -= count as u64;
                piece.slice(..count)
            }
            Answer::Heading(arrived) => {
                arrived.extend_from_slice(&piece);
                let Some((end, length)) = heading(arrived) else { return Bytes::new() };
                let rest = Bytes::from(std::mem::take(arrived)).slice(end..);
                *self = Answer::File(length);
                self.push(rest)
            }
        }
    }

    /// What is left at the end: an answer so short that it might have been a heading.
    pub fn finish(self) -> Bytes {
        match self {
            Answer::File(_) => Bytes::new(),
            Answer::Heading(arrived) => arrived.into(),
        }
    }
}

/// Where the heading ends, and the length of the file; `None` while that is not known.
fn heading(arrived: &[u8]) -> Option<(usize, u64)> {
    let everything = Some((0, u64::MAX));
    let known = arrived.len().min(BEGIN.len());
    if arrived[..known] != BEGIN[..known] {
        return everything;
    }
    let Some(contents) = find(arrived, CONTENTS) else { return everything.filter(|_| arrived.len() > LONGEST) };
    let length = find(&arrived[..contents], LENGTH).map(|at| &arrived[at + LENGTH.len()..contents]);
    let digits = length.and_then(|rest| rest.split(|byte| *byte == b'\n').next());
    let length = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.trim().parse().ok());
    length.map_or(everything, |length| Some((contents + CONTENTS.len(), length)))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrap(answer: &str, size: usize) -> String {
        let mut unwrapped = Answer::new();
        let mut file = Vec::new();
        for piece in answer.as_bytes().chunks(size) {
            file.extend_from_slice(&unwrapped.push(Bytes::copy_from_slice(piece)));
        }
        file.extend_from_slice(&unwrapped.finish());
        String::from_utf8(file).unwrap()
    }

    #[test]
    fn the_file_comes_out_wherever_the_answer_is_cut() {
        let file = "one\nLogContents:\nEnd of LogType:stdout\n";
        let wrapped = format!(
            "Container: container_1 on w1:8041\nLogAggregationType: LOCAL\n====\nLogType:stdout\n\
             LogLastModifiedTime:Sat Nov 21\nLogLength:{}\nLogContents:\n{file}End of LogType:stdout.This log file \
             belongs to a running container\n****\n\n",
            file.len()
        );
        for size in 1..wrapped.len() {
            assert_eq!(unwrap(&wrapped, size), file, "pieces of {size}");
        }
    }

    #[test]
    fn what_is_not_wrapped_stays_as_it_is() {
        for file in ["", "Con", "Container: of what?", "Contains\n", "Container: x\nLogLength:many\nLogContents:\nabc"]
        {
            assert_eq!(unwrap(file, 2), file);
        }
        let long = format!("Container: {}", "x".repeat(2 * LONGEST));
        assert_eq!(unwrap(&long, 1000), long);
    }
}
