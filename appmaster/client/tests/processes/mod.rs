//! An application whose master is in this process and whose workers are processes of their own, over TLS on loopback.
#![allow(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use bobbin_appmaster::application::{Application, Options};
use bobbin_appmaster::server;
use bobbin_appmaster::spec::{
    SECRET_AUTHORITY_CERTIFICATE, SECRET_LEAF_CERTIFICATE, SECRET_LEAF_KEY, SECRET_TOKEN, SECRET_WORKER, WorkerSpec,
};
use bobbin_core::Config;
use bobbin_link::{Acceptor, Authority, Identity, Secret};
use bytes::Bytes;
use hadoop_wire::credentials::Credentials;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Set for processes that are to be workers.
const ROLE: &str = "BOBBIN_TEST_ROLE";

/// What a test does that is called `be_a_worker`: nothing, unless the executable was started as a worker.
#[allow(dead_code, reason = "each user has its part")]
pub fn be_a_worker() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // A master that is gone ends its workers; nobody reads what they say of it.
    let _ = runtime.block_on(bobbin::role::worker());
}

/// This executable, as a worker: it has a test `be_a_worker`.
#[allow(dead_code, reason = "each user has its part")]
pub fn worker() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "be_a_worker", "--nocapture"]).env(ROLE, "worker");
    command
}

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
    /// How long workers look for another master.
    patience_ms: u64,
    /// How many masters there were.
    masters: u32,
    /// All of the master's tasks: what ends with it, ends as with a process.
    master: Option<Runtime>,
}

/// Runs the application master of this number at this address, with a runtime of its own; returns where it listens. It
/// expects so many workers of the one before.
async fn start_master(identity: &Identity, address: &str, number: u32, former_workers: usize) -> (Runtime, String) {
    let master = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (listening, heard) = tokio::sync::oneshot::channel();
    let (acceptor, address) = (Acceptor::new(identity).unwrap(), address.to_owned());
    master.spawn(async move {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        listening.send(listener.local_addr().unwrap().to_string()).unwrap();
        // No task is to blame for the deaths, however often it is met by them.
        let former_workers = u32::try_from(former_workers).unwrap();
        let core = Config { worker_deaths: u32::MAX, input_losses: u32::MAX, former_workers, ..Config::default() };
        let options = Options { id: "test".into(), core, mailbox: None, submitted_ms: 0, master: number };
        let (application, _) = Application::start(options);
        server::serve(listener, acceptor, application).await;
    });
    let address = heard.await.unwrap();
    (master, address)
}

impl Cluster {
    /// An application with so many workers, which `worker` starts: a program that plays the role where `CONTAINER_ID` is set.
    #[allow(dead_code, reason = "each user has its part")]
    pub async fn start(workers: usize, worker: fn() -> Command) -> Cluster {
        Cluster::start_patient(workers, worker, 60_000).await
    }

    /// The same with workers that look so long for another master, milliseconds.
    #[allow(dead_code, reason = "each user has its part")]
    pub async fn start_patient(workers: usize, worker: fn() -> Command, patience_ms: u64) -> Cluster {
        let (authority, secret) = (Authority::generate().unwrap(), Secret::generate());
        let identity = authority.issue("test", &secret).unwrap();
        let (master, address) = start_master(&identity, "127.0.0.1:0", 1, 0).await;
        let directory = tempfile::tempdir().unwrap();
        let master = Some(master);
        let mut cluster = Cluster {
            address,
            identity,
            directory,
            worker,
            workers: Vec::new(),
            started: 0,
            patience_ms,
            masters: 1,
            master,
        };
        (0..workers).for_each(|_| cluster.start_worker());
        cluster
    }

    /// Workers of a master that somebody else starts, with the credentials of [`Cluster::tokens`], and whose address he tells.
    #[allow(dead_code, reason = "each user has its part")]
    pub fn without_master(worker: fn() -> Command) -> Cluster {
        let (authority, secret) = (Authority::generate().unwrap(), Secret::generate());
        let (identity, directory) = (authority.issue("test", &secret).unwrap(), tempfile::tempdir().unwrap());
        let address = String::new();
        Cluster {
            address,
            identity,
            directory,
            worker,
            workers: Vec::new(),
            started: 0,
            patience_ms: 0,
            masters: 1,
            master: None,
        }
    }

    /// Starts one more worker.
    pub fn start_worker(&mut self) {
        self.start_worker_on("127.0.0.1");
    }

    /// One more worker, which calls its host so.
    pub fn start_worker_on(&mut self, host: &str) {
        self.started += 1;
        let name = format!("local-{}", self.started);
        let tokens = self.tokens(&name);
        let mut command = (self.worker)();
        command.env("HADOOP_TOKEN_FILE_LOCATION", tokens).env("CONTAINER_ID", &name).env("NM_HOST", host);
        command.env("LOCAL_DIRS", self.directory.path()).stdin(Stdio::null()).stdout(Stdio::null());
        self.workers.push(command.spawn().unwrap());
    }

    /// Process ids of the workers.
    #[allow(dead_code, reason = "each user has its part")]
    pub fn worker_ids(&self) -> impl Iterator<Item = u32> {
        self.workers.iter().map(Child::id)
    }

    /// A file with the credentials of a part of the application.
    pub fn tokens(&self, name: &str) -> PathBuf {
        let spec = WorkerSpec {
            master_address: self.address.clone(),
            patience_ms: self.patience_ms,
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
        let tokens = self.directory.path().join(name);
        std::fs::write(&tokens, Credentials { secrets, ..Credentials::default() }.encode()).unwrap();
        tokens
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

impl Cluster {
    /// `kill -9` of the worker that is this process, and nobody instead.
    #[allow(dead_code, reason = "each user has its part")]
    pub fn kill_process(&mut self, id: u32) {
        let place = self.workers.iter().position(|worker| worker.id() == id).expect("a worker's process");
        let mut worker = self.workers.remove(place);
        worker.kill().unwrap();
        worker.wait().unwrap();
    }

    /// A worker stands still, as if its host had lost its network: its connections stay open, and nothing comes.
    #[allow(dead_code, reason = "each user has its part")]
    pub fn halt(&mut self, number: usize) {
        let worker = rustix::process::Pid::from_child(&self.workers[number]);
        rustix::process::kill_process(worker, rustix::process::Signal::STOP).unwrap();
    }

    /// The application master dies, and its workers with it; a next one takes its place, with so many workers.
    #[allow(dead_code, reason = "each user has its part")]
    pub async fn kill_master(&mut self, workers: usize) {
        self.end_master().await;
        for mut worker in self.workers.drain(..) {
            // It may have ended already.
            let _ = worker.kill();
            let _ = worker.wait();
        }
        self.next_master().await;
        (0..workers).for_each(|_| self.start_worker());
    }

    /// The application master dies, and a next one takes its place, which the workers find.
    #[allow(dead_code, reason = "each user has its part")]
    pub async fn replace_master(&mut self) {
        self.end_master().await;
        self.next_master().await;
    }

    /// The application master dies, and nobody follows it. Waits until its workers have ended by themselves.
    #[allow(dead_code, reason = "each user has its part")]
    pub async fn end_for_good(&mut self) {
        self.end_master().await;
        let workers = std::mem::take(&mut self.workers);
        let ending = move || workers.into_iter().map(|mut worker| worker.wait().unwrap()).count();
        tokio::task::spawn_blocking(ending).await.unwrap();
    }

    /// How many workers live that lived at first.
    #[allow(dead_code, reason = "each user has its part")]
    pub fn living(&mut self) -> usize {
        self.workers.iter_mut().filter_map(|worker| worker.try_wait().unwrap().is_none().then_some(())).count()
    }

    async fn end_master(&mut self) {
        if let Some(master) = self.master.take() {
            // Its address is free when all of it has ended.
            let ending = move || master.shutdown_timeout(std::time::Duration::from_secs(30));
            tokio::task::spawn_blocking(ending).await.unwrap();
        }
    }

    async fn next_master(&mut self) {
        self.masters += 1;
        self.master = Some(start_master(&self.identity, &self.address, self.masters, self.workers.len()).await.0);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(master) = self.master.take() {
            master.shutdown_background();
        }
        for worker in &mut self.workers {
            // It may have ended already.
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}
