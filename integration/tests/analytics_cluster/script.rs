//! Scripts: several statements, one application.

use integration::data::events;
use integration::shared;

use super::both::{Both, no_warning, outcomes};
use super::files::parts_there;

/// Names, queries, an output, and names that are gone.
const SCRIPT: &str = "
    CREATE EXTERNAL TABLE events (id VARCHAR, type VARCHAR, actor STRUCT<id BIGINT, login VARCHAR>) STORED AS JSON
        LOCATION '{d}/events.json' OPTIONS (on_bad 'skip');
    CREATE VIEW pushes AS SELECT id, actor['login'] AS login FROM events WHERE type = 'PushEvent';
    SELECT type, count(*) AS n FROM events GROUP BY type ORDER BY type;
    SELECT count(*) AS n, max(id) AS last FROM pushes;
    COPY (SELECT id, login FROM pushes) TO '{d}/pushes' STORED AS CSV OPTIONS (compression gzip);
    SELECT count(*) AS n, max(id) AS last FROM '{d}/pushes';
    DROP VIEW pushes;
    SHOW TABLES;";

#[test]
fn a_script_is_one_application() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "script");
    let mut text = Vec::new();
    let tally = events::write(&mut text, 9 << 20, 10).unwrap();
    both.put("events.json", &text);
    let there = both.there_with(&["--name", "one-script"], "3MiB", SCRIPT).expect(0);
    assert_eq!(there.stdout, both.here("3MiB", SCRIPT).expect(0).stdout);
    let pushes = format!("\n{},", tally.types["PushEvent"]);
    assert_eq!(there.stdout.matches(&pushes).count(), 2, "what was written is what was read:\n{}", there.stdout);
    assert_eq!(outcomes(cluster, "one-script"), ["SUCCEEDED"]);
    assert_eq!(parts_there(cluster, &format!("{}/pushes", both.path())).len(), 3);
    no_warning(&there);
}

#[test]
fn a_script_ends_with_the_statement_that_fails() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "failing-script");
    both.put("good.csv", b"id\n1\n2\n");
    let text = "SELECT sum(id) AS s FROM '{d}/good.csv'; SELECT 1 / (id - 2) AS q FROM '{d}/good.csv'; \
                COPY (SELECT id FROM '{d}/good.csv') TO '{d}/out' STORED AS CSV";
    let failed = both.there_with(&["--name", "failing-script"], "1MiB", text);
    assert!(failed.code != 0 && failed.stdout.starts_with("s\n3\n"), "{}\n{}", failed.stdout, failed.stderr);
    failed.says(&["ivide by zero"]);
    assert_eq!(outcomes(cluster, "failing-script"), ["FAILED"]);
    assert_eq!(cluster.list(&format!("{}/out", both.path())).unwrap(), None);
}
