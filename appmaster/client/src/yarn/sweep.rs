//! The sweep: what earlier applications have left in `.bobbin`, removed beside the run of a new one.

use std::collections::BTreeSet;
use std::time::Duration;

use bobbin_appmaster::spec::LocalizedFile;
use hadoop_wire::messages::yarn::GetApplicationsRequest;
use hadoop_wire::names::ApplicationId;
use tokio::sync::watch;
use tokio::time::timeout;

use super::application::Application;
use super::cluster::Cluster;
use super::hdfs::{Entry, HdfsError, HdfsFailure};

/// A cached file that nothing has used for so long is removed.
const UNUSED_MS: u64 = 30 * 24 * 3600 * 1000;
/// Staging of an application that the ResourceManager does not know is kept for so long: it may be on its way.
const UNKNOWN_MS: u64 = 10 * 60 * 1000;

/// A sweep that takes longer is left to the next submission.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a process that ends right after its submission waits for its sweep.
const MOMENT: Duration = Duration::from_millis(500);

/// A sweep on its way, for which nobody has to wait; what it does not reach is left to the next submission.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Closed at its end.
    ended: watch::Receiver<()>,
}

impl Sweep {
    /// Begins to sweep. The application's own files are in use, even where their times could not be changed.
    pub(super) fn begin(cluster: &Cluster, files: &[LocalizedFile]) -> Sweep {
        let in_use = files.iter().map(|file| folder_of(&file.url)).collect::<BTreeSet<String>>();
        let (running, ended) = watch::channel(());
        let cluster = cluster.clone();
        tokio::spawn(async move {
            if timeout(LIMIT, sweep(&cluster, &in_use)).await.is_err() {
                tracing::debug!("the sweep of old files takes too long and is left to the next submission");
            }
            drop(running);
        });
        Sweep { ended }
    }

    /// Gives it a moment: for a process that is about to end.
    pub async fn settle(mut self) {
        if timeout(MOMENT, self.ended.changed()).await.is_err() {
            tracing::debug!("the sweep of old files is not over and is left to the next submission");
        }
    }
}

/// Removes staging of applications that have ended or that nobody knows, and cached files that nothing has used for
/// 30 days, but for folders that are `in_use`. What cannot be removed is left to the next sweep.
async fn sweep(cluster: &Cluster, in_use: &BTreeSet<String>) {
    let home = cluster.home();
    let applications = format!("{home}/.bobbin/applications");
    let cache = format!("{home}/.bobbin/cache");
    let (applications, cache) = tokio::join!(cluster.hdfs().list(&applications), cluster.hdfs().list(&cache));
    let (applications, cache) = (found(applications), found(cache));
    // Ages are measured by the NameNode's clock alone: the newest time there is its "now", near enough.
    let now = applications.iter().chain(&cache).map(|entry| entry.modified_ms).max().unwrap_or_default();
    let mut doomed = Vec::new();
    for entry in cache.into_iter().filter(|entry| is_unused(entry, now)) {
        // Another submission may have found it meanwhile.
        match cluster.hdfs().entry(&entry.path).await {
            Ok(Some(still)) if is_unused(&still, now) => doomed.push(entry.path),
            Ok(_) => tracing::debug!(path = entry.path, "in use again"),
            Err(error) => tracing::debug!(path = entry.path, %error, "not swept"),
        }
    }
    doomed.retain(|folder| !in_use.contains(folder));
    if !applications.is_empty() {
        match known(cluster).await {
            Ok(known) => doomed.extend(abandoned(applications, &known, now)),
            Err(error) => tracing::debug!(%error, "staging is not swept"),
        }
    }
    for path in doomed {
        match cluster.hdfs().remove(&path).await {
            Ok(_) => tracing::debug!(path, "swept"),
            Err(error) => tracing::debug!(path, %error, "not swept"),
        }
    }
}

/// The path of the directory of a file that is named by `scheme://authority/path`.
fn folder_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |slash| &rest[slash..]);
    path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()
}

/// What is in a directory, which the first submission has yet to make.
fn found(listed: Result<Vec<Entry>, HdfsError>) -> Vec<Entry> {
    match listed {
        Ok(entries) => entries,
        Err(HdfsError { failure: HdfsFailure::NotFound, .. }) => Vec::new(),
        Err(error) => {
            tracing::debug!(%error, "a directory is not swept");
            Vec::new()
        }
    }
}

/// What the ResourceManager knows of the user's applications.
struct Known {
    live: BTreeSet<ApplicationId>,
    ended: BTreeSet<ApplicationId>,
}

async fn known(cluster: &Cluster) -> Result<Known, hadoop_client::rpc::CallError> {
    let filters = GetApplicationsRequest { users: vec![cluster.user().to_owned()], ..Default::default() };
    let reports = cluster.resource_manager().applications(filters).await?;
    let mut known = Known { live: BTreeSet::new(), ended: BTreeSet::new() };
    for report in reports {
        let Ok(application) = Application::try_from(report) else { continue };
        let set = if application.state.is_ended() { &mut known.ended } else { &mut known.live };
        set.insert(application.id);
    }
    Ok(known)
}

fn is_unused(entry: &Entry, now: u64) -> bool {
    entry.is_directory && now.saturating_sub(entry.modified_ms) > UNUSED_MS
}

fn abandoned(entries: Vec<Entry>, known: &Known, now: u64) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in entries {
        let Ok(id) = entry.name().parse::<ApplicationId>() else { continue };
        let is_old = now.saturating_sub(entry.modified_ms) > UNKNOWN_MS;
        if known.ended.contains(&id) || (is_old && !known.live.contains(&id)) {
            paths.push(entry.path);
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, modified_ms: u64) -> Entry {
        let path = format!("/user/alice/.bobbin/applications/{name}");
        Entry { path, size: 0, modified_ms, is_directory: true, permission: 0o700, owner: "alice".to_owned() }
    }

    #[test]
    fn only_the_ended_and_the_long_unknown_are_swept() {
        let id = |number: u32| ApplicationId { cluster_timestamp: 1, sequence: number };
        let known = Known { live: [id(1)].into(), ended: [id(2)].into() };
        let now = 100 * UNKNOWN_MS;
        let entries = vec![
            entry("application_1_0001", 0),
            entry("application_1_0002", now),
            entry("application_1_0003", now - UNKNOWN_MS),
            entry("application_1_0004", now - UNKNOWN_MS - 1),
            entry("notes", 0),
        ];
        let paths = abandoned(entries, &known, now);
        let names: Vec<&str> = paths.iter().map(|path| path.rsplit('/').next().unwrap_or_default()).collect();
        assert_eq!(names, ["application_1_0002", "application_1_0004"]);
    }

    #[test]
    fn a_files_folder_is_a_path() {
        assert_eq!(folder_of("hdfs://m:9000/user/alice/.bobbin/cache/ab/env.tar.gz"), "/user/alice/.bobbin/cache/ab");
        assert_eq!(folder_of("hdfs://ns/x"), "");
    }

    #[test]
    fn a_cached_file_lives_thirty_days_after_its_last_use() {
        assert!(!is_unused(&entry("x", 1000), UNUSED_MS + 1000));
        assert!(is_unused(&entry("x", 1000), UNUSED_MS + 1001));
    }
}
