//! The tracking page: what the application is doing, for people who come through the ResourceManager's proxy.
//!
//! Read-only, and answered to the proxy and to loopback only; anybody else is sent to the proxy, as Hadoop's own
//! `AmIpFilter` does. All links are relative, because the proxy takes its prefix off before the request reaches us.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::application::{Application, JobView, Snapshot, WorkerView};

/// Who may look at the page.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// Addresses of the ResourceManagers' web servers and of `yarn.web-proxy.address`.
    pub proxies: BTreeSet<IpAddr>,
    /// Where everybody else is sent: the page's address at the proxy.
    pub proxied: Option<String>,
}

#[derive(Clone)]
struct Page {
    application: Application,
    gate: Arc<Gate>,
}

/// Serves the pages until it is dropped.
pub async fn serve(listener: TcpListener, application: Application, gate: Gate) -> std::io::Result<()> {
    let page = Page { application, gate: Arc::new(gate) };
    let router = Router::new()
        .route("/", get(index))
        .route("/api/state", get(state))
        .layer(middleware::from_fn_with_state(page.clone(), admit))
        .with_state(page);
    axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await
}

async fn admit(
    State(page): State<Page>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let address = peer.ip().to_canonical();
    if address.is_loopback() || page.gate.proxies.contains(&address) {
        return next.run(request).await;
    }
    match &page.gate.proxied {
        Some(proxied) => (StatusCode::FOUND, [(header::LOCATION, proxied.clone())]).into_response(),
        None => (StatusCode::FORBIDDEN, "open this page through the ResourceManager's proxy\n").into_response(),
    }
}

async fn state(State(page): State<Page>) -> Response {
    match page.application.snapshot().await {
        Ok(snapshot) => axum::Json(snapshot).into_response(),
        Err(over) => (StatusCode::GONE, over.to_string()).into_response(),
    }
}

async fn index(State(page): State<Page>) -> Response {
    match page.application.snapshot().await {
        Ok(snapshot) => Html(render(&snapshot)).into_response(),
        Err(over) => (StatusCode::GONE, over.to_string()).into_response(),
    }
}

const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}\
    h1{font-size:1.3rem}h2{font-size:1.05rem;margin-top:1.6rem}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #ddd}td.n,th.n{text-align:right}\
    .wait{background:#fff3cd;padding:.5rem .8rem}pre{background:#f6f6f6;padding:.6rem;overflow:auto}";

fn render(snapshot: &Snapshot) -> String {
    let mut page = String::with_capacity(4096);
    let id = escape(&snapshot.id);
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        page,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"2\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{id} · bobbin</title><style>{STYLE}</style></head>\
         <body><h1>{id}</h1>"
    );
    if !snapshot.waiting_for.is_empty() {
        let _ = write!(page, "<p class=\"wait\">{}</p>", escape(&snapshot.waiting_for));
    }
    let _ = write!(
        page,
        "<p>{} drivers · {} workers · {} containers asked for · {} starting · {} failed · <a href=\"api/state\">JSON</a></p>",
        snapshot.drivers,
        snapshot.workers.len(),
        snapshot.containers_asked,
        snapshot.containers_starting,
        snapshot.containers_failed
    );
    jobs(&mut page, &snapshot.jobs);
    workers(&mut page, &snapshot.workers);
    let lines: Vec<String> = snapshot.events.iter().rev().map(|line| escape(line)).collect();
    let _ = write!(page, "<h2>Events, newest first</h2><pre>{}</pre></body></html>", lines.join("\n"));
    page
}

fn jobs(page: &mut String, jobs: &[JobView]) {
    page.push_str(
        "<h2>Jobs</h2><table><tr><th>job<th class=n>tasks<th class=n>done<th class=n>running<th class=n>retries\
         <th class=n>node-local<th class=n>rack-local<th class=n>remote<th class=n>short-circuit<th class=n>local socket\
         <th class=n>remote reads</tr>",
    );
    for job in jobs {
        let _ = write!(page, "<tr><td>{} {}", job.id, escape(&job.name));
        let counts = [job.tasks, job.done, job.running, job.retries, job.node_local, job.rack_local, job.remote];
        for count in counts {
            let _ = write!(page, "<td class=n>{count}");
        }
        for bytes in [job.bytes_short_circuit, job.bytes_local_socket, job.bytes_remote] {
            let _ = write!(page, "<td class=n>{:.1} MB", bytes as f64 / 1e6);
        }
        page.push_str("</tr>");
    }
    page.push_str("</table>");
}

fn workers(page: &mut String, workers: &[WorkerView]) {
    page.push_str(
        "<h2>Workers</h2><table><tr><th>worker<th>host<th>container<th class=n>threads<th class=n>tasks done</tr>",
    );
    for worker in workers {
        let _ = write!(
            page,
            "<tr><td>{}<td>{}<td>{}<td class=n>{}<td class=n>{}</tr>",
            worker.id,
            escape(&worker.host),
            escape(&worker.container),
            worker.threads,
            worker.finished
        );
    }
    page.push_str("</table>");
}

/// Text as it may stand in HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_peer_says_becomes_markup() {
        let worker = WorkerView {
            id: 1,
            host: "<script>alert(1)</script>".into(),
            container: "\"x\" & 'y'".into(),
            threads: 2,
            finished: 0,
        };
        let snapshot = Snapshot { workers: vec![worker], events: vec!["<b>".into()], ..Snapshot::default() };
        let page = render(&snapshot);
        assert!(!page.contains("<script>") && !page.contains("<b>"));
        assert!(page.contains("&lt;script&gt;") && page.contains("&quot;x&quot; &amp; &#39;y&#39;"));
    }

    #[test]
    fn links_are_relative() {
        let page = render(&Snapshot::default());
        assert!(!page.contains("href=\"/") && !page.contains("src=\"/"), "{page}");
    }
}
