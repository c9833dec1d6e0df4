//! Why one way to a block did not give its bytes, and what follows from it.

use std::error::Error;

/// What a failed attempt means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Our idea of the block is old, or its token expired: ask the NameNode again.
    Stale,
    /// This replica's bytes are wrong, or gone from its disk: another replica may be right.
    BadReplica,
    /// This way is shut for all blocks of the DataNode: leave it alone for a while.
    Closed,
    /// Nothing beyond this attempt.
    ThisOnce,
    /// This build cannot read such data at all.
    Never,
}

/// A failed attempt.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// What follows.
    pub(crate) meaning: Meaning,
    /// For people.
    pub(crate) reason: String,
}

impl Fault {
    /// A fault with a reason of ours.
    pub(crate) fn new(meaning: Meaning, reason: impl Into<String>) -> Fault {
        Fault { meaning, reason: reason.into() }
    }

    /// A fault whose reason is what we were doing and the whole chain of causes.
    pub(crate) fn because(meaning: Meaning, doing: &str, cause: &dyn Error) -> Fault {
        Fault { meaning, reason: format!("{doing}: {}", chain(cause)) }
    }
}

/// An error and its causes, outermost first.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
