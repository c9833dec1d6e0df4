//! Exit codes, and the error that carries one.

use std::error::Error;
use std::fmt;

/// How the process ends. `run` and `wait` add the command's own codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The application failed without a code of its own.
    Failed,
    /// The application master went away before there was an answer: another attempt may give one.
    Abandoned,
    /// The command line, the configuration or the query is wrong.
    Usage,
    /// Input is missing or unreadable.
    Input,
    /// The cluster cannot be reached.
    Unavailable,
    /// A fault of ours.
    Internal,
    /// Not permitted.
    Permission,
    /// Ctrl-C.
    Interrupted,
    /// What the application's command, or a task, ended with.
    Code(u8),
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Failed | Exit::Abandoned => 1,
            Exit::Usage => 64,
            Exit::Input => 66,
            Exit::Unavailable => 69,
            Exit::Internal => 70,
            Exit::Permission => 77,
            Exit::Interrupted => 130,
            Exit::Code(code) => code,
        }
    }
}

/// Why a command failed: what the user reads, and the exit code.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure with a message of its own.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure { exit, message: message.into() }
    }

    /// A failure that says all that an error and its causes say.
    pub fn of(exit: Exit, error: &(dyn Error + 'static)) -> Self {
        Failure { exit, message: chain(error) }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// An error and its causes in one line. A cause that the text before it already ends with is not said twice.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let next = source.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("open a.csv")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_whole_chain_is_said_once() {
        let error = Outer(std::io::Error::other("disk is gone"));
        assert_eq!(Failure::of(Exit::Input, &error).to_string(), "open a.csv: disk is gone");
    }

    #[test]
    fn codes_are_those_of_the_contract() {
        let all = [Exit::Failed, Exit::Usage, Exit::Input, Exit::Unavailable, Exit::Internal, Exit::Permission];
        assert_eq!(all.map(Exit::code), [1, 64, 66, 69, 70, 77]);
        assert_eq!((Exit::Interrupted.code(), Exit::Code(7).code()), (130, 7));
    }
}
