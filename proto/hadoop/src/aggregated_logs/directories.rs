//! Where NodeManagers put the logs of an application: a matter of configuration, and of Hadoop's version.

use crate::config::{Configuration, defaults};
use crate::names::ApplicationId;

/// Applications are spread over this many directories.
const BUCKETS: u32 = 10_000;

/// The directories that may hold the logs of an application, most probable first: for each format that the
/// configuration names, where today's versions put them, then where older ones did. Most do not exist.
pub fn directories(configuration: &Configuration, application: ApplicationId, user: &str) -> Vec<String> {
    let mut formats = configuration.get_list("yarn.log-aggregation.file-formats");
    if formats.is_empty() {
        formats.push(defaults::LOG_FILE_FORMATS.to_owned());
    }
    let root = configuration.get_or("yarn.nodemanager.remote-app-log-dir", defaults::REMOTE_LOG_DIR);
    let suffix = configuration.get_or("yarn.nodemanager.remote-app-log-dir-suffix", defaults::REMOTE_LOG_DIR_SUFFIX);
    let mut found = Vec::new();
    for format in formats {
        let own = |key: &str| configuration.get(&format!("yarn.log-aggregation.{format}.{key}"));
        let own = |key: &str| own(key).filter(|value| !value.is_empty());
        let root = own("remote-app-log-dir").unwrap_or_else(|| root.clone());
        let suffix = own("remote-app-log-dir-suffix").unwrap_or_else(|| format!("{suffix}-{}", format.to_lowercase()));
        let bucket = application.sequence % BUCKETS;
        push(&mut found, format!("{root}/{user}/bucket-{suffix}/{bucket:04}/{application}"));
        push(&mut found, format!("{root}/{user}/{suffix}/{application}"));
    }
    push(&mut found, format!("{root}/{user}/{suffix}/{application}"));
    found
}

fn push(found: &mut Vec<String>, directory: String) {
    if !found.contains(&directory) {
        found.push(directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(properties: &[(&str, &str)], expected: &[&str]) {
        let map = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let application = "application_1700000000000_12345".parse().unwrap();
        assert_eq!(directories(&Configuration::from_map(map), application, "alice"), expected);
    }

    #[test]
    fn layouts() {
        check(
            &[],
            &[
                "/tmp/logs/alice/bucket-logs-tfile/2345/application_1700000000000_12345",
                "/tmp/logs/alice/logs-tfile/application_1700000000000_12345",
                "/tmp/logs/alice/logs/application_1700000000000_12345",
            ],
        );
        check(
            &[
                ("yarn.log-aggregation.file-formats", "IndexedFile,TFile"),
                ("yarn.nodemanager.remote-app-log-dir", "/l"),
                ("yarn.log-aggregation.TFile.remote-app-log-dir", "/t"),
                ("yarn.log-aggregation.TFile.remote-app-log-dir-suffix", "s"),
            ],
            &[
                "/l/alice/bucket-logs-indexedfile/2345/application_1700000000000_12345",
                "/l/alice/logs-indexedfile/application_1700000000000_12345",
                "/t/alice/bucket-s/2345/application_1700000000000_12345",
                "/t/alice/s/application_1700000000000_12345",
                "/l/alice/logs/application_1700000000000_12345",
            ],
        );
    }
}
