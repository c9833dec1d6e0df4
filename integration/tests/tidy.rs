//! Rules that lints cannot express: who may use whom, what every file begins with, and what stays out of all of them.
#![allow(clippy::unwrap_used, reason = "the helpers are tests too: what they cannot read fails them")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::{Table, Value};

/// The longest file; one that needs more has two subjects.
const MOST_LINES: usize = 600;

/// Who may use whom among our own crates. What may use the Hadoop client may use its messages too.
const MAY_USE: [(&str, &[&str]); 18] = [
    ("bobbin-proto", &[]),
    ("bobbin-link", &["bobbin-proto"]),
    ("hadoop-wire", &[]),
    ("bobbin-core", &[]),
    ("hadoop-client", &["hadoop-wire"]),
    ("bobbin-appmaster", &["bobbin-core", "bobbin-link", "bobbin-proto", "hadoop-client", "hadoop-wire"]),
    ("bobbin-blocks", &["hadoop-client", "hadoop-wire"]),
    ("bobbin-parse", &[]),
    ("bobbin-task", &["bobbin-blocks", "bobbin-proto"]),
    ("bobbin-engine", &["bobbin-blocks", "bobbin-parse", "bobbin-task"]),
    (
        "bobbin-worker",
        &["bobbin-blocks", "bobbin-engine", "bobbin-link", "bobbin-packager", "bobbin-proto", "bobbin-task"],
    ),
    ("bobbin-macros", &[]),
    (
        "bobbin",
        &[
            "bobbin-appmaster",
            "bobbin-blocks",
            "bobbin-core",
            "bobbin-engine",
            "bobbin-link",
            "bobbin-macros",
            "bobbin-packager",
            "bobbin-proto",
            "bobbin-task",
            "bobbin-worker",
            "hadoop-client",
            "hadoop-wire",
        ],
    ),
    ("bobbin-packager", &[]),
    ("examples", &["bobbin"]),
    ("simulator", &["bobbin-core"]),
    (
        "yarn-submit",
        &[
            "bobbin",
            "bobbin-appmaster",
            "bobbin-blocks",
            "bobbin-core",
            "bobbin-engine",
            "bobbin-link",
            "bobbin-packager",
            "bobbin-parse",
            "bobbin-proto",
            "bobbin-worker",
            "hadoop-client",
            "hadoop-wire",
        ],
    ),
    (
        "integration",
        &[
            "bobbin",
            "bobbin-appmaster",
            "bobbin-blocks",
            "bobbin-core",
            "bobbin-engine",
            "bobbin-link",
            "bobbin-packager",
            "bobbin-parse",
            "bobbin-proto",
            "bobbin-worker",
            "hadoop-client",
            "hadoop-wire",
            "simulator",
        ],
    ),
];

/// Crates of others that only these of ours may use.
const RESERVED: [(&str, &[&str]); 3] = [
    ("datafusion", &["bobbin-engine", "bobbin", "yarn-submit", "integration"]),
    ("datafusion-proto", &["bobbin-engine"]),
    ("hdfs-native", &["bobbin-appmaster", "bobbin-blocks", "bobbin", "yarn-submit", "integration"]),
];

/// What the crate of the decisions may use: nothing that reads a clock, a socket or a die.
const CORE_MAY_USE: [&str; 1] = ["thiserror"];

/// The folders of the project.
const FOLDERS: [&str; 6] = ["appmaster", "examples", "integration", "packager", "proto", "worker"];

/// The files beside them.
const FILES: [&str; 9] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "rustfmt.toml",
];

/// The one place in a crate where unsafe code may be allowed.
const UNSAFE_HOMES: [&str; 7] = [
    "worker/blocks/",
    "worker/parse/",
    "worker/task/src/sys",
    "appmaster/src/sys",
    "packager/src/sys",
    "integration/src/sys",
    "integration/simulator/src/sys",
];

#[test]
fn crates_use_whom_they_may() {
    let mut wrong = Vec::new();
    let table = BTreeMap::from(MAY_USE);
    for (package, dependencies) in packages() {
        let Some(allowed) = table.get(package.as_str()) else {
            wrong.push(format!("{package} is not in the table of who may use whom"));
            continue;
        };
        let ours = dependencies.iter().filter(|name| table.contains_key(name.as_str()));
        wrong
            .extend(ours.filter(|name| !allowed.contains(&name.as_str())).map(|name| format!("{package} uses {name}")));
        for (name, users) in RESERVED {
            if dependencies.contains(name) && !users.contains(&package.as_str()) {
                wrong.push(format!("{package} uses {name}, which only {users:?} may"));
            }
        }
        if package == "bobbin-core" {
            let others = dependencies.iter().filter(|name| !CORE_MAY_USE.contains(&name.as_str()));
            wrong.extend(others.map(|name| format!("{package} uses {name}, but the core is pure")));
        }
    }
    check(wrong);
}

#[test]
fn every_file_says_what_it_is_for() {
    let files = sources().into_iter().filter(|path| !generated(path));
    let silent = files.filter(|path| !read(path).starts_with("//!"));
    check(silent.map(|path| format!("{} does not begin with //!", shown(&path))));
}

#[test]
fn files_have_one_subject() {
    let mut wrong = Vec::new();
    for path in sources().into_iter().filter(|path| !generated(path)) {
        let lines = read(&path).lines().count();
        if lines > MOST_LINES {
            wrong.push(format!("{} has {lines} lines, more than {MOST_LINES}", shown(&path)));
        }
    }
    check(wrong);
}

#[test]
fn tests_neither_sleep_nor_hide() {
    // Put together, so that this file does not find itself.
    let banned = [["#[", "ignore"].concat(), ["thread::", "sleep"].concat()];
    let mut wrong = Vec::new();
    for path in sources() {
        let text = read(&path);
        wrong.extend(
            banned.iter().filter(|word| text.contains(*word)).map(|word| format!("{} has {word}", shown(&path))),
        );
    }
    check(wrong);
}

#[test]
fn unsafe_code_stays_at_home() {
    let allowance = ["allow(", "unsafe_code"].concat();
    let users = sources().into_iter().filter(|path| read(path).contains(&allowance)).map(|path| shown(&path));
    let away = users.filter(|path| !UNSAFE_HOMES.iter().any(|home| path.starts_with(home)));
    check(away.map(|path| format!("{path} allows unsafe code")));
}

#[test]
fn folders_are_those_of_the_design() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(root()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let known = FOLDERS.contains(&name.as_str()) || name == "target" || name.starts_with('.');
        if entry.file_type().unwrap().is_dir() && !known {
            wrong.push(format!("{name}/ is no folder of the project"));
        }
    }
    check(wrong);
}

#[test]
fn nothing_was_left_beside_the_folders() {
    let kept = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    // A checkout without its history has nothing that could have been kept by mistake.
    let Some(kept) = kept.ok().filter(|kept| kept.status.success()) else { return };
    let kept = String::from_utf8(kept.stdout).unwrap();
    let beside = kept.split('\0').filter(|path| !path.is_empty() && !path.contains('/') && !path.starts_with('.'));
    let wrong = beside.filter(|name| !FILES.contains(name)).map(|name| format!("{name} is no file of the project"));
    check(wrong.collect::<Vec<_>>());
}

#[test]
fn documents_name_no_machine() {
    let mut wrong = Vec::new();
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        let text = fs::read_to_string(root().join(name)).unwrap_or_default();
        for (number, line) in (1..).zip(text.lines()) {
            wrong.extend(machine_paths(line).map(|path| format!("{name}:{number} names {path}")));
        }
    }
    check(wrong);
}

#[test]
fn a_machine_path_is_found() {
    let found = |line| machine_paths(line).collect::<Vec<_>>();
    assert_eq!(found("see `/root/x`, (/home/me) and /tmp/abc"), ["/root/x", "/home/me", "/tmp/abc"]);
    assert!(found("logs are in /tmp/logs on HDFS, sources in integration/work/x, ~/tmp/x and hdfs:///data").is_empty());
}

/// The paths in a line that exist on one machine only. `/tmp/logs` is HDFS's.
fn machine_paths(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|letter: char| letter.is_whitespace() || "`'\"()<>,;=".contains(letter));
    words.filter(|word| {
        let places = ["/root", "/home/", "/work/", "/tmp/"];
        places.iter().any(|place| word.starts_with(place)) && !word.starts_with("/tmp/logs")
    })
}

fn check(wrong: impl IntoIterator<Item = String>) {
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Every package with the names of what it uses, other than for its tests.
fn packages() -> Vec<(String, BTreeSet<String>)> {
    let workspace = manifest(&root());
    let members = workspace["workspace"]["members"].as_array().unwrap();
    members.iter().map(|member| package(&root().join(member.as_str().unwrap()))).collect()
}

fn package(directory: &Path) -> (String, BTreeSet<String>) {
    let manifest = manifest(directory);
    let mut used = BTreeSet::new();
    for section in ["dependencies", "build-dependencies"] {
        used.extend(manifest.get(section).and_then(Value::as_table).into_iter().flat_map(names));
    }
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    for (_, target) in targets {
        used.extend(target.get("dependencies").and_then(Value::as_table).into_iter().flat_map(names));
    }
    (manifest["package"]["name"].as_str().unwrap().to_owned(), used)
}

/// What dependencies are called where they come from.
fn names(dependencies: &Table) -> impl Iterator<Item = String> {
    dependencies.iter().map(|(name, value)| value.get("package").and_then(Value::as_str).unwrap_or(name).to_owned())
}

fn manifest(directory: &Path) -> Table {
    read(&directory.join("Cargo.toml")).parse().unwrap()
}

/// Every Rust source of the project.
fn sources() -> Vec<PathBuf> {
    let mut all = Vec::new();
    for folder in FOLDERS {
        collect(&root().join(folder), &mut all);
    }
    assert!(all.len() > 20, "the sources are not where they are looked for");
    all
}

fn collect(directory: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "target" {
                collect(&path, all);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

/// Code that a program wrote.
fn generated(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "generated")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
