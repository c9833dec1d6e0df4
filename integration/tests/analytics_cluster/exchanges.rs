//! Group-bys and joins of tables that are large enough to be divided by hash.

use std::fmt::Write as _;

use integration::cluster::Host;
use integration::data::Random;
use integration::shared;

use super::both::{Both, difference};
use crate::support::{done, yarn_submit};

/// Bytes of each file, and how many there are: a bucket more is planned for each 256 MiB.
const BYTES: usize = 40 << 20;
const FILES: usize = 7;

/// Files with the same sales, large enough together, and a small one of customers.
fn sales(both: &Both<'_>) {
    let mut random = Random::new(5);
    let mut text = "id,customer,item,price,note\n".to_owned();
    for id in 0.. {
        if text.len() >= BYTES {
            break;
        }
        let (customer, item, price) = (random.below(30_000), random.below(500), random.below(100_000));
        let note = &"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"[..20 + random.below(32) as usize];
        let _ = writeln!(text, "{id},{customer},item{item},{price},{note}");
    }
    std::fs::create_dir_all(both.folder().join("sales")).unwrap();
    for number in 0..FILES {
        let path = format!("{}/sales/{number}.csv", both.path());
        both.cluster.put(text.as_bytes(), &path, 1, Host::Worker(number % 3 + 1)).unwrap();
        let link = both.folder().join(format!("sales/{number}.csv"));
        match number {
            0 => std::fs::write(link, &text).unwrap(),
            _ => std::fs::hard_link(both.folder().join("sales/0.csv"), link).unwrap(),
        }
    }
    let customers = (0..20_000).fold("customer,name\n".to_owned(), |mut text, id| {
        let _ = writeln!(text, "{id},name{}", id % 7777);
        text
    });
    both.put("customers.csv", customers.as_bytes());
}

/// Asks with three workers, so that buckets come from elsewhere.
fn check(both: &Both<'_>, query: &str, lines: usize) {
    let explained = both.explain("8MiB", query);
    assert!(explained.contains("in 2 buckets by hash of"), "{explained}");
    let mut command = yarn_submit(both.cluster);
    command.args(["sql", "--workers", "3", "--worker-memory", "1GiB", "--worker-cores", "1", "--split-size", "8MiB"]);
    let there = done(command.arg(both.text_there(query))).expect(0);
    let here = both.here("8MiB", query).expect(0);
    assert!(there.stdout == here.stdout, "{}", difference(&there.stdout, &here.stdout));
    assert_eq!(there.stdout.lines().count(), lines + 1);
}

#[test]
fn large_tables_are_divided_by_hash() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "large");
    sales(&both);
    let grouped = "SELECT customer, item, count(*) AS n, sum(price) AS p, max(id) AS i, min(note) AS t FROM '{d}/sales' \
                   WHERE price >= 0 GROUP BY customer, item HAVING count(*) > 7 ORDER BY customer, item LIMIT 1000";
    check(&both, grouped, 1000);
    let joined = "SELECT c.name, count(*) AS n, sum(s.price) AS p, max(s.id) AS i, min(s.note) AS t, min(s.item) AS m \
                  FROM '{d}/sales' s JOIN '{d}/customers.csv' c ON s.customer = c.customer GROUP BY c.name ORDER BY c.name";
    check(&both, joined, 7777);
    let itself = "SELECT count(*) AS n, sum(a.price - b.price) AS p, min(b.note) AS t, max(a.item) AS i FROM '{d}/sales' a \
                  JOIN '{d}/sales/0.csv' b ON a.id = b.id WHERE a.customer <= b.customer AND a.note >= b.note";
    check(&both, itself, 1);
}
