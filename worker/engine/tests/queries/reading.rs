//! Options of reading, each through the whole engine: what a query says is what its tasks do.

use std::io::Write;

use crate::support::compare::rows;
use crate::support::{Files, Runner};

fn answer(sql: &str) -> String {
    let answer = Runner::default().run(sql).unwrap_or_else(|failure| panic!("{sql}: {}", failure.message()));
    format!("{:?}", rows(&answer.batches)).replace("Text(\"", "").replace("\")", "")
}

fn refusal(sql: &str) -> String {
    Runner::default().run(sql).map(|answer| rows(&answer.batches)).expect_err(sql).message()
}

#[test]
fn dialects() {
    let files = Files::new();
    let check = |content: &str, options: &str, select: &str, expected: &str| {
        let path = files.write("t.txt", content);
        assert_eq!(answer(&format!("SELECT {select} FROM read_csv('{path}', {options})")), expected, "{options}");
    };
    check("a;b\n1;x\n", "sep => ';'", "a, b", "[[1, x]]");
    check("a,b\n1,'x,y'\n", "quote => ''''", "a, b", "[[1, x,y]]");
    check("a,b\n1,'x''y'\n", "escape => '''', quote => ''''", "b", "[[x'y]]");
    check("a,b\n1,x\\,y\n", "escape => '\\'", "b", "[[x,y]]");
    check("# note\na\n# 7\n1\n", "comment => '#'", "a", "[[1]]");
    check("title\n\na\nunits\n1\n", "skip => 2, skip_after_header => 1", "sum(a)", "[[1]]");
    check("1,x\n", "header => false, names => ['id', 'name']", "id, name", "[[1, x]]");
    check("a\n1\n-\nNA\n", "nullstr => ['-', 'NA']", "count(*), sum(a)", "[[3, 1]]");
    check("a,b\nNA,NA\n", "nullstr => {'a': 'NA'}", "a IS NULL, b", "[[true, NA]]");
    check("a\nyes\nno\n", "types => 'a BOOLEAN', true_values => 'yes', false_values => 'no'", "a", "[[true], [false]]");
    check("a,b\n1, \"x,y\"\n", "skip_initial_space => true", "b", "[[x,y]]");
    check("a,b\n1\n", "allow_short_rows => true", "a, b", "[[1, NULL]]");
    check("a,b\n1,2,\n", "allow_trailing_sep => true", "a, b", "[[1, 2]]");
    check(
        "a;b\n1,5;1.000\n",
        "sep => ';', decimal => ',', thousands => '.', types => 'a DOUBLE, b BIGINT'",
        "b",
        "[[1000]]",
    );
    check("d\n31/12/2015\n", "types => 'd DATE', dateformat => '%d/%m/%Y'", "d", "[[2015-12-31]]");
    check("d,e\n31.12.2015,x\n", "types => {'d': 'DATE'}, formats => {'d': '%d.%m.%Y'}", "year(d)", "[[2015]]");
    check("a\n1.25\n", "types => 'a DECIMAL(5, 2)'", "a + a", "[[2.50]]");
    check("x\n5\n6\n7\n", "nrows => 2", "sum(x)", "[[11]]");
    check(
        "x\n5\n6\n",
        "file_offset => true, filename => 'file'",
        "x, file_offset, file LIKE '%t.txt'",
        "[[5, 2, true], [6, 4, true]]",
    );
    check("x\n5\n6\n", "file_row_number => 'n'", "n, x", "[[0, 5], [1, 6]]");
    check("1|2\n", "columns => 'a INTEGER, b VARCHAR', header => false, sep => '|'", "a, b", "[[1, 2]]");
}

#[test]
fn latin_1_is_read_as_what_it_means() {
    let files = Files::new();
    let path = files.write("t.csv", b"name\nM\xfcller\n");
    assert_eq!(answer(&format!("SELECT name FROM read_csv('{path}', encoding => 'latin-1')")), "[[Müller]]");
    assert!(refusal(&format!("SELECT name FROM '{path}'")).contains("UTF-8"));
    assert_eq!(answer(&format!("SELECT length(name) FROM read_csv('{path}', encoding => 'utf-8-lossy')")), "[[6]]");
}

#[test]
fn options_that_do_not_fit_are_named() {
    let files = Files::new();
    let path = files.write("t.csv", "a,b\n1,2\n");
    for (options, part) in [
        ("colour => 'red'", "no option colour"),
        ("header => 'maybe'", "header is true or false"),
        ("sep => ','  , delim => ';'", "given twice"),
        ("on_bad => 'maybe'", "fail, skip or null"),
        ("strict => true", "JSON files"),
        ("types => 'z BIGINT'", "no column z"),
        ("formats => {'z': '%Y'}", "z"),
        ("sep => '\"'", "choose another separator"),
    ] {
        let message = refusal(&format!("SELECT * FROM read_csv('{path}', {options})"));
        assert!(message.contains(part), "{options}: {message}");
    }
}

#[test]
fn compressed_files_are_whole_tasks() {
    let files = Files::new();
    let content: String = std::iter::once("a,b\n".to_owned()).chain((0..3_000).map(|a| format!("{a},x\n"))).collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(content.as_bytes()).unwrap();
    files.write("d/1.csv.gz", packed.finish().unwrap());
    files.write("d/2.csv.zst", zstd::encode_all(content.as_bytes(), 3).unwrap());
    files.write("d/3.csv", &content);
    assert_eq!(answer(&format!("SELECT count(*), sum(a) FROM '{}'", files.join("d").display())), "[[9000, 13495500]]");
    let cut = files.write("cut.csv.gz", &std::fs::read(files.join("d/1.csv.gz")).unwrap()[..2_000]);
    assert!(refusal(&format!("SELECT count(*) FROM '{cut}'")).contains("truncated"));
}

#[test]
fn columns_are_matched_by_name_where_that_is_asked_for() {
    let files = Files::new();
    files.write("d/1.csv", "a,b\n1,x\n");
    files.write("d/2.csv", "b,c\ny,2.5\n");
    let path = files.join("d").display().to_string();
    assert!(refusal(&format!("SELECT * FROM '{path}'")).contains("differ"));
    let sql = format!("SELECT a, b, c FROM read_csv('{path}', union_by_name => true) ORDER BY b");
    assert_eq!(answer(&sql), "[[1, x, NULL], [NULL, y, Float(2.5)]]");
    let filtered = format!("SELECT count(*) FROM read_csv('{path}', union_by_name => true) WHERE c IS NULL");
    assert_eq!(answer(&filtered), "[[1]]");
}

#[test]
fn partitions_are_columns_and_are_pruned() {
    let files = Files::new();
    for year in 2014..2017 {
        files.write(&format!("t/year={year}/kind=a%2Fb/part.csv"), format!("x\n{year}\n"));
    }
    let path = files.join("t").display().to_string();
    let sql = format!("SELECT x, year, kind FROM '{path}' WHERE year > 2014 AND kind = 'a/b' ORDER BY x");
    assert_eq!(answer(&sql), "[[2015, 2015, a/b], [2016, 2016, a/b]]");
    let query = Runner::default().plan(&format!("SELECT sum(x) FROM '{path}' WHERE year = 2016")).unwrap();
    assert_eq!(query.stages[0].tasks.len(), 1, "{}", query.explain());
    let off = format!("SELECT * FROM read_csv('{path}', hive_partitioning => false) LIMIT 1");
    assert_eq!(Runner::default().plan(&off).unwrap().schema.fields().len(), 1);
}

#[test]
fn bad_records_of_csv_are_skipped_or_null_and_are_counted() {
    let files = Files::new();
    let good = "1,2\n".repeat(2_000);
    let path = files.write("t.csv", format!("a,b\n{good}x,1\n{good}1\n1,2,3\n{good}"));
    assert!(refusal(&format!("SELECT sum(b) FROM '{path}'")).contains("byte"));
    for (policy, expected) in [("skip", "[[6000, 6000]]"), ("null", "[[6003, 6001]]")] {
        let sql = format!("SELECT count(*), sum(a) FROM read_csv('{path}', types => 'a BIGINT', on_bad => '{policy}')");
        let expected = if policy == "null" { "[[6003, 6002]]" } else { expected };
        assert_eq!(answer(&sql), expected, "{policy}");
    }
    let rejects = format!("SELECT kind, record FROM csv_rejects('{path}', types => 'a BIGINT') ORDER BY \"offset\"");
    assert_eq!(answer(&rejects), "[[bad value, x,1], [field count, 1], [field count, 1,2,3]]");
}
