//! The application master in a process of its own: this program in another role. Its standard input says who belongs to the
//! application, then asks for its usage line by line, and ends it; its standard output answers.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bobbin_appmaster::application::{Application, Options};
use bobbin_appmaster::server;
use bobbin_core::Config;
use bobbin_link::{Acceptor, Authority, Identity, Secret, listen};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// The word that asks this program for the role.
const ROLE: &str = "application-master";

/// A running application master; it ends with this value.
pub struct Master {
    /// Where it listens.
    pub address: String,
    /// What its workers and drivers show.
    pub identity: Identity,
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// What it has used.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Usage {
    /// CPU time of all its threads.
    pub cpu: Duration,
    /// Resident memory, bytes.
    pub resident: u64,
}

/// [`Identity`] in a line.
#[derive(Serialize, Deserialize)]
struct Credentials {
    authority: String,
    certificate: String,
    key: String,
    secret: [u8; 32],
}

impl Master {
    /// Starts one and waits until it listens.
    pub fn start() -> Outcome<Master> {
        let (authority, secret) = (Authority::generate()?, Secret::generate());
        let identity = authority.issue("bench", &secret)?;
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(ROLE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut master = Master { address: String::new(), identity, child, questions, answers };
        let credentials = Credentials {
            authority: master.identity.authority_pem.clone(),
            certificate: master.identity.certificate_pem.clone(),
            key: master.identity.key_pem.clone(),
            secret: *master.identity.secret.as_bytes(),
        };
        master.address = serde_json::from_str(&master.ask(&serde_json::to_string(&credentials)?)?)?;
        Ok(master)
    }

    /// What it has used so far.
    pub fn usage(&mut self) -> Outcome<Usage> {
        Ok(serde_json::from_str(&self.ask("usage")?)?)
    }

    fn ask(&mut self, question: &str) -> Outcome<String> {
        writeln!(self.questions.as_mut().ok_or("no standard input")?, "{question}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        // The end of its standard input is the end of the process.
        self.questions = None;
        let _ = self.child.wait();
    }
}

/// Plays the role, if this process was started for it.
pub fn as_asked() -> Option<Outcome<()>> {
    (std::env::args().nth(1)? == ROLE).then(play)
}

fn play() -> Outcome<()> {
    // As the real one is started.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut questions = io::stdin().lines();
    let credentials = serde_json::from_str(&questions.next().ok_or("no credentials")??)?;
    let address = runtime.block_on(serve(credentials))?;
    println!("{}", serde_json::to_string(&address)?);
    for question in questions {
        question?;
        println!("{}", serde_json::to_string(&usage()?)?);
    }
    Ok(())
}

async fn serve(credentials: Credentials) -> Outcome<String> {
    let identity = Identity {
        authority_pem: credentials.authority,
        certificate_pem: credentials.certificate,
        key_pem: credentials.key,
        secret: Secret::from_bytes(&credentials.secret).ok_or("not a secret")?,
    };
    let listener = listen("127.0.0.1", None).await?;
    let address = listener.local_addr()?.to_string();
    let core = Config::default();
    let (application, _) =
        Application::start(Options { id: Arc::from("bench"), core, mailbox: None, submitted_ms: 0, master: 1 });
    tokio::spawn(server::serve(listener, Acceptor::new(&identity)?, application));
    Ok(address)
}

fn usage() -> Outcome<Usage> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let cpu = Duration::new(time.tv_sec.try_into()?, time.tv_nsec.try_into()?);
    let status = std::fs::read_to_string("/proc/self/status")?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
    let kib: u64 = resident.ok_or("no resident memory")?.trim().parse()?;
    Ok(Usage { cpu, resident: kib * 1024 })
}
