//! An application whose master is in this process and whose workers are processes of their own, over TLS on loopback.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use bobbin_appmaster::application::{Application, Options};
use bobbin_appmaster::server;
use bobbin_appmaster::spec::{
    SECRET_AUTHORITY_CERTIFICATE, SECRET_LEAF_CERTIFICATE, SECRET_LEAF_KEY, SECRET_TOKEN, SECRET_WORKER, WorkerSpec,
};
use bobbin_core::Config;
use bobbin_link::{Acceptor, Authority, Identity, Secret, listen};
use bytes::Bytes;
use hadoop_wire::credentials::Credentials;
use tempfile::TempDir;

/// The application. Its workers end with it.
pub struct Cluster {
    /// host:port of the master.
    pub address: String,
    /// What drivers show.
    pub identity: Identity,
    /// For files of the test, too.
    pub directory: TempDir,
    worker: fn() -> Command,
    workers: Vec<Child>,
    started: usize,
}

impl Cluster {
    /// An application with so many workers, which `worker` starts: a program that plays the role where `CONTAINER_ID` is set.
    pub async fn start(workers: usize, worker: fn() -> Command) -> Cluster {
        let (authority, secret) = (Authority::generate().unwrap(), Secret::generate());
        let identity = authority.issue("test", &secret).unwrap();
        let listener = listen("127.0.0.1", None).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        // No task is to blame for the deaths, however often it is met by them.
        let core = Config { worker_deaths: u32::MAX, input_losses: u32::MAX, ..Config::default() };
        let (application, _) = Application::start(Options { id: "test".into(), core, mailbox: None, submitted_ms: 0 });
        tokio::spawn(server::serve(listener, Acceptor::new(&identity).unwrap(), application));
        let directory = tempfile::tempdir().unwrap();
        let mut cluster = Cluster { address, identity, directory, worker, workers: Vec::new(), started: 0 };
        (0..workers).for_each(|_| cluster.start_worker());
        cluster
    }

    fn start_worker(&mut self) {
        self.started += 1;
        let name = format!("local-{}", self.started);
        let spec = WorkerSpec {
            master_address: self.address.clone(),
            application_id: "test".into(),
            user: "test".into(),
            hadoop: BTreeMap::new(),
            unpacks_environment: false,
            threads: 2,
            memory_mib: 512,
            port_range: None,
            log_filter: Some("error".into()),
        };
        let identity = &self.identity;
        let secrets = [
            (SECRET_WORKER, Bytes::from(serde_json::to_vec(&spec).unwrap())),
            (SECRET_AUTHORITY_CERTIFICATE, identity.authority_pem.clone().into()),
            (SECRET_LEAF_CERTIFICATE, identity.certificate_pem.clone().into()),
            (SECRET_LEAF_KEY, identity.key_pem.clone().into()),
            (SECRET_TOKEN, Bytes::copy_from_slice(identity.secret.as_bytes())),
        ];
        let secrets = secrets.map(|(alias, value)| (alias.to_owned(), value)).into();
        let tokens = self.directory.path().join(&name);
        std::fs::write(&tokens, Credentials { secrets, ..Credentials::default() }.encode()).unwrap();
        let mut command = (self.worker)();
        command.env("HADOOP_TOKEN_FILE_LOCATION", tokens).env("CONTAINER_ID", &name).env("NM_HOST", "127.0.0.1");
        command.env("LOCAL_DIRS", self.directory.path()).stdin(Stdio::null()).stdout(Stdio::null());
        self.workers.push(command.spawn().unwrap());
    }

    /// `kill -9`, and another one instead.
    #[allow(dead_code, reason = "each user has its part")]
    pub fn kill(&mut self, number: usize) {
        let mut worker = self.workers.remove(number % self.workers.len());
        worker.kill().unwrap();
        worker.wait().unwrap();
        self.start_worker();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // It may have ended already.
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}
