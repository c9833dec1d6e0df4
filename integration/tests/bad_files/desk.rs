//! A user's directory, and commands that are run in it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use integration::wait;

use crate::support::Done;

/// How long a command may take on a busy machine; one that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// A directory for files, and one for what commands need for a while.
pub struct Desk {
    files: tempfile::TempDir,
    scratch: tempfile::TempDir,
}

/// A command that has been started.
pub struct Started {
    pub child: Child,
    before: BTreeSet<PathBuf>,
    /// Part of the names of what it may leave in the directory for temporary files.
    pub may_leave: Option<&'static str>,
}

impl Desk {
    /// Both directories, empty.
    pub fn new() -> Desk {
        Desk { files: tempfile::tempdir().unwrap(), scratch: tempfile::tempdir().unwrap() }
    }

    /// The directory of files.
    pub fn path(&self) -> &Path {
        self.files.path()
    }

    /// Writes a file. Statements call it by its name: commands run beside it.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs statements.
    pub fn sql(&self, text: &str) -> Done {
        self.run(&["sql", "--quiet", text])
    }

    /// The statements fail with this exit code, and the message has all of these words.
    pub fn refuses(&self, text: &str, code: i32, words: &[&str]) {
        let refused = self.sql(text).expect(code);
        refused.says(words);
        let wrong = ["report this", "panicked", "/deps/"].iter().find(|word| refused.stderr.contains(**word));
        assert!(wrong.is_none() && refused.stdout.is_empty(), "{}\n{}", refused.stdout, refused.stderr);
    }

    /// Runs `yarn-submit`.
    pub fn run(&self, words: &[&str]) -> Done {
        self.end(self.start(integration::yarn_submit().unwrap(), words))
    }

    /// Starts a program.
    pub fn start(&self, program: impl AsRef<Path>, words: &[&str]) -> Started {
        let before = below(self.path());
        let mut command = Command::new(program.as_ref());
        command.args(words).current_dir(self.path()).env("TMPDIR", self.scratch.path());
        command.env("XDG_CONFIG_HOME", "/nonexistent").env("RUST_BACKTRACE", "0").env_remove("BOBBIN_MASTER");
        command.stdin(Stdio::null()).stdout(self.printed("stdout")).stderr(self.printed("stderr"));
        Started { child: command.spawn().unwrap(), before, may_leave: None }
    }

    /// Waits for its end, and looks at what it has left.
    pub fn end(&self, mut started: Started) -> Done {
        let ended = wait::until(LIMIT, || started.child.try_wait().unwrap());
        if ended.is_none() {
            started.child.kill().unwrap();
            started.child.wait().unwrap();
        }
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| {
            let path = self.scratch.path().join(name);
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            fs::remove_file(path).unwrap();
            text
        });
        let Some(status) = ended else { panic!("it hangs:\n{stdout}\n{stderr}") };
        let mut left = below(self.scratch.path());
        left.retain(|path| !started.may_leave.is_some_and(|name| path.to_string_lossy().contains(name)));
        assert!(left.is_empty(), "this is left: {left:?}\n{stderr}");
        let made: Vec<PathBuf> = below(self.path()).difference(&started.before).cloned().collect();
        assert!(made.is_empty(), "this has been made: {made:?}\n{stderr}");
        Done { code: status.code().unwrap_or(-1), stdout, stderr }
    }

    /// Files instead of pipes: nobody has to read while it runs.
    fn printed(&self, name: &str) -> File {
        File::create(self.scratch.path().join(name)).unwrap()
    }
}

/// Every path below a directory.
fn below(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(below(&entry.path()));
        }
        found.insert(entry.path());
    }
    found
}
