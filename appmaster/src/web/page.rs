//! The page as HTML. Everything is in it, style and script too; whatever others have named is escaped by the template.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::application::{ContainerView, JobView, Snapshot, WorkerView};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("refresh.js");

/// The query by which the page itself answers in JSON.
pub(super) const JSON_QUERY: &str = "format=json";

/// What does not change while the application runs.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// YARN's id of the application.
    pub id: String,
    /// What the user calls it.
    pub name: String,
    /// Who submitted it.
    pub user: String,
    /// Which attempt this is.
    pub attempt: u32,
    /// When it was submitted, Unix milliseconds.
    pub submitted_ms: u64,
    /// The ResourceManager's own page about it, which outlives ours.
    pub manager_page: Option<String>,
}

/// The page while the application runs.
pub(super) fn render(about: &About, snapshot: &Snapshot) -> String {
    let content = html! {
        p #gone .notice hidden role="status" { span {} " " (manager_link(about)) }
        main data-application=(about.id) {
            (heading(about))
            @if !snapshot.waiting_for.is_empty() { p.notice { (snapshot.waiting_for) } }
            (overview(about, snapshot))
            h2 { "Jobs" }
            @if snapshot.jobs.is_empty() { p.faint { "none now" } }
            @for job in &snapshot.jobs { (section(job)) }
            h2 { "Containers" }
            (containers(snapshot))
            @if !snapshot.events.is_empty() {
                h2 { "Events, newest first" }
                pre { @for line in snapshot.events.iter().rev() { (line) "\n" } }
            }
            p.notes.faint { a href={ "?" (JSON_QUERY) } { "this page as JSON" } " · " (manager_link(about)) }
        }
        script { (PreEscaped(SCRIPT)) }
    };
    document(about, &html! { noscript { meta http-equiv="refresh" content="3"; } }, &content)
}

/// The page in the moment between the application's end and the process's.
pub(super) fn render_over(about: &About) -> String {
    let content = html! {
        (heading(about))
        p.notice { "The application is over. " (manager_link(about)) }
    };
    document(about, &html! {}, &content)
}

/// What a browser may load and run: what stands in the page, and the page again.
pub(super) fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn document(about: &About, head: &Markup, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                link rel="icon" href="data:,";
                title { (title(about)) " · bobbin" }
                (head)
                style { (PreEscaped(STYLE)) }
            }
            body { (content) }
        }
    };
    page.into_string()
}

fn title(about: &About) -> &str {
    if about.name.is_empty() { &about.id } else { &about.name }
}

fn heading(about: &About) -> Markup {
    html! {
        h1 { (title(about)) }
        p.faint { (about.id) " · " (about.user) " · attempt " (about.attempt) }
    }
}

fn manager_link(about: &About) -> Markup {
    html! {
        @if let Some(page) = &about.manager_page { a href=(page) { "The ResourceManager's page about it" } }
    }
}

fn overview(about: &About, snapshot: &Snapshot) -> Markup {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let age = now.saturating_sub(Duration::from_millis(about.submitted_ms));
    counts(&[
        ("submitted", format!("{} ago", duration(age))),
        ("drivers", snapshot.drivers.to_string()),
        ("workers", snapshot.workers.len().to_string()),
        ("containers asked for", snapshot.containers_asked.to_string()),
        ("starting", snapshot.containers_starting.to_string()),
        ("failed", snapshot.containers_failed.to_string()),
    ])
}

fn section(job: &JobView) -> Markup {
    let waiting = job.tasks.saturating_sub(job.done).saturating_sub(job.running);
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    html! {
        p { (job.id) ": " (job.name) }
        progress max=(job.tasks.max(1)) value=(job.done) { (job.done) " of " (job.tasks) }
        @if !job.waiting_for.is_empty() { p.faint { (job.waiting_for) } }
        (counts(&[
            ("tasks", job.tasks.to_string()),
            ("done", job.done.to_string()),
            ("of these, skipped", job.skipped.to_string()),
            ("running", job.running.to_string()),
            ("waiting", waiting.to_string()),
            ("failed, tried again", job.retries.to_string()),
            ("node-local", job.node_local.to_string()),
            ("rack-local", job.rack_local.to_string()),
            ("remote", job.remote.to_string()),
            ("by short-circuit", megabytes(job.bytes_short_circuit)),
            ("by local socket", megabytes(job.bytes_local_socket)),
            ("from other hosts", megabytes(job.bytes_remote)),
        ]))
    }
}

fn counts(rows: &[(&str, String)]) -> Markup {
    html! {
        dl.counts { @for (label, value) in rows { div { dt { (label) } dd { (value) } } } }
    }
}

fn containers(snapshot: &Snapshot) -> Markup {
    let workers: BTreeMap<&str, &WorkerView> =
        snapshot.workers.iter().map(|worker| (worker.container.as_str(), worker)).collect();
    html! {
        table {
            thead { tr { th { "container" } th { "host" } th { "state" } th { "tasks done" } th { "threads" } th { "logs" } } }
            tbody {
                @for container in &snapshot.containers {
                    (row(container, workers.get(container.id.as_str()).copied()))
                }
            }
        }
    }
}

fn row(container: &ContainerView, worker: Option<&WorkerView>) -> Markup {
    let number = container.id.rsplit('_').next().unwrap_or_default();
    html! {
        tr {
            td data-label="container" title=(container.id) { (number) }
            td data-label="host" { (container.host) }
            td data-label="state" { span.bad[container.failed] { (container.state) } }
            td data-label="tasks done" { @if let Some(worker) = worker { (worker.finished) } }
            td data-label="threads" { @if let Some(worker) = worker { (worker.threads) } }
            td data-label="logs" { a href=(container.logs) { "logs" } }
        }
    }
}

/// "7 s", "2 min 5 s", "3 h 12 min".
fn duration(length: Duration) -> String {
    let seconds = length.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "<script>alert(1)</script>\"'&";

    fn hostile() -> (About, Snapshot) {
        let text = || HOSTILE.to_owned();
        let about = About { name: text(), user: text(), id: text(), manager_page: Some(text()), ..About::default() };
        let container = ContainerView { id: text(), host: text(), state: text(), logs: text(), failed: true };
        let worker = WorkerView { id: 1, host: text(), container: text(), threads: 2, finished: 0 };
        let job = JobView { name: text(), waiting_for: text(), tasks: 5, done: 2, running: 1, ..JobView::default() };
        let snapshot = Snapshot {
            containers: vec![container],
            workers: vec![worker],
            jobs: vec![job],
            events: vec![text()],
            waiting_for: text(),
            ..Snapshot::default()
        };
        (about, snapshot)
    }

    #[test]
    fn nothing_that_others_name_becomes_markup() {
        let (about, snapshot) = hostile();
        let page = render(&about, &snapshot);
        assert_eq!(page.matches("<script>").count(), 1, "our own:\n{page}");
        assert!(!page.contains("\"'&") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"), "{page}");
        assert!(!render_over(&about).contains("<script>"));
    }

    #[test]
    fn what_is_not_done_and_does_not_run_waits() {
        let (about, snapshot) = hostile();
        assert!(render(&about, &snapshot).contains("<dt>waiting</dt><dd>2</dd>"));
    }

    #[test]
    fn the_page_loads_nothing_from_anywhere() {
        let page = render(&About::default(), &Snapshot::default());
        for word in ["src=", "href=\"/", "url(", "@import", "//cdn", "http:"] {
            assert!(!page.contains(word), "{word} in\n{page}");
        }
    }

    #[test]
    fn durations_are_short() {
        let text = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!([text(7), text(125), text(11520)], ["7 s", "2 min 5 s", "3 h 12 min"]);
    }
}
