//! Events: JSON lines with nested objects.

use std::fs::File;
use std::io::BufWriter;

use integration::data::events;
use integration::oracle::{Format, Table};

use super::check::{Case, Place};

/// 1 MB: 31 splits of 32 KiB, more than many of its lines.
const RUNS: [(&str, Format); 3] = [("32KiB", Format::Csv), ("512KiB", Format::Json), ("1KiB", Format::Csv)];

/// What the questions ask for.
const COLUMNS: [(&str, &str); 7] = [
    ("id", "VARCHAR"),
    ("type", "VARCHAR"),
    ("actor", "STRUCT(id BIGINT, login VARCHAR)"),
    ("repo", "STRUCT(id BIGINT, name VARCHAR)"),
    (
        "payload",
        "STRUCT(action VARCHAR, size BIGINT, number BIGINT, issue STRUCT(title VARCHAR, \"user\" STRUCT(login VARCHAR)))",
    ),
    ("public", "BOOLEAN"),
    ("created_at", "VARCHAR"),
];

#[test]
fn nested_members_are_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    events::write(&mut BufWriter::new(File::create(&path).unwrap()), 1_000_000, 42).unwrap();
    let Some(mut place) = Place::new(&[Table::json("events", &path, &COLUMNS)], &RUNS) else { return };
    place.check(&[
        Case::of("SELECT count(*) AS n FROM {events}").pandas("pd.DataFrame({'n': [len(events)]})"),
        Case::of("SELECT type, count(*) AS n FROM {events} GROUP BY type").pandas("events.groupby('type').size().rename('n')"),
        Case::of("SELECT id, type FROM {events} WHERE type IN ('GollumEvent', 'MemberEvent')"),
        Case::ordered(
            "SELECT e.actor.login AS login, count(*) AS n FROM {events} e WHERE e.repo.name LIKE 'user2%/a%' \
             GROUP BY 1 ORDER BY n DESC, login LIMIT 10",
        ),
        Case::of("SELECT e.actor.login AS login, max(e.actor.id) AS id FROM {events} e GROUP BY 1 HAVING count(*) > 5"),
        Case::of("SELECT actor['login'] AS login, repo['id'] AS r FROM {events} WHERE public AND type = 'ForkEvent'"),
        Case::of("SELECT e.payload.action AS a, count(*) AS n FROM {events} e GROUP BY 1"),
        Case::of("SELECT sum(e.payload.size) AS s, count(e.payload.size) AS c, max(e.payload.number) AS m FROM {events} e"),
        Case::of("SELECT id, e.payload.issue.title AS t FROM {events} e WHERE e.payload.issue.title IS NOT NULL"),
        Case::of("SELECT e.payload.issue.\"user\".login AS u, count(*) AS n FROM {events} e WHERE type = 'IssuesEvent' GROUP BY 1"),
        Case::of("SELECT a.id FROM {events} a JOIN {events} b ON a.repo.id = b.repo.id AND a.id < b.id WHERE b.type = 'DeleteEvent'"),
        Case::of("SELECT hour(CAST(created_at AS TIMESTAMP)) AS m, count(*) AS n FROM {events} GROUP BY 1"),
    ]);
}
