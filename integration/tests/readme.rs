//! Every command of the README runs as printed.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

#[path = "readme/futures.rs"]
mod futures;
#[path = "readme/taxi.rs"]
mod taxi;

use std::path::Path;

use integration::cluster::{Cluster, Host};
use integration::shared;
use support::{Done, done, trips};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// The README's indented commands that begin with `program`.
fn commands(program: &str) -> Vec<String> {
    let is_command = |line: &String| line.split(' ').next() == Some(program);
    readme().lines().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).filter(is_command).collect()
}

/// The first indented lines that come after these words, which may be the first of them.
fn block(words: &str) -> Vec<String> {
    let text = readme();
    let at = text.find(words).unwrap_or_else(|| panic!("the README does not say {words:?}"));
    let begin = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let lines = text[begin..].lines().skip_while(|line| !line.starts_with("    "));
    lines.map_while(|line| line.strip_prefix("    ")).map(str::to_owned).collect()
}

/// A line as a shell on the gateway runs it, with `yarn-submit` in its path.
fn shell(cluster: &Cluster, directory: &Path, line: &str) -> Done {
    let program = integration::yarn_submit().unwrap();
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let mut command = cluster.exec(Host::Edge, "bash");
    command.args(["-c", line]).current_dir(directory).env("PATH", path).env("XDG_CONFIG_HOME", "/nonexistent");
    // What is remembered and packed is gone with the cluster.
    command.env("XDG_CACHE_HOME", cluster.directory().join("cache"));
    done(&mut command)
}

#[test]
fn the_tour_runs_as_printed() {
    let Some(cluster) = shared() else { return };
    let directory = tempfile::tempdir_in(cluster.directory()).unwrap();
    let data = root().join("examples/data/trips.csv");
    std::fs::copy(&data, directory.path().join("trips.csv")).unwrap();
    std::fs::write(directory.path().join("etl.py"), "import sys\nprint('etl', sys.argv[1:])\n").unwrap();
    shell(cluster, directory.path(), "python3 -m venv --without-pip venv").expect(0);
    cluster.make_directory("/data/taxi", "alice", "755").unwrap();
    cluster.put(&trips(100_000), "/data/taxi/a.csv", 1, Host::Edge).unwrap();
    let mut id = String::new();
    let tour = block("## The tour");
    assert!(tour.len() >= 12, "{tour:?}");
    for line in tour {
        let printed = line.split(' ').find(|word| word.starts_with("application_"));
        let line = printed.map_or_else(|| line.clone(), |printed| line.replace(printed, &id));
        // The containers of the test cluster are small, and the last application is over when it is waited for.
        let line = line.replace("--workers 3", "--workers 3 --worker-memory 512MiB");
        let ended = shell(cluster, directory.path(), &line);
        assert!(ended.code == 0, "{line}: exit code {}\n{}\n{}", ended.code, ended.stdout, ended.stderr);
        if line.contains("--files etl.py") {
            id = ended.application().to_owned();
        }
        if line.starts_with("yarn-submit logs") {
            assert!(ended.stdout.contains("etl ['--day', '2026-11-01']"), "{}", ended.stdout);
        }
    }
}

/// The README's statements, which need no program in front of them.
fn statements() -> String {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let section = text.split("\n## CSV and JSON\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let indented: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    indented.join("\n")
}

#[test]
fn statements_run_as_printed() {
    let Some(cluster) = shared() else { return };
    let directory = tempfile::tempdir_in(cluster.directory()).unwrap();
    let event = r#"{"actor":{"login":"alice"},"repo":{"name":"jupyter/notebook"}}"#;
    std::fs::write(directory.path().join("events.jsonl"), format!("{event}\n{event}\nno event\n")).unwrap();
    for year in ["2014", "2015"] {
        std::fs::write(directory.path().join(format!("{year}.csv")), format!("year,fare\n{year},2.50\n{year},0.00\n"))
            .unwrap();
    }
    std::fs::write(directory.path().join("statements.sql"), statements()).unwrap();
    cluster.make_directory("/reports", "alice", "755").unwrap();
    let answer = shell(cluster, directory.path(), "yarn-submit sql --master local -f statements.sql").expect(0);
    assert_eq!(answer.stdout, "login,count(*)\nalice,2\nyear,fare\n2014,2.50\n2015,2.50\n");
    assert!(answer.stderr.contains("1 bad records") && answer.stderr.contains("wrote 2 rows"), "{}", answer.stderr);
}

#[test]
fn the_first_command_is_the_first_query() {
    let Some(cluster) = shared() else { return };
    let first = commands("cargo").remove(0);
    let query = first.strip_prefix("cargo run -- ").unwrap();
    let answer = shell(cluster, root(), &format!("yarn-submit {query}")).expect(0);
    assert_eq!(answer.stdout.lines().next(), Some("passenger_count,trips,fare"));
    assert_eq!(answer.stdout.lines().count(), 8, "{}", answer.stdout);
    assert_eq!(commands("cargo")[1], "cargo test --workspace");
}

#[test]
fn a_session_on_one_machine_runs_as_printed() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(root().join("examples/data/trips.csv"), directory.path().join("trips.csv")).unwrap();
    let program = integration::yarn_submit().unwrap();
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let lines = block("    yarn-submit session start here");
    assert_eq!(lines.len(), 6, "{lines:?}");
    for line in lines {
        let mut command = std::process::Command::new("bash");
        command
            .args(["-c", &line])
            .current_dir(directory.path())
            .env("PATH", &path)
            .env("XDG_CONFIG_HOME", "/nonexistent");
        for name in ["HADOOP_CONF_DIR", "YARN_CONF_DIR", "HADOOP_HOME", "BOBBIN_MASTER"] {
            command.env_remove(name);
        }
        let ended = command.env("XDG_RUNTIME_DIR", directory.path()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(ended.status.success(), "{line}: {}", text(&ended.stderr));
        if line.contains(" sql ") {
            assert_eq!(text(&ended.stdout), "count(*)\n2000\n");
        }
    }
}
