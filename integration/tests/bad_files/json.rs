//! JSON that is nested too deep, or says a thing twice.

use super::desk::Desk;

fn nested(depth: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))
}

#[test]
fn objects_nested_a_thousand_deep_are_refused_or_kept_as_text() {
    let desk = Desk::new();
    let deep = nested(1000);
    desk.put("deep.jsonl", format!("{{\"id\":1,\"x\":{deep}}}\n{{\"id\":2,\"x\":{deep}}}\n"));
    // What nobody asks for is not in the way.
    for table in ["'deep.jsonl'", "read_json('deep.jsonl', columns => 'id BIGINT')"] {
        assert_eq!(desk.sql(&format!("SELECT sum(id) AS s FROM {table}")).expect(0).stdout, "s\n3\n", "{table}");
    }
    let text = "SELECT id, length(x) AS l FROM read_json('deep.jsonl', types => 'x VARCHAR') ORDER BY id";
    assert_eq!(desk.sql(text).expect(0).stdout, format!("id,l\n1,{0}\n2,{0}\n", deep.len()));
    let declared = format!("{}BIGINT{}", "STRUCT<a ".repeat(40), ">".repeat(40));
    let sql = format!("SELECT id FROM read_json('deep.jsonl', columns => 'id BIGINT, x {declared}')");
    desk.refuses(&sql, 66, &["deep.jsonl", "column x", "VARCHAR"]);
    let strict =
        "SELECT sum(id) AS s FROM read_json('deep.jsonl', columns => 'id BIGINT', strict => true, max_depth => 900)";
    desk.refuses(strict, 66, &["deep.jsonl", "line 1", "max_depth = 900", "raise"]);
    // Arrays too, and those that do not end: no depth takes the stack.
    for text in ["[".repeat(100_000), format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))] {
        desk.put("hole.jsonl", format!("{{\"id\":1,\"x\":{text}}}\n"));
        desk.refuses(
            "SELECT id, x FROM read_json('hole.jsonl', columns => 'id BIGINT, x BIGINT[]')",
            66,
            &["hole.jsonl"],
        );
    }
}

#[test]
fn members_that_are_there_twice_are_named() {
    let desk = Desk::new();
    desk.put("twice.jsonl", "{\"id\":1,\"n\":2}\n{\"id\":2,\"n\":3,\"n\":4}\n");
    let sql = |options: &str| {
        format!("SELECT sum(n) AS s FROM read_json('twice.jsonl', columns => 'id BIGINT, n BIGINT'{options})")
    };
    assert_eq!(desk.sql(&sql("")).expect(0).stdout, "s\n5\n", "the first one counts");
    let strict = sql(", strict => true");
    desk.refuses(&strict, 66, &["twice.jsonl", "line 2", "\"n\"", "twice", "strict"]);
    assert_eq!(desk.sql(&strict.replace("true", "true, on_bad => 'skip'")).expect(0).stdout, "s\n2\n");
}
