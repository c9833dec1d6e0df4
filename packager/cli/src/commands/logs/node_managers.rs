//! Logs that are still on the nodes, over the NodeManagers' web services: all nodes are asked for each container, and
//! those that never had it say so.

use std::collections::BTreeMap;
use std::time::Duration;

use bobbin::yarn::{Application, Cluster};
use futures::StreamExt;
use hadoop_wire::config::Configuration;
use hadoop_wire::messages::yarn::NodeState;
use hadoop_wire::names::{ApplicationAttemptId, ContainerId};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use super::numbers::{Notes, Numbers};
use super::printer::{Heading, Printer};
use super::selection::Selection;
use super::unwrap::Answer;
use crate::exit::{Exit, Failure};
use crate::log::APPMASTER_LOG;
use crate::terminal;

/// A node that does not answer must not hold up the others' logs for long.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// NodeManagers' certificates are signed by authorities that only their cluster knows.
const HTTPS_ONLY: &str = "the nodes' web services speak HTTPS only (yarn.http.policy), and yarn-submit reads logs on nodes over HTTP; open the application's tracking page, or wait until the application has ended and its logs are collected";
/// Questions that are on their way at once.
const PARALLEL: usize = 32;

/// Prints the selected logs and returns how many there were.
pub async fn print(
    cluster: &Cluster,
    application: &Application,
    selection: &Selection,
    printer: &Printer,
) -> Result<usize, Failure> {
    let web = Web::new(cluster).await?;
    let mut found = 0;
    for attempt in 1..=application.attempt.max(1) {
        let attempt = ApplicationAttemptId { application: application.id, attempt };
        let epoch = epoch(cluster, attempt).await;
        let mut numbers = web.numbers(ContainerId { attempt, epoch, sequence: 1 }).await;
        while let Some(container) = numbers.next() {
            let container = container.to_string();
            let logs = web.find(&container).await;
            numbers.tried(logs.is_some());
            if let Some(logs) = logs.filter(|_| selection.wants_container(&container)) {
                found += web.print(&container, logs, selection, printer).await?;
            }
        }
    }
    web.complain();
    Ok(found)
}

/// Container ids carry how often the ResourceManager had restarted.
async fn epoch(cluster: &Cluster, attempt: ApplicationAttemptId) -> u32 {
    let attempts = cluster.resource_manager().attempts(attempt.application.into()).await.unwrap_or_default();
    let masters = attempts.iter().filter_map(|report| ContainerId::try_from(report.am_container_id.as_ref()?).ok());
    let mine = masters.into_iter().find(|container| container.attempt == attempt);
    mine.map_or(0, |container| container.epoch)
}

/// A container's log files, and the node that has them.
struct Logs {
    node: String,
    address: String,
    files: Vec<(String, u64)>,
}

/// The web services of all live nodes.
struct Web {
    client: Client,
    user: String,
    /// Host, and where it answers.
    nodes: BTreeMap<String, String>,
    silent: std::sync::Mutex<BTreeMap<String, String>>,
}

impl Web {
    async fn new(cluster: &Cluster) -> Result<Web, Failure> {
        if Configuration::from_map(cluster.properties().clone()).is_web_https_only() {
            return Err(Failure::new(Exit::Unavailable, HTTPS_ONLY));
        }
        let states = [NodeState::Running, NodeState::Unhealthy, NodeState::Decommissioning];
        let reports = cluster.resource_manager().nodes(&states).await;
        let reports = reports.map_err(|error| Failure::of(Exit::Code(bobbin::yarn::exit::of_call(&error)), &error))?;
        let nodes = reports.into_iter().filter_map(|node| Some((node.node_id?.host?, node.http_address?)));
        // The client wants a TLS provider, though NodeManagers are asked in plain HTTP; a second one is refused.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().connect_timeout(CONNECT_LIMIT).timeout(ANSWER_LIMIT).build();
        let client = client.map_err(|error| Failure::of(Exit::Internal, &error))?;
        Ok(Web { client, user: cluster.user().to_owned(), nodes: nodes.collect(), silent: Default::default() })
    }

    /// The containers of an attempt, as the log of its application master names them.
    async fn numbers(&self, master: ContainerId) -> Numbers {
        let container = master.to_string();
        let Some(logs) = self.find(&container).await else { return Numbers::all(master) };
        if !logs.files.iter().any(|(name, _)| name == APPMASTER_LOG) {
            return Numbers::all(master);
        }
        let mut notes = Notes::new(master);
        match self.read_notes(&logs.address, &container, &mut notes).await {
            Ok(()) => notes.finish(),
            Err(error) => {
                tracing::debug!(container, %error, "the application master's log is not read");
                Numbers::all(master)
            }
        }
    }

    async fn read_notes(&self, address: &str, container: &str, notes: &mut Notes) -> reqwest::Result<()> {
        let mut answer = self.open(address, container, APPMASTER_LOG).await?;
        while let Some(piece) = answer.chunk().await? {
            notes.push(&piece);
        }
        Ok(())
    }

    /// Asks all nodes for a container's logs.
    async fn find(&self, container: &str) -> Option<Logs> {
        let asked = self.nodes.iter().map(|(node, address)| self.list(node, address, container));
        let mut answers = futures::stream::iter(asked).buffer_unordered(PARALLEL);
        while let Some(answer) = answers.next().await {
            if answer.is_some() {
                return answer;
            }
        }
        None
    }

    async fn list(&self, node: &str, address: &str, container: &str) -> Option<Logs> {
        let is_silent = self.silent().contains_key(node);
        if is_silent {
            return None;
        }
        let url = format!("http://{address}/ws/v1/node/containers/{container}/logs");
        let request = self.client.get(url).query(&[("user.name", &self.user)]).header("Accept", "application/json");
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                self.silent().insert(node.to_owned(), crate::exit::chain(&error));
                return None;
            }
        };
        if answer.status() != StatusCode::OK {
            return None;
        }
        let files = files(&answer.json().await.ok()?);
        // A node answers for any number of an application that it runs; only files prove that the container was here.
        if files.is_empty() {
            return None;
        }
        Some(Logs { node: node.to_owned(), address: address.to_owned(), files })
    }

    async fn print(
        &self,
        container: &str,
        logs: Logs,
        selection: &Selection,
        printer: &Printer,
    ) -> Result<usize, Failure> {
        let mut found = 0;
        for (name, size) in logs.files.iter().filter(|(name, _)| selection.wants_log(name)) {
            let heading = Heading { container, node: &logs.node, log: name, size: *size };
            match self.print_file(&logs.address, heading, printer).await {
                Ok(()) => found += 1,
                Err(PrintError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(1),
                Err(PrintError::Output(error)) => return Err(Failure::of(Exit::Input, &error)),
                Err(PrintError::Node(reason)) => {
                    let node = &logs.node;
                    terminal::note(format_args!("yarn-submit: {name} of {container} on {node}: {reason}"));
                }
            }
        }
        Ok(found)
    }

    async fn print_file(&self, address: &str, heading: Heading<'_>, printer: &Printer) -> Result<(), PrintError> {
        let mut answer = self.open(address, heading.container, heading.log).await?;
        printer.heading(heading)?;
        let mut tail = Tail::new(printer.part());
        let mut file = Answer::new();
        while let Some(piece) = answer.chunk().await? {
            tail.push(&file.push(piece), &mut |bytes| printer.piece(bytes))?;
        }
        tail.push(&file.finish(), &mut |bytes| printer.piece(bytes))?;
        let last = tail.finish(&mut |bytes| printer.piece(bytes))?;
        Ok(printer.end(last)?)
    }

    /// One log file of a container.
    async fn open(&self, address: &str, container: &str, log: &str) -> reqwest::Result<Response> {
        let url = format!("http://{address}/ws/v1/node/containerlogs/{container}/{log}");
        self.client.get(url).query(&[("user.name", &self.user)]).send().await?.error_for_status()
    }

    fn complain(&self) {
        for (node, reason) in self.silent().iter() {
            terminal::note(format_args!("yarn-submit: logs on {node} cannot be read: {reason}"));
        }
    }

    fn silent(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.silent.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

enum PrintError {
    Output(std::io::Error),
    Node(String),
}

impl From<std::io::Error> for PrintError {
    fn from(error: std::io::Error) -> Self {
        PrintError::Output(error)
    }
}

impl From<reqwest::Error> for PrintError {
    fn from(error: reqwest::Error) -> Self {
        PrintError::Node(crate::exit::chain(&error))
    }
}

/// Lets everything through, or only the last bytes.
struct Tail {
    limit: Option<usize>,
    kept: Vec<u8>,
    last: Option<u8>,
}

type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> std::io::Result<()>;

impl Tail {
    fn new(part: hadoop_wire::aggregated_logs::Part) -> Tail {
        let limit = match part {
            hadoop_wire::aggregated_logs::Part::Whole => None,
            hadoop_wire::aggregated_logs::Part::Tail(bytes) => Some(usize::try_from(bytes).unwrap_or(usize::MAX)),
        };
        Tail { limit, kept: Vec::new(), last: None }
    }

    fn push(&mut self, piece: &[u8], sink: Sink<'_>) -> std::io::Result<()> {
        self.last = piece.last().copied().or(self.last);
        let Some(limit) = self.limit else { return sink(piece) };
        self.kept.extend_from_slice(piece);
        // Twice the limit before anything moves: each byte moves once on average.
        if self.kept.len() > limit.saturating_mul(2) {
            self.kept.drain(..self.kept.len() - limit);
        }
        Ok(())
    }

    fn finish(self, sink: Sink<'_>) -> std::io::Result<Option<u8>> {
        if let Some(limit) = self.limit {
            sink(&self.kept[self.kept.len().saturating_sub(limit)..])?;
        }
        Ok(self.last)
    }
}

/// Names and lengths in the answer of a NodeManager: `containerLogInfo` objects, alone or in lists, depending on its
/// version.
fn files(answer: &Value) -> Vec<(String, u64)> {
    let mut files = Vec::new();
    collect(answer, &mut files);
    files.sort();
    files.dedup_by(|left, right| left.0 == right.0);
    files
}

fn collect(value: &Value, files: &mut Vec<(String, u64)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, files)),
        Value::Object(fields) => match fields.get("fileName").and_then(Value::as_str) {
            Some(name) => files.push((name.to_owned(), number(fields.get("fileSize")))),
            None => fields.values().for_each(|value| collect(value, files)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A number, which some versions write as text.
fn number(value: Option<&Value>) -> u64 {
    let text = value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hadoop_wire::aggregated_logs::Part;

    #[test]
    fn both_shapes_of_the_answer_are_read() {
        let one =
            r#"{"containerLogsInfo":{"containerLogInfo":{"fileName":"stdout","fileSize":"12"},"containerId":"c"}}"#;
        let many =
            r#"[{"containerLogInfo":[{"fileName":"stdout","fileSize":"12"},{"fileName":"stderr","fileSize":3}]}]"#;
        let read = |text: &str| files(&serde_json::from_str(text).unwrap());
        assert_eq!(read(one), [("stdout".to_owned(), 12)]);
        assert_eq!(read(many), [("stderr".to_owned(), 3), ("stdout".to_owned(), 12)]);
        assert_eq!(read("null"), []);
    }

    #[test]
    fn a_tail_is_the_last_bytes() {
        let tail = |part: Part| {
            let mut text = Vec::new();
            let mut sink = |bytes: &[u8]| {
                text.extend_from_slice(bytes);
                Ok(())
            };
            let mut tail = Tail::new(part);
            for piece in ["ab", "cdefgh", "", "ij"] {
                tail.push(piece.as_bytes(), &mut sink).unwrap();
            }
            let last = tail.finish(&mut sink).unwrap();
            (String::from_utf8(text).unwrap(), last)
        };
        assert_eq!(tail(Part::Whole), ("abcdefghij".to_owned(), Some(b'j')));
        assert_eq!(tail(Part::Tail(3)), ("hij".to_owned(), Some(b'j')));
        assert_eq!(tail(Part::Tail(100)), ("abcdefghij".to_owned(), Some(b'j')));
    }
}
