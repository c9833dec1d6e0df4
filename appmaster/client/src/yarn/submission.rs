//! The submission itself, as a plain function: what the ResourceManager is asked to run, and what a person sees of it.

use bobbin_appmaster::spec::{
    AppMasterSpec, Command, EXECUTABLE, LocalizedFile, SECRET_AUTHORITY_CERTIFICATE, SECRET_AUTHORITY_KEY, SECRET_SPEC,
    SECRET_TOKEN, Visibility, WorkerContainers,
};
use bobbin_link::{Authority, Secret};
use bytes::Bytes;
use hadoop_wire::credentials::Credentials;
use hadoop_wire::messages::yarn::{
    ApplicationSubmissionContext, ContainerLaunchContext, LocalResource, LocalResourceType, LocalResourceVisibility,
    Priority, Resource, StringToLocalResource, StringToString,
};
use hadoop_wire::names::ApplicationId;
use serde_json::{Value, json};

use super::APPLICATION_TYPE;
use super::cluster::Cluster;
use super::request::{Container, Request, Source, program_link};
use super::urls::{Location, UrlError};
use crate::amount::Amount;

/// What the application master's container runs: fixed and short, because YARN pastes it unescaped into a script.
pub const LAUNCH_COMMAND: &str = "./yarn-submit appmaster 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr";

/// What the application master is told. `files` are all files that containers find in their working directory.
pub(super) fn spec(
    cluster: &Cluster,
    request: &Request,
    staging: String,
    files: Vec<LocalizedFile>,
    submitted_ms: u64,
) -> AppMasterSpec {
    AppMasterSpec {
        build: env!("CARGO_PKG_VERSION").to_owned(),
        name: request.name.clone(),
        user: cluster.user().to_owned(),
        submitted_ms,
        hadoop: cluster.properties().clone(),
        workers: WorkerContainers {
            count: request.workers,
            least: request.least_workers,
            warm: request.warm_workers,
            cores: request.worker.cores,
            memory_mib: request.worker.memory_mib,
            resources: Amount::pairs(&request.worker_resources),
            node_label: request.node_label.clone(),
            environment: request.variables.clone(),
            log_filter: request.log_filter.clone(),
        },
        resources: files,
        environment: request.environment.as_ref().map(|environment| environment.kind),
        unpacks_environment: request.environment.as_ref().is_some_and(|environment| !environment.unpacked_by_yarn),
        expected: request.expected.clone(),
        idle_timeout_ms: u64::try_from(request.idle_timeout.as_millis()).unwrap_or(u64::MAX),
        port_range: request.port_range,
        command: request.command.clone().map(|argv| Command { argv, environment: request.variables.clone() }),
        program: request.program.as_deref().map(program_link),
        attempts: request.max_attempts,
        staging,
    }
}

/// The token file of the application master: its spec and the keys of its application.
pub(super) fn credentials(spec: &AppMasterSpec, authority: &Authority, secret: &Secret) -> serde_json::Result<Bytes> {
    let mut credentials = Credentials::default();
    let mut put = |alias: &str, bytes: Bytes| credentials.secrets.insert(alias.to_owned(), bytes);
    put(SECRET_SPEC, serde_json::to_vec(spec)?.into());
    put(SECRET_AUTHORITY_CERTIFICATE, Bytes::copy_from_slice(authority.certificate_pem().as_bytes()));
    put(SECRET_AUTHORITY_KEY, Bytes::copy_from_slice(authority.key_pem().as_bytes()));
    put(SECRET_TOKEN, Bytes::copy_from_slice(secret.as_bytes()));
    Ok(credentials.encode())
}

/// What the ResourceManager is asked.
pub(super) fn context(
    id: ApplicationId,
    request: &Request,
    spec: &AppMasterSpec,
    tokens: Bytes,
) -> Result<ApplicationSubmissionContext, UrlError> {
    let local_resources = spec.resources.iter().map(local_resource).collect::<Result<_, _>>()?;
    // Under simple security everything acts as the submitter, whichever account the NodeManager runs containers as.
    let user = StringToString { key: Some("HADOOP_USER_NAME".to_owned()), value: Some(spec.user.clone()) };
    Ok(ApplicationSubmissionContext {
        application_id: Some(id.into()),
        application_name: Some(request.name.clone()),
        application_type: Some(APPLICATION_TYPE.to_owned()),
        queue: Some(request.queue.clone()),
        priority: request.priority.map(|number| Priority { priority: Some(i32::try_from(number).unwrap_or(i32::MAX)) }),
        application_tags: request.tags.clone(),
        node_label_expression: request.node_label.clone(),
        // Workers wait for the next attempt, with their results.
        keep_containers_across_application_attempts: Some(request.max_attempts > 1),
        max_app_attempts: Some(i32::try_from(request.max_attempts).unwrap_or(i32::MAX)),
        resource: Some(resource(request.master)),
        am_container_spec: Some(ContainerLaunchContext {
            local_resources,
            tokens: Some(tokens),
            environment: vec![user],
            command: vec![LAUNCH_COMMAND.to_owned()],
            ..ContainerLaunchContext::default()
        }),
        ..ApplicationSubmissionContext::default()
    })
}

fn resource(container: Container) -> Resource {
    Resource {
        memory: Some(i64::try_from(container.memory_mib).unwrap_or(i64::MAX)),
        virtual_cores: Some(i32::try_from(container.cores).unwrap_or(i32::MAX)),
        ..Resource::default()
    }
}

fn local_resource(file: &LocalizedFile) -> Result<StringToLocalResource, UrlError> {
    let kind = if file.archive { LocalResourceType::Archive } else { LocalResourceType::File };
    let visibility = match file.visibility {
        Visibility::Public => LocalResourceVisibility::Public,
        Visibility::Private => LocalResourceVisibility::Private,
        Visibility::Application => LocalResourceVisibility::Application,
    };
    let resource = LocalResource {
        resource: Some(Location::file_system(&file.url)?.to_yarn()),
        size: Some(i64::try_from(file.size).unwrap_or(i64::MAX)),
        timestamp: Some(file.modified_ms),
        r#type: Some(kind as i32),
        visibility: Some(visibility as i32),
        ..LocalResource::default()
    };
    Ok(StringToLocalResource { key: Some(file.link.clone()), value: Some(resource) })
}

/// What would be submitted, for people and scripts: no server is asked, and nothing secret is in it.
pub fn describe(request: &Request, user: &str) -> Value {
    let container = |container: Container| json!({ "cores": container.cores, "memory_mib": container.memory_mib });
    let source = |source: &Source| match source {
        Source::Local(path) if path.is_dir() => json!({ "pack": path }),
        Source::Local(path) => json!({ "upload": path }),
        Source::Remote(url) => json!({ "on_hdfs": url }),
    };
    let mut files = vec![json!({ "link": EXECUTABLE, "archive": false, "source": "the running executable" })];
    if let Some(environment) = &request.environment {
        let kind = serde_json::to_value(environment.kind).unwrap_or_default();
        let by_yarn = environment.unpacked_by_yarn;
        let source = source(&environment.source);
        files.push(json!({ "link": environment.link(), "archive": by_yarn, "kind": kind, "source": source }));
    }
    if let Some(path) = &request.program {
        files.push(json!({ "link": program_link(path), "archive": false, "source": { "upload": path } }));
    }
    for file in &request.resources {
        files.push(json!({ "link": file.link, "archive": file.archive, "source": source(&file.source) }));
    }
    json!({
        "application_type": APPLICATION_TYPE,
        "name": request.name,
        "user": user,
        "queue": request.queue,
        "tags": request.tags,
        "priority": request.priority,
        "node_label": request.node_label,
        "max_attempts": request.max_attempts,
        "launch_command": LAUNCH_COMMAND,
        "master": container(request.master),
        "worker": container(request.worker),
        "workers": request.workers,
        "least_workers": request.least_workers,
        "warm_workers": request.warm_workers,
        "variables": request.variables,
        "files": files,
        "visibility": if request.public_cache.is_some() { "public" } else { "private" },
        "public_cache": request.public_cache,
        "idle_timeout_ms": u64::try_from(request.idle_timeout.as_millis()).unwrap_or(u64::MAX),
        "port_range": request.port_range.map(|(first, last)| [first, last]),
        "command": request.command,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bobbin_appmaster::spec::EnvironmentKind;

    use super::super::request::Environment;
    use super::super::request::tests::request;
    use super::*;

    fn file() -> LocalizedFile {
        LocalizedFile {
            link: "yarn-submit".to_owned(),
            url: "hdfs://m:9000/user/alice/.bobbin/cache/ab/yarn-submit".to_owned(),
            size: 7,
            modified_ms: 1_700_000_000_123,
            archive: false,
            visibility: Visibility::Private,
        }
    }

    fn a_spec() -> AppMasterSpec {
        AppMasterSpec {
            build: String::new(),
            name: "count".to_owned(),
            user: "alice".to_owned(),
            submitted_ms: 0,
            hadoop: BTreeMap::new(),
            workers: WorkerContainers {
                count: None,
                least: None,
                warm: 0,
                cores: 1,
                memory_mib: 1,
                resources: Vec::new(),
                node_label: None,
                environment: BTreeMap::new(),
                log_filter: None,
            },
            resources: vec![file()],
            environment: None,
            unpacks_environment: false,
            expected: None,
            idle_timeout_ms: 0,
            port_range: None,
            command: None,
            program: None,
            attempts: 1,
            staging: String::new(),
        }
    }

    #[test]
    fn nothing_of_the_spec_is_in_the_environment_or_the_command() {
        let spec = a_spec();
        let authority = Authority::from_pem("certificate", "key");
        let tokens = credentials(&spec, &authority, &Secret::generate()).unwrap();
        let id = ApplicationId { cluster_timestamp: 1, sequence: 2 };
        let context = context(id, &request(), &spec, tokens.clone()).unwrap();
        let container = context.am_container_spec.unwrap();
        assert_eq!(container.command, [LAUNCH_COMMAND]);
        let variables: Vec<_> = container.environment.iter().filter_map(|pair| pair.key.as_deref()).collect();
        assert_eq!(variables, ["HADOOP_USER_NAME"]);
        let read = Credentials::decode(tokens).unwrap();
        assert_eq!(serde_json::from_slice::<AppMasterSpec>(&read.secrets[SECRET_SPEC]).unwrap(), spec);
        assert_eq!(read.secrets[SECRET_TOKEN].len(), 32);
    }

    #[test]
    fn a_file_is_named_exactly() {
        let resource = local_resource(&file()).unwrap();
        let value = resource.value.unwrap();
        assert_eq!(resource.key.as_deref(), Some("yarn-submit"));
        assert_eq!((value.timestamp, value.size), (Some(1_700_000_000_123), Some(7)));
        let url = value.resource.unwrap();
        assert_eq!((url.host.as_deref(), url.port), (Some("m"), Some(9000)));
    }

    #[test]
    fn the_description_is_complete() {
        let mut request = request();
        request.command = Some(vec!["python".to_owned(), "etl.py".to_owned()]);
        let text = describe(&request, "alice");
        assert_eq!(text["worker"], json!({ "cores": 2, "memory_mib": 2048 }));
        assert_eq!(text["command"], json!(["python", "etl.py"]));
        assert_eq!(text["files"][0]["link"], "yarn-submit");

        let directory = tempfile::tempdir().unwrap();
        let source = Source::Local(directory.path().to_owned());
        let kind = EnvironmentKind::Unknown;
        request.environment = Some(Environment { source, kind, unpacked_by_yarn: false });
        let environment = describe(&request, "alice")["files"][1].clone();
        assert_eq!((&environment["link"], &environment["archive"]), (&json!(".bobbin-environment"), &json!(false)));
        assert_eq!(environment["source"], json!({ "pack": directory.path() }));
    }
}
