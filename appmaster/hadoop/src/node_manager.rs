//! A NodeManager as an application master sees it: start, stop and watch containers on one node.

use hadoop_wire::credentials::Token;
use hadoop_wire::messages::security;
use hadoop_wire::messages::yarn::{
    ContainerException, ContainerId, ContainerLaunchContext, ContainerStatus, GetContainerStatusesRequest,
    GetContainerStatusesResponse, SerializedException, StartContainerRequest, StartContainersRequest,
    StartContainersResponse, StopContainersRequest, StopContainersResponse,
};
use hadoop_wire::rpc::RemoteError;

use crate::rpc::{Authentication, CallError, Client, Exception, Method};

/// A client of one NodeManager; cheap to clone.
#[derive(Clone, Debug)]
pub struct NodeManager {
    client: Client,
}

// A container started twice is refused the second time, so a lost answer must reach the caller, who gives it back.
const START_CONTAINERS: Method<StartContainersRequest, StartContainersResponse> = Method::once("startContainers");
const STOP_CONTAINERS: Method<StopContainersRequest, StopContainersResponse> = Method::repeatable("stopContainers");
const GET_CONTAINER_STATUSES: Method<GetContainerStatusesRequest, GetContainerStatusesResponse> =
    Method::repeatable("getContainerStatuses");

/// A container that the NodeManager would not start, stop or tell about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refusal {
    /// Which one.
    pub container: ContainerId,
    /// What the NodeManager says.
    pub error: RemoteError,
}

impl Refusal {
    /// What the NodeManager's exception means.
    pub fn exception(&self) -> Exception {
        Exception::of(&self.error)
    }
}

/// What became of a request to start or stop containers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Started {
    /// Accepted; localization and launch follow.
    pub accepted: Vec<ContainerId>,
    /// Refused, each for its own reason.
    pub refused: Vec<Refusal>,
}

/// What a NodeManager knows about containers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statuses {
    /// Their states.
    pub statuses: Vec<ContainerStatus>,
    /// Those that it does not know, or does not tell about.
    pub refused: Vec<Refusal>,
}

impl NodeManager {
    /// The typed calls over a client of [`Service::CONTAINER_MANAGEMENT`](crate::rpc::Service::CONTAINER_MANAGEMENT) with
    /// that node's NM token.
    pub fn new(client: Client) -> NodeManager {
        NodeManager { client }
    }

    /// The untyped client, for its server and its patience.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Starts containers, each with the container token that came with its grant.
    ///
    /// # Errors
    /// See [`CallError`]. A bad container token fails the whole call ([`Exception::InvalidToken`]). When the answer was
    /// lost after the call was sent, [`NodeManager::statuses`] tells whether they run.
    pub async fn start(
        &self,
        containers: Vec<(ContainerLaunchContext, security::Token)>,
    ) -> Result<Started, CallError> {
        let start_container_request = containers.into_iter().map(start_request).collect();
        let answer = self.client.call(&START_CONTAINERS, &StartContainersRequest { start_container_request }).await?;
        Ok(Started { accepted: answer.succeeded_requests, refused: refusals(answer.failed_requests) })
    }

    /// Stops containers: TERM, then KILL 250 ms later.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn stop(&self, containers: Vec<ContainerId>) -> Result<Started, CallError> {
        let request = StopContainersRequest { container_id: containers };
        let answer = self.client.call(&STOP_CONTAINERS, &request).await?;
        Ok(Started { accepted: answer.succeeded_requests, refused: refusals(answer.failed_requests) })
    }

    /// What the NodeManager knows about these containers.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn statuses(&self, containers: Vec<ContainerId>) -> Result<Statuses, CallError> {
        let request = GetContainerStatusesRequest { container_id: containers };
        let answer = self.client.call(&GET_CONTAINER_STATUSES, &request).await?;
        Ok(Statuses { statuses: answer.status, refused: refusals(answer.failed_requests) })
    }

    /// Later connections use this NM token, which an allocate answer brought.
    pub async fn replace_token(&self, token: Token) {
        self.client.authenticate(Authentication::Token(token)).await;
    }
}

fn start_request((context, token): (ContainerLaunchContext, security::Token)) -> StartContainerRequest {
    StartContainerRequest { container_launch_context: Some(context), container_token: Some(token) }
}

fn refusals(failed: Vec<ContainerException>) -> Vec<Refusal> {
    let refusal = |failed: ContainerException| Refusal {
        container: failed.container_id.unwrap_or_default(),
        error: remote_error(failed.exception.unwrap_or_default()),
    };
    failed.into_iter().map(refusal).collect()
}

fn remote_error(exception: SerializedException) -> RemoteError {
    let message = exception.message.unwrap_or_default();
    RemoteError {
        class: exception.class_name.unwrap_or_default(),
        message: message.trim().to_owned(),
        detail: None,
        fatal: false,
    }
}
