//! DataFusion's frames as jobs of a session, and tables that workers keep.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fmt::Write;

use bobbin::{Frame, LocalOptions, Session};
use bobbin_blocks::BlockReader;
use bobbin_engine::output::RowFormat;
use bobbin_engine::{Planner, PlannerOptions};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Int64Type, UInt64Type};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::common::JoinType;
use datafusion::dataframe::{DataFrame, DataFrameWriteOptions};
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::prelude::{col, lit};

struct Fixture {
    directory: tempfile::TempDir,
    session: Session,
}

impl Fixture {
    /// A session whose splits are small.
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let spill_directory = directory.path().join("spill");
        let options = LocalOptions { threads: 2, memory_bytes: 64 << 20, spill_directory, resources: Vec::new() };
        let planner = Planner::new(
            BlockReader::local(),
            PlannerOptions { split_size: 2000, buckets: Some(3), ..PlannerOptions::default() },
        );
        let session = Session::local(&options, planner).await.unwrap();
        Fixture { directory, session }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// `count` trips: day, passengers, fare.
    fn trips(&self, count: u32) -> String {
        let mut text = "day;passengers;fare\n".to_owned();
        for trip in 0..count {
            writeln!(text, "2015-01-{:02};{};{}.50", trip % 28 + 1, trip % 5, trip % 40).unwrap();
        }
        let path = self.path("trips.csv");
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn frame(&self, count: u32) -> DataFrame {
        self.session.read_csv(self.trips(count)).option("sep", ";").load().await.unwrap()
    }
}

async fn shown(frame: DataFrame) -> String {
    pretty_format_batches(&frame.collect().await.unwrap()).unwrap().to_string()
}

#[tokio::test]
async fn frames_run_on_workers() {
    let fixture = Fixture::new().await;
    let trips = fixture.frame(3000).await;
    let by_passengers = trips
        .clone()
        .filter(col("fare").gt(lit(10)))
        .unwrap()
        .aggregate(vec![col("passengers")], vec![count(lit(1)).alias("trips"), sum(col("fare")).alias("fares")])
        .unwrap()
        .sort(vec![col("passengers").sort(true, false)])
        .unwrap();
    let text = shown(by_passengers.clone()).await;
    let sql = format!(
        "SELECT passengers, count(*) AS trips, sum(fare) AS fares FROM read_csv('{}', sep => ';') \
         WHERE fare > 10 GROUP BY 1 ORDER BY 1",
        fixture.path("trips.csv")
    );
    assert_eq!(text, shown(fixture.session.sql(&sql).await.unwrap()).await);
    assert!(text.contains("| 0          | 450   |"), "{text}");
    // A frame beside itself: joins, and columns of the same names.
    let (left, right) = (trips.clone().alias("l").unwrap(), by_passengers.alias("r").unwrap());
    let joined = left.join(right, JoinType::Inner, &["passengers"], &["passengers"], None).unwrap();
    assert_eq!(joined.clone().count().await.unwrap(), 3000);
    assert_eq!(trips.limit(5, Some(7)).unwrap().count().await.unwrap(), 7);
}

#[tokio::test]
async fn frames_explain_their_stages() {
    let fixture = Fixture::new().await;
    let trips = fixture.frame(3000).await;
    let text = shown(trips.clone().explain(false, false).unwrap()).await;
    assert!(text.contains("stage 0") && text.contains("splits:"), "{text}");
    let text = shown(trips.explain(false, true).unwrap()).await;
    assert!(text.contains("3000 rows"), "{text}");
}

#[tokio::test]
async fn frames_write_files() {
    let fixture = Fixture::new().await;
    let trips = fixture.frame(3000).await;
    let out = fixture.path("out");
    let options = DataFrameWriteOptions::new().with_partition_by(vec!["passengers".into()]);
    let written = trips.clone().write_parquet(&out, options, None).await.unwrap();
    assert_eq!(written[0].column(0).as_primitive::<UInt64Type>().value(0), 3000);
    assert!(std::fs::exists(format!("{out}/passengers=3")).unwrap());
    // Nothing is replaced unless somebody says so.
    let error = trips.clone().write_parquet(&out, DataFrameWriteOptions::new(), None).await.unwrap_err();
    assert!(error.to_string().contains("out"), "{error}");
    let written = trips.clone().write(&out, RowFormat::Csv, &[], &[("mode", "overwrite".into())]).await.unwrap();
    assert_eq!(written.rows, 3000);
    let again = fixture.session.read_csv(&out).load().await.unwrap();
    assert_eq!(again.count().await.unwrap(), 3000);
    let unknown = trips.write(&out, RowFormat::Csv, &[], &[("colour", "red".into())]).await.unwrap_err();
    assert!(unknown.to_string().contains("no option colour"), "{unknown}");
}

#[tokio::test]
async fn kept_rows_are_not_read_again() {
    let fixture = Fixture::new().await;
    let trips = fixture.frame(3000).await;
    let kept = trips.filter(col("fare").gt(lit(10))).unwrap().persist().await.unwrap();
    std::fs::remove_file(fixture.path("trips.csv")).unwrap();
    assert_eq!(kept.clone().count().await.unwrap(), 2250);
    let fares = kept.clone().aggregate(vec![], vec![sum(col("passengers"))]).unwrap().collect().await.unwrap();
    assert_eq!(fares[0].column(0).as_primitive::<Int64Type>().value(0), 4500);
    // Beside itself, divided by its keys, and kept again.
    let (left, right) = (kept.clone().alias("l").unwrap(), kept.clone().alias("r").unwrap());
    let pairs = left.join(right, JoinType::Inner, &["day", "passengers", "fare"], &["day", "passengers", "fare"], None);
    let pairs = pairs.unwrap().persist().await.unwrap();
    assert!(pairs.count().await.unwrap() > 2250);
    let first = kept.limit(0, Some(3)).unwrap();
    assert_eq!(first.count().await.unwrap(), 3);
}

#[tokio::test]
async fn sql_keeps_tables() {
    let fixture = Fixture::new().await;
    let path = fixture.trips(3000);
    let session = &fixture.session;
    let text = format!(
        "CREATE TABLE dear AS SELECT day, passengers AS who, fare FROM read_csv('{path}', sep => ';') WHERE fare > 30; \
         CREATE VIEW counts AS SELECT who, count(*) AS trips FROM dear GROUP BY who; \
         SELECT sum(trips) AS n FROM counts"
    );
    let answer = shown(session.sql(&text).await.unwrap()).await;
    assert!(answer.contains("| 750 |"), "{answer}");
    std::fs::remove_file(path).unwrap();
    let answer = shown(session.sql("SELECT max(fare) AS most FROM dear").await.unwrap()).await;
    assert!(answer.contains("| 39.5 |"), "{answer}");
    let taken = session.sql("CREATE TABLE dear AS SELECT 1; SELECT 1").await.unwrap_err();
    assert!(taken.to_string().contains("kept table called dear"), "{taken}");
    session.sql("CREATE OR REPLACE TABLE dear AS SELECT 7 AS seven; SELECT 1").await.unwrap();
    let answer = shown(session.sql("SELECT * FROM dear").await.unwrap()).await;
    assert!(answer.contains("| 7     |"), "{answer}");
    let twice = session.sql("CREATE TABLE two AS SELECT a.seven, b.seven FROM dear a, dear b; SELECT 1").await;
    assert!(twice.unwrap_err().to_string().contains("two columns are called seven"));
    let gone = session.sql("DROP TABLE dear; SELECT * FROM dear").await.unwrap_err();
    assert!(gone.to_string().contains("dear"), "{gone}");
}

#[tokio::test]
async fn kept_tables_belong_to_their_session() {
    let (here, there) = (Fixture::new().await, Fixture::new().await);
    let kept = here.frame(100).await.persist().await.unwrap();
    let other = there.frame(100).await;
    let error = other.union(kept).unwrap().count().await.unwrap_err();
    assert!(error.to_string().contains("kept by the workers of another application"), "{error}");
}
