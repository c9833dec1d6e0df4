//! Files in HDFS, by way of WebHDFS: made, written where a test wants them, listed, read.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::host::Host;
use super::http::{HttpError, Request, Response};
use super::{Cluster, USER};
use crate::wait;

/// The superuser of HDFS: the daemons' own.
const SUPERUSER: &str = "root";

/// Why something in HDFS did not work.
#[derive(Debug, Error)]
pub enum HdfsError {
    /// No answer.
    #[error("ask HDFS to {operation} {path}")]
    Http {
        /// What was asked.
        operation: &'static str,
        /// For what.
        path: String,
        /// Why there is no answer.
        #[source]
        source: HttpError,
    },
    /// The answer is no.
    #[error("HDFS refused to {operation} {path} (status {status}): {message}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// For what.
        path: String,
        /// The answer's status.
        status: u16,
        /// What HDFS said.
        message: String,
    },
    /// There are fewer replicas than asked for.
    #[error("not every block of {path} got {replication} replicas: are there as many DataNodes?")]
    Replicas {
        /// The file.
        path: String,
        /// What was asked for.
        replication: u32,
    },
    /// The answer has another shape than expected.
    #[error("understand HDFS's answer to {operation} {path}")]
    Shape {
        /// What was asked.
        operation: &'static str,
        /// For what.
        path: String,
    },
}

/// A file or a directory in HDFS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name below the directory that was listed.
    pub name: String,
    /// Whether it is a directory.
    pub directory: bool,
    /// Bytes.
    pub length: u64,
    /// Who owns it.
    pub owner: String,
    /// Such as `700`.
    pub permission: String,
}

/// One WebHDFS request.
struct Operation<'a> {
    method: &'static str,
    name: &'static str,
    path: &'a str,
    user: &'a str,
    parameters: String,
}

impl Cluster {
    /// The homes that a real cluster has: `/tmp` for all, `/user/alice` for alice only, and `/data`, which is alice's.
    pub(super) fn make_homes(&self) -> Result<(), super::StartError> {
        let home = format!("/user/{USER}");
        let homes =
            [("/tmp", SUPERUSER, "1777"), ("/user", SUPERUSER, "755"), (&home, USER, "700"), ("/data", USER, "755")];
        for (path, owner, permission) in homes {
            self.make_directory(path, owner, permission).map_err(super::StartError::Homes)?;
        }
        Ok(())
    }

    /// Makes a directory, missing parents with the same permission, or changes the owner and the permission of one that is there.
    pub fn make_directory(&self, path: &str, owner: &str, permission: &str) -> Result<(), HdfsError> {
        self.administer("MKDIRS", path, format!("&permission={permission}"))?;
        self.administer("SETOWNER", path, format!("&owner={owner}"))?;
        self.set_permission(path, permission)
    }

    /// Changes the permission of a file or a directory.
    pub fn set_permission(&self, path: &str, permission: &str) -> Result<(), HdfsError> {
        self.administer("SETPERMISSION", path, format!("&permission={permission}"))
    }

    /// Limits how many names and how many bytes, replicas included, a directory may hold; `None` for any number.
    pub fn set_quota(&self, path: &str, names: Option<u64>, bytes: Option<u64>) -> Result<(), HdfsError> {
        let number = |limit: Option<u64>| limit.map_or_else(|| "-1".to_owned(), |limit| limit.to_string());
        let parameters = format!("&namespacequota={}&storagespacequota={}", number(names), number(bytes));
        self.administer("SETQUOTA", path, parameters)
    }

    /// Writes a file of alice's. Written from a worker, every block's first replica is on that worker; from another host,
    /// each is on a worker that HDFS draws. Returns when HDFS knows of every replica.
    pub fn put(&self, bytes: &[u8], path: &str, replication: u32, from: Host) -> Result<(), HdfsError> {
        self.create(bytes, path, replication, from)?;
        self.wait_for_replicas(path, replication)
    }

    /// HDFS calls a file complete when one replica of each block has been reported; the others follow.
    fn wait_for_replicas(&self, path: &str, replication: u32) -> Result<(), HdfsError> {
        let wanted = replication as usize;
        let complete = wait::try_until(Duration::from_secs(60), || {
            let blocks = self.block_locations(path)?;
            Ok(blocks.iter().all(|block| block.hosts.len() >= wanted).then_some(()))
        });
        complete?.ok_or_else(|| HdfsError::Replicas { path: path.to_owned(), replication })
    }

    fn create(&self, bytes: &[u8], path: &str, replication: u32, from: Host) -> Result<(), HdfsError> {
        match from {
            Host::Worker(number) => self.create_on(number, bytes, path, &creation(replication)),
            Host::Master | Host::Edge => {
                let parameters = creation(replication) + "&createflag=CREATE,OVERWRITE,IGNORE_CLIENT_LOCALITY";
                let operation = Operation { method: "PUT", name: "CREATE", path, user: USER, parameters };
                let redirect = self.ask(&operation, &operation.url(&name_node()), &[])?;
                let Some(location) = redirect.location else { return Err(operation.misshapen()) };
                self.ask(&operation, &location, bytes).map(drop)
            }
        }
    }

    /// Writes a file of alice's with one replica a block, its blocks on all workers in turn: block 0 on w1, block 1 on w2.
    pub fn spread(&self, bytes: &[u8], path: &str) -> Result<(), HdfsError> {
        self.spread_in(bytes, path, usize::try_from(self.options().block_size).unwrap_or(usize::MAX))
    }

    /// The same in blocks of another size, which the file keeps: a multiple of 512 from 4096 on.
    pub fn spread_in(&self, bytes: &[u8], path: &str, size: usize) -> Result<(), HdfsError> {
        let mut blocks = bytes.chunks(size).zip(self.workers_in_turn());
        let (first, number) = blocks.next().unwrap_or((&[], 1));
        self.create_on(number, first, path, &format!("{}&blocksize={size}", creation(1)))?;
        for (block, number) in blocks {
            self.append(block, path, number)?;
        }
        Ok(())
    }

    /// Adds bytes to the end of a file of alice's, through a worker's DataNode.
    pub fn append(&self, bytes: &[u8], path: &str, worker: usize) -> Result<(), HdfsError> {
        let operation = Operation { method: "POST", name: "APPEND", path, user: USER, parameters: NAME_NODE.into() };
        self.ask(&operation, &operation.url(&data_node(worker)), bytes).map(drop)
    }

    /// Cuts a file of alice's off at the end of a block.
    pub fn truncate(&self, path: &str, length: u64) -> Result<(), HdfsError> {
        let parameters = format!("newlength={length}");
        let operation = Operation { method: "POST", name: "TRUNCATE", path, user: USER, parameters };
        self.ask(&operation, &operation.url(&name_node()), &[]).map(drop)
    }

    fn workers_in_turn(&self) -> impl Iterator<Item = usize> + use<> {
        (1..=self.options().workers).cycle()
    }

    /// A DataNode writes what it is given as a client on its own host, so the first replica is its own.
    fn create_on(&self, number: usize, bytes: &[u8], path: &str, creation: &str) -> Result<(), HdfsError> {
        let parameters = format!("{creation}&overwrite=true&createflag=&{NAME_NODE}");
        let operation = Operation { method: "PUT", name: "CREATE", path, user: USER, parameters };
        self.ask(&operation, &operation.url(&data_node(number)), bytes).map(drop)
    }

    /// Begins to write a file of alice's, through a worker's DataNode. It stays open until what this gives is dropped.
    pub fn begin_file(&self, bytes: &[u8], path: &str, worker: usize) -> Result<TcpStream, HdfsError> {
        let parameters = format!("{}&overwrite=true&createflag=&{NAME_NODE}", creation(1));
        let operation = Operation { method: "PUT", name: "CREATE", path, user: USER, parameters };
        let url = operation.url(&data_node(worker));
        let request = Request { method: "PUT", url: &url, content: "application/octet-stream", body: bytes };
        self.begin_request(Host::Master, &request).map_err(|source| {
            let (operation, path) = (operation.name, path.to_owned());
            HdfsError::Http { operation, path, source }
        })
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, HdfsError> {
        let operation = Operation::get("OPEN", path);
        let response = self.ask(&operation, &operation.url(&name_node()), &[])?;
        // An empty file has nothing to be redirected to.
        let Some(location) = response.location else { return Ok(response.body) };
        Ok(self.ask(&operation, &location, &[])?.body)
    }

    /// What is in a directory; `None` when there is none.
    pub fn list(&self, path: &str) -> Result<Option<Vec<Entry>>, HdfsError> {
        let operation = Operation::get("LISTSTATUS", path);
        let answer = match self.ask_json(&operation) {
            Ok(answer) => answer,
            Err(HdfsError::Refused { status: 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let entries = answer["FileStatuses"]["FileStatus"].as_array().ok_or_else(|| operation.misshapen())?;
        entries.iter().map(entry).collect::<Option<Vec<_>>>().ok_or_else(|| operation.misshapen()).map(Some)
    }

    /// Removes a file, or a directory with all that is in it; whether there was one.
    pub fn remove(&self, path: &str) -> Result<bool, HdfsError> {
        let parameters = "recursive=true".to_owned();
        let operation = Operation { method: "DELETE", name: "DELETE", path, user: SUPERUSER, parameters };
        Ok(self.ask_json(&operation)?["boolean"].as_bool().unwrap_or_default())
    }

    /// An operation of the superuser that answers nothing of interest.
    fn administer(&self, name: &'static str, path: &str, parameters: String) -> Result<(), HdfsError> {
        let operation = Operation { method: "PUT", name, path, user: SUPERUSER, parameters };
        self.ask(&operation, &operation.url(&name_node()), &[]).map(drop)
    }

    /// The value that a question of the superuser is answered with.
    pub(super) fn ask_name_node(&self, name: &'static str, path: &str) -> Result<Value, HdfsError> {
        self.ask_json(&Operation::get(name, path))
    }

    fn ask_json(&self, operation: &Operation<'_>) -> Result<Value, HdfsError> {
        let response = self.ask(operation, &operation.url(&name_node()), &[])?;
        serde_json::from_slice(&response.body).map_err(|_| operation.misshapen())
    }

    fn ask(&self, operation: &Operation<'_>, url: &str, body: &[u8]) -> Result<Response, HdfsError> {
        let request = Request { method: operation.method, url, content: "application/octet-stream", body };
        let failed = |source| HdfsError::Http { operation: operation.name, path: operation.path.to_owned(), source };
        let response = self.request(Host::Master, &request).map_err(failed)?;
        if response.status < 400 { Ok(response) } else { Err(operation.refused(&response)) }
    }
}

impl<'a> Operation<'a> {
    fn get(name: &'static str, path: &'a str) -> Self {
        Self { method: "GET", name, path, user: SUPERUSER, parameters: String::new() }
    }

    fn url(&self, server: &str) -> String {
        let (name, user, parameters) = (self.name, self.user, self.parameters.trim_start_matches('&'));
        format!("http://{server}/webhdfs/v1{}?op={name}&user.name={user}&{parameters}", encoded(self.path))
    }

    fn misshapen(&self) -> HdfsError {
        HdfsError::Shape { operation: self.name, path: self.path.to_owned() }
    }

    fn refused(&self, response: &Response) -> HdfsError {
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let message = answer["RemoteException"]["message"].as_str().map(str::to_owned);
        let message = message.unwrap_or_else(|| String::from_utf8_lossy(&response.body).into_owned());
        // Java's stack follows.
        let message = message.lines().next().unwrap_or_default().to_owned();
        let (operation, path, status) = (self.name, self.path.to_owned(), response.status);
        HdfsError::Refused { operation, path, status, message }
    }
}

/// What a DataNode has to be told when nobody redirected us to it.
const NAME_NODE: &str = "namenoderpcaddress=master.hadoop.test:8020";

fn name_node() -> String {
    format!("{}:9870", Host::Master.full_name())
}

fn data_node(number: usize) -> String {
    format!("{}:9864", Host::Worker(number).full_name())
}

fn creation(replication: u32) -> String {
    format!("replication={replication}&permission=644&createparent=true")
}

fn entry(value: &Value) -> Option<Entry> {
    Some(Entry {
        name: value["pathSuffix"].as_str()?.to_owned(),
        directory: value["type"].as_str()? == "DIRECTORY",
        length: value["length"].as_u64()?,
        owner: value["owner"].as_str()?.to_owned(),
        permission: value["permission"].as_str()?.to_owned(),
    })
}

/// A path as part of an address.
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~=".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_in_addresses() {
        assert_eq!(encoded("/data/day=1/a b&c?.csv"), "/data/day=1/a%20b%26c%3F.csv");
        let url = Operation::get("OPEN", "/ä").url("master:9870");
        assert_eq!(url, "http://master:9870/webhdfs/v1/%C3%A4?op=OPEN&user.name=root&");
    }
}
