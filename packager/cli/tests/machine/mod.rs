//! A machine without Hadoop for tests of sessions, and what commands on it come to.
#![allow(dead_code, clippy::unwrap_used, reason = "each user has its part; a panic is a failed test")]

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde_json::Value;

/// Longer than anything here takes.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A machine of a test's own: no Hadoop, no sessions yet, a table. What is left of its sessions ends with it.
pub struct Machine(pub tempfile::TempDir);

/// What a command came to.
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Machine {
    pub fn new() -> Machine {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("run")).unwrap();
        std::fs::write(directory.path().join("t.csv"), "id,kind,fare\n1,a,2.5\n2,b,\n3,a,4.0\n").unwrap();
        Machine(directory)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.clean(env!("CARGO_BIN_EXE_yarn-submit"));
        command.args(words);
        command
    }

    /// A program that finds nothing but this machine.
    pub fn clean(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("HADOOP") || name.starts_with("YARN") || name.starts_with("BOBBIN") {
                command.env_remove(&*name);
            }
        }
        command.current_dir(self.0.path()).env("XDG_CONFIG_HOME", "/nonexistent");
        command.env("XDG_RUNTIME_DIR", self.path("run")).env("RUST_BACKTRACE", "0");
        command
    }

    pub fn run(&self, words: &[&str]) -> Done {
        done(self.command(words).output().unwrap())
    }

    /// A session of this name, with more options.
    pub fn start(&self, name: &str, options: &[&str]) {
        // Elsewhere: what drivers say of files does not depend on where the session was started.
        let words = [&["session", "start", name, "--master", "local[2]"], options].concat();
        let started = done(self.command(&words).current_dir("/").output().unwrap()).expect(0);
        assert_eq!(started.stdout, format!("local-{name}\n"));
    }

    /// What `status` says of a session.
    pub fn status(&self, name: &str) -> Value {
        let told = self.run(&["status", &format!("local-{name}"), "--json"]).expect(0);
        serde_json::from_str(&told.stdout).unwrap()
    }

    /// Waits until `status` says so.
    pub fn until(&self, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let status = self.status(name);
            if is_so(&status) {
                return status;
            }
            assert!(began.elapsed() < LIMIT, "{status:#}");
        }
    }

    pub fn spawn(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.path("run/bobbin")).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(name) = name.strip_suffix(".sock") {
                // A test that has failed wants to say why.
                let _ = self.command(&["kill", &format!("local-{name}")]).output();
            }
        }
    }
}

impl Done {
    pub fn expect(self, code: i32) -> Done {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// It failed so, and says all of this.
    pub fn refused(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in {}", self.stderr);
        }
    }
}

pub fn done(output: Output) -> Done {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Done { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

pub fn number(status: &Value, key: &str) -> u64 {
    status[key].as_u64().unwrap_or_else(|| panic!("{key} of {status:#}"))
}

pub fn pid(status: &Value) -> Pid {
    Pid::from_raw(i32::try_from(number(status, "pid")).unwrap()).unwrap()
}

/// Waits until a process is no more, or only its parent has yet to notice.
pub fn until_gone(pid: Pid) {
    let began = Instant::now();
    let lives = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok();
        stat.is_some_and(|stat| !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X'])))
    };
    while lives() {
        assert!(began.elapsed() < LIMIT);
        std::thread::yield_now();
    }
}
