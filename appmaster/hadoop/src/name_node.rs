//! The NameNode: block locations, file status, listings and defaults. Writing is not our business.

use bytes::Bytes;
use hadoop_wire::credentials::Token;
use hadoop_wire::messages::hdfs::*;
use hadoop_wire::messages::security::{GetDelegationTokenRequest, GetDelegationTokenResponse};

use crate::rpc::{CallError, Client, Failure, Method};

/// A client of one name service, active or standby; cheap to clone.
#[derive(Clone, Debug)]
pub struct NameNode {
    client: Client,
}

const GET_BLOCK_LOCATIONS: Method<GetBlockLocationsRequest, GetBlockLocationsResponse> =
    Method::repeatable("getBlockLocations");
const GET_FILE_INFO: Method<GetFileInfoRequest, GetFileInfoResponse> = Method::repeatable("getFileInfo");
const GET_LISTING: Method<GetListingRequest, GetListingResponse> = Method::repeatable("getListing");
const GET_SERVER_DEFAULTS: Method<GetServerDefaultsRequest, GetServerDefaultsResponse> =
    Method::repeatable("getServerDefaults");
const GET_DATANODE_REPORT: Method<GetDatanodeReportRequest, GetDatanodeReportResponse> =
    Method::repeatable("getDatanodeReport");
const GET_HA_SERVICE_STATE: Method<GetHaServiceStateRequest, GetHaServiceStateResponse> =
    Method::repeatable("getHAServiceState");
const GET_DELEGATION_TOKEN: Method<GetDelegationTokenRequest, GetDelegationTokenResponse> =
    Method::repeatable("getDelegationToken");

impl NameNode {
    /// The typed calls over a client of [`Service::NAME_NODE`](crate::rpc::Service::NAME_NODE).
    pub fn new(client: Client) -> NameNode {
        NameNode { client }
    }

    /// The untyped client, for its servers and its patience.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The blocks of a file that overlap the range, in order, each with the DataNodes that hold it, nearest first.
    ///
    /// # Errors
    /// The file is missing or a directory ([`Exception::FileNotFound`](crate::rpc::Exception)), not readable, or see [`CallError`].
    pub async fn block_locations(&self, path: &str, offset: u64, length: u64) -> Result<LocatedBlocks, CallError> {
        let request = GetBlockLocationsRequest { source: path.to_owned(), offset, length };
        let answer = self.client.call(&GET_BLOCK_LOCATIONS, &request).await?;
        answer.locations.ok_or_else(|| self.lacks(GET_BLOCK_LOCATIONS.name, "locations"))
    }

    /// A file's or a directory's status; none when there is no such path.
    ///
    /// # Errors
    /// A directory on the way may not be entered, or see [`CallError`].
    pub async fn file_info(&self, path: &str) -> Result<Option<HdfsFileStatus>, CallError> {
        Ok(self.client.call(&GET_FILE_INFO, &GetFileInfoRequest { source: path.to_owned() }).await?.file_status)
    }

    /// A whole directory, page by page, or the one file that the path names; none when there is no such path.
    ///
    /// With `locations` each file's status has its blocks too, which saves a call a file.
    ///
    /// # Errors
    /// The directory may not be read, or see [`CallError`].
    pub async fn list(&self, path: &str, locations: bool) -> Result<Option<Vec<HdfsFileStatus>>, CallError> {
        let mut entries = Vec::new();
        let mut start_after = Bytes::new();
        loop {
            let Some(page) = self.list_page(path, start_after.clone(), locations).await? else { return Ok(None) };
            let last = page.partial_listing.last().map_or_else(Bytes::new, |status| status.path.clone());
            entries.extend(page.partial_listing);
            if page.remaining_entries == 0 {
                return Ok(Some(entries));
            }
            // A page that brings nothing new would be asked for without end.
            if last == start_after {
                return Err(self.lacks(GET_LISTING.name, "partial_listing"));
            }
            start_after = last;
        }
    }

    /// One page of a directory: the entries after the given local name; none when there is no such path.
    ///
    /// # Errors
    /// The directory may not be read, or see [`CallError`].
    pub async fn list_page(
        &self,
        path: &str,
        start_after: Bytes,
        locations: bool,
    ) -> Result<Option<DirectoryListing>, CallError> {
        let request = GetListingRequest { source: path.to_owned(), start_after, need_location: locations };
        Ok(self.client.call(&GET_LISTING, &request).await?.listing)
    }

    /// Block size, replication and checksum of new files.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn server_defaults(&self) -> Result<FsServerDefaults, CallError> {
        Ok(self.client.call(&GET_SERVER_DEFAULTS, &GetServerDefaultsRequest {}).await?.server_defaults)
    }

    /// The DataNodes of the given kind.
    ///
    /// # Errors
    /// Only the superuser may ask in some clusters, or see [`CallError`].
    pub async fn datanodes(&self, kind: DatanodeReportType) -> Result<Vec<DatanodeInfo>, CallError> {
        let request = GetDatanodeReportRequest { r#type: kind as i32 };
        Ok(self.client.call(&GET_DATANODE_REPORT, &request).await?.datanodes)
    }

    /// Whether the NameNode that answers is active; a standby answers this call too.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn high_availability_state(&self) -> Result<HaServiceState, CallError> {
        Ok(self.client.call(&GET_HA_SERVICE_STATE, &GetHaServiceStateRequest {}).await?.state())
    }

    /// A token with which containers may call this name service; its service is empty, the caller fills it in.
    /// None where the cluster does without tokens.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn delegation_token(&self, renewer: &str) -> Result<Option<Token>, CallError> {
        let request = GetDelegationTokenRequest { renewer: renewer.to_owned() };
        Ok(self.client.call(&GET_DELEGATION_TOKEN, &request).await?.token.map(Token::from))
    }

    fn lacks(&self, method: &'static str, field: &'static str) -> CallError {
        self.client.unsatisfied(method, Failure::Incomplete(field))
    }
}
