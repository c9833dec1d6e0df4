//! What plans say about themselves: where tasks run, what they read, how big they are.

use crate::support::compare::rows;
use crate::support::{Files, Runner, data};
use bobbin_engine::InputRange;

#[test]
fn only_wanted_columns_are_read() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(500));
    let runner = Runner::default();
    let columns = |sql: &str| {
        let text = runner.plan(sql).unwrap().explain();
        let line = text.lines().find(|line| line.contains("ScanExec")).unwrap().to_owned();
        line.split("columns=").nth(1).unwrap().to_owned()
    };
    assert_eq!(columns(&format!("SELECT count(*) FROM '{path}'")), "[]");
    assert_eq!(
        columns(&format!("SELECT sum(fare_amount) FROM '{path}' WHERE id > 3")),
        "[fare_amount], filter=id@0 > 3"
    );
    assert_eq!(columns(&format!("SELECT flag FROM '{path}' LIMIT 4")), "[flag], fetch=4");
}

#[test]
fn explain_shows_stages_and_splits() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(500));
    let sql = format!("SELECT flag, count(*) FROM '{path}' GROUP BY flag");
    let runner = Runner::default();
    let query = runner.plan(&sql).unwrap();
    let text = query.explain();
    for part in
        ["stage 0: scan", "splits:", "places: any", "stage 1: final", "mode=Partial", "mode=Final", "InputsExec"]
    {
        assert!(text.contains(part), "{text} lacks {part}");
    }
    let answer = runner.run(&format!("EXPLAIN {sql}")).unwrap();
    assert_eq!(answer.query.schema.field(0).name(), "plan");
    assert_eq!(rows(&answer.batches).len(), text.lines().count());
}

#[test]
fn the_first_rows_of_a_table_are_one_task_that_stops_soon() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(50_000));
    let runner = Runner { split_size: 100_000, ..Runner::default() };
    let answer = runner.run(&format!("SELECT id, flag FROM '{path}' LIMIT 10")).unwrap();
    assert_eq!(answer.query.task_count(), 1);
    assert_eq!(rows(&answer.batches).len(), 10);
    let read = answer.reports[&0].counters.local_file;
    assert!(read <= 8 << 20, "{read} bytes were read");
}

#[test]
fn bodies_do_not_repeat_the_plan() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(5_000));
    let runner = Runner { split_size: 1_000, ..Runner::default() };
    let query = runner.plan(&format!("SELECT flag, sum(id) FROM '{path}' GROUP BY flag")).unwrap();
    let scan = &query.stages[0];
    assert!(scan.tasks.len() > 200, "{}", scan.tasks.len());
    assert!(scan.shared.len() < 10_000, "{}", scan.shared.len());
    assert!(scan.tasks.iter().all(|task| task.body.len() < path.len() + 60), "{}", scan.tasks[0].body.len());
    let bytes: u64 = scan.tasks.iter().map(|task| task.input_bytes).sum();
    assert_eq!(bytes, std::fs::metadata(&path).unwrap().len());
    assert_eq!(query.wanted, [scan.tasks.len() as u32]);
    let all = InputRange { job: None, first: 0, count: scan.tasks.len() as u32, part: 0 };
    assert_eq!(query.stages[1].tasks[0].inputs, [all]);
}

#[test]
fn a_small_table_is_one_task() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(50));
    let sql = format!("SELECT flag, count(*) AS n FROM '{path}' GROUP BY flag ORDER BY n");
    assert_eq!(Runner { split_size: 1 << 20, ..Runner::default() }.plan(&sql).unwrap().task_count(), 1);
}

#[test]
fn bytes_and_rows_are_counted() {
    let files = Files::new();
    let path = files.write("t.csv", data::trips(1_000));
    let answer = Runner::default().run(&format!("SELECT id FROM '{path}'")).unwrap();
    let rows: u64 = answer.reports.values().map(|report| report.rows).sum();
    let bytes: u64 = answer.reports.values().map(|report| report.counters.local_file).sum();
    assert_eq!(rows, 1_000);
    assert!(bytes >= std::fs::metadata(&path).unwrap().len(), "{bytes}");
}
