//! The ResourceManager as an application master sees it: register, allocate, unregister.

use hadoop_wire::credentials::Token;
use hadoop_wire::messages::yarn::{
    AllocateRequest, AllocateResponse, FinishApplicationMasterRequest, FinishApplicationMasterResponse,
    RegisterApplicationMasterRequest, RegisterApplicationMasterResponse,
};

use crate::rpc::{Authentication, CallError, Client, Exception, Method};

/// A client of the ResourceManager's scheduler port; cheap to clone.
///
/// Errors that matter to an application master are told by [`CallError::exception`]: not registered (register again and send
/// everything again), attempt not found (exit without unregistering).
#[derive(Clone, Debug)]
pub struct Scheduler {
    client: Client,
}

const REGISTER: Method<RegisterApplicationMasterRequest, RegisterApplicationMasterResponse> =
    Method::repeatable("registerApplicationMaster");
// The ResourceManager keeps its last answer for the response id before: the same request again is safe.
const ALLOCATE: Method<AllocateRequest, AllocateResponse> = Method::repeatable("allocate");
const FINISH: Method<FinishApplicationMasterRequest, FinishApplicationMasterResponse> =
    Method::repeatable("finishApplicationMaster");

impl Scheduler {
    /// The typed calls over a client of [`Service::APPLICATION_MASTER`](crate::rpc::Service::APPLICATION_MASTER).
    pub fn new(client: Client) -> Scheduler {
        Scheduler { client }
    }

    /// The untyped client, for its servers and its patience.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Registers the application master. The answer has the cluster's maximum and what an attempt before us left running.
    /// None when it is registered already: a first answer was lost on its way, and only its bearer has the token.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn register(
        &self,
        request: RegisterApplicationMasterRequest,
    ) -> Result<Option<RegisterApplicationMasterResponse>, CallError> {
        match self.client.call(&REGISTER, &request).await {
            Ok(response) => Ok(Some(response)),
            Err(error) if error.exception() == Some(Exception::InvalidMasterRequest) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One heartbeat: asks, releases and progress out, grants, ends and tokens back.
    ///
    /// # Errors
    /// See [`CallError`]. One ask above the cluster's maximum fails the whole call
    /// ([`Exception::InvalidResourceRequest`](crate::rpc::Exception)).
    pub async fn allocate(&self, request: AllocateRequest) -> Result<AllocateResponse, CallError> {
        self.client.call(&ALLOCATE, &request).await
    }

    /// Asks once to be unregistered; true when the ResourceManager has done it, else the caller asks again.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn finish(&self, request: FinishApplicationMasterRequest) -> Result<bool, CallError> {
        Ok(self.client.call(&FINISH, &request).await?.is_unregistered())
    }

    /// Later connections use this AMRM token, which an allocate answer brought.
    pub async fn replace_token(&self, token: Token) {
        self.client.authenticate(Authentication::Token(token)).await;
    }
}
