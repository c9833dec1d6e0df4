//! What end-to-end tests share: running `yarn-submit` on the cluster's gateway, and data.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod breakable;
pub mod running;

use std::fmt::Write;
use std::process::Output;
use std::sync::OnceLock;

use integration::cluster::{Cluster, Host, HostCommand};
use integration::wait;
use serde_json::Value;

/// Block size of the shared cluster: splits of this size have one place each.
pub const SPLIT: &str = "8MiB";

/// Options for a worker that fits beside others.
pub const SMALL: [&str; 6] = ["--workers", "1", "--worker-memory", "512MiB", "--worker-cores", "1"];

/// One end of `yarn-submit`.
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// `yarn-submit` on the gateway, as alice, without anybody's configuration file.
pub fn yarn_submit(cluster: &Cluster) -> HostCommand {
    yarn_submit_on(cluster, Host::Edge)
}

/// `yarn-submit` on any host.
pub fn yarn_submit_on(cluster: &Cluster, host: Host) -> HostCommand {
    let program = integration::yarn_submit().unwrap_or_else(|error| panic!("{error}"));
    let mut command = cluster.exec(host, program);
    command.env("XDG_CONFIG_HOME", "/nonexistent").env("RUST_BACKTRACE", "0");
    command
}

/// Runs it to its end.
pub fn done(command: &mut HostCommand) -> Done {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Done { code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}

impl Done {
    /// Fails the test with everything that was said, unless the code is `code`.
    pub fn expect(self, code: i32) -> Self {
        assert!(self.code == code, "exit code {}, expected {code}\n{}\n{}", self.code, self.stdout, self.stderr);
        self
    }

    /// Fails the test unless standard error holds all of `words`.
    pub fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not said:\n{}", self.stderr);
        }
    }

    /// The application's id, as the final statistics name it.
    pub fn application(&self) -> &str {
        let at = self.stderr.find("application_").unwrap_or_else(|| panic!("no application id:\n{}", self.stderr));
        let rest = &self.stderr[at..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        &rest[..end]
    }

    /// The bytes in front of `word` on standard error: `bytes(" remote")` of "47.9 MiB short-circuit, 0 B remote".
    pub fn bytes(&self, word: &str) -> f64 {
        let line = self.stderr.lines().find(|line| line.starts_with("read: ") && line.contains(word));
        let line = line.unwrap_or_else(|| panic!("{word:?} is not said:\n{}", self.stderr));
        let before = line.split(word).next().unwrap_or_default();
        let mut words = before.rsplit(' ');
        let unit = ["B", "KiB", "MiB", "GiB"].iter().position(|unit| words.clone().next() == Some(unit)).unwrap();
        let number: f64 = words.nth(1).unwrap().parse().unwrap();
        number * 1024_f64.powi(i32::try_from(unit).unwrap())
    }

    /// The number in front of `word` on standard error: `number("node-local")` of "9 node-local, 0 remote".
    pub fn number(&self, word: &str) -> u64 {
        let before = self.stderr.split(word).next().filter(|before| before.len() < self.stderr.len());
        let before = before.unwrap_or_else(|| panic!("{word:?} is not said:\n{}", self.stderr)).trim_end();
        let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse().unwrap_or_else(|_| panic!("no number before {word:?}:\n{}", self.stderr))
    }
}

/// What `status` says about an application.
pub fn status(cluster: &Cluster, id: &str) -> Value {
    let status = done(yarn_submit(cluster).args(["status", id, "--json"])).expect(0);
    serde_json::from_str(&status.stdout).unwrap()
}

/// The application of this name, once it runs; as `apps` says.
pub fn running_as(cluster: &Cluster, name: &str) -> String {
    let found = wait::until(running::LIMIT, || {
        let apps = done(yarn_submit(cluster).args(["apps", "--json"])).expect(0);
        let apps: Value = serde_json::from_str(&apps.stdout).unwrap();
        let mut apps = apps.as_array().unwrap().iter();
        let app = apps.find(|app| app["name"] == name && app["state"] == "RUNNING")?;
        app["id"].as_str().map(str::to_owned)
    });
    found.unwrap_or_else(|| panic!("{name} never runs"))
}

/// A CSV file of `bytes` bytes or a little more: trips with the columns of the README's query.
pub fn trips(bytes: usize) -> Vec<u8> {
    let mut text = String::with_capacity(bytes + 128);
    text.push_str("pickup,passenger_count,trip_distance,payment_type,fare_amount,tip_amount\n");
    let mut state = 88172645463325252_u64;
    let mut row = 0_u32;
    while text.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let (fare, tip) = (250 + state % 7000, state >> 40 & 0x1ff);
        let line = writeln!(
            text,
            "2015-01-{:02} {:02}:{:02}:{:02},{},{}.{:02},{},{}.{:02},{}.{:02}",
            1 + row / 86400 % 28,
            row / 3600 % 24,
            row / 60 % 60,
            row % 60,
            state % 7,
            state >> 20 & 0xf,
            state % 100,
            1 + (state >> 30) % 4,
            fare / 100,
            fare % 100,
            tip / 100,
            tip % 100
        );
        assert!(line.is_ok());
        row += 7;
    }
    text.into_bytes()
}

/// [`place_trips`] on the shared cluster, once.
pub fn spread_trips(cluster: &Cluster) -> (String, std::path::PathBuf) {
    static ONCE: OnceLock<(String, std::path::PathBuf)> = OnceLock::new();
    ONCE.get_or_init(|| place_trips(cluster)).clone()
}

/// Trips on HDFS, six blocks in turn over all workers, each on one host; the same file on the gateway's own disk.
pub fn place_trips(cluster: &Cluster) -> (String, std::path::PathBuf) {
    let content = trips(6 * 8 * 1024 * 1024 - 1000);
    cluster.spread(&content, "/user/alice/trips/trips.csv").unwrap();
    // The cluster's own directory is the same path on every host and goes with the cluster.
    let local = cluster.directory().join("trips.csv");
    std::fs::write(&local, &content).unwrap();
    ("hdfs:///user/alice/trips/*.csv".to_owned(), local)
}
