//! Logs that NodeManagers have collected in HDFS: a file a node, the logs of its containers in it.

use std::error::Error;
use std::io;

use bobbin::yarn::{Cluster, Entry, HdfsError, HdfsFailure, HdfsFile};
use bytes::Bytes;
use hadoop_wire::aggregated_logs::{
    AggregatedLogs, CHECKSUM_SUFFIX, LogError, LogFile, UNFINISHED_SUFFIX, checksum_length, directories,
};
use hadoop_wire::config::Configuration;
use hadoop_wire::names::ApplicationId;
use tokio::runtime::Handle;

use super::printer::{Heading, Printer};
use super::selection::Selection;
use crate::exit::{self, Exit, Failure};
use crate::terminal;

/// Bytes that are fetched at once: logs are read in small pieces, HDFS is not.
const WINDOW: usize = 4 << 20;

/// Prints the selected logs and returns how many there were.
pub async fn print(
    cluster: &Cluster,
    configuration: &Configuration,
    (id, user): (ApplicationId, &str),
    selection: &Selection,
    printer: &Printer,
) -> Result<usize, Failure> {
    let mut found = 0;
    for directory in directories(configuration, id, user) {
        let entries = match cluster.hdfs().list(&directory).await {
            Ok(entries) => entries,
            Err(HdfsError { failure: HdfsFailure::NotFound, .. }) => continue,
            Err(error) => return Err(of_hdfs(&error)),
        };
        for entry in node_files(&entries) {
            found += print_node(cluster, entry, &entries, selection, printer).await?;
        }
    }
    Ok(found)
}

fn node_files(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    let is_log = |entry: &&Entry| {
        let name = entry.name();
        !entry.is_directory && !name.ends_with(UNFINISHED_SUFFIX) && !name.ends_with(CHECKSUM_SUFFIX)
    };
    entries.iter().filter(is_log)
}

/// A node's file that cannot be read does not keep the others from being printed.
async fn print_node(
    cluster: &Cluster,
    entry: &Entry,
    entries: &[Entry],
    selection: &Selection,
    printer: &Printer,
) -> Result<usize, Failure> {
    let length = valid_length(cluster, entry, entries).await?;
    if length == 0 {
        return Ok(0);
    }
    let file = cluster.hdfs().open(&entry.path).await.map_err(|error| of_hdfs(&error))?;
    let node = node_name(entry.name());
    let (selection, printer, handle) = (selection.clone(), printer.clone(), Handle::current());
    let printing = tokio::task::spawn_blocking(move || {
        let mut window = Window { file, handle, start: 0, bytes: Bytes::new() };
        print_file(length, &mut window, &node, &selection, &printer)
    });
    match printing.await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) if is_broken_pipe(&error) => Ok(1),
        Ok(Err(error)) => {
            terminal::note(format_args!("yarn-submit: logs in {}: {}", entry.path, exit::chain(&error)));
            Ok(0)
        }
        Err(error) => Err(Failure::of(Exit::Internal, &error)),
    }
}

/// How much of a node's file is whole: all of it, or what the file beside it says while rounds are being added.
async fn valid_length(cluster: &Cluster, entry: &Entry, entries: &[Entry]) -> Result<u64, Failure> {
    let beside = format!("{}{CHECKSUM_SUFFIX}", entry.path);
    let Some(checksum) = entries.iter().find(|other| other.path == beside) else { return Ok(entry.size) };
    let file = cluster.hdfs().open(&checksum.path).await.map_err(|error| of_hdfs(&error))?;
    let content = file.read(0, 1024).await.map_err(|error| of_hdfs(&error))?;
    Ok(checksum_length(&content).unwrap_or(entry.size))
}

fn print_file(
    length: u64,
    window: &mut Window,
    node: &str,
    selection: &Selection,
    printer: &Printer,
) -> Result<usize, LogError> {
    let logs = AggregatedLogs::open(length, &mut |offset, count| window.read(offset, count))?;
    let mut found = 0;
    for log in &logs.logs {
        if selection.wants_container(&log.container) && selection.wants_log(&log.name) {
            print_log(log, window, node, printer)?;
            found += 1;
        }
    }
    Ok(found)
}

fn print_log(log: &LogFile, window: &mut Window, node: &str, printer: &Printer) -> Result<(), LogError> {
    let heading = Heading { container: &log.container, node, log: &log.name, size: log.size };
    let printed = |source| LogError::Read { what: "standard output", source };
    printer.heading(heading).map_err(printed)?;
    let mut last = None;
    let mut sink = |piece: &[u8]| {
        last = piece.last().copied().or(last);
        printer.piece(piece)
    };
    log.read(printer.part(), &mut |offset, count| window.read(offset, count), &mut sink)?;
    printer.end(last).map_err(printed)
}

/// The part of a file that was fetched last.
struct Window {
    file: HdfsFile,
    handle: Handle,
    start: u64,
    bytes: Bytes,
}

impl Window {
    fn read(&mut self, offset: u64, count: usize) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
        let end = offset.saturating_add(count as u64).min(self.file.size());
        if offset < self.start || end > self.start + self.bytes.len() as u64 {
            self.bytes = self.handle.block_on(self.file.read(offset, count.max(WINDOW)))?;
            self.start = offset;
        }
        let from = usize::try_from(offset - self.start)?.min(self.bytes.len());
        let to = (from + count).min(self.bytes.len());
        Ok(self.bytes.slice(from..to))
    }
}

/// Files are named `host_port`, with a time behind it where rounds are collected.
fn node_name(file: &str) -> String {
    let mut parts = file.rsplitn(2, '_');
    match (parts.next(), parts.next()) {
        (Some(port), Some(host)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_owned(),
        _ => file.to_owned(),
    }
}

fn is_broken_pipe(error: &LogError) -> bool {
    matches!(error, LogError::Read { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
}

fn of_hdfs(error: &HdfsError) -> Failure {
    Failure::of(Exit::Code(bobbin::yarn::exit::of_hdfs(error)), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_named_by_host() {
        assert_eq!(node_name("w1.hadoop.test_8041"), "w1.hadoop.test");
        assert_eq!(node_name("strange"), "strange");
        assert_eq!(node_name("w_1_8041"), "w_1");
    }
}
