//! What goes wrong ends in one message that names the thing, and in the right exit code.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::compare::assert_same;
use crate::support::{Failure, Files, Kept, Results, Runner, block_on, data};
use bobbin_blocks::BlockReader;
use bobbin_engine::{CancelFlag, Execute, Executor, Statement, Task, TaskErrorKind};
use bytes::Bytes;

/// The query fails with this exit code, and its message has all parts.
fn check(sql: &str, exit_code: u8, parts: &[&str]) {
    let failure = Runner::default().run(sql).map(|_| ()).expect_err(sql);
    let message = failure.message();
    assert_eq!(failure.exit_code(), exit_code, "{sql}: {message}");
    for part in parts {
        assert!(message.contains(part), "{sql}: {message:?} lacks {part:?}");
    }
}

#[test]
fn texts_that_are_not_queries() {
    check("DROP TABLE x", 64, &["drop x", "no such table"]);
    check("INSERT INTO x VALUES (1)", 64, &["INSERT is not a statement"]);
    check("SELECT 1; SELECT 2", 64, &["2 statements"]);
    check("SELECT 1 +", 64, &["read the query"]);
    check("SELECT * FROM trips", 64, &["FROM 'trips.csv'"]);
    let recursive = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r";
    check(recursive, 64, &["WITH RECURSIVE is not supported"]);
    check("SELECT no_such_function(1)", 64, &["no_such_function"]);
}

#[test]
fn columns_that_are_not_there() {
    let files = Files::new();
    let path = files.write("t.csv", "passenger_count,fare\n1,2.5\n");
    check(&format!("SELECT passenger_cuont FROM '{path}'"), 64, &["passenger_cuont", "passenger_count"]);
    check(&format!("SELECT sum(flag) FROM '{path}'"), 64, &["flag"]);
}

#[test]
fn functions_of_text_are_refused_in_plain_words() {
    let files = Files::new();
    let path = files.write("t.csv", "a,name\n1,x\n");
    for function in ["sum", "avg", "median"] {
        let sql = format!("SELECT {function}(name) FROM '{path}'");
        check(&sql, 64, &[&format!("{function}(VARCHAR)"), "CAST", "read_csv('path', types => "]);
        let failure = Runner::default().run(&sql).map(|_| ()).unwrap_err();
        assert!(!failure.message().contains("bug"), "{}", failure.message());
    }
}

#[test]
fn tables_that_cannot_be_read() {
    let files = Files::new();
    let missing = files.join("missing.csv").display().to_string();
    check(&format!("SELECT * FROM '{missing}'"), 66, &["missing.csv", "does not exist"]);
    check(&format!("SELECT * FROM '{}/*.nothing'", files.path().display()), 66, &["*.nothing"]);
    let empty = files.write("empty.csv", "");
    check(&format!("SELECT * FROM '{empty}'"), 66, &["empty.csv", "is empty"]);
    std::fs::create_dir(files.join("directory")).unwrap();
    check(&format!("SELECT * FROM '{}'", files.join("directory").display()), 66, &["directory"]);
    let binary = files.write("binary.csv", [0_u8, 1, 2, 3, 0, 255, b'\n', 0, 0]);
    check(&format!("SELECT * FROM '{binary}'"), 66, &["binary.csv"]);
    check("SELECT * FROM 's3://bucket/t.csv'", 66, &["s3://bucket/t.csv"]);
}

#[test]
fn files_that_do_not_belong_together() {
    let files = Files::new();
    files.write("d/1.csv", "a,b\n1,2\n");
    files.write("d/2.csv", "a,c\n1,2\n");
    check(&format!("SELECT * FROM '{}'", files.join("d").display()), 66, &["1.csv", "2.csv", "'c'", "'b'"]);
}

/// Trips with one bad record in the middle.
fn spoiled(files: &Files) -> String {
    let mut lines: Vec<String> = data::trips(400).lines().map(str::to_owned).collect();
    lines[300] = lines[300].replacen("299,", "x99,", 1);
    files.write("spoiled.csv", lines.join("\n"))
}

#[test]
fn records_that_cannot_be_read() {
    let files = Files::new();
    let path = files.write("few.csv", "a,b\n1,2\n1\n");
    check(&format!("SELECT b FROM '{path}'"), 66, &["few.csv"]);
    let path = spoiled(&files);
    let sql = format!("SELECT sum(id) FROM read_csv('{path}', types => 'id BIGINT')");
    for split_size in [1_000, 1 << 20] {
        let failure = Runner { split_size, ..Runner::default() }.run(&sql).map(|_| ()).unwrap_err();
        let message = failure.message();
        assert_eq!(failure.exit_code(), 66, "{message}");
        assert!(message.contains("spoiled.csv") && message.contains("x99") && message.contains("id"), "{message}");
        assert_eq!(matches!(failure, Failure::Borders { .. }), split_size == 1_000, "{message}");
    }
    let as_text = format!("SELECT max(id) FROM read_csv('{path}', types => 'id VARCHAR')");
    assert!(Runner::default().run(&as_text).is_ok(), "the way out that the message names");
    let unprojected = format!("SELECT count(*) FROM read_csv('{path}', types => 'id BIGINT')");
    assert!(Runner::default().run(&unprojected).is_ok(), "values of columns that nobody wants are not read");
}

#[test]
fn values_that_the_query_cannot_use() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(400));
    let failure = Runner { split_size: 2_000, ..Runner::default() }
        .run(&format!("SELECT 1 / (id - 300) FROM '{path}'"))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(failure.exit_code(), 1, "{}", failure.message());
    assert!(failure.message().to_lowercase().contains("divide by zero"), "{}", failure.message());
    assert!(failure.message().contains("t.csv, bytes 16000 to 18000"), "{}", failure.message());
}

#[test]
fn files_that_change_after_planning() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(100));
    let query = Runner::default().plan(&format!("SELECT count(*) FROM '{path}'")).unwrap();
    files.write("t.csv", data::trips(90));
    let stage = &query.stages[0];
    let error = run_one(&stage.shared, &stage.tasks[0].body, vec![], &CancelFlag::default()).unwrap_err();
    assert_eq!((error.kind, error.exit_code), (TaskErrorKind::Permanent, 66));
    assert!(error.message.contains("changed"), "{}", error.message);
}

fn run_one(
    shared: &Bytes,
    body: &Bytes,
    inputs: Vec<Bytes>,
    cancel: &CancelFlag,
) -> Result<bobbin_engine::TaskReport, bobbin_engine::TaskError> {
    let spill = tempfile::tempdir().unwrap();
    let executor = Executor::new(BlockReader::local(), 64 << 20, 1, spill.path().to_owned());
    let task = Task::new(shared, body, cancel.clone());
    block_on(executor.run(task, Arc::new(Results(inputs)), &mut Kept::default()))
}

#[test]
fn tasks_that_are_not_ours() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(100));
    let query = Runner::default().plan(&format!("SELECT flag, count(*) FROM '{path}' GROUP BY flag")).unwrap();
    let (shared, body) = (&query.stages[0].shared, &query.stages[0].tasks[0].body);
    for (shared, body) in [
        (&Bytes::new(), body),
        (&Bytes::from_static(b"nonsense"), body),
        (shared, &Bytes::from_static(b"nonsense")),
        (shared, &Bytes::new()),
        (&shared.slice(..shared.len() / 2), body),
    ] {
        let error = run_one(shared, body, vec![], &CancelFlag::default()).unwrap_err();
        assert_eq!((error.kind, error.exit_code), (TaskErrorKind::Permanent, 70), "{}", error.message);
    }
    for at in 0..shared.len() {
        let error = run_one(&shared.slice(..at), body, vec![], &CancelFlag::default()).unwrap_err();
        assert_eq!(error.kind, TaskErrorKind::Permanent, "the first {at} bytes: {}", error.message);
    }
}

#[test]
fn inputs_that_are_gone_or_garbled() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(300));
    let query = Runner::default().plan(&format!("SELECT flag, count(*) FROM '{path}' GROUP BY flag")).unwrap();
    let (scan, last) = (&query.stages[0], &query.stages[1]);
    let cancel = CancelFlag::default();
    let mut results = Vec::new();
    for task in &scan.tasks {
        let mut output = Kept::default();
        let spill = tempfile::tempdir().unwrap();
        let executor = Executor::new(BlockReader::local(), 64 << 20, 1, spill.path().to_owned());
        let task = Task::new(&scan.shared, &task.body, cancel.clone());
        block_on(executor.run(task, Arc::new(Results(vec![])), &mut output)).unwrap();
        results.push(Bytes::from(output.0.remove(0)));
    }
    let run = |inputs: Vec<Bytes>| run_one(&last.shared, &last.tasks[0].body, inputs, &cancel);
    assert_eq!(run(results.clone()).unwrap().rows, 4);
    let error = run(results[..2].to_vec()).unwrap_err();
    assert_eq!(error.kind, TaskErrorKind::InputLost(vec![2]), "{}", error.message);
    for garbled in [Bytes::from_static(b"nonsense that is long enough"), results[1].slice(..results[1].len() / 2)] {
        let mut inputs = results.clone();
        inputs[1] = garbled;
        assert_eq!(run(inputs).unwrap_err().kind, TaskErrorKind::InputLost(vec![1]));
    }
    for at in (0..results[0].len()).step_by(7) {
        let mut damaged = results[0].to_vec();
        damaged[at] ^= 0xff;
        let mut inputs = results.clone();
        inputs[0] = damaged.into();
        let _ = run(inputs);
    }
}

#[test]
fn cancelled_tasks_stop() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(300));
    let query = Runner::default().plan(&format!("SELECT id FROM '{path}'")).unwrap();
    let cancel = CancelFlag::default();
    cancel.cancel();
    let error = run_one(&query.stages[0].shared, &query.stages[0].tasks[0].body, vec![], &cancel).unwrap_err();
    assert_eq!(error.kind, TaskErrorKind::Cancelled);
}

#[test]
fn notes_that_lie_are_not_believed() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(300));
    let query = Runner::default().plan(&format!("SELECT id FROM '{path}'")).unwrap();
    let lies: BTreeMap<u32, Bytes> = (0..20).map(|task| (task, Bytes::from_static(b"\xff\xff\xff"))).collect();
    assert_ne!(query.check_borders(&lies), bobbin_engine::Borders::Exact);
    assert_ne!(query.check_borders(&BTreeMap::new()), bobbin_engine::Borders::Exact);
}

/// What became of a query in more and more memory.
#[derive(Default)]
struct Outcomes {
    answered: usize,
    spilled: usize,
    refused: usize,
}

/// Runs the query in more and more memory: the answer is that of plenty of it, or the message says what is missing.
fn in_small_memory(sql: &str, split_size: u64, ordered: bool) -> Outcomes {
    let large = Runner { split_size, batch_rows: 512, ..Runner::default() };
    let expected = large.run(sql).unwrap();
    assert!(!expected.spilled, "{sql}");
    let mut outcomes = Outcomes::default();
    for memory in [1, 2, 4, 8, 16] {
        match (Runner { memory_bytes: memory << 20, ..large.clone() }).run(sql) {
            Ok(answer) => {
                assert_same(sql, &answer.batches, &expected.batches, ordered);
                outcomes.answered += 1;
                outcomes.spilled += usize::from(answer.spilled);
            }
            Err(failure) => {
                assert!(failure.message().contains("--worker-memory"), "{}", failure.message());
                outcomes.refused += 1;
            }
        }
    }
    outcomes
}

#[test]
fn sorts_in_small_memory_spill() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(30_000));
    let sql = format!("SELECT id, flag, pickup FROM '{path}' ORDER BY fare_amount DESC, id");
    let outcomes = in_small_memory(&sql, 1 << 30, true);
    assert!(outcomes.spilled > 0 && outcomes.spilled < outcomes.answered, "{} spilled", outcomes.spilled);
}

#[test]
fn many_groups_are_right_or_refused_in_small_memory() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(30_000));
    let sql = format!("SELECT id, flag, count(*), sum(fare_amount) FROM '{path}' GROUP BY id, flag");
    for split_size in [1 << 18, 1 << 30] {
        let outcomes = in_small_memory(&sql, split_size, false);
        assert!(outcomes.answered > 0, "nothing was answered at {split_size}");
        assert!(outcomes.refused + outcomes.spilled > 0, "memory was not scarce at {split_size}");
    }
}

#[test]
fn tables_are_found_before_planning() {
    let names = |sql: &str| Statement::paths_of(&Statement::parse(sql).unwrap()).unwrap();
    assert_eq!(
        names("SELECT * FROM 'hdfs:///d/*.csv' JOIN read_csv('b.csv', sep => ';') USING (x)"),
        ["b.csv", "hdfs:///d/*.csv"]
    );
    assert!(Statement::parse("SELEC").is_err());
}
