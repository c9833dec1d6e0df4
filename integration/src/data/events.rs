//! Public events of a site for source code, as JSON lines: nested objects whose shape depends on the event's type, long texts
//! with escapes, names that few users and repositories share most of.

mod payload;
mod things;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::Random;
use things::{Repository, User};

/// Types of events (each name ends in `Event`), by weight.
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

/// 2015-01-01T12:00:00Z in seconds since 1970, and events a second.
const BEGIN: u64 = 1_420_113_600;
const PER_SECOND: u64 = 12;

/// The repositories that the benchmark asks for begin with this.
pub const OWNER: &str = "jupyter/";

/// What is in a file of events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Bytes.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Lines by type.
    pub types: BTreeMap<String, u64>,
    /// Lines about repositories of [`OWNER`], by the actor's login.
    pub actors: BTreeMap<String, u64>,
}

impl Tally {
    /// The ten actors with most events about repositories of [`OWNER`]: most first, then by login.
    pub fn busiest(&self) -> Vec<(String, u64)> {
        let mut actors: Vec<(String, u64)> = self.actors.iter().map(|(login, &count)| (login.clone(), count)).collect();
        actors.sort_by(|(a, more), (b, less)| less.cmp(more).then(a.cmp(b)));
        actors.truncate(10);
        actors
    }

    fn add(&mut self, line: &str, kind: &str, actor: &User, repository: &Repository) {
        self.bytes += line.len() as u64;
        self.lines += 1;
        *self.types.entry(format!("{kind}Event")).or_default() += 1;
        if repository.name().starts_with(OWNER) {
            *self.actors.entry(actor.login()).or_default() += 1;
        }
    }
}

/// Writes lines while fewer than `bytes` bytes have been written.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, bytes: u64, seed: u64) -> io::Result<Tally> {
    let (mut random, mut tally) = (Random::new(seed), Tally::default());
    let mut line = String::new();
    while tally.bytes < bytes {
        line.clear();
        let (kind, actor, repository) = (random.pick(&TYPES), User::draw(&mut random), Repository::draw(&mut random));
        append(&mut line, tally.lines, &mut random, (kind, &actor, &repository));
        out.write_all(line.as_bytes())?;
        tally.add(&line, kind, &actor, &repository);
    }
    out.flush()?;
    Ok(tally)
}

/// Appends the line of event `number`. Writing to a string cannot fail.
fn append(line: &mut String, number: u64, random: &mut Random, event: (&str, &User, &Repository)) {
    let (kind, actor, repository) = event;
    let (id, login, user) = (2_489_368_070 + number * 3, actor.login(), actor.id());
    let _ = write!(line, r#"{{"id":"{id}","type":"{kind}Event","actor":{{"id":{user},"login":"{login}","#);
    let _ = write!(line, r#""display_login":"{login}","gravatar_id":"","url":"{}","#, actor.url());
    let _ = write!(line, r#""avatar_url":"{}"}},"#, actor.avatar());
    let (repository_id, name) = (repository.id(), repository.name());
    let _ = write!(line, r#""repo":{{"id":{repository_id},"name":"{name}","url":"{}"}},"#, repository.url());
    line.push_str(r#""payload":"#);
    payload::append(line, kind, random, (actor, repository));
    let _ = write!(line, r#","public":true,"created_at":"{}""#, things::Moment(BEGIN + number / PER_SECOND));
    if random.once_in(5) {
        things::organisation(line, repository);
    }
    line.push_str("}\n");
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn made(bytes: u64) -> (Tally, String) {
        let mut out = Vec::new();
        let tally = write(&mut out, bytes, 42).unwrap();
        (tally, String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_line_is_an_object_and_is_counted() {
        let (tally, text) = made(3_000_000);
        assert_eq!(tally.bytes, text.len() as u64);
        let (mut types, mut actors) = (BTreeMap::new(), BTreeMap::new());
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(event["payload"].is_object() && event["created_at"].is_string(), "{line}");
            *types.entry(event["type"].as_str().unwrap().to_owned()).or_default() += 1;
            if event["repo"]["name"].as_str().unwrap().starts_with(OWNER) {
                *actors.entry(event["actor"]["login"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
        assert_eq!((&types, &actors), (&tally.types, &tally.actors));
        assert_eq!(types.len(), TYPES.len());
        for words in [r"\n", r#"\""#, r"\u00fc"] {
            assert!(text.contains(words), "no {words}");
        }
        assert!(!text.is_ascii());
    }

    #[test]
    fn proportions_and_the_length_of_lines_are_the_agreed_ones() {
        let (tally, _) = made(30_000_000);
        let share = |kind: &str| tally.types[kind] as f64 / tally.lines as f64;
        for (kind, weight) in TYPES {
            let expected = weight as f64 / 1000.0;
            let found = share(&format!("{kind}Event"));
            assert!((found - expected).abs() < 4.0 * (expected / tally.lines as f64).sqrt(), "{kind}: {found}");
        }
        // 807,870 lines in 10^9 bytes.
        let length = tally.bytes as f64 / tally.lines as f64;
        assert!((1210.0..1270.0).contains(&length), "{length} bytes a line");
        let about = tally.actors.values().sum::<u64>() as f64 / tally.lines as f64;
        assert!((1.0 / 300.0..1.0 / 200.0).contains(&about), "{about} of all events");
    }
}
