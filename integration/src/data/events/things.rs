//! What events are about: users, repositories, organisations, times, texts.

use std::fmt::{self, Write as _};

use super::super::Random;
use super::OWNER;

const USERS: u64 = 300_000;
const REPOSITORIES: u64 = 400_000;
const OWNED: [&str; 8] =
    ["notebook", "jupyter", "jupyter_client", "nbconvert", "docker-stacks", "jupyterhub", "nbviewer", "help"];
const NAMES: [&str; 12] =
    ["api", "app", "blog", "core", "data", "demo", "docs", "dotfiles", "engine", "site", "tools", "website"];
const WORDS: [&str; 48] = [
    "the",
    "a",
    "to",
    "of",
    "and",
    "in",
    "is",
    "for",
    "this",
    "with",
    "that",
    "it",
    "on",
    "not",
    "when",
    "from",
    "fix",
    "add",
    "error",
    "test",
    "file",
    "build",
    "update",
    "version",
    "should",
    "code",
    "branch",
    "merge",
    "use",
    "remove",
    "method",
    "class",
    "issue",
    "request",
    "page",
    "function",
    "value",
    "default",
    "option",
    "server",
    "null",
    "string",
    "na\u{ef}ve",
    "caf\u{e9}",
    "\u{4e2d}\u{6587}",
    "f\\u00fcr",
    "\\\"quoted\\\"",
    "done.\\n",
];

/// Somebody with an account.
pub(super) struct User(u64);

impl User {
    pub(super) fn draw(random: &mut Random) -> User {
        User(random.rank(USERS))
    }

    pub(super) fn id(&self) -> u64 {
        1_000 + self.0 * 7
    }

    pub(super) fn login(&self) -> String {
        format!("user{}", self.0)
    }

    pub(super) fn url(&self) -> String {
        format!("https://api.example.com/users/user{}", self.0)
    }

    pub(super) fn avatar(&self) -> String {
        format!("https://avatars.example.com/u/{}?", self.id())
    }

    /// The whole object.
    pub(super) fn append(&self, line: &mut String) {
        let (login, id, url, avatar) = (self.login(), self.id(), self.url(), self.avatar());
        let _ = write!(line, r#"{{"login":"{login}","id":{id},"avatar_url":"{avatar}","gravatar_id":"","#);
        let _ = write!(line, r#""url":"{url}","html_url":"https://example.com/{login}","#);
        let _ = write!(line, r#""repos_url":"{url}/repos","type":"User","site_admin":false}}"#);
    }
}

/// A place for code.
pub(super) enum Repository {
    /// One of those that the benchmark asks for.
    Owned(usize),
    /// Any other.
    Other(u64),
}

impl Repository {
    pub(super) fn draw(random: &mut Random) -> Repository {
        if random.once_in(250) {
            return Repository::Owned(random.below(OWNED.len() as u64) as usize);
        }
        Repository::Other(random.rank(REPOSITORIES))
    }

    pub(super) fn id(&self) -> u64 {
        match self {
            Repository::Owned(index) => 900 + *index as u64,
            Repository::Other(rank) => 10_000 + rank * 11,
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Repository::Owned(index) => format!("{OWNER}{}", OWNED[*index]),
            Repository::Other(rank) => {
                let name = NAMES[(rank % NAMES.len() as u64) as usize];
                format!("user{}/{name}-{rank}", rank * 31 % USERS)
            }
        }
    }

    pub(super) fn url(&self) -> String {
        format!("https://api.example.com/repos/{}", self.name())
    }

    /// The whole object.
    pub(super) fn append(&self, line: &mut String, random: &mut Random) {
        let (id, name, url) = (self.id(), self.name(), self.url());
        let (owner, short) = name.split_once('/').unwrap_or_default();
        let _ = write!(line, r#"{{"id":{id},"name":"{short}","full_name":"{name}","owner":{{"login":"{owner}","#);
        let _ = write!(line, r#""url":"https://api.example.com/users/{owner}","type":"User"}},"private":false,"#);
        let _ = write!(line, r#""html_url":"https://example.com/{name}","description":"#);
        nullable_text(line, random, 8);
        let _ = write!(line, r#","fork":{},"url":"{url}","forks_url":"{url}/forks","#, random.once_in(4));
        for list in ["keys", "teams", "hooks", "branches", "tags"] {
            let _ = write!(line, r#""{list}_url":"{url}/{list}","#);
        }
        let _ = write!(line, r#""size":{},"stargazers_count":{},"#, random.below(100_000), random.rank(20_000));
        let language = random.one_of(&["\"Python\"", "\"JavaScript\"", "\"C++\"", "\"Rust\"", "null"]);
        let _ = write!(line, r#""language":{language},"has_issues":true,"open_issues":{},"#, random.rank(500));
        line.push_str(r#""default_branch":"master"}"#);
    }
}

/// The member `org` that some events have.
pub(super) fn organisation(line: &mut String, repository: &Repository) {
    let (id, name) = (repository.id() + 5, repository.name());
    let (owner, _) = name.split_once('/').unwrap_or_default();
    let _ = write!(line, r#","org":{{"id":{id},"login":"{owner}","gravatar_id":"","#);
    let _ = write!(line, r#""url":"https://api.example.com/orgs/{owner}","#);
    let _ = write!(line, r#""avatar_url":"https://avatars.example.com/u/{id}?"}}"#);
}

/// Words in quotes. Some of them hold escapes, some are not ASCII.
pub(super) fn text(line: &mut String, random: &mut Random, words: u64) {
    line.push('"');
    for word in 0..words {
        if word > 0 {
            line.push(' ');
        }
        line.push_str(random.one_of(&WORDS));
    }
    line.push('"');
}

/// Words in quotes, or nothing.
pub(super) fn nullable_text(line: &mut String, random: &mut Random, words: u64) {
    if random.once_in(5) { line.push_str("null") } else { text(line, random, words) }
}

/// The name of a commit: 40 hexadecimal digits.
pub(super) fn digest(random: &mut Random) -> String {
    format!("{:016x}{:016x}{:08x}", random.draw(), random.draw(), random.draw() >> 32)
}

/// Seconds since 1970 that print as `YYYY-MM-DDTHH:MM:SSZ`; within 2015.
pub(super) struct Moment(pub(super) u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut day, second) = ((self.0 - 1_420_070_400) / 86_400, self.0 % 86_400);
        let mut month = 1;
        for length in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "2015-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_know_the_months() {
        for (seconds, text) in [
            (1_420_113_600, "2015-01-01T12:00:00Z"),
            (1_422_748_799, "2015-01-31T23:59:59Z"),
            (1_425_168_000, "2015-03-01T00:00:00Z"),
            (1_451_606_399, "2015-12-31T23:59:59Z"),
        ] {
            assert_eq!(Moment(seconds).to_string(), text);
        }
    }
}
