//! Trips: filters, groups, joins, windows, sets, subqueries, dates, texts, orders.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use integration::data::taxi;
use integration::oracle::{Format, Table};

use super::check::{Case, Place};

/// Some kinds of payment are not in the trips, some of the trips' are not here, and one has no name.
const PAYMENTS: &str = "id,name\n1,Card\n2,Cash\n3,\n9,Token\n10,\"Other, \"\"unknown\"\"\"\n";

/// 400 kB: 25 splits of 16 KiB, 2 of 256 KiB.
const RUNS: [(&str, Format); 3] = [("16KiB", Format::Csv), ("256KiB", Format::Json), ("64MiB", Format::Csv)];

fn tables(folder: &Path) -> Vec<Table> {
    let (trips, payments) = (folder.join("trips.csv"), folder.join("payments.csv"));
    taxi::write(&mut BufWriter::new(File::create(&trips).unwrap()), 400_000, 42).unwrap();
    fs::write(&payments, PAYMENTS).unwrap();
    vec![
        Table::csv("trips", trips, &taxi::COLUMNS),
        Table::csv("payments", payments, &[("id", "BIGINT"), ("name", "VARCHAR")]),
    ]
}

fn check(cases: &[Case]) {
    let folder = tempfile::tempdir().unwrap();
    if let Some(mut place) = Place::new(&tables(folder.path()), &RUNS) {
        place.check(cases);
    }
}

#[test]
fn filters_and_expressions() {
    check(&[
        Case::of("SELECT count(*) AS n FROM {trips}").pandas("pd.DataFrame({'n': [len(trips)]})"),
        Case::of("SELECT * FROM {trips} WHERE fare_amount > 40").pandas("trips[trips.fare_amount > 40]"),
        Case::of(
            "SELECT trip_distance AS d, fare_amount * 1.1 AS f FROM {trips} WHERE passenger_count BETWEEN 4 AND 5",
        )
        .pandas(
            "trips[trips.passenger_count.between(4, 5)].assign(d=lambda t: t.trip_distance, \
                 f=lambda t: t.fare_amount * 1.1)[['d', 'f']]",
        ),
        Case::of("SELECT passenger_count AS p FROM {trips} WHERE payment_type IN (3, 4, 5) AND NOT tip_amount > 0"),
        Case::of(
            "SELECT CASE WHEN fare_amount < 0 THEN 'refund' WHEN fare_amount = 0 THEN 'free' ELSE 'paid' END AS c, \
             count(*) AS n FROM {trips} GROUP BY 1",
        ),
        Case::of(
            "SELECT coalesce(nullif(tolls_amount, 0), -1) AS t, fare_amount AS f FROM {trips} WHERE tip_amount > 5",
        ),
        Case::of(
            "SELECT round(fare_amount) AS r, floor(trip_distance) AS f, ceil(tip_amount) AS c, abs(extra - 1) AS a, \
             CAST(fare_amount AS VARCHAR) AS t FROM {trips} WHERE fare_amount > 30 AND fare_amount * 2 <> round(fare_amount * 2) + 1 \
             AND round(fare_amount) = fare_amount",
        ),
        Case::of(
            "SELECT sqrt(trip_distance) AS s, power(passenger_count, 2) AS p, passenger_count % 3 AS m FROM {trips}",
        ),
    ]);
}

#[test]
fn groups() {
    check(&[
        Case::of("SELECT payment_type, count(*) AS n FROM {trips} GROUP BY payment_type")
            .pandas("trips.groupby('payment_type').size().rename('n')"),
        Case::of("SELECT passenger_count AS p, sum(fare_amount) AS s, avg(tip_amount) AS a FROM {trips} GROUP BY 1").pandas(
            "trips.groupby('passenger_count').agg(s=('fare_amount', 'sum'), a=('tip_amount', 'mean')).reset_index()\
             .rename(columns={'passenger_count': 'p'})",
        ),
        Case::of(
            "SELECT payment_type AS p, min(fare_amount) AS a, max(fare_amount) AS b, stddev(fare_amount) AS s, \
             var_pop(fare_amount) AS v FROM {trips} GROUP BY payment_type",
        ),
        Case::of("SELECT min(tpep_pickup_datetime) AS a, max(store_and_fwd_flag) AS b, sum(passenger_count) AS c FROM {trips}"),
        Case::of("SELECT RateCodeID AS r, count(DISTINCT passenger_count) AS n FROM {trips} GROUP BY RateCodeID"),
        Case::of("SELECT count(DISTINCT tip_amount) AS a, count(DISTINCT store_and_fwd_flag) AS b FROM {trips}"),
        Case::of("SELECT passenger_count AS p, count(*) AS n FROM {trips} GROUP BY 1 HAVING count(*) > 100"),
        Case::of(
            "SELECT median(fare_amount) AS m, percentile_cont(0.9) WITHIN GROUP (ORDER BY fare_amount) AS q FROM {trips}",
        )
        .pandas("pd.DataFrame({'m': [trips.fare_amount.median()], 'q': [trips.fare_amount.quantile(0.9)]})"),
        Case::of("SELECT payment_type AS p, corr(trip_distance, fare_amount) AS c FROM {trips} GROUP BY 1"),
        Case::of("SELECT count(*) FILTER (WHERE tip_amount > 0) AS tipped, count(*) AS n FROM {trips}"),
        Case::of(
            "SELECT payment_type AS p, store_and_fwd_flag AS f, count(*) AS n, grouping(payment_type) AS g FROM {trips} \
             GROUP BY ROLLUP (payment_type, store_and_fwd_flag)",
        ),
        Case::of("SELECT payment_type AS p, VendorID AS v, sum(extra) AS s FROM {trips} GROUP BY CUBE (payment_type, VendorID)"),
        Case::of(
            "SELECT payment_type AS p, VendorID AS v, count(*) AS n FROM {trips} \
             GROUP BY GROUPING SETS ((payment_type), (VendorID), ())",
        ),
        Case::of("SELECT bool_and(fare_amount > -100) AS a, bool_or(fare_amount > 1000) AS b FROM {trips}"),
    ]);
}

#[test]
fn joins() {
    check(&[
        Case::of("SELECT name, count(*) AS n FROM {trips} t JOIN {payments} p ON t.payment_type = p.id GROUP BY name").pandas(
            "trips.merge(payments, left_on='payment_type', right_on='id').groupby('name', dropna=False).size().rename('n')",
        ),
        Case::of(
            "SELECT payment_type AS t, id, name, count(*) AS n FROM {trips} LEFT JOIN {payments} ON payment_type = id \
             GROUP BY payment_type, id, name",
        ),
        Case::of("SELECT id, name, sum(fare_amount) AS s FROM {trips} RIGHT JOIN {payments} ON payment_type = id GROUP BY 1, 2"),
        Case::of("SELECT payment_type AS t, id, count(*) AS n FROM {trips} FULL JOIN {payments} ON payment_type = id GROUP BY 1, 2"),
        Case::of("SELECT id, name FROM {payments} p WHERE EXISTS (SELECT 1 FROM {trips} t WHERE t.payment_type = p.id)"),
        Case::of("SELECT id FROM {payments} p WHERE NOT EXISTS (SELECT 1 FROM {trips} t WHERE t.payment_type = p.id)"),
        Case::of("SELECT count(*) AS n FROM {trips} WHERE payment_type IN (SELECT id FROM {payments} WHERE name = 'Card')"),
        Case::of("SELECT count(*) AS n FROM {trips} WHERE payment_type NOT IN (SELECT id FROM {payments})"),
        Case::of("SELECT a.id AS x, b.id AS y FROM {payments} a CROSS JOIN {payments} b"),
        Case::of("SELECT a.id AS x, b.id AS y FROM {payments} a JOIN {payments} b ON a.id < b.id"),
        Case::of(
            "SELECT count(*) AS n FROM {trips} a JOIN {trips} b ON a.tpep_pickup_datetime = b.tpep_pickup_datetime \
             AND a.VendorID < b.VendorID",
        ),
        Case::of(
            "SELECT p.name, t.n FROM {payments} p LEFT JOIN (SELECT payment_type, count(*) AS n FROM {trips} \
             WHERE fare_amount > 20 GROUP BY 1) t ON p.id = t.payment_type WHERE p.id > 1",
        ),
    ]);
}

#[test]
fn windows_sets_and_subqueries() {
    check(&[
        Case::of(
            "SELECT payment_type AS p, fare_amount AS f, n FROM (SELECT payment_type, fare_amount, row_number() OVER \
             (PARTITION BY payment_type ORDER BY fare_amount DESC, tpep_pickup_datetime, trip_distance) AS n FROM {trips}) \
             WHERE n <= 3",
        ),
        Case::of(
            "SELECT d, s, sum(s) OVER (ORDER BY d ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS r FROM \
             (SELECT CAST(tpep_pickup_datetime AS DATE) AS d, sum(fare_amount) AS s FROM {trips} GROUP BY 1)",
        ),
        Case::of(
            "SELECT RateCodeID AS r, n, rank() OVER (ORDER BY n DESC) AS k, lag(n) OVER (ORDER BY n DESC, RateCodeID) AS l \
             FROM (SELECT RateCodeID, count(*) AS n FROM {trips} GROUP BY RateCodeID)",
        ),
        Case::of(
            "SELECT passenger_count AS p, fare_amount - avg(fare_amount) OVER (PARTITION BY passenger_count) AS d FROM {trips} \
             WHERE passenger_count > 3",
        ),
        Case::of("SELECT payment_type AS x FROM {trips} WHERE fare_amount > 40 UNION ALL SELECT id FROM {payments}"),
        Case::of("SELECT payment_type AS x FROM {trips} UNION SELECT id FROM {payments}"),
        Case::of("SELECT payment_type AS x FROM {trips} INTERSECT SELECT id FROM {payments}"),
        Case::of("SELECT id AS x FROM {payments} EXCEPT SELECT payment_type FROM {trips}"),
        Case::of("SELECT DISTINCT passenger_count AS p, store_and_fwd_flag AS f FROM {trips}")
            .pandas("trips[['passenger_count', 'store_and_fwd_flag']].drop_duplicates().set_axis(['p', 'f'], axis=1)"),
        Case::of("SELECT count(*) AS n FROM {trips} WHERE fare_amount > (SELECT avg(fare_amount) FROM {trips})"),
        Case::of(
            "SELECT count(*) AS n FROM {trips} t WHERE fare_amount > (SELECT avg(u.fare_amount) * 2 FROM {trips} u \
             WHERE u.payment_type = t.payment_type)",
        ),
        Case::of(
            "WITH a AS (SELECT VendorID, sum(tip_amount) AS t FROM {trips} GROUP BY VendorID), \
             b AS (SELECT max(t) AS m FROM a) SELECT a.VendorID AS v, a.t FROM a JOIN b ON a.t = b.m",
        ),
    ]);
}

#[test]
fn dates_and_texts() {
    check(&[
        Case::of(
            "SELECT date_part('hour', tpep_pickup_datetime) AS h, count(*) AS n FROM {trips} GROUP BY 1",
        )
        .duckdb("SELECT CAST(date_part('hour', tpep_pickup_datetime) AS INT) AS h, count(*) AS n FROM {trips} GROUP BY 1")
        .pandas("trips.groupby(trips.tpep_pickup_datetime.dt.hour.rename('h')).size().rename('n')"),
        Case::of("SELECT date_trunc('day', tpep_pickup_datetime) AS d, count(*) AS n FROM {trips} GROUP BY 1")
            .duckdb("SELECT CAST(date_trunc('day', tpep_pickup_datetime) AS TIMESTAMP) AS d, count(*) AS n FROM {trips} GROUP BY 1"),
        Case::of("SELECT extract(year FROM tpep_pickup_datetime) AS y, extract(dow FROM tpep_pickup_datetime) AS w, count(*) AS n FROM {trips} GROUP BY 1, 2"),
        Case::of("SELECT tpep_pickup_datetime + INTERVAL '1' DAY AS t FROM {trips} WHERE fare_amount > 40"),
        Case::of("SELECT CAST(tpep_dropoff_datetime AS DATE) AS d, max(tpep_dropoff_datetime) AS m FROM {trips} GROUP BY 1"),
        Case::of("SELECT count(*) AS n FROM {trips} WHERE tpep_pickup_datetime >= TIMESTAMP '2015-01-10 12:00:00' AND tpep_pickup_datetime < DATE '2015-01-20'"),
        Case::of("SELECT id, upper(name) AS u, lower(name) AS l, length(name) AS n, substr(name, 2, 3) AS s FROM {payments}"),
        Case::of("SELECT id, name || '!' AS a, concat(name, '?') AS b, replace(name, 'a', 'o') AS c, trim(' ' || name) AS d FROM {payments}"),
        Case::of("SELECT id FROM {payments} WHERE name LIKE 'C%' OR name ILIKE '%TOK%' OR name IS NULL"),
        Case::of("SELECT id, strpos(name, 'a') AS p, left(name, 2) AS l, right(name, 2) AS r, reverse(name) AS v FROM {payments}"),
        Case::of("SELECT id, lpad(name, 8, '*') AS l, repeat(name, 2) AS r, split_part(name, 'a', 1) AS s FROM {payments}"),
        Case::of("SELECT id, regexp_replace(name, '[aeiou]', '_', 'g') AS r FROM {payments} WHERE regexp_like(name, '^C')")
            .duckdb("SELECT id, regexp_replace(name, '[aeiou]', '_', 'g') AS r FROM {payments} WHERE regexp_matches(name, '^C')"),
    ]);
}

#[test]
fn orders_and_limits() {
    check(&[
        Case::ordered(
            "SELECT tpep_pickup_datetime AS t, fare_amount AS f, trip_distance AS d FROM {trips} \
             ORDER BY fare_amount DESC, tpep_pickup_datetime, trip_distance LIMIT 20",
        )
        .pandas(
            "trips.sort_values(['fare_amount', 'tpep_pickup_datetime', 'trip_distance'], ascending=[False, True, True])\
             .head(20)[['tpep_pickup_datetime', 'fare_amount', 'trip_distance']].set_axis(['t', 'f', 'd'], axis=1)",
        ),
        Case::ordered("SELECT payment_type AS p, count(*) AS n FROM {trips} GROUP BY 1 ORDER BY n DESC, p"),
        Case::ordered("SELECT name, id FROM {payments} ORDER BY name, id"),
        Case::ordered("SELECT name, id FROM {payments} ORDER BY name DESC, id"),
        Case::ordered("SELECT name, id FROM {payments} ORDER BY name NULLS FIRST, id DESC"),
        Case::ordered(
            "SELECT tpep_pickup_datetime AS t, tpep_dropoff_datetime AS u, total_amount AS a FROM {trips} ORDER BY 1, 2, 3 LIMIT 10 OFFSET 5",
        ),
        Case::ordered(
            "SELECT tpep_pickup_datetime AS t, tpep_dropoff_datetime AS u, tip_amount AS a FROM {trips} ORDER BY 1, 2, 3",
        ),
        Case::of("SELECT count(*) AS n FROM (SELECT * FROM {trips} LIMIT 77)"),
    ]);
}
