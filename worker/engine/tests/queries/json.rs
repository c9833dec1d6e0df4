//! Tables of JSON lines: nested columns, only the wanted fields, conflicts, bad lines, whatever the cuts.

use crate::support::compare::rows;
use crate::support::{Files, Runner};

/// 600 events; every seventh has no `actor`, every fifth another kind of `n`.
fn events() -> String {
    let mut text = String::new();
    for id in 0..600 {
        let kind = ["Push", "Watch", "Fork"][id % 3];
        let actor = match id % 7 {
            0 => String::new(),
            user => format!(r#""actor":{{"id":{user},"login":"user{user}","url":"https://x/{user}"}},"#),
        };
        text += &format!(
            "{{\"id\":\"{id}\",\"type\":\"{kind}\",{actor}\"repo\":{{\"name\":\"{}/r\"}},\"n\":{id},\"tags\":[\"a\",\"t{}\"]}}\n",
            if id % 2 == 0 { "jupyter" } else { "other" },
            id % 4
        );
    }
    text
}

fn answer(sql: &str) -> Vec<String> {
    let answer = Runner::default().run(sql).unwrap_or_else(|failure| panic!("{sql}: {}", failure.message()));
    assert!(answer.query.task_count() > 1, "{sql}: one task proves little");
    rows(&answer.batches).iter().map(|row| format!("{row:?}")).collect()
}

#[test]
fn counts_by_type() {
    let files = Files::new();
    let path = files.write("events.jsonl", events());
    let expected =
        [r#"[Text("Fork"), Text("200")]"#, r#"[Text("Push"), Text("200")]"#, r#"[Text("Watch"), Text("200")]"#];
    assert_eq!(answer(&format!("SELECT type, count(*) FROM '{path}' GROUP BY type ORDER BY type")), expected);
}

#[test]
fn nested_paths_are_columns_and_nothing_else_is_read() {
    let files = Files::new();
    let path = files.write("events.jsonl", events());
    let sql = format!(
        "SELECT actor.login, count(*) AS n FROM '{path}' WHERE repo.name LIKE 'jupyter/%' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2"
    );
    assert_eq!(answer(&sql), [r#"[Text("user1"), Text("43")]"#, r#"[Text("user2"), Text("43")]"#]);
    let query = Runner::default().plan(&sql).unwrap();
    assert_eq!(query.schema.field(0).name(), "login");
    let text = query.explain();
    assert!(text.contains("columns=[actor{login}], filter=get_field(repo"), "{text}");
}

#[test]
fn lists_are_unnested() {
    let files = Files::new();
    let path = files.write("events.jsonl", events());
    let sql = format!(
        "SELECT tag, count(*) FROM (SELECT unnest(tags) AS tag FROM '{path}') GROUP BY tag ORDER BY tag LIMIT 2"
    );
    assert_eq!(answer(&sql), [r#"[Text("a"), Text("600")]"#, r#"[Text("t0"), Text("150")]"#]);
}

#[test]
fn kinds_that_conflict_are_kept_as_text() {
    let files = Files::new();
    let path =
        files.write("mixed.jsonl", "{\"a\":1}\n{\"a\":\"x\"}\n{\"a\":{\"b\":[2]}}\n{\"a\":null}\n{}\n".repeat(2_000));
    let sql = format!("SELECT a, count(*) FROM '{path}' GROUP BY a ORDER BY a");
    let expected =
        [r#"[Text("1"), Text("2000")]"#, r#"[Text("x"), Text("2000")]"#, r#"[Text("{\"b\":[2]}"), Text("2000")]"#];
    let found = answer(&sql);
    assert_eq!(found.len(), 4, "{found:?}");
    for row in expected {
        assert!(found.contains(&row.to_owned()), "{found:?} lacks {row}");
    }
}

#[test]
fn arrows_step_into_values() {
    let files = Files::new();
    let lines = "{\"a\":1,\"s\":{\"t\":\"u\"},\"l\":[5,6]}\n{\"a\":{\"b\":[2,\"z\\\"\"]},\"s\":{\"t\":null}}\n";
    let path = files.write("mixed.jsonl", lines.repeat(2_000));
    for (expression, expected) in [
        ("a -> 'b'", r#"[2,"z\""]"#),
        ("a -> 'b' -> 1", r#""z\"""#),
        ("a -> 'b' ->> 1", r#"z""#),
        ("a -> 'b' ->> -2", "2"),
        ("s -> 't'", "u"),
        ("s ->> 't'", "u"),
        ("l -> 1", "6"),
        ("json_extract_string('{\"k\":\"v\"}', 'k')", "v"),
    ] {
        let sql = format!("SELECT max(x) FROM (SELECT {expression} AS x FROM '{path}')");
        assert_eq!(answer(&sql), [format!("[Text({expected:?})]")], "{expression}");
    }
    let wrong = Runner::default().plan(&format!("SELECT s -> 'x' FROM '{path}'")).unwrap_err();
    assert!(wrong.to_string().contains('x'), "{wrong}");
}

#[test]
fn bad_lines_fail_are_skipped_or_null_and_are_counted() {
    let files = Files::new();
    let good = "{\"a\":1}\n".repeat(1_000);
    let path = files.write("bad.jsonl", format!("{good}{{\"a\":\n{good}nonsense\n{{\"a\":\"x\"}}\n"));
    let failure =
        Runner::default().run(&format!("SELECT sum(a) FROM read_json('{path}', types => 'a BIGINT')")).unwrap_err();
    assert_eq!(failure.exit_code(), 66, "{}", failure.message());
    assert!(failure.message().contains("byte 8000"), "{}", failure.message());
    let latin =
        Runner::default().plan(&format!("SELECT * FROM read_json('{path}', encoding => 'latin-1')")).unwrap_err();
    assert!(latin.to_string().contains("utf-8"), "{latin}");
    for (policy, rows_left) in [("skip", "2000"), ("null", "2003")] {
        let sql =
            format!("SELECT sum(a), count(*) FROM read_json('{path}', on_bad => '{policy}', types => 'a BIGINT')");
        let answer = Runner::default().run(&sql).unwrap();
        assert_eq!(format!("{:?}", rows(&answer.batches)), format!("[[Text(\"2000\"), Text(\"{rows_left}\")]]"));
        let notes = answer.reports.iter().map(|(task, report)| (*task, report.note.clone())).collect();
        let bad = answer.query.bad_records(&notes);
        assert_eq!(bad.iter().map(|bad| bad.count).sum::<u64>(), 3, "{bad:?}");
    }
    let sql = format!("SELECT \"offset\", kind FROM json_rejects('{path}', types => 'a BIGINT') ORDER BY 1");
    assert_eq!(answer(&sql).len(), 3);
    let limited = format!("SELECT count(*) FROM read_json('{path}', on_bad => 'skip', max_bad => 1)");
    let answer = Runner::default().run(&limited).unwrap();
    let notes = answer.reports.iter().map(|(task, report)| (*task, report.note.clone())).collect();
    let message = answer.query.too_many_bad(&notes).unwrap();
    assert!(message.contains("max_bad is 1"), "{message}");
}

#[test]
fn dates_have_formats() {
    let files = Files::new();
    let line = "{\"day\":\"31.12.2024\",\"at\":{\"time\":\"12/31/24 07:05\"},\"log\":[\"01.02.2024\"]}\n";
    let path = files.write("dates.jsonl", line.repeat(2_000));
    for options in [
        "formats => {'day': '%d.%m.%Y', 'at.time': '%m/%d/%y %H:%M', 'log[]': '%d.%m.%Y'}",
        "types => 'day DATE, at STRUCT<time TIMESTAMP>, log DATE[]', dateformat => '%d.%m.%Y', \
         timestampformat => '%m/%d/%y %H:%M'",
    ] {
        let sql = format!(
            "SELECT max(day) + INTERVAL '1 day' AS d, max(hour(at.time)) AS h, max(log[1]) AS l \
             FROM read_json('{path}', {options})"
        );
        let expected = r#"[Text("2025-01-01"), Text("7"), Text("2024-02-01")]"#;
        assert_eq!(answer(&sql)[0].replace("T00:00:00", ""), expected, "{options}");
    }
    let wrong = Runner::default().plan(&format!("SELECT * FROM read_json('{path}', formats => {{'night': '%d'}})"));
    assert!(wrong.unwrap_err().to_string().contains("night"));
}
