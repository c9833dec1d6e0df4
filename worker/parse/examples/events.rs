//! Writes event lines to standard output, the same for the same size: `events BYTES`. Keys, sizes and skew are those of a
//! public archive of events on source repositories.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(bytes) = std::env::args().nth(1).and_then(|text| text.parse::<u64>().ok()) else {
        eprintln!("usage: events BYTES");
        return ExitCode::from(64);
    };
    let mut output = io::BufWriter::new(io::stdout().lock());
    let (mut events, mut written, mut number) = (Events::new(42), 0, 0);
    while written < bytes {
        let line = events.line(number);
        if let Err(error) = output.write_all(line.as_bytes()) {
            eprintln!("write events: {error}");
            return ExitCode::from(1);
        }
        written += line.len() as u64;
        number += 1;
    }
    ExitCode::SUCCESS
}

/// Draws events.
struct Events {
    state: u64,
}

const TYPES: [(&str, u64); 10] = [
    ("Push", 520),
    ("Create", 130),
    ("Watch", 95),
    ("IssueComment", 75),
    ("PullRequest", 70),
    ("Issues", 40),
    ("Fork", 30),
    ("Delete", 25),
    ("Gollum", 8),
    ("Member", 7),
];
const WORDS: [&str; 12] = [
    "merge",
    "branch",
    "the",
    "fix",
    "a",
    "of \\\"quoted\\\"",
    "line\\nbreak",
    "f\\u00fcr",
    "naïve",
    "documentation",
    "update",
    "{brackets}",
];
/// 2015-01-01T12:00:00Z.
const START: u64 = 1_420_113_600;

impl Events {
    fn new(seed: u64) -> Self {
        let mut events = Events { state: seed | 1 };
        for _ in 0..8 {
            events.next();
        }
        events
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Small numbers often, large ones rarely.
    fn skewed(&mut self, limit: u64) -> u64 {
        ((limit as f64).powf(self.fraction()) as u64).min(limit) - 1
    }

    fn text(&mut self, words: u64) -> String {
        let words: Vec<_> = (0..words).map(|_| WORDS[self.below(WORDS.len() as u64) as usize]).collect();
        words.join(" ")
    }

    fn line(&mut self, number: u64) -> String {
        let mut draw = self.below(1000);
        let mut kind = TYPES[0].0;
        for (name, weight) in TYPES {
            kind = name;
            if draw < weight {
                break;
            }
            draw -= weight;
        }
        let mut line = format!("{{\"id\":\"{}\",\"type\":\"{kind}Event\",\"actor\":", 2_489_651_045 + number);
        self.user(&mut line, true);
        let repository = self.repository();
        let id = self.below(1 << 25);
        put(
            &mut line,
            format_args!(
                ",\"repo\":{{\"id\":{id},\"name\":\"{repository}\",\"url\":\"https://api.example.com/repos/{repository}\"}},\"payload\":"
            ),
        );
        self.payload(&mut line, kind);
        let second = START + number / 12;
        let (day, hour) = (1 + (second - START + 43_200) / 86_400, second / 3600 % 24);
        let (minute, rest) = (second / 60 % 60, second % 60);
        let time = format!("2015-01-{:02}T{hour:02}:{minute:02}:{rest:02}Z", day.min(31));
        put(&mut line, format_args!(",\"public\":true,\"created_at\":\"{time}\""));
        if number.is_multiple_of(5) {
            line += ",\"org\":";
            self.user(&mut line, false);
        }
        line += "}\n";
        line
    }

    fn user(&mut self, line: &mut String, is_actor: bool) {
        let id = self.skewed(300_000);
        put(line, format_args!("{{\"id\":{id},\"login\":\"user{id}\","));
        if is_actor {
            put(line, format_args!("\"display_login\":\"user{id}\","));
        }
        put(
            line,
            format_args!(
                "\"gravatar_id\":\"\",\"url\":\"https://api.example.com/users/user{id}\",\"avatar_url\":\"https://avatars.example.com/u/{id}?\"}}"
            ),
        );
    }

    fn repository(&mut self) -> String {
        if self.below(250) == 0 {
            return format!("jupyter/project{}", self.below(8));
        }
        let id = self.skewed(400_000);
        format!("owner{}/repository{id}", id / 3)
    }

    fn payload(&mut self, line: &mut String, kind: &str) {
        match kind {
            "Push" => self.push(line),
            "IssueComment" | "Issues" => {
                let words = 20 + (-80.0 * (1.0 - self.fraction()).ln()) as u64;
                let (id, body) = (self.below(1 << 27), self.text(words));
                let title = self.text(6);
                put(
                    line,
                    format_args!(
                        "{{\"action\":\"created\",\"issue\":{{\"id\":{id},\"number\":{},\"title\":\"{title}\",\"state\":\"open\",\"locked\":false,\"assignee\":null,\"comments\":{},\"body\":\"{body}\"}}}}",
                        id % 999,
                        id % 7
                    ),
                );
            }
            "PullRequest" => {
                let (id, title, body) = (self.below(1 << 26), self.text(7), self.text(40));
                put(
                    line,
                    format_args!(
                        "{{\"action\":\"opened\",\"number\":{},\"pull_request\":{{\"id\":{id},\"title\":\"{title}\",\"body\":\"{body}\",\"merged_at\":null,\"head\":",
                        id % 999
                    ),
                );
                self.full_repository(line);
                *line += ",\"base\":";
                self.full_repository(line);
                *line += ",\"merged\":false,\"commits\":3,\"additions\":120,\"deletions\":7}}";
            }
            _ => {
                let description = self.text(8);
                put(
                    line,
                    format_args!(
                        "{{\"ref\":\"master\",\"ref_type\":\"branch\",\"master_branch\":\"master\",\"description\":\"{description}\",\"pusher_type\":\"user\"}}"
                    ),
                );
            }
        }
    }

    fn push(&mut self, line: &mut String) {
        let (id, size) = (self.below(1 << 29), 1 + self.skewed(8));
        put(
            line,
            format_args!(
                "{{\"push_id\":{id},\"size\":{size},\"distinct_size\":{size},\"ref\":\"refs/heads/master\",\"head\":\"{:040x}\",\"commits\":[",
                self.next()
            ),
        );
        for index in 0..size {
            let (sha, name, message) = (self.next(), self.skewed(300_000), self.text(8));
            let comma = if index == 0 { "" } else { "," };
            put(
                line,
                format_args!(
                    "{comma}{{\"sha\":\"{sha:040x}\",\"author\":{{\"email\":\"{sha:016x}@example.com\",\"name\":\"user{name}\"}},\"message\":\"{message}\",\"distinct\":true,\"url\":\"https://api.example.com/commits/{sha:040x}\"}}"
                ),
            );
        }
        *line += "]}";
    }

    fn full_repository(&mut self, line: &mut String) {
        let (id, name) = (self.below(1 << 25), self.repository());
        put(
            line,
            format_args!("{{\"label\":\"{name}:master\",\"ref\":\"master\",\"sha\":\"{:040x}\",\"user\":", self.next()),
        );
        self.user(line, true);
        put(line, format_args!(",\"repo\":{{\"id\":{id},\"full_name\":\"{name}\",\"private\":false,\"fork\":false"));
        for key in
            ["html", "forks", "keys", "collaborators", "teams", "hooks", "events", "assignees", "branches", "tags"]
        {
            put(line, format_args!(",\"{key}_url\":\"https://api.example.com/repos/{name}/{key}{{/sha}}\""));
        }
        put(
            line,
            format_args!(
                ",\"size\":{},\"stargazers_count\":{},\"language\":\"Rust\",\"has_issues\":true}}}}",
                id % 9999,
                id % 77
            ),
        );
    }
}

fn put(line: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = line.write_fmt(text);
}
