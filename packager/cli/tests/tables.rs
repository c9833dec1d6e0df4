//! Tables on one machine, as a user meets them: looking at files, scripts, the shell, part files.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A directory with a CSV and a JSON file.
fn data() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("t.csv"), "id,kind,fare\n1,a,2.5\n2,b,\n3,a,4.0\n").unwrap();
    let event = |id: u32| format!("{{\"id\":{id},\"actor\":{{\"login\":\"user{}\",\"url\":\"x\"}}}}\n", id % 2);
    std::fs::write(directory.path().join("e.jsonl"), (0..5).map(event).collect::<String>()).unwrap();
    directory
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yarn-submit"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("HADOOP") || name.starts_with("YARN") || name.starts_with("BOBBIN") {
            command.env_remove(&*name);
        }
    }
    command.args(arguments).current_dir(directory).env("XDG_CONFIG_HOME", "/nonexistent").env("RUST_BACKTRACE", "0");
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn check(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// What the command prints when all is well.
fn answer(directory: &Path, arguments: &[&str]) -> String {
    check(&command(directory, arguments).output().unwrap(), 0)
}

/// What it says when it ends with this code.
fn refusal(directory: &Path, arguments: &[&str], code: i32) -> String {
    let output = command(directory, arguments).output().unwrap();
    check(&output, code);
    text(&output.stderr)
}

/// What the shell prints for these lines.
fn shell(directory: &Path, lines: &str, code: i32) -> (String, String) {
    let mut command = command(directory, &["sql"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (check(&output, code), text(&output.stderr))
}

#[test]
fn a_table_is_looked_at_without_a_query() {
    let data = data();
    let schema = answer(data.path(), &["schema", "t.csv"]);
    assert!(schema.starts_with("column,type,origin\nid,BIGINT,every value of 3 records"), "{schema}");
    assert_eq!(answer(data.path(), &["head", "-n", "1", "t.csv"]), "id,kind,fare\n1,a,2.5\n");
    assert_eq!(answer(data.path(), &["count", "e.jsonl"]), "rows\n5\n");
    let described = answer(data.path(), &["describe", "t.csv"]);
    assert!(
        described.contains("\nfare,DOUBLE,2,1,2,3.25,1.0606601717798212,2.5,2.875,3.25,3.625,4.0\n"),
        "{described}"
    );
    assert!(described.contains("\nkind,VARCHAR,3,0,2,,,a,,,,b\n"), "{described}");
    let declared = answer(data.path(), &["schema", "t.csv", "-O", "types=fare DECIMAL(6, 2)"]);
    assert!(declared.contains("fare,\"DECIMAL(6, 2)\",declared"), "{declared}");
    assert!(refusal(data.path(), &["count", "none.csv"], 66).contains("none.csv"));
    assert!(refusal(data.path(), &["head", "t.csv", "-O", "colour=red"], 64).contains("no option colour"));
}

#[test]
fn scripts_share_names() {
    let data = data();
    let script = "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 't.csv' OPTIONS ('types' 'fare DECIMAL(6, 1)');
                  CREATE VIEW a AS SELECT * FROM t WHERE kind = 'a';
                  SELECT sum(fare) FROM a; SELECT count(*) AS all FROM t; DROP VIEW a; SHOW TABLES";
    std::fs::write(data.path().join("s.sql"), script).unwrap();
    assert_eq!(answer(data.path(), &["sql", "-q", "-f", "s.sql"]), "sum(fare)\n6.5\nall\n3\nname,kind\nt,table\n");
    let twice = refusal(data.path(), &["sql", "CREATE VIEW v AS SELECT 1; CREATE VIEW v AS SELECT 2"], 64);
    assert!(twice.contains("CREATE OR REPLACE"), "{twice}");
    let gone = refusal(data.path(), &["sql", "SELECT * FROM v"], 64);
    assert!(gone.contains("there is no table v") && gone.contains("'v.csv'"), "{gone}");
}

#[test]
fn what_a_query_took_is_said_by_stage() {
    let data = data();
    let said = answer(data.path(), &["sql", "--analyze", "SELECT kind, count(*) FROM 't.csv' GROUP BY kind"]);
    assert!(said.starts_with("scan 't.csv': 1 tasks, 2 rows, 34 bytes read, "), "{said}");
    assert!(said.contains("ScanExec: table=t.csv, columns=[kind]"), "{said}");
    let same = answer(data.path(), &["sql", "EXPLAIN ANALYZE SELECT count(*) FROM 't.csv'"]);
    assert!(same.starts_with("scan 't.csv': 1 tasks, 1 rows"), "{same}");
}

#[test]
fn the_shell_goes_on_after_an_error() {
    let data = data();
    let lines = "select count(*)\nfrom 't.csv';\nselect x;\n\\d\ncreate view v as select id from 't.csv';\n\\d v\n\\nonsense\n\\q\nselect 9;\n";
    let (printed, said) = shell(data.path(), lines, 1);
    assert!(
        printed.starts_with("count(*)\n3\n") && printed.contains("created view v\ncolumn,type,origin\nid,BIGINT"),
        "{printed}"
    );
    assert!(said.contains("x") && said.contains("\\nonsense"), "{said}");
    assert!(!printed.contains('9'), "what follows \\q is not run: {printed}");
    assert_eq!(shell(data.path(), "select 1 as a", 0).0, "a\n1\n");
}

/// The part files below a directory, by name without their run's own part, and the rows of all.
fn parts(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let relative = path.strip_prefix(directory).unwrap().display().to_string();
                found.push(relative.split("part-").next().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn rows_go_to_part_files_all_or_nothing() {
    let data = data();
    fn write<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["sql", "-q", "--format", "csv", "--output", "out"], more, &["SELECT * FROM 't.csv'"]].concat()
    }
    answer(data.path(), &write(&["--partition-by", "kind"]));
    let out = data.path().join("out");
    assert_eq!(parts(&out), ["_SUCCESS", "kind=a/", "kind=b/"]);
    assert_eq!(answer(data.path(), &["sql", "SELECT id, kind FROM 'out' ORDER BY id"]), "id,kind\n1,a\n2,b\n3,a\n");
    let there = refusal(data.path(), &write(&[]), 66);
    assert!(there.contains("exists already") && there.contains("overwrite"), "{there}");
    answer(data.path(), &write(&["--mode", "append", "--partition-by", "kind"]));
    assert_eq!(answer(data.path(), &["count", "out"]), "rows\n6\n");
    answer(data.path(), &write(&["--mode", "overwrite", "--compression", "zstd"]));
    assert_eq!(answer(data.path(), &["count", "out"]), "rows\n3\n");
    let failing = "COPY (SELECT 1 / (id - 3) AS x FROM 't.csv') TO 'out' STORED AS CSV OPTIONS ('mode' 'overwrite')";
    refusal(data.path(), &["sql", failing], 1);
    assert_eq!(answer(data.path(), &["count", "out"]), "rows\n3\n", "what was there is still there");
    assert_eq!(hidden(data.path()), Vec::<String>::new());
}

/// The names of hidden files and directories.
fn hidden(directory: &Path) -> Vec<String> {
    let names =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with('.')).collect()
}

#[test]
fn an_interrupted_output_leaves_nothing() {
    let data = data();
    let endless = "COPY (SELECT * FROM generate_series(1, 1000000000)) TO 'out' STORED AS CSV";
    let mut child = command(data.path(), &["sql", endless]).stderr(Stdio::piped()).spawn().unwrap();
    while hidden(data.path()).is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it wrote anything");
        std::thread::yield_now();
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(hidden(data.path()), Vec::<String>::new());
    assert!(!data.path().join("out").exists());
}

#[test]
fn words_about_part_files_have_to_fit() {
    let data = data();
    for (words, part) in [
        (&["sql", "--mode", "append", "SELECT 1"][..], "need --output"),
        (&["sql", "--output", "a.csv", "--partition-by", "x", "SELECT 1 AS x, 2 AS y"], "name a directory"),
        (&["sql", "--output", "out", "--partition-by", "z", "SELECT 1 AS x, 2 AS y"], "no column z"),
        (&["sql", "--output", "out", "--format", "csv", "--compression", "snappy", "SELECT 1"], "gzip and zstd"),
        (&["sql", "--output", "out", "--format", "table", "SELECT 1"], "choose --format"),
        (&["sql", "--output", "out"], "COPY"),
        (&["sql", "--mode", "append"], "need --output"),
    ] {
        let said = refusal(data.path(), words, 64);
        assert!(said.contains(part), "{words:?}: {said}");
    }
}

#[test]
fn bad_records_are_counted_where_everybody_sees_it() {
    let data = data();
    std::fs::write(data.path().join("bad.csv"), "a\n1\nx\n3\n").unwrap();
    let query = "SELECT sum(a) FROM read_csv('bad.csv', types => 'a BIGINT', on_bad => 'skip')";
    let output = command(data.path(), &["sql", query]).output().unwrap();
    assert_eq!(check(&output, 0), "sum(a)\n4\n");
    let said = text(&output.stderr);
    assert!(said.contains("1 bad records (bad value)") && said.contains("byte 4 (line 3)"), "{said}");
    let strict = query.replace("'skip'", "'skip', max_bad => 0");
    assert!(refusal(data.path(), &["sql", &strict], 66).contains("max_bad is 0"));
}
