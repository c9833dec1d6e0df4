//! Starting workers in granted containers.

use std::sync::Arc;

use bobbin_core::{ContainerId, Event};
use bobbin_link::{Authority, Secret};
use bytes::Bytes;
use hadoop_client::NodeManager;
use hadoop_wire::credentials::{Credentials, KIND_AM_RM};
use hadoop_wire::messages::{security, yarn};
use tracing::{Instrument, info, info_span};

use super::variables::WorkerVariables;
use crate::application::Application;
use crate::launch::Launch;
use crate::spec::{
    LocalizedFile, SECRET_AUTHORITY_CERTIFICATE, SECRET_LEAF_CERTIFICATE, SECRET_LEAF_KEY, SECRET_TOKEN, SECRET_WORKER,
    WorkerSpec,
};

/// What every worker is given, and what it needs to prove that it is ours.
pub struct WorkerTemplate {
    /// Its instructions.
    pub worker: WorkerSpec,
    /// The executable, as it is localized.
    pub executable: String,
    /// Files to localize.
    pub resources: Vec<LocalizedFile>,
    /// Its environment variables.
    pub variables: WorkerVariables,
    /// Issues its certificate.
    pub authority: Authority,
    /// The application's secret.
    pub secret: Secret,
    /// The submission's tokens; the application master's own is left out.
    pub credentials: Credentials,
}

/// Starts workers, each on a task of its own, and reports what was refused.
pub struct Starter {
    template: Arc<WorkerTemplate>,
    application: Application,
}

/// A granted container that can be started.
pub struct Startable {
    /// The core's name of it.
    pub number: ContainerId,
    /// YARN's message.
    pub container: yarn::Container,
    /// The NodeManager that runs it.
    pub node: NodeManager,
}

impl WorkerTemplate {
    /// The tokens and secrets of one worker: never the authority's key, never the token for the ResourceManager.
    fn credentials(&self, purpose: &str) -> Result<Credentials, String> {
        let identity = self.authority.issue(purpose, &self.secret).map_err(|error| error.to_string())?;
        let worker = serde_json::to_vec(&self.worker).map_err(|error| error.to_string())?;
        let mut credentials = self.credentials.clone();
        credentials.remove_tokens(KIND_AM_RM);
        credentials.secrets = [
            (SECRET_WORKER, Bytes::from(worker)),
            (SECRET_AUTHORITY_CERTIFICATE, Bytes::from(identity.authority_pem)),
            (SECRET_LEAF_CERTIFICATE, Bytes::from(identity.certificate_pem)),
            (SECRET_LEAF_KEY, Bytes::from(identity.key_pem)),
            (SECRET_TOKEN, Bytes::copy_from_slice(self.secret.as_bytes())),
        ]
        .map(|(alias, value)| (alias.to_owned(), value))
        .into();
        Ok(credentials)
    }

    async fn context(&self, number: ContainerId) -> Result<yarn::ContainerLaunchContext, String> {
        let environment = self.variables.known().await.map_err(|why| why.to_string())?;
        let credentials = self.credentials(&format!("worker {number}"))?;
        let launch = Launch {
            executable: &self.executable,
            role: "worker",
            resources: &self.resources,
            environment: &environment,
            credentials: &credentials,
        };
        launch.context().map_err(|error| error.to_string())
    }
}

impl Starter {
    /// A starter of workers like `template`.
    pub fn new(template: WorkerTemplate, application: Application) -> Self {
        Starter { template: Arc::new(template), application }
    }

    /// Starts a worker there; a refusal is reported to the application as an event.
    pub fn start(&self, startable: Startable) {
        let application = self.application.clone();
        let number = startable.number;
        let template = self.template.clone();
        let span = info_span!("start", container = number.0);
        let starting = async move {
            let outcome = match template.context(number).await {
                Ok(context) => start(startable, context).await,
                Err(why) => Err(why),
            };
            match outcome {
                Ok(()) => info!("the NodeManager starts the container"),
                Err(why) => {
                    // When the application is over, nobody needs to know.
                    let _ = application.event(Event::ContainerLaunchFailed { container: number, why }).await;
                }
            }
        };
        tokio::spawn(starting.instrument(span));
    }
}

async fn start(startable: Startable, context: yarn::ContainerLaunchContext) -> Result<(), String> {
    let token: security::Token = startable.container.container_token.ok_or("YARN gave no token for the container")?;
    let started = startable.node.start(vec![(context, token)]).await.map_err(|error| crate::describe(&error))?;
    match started.refused.into_iter().next() {
        Some(refusal) => Err(format!("the NodeManager refused: {}", refusal.error)),
        None => Ok(()),
    }
}
