//! Drivers on YARN that outlive their application master: the ResourceManager says where the next one is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bobbin_link::{Connector, Identity, Link};
use bobbin_proto as wire;
use hadoop_wire::names::ApplicationId;

use crate::driver::{Again, Driver};
use crate::fetch::Fetcher;
use crate::session::{Files, Session, SessionError, describe};
use crate::yarn::{self, Cluster, Goal, State};

/// How long YARN may take to notice that an application master is gone and to start another one. It notices a lost host
/// after ten minutes (yarn.am.liveness-monitor.expiry-interval-ms).
const NEXT_LIMIT: Duration = Duration::from_secs(15 * 60);
/// Between attempts to reach an application master.
const PAUSE: Duration = Duration::from_millis(500);

/// How to find the application.
struct Search {
    cluster: Cluster,
    connector: Connector,
    hello: wire::DriverHello,
    id: Option<ApplicationId>,
}

/// Joins the application whose master is at this address (host:port), or the one that follows when it dies.
pub(crate) async fn join(
    cluster: Cluster,
    (address, identity): (&str, &Identity),
    name: &str,
    files: Files,
) -> Result<Session, SessionError> {
    let connector = Connector::new(identity)?;
    let hello = wire::DriverHello { name: name.to_owned() };
    let fetcher = Fetcher::remote(connector.clone());
    let mut search = Search { cluster, connector: connector.clone(), hello: hello.clone(), id: None };
    let again = move |welcome: &wire::Welcome| -> Again {
        search.id = welcome.application_id.parse().ok();
        let search = Arc::new(search);
        Box::new(move |why| {
            let search = Arc::clone(&search);
            Box::pin(async move { search.next(why).await })
        })
    };
    let driver = Driver::dial_patiently(&connector, address, hello, again).await?;
    Ok(Session::new(driver, fetcher, files))
}

impl Search {
    /// The application master that answers, whichever attempt it is of.
    async fn next(&self, why: String) -> Result<Link<wire::ToDriver, wire::FromDriver>, String> {
        let id = self.id.ok_or_else(|| why.clone())?;
        let began = Instant::now();
        while let Some(left) = NEXT_LIMIT.checked_sub(began.elapsed()) {
            let found = yarn::wait_until(&self.cluster, id, Goal::Running, Some(left), &mut |_| {}).await;
            let application = found.map_err(|error| format!("{why}; {}", describe(&error)))?;
            if application.state != State::Running {
                let words = application.diagnostics.trim();
                return Err(format!(
                    "{why}; {id} has ended: {}",
                    if words.is_empty() { "it said nothing" } else { words }
                ));
            }
            if let Some((host, port)) = &application.master {
                let dialed = self.connector.dial_as_driver(&format!("{host}:{port}"), self.hello.clone()).await;
                if let Ok((link, _)) = dialed {
                    return Ok(link);
                }
            }
            // YARN has yet to notice that this one is gone.
            tokio::time::sleep(PAUSE).await;
        }
        Err(format!("{why}; no application master of {id} answered for {} min", NEXT_LIMIT.as_secs() / 60))
    }
}
