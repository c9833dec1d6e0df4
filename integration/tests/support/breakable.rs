//! A cluster that its test may break, with a query on it that has a middle to break in.

use integration::cluster::{Cluster, ClusterOptions, Host};
use integration::{private, version};
use std::time::Duration;

use super::running::Running;
use super::{done, trips, yarn_submit};

const QUERY: &str = "SELECT passenger_count, count(*) AS trips, avg(fare_amount) AS fare FROM";
const GROUP: &str = "GROUP BY passenger_count ORDER BY 1";
/// Small splits make many tasks, so that there is a middle.
const SMALL: &str = "64KiB";
/// These make a long one.
pub const TINY: &str = "16KiB";

/// The cluster, trips on it with two replicas, and what the query about them has to answer.
pub struct Breakable {
    pub cluster: Cluster,
    pub expected: String,
}

/// A cluster with settings of its own.
pub fn breakable(settings: &[(&str, &str)]) -> Option<Breakable> {
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    breakable_with(ClusterOptions { settings, ..ClusterOptions::default() })
}

/// A cluster with options of its own.
pub fn breakable_with(options: ClusterOptions) -> Option<Breakable> {
    let options = ClusterOptions { version: version(), heartbeat: Duration::from_millis(200), ..options };
    let cluster = private(options)?;
    let content = trips(3 * 8 * 1024 * 1024 - 1000);
    cluster.put(&content, "/user/alice/trips.csv", 2, Host::Edge).unwrap();
    let local = cluster.directory().join("trips.csv");
    std::fs::write(&local, &content).unwrap();
    let expected = Trips::new(&cluster, &local.display().to_string()).local_answer();
    Some(Breakable { cluster, expected })
}

impl Breakable {
    /// The query on its way, with `arguments` in addition.
    pub fn start(&self, arguments: &[&str]) -> Running<'_> {
        Trips::new(&self.cluster, "hdfs:///user/alice/trips.csv").query(arguments)
    }
}

/// Trips to ask about.
#[derive(Clone, Copy)]
pub struct Trips<'a> {
    pub cluster: &'a Cluster,
    pub table: &'a str,
    /// `--split-size`: answers are equal to the byte where it is equal.
    pub split: &'a str,
}

impl<'a> Trips<'a> {
    /// Trips in small splits.
    pub fn new(cluster: &'a Cluster, table: &'a str) -> Self {
        Trips { cluster, table, split: SMALL }
    }

    /// The query on its way.
    pub fn query(&self, arguments: &[&str]) -> Running<'a> {
        let own = ["--worker-memory", "512MiB", "--split-size", self.split];
        Running::start(self.cluster, "sql", &[&own, arguments, &[&self.text()]].concat())
    }

    /// What local mode answers.
    pub fn local_answer(&self) -> String {
        let mut command = yarn_submit(self.cluster);
        command.args(["sql", "--master", "local", "--split-size", self.split]).arg(self.text());
        done(&mut command).expect(0).stdout
    }

    /// The query.
    pub fn text(&self) -> String {
        format!("{QUERY} '{}' {GROUP}", self.table)
    }
}
