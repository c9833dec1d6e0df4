//! Where an output may be: said before anything runs, in words about the place that the user named.

use integration::shared;

use super::both::{Both, applications};

/// A query on HDFS, and its output somewhere.
fn copy(place: &str) -> String {
    format!("COPY (SELECT sum(id) AS s FROM '{{d}}/good.csv') TO '{place}' STORED AS CSV")
}

/// A place that is refused with these words, and no application is submitted for it.
fn refused(both: &Both<'_>, (name, place): (&str, &str), code: i32, words: &[&str]) {
    let refused = both.there_with(&["--name", name], "1MiB", &copy(place)).expect(code);
    refused.says(words);
    assert!(!refused.stderr.contains(".bobbin-"), "a name that the user has not given:\n{}", refused.stderr);
    assert!(applications(both.cluster, name).is_empty(), "{}", refused.stderr);
}

#[test]
fn an_output_that_is_there_already_is_said_before_anything_is_submitted() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "there-already");
    both.put("good.csv", b"id\n1\n2\n");
    both.there("1MiB", &copy("{d}/out")).expect(0);
    refused(&both, ("there-already", "{d}/out"), 66, &["/there-already/out exists already"]);
}

#[test]
fn an_output_without_a_parent_is_said_before_anything_is_submitted() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "no-parent");
    both.put("good.csv", b"id\n1\n2\n");
    refused(&both, ("no-parent", "{d}/none/out"), 66, &["/no-parent/none", "does not exist"]);
}

#[test]
fn an_output_where_the_user_may_not_write_is_said_before_anything_is_submitted() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "not-mine");
    both.put("good.csv", b"id\n1\n2\n");
    refused(&both, ("not-mine", "hdfs:///out"), 77, &["hdfs://master.hadoop.test:8020/out", "alice"]);
}

#[test]
fn an_output_on_the_gateway_s_own_disk_is_refused_where_workers_write() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "own-disk");
    both.put("good.csv", b"id\n1\n2\n");
    let place = both.folder().join("out").display().to_string();
    refused(&both, ("own-disk", &place), 64, &["own-disk/out", "HDFS"]);
}

#[test]
fn a_file_of_the_gateway_is_written_to_hdfs() {
    let Some(cluster) = shared() else { return };
    let both = Both::new(cluster, "upload");
    both.put("good.csv", b"id\n1\n2\n");
    let there = both.text_there("{d}/out");
    let text = both.text_here(&format!("COPY (SELECT id FROM '{{d}}/good.csv') TO '{there}' STORED AS CSV"));
    both.there("1MiB", &text).expect(0);
    assert_eq!(both.there("1MiB", "SELECT sum(id) AS s FROM '{d}/out'").expect(0).stdout, "s\n3\n");
}
