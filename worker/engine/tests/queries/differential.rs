//! Every class of query, cut into many splits, against plain DataFusion over the same data; and the same bytes
//! whatever the order of the tasks and the worker's memory.

use std::sync::OnceLock;

use crate::support::compare::assert_same;
use crate::support::{Answer, Files, Runner, data, plain};
use arrow::datatypes::SchemaRef;

struct World {
    _files: Files,
    trips: String,
    names: String,
    schemas: [SchemaRef; 2],
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let files = Files::new();
        let trips = files.write("trips.csv", data::trips(2_000));
        let names = files.write("names.csv", data::PAYMENTS);
        let schema = |path: &str| Runner::default().plan(&format!("SELECT * FROM '{path}'")).unwrap().schema;
        let schemas = [schema(&trips), schema(&names)];
        World { _files: files, trips, names, schemas }
    })
}

/// The query with `{t}` and `{n}` replaced by the tables.
pub fn filled(sql: &str) -> String {
    let world = world();
    sql.replace("{t}", &format!("'{}'", world.trips)).replace("{n}", &format!("'{}'", world.names))
}

fn run(runner: &Runner, sql: &str) -> Answer {
    runner.run(&filled(sql)).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"))
}

/// The answers for many and for few splits are plain DataFusion's, and their bytes depend on nothing but the splits.
fn check_in_order(sql: &str, plain_sql: &str, ordered: bool) {
    check_at(&[3_001, 40_000, 1 << 20], sql, plain_sql, ordered);
    exchanged(sql, plain_sql, ordered);
}

/// The same at other split sizes, for rows in order.
pub fn check_ordered_at(split_sizes: &[u64], sql: &str) {
    check_at(split_sizes, sql, sql, true);
    exchanged(sql, sql, true);
}

/// The same with exchanges of three buckets, and of more buckets than there are keys. Rows without an order of their own
/// come in another one then.
pub fn exchanged(sql: &str, plain_sql: &str, ordered: bool) {
    let ordered = ordered && plain_sql.contains("ORDER BY");
    for (split_size, buckets) in [(3_001, 3), (40_000, 17)] {
        let runner = Runner { split_size, buckets: Some(buckets), ..Runner::default() };
        check_with(&runner, sql, plain_sql, ordered);
    }
}

fn check_at(split_sizes: &[u64], sql: &str, plain_sql: &str, ordered: bool) {
    for &split_size in split_sizes {
        check_with(&Runner { split_size, ..Runner::default() }, sql, plain_sql, ordered);
    }
}

fn check_with(runner: &Runner, sql: &str, plain_sql: &str, ordered: bool) {
    let world = world();
    let tables = [(world.trips.as_str(), world.schemas[0].clone()), (world.names.as_str(), world.schemas[1].clone())];
    let expected = plain::run(&filled(plain_sql), &tables);
    let answer = run(runner, sql);
    assert_same(sql, &answer.batches, &expected, ordered);
    let elsewhere = Runner { backwards: true, memory_bytes: 64 << 20, ..runner.clone() };
    assert_eq!(run(&elsewhere, sql).bytes, answer.bytes, "bytes of {sql} with {runner:?}");
}

fn check(sql: &str) {
    check_in_order(sql, sql, false);
}

fn check_ordered(sql: &str) {
    check_in_order(sql, sql, true);
}

/// Stages of the query when it is cut into many splits.
fn shape(sql: &str) -> Vec<usize> {
    let query = Runner::default().plan(&filled(sql)).unwrap();
    query.stages.iter().map(|stage| stage.tasks.len()).collect()
}

#[test]
fn filter_and_projection() {
    check_ordered("SELECT id, fare_amount * 2 AS double, flag FROM {t} WHERE trip_distance > 12.5");
    check_ordered("SELECT * FROM {t}");
    check_ordered("SELECT upper(flag), id % 3 FROM {t} WHERE passenger_count IS NULL OR payment_type IN (2, 3)");
    check_ordered("SELECT id FROM {t} WHERE fare_amount < 0");
    check("SELECT CASE WHEN payment_type = 1 THEN 'card' ELSE flag END AS k FROM {t} WHERE flag LIKE '%view%'");
    let scans = shape("SELECT id FROM {t} WHERE id > 5");
    assert!(scans.len() == 1 && scans[0] > 10, "{scans:?}");
}

#[test]
fn counts() {
    check("SELECT count(*) FROM {t}");
    check("SELECT count(*) FROM {t} WHERE fare_amount > 50");
    check("SELECT count(passenger_count), count(flag), count(*) FROM {t}");
    check("SELECT count(*) FROM {t} WHERE false");
}

#[test]
fn grouped_aggregates() {
    check("SELECT passenger_count, count(*) AS trips, avg(fare_amount) AS fare FROM {t} GROUP BY passenger_count");
    check_ordered(
        "SELECT passenger_count, count(*) AS trips, avg(fare_amount) FROM {t} GROUP BY passenger_count ORDER BY 1",
    );
    check(
        "SELECT flag, sum(tip_amount), min(pickup), max(pickup), stddev(fare_amount), var_pop(tip_amount) FROM {t} GROUP BY flag",
    );
    check("SELECT payment_type, median(fare_amount), approx_distinct(id) FROM {t} GROUP BY payment_type");
    check("SELECT sum(fare_amount), avg(tip_amount), min(flag), max(id), corr(fare_amount, tip_amount) FROM {t}");
    check("SELECT sum(id) FROM {t} WHERE id < 0");
    let stages = shape("SELECT flag, count(*) FROM {t} GROUP BY flag");
    assert!(stages.len() == 2 && stages[0] > 10 && stages[1] == 1, "{stages:?}");
}

#[test]
fn aggregates_that_do_not_split_simply() {
    check("SELECT count(DISTINCT passenger_count) FROM {t}");
    check("SELECT flag, count(DISTINCT payment_type), sum(id) FROM {t} GROUP BY flag");
    check("SELECT count(DISTINCT flag), count(DISTINCT payment_type), sum(DISTINCT passenger_count) FROM {t}");
    check("SELECT DISTINCT payment_type, flag FROM {t}");
    check("SELECT flag, payment_type, count(*), grouping(flag) FROM {t} GROUP BY ROLLUP (flag, payment_type)");
    check("SELECT flag, passenger_count, sum(id) FROM {t} GROUP BY CUBE (flag, passenger_count)");
    check("SELECT array_agg(id) FROM {t} WHERE id % 100 = 0");
    check(
        "SELECT payment_type, first_value(id ORDER BY fare_amount, id), last_value(id ORDER BY id) FROM {t} GROUP BY payment_type",
    );
    check(
        "SELECT payment_type, array_agg(id ORDER BY fare_amount, id) FROM {t} WHERE id % 50 = 0 GROUP BY payment_type",
    );
    check("SELECT string_agg(flag, ',' ORDER BY id) FROM {t} WHERE id % 90 = 0");
    check("SELECT payment_type, sum(fare_amount) FILTER (WHERE flag = 'N') FROM {t} GROUP BY payment_type");
}

#[test]
fn having_and_expressions_over_groups() {
    check(
        "SELECT passenger_count, sum(fare_amount) / count(*) AS mean FROM {t} GROUP BY passenger_count HAVING count(*) > 250",
    );
    check_ordered("SELECT hour(pickup) AS h, avg(tip_amount / fare_amount) FROM {t} WHERE fare_amount > 0 GROUP BY 1 HAVING count(*) > 1 ORDER BY h"
        .replace("hour(pickup)", "date_part('hour', pickup)").as_str());
}

#[test]
fn sorts() {
    check_ordered("SELECT id, fare_amount FROM {t} ORDER BY fare_amount DESC, id");
    check_ordered("SELECT flag, pickup, id FROM {t} WHERE payment_type = 2 ORDER BY flag NULLS FIRST, pickup, id");
    check_ordered("SELECT id FROM {t} ORDER BY fare_amount DESC, id LIMIT 7");
    check_ordered("SELECT id FROM {t} ORDER BY passenger_count NULLS LAST, id LIMIT 20 OFFSET 15");
    check_ordered("SELECT id FROM {t} ORDER BY id OFFSET 1990");
    check_ordered("SELECT passenger_count, id FROM {t} ORDER BY id LIMIT 0");
    check_ordered("SELECT flag, count(*) AS n FROM {t} GROUP BY flag ORDER BY n DESC, flag LIMIT 2");
    check_ordered("SELECT payment_type, min(fare_amount) AS m FROM {t} GROUP BY payment_type ORDER BY m LIMIT 3");
    let stages = shape("SELECT id FROM {t} ORDER BY fare_amount LIMIT 7");
    assert!(stages.len() == 2 && stages[0] > 10, "{stages:?}");
}

#[test]
fn ties_come_out_in_one_order() {
    for sql in [
        "SELECT flag, id FROM {t} ORDER BY flag",
        "SELECT payment_type, id FROM {t} ORDER BY payment_type DESC LIMIT 40",
        "SELECT passenger_count, id FROM {t} ORDER BY passenger_count",
    ] {
        let runner = Runner { split_size: 1_000, ..Runner::default() };
        let bytes = run(&runner, sql).bytes;
        assert_eq!(run(&Runner { backwards: true, memory_bytes: 32 << 20, ..runner }, sql).bytes, bytes, "{sql}");
    }
}

#[test]
fn limits_without_order() {
    let rows = |sql: &str| run(&Runner::default(), sql).batches.iter().map(|batch| batch.num_rows()).sum::<usize>();
    check_ordered("SELECT id FROM {t} LIMIT 13");
    check_ordered("SELECT id FROM {t} LIMIT 5 OFFSET 700");
    check_ordered("SELECT id FROM {t} WHERE payment_type = 4 LIMIT 300");
    check_ordered("SELECT id FROM {t} LIMIT 5000");
    check_ordered("SELECT id FROM {t} WHERE id > 1500 LIMIT 1000 OFFSET 3");
    assert_eq!(rows("SELECT DISTINCT flag FROM {t} LIMIT 2"), 2);
    assert_eq!(rows("SELECT payment_type, count(*) FROM {t} GROUP BY payment_type LIMIT 3"), 3);
    check("SELECT count(*) FROM (SELECT id FROM {t} LIMIT 777)");
    check("SELECT sum(id) FROM (SELECT id FROM {t} LIMIT 777)");
    check("SELECT max(id) FROM (SELECT id FROM {t} WHERE payment_type = 3 LIMIT 40)");
}

#[test]
fn joins() {
    let by = "ON t.payment_type = n.payment_type";
    check(&format!("SELECT t.id, n.name FROM {{t}} t JOIN {{n}} n {by}"));
    for kind in ["LEFT", "RIGHT", "FULL"] {
        check(&format!("SELECT t.id, n.name FROM {{t}} t {kind} JOIN {{n}} n {by}"));
    }
    check(&format!(
        "SELECT n.name, count(*), sum(t.fare_amount) FROM {{t}} t JOIN {{n}} n {by} WHERE t.id > 100 GROUP BY n.name"
    ));
    check("SELECT id FROM {t} WHERE payment_type IN (SELECT payment_type FROM {n})");
    check("SELECT id FROM {t} WHERE payment_type NOT IN (SELECT payment_type FROM {n})");
    check("SELECT id FROM {t} t WHERE EXISTS (SELECT 1 FROM {n} n WHERE n.payment_type = t.payment_type)");
    check("SELECT name FROM {n} n WHERE NOT EXISTS (SELECT 1 FROM {t} t WHERE n.payment_type = t.payment_type)");
    check("SELECT name FROM {n} n WHERE payment_type NOT IN (SELECT payment_type FROM {t})");
    check("SELECT count(*) FROM {t} CROSS JOIN {n}");
    check("SELECT a.id FROM {t} a JOIN {t} b ON a.id = b.id + 1000 WHERE a.payment_type < b.payment_type");
    check("SELECT count(*) FROM {t} t JOIN {n} n ON t.payment_type < n.payment_type");
    check("SELECT name FROM {n} RIGHT JOIN (SELECT DISTINCT payment_type AS p FROM {t}) ON payment_type = p");
}

#[test]
fn windows() {
    check("SELECT id, row_number() OVER (PARTITION BY payment_type ORDER BY fare_amount, id) FROM {t}");
    check("SELECT id, sum(fare_amount) OVER (PARTITION BY flag) FROM {t} WHERE id < 300");
    check("SELECT id, rank() OVER (ORDER BY passenger_count) FROM {t}");
    check(
        "SELECT id, lag(id, 2) OVER (ORDER BY pickup, id), sum(id) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM {t}",
    );
    check("SELECT * FROM (SELECT id, row_number() OVER (PARTITION BY flag ORDER BY id) AS r FROM {t}) WHERE r <= 2");
    check("SELECT id, row_number() OVER () AS r FROM {t}");
}

#[test]
fn unions_and_set_operations() {
    check_ordered("SELECT id FROM {t} WHERE id < 5 UNION ALL SELECT id FROM {t} WHERE id > 1990");
    check("SELECT payment_type FROM {t} UNION SELECT payment_type FROM {n}");
    check("SELECT payment_type FROM {t} INTERSECT SELECT payment_type FROM {n}");
    check("SELECT payment_type FROM {n} EXCEPT SELECT payment_type FROM {t}");
    check(
        "SELECT k, sum(v) FROM (SELECT flag AS k, id AS v FROM {t} UNION ALL SELECT name, payment_type FROM {n}) GROUP BY k",
    );
    check_ordered("SELECT id FROM {t} UNION ALL SELECT payment_type FROM {n} ORDER BY 1 LIMIT 30");
    check("SELECT count(*) FROM (SELECT id FROM {t} UNION ALL SELECT id FROM {t})");
}

#[test]
fn subqueries() {
    check("SELECT id FROM {t} WHERE fare_amount > (SELECT avg(fare_amount) FROM {t})");
    check("SELECT id, (SELECT max(name) FROM {n}) AS m FROM {t} WHERE id < 10");
    check(
        "SELECT payment_type, count(*) FROM {t} WHERE fare_amount > (SELECT avg(fare_amount) FROM {t}) GROUP BY payment_type",
    );
    check(
        "SELECT payment_type, sum(id) FROM {t} GROUP BY payment_type HAVING sum(fare_amount) > (SELECT sum(fare_amount) / 6 FROM {t})",
    );
    check(
        "SELECT id FROM {t} t WHERE fare_amount > (SELECT avg(fare_amount) FROM {t} u WHERE u.payment_type = t.payment_type)",
    );
    check(
        "WITH m AS (SELECT payment_type AS p, max(fare_amount) AS f FROM {t} GROUP BY 1) SELECT t.id FROM {t} t JOIN m ON t.payment_type = m.p AND t.fare_amount = m.f",
    );
    check("SELECT id FROM {t} ORDER BY abs(fare_amount - (SELECT avg(fare_amount) FROM {t})), id LIMIT 5");
}

#[test]
fn queries_without_tables() {
    for sql in [
        "SELECT 1 + 1",
        "VALUES (1, 'a'), (2, 'b')",
        "SELECT * FROM generate_series(1, 5)",
        "SELECT repeat('x', 10) FROM generate_series(1, 4)",
        "SELECT 1 FROM range(DATE '2024-01-01', DATE '2024-02-01', INTERVAL '1 day')",
        "SELECT count(*) FROM generate_series(1, 20000, 3)",
        "SELECT count(*) FROM generate_series(1, NULL)",
        "SELECT a.value FROM generate_series(1, 4) a CROSS JOIN generate_series(1, 3) b ORDER BY a.value",
        "SELECT sum(x) FROM (VALUES (1.5), (2.5)) AS v(x)",
        "SELECT 1 WHERE false",
    ] {
        check(sql);
        assert_eq!(shape(sql), [1], "{sql}");
    }
    check("SELECT count(*) FROM {t} JOIN (VALUES (1), (2)) AS v(p) ON v.p = payment_type");
}

#[test]
fn nested_values() {
    check("SELECT id, u FROM (SELECT id, unnest([payment_type, passenger_count]) AS u FROM {t}) WHERE u > 4");
    check("SELECT id, [payment_type, id] AS pair, named_struct('f', flag) AS s FROM {t} WHERE id % 77 = 0");
}

#[test]
fn parts_of_times() {
    for part in ["year", "month", "day", "hour", "minute", "second"] {
        let ours = format!("SELECT {part}(pickup) AS part, count(*) FROM {{t}} GROUP BY 1");
        let plain = format!("SELECT date_part('{part}', pickup) AS part, count(*) FROM {{t}} GROUP BY 1");
        check_in_order(&ours, &plain, false);
    }
    check_in_order(
        "SELECT hour('2024-05-01T07:30:00'), day(DATE '2024-05-17'), year(now()) > 2000",
        "SELECT 7, 17, true",
        true,
    );
}

#[test]
fn names_fit_without_regard_to_case() {
    check_in_order(
        "SELECT vendorid, count(*) FROM {t} GROUP BY VENDORID",
        "SELECT \"VendorID\", count(*) FROM {t} GROUP BY 1",
        false,
    );
}

#[test]
fn given_names_differ_from_columns_by_scope() {
    for (ours, plain) in [
        (
            "SELECT sum(VendorID) AS vendorid FROM {t} GROUP BY flag HAVING sum(VendorID) > 3 ORDER BY vendorid",
            "SELECT sum(\"VendorID\") AS v FROM {t} GROUP BY flag HAVING sum(\"VendorID\") > 3 ORDER BY v",
        ),
        ("SELECT VendorID AS vendorid, id FROM {t} ORDER BY id", "SELECT \"VendorID\", id FROM {t} ORDER BY id"),
        (
            "SELECT vendorid, a.id FROM {t} a JOIN {t} b USING (VendorID) WHERE a.id < 3 AND b.id < 9 ORDER BY a.id",
            "SELECT a.\"VendorID\", a.id FROM {t} a JOIN {t} b USING (\"VendorID\") WHERE a.id < 3 AND b.id < 9 ORDER BY a.id",
        ),
        (
            "WITH x(vendorid) AS (SELECT max(vendorid) FROM {t}) SELECT vendorid FROM x",
            "SELECT max(\"VendorID\") FROM {t}",
        ),
        (
            "SELECT t.vendorid, u.vendorid FROM {t} t JOIN (VALUES (1)) u(vendorid) ON t.vendorid = u.vendorid",
            "SELECT 1 AS a, 1 AS b FROM {t} WHERE \"VendorID\" = 1",
        ),
        (
            "SELECT vendorid FROM (SELECT VendorID + 1 AS vendorid FROM {t}) WHERE vendorid > 2",
            "SELECT \"VendorID\" + 1 FROM {t} WHERE \"VendorID\" > 1",
        ),
    ] {
        check_in_order(ours, plain, true);
    }
}

#[test]
fn several_files_are_one_table() {
    let files = Files::new();
    let whole = data::trips(900);
    let (header, rows) = whole.split_once('\n').unwrap();
    let lines: Vec<&str> = rows.lines().collect();
    for (number, part) in lines.chunks(250).enumerate() {
        files.write(&format!("parts/{number}.csv"), format!("{header}\n{}\n", part.join("\n")));
    }
    files.write("parts/_SUCCESS", "");
    let single = files.write("whole.csv", &whole);
    for table in [files.join("parts"), files.join("parts/*.csv"), files.join("parts/{0,1,2,3}.csv")] {
        let sql =
            |path: &str| format!("SELECT payment_type, count(*), sum(fare_amount) FROM '{path}' GROUP BY 1 ORDER BY 1");
        let runner = Runner { split_size: 5_000, ..Runner::default() };
        let parts = runner.run(&sql(table.to_str().unwrap())).unwrap();
        let expected = runner.run(&sql(&single)).unwrap();
        assert_same("several files", &parts.batches, &expected.batches, true);
    }
}
