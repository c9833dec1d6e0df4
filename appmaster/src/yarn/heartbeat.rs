//! The conversation with the ResourceManager: register, allocate at a steady pace, register again when it has forgotten
//! us, unregister until it acknowledges.
//!
//! ```text
//! register --> [allocate]* --> finish until acknowledged
//!     ^            |
//!     +------------+  "not registered": response id 0, everything is asked for again
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bobbin_core::{Capability, ContainerId, Event};
use hadoop_client::Scheduler;
use hadoop_client::rpc::{CallError, Exception};
use hadoop_wire::credentials::Token;
use hadoop_wire::messages::yarn;
use hadoop_wire::names;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::nodes::Nodes;
use super::rhythm::{FAST, Rhythm};
use super::start::{Startable, Starter};
use super::translate::{self, Kind};
use crate::application::{Application, Outbox, Over, Wishes, container_number};
use crate::spec::ExpectedWork;
use crate::web::LogPages;

/// Between two attempts to unregister.
const UNREGISTER: Duration = Duration::from_millis(200);
/// How long to ask again while the ResourceManager answers that it has yet to note the end; one that does not answer is
/// tried for as long as any call.
const UNREGISTER_LIMIT: Duration = Duration::from_secs(60);

/// Where we can be found; told at every registration.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Our host.
    pub host: String,
    /// Port for drivers and workers.
    pub port: u16,
    /// The tracking page.
    pub tracking_url: String,
}

/// The application master's side of the conversation.
pub struct Heartbeat {
    scheduler: Scheduler,
    registration: Registration,
    kind: Kind,
    application: Application,
    outbox: Outbox,
    starter: Starter,
    pages: LogPages,
    nodes: Nodes,
    granted: BTreeMap<ContainerId, yarn::Container>,
    rhythm: Rhythm,
    response_id: i32,
}

/// How the conversation goes on after a call.
enum Next {
    Continue,
    Stop,
}

impl Heartbeat {
    /// A conversation that has not begun.
    pub fn new(
        scheduler: Scheduler,
        registration: Registration,
        (capability, node_label): (Capability, Option<String>),
        (application, outbox, starter, pages): (Application, Outbox, Starter, LogPages),
    ) -> Self {
        let kind = Kind { capability, node_label };
        Heartbeat {
            scheduler,
            registration,
            kind,
            application,
            outbox,
            starter,
            pages,
            nodes: Nodes::default(),
            granted: BTreeMap::new(),
            rhythm: Rhythm::new(Instant::now()),
            response_id: 0,
        }
    }

    /// Registers for the first time and returns the cluster's largest container, for [`Self::announce`]; none when the
    /// answer that says so was lost.
    ///
    /// # Errors
    /// When the ResourceManager does not accept us.
    pub async fn register(&mut self) -> Result<Option<Capability>, CallError> {
        self.call_register().await
    }

    /// Lets the application ask for containers, at once for work that is expected. What is known of nodes should have
    /// been told before: without it, containers are asked for anywhere.
    pub async fn announce(&self, maximum: Capability, expected: Option<ExpectedWork>) {
        // When the application is over already, the next call finds out.
        let _ = self.application.registered().await;
        if let Some(ExpectedWork { tasks, places }) = expected {
            let _ = self.application.event(Event::WorkExpected { tasks, places }).await;
        }
        let _ = self.application.event(Event::Registered { maximum }).await;
    }

    async fn call_register(&mut self) -> Result<Option<Capability>, CallError> {
        let request = yarn::RegisterApplicationMasterRequest {
            host: Some(self.registration.host.clone()),
            rpc_port: Some(i32::from(self.registration.port)),
            tracking_url: Some(self.registration.tracking_url.clone()),
        };
        let Some(response) = self.scheduler.register(request).await? else {
            info!("registered, though the answer was lost");
            return Ok(None);
        };
        for token in response.nm_tokens_from_previous_attempts {
            self.nodes.token(token).await;
        }
        info!(queue = response.queue, "registered");
        // When the application is over already, the next call finds out.
        let _ = self.take_kept(response.containers_from_previous_attempts).await;
        Ok(Some(translate::capability(response.maximum_capability.as_ref())))
    }

    /// Calls the ResourceManager until the application is over.
    pub async fn run(&mut self) {
        let mut last = Instant::now();
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                () = sleep_until(last + pause) => {}
                () = self.outbox.changed() => {
                    self.rhythm.stir(Instant::now());
                    sleep_until(last + FAST / 4).await;
                }
            }
            last = Instant::now();
            let wishes = self.outbox.take();
            pause = self.rhythm.pause(wishes.pace, last);
            if let Next::Stop = self.call(wishes).await {
                return;
            }
        }
    }

    async fn call(&mut self, mut wishes: Wishes) -> Next {
        self.launch(std::mem::take(&mut wishes.launches));
        let request = self.request(&wishes);
        match self.scheduler.allocate(request).await {
            Ok(response) => self.take(response).await,
            Err(error) => match error.exception() {
                Some(Exception::NotRegistered) => self.register_again().await,
                Some(Exception::AttemptNotFound) => self.stop(Event::ShutdownByResourceManager).await,
                _ => self.stop(failed("call the ResourceManager", &error)).await,
            },
        }
    }

    async fn stop(&self, event: Event) -> Next {
        // When the application is over, nobody needs to know.
        let _ = self.application.event(event).await;
        Next::Stop
    }

    fn request(&mut self, wishes: &Wishes) -> yarn::AllocateRequest {
        let release = wishes.releases.iter().filter_map(|number| self.granted.get(number)?.id);
        let additions: Vec<String> = wishes.blacklist.iter().map(ToString::to_string).collect();
        yarn::AllocateRequest {
            ask: wishes.asks.values().map(|row| translate::resource_request(row, &self.kind)).collect(),
            release: release.collect(),
            blacklist_request: (!additions.is_empty()).then(|| yarn::ResourceBlacklistRequest {
                blacklist_additions: additions,
                blacklist_removals: Vec::new(),
            }),
            response_id: Some(self.response_id),
            progress: Some(wishes.progress),
            ..yarn::AllocateRequest::default()
        }
    }

    async fn register_again(&mut self) -> Next {
        warn!("the ResourceManager has forgotten us; registering again");
        match self.call_register().await {
            Ok(_) => {
                self.response_id = 0;
                match self.application.event(Event::Resync).await {
                    Ok(()) => Next::Continue,
                    Err(_) => Next::Stop,
                }
            }
            Err(error) => self.stop(failed("register again with the ResourceManager", &error)).await,
        }
    }

    fn launch(&mut self, containers: BTreeSet<ContainerId>) {
        for number in containers {
            let Some(container) = self.granted.get(&number).cloned() else {
                warn!(container = number.0, "the core launches a container that was not granted");
                continue;
            };
            match container.node_id.as_ref().and_then(|node| self.nodes.client(node)) {
                Some(node) => self.starter.start(Startable { number, container, node }),
                None => {
                    let application = self.application.clone();
                    let why = "YARN gave no token for its NodeManager".to_owned();
                    tokio::spawn(async move {
                        let _ = application.event(Event::ContainerLaunchFailed { container: number, why }).await;
                    });
                }
            }
        }
    }

    /// Containers of an attempt before this one are ours now.
    async fn take_kept(&mut self, kept: Vec<yarn::Container>) -> Result<(), Over> {
        let (mut containers, mut sightings) = (Vec::new(), Vec::new());
        for container in kept {
            let (Some(grant), Some(sighting)) =
                (translate::grant(&container), translate::sighting(&container, &self.pages))
            else {
                continue;
            };
            // A ResourceManager that has restarted may name them again.
            if self.granted.contains_key(&grant.container) {
                continue;
            }
            info!(container = sighting.id, host = sighting.host, "kept");
            self.granted.insert(grant.container, container);
            containers.push((grant.container, grant.host));
            sightings.push(sighting);
        }
        if containers.is_empty() {
            return Ok(());
        }
        self.application.sighted(sightings).await?;
        self.application.event(Event::ContainersKept { containers }).await
    }

    async fn take(&mut self, response: yarn::AllocateResponse) -> Next {
        self.response_id = response.response_id();
        if let Some(token) = response.am_rm_token {
            self.scheduler.replace_token(Token::from(token)).await;
        }
        for token in response.nm_tokens {
            self.nodes.token(token).await;
        }
        if self.take_kept(response.containers_from_previous_attempts).await.is_err() {
            return Next::Stop;
        }
        let mut events = Vec::new();
        if !response.updated_nodes.is_empty() {
            events.push(translate::nodes_known(&response.updated_nodes, |_| Vec::new()));
        }
        if response.limit.is_some() {
            events.push(Event::HeadroomKnown { headroom: translate::capability(response.limit.as_ref()) });
        }
        let (mut grants, mut sightings) = (Vec::new(), Vec::new());
        if !(response.allocated_containers.is_empty() && response.completed_container_statuses.is_empty()) {
            self.rhythm.stir(Instant::now());
        }
        for container in response.allocated_containers {
            let (Some(grant), Some(sighting)) =
                (translate::grant(&container), translate::sighting(&container, &self.pages))
            else {
                continue;
            };
            // `logs` looks here for the containers that there were.
            info!(container = sighting.id, host = sighting.host, "granted");
            self.granted.insert(grant.container, container);
            grants.push(grant);
            sightings.push(sighting);
        }
        if !grants.is_empty() {
            // When the application is over, the next event finds out.
            let _ = self.application.sighted(sightings).await;
            events.push(Event::ContainersGranted { grants });
        }
        for status in &response.completed_container_statuses {
            let id = status.container_id.as_ref().and_then(|id| names::ContainerId::try_from(id).ok());
            if let Some(id) = id {
                self.granted.remove(&container_number(&id));
            }
            events.extend(translate::completed(status));
        }
        for event in events {
            if self.application.event(event).await.is_err() {
                return Next::Stop;
            }
        }
        Next::Continue
    }

    /// Tells the ResourceManager how it ended, until it acknowledges. Without that it would start another attempt.
    pub async fn unregister(&mut self, succeeded: bool, diagnostics: &str) -> Result<(), CallError> {
        let status =
            if succeeded { yarn::FinalApplicationStatus::Succeeded } else { yarn::FinalApplicationStatus::Failed };
        let until = Instant::now() + UNREGISTER_LIMIT;
        loop {
            let request = yarn::FinishApplicationMasterRequest {
                diagnostics: Some(diagnostics.to_owned()),
                tracking_url: None,
                final_application_status: Some(status.into()),
            };
            match self.scheduler.finish(request).await {
                Ok(true) => return Ok(()),
                Ok(false) if Instant::now() < until => sleep_until(Instant::now() + UNREGISTER).await,
                Ok(false) => {
                    warn!("the ResourceManager does not acknowledge the end");
                    return Ok(());
                }
                // A ResourceManager that has restarted meanwhile wants to know us before it lets us go.
                Err(error) if error.exception() == Some(Exception::NotRegistered) && Instant::now() < until => {
                    self.call_register().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn failed(what: &str, error: &CallError) -> Event {
    Event::FinishRequested { succeeded: false, diagnostics: format!("{what}: {}", crate::describe(error)) }
}
