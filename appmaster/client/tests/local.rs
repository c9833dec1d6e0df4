//! Queries in local mode: the whole path without a cluster.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fmt::Write;
use std::path::Path;

use bobbin::{LocalOptions, QueryError, Session};
use bobbin_blocks::BlockReader;
use bobbin_engine::{PathBase, Planner, PlannerOptions};
use datafusion::arrow::util::pretty::pretty_format_batches;

struct Fixture {
    directory: tempfile::TempDir,
    session: Session,
}

impl Fixture {
    async fn new(threads: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = LocalOptions {
            threads,
            memory_bytes: 64 << 20,
            spill_directory: directory.path().to_owned(),
            resources: Vec::new(),
        };
        let planner = Planner::new(BlockReader::local(), PlannerOptions::default());
        let session = Session::local(&options, planner).await.unwrap();
        Fixture { directory, session }
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    async fn sql(&self, split_size: u64, text: &str) -> Result<String, QueryError> {
        self.sql_with(PlannerOptions { split_size, ..PlannerOptions::default() }, text).await
    }

    async fn sql_with(&self, options: PlannerOptions, text: &str) -> Result<String, QueryError> {
        let options = PlannerOptions { default_scheme: PathBase::Local, ..options };
        let session = self.session.with_planner(Planner::new(BlockReader::local(), options));
        let batches = session.run(text).await?.collect().await?;
        Ok(pretty_format_batches(&batches).unwrap().to_string())
    }
}

fn trips(rows: u32) -> String {
    let mut text = "passengers,fare\n".to_owned();
    for row in 0..rows {
        writeln!(text, "{},{}.{:02}", row % 7, row % 50, row % 100).unwrap();
    }
    text
}

#[tokio::test]
async fn exchanges_give_the_same_answer() {
    let fixture = Fixture::new(3).await;
    let path = fixture.file("trips.csv", &trips(5000));
    let query = format!(
        "SELECT a.passengers, count(DISTINCT a.fare) AS fares, count(*) AS pairs, max(b.fare) AS best \
         FROM '{path}' a LEFT JOIN '{path}' b ON a.fare = b.fare + 1 GROUP BY a.passengers ORDER BY 1"
    );
    let whole = fixture.sql(4096, &query).await.unwrap();
    for buckets in [2, 9] {
        let options = PlannerOptions { split_size: 4096, buckets: Some(buckets), ..PlannerOptions::default() };
        assert_eq!(fixture.sql_with(options, &query).await.unwrap(), whole, "{buckets} buckets");
    }
}

#[tokio::test]
async fn the_answer_is_the_same_whatever_the_threads() {
    let text = trips(5000);
    let mut answers = Vec::new();
    for threads in [1, 3] {
        let fixture = Fixture::new(threads).await;
        let path = fixture.file("trips.csv", &text);
        let query = format!(
            "SELECT passengers, count(*) AS trips, avg(fare) AS fare FROM '{path}' GROUP BY passengers ORDER BY 1"
        );
        answers.push(fixture.sql(4096, &query).await.unwrap());
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].contains("| 6          | 714   |"), "{}", answers[0]);
}

#[tokio::test]
async fn a_quoted_field_across_a_border_is_read_right() {
    let fixture = Fixture::new(2).await;
    let mut text = "name,note\n".to_owned();
    for row in 0..200 {
        writeln!(text, "n{row},\"first\nsecond, with comma\nthird {row}\"").unwrap();
    }
    let path = fixture.file("notes.csv", &text);
    let answer =
        fixture.sql(700, &format!("SELECT count(*) AS n, max(length(note)) AS l FROM '{path}'")).await.unwrap();
    assert!(answer.contains("| 200 | 34 |"), "{answer}");
}

/// What a later task makes of rows that a wrong start made up is not the file's fault.
#[tokio::test]
async fn a_final_task_that_fails_on_made_up_rows_is_planned_again() {
    let fixture = Fixture::new(2).await;
    let mut text = "code,note\n".to_owned();
    for row in 0..200 {
        writeln!(text, "k{row},\"first\nwrong,line\nthird,{row}\"").unwrap();
    }
    let path = fixture.file("codes.csv", &text);
    // A window is computed in the gathering task, and so is what is made of it; there, "rong" is no number.
    let inner = |file: &str| format!("SELECT lag(substr(code, 2), 0) OVER (ORDER BY note) AS digits FROM '{file}'");
    let query = |file: &str| format!("SELECT sum(CAST(digits AS BIGINT)) AS total FROM ({})", inner(file));
    let answer = fixture.sql(700, &query(&path)).await.unwrap();
    assert!(answer.contains("| 19900 |"), "{answer}");
    let wrong = fixture.file("wrong.csv", &text.replace("k77,", "wrong,"));
    let error = fixture.sql(700, &query(&wrong)).await.unwrap_err();
    assert!(error.to_string().contains("rong"), "{error}");
}

#[tokio::test]
async fn a_limit_above_a_condition_ends_the_query() {
    let fixture = Fixture::new(2).await;
    let path = fixture.file("trips.csv", &trips(20_000));
    let options = PlannerOptions { split_size: 1000, ..PlannerOptions::default() };
    let session = fixture.session.with_planner(Planner::new(BlockReader::local(), options));
    for (limit, most) in [("LIMIT 30", 60), ("LIMIT 5 OFFSET 20", 60), ("LIMIT 1000000", 1000)] {
        let text = format!("SELECT fare, passengers FROM '{path}' WHERE passengers = 3 {limit}");
        let answer = session.run(&text).await.unwrap();
        let (tasks, ran) = (answer.summary.tasks, answer.summary.tasks - answer.summary.tasks_skipped);
        assert!(tasks > 150 && ran <= most, "{limit}: {ran} of {tasks} tasks ran");
        let few = pretty_format_batches(&answer.collect().await.unwrap()).unwrap().to_string();
        assert_eq!(few, fixture.sql(1 << 20, &text).await.unwrap(), "{limit}");
    }
}

#[tokio::test]
async fn rows_without_an_aggregate_come_in_file_order() {
    let fixture = Fixture::new(3).await;
    let path = fixture.file("trips.csv", &trips(900));
    let whole = fixture.sql(1 << 20, &format!("SELECT * FROM '{path}' WHERE fare > 10")).await.unwrap();
    let split = fixture.sql(512, &format!("SELECT * FROM '{path}' WHERE fare > 10")).await.unwrap();
    assert_eq!(whole, split);
}

#[tokio::test]
async fn bad_input_is_named() {
    let fixture = Fixture::new(1).await;
    let missing = fixture.sql(4096, "SELECT * FROM '/no/such/file.csv'").await.unwrap_err();
    assert_eq!(missing.exit_code(), 66);
    let path = fixture.file("bad.csv", &format!("{}x,y,z\n", trips(2000)));
    let error = fixture.sql(4096, &format!("SELECT count(*) FROM '{path}'")).await.unwrap_err();
    assert!(error.to_string().contains("bad.csv"), "{error}");
    assert!(Path::new(&path).exists());
}
