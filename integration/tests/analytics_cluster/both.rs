//! The same bytes in two places, and the same statements about them: on the cluster, and in one process without it.

use std::path::{Path, PathBuf};

use integration::cluster::Cluster;
use serde_json::Value;

use crate::support::{Done, done, yarn_submit};

/// Two workers that fit beside those of other tests.
pub const WORKERS: [&str; 6] = ["--workers", "2", "--worker-memory", "512MiB", "--worker-cores", "1"];

/// A directory on HDFS and one on the gateway's disk. Statements call either `{d}`.
pub struct Both<'a> {
    pub cluster: &'a Cluster,
    name: &'static str,
    folder: PathBuf,
}

impl<'a> Both<'a> {
    /// Empty directories of this name.
    pub fn new(cluster: &'a Cluster, name: &'static str) -> Self {
        // The cluster's own directory is the same path on every host and goes with the cluster.
        let folder = cluster.directory().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let both = Both { cluster, name, folder };
        cluster.make_directory(&both.path(), "alice", "755").unwrap();
        both
    }

    /// The directory on HDFS.
    pub fn path(&self) -> String {
        format!("/user/alice/{}", self.name)
    }

    /// The directory on the gateway's disk.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts a file into both; on HDFS its blocks are on all workers in turn.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        self.cluster.spread(bytes, &format!("{}/{name}", self.path())).unwrap();
        std::fs::write(self.folder.join(name), bytes).unwrap();
    }

    /// Runs statements on the cluster, with `arguments` in addition.
    pub fn there_with(&self, arguments: &[&str], split: &str, text: &str) -> Done {
        let mut command = yarn_submit(self.cluster);
        command.arg("sql").args(WORKERS).args(["--split-size", split]).args(arguments);
        done(command.arg(self.text_there(text)))
    }

    /// Runs statements on the cluster.
    pub fn there(&self, split: &str, text: &str) -> Done {
        self.there_with(&[], split, text)
    }

    /// Runs statements in one process.
    pub fn here(&self, split: &str, text: &str) -> Done {
        let mut command = yarn_submit(self.cluster);
        command.args(["sql", "--master", "local", "--split-size", split]);
        done(command.arg(self.text_here(text)))
    }

    /// Runs statements in both places; both give the same rows. What the cluster's said.
    pub fn same(&self, split: &str, text: &str) -> Done {
        let (there, here) = (self.there(split, text).expect(0), self.here(split, text).expect(0));
        assert!(there.stdout == here.stdout, "{}", difference(&there.stdout, &here.stdout));
        there
    }

    /// Statements about the directory on HDFS.
    pub fn text_there(&self, text: &str) -> String {
        text.replace("{d}", &format!("hdfs://{}", self.path()))
    }

    /// Statements about the directory on the gateway's disk.
    pub fn text_here(&self, text: &str) -> String {
        text.replace("{d}", &self.folder.display().to_string())
    }

    /// How a query on the cluster would run.
    pub fn explain(&self, split: &str, text: &str) -> String {
        self.there_with(&["--explain"], split, text).expect(0).stdout
    }
}

/// Where two long texts begin to differ.
pub fn difference(there: &str, here: &str) -> String {
    let (mut ours, mut theirs) = (there.lines(), here.lines());
    for number in 1.. {
        match (ours.next(), theirs.next()) {
            (None, None) => break,
            (one, other) if one == other => {}
            (one, other) => return format!("line {number} is {one:?} on the cluster and {other:?} in one process"),
        }
    }
    "the ends of lines differ".to_owned()
}

/// Fails the test when something was said that is not for users who did nothing wrong.
pub fn no_warning(done: &Done) {
    let wrong =
        done.stderr.lines().find(|line| ["WARN", "ERROR", "report this"].iter().any(|word| line.contains(word)));
    assert!(wrong.is_none(), "{}", done.stderr);
}

/// All applications of this name that there have been, as `apps` says.
pub fn applications(cluster: &Cluster, name: &str) -> Vec<Value> {
    let apps = done(yarn_submit(cluster).args(["apps", "--all", "--json"])).expect(0);
    let mut apps: Vec<Value> = serde_json::from_str(&apps.stdout).unwrap();
    apps.retain(|app| app["name"] == name);
    apps
}

/// How each of them ended.
pub fn outcomes(cluster: &Cluster, name: &str) -> Vec<String> {
    applications(cluster, name).iter().map(|app| app["outcome"].as_str().unwrap().to_owned()).collect()
}
