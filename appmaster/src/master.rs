//! The application master as a process: from its container's credentials to its last word to the ResourceManager.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bobbin_core::{Capability, ClusterConfig, Config};
use bobbin_link::{Acceptor, AuthorityError, ListenError, PortRange, listen};
use hadoop_client::rpc::{CallError, RetryPolicy};
use hadoop_client::{Access, AccessError, ResourceManager, Scheduler};
use hadoop_wire::config::Configuration;
use hadoop_wire::credentials::KIND_AM_RM;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::application::{Application, Mailbox, Options, Outcome, Sighting, container_number};
use crate::command::RunningCommand;
use crate::container::{Container, ContainerError};
use crate::spec::{EXECUTABLE, WorkerSpec};
use crate::unpacking::{Unpack, Unpacking};
use crate::yarn::{Heartbeat, Registration, Starter, WorkerTemplate, WorkerVariables, capability, learn_nodes};
use crate::{server, staging, web};

/// How long the first containers wait for the list of nodes.
const NODES_LIMIT: Duration = Duration::from_secs(3);

/// Why an attempt could not even begin, or not end well.
#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    /// The container does not hold what it should.
    #[error("read what the container was given")]
    Container(#[from] ContainerError),
    /// The credentials hold no token for the ResourceManager.
    #[error("the container's credentials hold no {KIND_AM_RM}: it was not started as an application master")]
    NoToken,
    /// The configuration that was submitted cannot be used.
    #[error("use the submitted Hadoop configuration")]
    Access(#[from] AccessError),
    /// Certificates cannot be made.
    #[error("set up TLS")]
    Authority(#[from] AuthorityError),
    /// No port.
    #[error("listen for workers and drivers")]
    Listen(#[from] ListenError),
    /// No port, or no signals.
    #[error("set up the process")]
    Io(#[from] io::Error),
    /// The ResourceManager does not accept us.
    #[error("register with the ResourceManager")]
    Register(#[source] CallError),
    /// The ResourceManager was not told of the end.
    #[error("tell the ResourceManager of the end")]
    Unregister(#[source] CallError),
}

/// Runs one attempt to its end. `unpack` is called when the environment is one that YARN does not unpack.
///
/// # Errors
/// When it could not begin, or the ResourceManager could not be told of its end; YARN then starts another attempt if any
/// is left.
pub async fn run(container: Container, unpack: Unpack) -> Result<Outcome, MasterError> {
    let mut terminated = signal(SignalKind::terminate())?;
    // It takes as long as it takes, and nothing waits but what needs the environment.
    let unpacking = if container.spec.unpacks_environment { Unpacking::start(unpack) } else { Unpacking::none() };
    let configuration = Configuration::from_map(container.spec.hadoop.clone());
    let token = container.credentials.token(KIND_AM_RM).ok_or(MasterError::NoToken)?.clone();
    let scheduler = Scheduler::from_configuration(&configuration, Access::token(token, RetryPolicy::PATIENT))?;

    let range = container.spec.port_range.and_then(|(first, last)| PortRange::new(first, last));
    let peers = listen("0.0.0.0", range).await?;
    let pages = listen("0.0.0.0", range).await?;
    let registration = Registration {
        host: container.host.clone(),
        port: peers.local_addr()?.port(),
        tracking_url: format!("http://{}:{}/", container.host, pages.local_addr()?.port()),
    };
    let master_address = format!("{}:{}", registration.host, registration.port);

    let (mailbox, outbox) = Mailbox::new();
    let (application, outcome) = Application::start(Options {
        id: Arc::from(container.id.attempt.application.to_string()),
        core: core_config(&container),
        mailbox: Some(mailbox),
        submitted_ms: container.spec.submitted_ms,
        master: container.id.attempt.attempt,
    });
    let log_pages = web::LogPages::new(&configuration, &container.spec.user);
    tokio::spawn(unpacking.clone().watch(application.clone()));
    let starter = Starter::new(template(&container, &master_address, unpacking.clone()), application.clone());
    let mut heartbeat = Heartbeat::new(
        scheduler,
        registration,
        (worker_capability(&container), container.spec.workers.node_label.clone()),
        (application.clone(), outbox, starter, log_pages.clone()),
    );
    // When the application is over already, nobody looks at the page.
    let _ = application.sighted(vec![own_sighting(&container, &log_pages)]).await;
    let nodes = tokio::spawn(learn_nodes(configuration.clone(), container.spec.user.clone(), application.clone()));
    serve_pages(&container, &configuration, &application, pages).await;
    let registered = heartbeat.register().await.map_err(MasterError::Register)?;
    // Not before: workers of an attempt before us come from containers that we know of only now.
    serve_peers(&container, &application, peers)?;
    let maximum = match registered {
        Some(maximum) => maximum,
        None => learn_maximum(&configuration, &container.spec.user).await?,
    };
    // Known nodes first, else the first containers are asked for anywhere; but not for ever.
    if tokio::time::timeout(NODES_LIMIT, nodes).await.is_err() {
        warn!("the cluster's nodes are not known yet; the first containers may be anywhere");
    }
    heartbeat.announce(maximum, container.spec.expected.clone()).await;

    let container = Arc::new(container);
    let command = RunningCommand::start(&container, &application, master_address, unpacking);
    let outcome = tokio::select! {
        outcome = outcome => outcome,
        never = heartbeat_for_ever(&mut heartbeat) => match never {},
        _ = terminated.recv() => {
            warn!("terminated");
            if last_attempt(&container) {
                // YARN kills everything soon: the command begins to end meanwhile.
                tokio::join!(command.stop(), staging::remove(&container.spec));
            } else {
                command.stop().await;
            }
            return Ok(Outcome { succeeded: false, unregister: false, diagnostics: "terminated (SIGTERM)".to_owned() });
        }
    };
    let outcome = outcome.unwrap_or_else(|failure| {
        error!(%failure, "the application's task died");
        Outcome { succeeded: false, unregister: true, diagnostics: format!("internal error: {failure}") }
    });
    let finished = finish(&container, &mut heartbeat, outcome).await;
    // It has ended already, unless somebody else has ended the application.
    command.stop().await;
    finished
}

/// The heartbeat goes on until the application is over, which its own task tells.
async fn heartbeat_for_ever(heartbeat: &mut Heartbeat) -> Infallible {
    heartbeat.run().await;
    std::future::pending().await
}

async fn finish(container: &Container, heartbeat: &mut Heartbeat, outcome: Outcome) -> Result<Outcome, MasterError> {
    if outcome.unregister {
        heartbeat.unregister(outcome.succeeded, &outcome.diagnostics).await.map_err(MasterError::Unregister)?;
        info!("the ResourceManager knows of the end");
        staging::remove(&container.spec).await;
    }
    Ok(outcome)
}

fn last_attempt(container: &Container) -> bool {
    container.id.attempt.attempt >= container.spec.attempts
}

fn worker_capability(container: &Container) -> Capability {
    let workers = &container.spec.workers;
    Capability { memory_mb: workers.memory_mib, cores: workers.cores }
}

fn core_config(container: &Container) -> Config {
    let spec = &container.spec;
    let cluster = ClusterConfig {
        worker: worker_capability(container),
        worker_threads: spec.workers.cores,
        workers: spec.workers.count,
        adaptive: spec.workers.least.is_some(),
        keep_workers: spec.workers.least.unwrap_or(ClusterConfig::default().keep_workers),
        warm_workers: spec.workers.warm,
        name_hosts: spec.workers.node_label.is_none(),
        ..ClusterConfig::default()
    };
    // With a command, the application lasts as long as the command does.
    let idle_limit = spec.command.is_none().then(|| Duration::from_millis(spec.idle_timeout_ms));
    let resources = spec.workers.resources.clone();
    Config { cluster: Some(cluster), idle_limit, resources, ..Config::default() }
}

/// How long workers look for the next attempt: as long as YARN may take to notice that this one's host is lost, and a minute to
/// start the next one. They end with the only attempt, as YARN ends their containers.
fn patience_of_workers(container: &Container) -> u64 {
    const EXPIRY: &str = "yarn.am.liveness-monitor.expiry-interval-ms";
    if container.spec.attempts <= 1 {
        return 0;
    }
    let configured = container.spec.hadoop.get(EXPIRY).and_then(|value| value.trim().parse().ok());
    configured.unwrap_or(600_000_u64).saturating_add(60_000)
}

fn template(container: &Container, master_address: &str, unpacking: Unpacking) -> WorkerTemplate {
    let spec = &container.spec;
    let worker = WorkerSpec {
        master_address: master_address.to_owned(),
        patience_ms: patience_of_workers(container),
        application_id: container.id.attempt.application.to_string(),
        user: spec.user.clone(),
        hadoop: spec.hadoop.clone(),
        unpacks_environment: spec.unpacks_environment,
        threads: spec.workers.cores,
        memory_mib: spec.workers.memory_mib,
        port_range: spec.port_range,
        log_filter: spec.workers.log_filter.clone(),
    };
    // A program that is a worker itself needs none of ours.
    let of_workers = spec.resources.iter().filter(|file| spec.program.is_none() || file.link != EXECUTABLE);
    WorkerTemplate {
        worker,
        executable: spec.program.clone().unwrap_or_else(|| EXECUTABLE.to_owned()),
        resources: of_workers.cloned().collect(),
        variables: WorkerVariables {
            environment: spec.environment,
            of_the_user: spec.workers.environment.clone(),
            unpacking,
        },
        authority: container.authority.clone(),
        secret: container.secret.clone(),
        credentials: container.credentials.clone(),
    }
}

/// Lets workers and drivers in.
fn serve_peers(container: &Container, application: &Application, peers: TcpListener) -> Result<(), MasterError> {
    let identity = container.authority.issue("application master", &container.secret)?;
    let acceptor = Acceptor::new(&identity)?;
    tokio::spawn(server::serve(peers, acceptor, application.clone()));
    Ok(())
}

async fn serve_pages(
    container: &Container,
    configuration: &Configuration,
    application: &Application,
    pages: TcpListener,
) {
    let gate = web::gate(configuration, container.proxy_base.as_deref()).await;
    let about = web::about(container, configuration);
    let application = application.clone();
    tokio::spawn(async move {
        if let Err(error) = web::serve(pages, application, gate, about).await {
            warn!(%error, "serve the tracking page");
        }
    });
}

/// The container that we are in, for the page.
fn own_sighting(container: &Container, log_pages: &web::LogPages) -> Sighting {
    let id = container.id.to_string();
    let node = format!("{}:{}", container.host, container.node_http_port.as_deref().unwrap_or("8042"));
    Sighting {
        number: container_number(&container.id),
        logs: log_pages.of(&id, &node),
        id,
        host: container.host.clone(),
        is_master: true,
    }
}

/// The cluster's largest container, which clients are told too.
async fn learn_maximum(configuration: &Configuration, user: &str) -> Result<Capability, MasterError> {
    let access = Access::simple(user, RetryPolicy::PATIENT);
    let manager = ResourceManager::from_configuration(configuration, access)?;
    let answer = manager.new_application().await.map_err(MasterError::Register)?;
    Ok(capability(answer.maximum_capability.as_ref()))
}
