//! Orders that are not the file's, above and below whatever else a query does: as plain DataFusion gives them.

use crate::differential::{check_ordered_at, filled};
use crate::support::Runner;

/// So many splits that they are not merged, many, a few, one.
const SPLIT_SIZES: [u64; 4] = [900, 3_001, 40_000, 1 << 20];

/// The rows of `sql` in this total order: all of them, the last, some of the middle.
fn check(sql: &str, order: &str) {
    for end in ["", "OFFSET 37", "LIMIT 11 OFFSET 150"] {
        check_ordered_at(&SPLIT_SIZES, &format!("{sql} ORDER BY {order} {end}"));
    }
}

/// The rows of `sql`, which fix their order themselves.
fn check_whole(sql: &str) {
    check_ordered_at(&SPLIT_SIZES, sql);
}

#[test]
fn joins_keep_the_order() {
    for kind in ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"] {
        let trips_first = format!("SELECT t.id, n.name FROM {{t}} t {kind} {{n}} n ON t.payment_type = n.payment_type");
        check(&trips_first, "t.fare_amount DESC, t.id");
        let names_first = format!("SELECT t.id, n.name FROM {{n}} n {kind} {{t}} t ON t.payment_type = n.payment_type");
        check(&names_first, "t.flag NULLS FIRST, t.pickup, t.id");
    }
    check("SELECT n.name FROM {n} n LEFT JOIN {t} t ON t.payment_type = n.payment_type", "n.name DESC");
    check("SELECT n.name FROM {t} t LEFT JOIN {n} n ON t.payment_type = n.payment_type", "n.name");
    check(
        "SELECT a.id, b.id FROM {t} a LEFT JOIN {t} b ON a.id = b.id + 1000 WHERE a.payment_type < 3",
        "a.fare_amount, a.id",
    );
    check("SELECT t.id, name FROM {t} t CROSS JOIN {n} n WHERE t.id < 60", "t.fare_amount, t.id, n.name");
    check("SELECT t.id FROM {t} t JOIN {n} n ON t.payment_type < n.payment_type", "t.fare_amount, t.id");
}

#[test]
fn joins_without_columns_of_the_other_side_keep_the_order() {
    check("SELECT id FROM {t} WHERE payment_type IN (SELECT payment_type FROM {n})", "fare_amount, id");
    check("SELECT id FROM {t} WHERE payment_type NOT IN (SELECT payment_type FROM {n})", "fare_amount DESC, id");
    check(
        "SELECT id FROM {t} t WHERE EXISTS (SELECT 1 FROM {n} n WHERE n.payment_type = t.payment_type)",
        "tip_amount, id",
    );
    check(
        "SELECT id FROM {t} t WHERE NOT EXISTS (SELECT 1 FROM {n} n WHERE n.payment_type = t.payment_type)",
        "fare_amount, id",
    );
    check_whole("SELECT name FROM {n} WHERE payment_type IN (SELECT payment_type FROM {t}) ORDER BY name");
    check_whole("SELECT name FROM {n} WHERE payment_type NOT IN (SELECT payment_type FROM {t}) ORDER BY name");
}

#[test]
fn unions_are_merged_in_order() {
    check("SELECT fare_amount, id FROM {t} UNION ALL SELECT payment_type, -1 FROM {n}", "1, 2");
    check(
        "SELECT fare_amount AS v, id FROM {t} WHERE id < 900 UNION ALL SELECT tip_amount, id FROM {t} WHERE id > 1500",
        "v DESC, id",
    );
    check("SELECT payment_type AS p FROM {t} UNION SELECT payment_type FROM {n}", "p DESC");
    check("SELECT id, fare_amount FROM {t} EXCEPT SELECT id, fare_amount FROM {t} WHERE flag = 'N'", "fare_amount, id");
    check_whole("(SELECT id FROM {t} ORDER BY fare_amount, id LIMIT 5) UNION ALL (SELECT id FROM {t} LIMIT 5)");
}

#[test]
fn windows_see_ordered_rows() {
    let joined = "{t} t LEFT JOIN {n} n ON t.payment_type = n.payment_type";
    let union = "(SELECT id, fare_amount, flag FROM {t} UNION ALL SELECT payment_type + 5000, 1.5, name FROM {n}) t";
    let filtered = "{t} t WHERE flag = 'N'";
    for rows in [joined, union, filtered, "{t} t", "{t} t JOIN {n} n ON t.payment_type = n.payment_type"] {
        let over = "OVER (ORDER BY t.fare_amount, t.id)";
        check(
            &format!("SELECT t.id, row_number() {over}, lag(t.id, 2) {over}, sum(t.fare_amount) {over} FROM {rows}"),
            "t.id",
        );
        check(
            &format!(
                "SELECT t.id, rank() OVER (PARTITION BY t.flag ORDER BY t.fare_amount), \
                 sum(t.id) OVER (PARTITION BY t.flag ORDER BY t.fare_amount DESC, t.id \
                 ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM {rows}"
            ),
            "t.fare_amount DESC, t.id",
        );
    }
    check_whole(
        "SELECT * FROM (SELECT id, row_number() OVER (PARTITION BY flag ORDER BY fare_amount, id) AS r FROM {t}) \
         WHERE r < 4 ORDER BY r, id",
    );
}

#[test]
fn groups_are_ordered_by_anything() {
    check("SELECT DISTINCT fare_amount FROM {t}", "fare_amount DESC");
    check("SELECT DISTINCT flag, payment_type FROM {t}", "payment_type DESC, flag");
    check("SELECT fare_amount, count(*) AS n FROM {t} GROUP BY fare_amount", "n DESC, fare_amount");
    check("SELECT payment_type, max(id) AS m FROM {t} GROUP BY payment_type HAVING count(*) > 3", "m");
    check(
        "SELECT n.name, sum(t.id) AS s FROM {t} t JOIN {n} n ON t.payment_type = n.payment_type GROUP BY n.name",
        "s DESC",
    );
    check_whole("SELECT first_value(id ORDER BY fare_amount, id), last_value(id ORDER BY fare_amount, id) FROM {t}");
    check_whole(
        "SELECT first_value(t.id ORDER BY t.fare_amount, t.id) FROM {t} t JOIN {n} n ON t.payment_type = n.payment_type",
    );
    check_whole("SELECT string_agg(flag, ',' ORDER BY fare_amount, id) FROM {t} WHERE id % 40 = 0");
}

#[test]
fn ordered_tables_inside_queries() {
    check(
        "SELECT f.id, n.name FROM (SELECT * FROM {t} ORDER BY fare_amount, id LIMIT 200) f \
         LEFT JOIN {n} n ON f.payment_type = n.payment_type",
        "f.tip_amount, f.id",
    );
    check_whole("SELECT sum(id), min(id) FROM (SELECT id FROM {t} ORDER BY fare_amount, id LIMIT 100 OFFSET 20)");
    check(
        "WITH f AS (SELECT id, fare_amount FROM {t} ORDER BY tip_amount DESC, id LIMIT 300) \
         SELECT a.id, b.id FROM f a JOIN f b ON a.id = b.id + 1",
        "a.fare_amount, a.id",
    );
    check("SELECT id FROM {t} WHERE flag = 'N' AND payment_type = 2", "flag, fare_amount, payment_type, id");
}

#[test]
fn what_filters_fix_keeps_them_on_the_splits() {
    let sql = "SELECT id, row_number() OVER (PARTITION BY flag ORDER BY fare_amount) FROM {t} WHERE flag = 'N'";
    let text = Runner::default().plan(&filled(sql)).unwrap().explain();
    let (scans, last) = text.split_once("stage 1").unwrap();
    assert!(scans.contains("filter=") && !text.contains("FilterExec") && !last.contains("filter="), "{text}");
    let join = "SELECT t.id FROM {t} t JOIN {n} n ON t.payment_type = n.payment_type WHERE t.id > 7 ORDER BY t.flag";
    let text = Runner::default().plan(&filled(join)).unwrap().explain();
    let (scans, last) = text.split_once("final").unwrap();
    assert!(scans.contains("filter=") && !text.contains("FilterExec") && !last.contains("filter="), "{text}");
}
