//! What a worker and its child say to each other: a length of four bytes, so many bytes that serde and postcard make of a head,
//! and the raw bytes that the head announces.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Bytes of a head, at most: an argument can be a list of many results.
const MOST_BYTES: usize = 64 << 20;

/// From the worker.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// The program's way to the application, so many bytes. Said first.
    Home(u64),
    /// Call a function.
    Call(CallHead),
}

/// A call whose arguments follow.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CallHead {
    pub function: String,
    /// How deep the task is nested.
    pub generation: u32,
    /// Samples a second that are to be taken; 0 for none.
    pub samples: u32,
    /// The lengths of the arguments.
    pub arguments: Vec<Lengths>,
}

/// The bytes of one argument.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Lengths {
    One(u64),
    List(Vec<u64>),
}

/// From the child.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The call's result, so many bytes.
    Result(u64),
    /// The function has none, for this reason.
    Failed(String),
    /// It panicked.
    Panicked { what: String, backtrace: String },
    /// The task waits for others; or goes on.
    Waits(bool),
    /// What was found of the tasks until now, so many bytes.
    Samples(u64),
}

/// The head with its length.
pub(super) fn head<T: Serialize>(said: &T) -> Result<Vec<u8>, String> {
    let bytes = postcard::to_extend(said, vec![0; 4]).map_err(|error| error.to_string())?;
    let length = bytes.len() - 4;
    if length > MOST_BYTES {
        return Err(format!("its head has {length} bytes, more than {MOST_BYTES}"));
    }
    let mut bytes = bytes;
    bytes[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(bytes)
}

/// The length of the head that follows.
pub(super) fn head_length(bytes: [u8; 4]) -> Result<usize, String> {
    let length = u32::from_le_bytes(bytes) as usize;
    if length <= MOST_BYTES { Ok(length) } else { Err(format!("a head of {length} bytes")) }
}

/// What a head says.
pub(super) fn said<T: DeserializeOwned>(head: &[u8]) -> Result<T, String> {
    match postcard::take_from_bytes(head) {
        Ok((said, [])) => Ok(said),
        Ok((_, rest)) => Err(format!("{} bytes behind its head", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let arguments = vec![Lengths::One(7), Lengths::List(vec![0, 1 << 40])];
        let order = Order::Call(CallHead { function: "f".into(), generation: 2, samples: 100, arguments });
        let bytes = head(&order).unwrap();
        let length = head_length(bytes[..4].try_into().unwrap()).unwrap();
        assert_eq!(length, bytes.len() - 4);
        assert_eq!(said::<Order>(&bytes[4..]), Ok(order));
    }

    #[test]
    fn garbage_is_no_word() {
        assert!(head_length([0xff; 4]).is_err());
        for cut in 0..64_u8 {
            let garbage = vec![cut.wrapping_mul(37); usize::from(cut)];
            // It may mean something, or not: it never panics.
            let _ = said::<Answer>(&garbage);
        }
        assert!(said::<Answer>(&[9]).is_err());
        assert!(said::<Answer>(&[3, 1, 0]).is_err(), "one byte too many");
    }
}
