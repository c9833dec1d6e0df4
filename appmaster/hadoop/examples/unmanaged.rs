//! An application master that YARN does not start: runs every call of this crate once against the cluster that the
//! Hadoop configuration names, and stops at the first answer that is not what Hadoop's documentation promises.
//!
//! `HADOOP_CONF_DIR=... cargo run -p hadoop-client --example unmanaged [HDFS-FILE]`

use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

use hadoop_client::rpc::{CallError, Exception, RetryPolicy};
use hadoop_client::{Access, NameNode, NodeManager, ResourceManager, Scheduler};
use hadoop_wire::config::Configuration;
use hadoop_wire::messages::hdfs::DatanodeReportType;
use hadoop_wire::messages::yarn::*;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if let Err(error) = run(std::env::args().nth(1).as_deref()).await {
        let mut cause: Option<&dyn Error> = Some(error.as_ref());
        while let Some(error) = cause {
            eprintln!("{error}");
            cause = error.source();
        }
        std::process::exit(1);
    }
}

async fn run(file: Option<&str>) -> Outcome<()> {
    let configuration = hadoop_client::conf::load(None)?.configuration;
    let access = Access::simple(&hadoop_client::user()?, RetryPolicy::BRIEF);
    let authority = configuration.default_file_system()?.authority;
    let files = NameNode::from_configuration(&configuration, &authority, "fs.defaultFS", access.clone())?;
    name_node(&files, file).await?;
    let manager = ResourceManager::from_configuration(&configuration, access)?;
    println!("{:?}", manager.metrics().await?);
    for node in manager.nodes(&[NodeState::Running]).await? {
        println!("node {:?} in {}", node.node_id, node.rack_name());
    }
    println!("queue {:?}", manager.queue("default").await?.map(|queue| queue.queue_path));
    println!("no such queue: {:?}", manager.queue("nonsense").await.map(|queue| queue.is_some()));
    println!("{} queues' permissions", manager.queue_acls().await?.len());
    let application = submit(&manager).await?;
    let outcome = master(&manager, &configuration, application).await;
    manager.kill(application, "the end of the probe", Duration::from_secs(20)).await?;
    let report = manager.report(application).await?;
    println!("{:?} {:?}", report.yarn_application_state(), report.final_application_status());
    println!("{} applications listed", manager.applications(GetApplicationsRequest::default()).await?.len());
    outcome
}

/// The exception that a call must end in.
fn must_fail<T: Debug>(outcome: Result<T, CallError>, exception: Exception) -> Outcome<()> {
    match outcome {
        Err(error) if error.exception() == Some(exception) => Ok(()),
        other => Err(format!("expected {exception:?}, not {other:?}").into()),
    }
}

async fn name_node(files: &NameNode, file: Option<&str>) -> Outcome<()> {
    println!("{:?}", files.server_defaults().await?);
    println!("state {:?}", files.high_availability_state().await.map_err(|error| error.to_string()));
    println!("owner of / is {:?}", files.file_info("/").await?.map(|status| status.owner));
    println!("/ has {:?} entries", files.list("/", true).await?.map(|entries| entries.len()));
    println!("{} live DataNodes", files.datanodes(DatanodeReportType::Live).await?.len());
    println!("token {:?}", files.delegation_token("yarn").await.map_err(|error| error.to_string()));
    if files.file_info("/no/such").await?.is_some() || files.list("/no/such", true).await?.is_some() {
        return Err("/no/such exists".into());
    }
    must_fail(files.block_locations("/no/such", 0, 1).await, Exception::FileNotFound)?;
    if let Some(file) = file {
        let located = files.block_locations(file, 0, i64::MAX as u64).await?;
        println!("{file} has {} blocks in {} bytes", located.blocks.len(), located.file_length);
    }
    Ok(())
}

async fn submit(manager: &ResourceManager) -> Outcome<ApplicationId> {
    let new = manager.new_application().await?;
    let application = new.application_id.ok_or("no application id")?;
    println!("new {application:?} maximum {:?}", new.maximum_capability.map(|maximum| maximum.memory));
    let context = ApplicationSubmissionContext {
        application_id: Some(application),
        application_name: Some("probe".to_owned()),
        am_container_spec: Some(ContainerLaunchContext::default()),
        unmanaged_am: Some(true),
        resource: Some(Resource { memory: Some(64), virtual_cores: Some(1), ..Resource::default() }),
        ..ApplicationSubmissionContext::default()
    };
    manager.submit(context.clone()).await?;
    manager.submit(context).await?;
    Ok(application)
}

async fn wait_for_token(
    manager: &ResourceManager,
    application: ApplicationId,
) -> Outcome<hadoop_wire::messages::security::Token> {
    for _ in 0..100 {
        let report = manager.report(application).await?;
        if let Some(token) = report.am_rm_token {
            return Ok(token);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("the application was not accepted".into())
}

async fn master(manager: &ResourceManager, configuration: &Configuration, application: ApplicationId) -> Outcome<()> {
    let token = wait_for_token(manager, application).await?.into();
    let scheduler = Scheduler::from_configuration(configuration, Access::token(token, RetryPolicy::PATIENT))?;
    must_fail(scheduler.allocate(AllocateRequest::default()).await, Exception::NotRegistered)?;
    let request = RegisterApplicationMasterRequest {
        host: Some("probe".to_owned()),
        rpc_port: Some(-1),
        tracking_url: Some(String::new()),
    };
    let registered = scheduler.register(request.clone()).await?.ok_or("registered already")?;
    println!("registered, maximum {:?}", registered.maximum_capability.map(|maximum| maximum.memory));
    if scheduler.register(request).await?.is_some() {
        return Err("registered twice".into());
    }
    let (container, nm_token, response_id) = grant(&scheduler).await?;
    run_container(&container, nm_token).await?;
    wait_for_end(&scheduler, response_id).await?;
    for attempt in manager.attempts(application).await? {
        let Some(id) = attempt.application_attempt_id else { continue };
        println!("attempt has {} containers", manager.containers(id).await?.len());
    }
    let finish = FinishApplicationMasterRequest {
        final_application_status: Some(FinalApplicationStatus::Succeeded as i32),
        ..FinishApplicationMasterRequest::default()
    };
    println!("unregistered {}", scheduler.finish(finish).await?);
    Ok(())
}

async fn grant(scheduler: &Scheduler) -> Outcome<(Container, hadoop_wire::messages::security::Token, i32)> {
    let ask = ResourceRequest {
        priority: Some(Priority { priority: Some(1) }),
        resource_name: Some("*".to_owned()),
        capability: Some(Resource { memory: Some(64), virtual_cores: Some(1), ..Resource::default() }),
        num_containers: Some(1),
        allocation_request_id: Some(7),
        ..ResourceRequest::default()
    };
    let (mut response_id, mut asks) = (0, vec![ask]);
    for _ in 0..100 {
        let request =
            AllocateRequest { ask: std::mem::take(&mut asks), response_id: Some(response_id), ..Default::default() };
        let answer = scheduler.allocate(request).await?;
        response_id = answer.response_id();
        if let (Some(container), Some(token)) = (answer.allocated_containers.first(), answer.nm_tokens.first()) {
            return Ok((container.clone(), token.token.clone().unwrap_or_default(), response_id));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("no container was granted".into())
}

async fn run_container(container: &Container, token: hadoop_wire::messages::security::Token) -> Outcome<()> {
    let node = container.node_id.clone().ok_or("no node id")?;
    let access = Access::token(token.into(), RetryPolicy::NODE);
    let manager = NodeManager::at(node.host(), u16::try_from(node.port())?, access);
    let launch = || ContainerLaunchContext {
        command: vec!["exec sleep 60 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr".to_owned()],
        ..ContainerLaunchContext::default()
    };
    let container_token = container.container_token.clone().ok_or("no container token")?;
    let started = manager.start(vec![(launch(), container_token.clone())]).await?;
    println!("started {} refused {}", started.accepted.len(), started.refused.len());
    let again = manager.start(vec![(launch(), container_token.clone())]).await?;
    println!("started again: {}", again.refused.first().map_or_else(String::new, ToString::to_string));
    let bad = hadoop_wire::messages::security::Token { password: vec![0; 20].into(), ..container_token };
    must_fail(manager.start(vec![(launch(), bad)]).await, Exception::InvalidToken)?;
    let id = container.id.ok_or("no container id")?;
    println!("{:?}", manager.statuses(vec![id]).await?.statuses.first().map(ContainerStatus::state));
    println!("stopped {}", manager.stop(vec![id]).await?.accepted.len());
    Ok(())
}

async fn wait_for_end(scheduler: &Scheduler, mut response_id: i32) -> Outcome<()> {
    for _ in 0..100 {
        let request = AllocateRequest { response_id: Some(response_id), ..AllocateRequest::default() };
        let answer = scheduler.allocate(request).await?;
        response_id = answer.response_id();
        if let Some(status) = answer.completed_container_statuses.first() {
            println!("completed with {} {}", status.exit_status(), status.diagnostics());
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("the container did not end".into())
}
