//! The programs of the README's section on futures, as printed: here, and as driver and workers on the cluster.

use std::process::Output;

use integration::cluster::Host;
use integration::{program_beside, shared};

use super::support::Done;
use super::{block, root, shell};

const LARGEST: &str = "the largest of the squares is 998001";
const SECTION: &str = "    cargo run -p examples --bin word_count";

/// A command of cargo's, beside the one that runs this test: in the same target folder, from what is fetched already.
fn cargo(line: &str) -> Done {
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    let mut command = integration::cargo(env!("CARGO"));
    command.args(words).current_dir(root()).env_remove("BOBBIN_MASTER");
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Done { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}

#[test]
fn examples_run_as_printed() {
    let lines = block(SECTION);
    let answers: Vec<String> = lines.iter().map(|line| cargo(line).expect(0).stdout).collect();
    let [words, sum, search, line, largest] = &answers[..] else { panic!("{lines:?}") };
    assert_eq!(words.lines().count(), 10, "{words}");
    let first: Vec<&str> = words.lines().next().unwrap().split_whitespace().collect();
    let text = std::fs::read_to_string(root().join("README.md")).unwrap().to_lowercase();
    let really = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| *word == first[1]).count();
    assert_eq!(first[0], really.to_string(), "{words}");
    assert_eq!(sum.trim(), "the sum of the squares of 1 to 1000 is 333833500");
    assert!(search.starts_with("height 1.0"), "{search}");
    assert_eq!(line.trim(), "y = 3.0x + 2.0 after 2000 gradients");
    assert_eq!(largest.trim(), LARGEST);
}

#[test]
fn two_drivers_share_a_dataset() {
    let Some(cluster) = shared() else { return };
    let directory = tempfile::tempdir_in(cluster.directory()).unwrap();
    cargo("cargo build -p examples").expect(0);
    let program = program_beside("shared_dataset").unwrap();
    let lines = block("    yarn-submit session start numbers");
    let run = |line: &str| {
        let line = line.replace("target/release/shared_dataset", &program.display().to_string());
        shell(cluster, directory.path(), &line.replace(" --bin", " --workers 2 --worker-memory 512MiB --bin")).expect(0)
    };
    let [start, make, find, stop] = &lines[..] else { panic!("{lines:?}") };
    run(start);
    assert_eq!(run(make).stdout, "");
    assert_eq!(run(find).stdout.trim(), LARGEST);
    run(stop);
}

#[test]
fn a_program_is_driver_and_workers() {
    let Some(cluster) = shared() else { return };
    let directory = tempfile::tempdir_in(cluster.directory()).unwrap();
    cargo("cargo build -p examples").expect(0);
    let program = program_beside("word_count").unwrap();
    cluster.make_directory("/logs", "alice", "755").unwrap();
    let text: String = (0..20_000).map(|line| format!("line {line} of some words and words\n")).collect();
    cluster.put(text.as_bytes(), "/logs/one.txt", 2, Host::Edge).unwrap();
    let line = block("and on a cluster, with the blocks").remove(1);
    assert!(line.starts_with("yarn-submit run --bin target/release/word_count -- /logs"), "{line}");
    let line = line.replace("target/release/word_count", &program.display().to_string());
    let line = line.replace(" --bin", " --workers 2 --worker-memory 512MiB --bin");
    let ended = shell(cluster, directory.path(), &line).expect(0);
    let id = ended.application().to_owned();
    let logs = shell(cluster, directory.path(), &format!("yarn-submit logs {id}")).expect(0);
    assert!(logs.stdout.contains("   40000 words\n"), "{}", logs.stdout);
    assert!(logs.stdout.contains("   20000 line\n"), "{}", logs.stdout);
}
