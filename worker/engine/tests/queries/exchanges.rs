//! Queries with hash exchanges: which shapes are divided, which are not, and that all of them give plain DataFusion's
//! rows. The rows of every other class of query are compared in [`crate::differential`], with exchanges, too.

use crate::differential::{exchanged, filled};
use crate::support::Runner;
use bobbin_engine::Query;

const BUCKETS: usize = 3;

fn plan(sql: &str) -> Query {
    let runner = Runner { split_size: 3_001, buckets: Some(BUCKETS), ..Runner::default() };
    runner.plan(&filled(sql)).unwrap()
}

/// Right rows, and tasks of each stage: many splits are written as `n`.
fn check(sql: &str, stages: &str) {
    let query = plan(sql);
    let tasks = query.stages.iter().map(|stage| match stage.tasks.len() {
        more if more > 10 => "n".to_owned(),
        few => few.to_string(),
    });
    assert_eq!(tasks.collect::<Vec<_>>().join(" "), stages, "{sql}\n{}", query.explain());
    exchanged(sql, sql, false);
}

#[test]
fn aggregates_are_divided_by_their_groups() {
    check("SELECT flag, count(*), sum(fare_amount), stddev(tip_amount) FROM {t} GROUP BY flag", "n 3");
    check("SELECT DISTINCT flag, payment_type FROM {t}", "n 3");
    check("SELECT payment_type, median(fare_amount), approx_distinct(id) FROM {t} GROUP BY payment_type", "n 3");
    check(
        "SELECT flag, count(*) AS n FROM {t} GROUP BY flag HAVING count(*) > 3 ORDER BY n DESC, flag LIMIT 3",
        "n 3 1",
    );
    check("SELECT flag, payment_type, count(*), grouping(flag) FROM {t} GROUP BY ROLLUP (flag, payment_type)", "n 3");
    check("SELECT count(*), sum(fare_amount) FROM {t}", "n 1");
}

#[test]
fn stages_chain_to_any_depth() {
    check("SELECT flag, count(DISTINCT payment_type), sum(id) FROM {t} GROUP BY flag", "n 3 3");
    check("SELECT count(DISTINCT id) FROM {t}", "n 3 1");
    check(
        "SELECT n, count(*) FROM (SELECT fare_amount, count(*) AS n FROM {t} GROUP BY fare_amount) GROUP BY n ORDER BY n",
        "n 3 3 1",
    );
    check("SELECT max(s) FROM (SELECT flag, sum(id) AS s FROM {t} GROUP BY flag)", "n 3 1");
}

#[test]
fn sorts_are_merged() {
    check("SELECT id, fare_amount FROM {t} ORDER BY fare_amount DESC, id", "n 1");
    check("SELECT id FROM {t} ORDER BY fare_amount DESC, id LIMIT 7", "n 1");
    check("SELECT id FROM {t} WHERE payment_type = 4", "n");
}

#[test]
fn windows_are_divided_by_their_partitions() {
    check("SELECT id, row_number() OVER (PARTITION BY payment_type ORDER BY fare_amount, id) FROM {t}", "n 3");
    check("SELECT id, sum(fare_amount) OVER (PARTITION BY flag) FROM {t} WHERE id < 300", "n 3");
    check("SELECT id, rank() OVER (ORDER BY passenger_count) FROM {t}", "n 1");
}

#[test]
fn large_sides_of_joins_are_both_divided() {
    for kind in ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"] {
        let sql = format!("SELECT a.id, b.id FROM {{t}} a {kind} {{t}} b ON a.id = b.id + 1000");
        exchanged(&sql, &sql, false);
    }
    for condition in ["", "NOT "] {
        let sql = format!(
            "SELECT id FROM {{t}} t WHERE {condition}EXISTS (SELECT 1 FROM {{t}} u WHERE u.id = t.id * 2 AND u.flag = 'N')"
        );
        exchanged(&sql, &sql, false);
    }
}

/// Broadcast joins that give rows of the side that every task has would give them once a task.
#[test]
fn rows_of_a_small_side_are_given_once() {
    let by = "ON t.payment_type = n.payment_type";
    check(&format!("SELECT t.id, n.name FROM {{t}} t JOIN {{n}} n {by}"), "1 n");
    check(&format!("SELECT t.id, n.name FROM {{t}} t LEFT JOIN {{n}} n {by}"), "1 n");
    check(&format!("SELECT t.id, n.name FROM {{n}} n LEFT JOIN {{t}} t {by}"), "1 n 3");
    check(&format!("SELECT t.id, n.name FROM {{t}} t RIGHT JOIN {{n}} n {by}"), "1 n 3");
    check(&format!("SELECT t.id, n.name FROM {{t}} t FULL JOIN {{n}} n {by}"), "1 n 3");
    check("SELECT id FROM {t} WHERE payment_type IN (SELECT payment_type FROM {n})", "1 n");
    check("SELECT name FROM {n} n WHERE EXISTS (SELECT 1 FROM {t} t WHERE n.payment_type = t.payment_type)", "1 n 3");
    check(
        "SELECT name FROM {n} n WHERE NOT EXISTS (SELECT 1 FROM {t} t WHERE n.payment_type = t.payment_type)",
        "1 n 3",
    );
    check("SELECT id, name FROM {t} CROSS JOIN {n}", "1 n");
    check("SELECT name FROM {n} n WHERE payment_type NOT IN (SELECT payment_type FROM {t})", "n 1 1");
}

#[test]
fn unions_have_tasks_of_each_child() {
    check("SELECT id FROM {t} UNION ALL SELECT payment_type FROM {n}", "n 1");
    check("SELECT payment_type FROM {t} UNION SELECT payment_type FROM {n}", "n 1 3");
    check(
        "SELECT k, sum(v) FROM (SELECT flag AS k, id AS v FROM {t} UNION ALL SELECT name, payment_type FROM {n}) GROUP BY k",
        "n 1 3",
    );
    check(
        "SELECT flag, count(*) FROM {t} GROUP BY flag UNION ALL SELECT flag, sum(id) FROM {t} GROUP BY flag",
        "n n 3",
    );
    check("SELECT payment_type FROM {t} INTERSECT SELECT passenger_count FROM {t}", "n 3 n 3");
    check("SELECT id FROM {t} UNION ALL SELECT payment_type FROM {n} ORDER BY 1 LIMIT 30", "n 1 1");
}

#[test]
fn values_of_subqueries_go_to_every_task() {
    check("SELECT id FROM {t} WHERE fare_amount > (SELECT avg(fare_amount) FROM {t})", "n 1 n");
    check(
        "SELECT flag, sum(id) FROM {t} GROUP BY flag HAVING sum(fare_amount) > (SELECT sum(fare_amount) / 6 FROM {t})",
        "n 1 n 3",
    );
    check("SELECT id, (SELECT max(name) FROM {n}) AS m FROM {t} WHERE id < 1000", "1 n");
}

#[test]
fn chance_is_left_to_one_task() {
    let query = plan("SELECT flag, sum(random()) FROM {t} GROUP BY flag");
    let text = query.explain();
    let (scan, _) = text.split_once("stage 1").unwrap();
    assert!(!scan.contains("random"), "{text}");
}

#[test]
fn queries_of_many_tables() {
    let sql = "WITH r AS (SELECT payment_type AS k, flag, sum(fare_amount) AS revenue FROM {t} GROUP BY 1, 2) \
        SELECT n.name, a.flag, count(*) AS trips, sum(a.fare_amount) AS fares, max(r.revenue) AS best \
        FROM {t} a JOIN {t} b ON a.id = b.id + 7 JOIN {n} n ON a.payment_type = n.payment_type \
        JOIN r ON r.k = b.payment_type AND r.flag = a.flag \
        WHERE a.trip_distance > 3 AND NOT EXISTS (SELECT 1 FROM {t} c WHERE c.id = a.id + 900 AND c.flag = 'Y') \
        GROUP BY n.name, a.flag ORDER BY fares DESC, n.name, a.flag LIMIT 12";
    exchanged(sql, sql, true);
    let correlated = "SELECT t.id, t.fare_amount FROM {t} t WHERE fare_amount > \
        (SELECT 1.2 * avg(fare_amount) FROM {t} u WHERE u.payment_type = t.payment_type AND u.flag = t.flag) ORDER BY t.id";
    exchanged(correlated, correlated, true);
}

#[test]
fn explain_shows_exchanges() {
    let text =
        plan("SELECT t.flag, count(*) FROM {t} t JOIN {n} n ON t.payment_type = n.payment_type GROUP BY 1 ORDER BY 1")
            .explain();
    for part in [
        "stage 0: scan",
        "stage 1: scan",
        "reads 1 results of stage 0 in split order",
        "leaves its rows in 3 buckets by hash of [flag@0]",
        "stage 2: exchange 2, 3 tasks",
        "reads its bucket of 3 of",
        "stage 3: final, 1 task",
    ] {
        assert!(text.contains(part), "{text} lacks {part}");
    }
}
