//! Tables that workers keep: read where they are by later statements, and made again where they are lost.

use integration::cluster::ClusterOptions;
use integration::{private, shared, version};

use super::both::{Both, WORKERS, no_warning, outcomes};
use crate::support::running::Running;
use crate::support::trips;

const SPLIT: &str = "512KiB";
const KEEP: &str = "CREATE TABLE dear AS SELECT pickup, fare_amount AS fare, tip_amount AS tip, passenger_count AS who \
                    FROM '{d}/trips.csv' WHERE fare_amount > 10;\n";
const ASK: &str = "SELECT who, count(*) AS n, sum(tip) AS tips, min(pickup) AS first FROM dear GROUP BY who ORDER BY who;\n\
                   SELECT count(*) AS n FROM dear a JOIN dear b ON a.pickup = b.pickup AND a.fare = b.fare;\n";

#[test]
fn kept_rows_are_read_where_they_are() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "kept");
    both.put("trips.csv", &trips(8 << 20));
    let text = format!("{KEEP}{ASK}DROP TABLE dear;\nSHOW TABLES;");
    let there = both.there_with(&["--name", "kept-rows"], SPLIT, &text).expect(0);
    assert_eq!(there.stdout, both.here(SPLIT, &text).expect(0).stdout);
    there.says(&["created table dear: ", "dropped dear"]);
    assert_eq!(outcomes(cluster, "kept-rows"), ["SUCCEEDED"]);
    no_warning(&there);
    let explained = both.there_with(&["--explain"], SPLIT, &format!("{KEEP}{ASK}")).expect(0);
    assert!(explained.stdout.contains("scan 'hdfs://"), "{}", explained.stdout);
}

#[test]
fn kept_rows_of_a_killed_worker_are_made_again() {
    let Some(cluster) = private(ClusterOptions { version: version(), ..ClusterOptions::default() }) else { return };
    let both = Both::new(&cluster, "kept-killed");
    both.put("trips.csv", &trips(8 << 20));
    let mut shell = Running::start_talking(&cluster, "sql", &[&WORKERS[..], &["--split-size", SPLIT]].concat());
    shell.say(&both.text_there(KEEP));
    shell.hear("created table dear");
    assert!(shell.role("worker")[0].process.identity.kill());
    shell.say(ASK);
    let answered = shell.ends().expect(0);
    assert_eq!(answered.stdout, both.here(SPLIT, &format!("{KEEP}{ASK}")).expect(0).stdout);
}

/// What workers keep for a conversation ends with it. The shell says so and goes on.
#[test]
fn kept_rows_of_a_killed_application_master_are_named_and_can_be_made_again() {
    let Some(cluster) = private(ClusterOptions { version: version(), ..ClusterOptions::default() }) else { return };
    let both = Both::new(&cluster, "kept-master-killed");
    both.put("trips.csv", &trips(8 << 20));
    let mut shell = Running::start_talking(&cluster, "sql", &[&WORKERS[..], &["--split-size", SPLIT]].concat());
    shell.say(&both.text_there(KEEP));
    shell.hear("created table dear");
    assert!(shell.role("appmaster")[0].process.identity.kill());
    // The number of rows alone would be known without them.
    shell.say("SELECT sum(fare) AS s FROM dear;\n");
    shell.hear("make it again");
    shell.say(&both.text_there(KEEP).replace("CREATE TABLE", "CREATE OR REPLACE TABLE"));
    shell.hear("created table dear");
    shell.say(ASK);
    // One statement failed, and who pipes a script into a shell has to know.
    let answered = shell.ends().expect(1);
    assert_eq!(answered.stdout, both.here(SPLIT, &format!("{KEEP}{ASK}")).expect(0).stdout);
}
