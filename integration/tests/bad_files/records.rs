//! Records that are too long, do not end, or hold values that their columns do not take; columns that have the same name.

use super::desk::Desk;

/// 64 MiB and a little.
const LONG: usize = (64 << 20) + 7;

/// A file whose second record has a field of this length.
fn long(desk: &Desk, name: &str, [begin, end]: [&str; 2], length: usize) {
    let mut text = begin.to_owned();
    text.extend(std::iter::repeat_n('x', length));
    desk.put(name, text + end);
}

#[test]
fn a_record_of_64_megabytes_is_read_where_the_limit_allows_it() {
    let desk = Desk::new();
    long(&desk, "long.csv", ["id,note\n1,a\n2,", "\n3,c\n"], LONG);
    let sql = |options: &str| format!("SELECT id, length(note) AS l FROM read_csv('long.csv'{options}) ORDER BY id");
    desk.refuses(&sql(""), 66, &["long.csv", "record at byte 12", "line 3", "max_record_bytes = 16777216", "raise"]);
    let expected = format!("id,l\n1,1\n2,{LONG}\n3,1\n");
    assert_eq!(desk.sql(&sql(", max_record_bytes => 100000000")).expect(0).stdout, expected);
    let skipped = sql(", on_bad => 'skip'");
    assert_eq!(desk.sql(&skipped).expect(0).stdout, "id,l\n1,1\n3,1\n");
    desk.refuses(&sql(", max_record_bytes => 5000000000"), 64, &["max_record_bytes", "1073741824"]);
}

#[test]
fn an_object_of_64_megabytes_is_read_where_the_limit_allows_it() {
    let desk = Desk::new();
    long(
        &desk,
        "long.jsonl",
        ["{\"id\":1,\"note\":\"a\"}\n{\"id\":2,\"note\":\"", "\"}\n{\"id\":3,\"note\":\"c\"}\n"],
        LONG,
    );
    let sql = |options: &str| format!("SELECT id, length(note) AS l FROM read_json('long.jsonl'{options}) ORDER BY id");
    desk.refuses(&sql(""), 66, &["long.jsonl", "record at byte 20", "line 2", "max_record_bytes = 16777216", "raise"]);
    let expected = format!("id,l\n1,1\n2,{LONG}\n3,1\n");
    assert_eq!(desk.sql(&sql(", max_record_bytes => 100000000")).expect(0).stdout, expected);
    assert_eq!(desk.sql(&sql(", on_bad => 'skip'")).expect(0).stdout, "id,l\n1,1\n3,1\n");
}

#[test]
fn a_quote_that_is_never_closed_is_named_by_its_place() {
    let desk = Desk::new();
    let rows = |from: usize| (from..from + 5000).map(|id| format!("{id},word\n")).collect::<String>();
    let text = format!("id,word\n{}5000,\"open\n{}", rows(0), rows(5001));
    let opened = text.find('"').unwrap();
    desk.put("open.csv", &text);
    let record = format!("record at byte {}", opened - 5);
    let quote = format!("the quote opened at byte {opened} is never closed");
    for split in ["32MiB", "1KiB", "10000"] {
        let words = ["sql", "--quiet", "--split-size", split, "SELECT count(word) AS n FROM 'open.csv'"];
        let refused = desk.run(&words).expect(66);
        refused.says(&["open.csv", &record, &quote]);
    }
    let unquoted = desk.sql("SELECT count(word) AS n, max(word) AS m FROM read_csv('open.csv', quote => '')");
    assert_eq!(unquoted.expect(0).stdout, "n,m\n10001,word\n", "the way out that the message names");
}

#[test]
fn numbers_beyond_their_type_are_named() {
    let desk = Desk::new();
    let most = i64::MAX;
    desk.put("large.csv", format!("id,n\n1,{most}\n2,9223372036854775808\n"));
    desk.put("large.jsonl", format!("{{\"id\":1,\"n\":{most}}}\n{{\"id\":2,\"n\":9223372036854775808}}\n"));
    for name in ["large.csv", "large.jsonl"] {
        let read = if name.ends_with("csv") { "read_csv" } else { "read_json" };
        let sql = |kind: &str| format!("SELECT id, n FROM {read}('{name}', types => 'n {kind}') ORDER BY id");
        desk.refuses(&sql("BIGINT"), 66, &[name, "9223372036854775808", "BIGINT", "column", "n", "VARCHAR"]);
        desk.refuses(&sql("INTEGER"), 66, &[name, "9223372036854775807", "INTEGER"]);
        desk.refuses(&sql("SMALLINT"), 66, &[name, "9223372036854775807", "SMALLINT"]);
        let whole = format!("id,n\n1,{most}\n2,9223372036854775808\n");
        assert_eq!(desk.sql(&sql("DECIMAL(38, 0)")).expect(0).stdout, whole);
        let skipped = sql("BIGINT").replace("BIGINT'", "BIGINT', on_bad => 'null'");
        assert_eq!(desk.sql(&skipped).expect(0).stdout, format!("id,n\n1,{most}\n2,\n"));
    }
}

/// Far behind what types are learned from.
#[test]
fn a_number_beyond_the_type_that_was_learned_is_named() {
    let desk = Desk::new();
    let rows: String = (0..400_000).map(|id| format!("{id},{}\n", id % 1000)).collect();
    let mut text = format!("id,n\n{rows}");
    let offset = text.len();
    text += "400000,123456789012345678901234567890\n";
    text += &rows;
    desk.put("late.csv", &text);
    let sql = "SELECT sum(n) AS s FROM read_csv('late.csv', sample_bytes => 4096)";
    let place = format!("record at byte {offset} (line 400002), column n");
    desk.refuses(sql, 66, &["late.csv", &place, "123456789012345678901234567890", "BIGINT", "VARCHAR"]);
}

#[test]
fn columns_of_the_same_name_stay_apart() {
    let desk = Desk::new();
    desk.put("a.csv", "id,n\n1,10\n2,20\n");
    desk.put("b.csv", "id,n\n2,200\n3,300\n");
    let both = desk.sql("SELECT * FROM 'a.csv' a JOIN 'b.csv' b ON a.id = b.id").expect(0);
    assert_eq!(both.stdout, "id,n,id,n\n2,20,2,200\n");
    let using = desk.sql("SELECT * FROM 'a.csv' a JOIN 'b.csv' b USING (id)").expect(0);
    assert_eq!(using.stdout, "id,n,n\n2,20,200\n");
    desk.refuses(
        "SELECT n FROM 'a.csv' a JOIN 'b.csv' b ON a.id = b.id",
        64,
        &["mbiguous", "put a table's name in front"],
    );
}

#[test]
fn a_column_that_both_sides_of_an_outer_join_share_is_never_that_of_the_wrong_one() {
    let desk = Desk::new();
    desk.put("a.csv", "id,n\n1,10\n2,20\n");
    desk.put("b.csv", "id,n\n2,200\n3,300\n");
    desk.refuses("SELECT * FROM 'a.csv' a FULL JOIN 'b.csv' b USING (id) ORDER BY id", 64, &["FULL JOIN", "coalesce"]);
    let on =
        "SELECT coalesce(a.id, b.id) AS id, a.n, b.n AS m FROM 'a.csv' a FULL JOIN 'b.csv' b ON a.id = b.id ORDER BY 1";
    assert_eq!(desk.sql(on).expect(0).stdout, "id,n,m\n1,10,\n2,20,200\n3,,300\n");
}

/// An object has one member of a name, and readers of Parquet find a column by its name.
#[test]
fn formats_whose_columns_have_names_refuse_to_have_two_of_one() {
    let desk = Desk::new();
    desk.put("a.csv", "id,n\n1,10\n2,20\n");
    desk.put("b.csv", "id,n\n2,200\n3,300\n");
    let sql = "SELECT * FROM 'a.csv' a JOIN 'b.csv' b ON a.id = b.id";
    for words in
        [["--format", "json"], ["--format", "parquet"], ["--output", "both.parquet"], ["--output", "both.json"]]
    {
        let refused = desk.run(&[&["sql", "--quiet"], &words[..], &[sql]].concat()).expect(64);
        refused.says(&["id", "twice", "AS"]);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
    }
}

#[test]
fn a_query_may_begin_with_a_comment() {
    let desk = Desk::new();
    assert_eq!(desk.sql("-- the answer\nSELECT 42 AS a").expect(0).stdout, "a\n42\n");
}

#[test]
fn columns_that_a_file_names_twice_are_told_apart() {
    let desk = Desk::new();
    desk.put("twice.csv", "id,n,n\n1,10,100\n");
    assert_eq!(desk.sql("SELECT * FROM 'twice.csv'").expect(0).stdout, "id,n,n_1\n1,10,100\n");
}
