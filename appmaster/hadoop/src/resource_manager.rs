//! The ResourceManager as clients see it: submit, report, list and kill applications; queues, nodes and capacities.

use std::time::Duration;

use hadoop_wire::credentials::Token;
use hadoop_wire::messages::security::{GetDelegationTokenRequest, GetDelegationTokenResponse};
use hadoop_wire::messages::yarn::*;
use tokio::time::Instant;

use crate::rpc::{CallError, Client, Failure, Method};

/// A client of the ResourceManager's client port; cheap to clone.
#[derive(Clone, Debug)]
pub struct ResourceManager {
    client: Client,
}

const GET_NEW_APPLICATION: Method<GetNewApplicationRequest, GetNewApplicationResponse> =
    Method::repeatable("getNewApplication");
// The same id submitted twice is one application: the ResourceManager answers the second with success.
const SUBMIT_APPLICATION: Method<SubmitApplicationRequest, SubmitApplicationResponse> =
    Method::repeatable("submitApplication");
const GET_APPLICATION_REPORT: Method<GetApplicationReportRequest, GetApplicationReportResponse> =
    Method::repeatable("getApplicationReport");
const GET_APPLICATIONS: Method<GetApplicationsRequest, GetApplicationsResponse> = Method::repeatable("getApplications");
const FORCE_KILL_APPLICATION: Method<KillApplicationRequest, KillApplicationResponse> =
    Method::repeatable("forceKillApplication");
const GET_QUEUE_INFO: Method<GetQueueInfoRequest, GetQueueInfoResponse> = Method::repeatable("getQueueInfo");
const GET_QUEUE_USER_ACLS: Method<GetQueueUserAclsInfoRequest, GetQueueUserAclsInfoResponse> =
    Method::repeatable("getQueueUserAcls");
const GET_CLUSTER_NODES: Method<GetClusterNodesRequest, GetClusterNodesResponse> =
    Method::repeatable("getClusterNodes");
const GET_CLUSTER_METRICS: Method<GetClusterMetricsRequest, GetClusterMetricsResponse> =
    Method::repeatable("getClusterMetrics");
const GET_APPLICATION_ATTEMPTS: Method<GetApplicationAttemptsRequest, GetApplicationAttemptsResponse> =
    Method::repeatable("getApplicationAttempts");
const GET_CONTAINERS: Method<GetContainersRequest, GetContainersResponse> = Method::repeatable("getContainers");
const GET_DELEGATION_TOKEN: Method<GetDelegationTokenRequest, GetDelegationTokenResponse> =
    Method::repeatable("getDelegationToken");

impl ResourceManager {
    /// The typed calls over a client of [`Service::APPLICATION_CLIENT`](crate::rpc::Service::APPLICATION_CLIENT).
    pub fn new(client: Client) -> ResourceManager {
        ResourceManager { client }
    }

    /// The untyped client, for its servers and its patience.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A fresh application id and the largest container that the cluster grants; the id dies with the ResourceManager.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn new_application(&self) -> Result<GetNewApplicationResponse, CallError> {
        self.client.call(&GET_NEW_APPLICATION, &GetNewApplicationRequest {}).await
    }

    /// Submits an application. Success means accepted for checking: the report tells whether it is admitted.
    ///
    /// # Errors
    /// The request is refused (queue missing, no right to submit, container too large): [`CallError::exception`] tells them apart.
    pub async fn submit(&self, context: ApplicationSubmissionContext) -> Result<(), CallError> {
        let request = SubmitApplicationRequest { application_submission_context: Some(context) };
        self.client.call(&SUBMIT_APPLICATION, &request).await?;
        Ok(())
    }

    /// What the ResourceManager knows about one application.
    ///
    /// # Errors
    /// The application is unknown ([`Exception::ApplicationNotFound`](crate::rpc::Exception)), or see [`CallError`].
    pub async fn report(&self, application: ApplicationId) -> Result<ApplicationReport, CallError> {
        let request = GetApplicationReportRequest { application_id: Some(application) };
        let answer = self.client.call(&GET_APPLICATION_REPORT, &request).await?;
        answer.application_report.ok_or_else(|| self.lacks(GET_APPLICATION_REPORT.name, "application_report"))
    }

    /// The applications that pass the filters of the request; an empty filter lets everything pass.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn applications(&self, filters: GetApplicationsRequest) -> Result<Vec<ApplicationReport>, CallError> {
        Ok(self.client.call(&GET_APPLICATIONS, &filters).await?.applications)
    }

    /// Kills an application and waits until the ResourceManager has done it, at most for `limit`.
    ///
    /// # Errors
    /// [`Failure::Unfinished`] when the limit passed: the ResourceManager goes on killing. Unknown application, no right to.
    pub async fn kill(&self, application: ApplicationId, diagnostics: &str, limit: Duration) -> Result<(), CallError> {
        let request =
            KillApplicationRequest { application_id: Some(application), diagnostics: Some(diagnostics.to_owned()) };
        let began = Instant::now();
        let mut pause = Duration::from_millis(100);
        loop {
            if self.client.call(&FORCE_KILL_APPLICATION, &request).await?.is_kill_completed() {
                return Ok(());
            }
            if began.elapsed() + pause > limit {
                return Err(self.client.unsatisfied(FORCE_KILL_APPLICATION.name, Failure::Unfinished));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// One queue with its children, without their applications; none when there is no such queue.
    ///
    /// # Errors
    /// See [`CallError`]; some schedulers answer an unknown queue with an exception.
    pub async fn queue(&self, name: &str) -> Result<Option<QueueInfo>, CallError> {
        let request = GetQueueInfoRequest {
            queue_name: Some(name.to_owned()),
            include_applications: Some(false),
            include_child_queues: Some(true),
            recursive: Some(true),
            ..GetQueueInfoRequest::default()
        };
        Ok(self.client.call(&GET_QUEUE_INFO, &request).await?.queue_info)
    }

    /// What the caller may do in each queue.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn queue_acls(&self) -> Result<Vec<QueueUserAcls>, CallError> {
        Ok(self.client.call(&GET_QUEUE_USER_ACLS, &GetQueueUserAclsInfoRequest {}).await?.queue_user_acls)
    }

    /// The nodes in the given states; all nodes when none is given.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn nodes(&self, states: &[NodeState]) -> Result<Vec<NodeReport>, CallError> {
        let request = GetClusterNodesRequest { node_states: states.iter().map(|state| *state as i32).collect() };
        Ok(self.client.call(&GET_CLUSTER_NODES, &request).await?.node_reports)
    }

    /// How many nodes there are in each state.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn metrics(&self) -> Result<ClusterMetrics, CallError> {
        let answer = self.client.call(&GET_CLUSTER_METRICS, &GetClusterMetricsRequest {}).await?;
        answer.cluster_metrics.ok_or_else(|| self.lacks(GET_CLUSTER_METRICS.name, "cluster_metrics"))
    }

    /// The attempts of an application, each with the reason of its end.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn attempts(&self, application: ApplicationId) -> Result<Vec<ApplicationAttemptReport>, CallError> {
        let request = GetApplicationAttemptsRequest { application_id: Some(application) };
        Ok(self.client.call(&GET_APPLICATION_ATTEMPTS, &request).await?.application_attempts)
    }

    /// The containers of an attempt that the ResourceManager still knows.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn containers(&self, attempt: ApplicationAttemptId) -> Result<Vec<ContainerReport>, CallError> {
        let request = GetContainersRequest { application_attempt_id: Some(attempt) };
        Ok(self.client.call(&GET_CONTAINERS, &request).await?.containers)
    }

    /// A token with which an application master may call this port; its service is empty, the caller fills it in.
    ///
    /// # Errors
    /// See [`CallError`]; a cluster without Kerberos may refuse.
    pub async fn delegation_token(&self, renewer: &str) -> Result<Option<Token>, CallError> {
        let request = GetDelegationTokenRequest { renewer: renewer.to_owned() };
        Ok(self.client.call(&GET_DELEGATION_TOKEN, &request).await?.token.map(Token::from))
    }

    fn lacks(&self, method: &'static str, field: &'static str) -> CallError {
        self.client.unsatisfied(method, Failure::Incomplete(field))
    }
}
