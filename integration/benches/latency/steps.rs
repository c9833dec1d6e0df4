//! The steps of one query: what `yarn-submit` says at its end, and what the daemons' logs say.

use std::fs;
use std::time::Duration;

use integration::cluster::{Cluster, Daemon};

const DAY: i64 = 86_400_000;
/// Clocks of time zones differ by multiples of this.
const QUARTER: i64 = 900_000;

/// The steps in their order, and whose work leads to each.
pub const STEPS: [(&str, &str); 12] = [
    ("submitted", "ours: plan, check, upload, submit"),
    ("AM allocated", "YARN: a node calls"),
    ("AM launched", "YARN: launcher"),
    ("AM process", "YARN: localize, start"),
    ("registered", "ours: AM starts"),
    ("worker allocated", "YARN: a node calls"),
    ("first container", "ours: AM calls, launches"),
    ("worker process", "YARN: localize, start"),
    ("first task", "ours: worker starts, dials"),
    ("last task", "ours: scan, aggregate"),
    ("answer", "ours: fetch, print"),
    ("client gone", "ours: unregister; YARN: end"),
];

/// Seconds after the start, by name.
#[derive(Debug, Default)]
pub struct Steps(Vec<(String, f64)>);

impl Steps {
    /// Reads `…: submitted 0.026 s, registered 0.800 s, …`.
    pub fn of_summary(text: &str) -> Steps {
        let mut steps = Steps::default();
        steps.add("start", 0.0);
        let Some(line) = text.lines().find(|line| line.contains(": submitted ")) else { return steps };
        let (_, list) = line.split_once(": ").unwrap_or_default();
        for part in list.split(", ") {
            let Some((name, value)) = part.strip_suffix(" s").and_then(|part| part.rsplit_once(' ')) else { continue };
            if let Ok(seconds) = value.parse() {
                steps.add(name, seconds);
            }
        }
        steps
    }

    /// Adds one.
    pub fn add(&mut self, name: &str, seconds: f64) {
        self.0.push((name.to_owned(), seconds));
    }

    /// When a step was reached.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(step, _)| step == name).map(|&(_, seconds)| seconds)
    }

    /// Adds what YARN did for `application`; `start` is Unix time.
    pub fn add_daemons(&mut self, cluster: &Cluster, application: &str, start: Duration) {
        let number = application.trim_start_matches("application_");
        let of_attempt = |state: &str| ([format!("appattempt_{number}_000001 "), format!(" to {state}")], 0);
        let of_container = |state: &str, first: usize| ([format!("_{number}_01_"), format!(" to {state}")], first);
        let manager = [Daemon::ResourceManager];
        let nodes: Vec<Daemon> = (1..=cluster.options().workers).map(Daemon::NodeManager).collect();
        let wanted = [
            ("AM allocated", &manager[..], of_attempt("ALLOCATED")),
            ("AM launched", &manager[..], of_attempt("LAUNCHED")),
            ("AM process", &nodes[..], of_container("RUNNING", 1)),
            ("worker allocated", &manager[..], of_container("ALLOCATED", 2)),
            ("worker process", &nodes[..], of_container("RUNNING", 2)),
        ];
        for (name, daemons, (words, container)) in wanted {
            let seen = daemons.iter().filter_map(|&daemon| first(cluster, daemon, &words, container, start)).min();
            if let Some(milliseconds) = seen {
                self.add(name, milliseconds as f64 / 1000.0);
            }
        }
    }
}

/// Milliseconds from `start` to the first line of a daemon's log that holds all words, and names a container of at least
/// the number `container` if that is not 0.
fn first(cluster: &Cluster, daemon: Daemon, words: &[String; 2], container: usize, start: Duration) -> Option<i64> {
    let log = fs::read_to_string(cluster.daemon_log(daemon)).ok()?;
    let matches = |line: &&str| {
        let rest = words[0].as_str();
        let named = line.split(rest).nth(1).and_then(|rest| rest.get(..6)).and_then(|digits| digits.parse().ok());
        let fits = match container {
            0 => true,
            1 => named == Some(1_usize),
            least => named.is_some_and(|number| number >= least),
        };
        fits && words.iter().all(|word| line.contains(word.as_str()))
    };
    log.lines().filter(matches).find_map(|line| since(line, start))
}

/// Milliseconds from `start` to the time at the beginning of a log line, whatever its time zone.
fn since(line: &str, start: Duration) -> Option<i64> {
    // 2026-11-21 00:26:25,123
    let part = |from: usize, to: usize| line.get(from..to)?.parse::<i64>().ok();
    let (hours, minutes, seconds) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let of_day = ((hours * 60 + minutes) * 60 + seconds) * 1000 + part(20, 23)?;
    let start = i64::try_from(start.as_millis()).ok()? % DAY;
    let apart = of_day - start;
    // The nearest quarter of an hour is the zone's; no run lasts as long as half of one.
    Some(apart - (apart as f64 / QUARTER as f64).round() as i64 * QUARTER)
}
