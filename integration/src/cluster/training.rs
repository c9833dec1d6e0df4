//! The first cluster of a release: a small one whose daemons list the classes that they load. The archive made of them
//! lets every later daemon start in about half the time.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::configuration::class_path;
use super::error::StartError;
use super::layout::Layout;
use super::options::ClusterOptions;
use super::{Cluster, Ownership};
use crate::install::{Installation, Version, tail};
use crate::notice::notify;

/// A release that is fetched and has its archive of classes.
pub(super) fn prepared(version: Version) -> Result<Installation, StartError> {
    let installation = Installation::fetch(version).map_err(StartError::Install)?;
    let _lock = installation.lock().map_err(StartError::Install)?;
    if !installation.class_archive().exists() {
        notify(&format!(
            "preparing Hadoop {} once: a small cluster starts, and its classes are archived",
            version.release()
        ));
        let lists = tempfile::tempdir().map_err(StartError::directory)?;
        train(&installation, lists.path())?;
        archive(&installation, lists.path())?;
    }
    Ok(installation)
}

fn train(installation: &Installation, lists: &Path) -> Result<(), StartError> {
    let options = ClusterOptions { version: installation.version, workers: 1, ..ClusterOptions::default() };
    let layout = Layout::temporary().map_err(StartError::directory)?;
    let mut cluster = Cluster::planned(layout, options, installation.clone(), Ownership::Guard);
    cluster.class_lists = Some(lists.to_owned());
    cluster.launch().map(drop)
}

fn archive(installation: &Installation, lists: &Path) -> Result<(), StartError> {
    let classes = lists.join("all");
    let archive = installation.class_archive();
    let partial = archive.with_extension("partial");
    let dump = || {
        fs::write(&classes, merged(lists)?)?;
        let mut command = Command::new(installation.java.program());
        command.args(["-Xshare:dump", "-XX:+UseSerialGC"]).args(["-cp", &class_path(installation)]);
        command.arg(format!("-XX:SharedClassListFile={}", classes.display()));
        command.arg(format!("-XX:SharedArchiveFile={}", partial.display())).output()
    };
    let output = dump().map_err(StartError::directory)?;
    if !output.status.success() {
        let said = tail(&String::from_utf8_lossy(&[output.stdout, output.stderr].concat()), 20);
        return Err(StartError::ClassArchive { status: output.status, output: said });
    }
    fs::rename(partial, archive).map_err(StartError::directory)
}

/// Every class that one of the daemons loaded.
fn merged(lists: &Path) -> io::Result<String> {
    let mut classes = BTreeSet::new();
    for entry in fs::read_dir(lists)? {
        let text = fs::read_to_string(entry?.path())?;
        classes.extend(text.lines().filter(|line| !line.starts_with(['#', '@'])).map(str::to_owned));
    }
    Ok(classes.into_iter().map(|class| class + "\n").collect())
}
