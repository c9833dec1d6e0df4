//! The shell with statements piped into it.

use std::fs::File;
use std::process::Stdio;

use integration::shared;

use super::both::{Both, WORKERS, applications, outcomes};
use crate::support::{Done, running, yarn_submit};

/// Runs the shell on the gateway with this input.
fn piped(both: &Both<'_>, arguments: &[&str], input: &str) -> Done {
    let path = both.folder().join("input.sql");
    std::fs::write(&path, input).unwrap();
    let mut command = yarn_submit(both.cluster);
    command.arg("sql").args(WORKERS).args(arguments).stdin(File::open(path).unwrap());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Done { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn statements_from_a_pipe_share_one_application_that_ends_with_them() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "shell");
    let numbers: String = (0..50_000).map(|id| format!("{id},{}\n", id % 9)).collect();
    both.put("numbers.csv", format!("id,nine\n{numbers}").as_bytes());
    let input = both.text_there(
        "CREATE EXTERNAL TABLE numbers STORED AS CSV LOCATION '{d}/numbers.csv';\n\
         SELECT sum(id) AS s\n  FROM numbers;\n\
         CREATE VIEW few AS SELECT * FROM numbers WHERE nine = 3;\n\
         SELECT count(*) AS few FROM few;\n\
         COPY (SELECT id FROM few) TO '{d}/few' STORED AS JSON;\n\
         SELECT max(id) AS last FROM read_json('{d}/few');\n",
    );
    let shell = piped(&both, &["--name", "piped", "--split-size", "64KiB"], &input).expect(0);
    for rows in ["s\n1249975000\n", "few\n5556\n", "last\n49998\n"] {
        assert!(shell.stdout.contains(rows), "{rows:?} is not among:\n{}\n{}", shell.stdout, shell.stderr);
    }
    assert_eq!(outcomes(cluster, "piped"), ["SUCCEEDED"]);
    let piped = applications(cluster, "piped");
    running::nothing_stays(cluster, piped[0]["id"].as_str().unwrap());
}

#[test]
fn a_statement_that_fails_in_a_pipe_is_said_and_the_next_ones_run() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "failing-shell");
    both.put("numbers.csv", b"id\n1\n2\n");
    let input = both.text_there(
        "SELECT 1 / (id - 2) AS q FROM '{d}/numbers.csv';\nSELECT nothing FROM '{d}/numbers.csv';\n\
         SELECT sum(id) AS s FROM '{d}/numbers.csv';\n",
    );
    let shell = piped(&both, &["--name", "piped-failing"], &input).expect(1);
    assert!(shell.stdout.contains("s\n3\n"), "{}\n{}", shell.stdout, shell.stderr);
    shell.says(&["ivide by zero", "nothing"]);
    assert_eq!(outcomes(cluster, "piped-failing").len(), 1);
}
