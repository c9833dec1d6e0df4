//! What a table's files say about it: types that all of them fit, files that hold nothing, heads of any length.

use arrow::datatypes::DataType;

use crate::support::compare::rows;
use crate::support::{Files, Runner};

/// The cells of the only row that the query gives.
fn row(sql: &str) -> String {
    let answer = Runner::default().run(sql).unwrap_or_else(|failure| panic!("{sql}: {}", failure.message()));
    let rows = rows(&answer.batches);
    assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
    format!("{:?}", rows[0])
}

fn types(sql: &str) -> Vec<DataType> {
    let schema = Runner::default().plan(sql).unwrap().schema;
    schema.fields().iter().map(|field| field.data_type().clone()).collect()
}

#[test]
fn a_column_has_the_type_that_the_files_give_it() {
    let files = Files::new();
    files.write("d/1.csv", "a,b,c,d\n");
    files.write("d/2.csv", "a,b,c,d\n,5,2015-01-01,\n");
    files.write("d/3.csv", "a,b,c,d\n10,2.5,2015-01-01 12:00:00,\n9,,,\n");
    let table = files.join("d").display().to_string();
    let timestamp = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, None);
    assert_eq!(
        types(&format!("SELECT * FROM '{table}'")),
        [DataType::Int64, DataType::Float64, timestamp, DataType::Utf8View]
    );
    let answer = row(&format!("SELECT max(a), count(*) FILTER (WHERE a > 9), count(*), count(d) FROM '{table}'"));
    assert_eq!(answer, r#"[Text("10"), Text("1"), Text("3"), Text("0")]"#);
}

#[test]
fn files_that_hold_nothing_are_not_there() {
    let files = Files::new();
    files.write("d/0.csv", "\n\r\n\n");
    files.write("d/1.csv", "");
    files.write("d/2.csv", "a\n1\n");
    files.write("d/3.csv", "\n");
    assert_eq!(row(&format!("SELECT sum(a) FROM '{}'", files.join("d").display())), r#"[Text("1")]"#);
    let blank = Runner::default().run(&format!("SELECT * FROM '{}'", files.join("d/3.csv").display()));
    let failure = blank.map(|_| ()).unwrap_err();
    assert_eq!(failure.exit_code(), 66);
    assert!(failure.message().contains("is empty"), "{}", failure.message());
}

#[test]
fn heads_may_be_long() {
    let files = Files::new();
    let names: Vec<String> = (0..12_000).map(|number| format!("column_{number}")).collect();
    let wide = |value: usize| format!("{}\n{}\n", names.join(","), vec![value.to_string(); names.len()].join(","));
    files.write("wide/1.csv", wide(1));
    files.write("wide/2.csv", wide(2));
    let sql = format!("SELECT sum(column_11999) FROM '{}'", files.join("wide").display());
    let runner = Runner { split_size: 1 << 20, ..Runner::default() };
    assert_eq!(format!("{:?}", rows(&runner.run(&sql).unwrap().batches)[0]), r#"[Text("3")]"#);
    let long = files.write("long.csv", format!("text,number\n{},7\n{},8\n", "x".repeat(2 << 20), "y".repeat(9)));
    let sql = format!("SELECT sum(number), max(length(text)) FROM '{long}'");
    assert_eq!(format!("{:?}", rows(&runner.run(&sql).unwrap().batches)[0]), r#"[Text("15"), Text("2097152")]"#);
}
