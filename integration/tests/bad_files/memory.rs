//! Queries whose rows do not fit into memory: they spill and give the same answer, or say what was too large and what to do.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use integration::data::Random;
use integration::skip;

use super::desk::Desk;
use crate::support::Done;

/// What the machine seems to have free. Local mode takes 60 % of it: 20 MiB for results, 40 MiB for its tasks.
const FREE: &str = "MemTotal:      262144 kB\nMemFree:       102400 kB\nMemAvailable:  102400 kB\n";

/// Rows of each table.
const ROWS: u64 = 200_000;

/// A table of 25 MB whose keys are all different, in another order for each seed.
fn table(seed: u64) -> String {
    let mut random = Random::new(seed);
    let mut keys: Vec<u64> = (0..ROWS).collect();
    for at in (1..ROWS).rev() {
        keys.swap(at as usize, random.below(at + 1) as usize);
    }
    let rows = keys.iter().map(|key| format!("{key:08},{},{:0>100}\n", key % 97, key * 7919));
    std::iter::once("key,n,note\n".to_owned()).chain(rows).collect()
}

/// Both tables, made once.
fn tables() -> &'static [String; 2] {
    static TABLES: OnceLock<[String; 2]> = OnceLock::new();
    TABLES.get_or_init(|| [table(1), table(2)])
}

/// Whether a program can be shown another machine.
fn unshare() -> Option<&'static [&'static str]> {
    const WORDS: [&str; 3] = ["--mount", "--map-root-user", "--user"];
    let works = |words: &[&str]| {
        Command::new("unshare").args(words).arg("true").output().is_ok_and(|output| output.status.success())
    };
    [&WORDS[..1], &WORDS[..]].into_iter().find(|words| works(words))
}

/// The query on a machine with little memory.
fn in_little(desk: &Desk, master: &str, sql: &str) -> Option<Done> {
    let Some(words) = unshare() else {
        skip("no right to make mount namespaces: unshare --mount");
        return None;
    };
    let program = integration::yarn_submit().unwrap();
    let script = "mount --bind meminfo /proc/meminfo && exec \"$0\" sql --quiet --master \"$1\" \"$2\"";
    let words = [words, &["sh", "-c", script, program.to_str().unwrap(), master, sql]].concat();
    Some(desk.end(desk.start(Path::new("unshare"), &words)))
}

/// The same rows in little memory as in plenty, or a refusal that names the operator. Each of more threads has less memory.
fn check(sql: &str, operator: &str) {
    let desk = Desk::new();
    let [a, b] = tables();
    desk.put("a.csv", a);
    desk.put("b.csv", b);
    desk.put("meminfo", FREE);
    let expected = desk.sql(sql).expect(0).stdout;
    for master in ["local[1]", "local[2]", "local[8]"] {
        let Some(done) = in_little(&desk, master, sql) else { return };
        if done.code == 0 {
            assert!(done.stdout == expected, "{master}: other rows in little memory: {sql}");
            continue;
        }
        let done = done.expect(1);
        done.says(&["memory", operator, "--master local[1]"]);
        assert!(done.stdout.is_empty(), "{}", done.stdout);
    }
}

#[test]
fn a_sort_spills() {
    check("SELECT key, note FROM 'a.csv' ORDER BY note, key", "Sort");
}

#[test]
fn groups_spill_or_are_refused() {
    let sql = "SELECT note, key, count(*) AS c, sum(n) AS s FROM 'a.csv' GROUP BY note, key ORDER BY key LIMIT 1000";
    check(sql, "Group");
}

#[test]
fn a_join_spills_or_is_refused() {
    let sql = "SELECT a.key, b.note FROM 'a.csv' a JOIN 'b.csv' b ON a.note = b.note ORDER BY a.key LIMIT 1000";
    check(sql, "Join");
}
