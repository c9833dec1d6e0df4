//! The tracking page: what the application is doing, for people who come through the ResourceManager's proxy.
//!
//! Read-only, and answered to the proxy and to loopback only; anybody else is sent to the proxy, as Hadoop's own
//! `AmIpFilter` does. The proxy takes its prefix off before a request reaches us, and may be asked with or without a
//! slash at the end: the page's own links are queries alone, which mean the same either way.

mod page;
mod places;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use crate::application::{Application, Snapshot};

pub use page::About;
pub use places::{LogPages, about, gate};

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
    about: Arc<About>,
    /// What the browser may load: nothing but what stands in the page.
    policy: HeaderValue,
}

/// Serves the pages until it is dropped.
pub async fn serve(listener: TcpListener, application: Application, gate: Gate, about: About) -> std::io::Result<()> {
    let policy = HeaderValue::from_str(&page::policy()).map_err(std::io::Error::other)?;
    let page = Page { application, gate: Arc::new(gate), about: Arc::new(about), policy };
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
        Ok(snapshot) => json(&snapshot),
        Err(over) => (StatusCode::GONE, over.to_string()).into_response(),
    }
}

async fn index(State(page): State<Page>, uri: Uri) -> Response {
    let (status, html) = match page.application.snapshot().await {
        Ok(snapshot) if uri.query() == Some(page::JSON_QUERY) => return json(&snapshot),
        Ok(snapshot) => (StatusCode::OK, page::render(&page.about, &snapshot)),
        Err(_) => (StatusCode::GONE, page::render_over(&page.about)),
    };
    (status, [(header::CONTENT_SECURITY_POLICY, page.policy)], Html(html)).into_response()
}

fn json(snapshot: &Snapshot) -> Response {
    axum::Json(snapshot).into_response()
}
