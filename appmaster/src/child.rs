//! `run`: the user's command as a child of the application master.

mod shell;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use crate::spec::Command;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What a shell would report: the command's own code, or 128 + the signal that ended it.
    pub code: i32,
}

/// The command could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no such program.
    #[error("start {program}: no such program in the container; is it in --env or --files, and does PATH lead to it?")]
    Missing {
        /// First word of the command.
        program: String,
    },
    /// It is there but not executable.
    #[error("start {program}: permission denied; it has lost its executable bit: chmod +x it before it is packed")]
    NotExecutable {
        /// First word of the command.
        program: String,
    },
    /// Anything else.
    #[error("start {program}")]
    Other {
        /// First word of the command.
        program: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The submission held no words.
    #[error("start the command: it is empty")]
    Empty,
}

impl StartError {
    /// What a shell would return: 127 for a missing program, 126 for one that cannot be executed.
    pub fn exit_code(&self) -> i32 {
        match self {
            StartError::Missing { .. } | StartError::Empty => 127,
            StartError::NotExecutable { .. } | StartError::Other { .. } => 126,
        }
    }
}

/// What a command finds around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Variables, on top of our own.
    pub variables: BTreeMap<String, String>,
    /// A directory of shell scripts that export more.
    pub scripts: Option<PathBuf>,
}

/// A running command.
pub struct Child {
    process: tokio::process::Child,
}

impl Child {
    /// Starts `command` with `surroundings` on top of our own. Its output goes where ours goes (the container's stdout and
    /// stderr files), its input is empty.
    pub fn start(command: &Command, surroundings: &Surroundings) -> Result<Self, StartError> {
        let Surroundings { variables, scripts } = surroundings;
        let (program, arguments) = command.argv.split_first().ok_or(StartError::Empty)?;
        let found = find(program, variables.get("PATH"));
        let mut process = match scripts {
            Some(scripts) => shell::after_scripts(scripts, &command.environment, &found),
            None => tokio::process::Command::new(found),
        };
        process.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        process.envs(variables).envs(&command.environment);
        match process.spawn() {
            Ok(process) => Ok(Child { process }),
            Err(source) => Err(StartError::of(program, source)),
        }
    }

    /// Waits for its end.
    pub async fn wait(&mut self) -> std::io::Result<Ending> {
        Ok(Ending::of(self.process.wait().await?))
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        let pid = self.process.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid {
            // It may have ended already, which is what we want.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

impl StartError {
    fn of(program: &str, source: std::io::Error) -> Self {
        let program = program.to_owned();
        let kind = source.kind();
        if kind == std::io::ErrorKind::NotFound {
            StartError::Missing { program }
        } else if kind == std::io::ErrorKind::PermissionDenied {
            StartError::NotExecutable { program }
        } else {
            StartError::Other { program, source }
        }
    }
}

impl Ending {
    fn of(status: ExitStatus) -> Self {
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        Ending { code: code.unwrap_or(70) }
    }
}

/// The file that `program` names: looked up in the child's `PATH`, not in ours, and in the working directory too, where
/// YARN has put the user's files.
fn find(program: &str, path: Option<&String>) -> PathBuf {
    if program.contains('/') {
        return program.into();
    }
    let directories = path.map(String::as_str).unwrap_or_default();
    let candidates = std::env::split_paths(directories).map(|directory| directory.join(program));
    let mut found = candidates.filter(|candidate| candidate.is_file());
    found.next().unwrap_or_else(|| {
        let here = Path::new("./").join(program);
        if here.is_file() { here } else { program.into() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(argv: &[&str]) -> Command {
        Command { argv: argv.iter().map(|word| (*word).to_owned()).collect(), environment: BTreeMap::new() }
    }

    fn path() -> Surroundings {
        let variables = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        Surroundings { variables, scripts: None }
    }

    async fn code(argv: &[&str]) -> i32 {
        let mut child = Child::start(&command(argv), &path()).unwrap();
        child.wait().await.unwrap().code
    }

    #[tokio::test]
    async fn codes_and_signals_are_those_of_a_shell() {
        assert_eq!(code(&["true"]).await, 0);
        assert_eq!(code(&["sh", "-c", "exit 7"]).await, 7);
        assert_eq!(code(&["sh", "-c", "kill -9 $$"]).await, 137);
    }

    #[tokio::test]
    async fn arguments_are_passed_as_they_are() {
        assert_eq!(code(&["sh", "-c", "test \"$1\" = 'a \"b\" $HOME `x`'", "-", "a \"b\" $HOME `x`"]).await, 0);
    }

    #[tokio::test]
    async fn a_lost_executable_bit_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tool");
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        let error = Child::start(&command(&[file.to_str().unwrap()]), &path()).err().unwrap();
        assert!(error.to_string().contains("chmod +x"), "{error}");
        assert_eq!(error.exit_code(), 126);
        let error = Child::start(&command(&["no-such-tool"]), &path()).err().unwrap();
        assert!(matches!(error, StartError::Missing { .. }));
        assert_eq!(error.exit_code(), 127);
    }

    #[tokio::test]
    async fn it_can_be_asked_to_end() {
        let mut child = Child::start(&command(&["sleep", "600"]), &path()).unwrap();
        child.terminate();
        assert_eq!(child.wait().await.unwrap().code, 143);
    }
}
