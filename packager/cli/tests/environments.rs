//! `pack`, `unpack` and `verify` as a user types them.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A home of its own, so that nothing of ours is remembered elsewhere.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        fs::create_dir_all(home.0.path().join("tool/bin")).unwrap();
        fs::write(home.0.path().join("tool/bin/greet"), "#!/bin/sh\necho hello\n").unwrap();
        fs::set_permissions(home.0.path().join("tool/bin/greet"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("greet", home.0.path().join("tool/bin/hello")).unwrap();
        home
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yarn-submit"));
        for name in ["VIRTUAL_ENV", "CONDA_PREFIX", "SOURCE_DATE_EPOCH"] {
            command.env_remove(name);
        }
        command
            .args(words)
            .current_dir(self.0.path())
            .env("HOME", self.0.path())
            .env("XDG_CONFIG_HOME", "/nonexistent");
        command.env_remove("XDG_CACHE_HOME").env("RUST_BACKTRACE", "0");
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    fn good(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "", "{words:?}: quiet in a pipe");
        text(&output.stdout)
    }

    fn refused(&self, words: &[&str], code: i32, part: &str) {
        let output = self.run(words);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(part), "{words:?}: {said}");
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_directory_travels() {
    let home = Home::new();
    for name in ["tool.tar.gz", "tool.tar.zst", "tool.tar", "tool.zip"] {
        let said = home.good(&["pack", "--prefix", "tool", "-o", name]);
        assert!(said.contains(&format!("{name}: 1 files")) && said.contains("\nsha256 "), "{said}");
        let said = home.good(&["unpack", name, "-d", &format!("out/{name}")]);
        assert!(said.contains("entries"), "{said}");
        let hello = Command::new(home.path("out").join(name).join("bin/hello")).output().unwrap();
        assert_eq!(text(&hello.stdout), "hello\n");
        home.good(&["verify", name]);
    }
}

#[test]
fn the_active_environment_is_packed_under_its_own_name() {
    let home = Home::new();
    home.refused(&["pack"], 64, "no environment is active");
    let output = home.command(&["pack", "--quiet"]).env("VIRTUAL_ENV", home.path("tool")).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output.stderr));
    assert!(home.path("tool.tar.gz").is_file());
}

#[test]
fn an_unchanged_environment_is_noticed() {
    let home = Home::new();
    let words = ["pack", "--prefix", "tool", "-o", "tool.tar.gz"];
    let first = home.good(&words);
    let second = home.good(&words);
    assert!(second.contains("nothing has changed since it was packed"), "{second}");
    let hash = |said: &str| said.lines().find(|line| line.starts_with("sha256")).map(str::to_owned);
    assert_eq!(hash(&first), hash(&second));
    let sum = Command::new("sha256sum").arg(home.path("tool.tar.gz")).output().unwrap();
    assert!(text(&sum.stdout).starts_with(hash(&first).unwrap().trim_start_matches("sha256 ")));
    let fresh = home.good(&["pack", "--prefix", "tool", "-o", "tool.tar.gz", "--fresh"]);
    assert!(!fresh.contains("nothing has changed") && hash(&fresh) == hash(&first), "{fresh}");
    assert!(home.good(&words).contains("nothing has changed"), "what was packed anew is remembered, too");
    fs::write(home.path("mine.tar"), "mine").unwrap();
    home.refused(&["pack", "--prefix", "tool", "-o", "mine.tar", "--fresh"], 64, "replace it with --force");
}

#[test]
fn the_time_of_everything_can_be_chosen() {
    let home = Home::new();
    let output =
        home.command(&["pack", "--prefix", "tool", "-o", "a.tar"]).env("SOURCE_DATE_EPOCH", "1700000000").output();
    assert!(output.unwrap().status.success());
    let listed = Command::new("tar").args(["--utc", "-tvf"]).arg(home.path("a.tar")).output().unwrap();
    let listed = text(&listed.stdout);
    assert!(listed.lines().count() == 3 && listed.lines().all(|line| line.contains("2023-11-14 22:13")), "{listed}");
    assert!(listed.lines().all(|line| line.contains("0/0")), "{listed}");
}

#[test]
fn a_dry_run_tells_and_writes_nothing() {
    let home = Home::new();
    fs::create_dir(home.path("tool/doc")).unwrap();
    fs::write(home.path("tool/doc/manual.txt"), "words").unwrap();
    let words = ["pack", "--prefix", "tool", "--exclude", "doc", "--exclude", "*.txt", "--dry-run", "--report"];
    let said = home.good(&words);
    assert!(said.contains("left out: excluded (1, 5 B)\n  doc  5 B"), "{said}");
    assert!(said.contains("largest directories:") && said.contains("1 files  bin"), "{said}");
    let said = home.good(&[
        "pack",
        "--prefix",
        "tool",
        "--exclude",
        "doc",
        "--include",
        "doc",
        "--dry-run",
        "--json",
        "--report",
    ]);
    let value: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&value["files"], &value["kind"]), (&Value::from(2), &Value::from("directory")));
    assert!(
        fs::read_dir(home.0.path()).unwrap().all(|entry| entry.unwrap().file_name() == "tool"),
        "nothing is written"
    );
}

#[test]
fn what_is_wrong_is_said_with_its_code() {
    let home = Home::new();
    home.refused(&["pack", "--prefix", "nowhere"], 66, "nowhere: there is no such directory");
    home.refused(&["pack", "--prefix", "tool", "-o", "tool.rar"], 64, "end the name in .tar.gz");
    home.refused(&["pack", "--prefix", "tool", "-o", "tool/x.tar.gz"], 64, "inside of the environment");
    home.refused(&["pack", "--prefix", "tool", "--exclude", "[", "-o", "x.tar"], 64, "is no pattern");
    home.refused(&["pack", "--prefix", "tool", "--dest-prefix", "env"], 64, "must be absolute");
    home.refused(&["pack", "--prefix", "tool", "--requirements", "x"], 64, "cannot be used with");
    home.refused(&["pack", "--requirements", "nowhere.txt"], 66, "--requirements nowhere.txt: No such file");
    fs::write(home.path("mine.tar.gz"), "mine").unwrap();
    home.refused(&["pack", "--prefix", "tool", "-o", "mine.tar.gz"], 64, "replace it with --force");
    assert_eq!(fs::read_to_string(home.path("mine.tar.gz")).unwrap(), "mine");
    home.refused(&["unpack", "mine.tar.gz", "-d", "out"], 66, "its first bytes are not gzip's");
    home.refused(&["unpack", "nowhere.tar.gz", "-d", "out"], 66, "read archive nowhere.tar.gz: No such file");
    home.good(&["pack", "--prefix", "tool", "-o", "t.tar.zst"]);
    home.refused(&["unpack", "t.tar.zst", "-d", "tool"], 64, "is there and not empty");
    home.refused(&["unpack", "t.tar.zst", "-d", "out", "--max-entries", "1"], 66, "--max-entries");
    home.refused(&["verify", "t.tar.zst", "--import", "numpy"], 1, "");
    assert!(!home.path("out").exists());
}

#[test]
fn verification_fails_with_what_it_found() {
    let home = Home::new();
    fs::write(home.path("tool/bin/lost"), "#!/home/somebody/env/bin/python\n").unwrap();
    home.good(&["pack", "--prefix", "tool", "-o", "t.tar.gz"]);
    let output = home.run(&["verify", "t.tar.gz"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("bin/lost: is started by /home/somebody/env/bin/python"));
    let value: Value = serde_json::from_slice(&home.run(&["verify", "--json", "t.tar.gz"]).stdout).unwrap();
    assert_eq!(value["good"], Value::from(false));
}

/// A pipe keeps packing busy until the signal has come.
#[test]
fn an_interrupt_leaves_no_half_archive() {
    let home = Home::new();
    for number in 0..2000 {
        let bytes: Vec<u8> = (0..40_000_u32).map(|it| (it.wrapping_mul(2_654_435_761) ^ number) as u8).collect();
        fs::write(home.path(&format!("tool/file{number}")), bytes).unwrap();
    }
    let words = ["pack", "--prefix", "tool", "-o", "t.tar.zst", "--level", "19", "--threads", "1"];
    let mut child = home.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_partial = |home: &Path| {
        fs::read_dir(home).unwrap().any(|entry| entry.unwrap().file_name().to_string_lossy().ends_with(".partial"))
    };
    while !is_partial(home.0.path()) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
        std::thread::yield_now();
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("interrupted; no archive was written"));
    assert!(!is_partial(home.0.path()) && !home.path("t.tar.zst").exists());
}
