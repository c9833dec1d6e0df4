//! The command line as a new user meets it: no cluster, no configuration.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::process::{Command, Output};

const QUERY: &str = "SELECT passenger_count, count(*) AS trips FROM";

fn yarn_submit(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yarn-submit"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("HADOOP") || name.starts_with("YARN") || name.starts_with("BOBBIN") {
            command.env_remove(&*name);
        }
    }
    command.args(arguments).env("XDG_CONFIG_HOME", "/nonexistent").env("RUST_BACKTRACE", "0").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn trips() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/trips.csv");
    root.canonicalize().unwrap().display().to_string()
}

#[test]
fn a_pipe_gets_csv_and_each_format_is_there() {
    let query = format!("{QUERY} '{}' GROUP BY 1 ORDER BY 1", trips());
    let csv = yarn_submit(&["sql", &query]);
    assert!(csv.status.success(), "{}", text(&csv.stderr));
    assert_eq!(text(&csv.stdout).lines().next(), Some("passenger_count,trips"));
    assert_eq!(text(&csv.stderr), "", "nothing but the answer");
    let table = text(&yarn_submit(&["sql", "--format", "table", &query]).stdout);
    assert!(table.contains("passenger_count") && table.contains('1'), "{table}");
    let json = text(&yarn_submit(&["sql", "--format", "json", &query]).stdout);
    assert!(json.starts_with("{\"passenger_count\":0,\"trips\":2}\n"), "{json}");
    let parquet = yarn_submit(&["sql", "--format", "parquet", &query]).stdout;
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let arrow = yarn_submit(&["sql", "--format", "arrow", &query]).stdout;
    assert!(arrow.starts_with(&[0xff, 0xff, 0xff, 0xff]), "an Arrow IPC stream");
}

#[test]
fn output_goes_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("answer.csv");
    let query = format!("{QUERY} '{}' GROUP BY 1 ORDER BY 1", trips());
    let written = yarn_submit(&["sql", "--output", path.to_str().unwrap(), "--format", "csv", &query]);
    assert!(written.status.success(), "{}", text(&written.stderr));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("passenger_count,trips\n"));
}

#[test]
fn wrong_words_are_usage_errors_and_say_why() {
    for words in [&["nonsense"][..], &["count"], &["run", "--workers", "many", "--", "true"], &["sql", "SELEKT 1"]] {
        let refused = yarn_submit(words);
        assert_eq!(refused.status.code(), Some(64), "{words:?}: {}", text(&refused.stderr));
        assert!(!refused.stderr.is_empty(), "{words:?}");
    }
}

#[test]
fn what_a_command_here_would_miss_is_refused() {
    let file = trips();
    for (words, way) in [
        (&["--master", "local", "--files", &file][..], "--master yarn"),
        (&["--master", "local[2]", "--env", "hdfs:///env.tar.gz"], "--master yarn"),
        (&["--deploy-mode", "client", "--env", "hdfs:///env.tar.gz"], "--deploy-mode cluster"),
    ] {
        let refused = yarn_submit(&[&["run"], words, &["--", "true"]].concat());
        let said = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(64), "{words:?}: {said}");
        assert!(said.contains(words[2]) && said.contains(way), "{words:?}: {said}");
    }
    assert!(yarn_submit(&["run", "--master", "local", "--", "true"]).status.success());
    let resources = ["--worker-resources", "GPU=2,LICENSE=0.5", "--", "sh", "-c", "echo $BOBBIN_WORKER_RESOURCES"];
    let told = yarn_submit(&[&["run", "--master", "local"][..], &resources].concat());
    assert_eq!(text(&told.stdout), "GPU=2,LICENSE=0.500\n");
}

#[test]
fn containers_hear_of_isolation() {
    let submitted = |options: &[&str]| {
        let told = yarn_submit(&[&["run", "--dry-run"], options, &["--", "true"]].concat());
        assert!(told.status.success(), "{}", text(&told.stderr));
        text(&told.stdout)
    };
    assert!(submitted(&["--isolation", "process"]).contains("\"BOBBIN_ISOLATION\": \"process\""));
    assert!(!submitted(&[]).contains("BOBBIN_ISOLATION"));
}

#[test]
fn missing_input_is_66_and_names_the_path() {
    let refused = yarn_submit(&["sql", "SELECT * FROM '/no/such/trips.csv'"]);
    assert_eq!(refused.status.code(), Some(66));
    assert!(text(&refused.stderr).contains("/no/such/trips.csv"), "{}", text(&refused.stderr));
}

#[test]
fn help_names_every_subcommand() {
    let help = yarn_submit(&["--help"]);
    assert!(help.status.success());
    for word in ["sql", "run", "apps", "status", "wait", "logs", "kill", "doctor"] {
        assert!(text(&help.stdout).contains(word), "{word}");
    }
}

#[test]
fn an_unknown_key_of_the_configuration_file_is_named_with_its_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    std::fs::write(&path, "queue = \"default\"\nquue = \"x\"\n").unwrap();
    let refused = yarn_submit(&["sql", "--config", path.to_str().unwrap(), "SELECT 1"]);
    assert_eq!(refused.status.code(), Some(64), "{}", text(&refused.stderr));
    let said = text(&refused.stderr);
    assert!(said.contains("quue") && said.contains("config.toml") && said.contains('2'), "{said}");
}
